//! Subscriptions: created, changed, paused, resumed and ended by request.

pub(crate) mod create;
pub(crate) mod items;
pub(crate) mod pauses;
pub(crate) mod terms;
pub(crate) mod update;

use crate::json::{Value, json};

use crate::api::{Answer, Call, Route, list, route};
use crate::http::error::StripeError;
use crate::lives::subscription::ending::{self, Cancellation};
use crate::lives::{discount, proration, subscription};

const UNSIMULATED: &str = "application_fee_percent billing_schedules billing_thresholds \
    current_trial on_behalf_of transfer_data trial_offer";

pub(crate) static ROUTES: &[Route] = &[
    route("POST /v1/subscriptions", create::create).lacks(UNSIMULATED),
    route("GET /v1/subscriptions", list_subscriptions),
    route("GET /v1/subscriptions/{}", retrieve),
    route("POST /v1/subscriptions/{}", update::update).lacks(UNSIMULATED),
    route("DELETE /v1/subscriptions/{}", cancel),
    route("DELETE /v1/subscriptions/{}/discount", delete_discount),
    route("POST /v1/subscriptions/{}/migrate", pauses::migrate),
    route("POST /v1/subscriptions/{}/pause", pauses::pause),
    route("POST /v1/subscriptions/{}/resume", pauses::resume),
];

fn retrieve(call: &mut Call<'_>) -> Answer {
    call.account
        .fetch("subscription", &call.id(), "id")
        .cloned()
}

fn list_subscriptions(call: &mut Call<'_>) -> Answer {
    let status = call.params.text("/status");
    let price = call.params.text("/price").or(call.params.text("/plan"));
    let (starts, ends) = (
        call.params.at("/current_period_start"),
        call.params.at("/current_period_end"),
    );
    // Without a customer or a clock, those on test clocks are left out.
    let clock = call.params.or_null("/test_clock");
    let is_of_customer = call.params.has("customer") && clock.is_null();
    list::page(call, "subscription", "/v1/subscriptions", |row| {
        let is_status = match status {
            None => row["status"] != "canceled",
            Some("all") => true,
            Some("ended") => row["status"] == "canceled" || row["status"] == "incomplete_expired",
            Some(wanted) => row["status"] == wanted,
        };
        let items = subscription::items(row);
        let has_price = |wanted: &str| items.iter().any(|item| item["price"]["id"] == wanted);
        let first = items.first().unwrap_or(&Value::Null);
        is_status
            && list::is(call, "customer", row, "customer")
            && list::is(call, "collection_method", row, "collection_method")
            && (is_of_customer || row["test_clock"] == clock)
            && list::within(starts, first["current_period_start"].as_i64())
            && list::within(ends, first["current_period_end"].as_i64())
            && price.is_none_or(has_price)
    })
}

fn cancel(call: &mut Call<'_>) -> Answer {
    let id = call.id();
    let subscription = call.account.fetch("subscription", &id, "id")?;
    if !subscription["ended_at"].is_null() {
        return Err(StripeError::no_such("subscription", &id, "id"));
    }
    for name in ["comment", "feedback", "feedback_option"] {
        let value = call
            .params
            .or_null(&format!("/cancellation_details/{name}"));
        if let (false, Some(stored)) = (value.is_null(), call.account.edit(&id)) {
            stored["cancellation_details"][name] = value;
        }
    }
    let how = Cancellation {
        prorates: call.params.flag("/prorate") == Some(true),
        invoices: call.params.flag("/invoice_now") == Some(true),
    };
    ending::cancel(call.account, &id, how);
    Ok(call.account.get(&id).clone())
}

/// Takes the discounts away, as older versions could.
fn delete_discount(call: &mut Call<'_>) -> Answer {
    let id = call.id();
    let before = call.account.fetch_snapshot("subscription", &id, "id")?;
    let discounts = proration::ids(&before["discounts"]);
    let Some(first) = discounts.first().cloned() else {
        return Err(StripeError::coded(
            "resource_missing",
            format!("No active discount for subscription: {id}"),
        )
        .status(404));
    };
    call.account.set(&id, "discounts", json!([]));
    discount::leave::note_first(call.account, &id);
    discount::detach(call.account, &discounts);
    call.account
        .raise_update("customer.subscription.updated", &id, &before);
    let mut gone = call.account.get(&first).clone();
    gone["deleted"] = json!(true);
    Ok(gone)
}
