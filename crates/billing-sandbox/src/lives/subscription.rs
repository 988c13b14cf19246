//! Subscriptions: how they begin, change and end.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::account::Account;
use crate::due::Action;
use crate::lives::{calendar, invoice, money};

pub(crate) static DUE: &[Action] = &[("subscription.end", end_if_scheduled)];

const SECONDS_PER_DAY: i64 = 86_400;

/// What a new subscription is made of.
#[derive(Debug, Clone, Default)]
pub(crate) struct Terms {
    pub(crate) customer: String,
    /// Prices (whole objects) and quantities.
    pub(crate) items: Vec<(Value, i64)>,
    pub(crate) metadata: Value,
    pub(crate) description: Value,
    pub(crate) trial_end: Option<i64>,
    pub(crate) trial_settings: Value,
    pub(crate) default_payment_method: Value,
    pub(crate) status: &'static str,
}

/// The end of a trial of some days from now.
pub(crate) fn trial_end(now: i64, days: i64) -> i64 {
    now.saturating_add(days.saturating_mul(SECONDS_PER_DAY))
}

pub(crate) fn insert(account: &mut Account, terms: &Terms) -> String {
    let id = account.ids.next("sub_");
    let now = account.now;
    let mut items = Vec::new();
    for (price, quantity) in &terms.items {
        let item = item_object(account, &id, price, *quantity, terms.trial_end);
        items.push(item);
    }
    let currency = terms
        .items
        .first()
        .map_or(Value::Null, |(price, _)| price["currency"].clone());
    let in_trial = terms.trial_end.map(|_| now);
    let trial_settings = if terms.trial_settings.is_null() {
        json!({ "end_behavior": {
            "billing_cycle_anchor": null, "missing_payment_method": "create_invoice",
        } })
    } else {
        terms.trial_settings.clone()
    };
    let subscription = json!({
        "id": id,
        "object": "subscription",
        "application": null,
        "application_fee_percent": null,
        "automatic_tax": { "disabled_reason": null, "enabled": false, "liability": null },
        "billing_cycle_anchor": terms.trial_end.unwrap_or(now),
        "billing_cycle_anchor_config": null,
        "billing_mode": { "flexible": { "proration_discounts": "included" }, "type": "flexible", "updated_at": now },
        "billing_schedules": [],
        "billing_thresholds": null,
        "cancel_at": null,
        "cancel_at_period_end": false,
        "canceled_at": null,
        "cancellation_details": { "comment": null, "feedback": null, "feedback_option": null, "reason": null },
        "collection_method": "charge_automatically",
        "created": now,
        "currency": currency,
        "customer": terms.customer,
        "customer_account": null,
        "days_until_due": null,
        "default_payment_method": terms.default_payment_method,
        "default_source": null,
        "default_tax_rates": [],
        "description": terms.description,
        "discounts": [],
        "ended_at": null,
        "invoice_settings": { "account_tax_ids": null, "custom_fields": null, "description": null, "footer": null, "issuer": { "type": "self" } },
        "items": {
            "object": "list", "data": items, "has_more": false, "total_count": items.len(),
            "url": format!("/v1/subscription_items?subscription={id}"),
        },
        "latest_invoice": null,
        "livemode": false,
        "managed_payments": null,
        "metadata": if terms.metadata.is_null() { json!({}) } else { terms.metadata.clone() },
        "next_pending_invoice_item_invoice": null,
        "on_behalf_of": null,
        "pause_collection": null,
        "payment_settings": {
            "payment_method_options": null, "payment_method_types": null,
            "save_default_payment_method": "off",
        },
        "pending_invoice_item_interval": null,
        "pending_setup_intent": null,
        "pending_update": null,
        "schedule": null,
        "start_date": now,
        "status": terms.status,
        "test_clock": null,
        "transfer_data": null,
        "trial_end": terms.trial_end,
        "trial_settings": trial_settings,
        "trial_start": in_trial,
    });
    account.insert(subscription)
}

fn item_object(
    account: &mut Account,
    subscription_id: &str,
    price: &Value,
    quantity: i64,
    trial_end: Option<i64>,
) -> Value {
    let interval = price["recurring"]["interval"].as_str().unwrap_or("month");
    let count = price["recurring"]["interval_count"].as_i64().unwrap_or(1);
    let end = trial_end.unwrap_or_else(|| calendar::after(account.now, interval, count));
    json!({
        "id": account.ids.next("si_"),
        "object": "subscription_item",
        "billing_thresholds": null,
        "created": account.now,
        "current_period_end": end,
        "current_period_start": account.now,
        "current_trial": null,
        "discounts": [],
        "metadata": {},
        "plan": crate::shape::moves::plan_of(price),
        "price": price,
        "quantity": quantity,
        "subscription": subscription_id,
        "tax_rates": [],
    })
}

pub(crate) fn items(subscription: &Value) -> &[Value] {
    subscription["items"]["data"]
        .as_array()
        .map_or(&[], Vec::as_slice)
}

/// `1 × Pro (at $10.00 / month)`.
pub(crate) fn line_text(account: &Account, price: &Value, quantity: i64) -> String {
    let product = account.get(price["product"].as_str().unwrap_or_default());
    let name = product["name"].as_str().unwrap_or("Product");
    let unit = match product["unit_label"].as_str() {
        Some(label) => format!("{quantity} {label} × {name}"),
        None => format!("{quantity} × {name}"),
    };
    let amount = money::written(
        price["unit_amount"].as_i64().unwrap_or(0),
        price["currency"].as_str().unwrap_or("usd"),
    );
    match price["recurring"]["interval"].as_str() {
        None => format!("{unit} (at {amount})"),
        Some(interval) => {
            let count = price["recurring"]["interval_count"].as_i64().unwrap_or(1);
            if count == 1 {
                format!("{unit} (at {amount} / {interval})")
            } else {
                format!("{unit} (at {amount} every {count} {interval}s)")
            }
        }
    }
}

/// The first invoice, as a draft: the first period, or nothing during a trial. One-time prices that
/// were bought along are on it as well.
pub(crate) fn insert_first_invoice(
    account: &mut Account,
    subscription_id: &str,
    one_time: &[(Value, i64)],
) -> String {
    let subscription = account.get(subscription_id).clone();
    let now = account.now;
    let is_trial = subscription["status"] == "trialing";
    let mut lines = Vec::new();
    for item in items(&subscription) {
        let quantity = item["quantity"].as_i64().unwrap_or(1);
        let price = &item["price"];
        let text = line_text(account, price, quantity);
        let end = item["current_period_end"].as_i64().unwrap_or(now);
        let (amount, description) = if is_trial {
            (
                0,
                format!(
                    "Free trial for {}",
                    text.split(" (at ").next().unwrap_or(&text)
                ),
            )
        } else {
            (
                price["unit_amount"]
                    .as_i64()
                    .unwrap_or(0)
                    .saturating_mul(quantity),
                text,
            )
        };
        lines.push(invoice::Line {
            amount,
            description,
            price: price.clone(),
            quantity,
            period: (now, end),
            subscription_item: item["id"].clone(),
            is_proration: false,
            ..invoice::Line::default()
        });
    }
    for (price, quantity) in one_time {
        lines.push(invoice::Line {
            amount: price["unit_amount"]
                .as_i64()
                .unwrap_or(0)
                .saturating_mul(*quantity),
            description: line_text(account, price, *quantity),
            price: price.clone(),
            quantity: *quantity,
            period: (now, now),
            subscription_item: Value::Null,
            is_proration: false,
            ..invoice::Line::default()
        });
    }
    let draft = invoice::Draft {
        customer: subscription["customer"]
            .as_str()
            .unwrap_or_default()
            .to_owned(),
        subscription: json!(subscription_id),
        subscription_metadata: subscription["metadata"].clone(),
        currency: subscription["currency"]
            .as_str()
            .unwrap_or("usd")
            .to_owned(),
        reason: "subscription_create",
        lines,
        period: (now, now),
        ..invoice::Draft::default()
    };
    let id = invoice::insert(account, &draft);
    account.set(subscription_id, "latest_invoice", json!(id));
    id
}

/// Remembers the currency that a customer's first subscription fixes.
pub(crate) fn fix_currency(
    account: &mut Account,
    customer_id: &str,
    currency: &Value,
) -> Option<Arc<Value>> {
    let before = account.snapshot(customer_id);
    if !before["currency"].is_null() {
        return None;
    }
    account.set(customer_id, "currency", currency.clone());
    Some(before)
}

/// Ends a subscription now.
pub(crate) fn cancel_now(account: &mut Account, id: &str) {
    let now = account.now;
    if let Some(subscription) = account.edit(id) {
        subscription["status"] = json!("canceled");
        subscription["ended_at"] = json!(now);
        subscription["cancel_at"] = Value::Null;
        subscription["cancel_at_period_end"] = json!(false);
        if subscription["canceled_at"].is_null() {
            subscription["canceled_at"] = json!(now);
        }
        if subscription["cancellation_details"]["reason"].is_null() {
            subscription["cancellation_details"]["reason"] = json!("cancellation_requested");
        }
    }
    account.raise("customer.subscription.deleted", id);
}

/// Schedules the end for the end of the period, or takes that back.
pub(crate) fn cancel_at_period_end(account: &mut Account, id: &str, is_wanted: bool) {
    let now = account.now;
    let end = items(account.get(id))
        .iter()
        .filter_map(|item| item["current_period_end"].as_i64())
        .max()
        .unwrap_or(now);
    if let Some(subscription) = account.edit(id) {
        subscription["cancel_at_period_end"] = json!(is_wanted);
        subscription["cancel_at"] = if is_wanted { json!(end) } else { Value::Null };
        subscription["canceled_at"] = if is_wanted { json!(now) } else { Value::Null };
        subscription["cancellation_details"]["reason"] = if is_wanted {
            json!("cancellation_requested")
        } else {
            Value::Null
        };
    }
    if is_wanted {
        account.when(end, "subscription.end", id);
    }
}

/// The end of a period has come: ends the subscription if that is still wanted.
pub(crate) fn end_if_scheduled(account: &mut Account, id: &str) {
    let subscription = account.get(id);
    let is_due = subscription["cancel_at"]
        .as_i64()
        .is_some_and(|at| at <= account.now);
    if is_due && subscription["ended_at"].is_null() {
        cancel_now(account, id);
    }
}
