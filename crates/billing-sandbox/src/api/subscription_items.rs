//! Subscription items by themselves: each change of one is a change of its subscription.

use crate::json::{Value, json};

use crate::account::Account;
use crate::api::subscriptions::{items, update};
use crate::api::{Answer, Call, Route, list, route};
use crate::http::error::StripeError;
use crate::http::params::Params;
use crate::lives::subscription;

const UNSIMULATED: &str = "billing_thresholds current_trial";

pub(crate) static ROUTES: &[Route] = &[
    route("GET /v1/subscription_items", list_items),
    route("POST /v1/subscription_items", create).lacks(UNSIMULATED),
    route("GET /v1/subscription_items/{}", retrieve),
    route("POST /v1/subscription_items/{}", change).lacks(UNSIMULATED),
    route("DELETE /v1/subscription_items/{}", delete),
];

/// What a request about an item says of the item; all else is about the change.
const OF_THE_ITEM: &[&str] = &[
    "discounts",
    "metadata",
    "plan",
    "price",
    "price_data",
    "quantity",
    "tax_rates",
];

fn list_items(call: &mut Call<'_>) -> Answer {
    let id = call.params.require("subscription")?.to_owned();
    let subscription = call.account.fetch("subscription", &id, "subscription")?;
    let rows: Vec<&Value> = subscription::items(subscription).iter().collect();
    let url = format!("/v1/subscription_items?subscription={id}");
    list::cut(call, &rows, "subscription_item", &url)
}

/// An item and the id of its subscription.
fn find(account: &Account, id: &str) -> Option<(String, Value)> {
    account.rows("subscription").find_map(|row| {
        let item = subscription::items(row)
            .iter()
            .find(|item| item["id"] == id)?;
        Some((row["id"].as_str()?.to_owned(), item.clone()))
    })
}

fn fetch(call: &mut Call<'_>) -> Result<(String, Value), StripeError> {
    let id = call.id();
    let found = find(call.account, &id).ok_or_else(|| items::no_item(&id))?;
    call.account.enter_clock_of(&found.0);
    Ok(found)
}

fn retrieve(call: &mut Call<'_>) -> Answer {
    fetch(call).map(|(_, item)| item)
}

/// Turns the parameters of an item into those of its subscription.
fn of_subscription(params: &Params, own: Value) -> Params {
    let mut entry = own;
    let mut rest = json!({});
    for (name, value) in params.0.as_object().into_iter().flatten() {
        if OF_THE_ITEM.contains(&name.as_str()) {
            entry[name] = value.clone();
        } else if name != "subscription" {
            rest[name] = value.clone();
        }
    }
    rest["items"] = json!([entry]);
    Params(rest)
}

/// Errors name the parameter of this endpoint, not that of the subscription's.
fn spoken(error: StripeError) -> StripeError {
    let mut error = error;
    let own = error
        .param
        .as_deref()
        .and_then(|param| param.strip_prefix("items[0]["))
        .map(|rest| rest.replacen(']', "", 1));
    if own.is_some() {
        error.param = own;
    }
    error
}

fn create(call: &mut Call<'_>) -> Answer {
    let subscription_id = call.params.require("subscription")?.to_owned();
    let before = call
        .account
        .fetch_snapshot("subscription", &subscription_id, "subscription")
        .map_err(|error| error.status(400))?;
    if call.params.at("/price").is_none()
        && call.params.at("/plan").is_none()
        && call.params.at("/price_data").is_none()
    {
        return Err(StripeError::missing("price"));
    }
    call.params = of_subscription(&call.params, json!({}));
    update::update_subscription(call, &subscription_id).map_err(spoken)?;
    let now = call.account.get(&subscription_id);
    let is_new = |item: &&Value| {
        !subscription::items(&before)
            .iter()
            .any(|was| was["id"] == item["id"])
    };
    let waiting = now["pending_update"]["subscription_items"].as_array();
    let made = subscription::items(now)
        .iter()
        .find(is_new)
        .or_else(|| waiting.into_iter().flatten().find(is_new));
    Ok(made.cloned().unwrap_or_default())
}

fn change(call: &mut Call<'_>) -> Answer {
    let (subscription_id, item) = fetch(call)?;
    call.params = of_subscription(&call.params, json!({ "id": item["id"] }));
    update::update_subscription(call, &subscription_id).map_err(spoken)?;
    let now = call.account.get(&subscription_id);
    let changed = subscription::items(now)
        .iter()
        .find(|other| other["id"] == item["id"]);
    Ok(changed.cloned().unwrap_or(item))
}

fn delete(call: &mut Call<'_>) -> Answer {
    let (subscription_id, item) = fetch(call)?;
    let own = json!({ "id": item["id"], "deleted": true });
    call.params = of_subscription(&call.params, own);
    update::update_subscription(call, &subscription_id).map_err(spoken)?;
    Ok(json!({ "id": item["id"], "object": "subscription_item", "deleted": true }))
}
