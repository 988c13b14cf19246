//! How discounts leave what they were given to: used once, run out, or replaced.

use crate::json::{Value, json};

use crate::account::Account;
use crate::lives::discount::detach;

/// Keeps the whole first discount of a subscription beside the ids of all: versions before basil
/// show it, and a shape knows no other object.
pub(crate) fn note_first(account: &mut Account, subscription_id: &str) {
    let first = first_of(account, account.get(subscription_id));
    account.set(subscription_id, "_discount", first);
}

/// The whole first discount of an object that holds ids of discounts; null without any.
pub(crate) fn first_of(account: &Account, owner: &Value) -> Value {
    owner["discounts"][0]
        .as_str()
        .map_or(Value::Null, |id| account.get(id).clone())
}

/// Takes a discount from the subscription, its items and the customer that hold it.
pub(crate) fn take_back(account: &mut Account, discount_id: &str) {
    let discount = account.get(discount_id).clone();
    if let Some(subscription_id) = discount["subscription"].as_str() {
        if let Some(subscription) = account.edit(subscription_id) {
            forget(&mut subscription["discounts"], discount_id);
            let items = subscription["items"]["data"].as_array_mut();
            for item in items.into_iter().flatten() {
                forget(&mut item["discounts"], discount_id);
            }
        }
        note_first(account, subscription_id);
    }
    let customer_id = discount["customer"].as_str().unwrap_or_default();
    if let Some(customer) = account.edit(customer_id)
        && (customer["discount"] == discount_id || customer["discount"]["id"] == discount_id)
    {
        customer["discount"] = Value::Null;
    }
}

fn forget(ids: &mut Value, gone: &str) {
    if let Some(ids) = ids.as_array_mut() {
        ids.retain(|id| *id != json!(gone));
    }
}

/// The months of a repeating coupon are over.
pub(crate) fn run_out(account: &mut Account, discount_id: &str) {
    if account.get(discount_id)["object"] != "discount" {
        return;
    }
    take_back(account, discount_id);
    detach(account, &[discount_id.to_owned()]);
}
