//! Subscriptions: how they begin, change and end.

use crate::json::{Value, json};

use crate::account::Account;
use crate::due::Action;
use crate::lives::calendar::Interval;
use crate::lives::{money, proration};

pub(crate) mod begin;
pub(crate) mod billing;
pub(crate) mod change;
pub(crate) mod collection;
pub(crate) mod cut;
pub(crate) mod cycle;
pub(crate) mod ending;
pub(crate) mod pausing;
pub(crate) mod pending;
pub(crate) mod status;
pub(crate) mod terms;
pub(crate) mod trial;

pub(crate) use begin::{fix_currency, insert_first_invoice};
pub(crate) use terms::{ItemTerms, Terms};
pub(crate) use trial::end_after as trial_end;

pub(crate) static DUE: &[Action] = &[
    ("subscription.cycle", cycle::run),
    ("subscription.end", ending::at_scheduled_end),
    ("subscription.incomplete", incomplete_for_too_long),
    ("subscription.pending_items", pending::invoice),
    ("subscription.pending_update", change::expire_pending),
    ("subscription.resumption", pausing::expire_resumption),
    ("subscription.trial_will_end", trial::announce),
    ("subscription.unpause", pausing::unpause_collection),
    ("subscription.upcoming", cycle::announce),
    ("subscription.write_off", ending::write_off),
];

/// How long a first payment may take.
pub(crate) const FIRST_PAYMENT_SECONDS: i64 = 23 * 3_600;

/// Stores a new subscription, lets its periods follow one another, and raises nothing.
pub(crate) fn insert(account: &mut Account, terms: &Terms) -> String {
    let id = account.ids.next("sub_");
    let now = account.now;
    // In classic mode an end inside the first period is what the cycle is counted from.
    let cut_at = terms.until.filter(|until| {
        let mut all = terms.item_terms.iter();
        terms.is_classic && all.any(|item| *until < Interval::of(&item.price).period_at(now, now).1)
    });
    let anchor = terms.trial_end.or(terms.anchor).or(cut_at).unwrap_or(now);
    let plain = terms.items.iter().cloned().map(ItemTerms::from);
    let all: Vec<ItemTerms> = terms.item_terms.iter().cloned().chain(plain).collect();
    let mut items = Vec::new();
    for item in &all {
        let end = match terms.trial_end {
            Some(end) => end,
            None => Interval::of(&item.price).period_at(anchor, now).1,
        };
        let end = terms.until.map_or(end, |until| until.min(end));
        items.push(item_object(account, &id, item, (now, end)));
    }
    let currency = all
        .first()
        .map_or(Value::Null, |item| item.price["currency"].clone());
    let customer = account.get(&terms.customer);
    let mut subscription = object(&id, terms, now);
    subscription["billing_cycle_anchor"] = json!(anchor);
    subscription["billing_mode"] = billing_mode(terms.is_classic, now);
    subscription["currency"] = currency;
    subscription["test_clock"] = customer["test_clock"].clone();
    subscription["items"] = json!({
        "object": "list", "data": items, "has_more": false, "total_count": items.len(),
        "url": format!("/v1/subscription_items?subscription={id}"),
    });
    for (name, value) in &terms.members {
        subscription[*name] = value.clone();
    }
    account.insert(subscription);
    cycle::expect_next(account, &id);
    trial::expect_end(account, &id);
    pending::expect_invoice(account, &id);
    if let Some(at) = account.get(&id)["cancel_at"].as_i64() {
        account.when(at, "subscription.end", &id);
    }
    id
}

/// How prorations are worked out.
pub(crate) fn billing_mode(is_classic: bool, at: i64) -> Value {
    if is_classic {
        return json!({ "flexible": null, "type": "classic" });
    }
    json!({ "flexible": { "proration_discounts": "included" }, "type": "flexible", "updated_at": at })
}

/// A subscription before its items.
fn object(id: &str, terms: &Terms, now: i64) -> Value {
    let trial_settings = trial::settings(&terms.trial_settings);
    let metadata = if terms.metadata.is_null() {
        json!({})
    } else {
        terms.metadata.clone()
    };
    json!({
        "id": id,
        "object": "subscription",
        "automatic_tax": { "disabled_reason": null, "enabled": false, "liability": null },
        "billing_schedules": [],
        "cancel_at": null,
        "cancel_at_period_end": false,
        "canceled_at": null,
        "cancellation_details": {
            "comment": null, "feedback": null, "feedback_option": null, "reason": null,
        },
        "collection_method": "charge_automatically",
        "created": now,
        "customer": terms.customer,
        "default_payment_method": terms.default_payment_method,
        "default_tax_rates": [],
        "description": terms.description,
        "discounts": [],
        "ended_at": null,
        "invoice_settings": { "issuer": { "type": "self" } },
        "managed_payments": { "enabled": false },
        "latest_invoice": null,
        "livemode": false,
        "metadata": metadata,
        "payment_settings": { "save_default_payment_method": "off" },
        "pause_collection": null,
        "pending_update": null,
        "schedule": null,
        "start_date": terms.start.unwrap_or(now),
        "status": terms.status,
        "trial_end": terms.trial_end,
        "trial_settings": trial_settings,
        "trial_start": terms.trial_end.map(|_| now),
    })
}

/// A new item with its period.
pub(crate) fn item_object(
    account: &mut Account,
    subscription_id: &str,
    terms: &ItemTerms,
    period: (i64, i64),
) -> Value {
    let empty = |value: &Value, otherwise: Value| {
        if value.is_null() {
            otherwise
        } else {
            value.clone()
        }
    };
    let mut item = json!({
        "id": account.ids.next("si_"),
        "object": "subscription_item",
        "created": account.now,
        "current_period_end": period.1,
        "current_period_start": period.0,
        "discounts": [],
        "metadata": empty(&terms.metadata, json!({})),
        "price": terms.price,
        "quantity": terms.quantity,
        "subscription": subscription_id,
        "tax_rates": empty(&terms.tax_rates, json!([])),
    });
    if let (true, Some(members)) = (proration::is_metered(&terms.price), item.as_object_mut()) {
        members.shift_remove("quantity");
    }
    item
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
    if before["status"] != "incomplete" {
        return;
    }
    let invoice = before["latest_invoice"].as_str().unwrap_or_default();
    if account.get(invoice)["status"] == "open" {
        // What follows from that is told by `reaction`.
        crate::lives::invoice::end::void(account, invoice);
    } else {
        status::expire(account, id, &before);
    }
}
