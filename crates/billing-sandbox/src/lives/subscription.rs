//! Subscriptions: how they begin, change and end.

use serde_json::{Value, json};

use crate::account::Account;
use crate::due::Action;
use crate::lives::calendar::Interval;
use crate::lives::money;

pub(crate) mod begin;
pub(crate) mod billing;
pub(crate) mod collection;
pub(crate) mod cycle;
pub(crate) mod ending;
pub(crate) mod pending;
pub(crate) mod status;
pub(crate) mod trial;

pub(crate) use begin::{fix_currency, insert_first_invoice};
pub(crate) use ending::at_period_end as cancel_at_period_end;
pub(crate) use trial::end_after as trial_end;

pub(crate) static DUE: &[Action] = &[
    ("subscription.cycle", cycle::run),
    ("subscription.end", ending::at_scheduled_end),
    ("subscription.incomplete", incomplete_for_too_long),
    ("subscription.trial_will_end", trial::announce),
    ("subscription.upcoming", cycle::announce),
];

/// How long a first payment may take.
pub(crate) const FIRST_PAYMENT_SECONDS: i64 = 23 * 3_600;

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
    account.insert(subscription);
    cycle::expect_next(account, &id);
    trial::expect_end(account, &id);
    id
}

fn item_object(
    account: &mut Account,
    subscription_id: &str,
    price: &Value,
    quantity: i64,
    trial_end: Option<i64>,
) -> Value {
    let end =
        trial_end.unwrap_or_else(|| Interval::of(price).period_at(account.now, account.now).1);
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

/// Ends a subscription now, because somebody asked for it.
pub(crate) fn cancel_now(account: &mut Account, id: &str) {
    ending::end_now(account, id, "cancellation_requested");
}

/// A first payment has not come in time.
fn incomplete_for_too_long(account: &mut Account, id: &str) {
    let before = account.snapshot(id);
    if before["status"] == "incomplete" {
        status::expire(account, id, &before);
    }
}
