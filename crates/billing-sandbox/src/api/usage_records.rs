//! Usage records of subscription items: how usage was reported before meters, up to acacia.

use crate::json::{Value, json};

use crate::api::{Answer, Call, Route, list, route};
use crate::http::error::StripeError;
use crate::lives::meter::{usage_between, usage_key};

pub(crate) static ROUTES: &[Route] = &[
    route("POST /v1/subscription_items/{}/usage_records", create),
    route(
        "GET /v1/subscription_items/{}/usage_record_summaries",
        summaries,
    ),
];

/// The subscription that has the item, and the item.
fn item_of(call: &Call<'_>) -> Result<(Value, Value), StripeError> {
    let id = call.id();
    let owner = call.account.get(&id)["subscription"].as_str();
    let found = call
        .account
        .rows("subscription")
        .filter(|row| owner.is_none_or(|owner| row["id"] == owner))
        .find_map(|row| {
            let items = row["items"]["data"].as_array()?;
            let item = items.iter().find(|item| item["id"] == id.as_str())?;
            Some((row.clone(), item.clone()))
        });
    found.ok_or_else(|| {
        StripeError::coded(
            "resource_missing",
            format!("Invalid subscription_item id: {id}"),
        )
        .param("id")
        .status(404)
    })
}

pub(crate) fn create(call: &mut Call<'_>) -> Answer {
    let (subscription, item) = item_of(call)?;
    let id = call.id();
    let price = &item["price"];
    if price["recurring"]["usage_type"] != "metered" {
        return Err(StripeError::invalid(format!(
            "Cannot create a usage record for `{id}` because its plan has usage type `licensed`."
        )));
    }
    if !price["recurring"]["meter"].is_null() {
        return Err(StripeError::invalid(format!(
            "Cannot create a usage record for `{id}` because it is not on the legacy metered \
             billing system. Call /v1/billing/meter_events instead."
        )));
    }
    if subscription["status"] == "paused" {
        return Err(StripeError::invalid(
            "Usage records cannot be created for a paused subscription.",
        ));
    }
    let customer = subscription["customer"].as_str().unwrap_or_default();
    call.account.enter_clock_of(customer);
    let quantity = call.params.int("/quantity").unwrap_or(0);
    if quantity < 0 {
        return Err(StripeError::coded(
            "parameter_invalid_integer",
            "This value must be greater than or equal to 0.",
        )
        .param("quantity"));
    }
    let timestamp = match call.params.text("/timestamp") {
        None | Some("now") => call.account.now,
        Some(text) => text.parse().map_err(|_| {
            StripeError::coded(
                "parameter_invalid_integer",
                format!("Invalid integer: {text}"),
            )
            .param("timestamp")
        })?,
    };
    let key = usage_key(price["id"].as_str().unwrap_or_default(), customer);
    let there = call
        .account
        .rows_by("usage_record", "_usage", &key)
        .find(|row| row["timestamp"] == timestamp && row["subscription_item"] == id.as_str())
        .cloned();
    if let Some(record) = there {
        let record_id = record["id"].as_str().unwrap_or_default();
        let old = record["quantity"].as_i64().unwrap_or(0);
        let total = match call.params.text("/action") {
            Some("set") => quantity,
            _ => old.saturating_add(quantity),
        };
        call.account.set(record_id, "quantity", json!(total));
        return Ok(call.account.get(record_id).clone());
    }
    let record = json!({
        "id": call.account.ids.next("mbur_"),
        "object": "usage_record",
        "livemode": false,
        "quantity": quantity,
        "subscription_item": id,
        "timestamp": timestamp,
        "_usage": key,
    });
    let record_id = call.account.insert(record);
    Ok(call.account.get(&record_id).clone())
}

/// The usage of the period that runs; those of earlier periods are on their invoices.
pub(crate) fn summaries(call: &mut Call<'_>) -> Answer {
    let (subscription, item) = item_of(call)?;
    let id = call.id();
    let customer = subscription["customer"].as_str().unwrap_or_default();
    let price = call
        .account
        .get(item["price"]["id"].as_str().unwrap_or_default());
    let start = item["current_period_start"].as_i64().unwrap_or(0);
    let end = item["current_period_end"].as_i64().unwrap_or(0);
    let digits = id.trim_start_matches("si_");
    let summary = json!({
        "id": format!("sis_{digits}{start}"),
        "object": "usage_record_summary",
        "invoice": null,
        "livemode": false,
        // The period that runs has no end yet.
        "period": { "end": null, "start": start },
        "subscription_item": id,
        "total_usage": usage_between(call.account, price, customer, start, end),
    });
    let url = format!("/v1/subscription_items/{id}/usage_record_summaries");
    list::cut(call, &[&summary], "usage_record_summary", &url)
}
