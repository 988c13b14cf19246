//! What is kept on a customer's balance: each change of it is a transaction.

use crate::json::{Value, json};

use crate::account::Account;
use crate::api::customers::live;
use crate::api::metadata::merged_metadata;
use crate::api::{Answer, Call, Route, list, route};
use crate::http::error::StripeError;
use crate::lives::invoice::balance::{self, Entry};
use crate::lives::money::currency;

pub(crate) static ROUTES: &[Route] = &[
    route("POST /v1/customers/{}/balance_transactions", create),
    route("GET /v1/customers/{}/balance_transactions", list),
    route("GET /v1/customers/{}/balance_transactions/{}", retrieve),
    route("POST /v1/customers/{}/balance_transactions/{}", update),
];

const KIND: &str = "customer_balance_transaction";
/// The currency of a balance that is set before the customer has one.
const ACCOUNT_CURRENCY: &str = "usd";

/// The balance that a customer is made with.
pub(crate) fn start(account: &mut Account, customer: &str, balance: i64) {
    enter(account, customer, balance, "initial");
}

/// Sets a customer's balance to an amount.
pub(crate) fn adjust(account: &mut Account, customer: &str, balance: i64) {
    let old = account.get(customer)["balance"].as_i64().unwrap_or(0);
    enter(account, customer, balance.saturating_sub(old), "adjustment");
}

fn enter(account: &mut Account, customer: &str, amount: i64, kind: &'static str) {
    if amount == 0 {
        return;
    }
    if account.get(customer)["currency"].is_null() {
        account.set(customer, "currency", json!(ACCOUNT_CURRENCY));
    }
    let currency = account.get(customer)["currency"]
        .as_str()
        .unwrap_or(ACCOUNT_CURRENCY)
        .to_owned();
    let entry = Entry {
        amount,
        kind,
        ..Entry::default()
    };
    balance::enter(account, customer, &entry, &currency);
}

pub(crate) fn create(call: &mut Call<'_>) -> Answer {
    let customer = call.id();
    let before = call.account.snapshot(&customer);
    live(call.account, &customer, "customer")?;
    let amount = call.params.int("/amount").unwrap_or(0);
    let currency = currency(call.params.require("currency")?)?;
    let held = &before["currency"];
    if !held.is_null() && *held != currency.as_str() && before["balance"] != 0 {
        return Err(StripeError::invalid(format!(
            "The customer's balance is in {}, and cannot be changed in {currency}.",
            held.as_str().unwrap_or_default()
        ))
        .param("currency"));
    }
    let metadata = merged_metadata(&json!({}), call.params.0.get("metadata"))?;
    if held.is_null() {
        call.account.set(&customer, "currency", json!(currency));
    }
    let entry = Entry {
        amount,
        kind: "adjustment",
        description: call.params.or_null("/description"),
        ..Entry::default()
    };
    let id = balance::enter(call.account, &customer, &entry, &currency);
    call.account.set(&id, "metadata", metadata);
    call.account
        .raise_update("customer.updated", &customer, &before);
    Ok(call.account.get(&id).clone())
}

/// The customer's transaction of the path, as its id.
fn found(call: &Call<'_>) -> Result<String, StripeError> {
    let customer = call.id();
    let id = call.ids.get(1).cloned().unwrap_or_default();
    call.account.fetch("customer", &customer, "customer")?;
    if call.account.fetch(KIND, &id, "transaction")?["customer"] != customer.as_str() {
        return Err(StripeError::no_such(
            "balance transaction",
            &id,
            "transaction",
        ));
    }
    Ok(id)
}

pub(crate) fn retrieve(call: &mut Call<'_>) -> Answer {
    let id = found(call)?;
    Ok(call.account.get(&id).clone())
}

pub(crate) fn update(call: &mut Call<'_>) -> Answer {
    let id = found(call)?;
    let mut transaction = call.account.get(&id).clone();
    let sent = call.params.0.get("metadata");
    transaction["metadata"] = merged_metadata(&transaction["metadata"], sent)?;
    if call.params.has("description") {
        transaction["description"] = call.params.or_null("/description");
    }
    if let Some(stored) = call.account.edit(&id) {
        *stored = transaction;
    }
    Ok(call.account.get(&id).clone())
}

pub(crate) fn list(call: &mut Call<'_>) -> Answer {
    let customer = call.id();
    call.account.fetch("customer", &customer, "customer")?;
    let created = call.params.at("/created");
    let rows: Vec<&Value> = call
        .account
        .rows_by(KIND, "customer", &customer)
        .rev()
        .filter(|row| {
            list::within(created, row["created"].as_i64())
                && list::is(call, "invoice", row, "invoice")
        })
        .collect();
    let url = format!("/v1/customers/{customer}/balance_transactions");
    list::cut(call, &rows, "balance transaction", &url)
}
