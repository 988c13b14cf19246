//! What a preview makes of a subscription's details: the subscription as it would be.

use serde_json::{Value, json};

use crate::account::Account;
use crate::api::Call;
use crate::http::error::StripeError;
use crate::lives::calendar::Interval;
use crate::lives::invoice::item;
use crate::lives::money;
use crate::lives::subscription::{self, cycle};

/// A subscription as it shall be.
pub(super) struct Changed {
    pub(super) after: Value,
    pub(super) is_change: bool,
    /// Whether another billing period begins, so that the change is invoiced at once.
    pub(super) is_new_period: bool,
}

/// The subscription with the changes that were sent.
pub(super) fn change(
    call: &mut Call<'_>,
    before: &Value,
    details: &Value,
    at: i64,
) -> Result<Changed, StripeError> {
    let sent = details["items"].as_array().cloned().unwrap_or_default();
    if before.is_null() {
        let after = if sent.is_empty() {
            Value::Null
        } else {
            imagined(call, details, &sent)?
        };
        return Ok(Changed {
            after,
            is_change: false,
            is_new_period: false,
        });
    }
    let mut after = before.clone();
    let mut items = subscription::items(before).to_vec();
    let mut is_new_period = false;
    for (index, entry) in sent.iter().enumerate() {
        let param = format!("subscription_details[items][{index}]");
        let Some(id) = entry["id"].as_str() else {
            let (price, quantity) = price_of(call, entry, &param)?;
            items.push(new_item(call.account, &after, &price, quantity, at));
            continue;
        };
        let Some(place) = items.iter().position(|item| item["id"] == id) else {
            return Err(StripeError::coded(
                "resource_missing",
                format!("Invalid subscription_item id: {id}"),
            )
            .param(&format!("{param}[id]"))
            .status(404));
        };
        if entry["deleted"] == true {
            items.remove(place);
            continue;
        }
        let Some(row) = items.get_mut(place) else {
            continue;
        };
        if let Some(quantity) = entry["quantity"].as_i64() {
            row["quantity"] = json!(quantity);
        }
        let names = ["price", "plan", "price_data"];
        if names.iter().any(|name| !entry[*name].is_null()) {
            let (price, _) = price_of(call, entry, &param)?;
            is_new_period |= Interval::of(&price) != Interval::of(&row["price"]);
            row["price"] = price;
        }
    }
    if is_anchor_now(details) || (is_new_period && before["billing_mode"]["type"] == "classic") {
        is_new_period = true;
        after["billing_cycle_anchor"] = json!(at);
    }
    if let Some(end) = trial_end(details, at) {
        is_new_period = true;
        after["trial_end"] = json!(end);
        after["billing_cycle_anchor"] = json!(end);
        after["status"] = json!(if end > at { "trialing" } else { "active" });
        for item in &mut items {
            item["current_period_start"] = json!(at);
            item["current_period_end"] = json!(end);
        }
    }
    if is_new_period && trial_end(details, at).is_none_or(|end| end <= at) {
        let anchor = after["billing_cycle_anchor"].as_i64().unwrap_or(at);
        for item in &mut items {
            let (start, end) = Interval::of(&item["price"]).period_at(anchor, at);
            item["current_period_start"] = json!(start);
            item["current_period_end"] = json!(end);
        }
    }
    if details["cancel_now"] == true {
        items.clear();
        is_new_period = true;
    }
    if details["cancel_at_period_end"] == true {
        after["cancel_at"] = json!(cycle::next_end(before));
    }
    let cancel_at = &details["cancel_at"];
    let cancel_at = cancel_at
        .as_i64()
        .or_else(|| cancel_at.as_str().and_then(|text| text.parse().ok()));
    if let Some(cancel_at) = cancel_at {
        after["cancel_at"] = json!(cancel_at);
    }
    after["items"]["data"] = json!(items);
    let is_change = after != *before;
    Ok(Changed {
        after,
        is_change,
        is_new_period,
    })
}

fn is_anchor_now(details: &Value) -> bool {
    let anchor = &details["billing_cycle_anchor"];
    anchor == "now" || anchor["type"] == "now"
}

/// When the trial shall end, if that was sent.
fn trial_end(details: &Value, now: i64) -> Option<i64> {
    match &details["trial_end"] {
        Value::String(text) if text == "now" => Some(now),
        Value::String(text) => text.parse().ok(),
        other => other.as_i64(),
    }
}

/// The price and the quantity of an item that was sent.
fn price_of(call: &mut Call<'_>, entry: &Value, param: &str) -> Result<(Value, i64), StripeError> {
    let quantity = entry["quantity"].as_i64().unwrap_or(1);
    if !(0..=money::QUANTITY_MAX).contains(&quantity) {
        return Err(StripeError::coded(
            "parameter_invalid_integer",
            format!("This value must be between 0 and {}.", money::QUANTITY_MAX),
        )
        .param(&format!("{param}[quantity]")));
    }
    let data = &entry["price_data"];
    if data.is_object() {
        let unit = data["unit_amount_decimal"]
            .as_str()
            .map(str::to_owned)
            .or_else(|| data["unit_amount"].as_i64().map(|n| n.to_string()))
            .unwrap_or_else(|| "0".to_owned());
        let product = data["product"].as_str().unwrap_or_default();
        if call.account.get(product)["object"] != "product" {
            let at = format!("{param}[price_data][product]");
            return Err(StripeError::no_such_param("product", product, &at));
        }
        let currency = money::currency(data["currency"].as_str().unwrap_or("usd"))?;
        let made = item::one_off_price(call.account, &currency, &unit, Some(product), "");
        let id = made["id"].as_str().unwrap_or_default().to_owned();
        call.account.delete("price", &id, None);
        let mut price = made;
        price["type"] = json!("recurring");
        price["recurring"] = json!({
            "interval": data["recurring"]["interval"],
            "interval_count": data["recurring"]["interval_count"].as_i64().unwrap_or(1),
            "meter": null, "trial_period_days": null, "usage_type": "licensed",
        });
        return Ok((price, quantity));
    }
    let id = entry["price"].as_str().or(entry["plan"].as_str());
    let Some(id) = id else {
        return Err(StripeError::missing(&format!("{param}[price]")));
    };
    let price = call.account.get(id);
    if price["object"] != "price" {
        return Err(StripeError::no_such_param(
            "price",
            id,
            &format!("{param}[price]"),
        ));
    }
    if price["recurring"].is_null() {
        return Err(StripeError::invalid(
            "The price specified is set to `type=one_time` but this field only accepts prices with \
             `type=recurring`.",
        )
        .param(&format!("{param}[price]")));
    }
    Ok((price.clone(), quantity))
}

/// An item that a subscription does not have yet, for the rest of its period.
fn new_item(
    account: &mut Account,
    subscription: &Value,
    price: &Value,
    quantity: i64,
    at: i64,
) -> Value {
    let anchor = subscription["billing_cycle_anchor"].as_i64().unwrap_or(at);
    let (_, end) = Interval::of(price).period_at(anchor, at);
    json!({
        "id": account.ids.next("si_"),
        "object": "subscription_item",
        "current_period_start": at,
        "current_period_end": end,
        "discounts": [],
        "metadata": {},
        "price": price,
        "quantity": quantity,
        "tax_rates": [],
    })
}

/// A subscription that does not exist yet.
fn imagined(call: &mut Call<'_>, details: &Value, sent: &[Value]) -> Result<Value, StripeError> {
    let now = call.account.now;
    let trial = trial_end(details, now).filter(|end| *end > now);
    let anchor = trial.unwrap_or(now);
    let customer = call.params.or_null("/customer");
    let mut subscription = json!({
        "object": "subscription",
        "billing_cycle_anchor": anchor,
        "billing_mode": { "type": "flexible" },
        "collection_method": "charge_automatically",
        "customer": customer,
        "default_tax_rates": [],
        "discounts": [],
        "metadata": {},
        "start_date": now,
        "status": if trial.is_some() { "trialing" } else { "active" },
        "trial_end": trial,
    });
    let mut items = Vec::new();
    for (index, entry) in sent.iter().enumerate() {
        let param = format!("subscription_details[items][{index}]");
        let (price, quantity) = price_of(call, entry, &param)?;
        let mut item = new_item(call.account, &subscription, &price, quantity, now);
        if let Some(end) = trial {
            item["current_period_end"] = json!(end);
        }
        items.push(item);
    }
    subscription["items"] = json!({ "object": "list", "data": items });
    Ok(subscription)
}
