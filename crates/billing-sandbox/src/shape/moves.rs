//! The table of moves: what each API release renamed, moved or derived anew in an object, told as how
//! to undo it, newest first. What a release only added or removed is in the table of shapes.

use serde_json::{Map, Value, json};

use crate::shape::moves::catalogue::{old_plan, old_price, whole_coupon};
use crate::shape::moves::pages::{old_configuration, old_shipping, old_ui_mode};

pub(crate) mod catalogue;
pub(crate) mod pages;

type Object = Map<String, Value>;

/// One change of one release that cannot be told by leaving members out.
pub(crate) struct Move {
    /// The release's date; applies to every version before it.
    pub(crate) since: &'static str,
    /// The value of `object`.
    pub(crate) object: &'static str,
    /// Gives the newer shape the members of the older one; what the older one lacks may stay.
    pub(crate) undo: fn(&mut Object),
}

const fn with(since: &'static str, object: &'static str, undo: fn(&mut Object)) -> Move {
    Move {
        since,
        object,
        undo,
    }
}

#[rustfmt::skip]
pub(crate) static MOVES: &[Move] = &[
    with("2026-03-25", "checkout.session", old_ui_mode),
    with("2025-09-30", "discount", whole_coupon),
    with("2025-09-30", "promotion_code", whole_coupon),
    with("2025-03-31", "charge", old_invoice_link),
    with("2025-03-31", "checkout.session", old_shipping),
    with("2025-03-31", "invoice", old_invoice),
    with("2025-03-31", "line_item", old_line),
    with("2025-03-31", "payment_intent", old_invoice_link),
    with("2025-03-31", "plan", old_plan),
    with("2025-03-31", "price", old_price),
    with("2025-03-31", "subscription", old_subscription),
    with("2024-04-10", "billing_portal.configuration", old_configuration),
    with("2024-04-10", "charge", always_refunds),
    with("2024-04-10", "invoice", rendering_options),
    with("2024-04-10", "product", old_product),
];

pub(super) fn put(members: &mut Object, name: &str, value: Value) {
    members.insert(name.to_owned(), value);
}

pub(super) fn get(members: &Object, name: &str) -> Value {
    members.get(name).cloned().unwrap_or(Value::Null)
}

fn always_refunds(members: &mut Object) {
    members.entry("refunds").or_insert(Value::Null);
}

fn old_subscription(members: &mut Object) {
    let item = members
        .get("items")
        .map_or(Value::Null, |items| items["data"][0].clone());
    put(
        members,
        "current_period_start",
        item["current_period_start"].clone(),
    );
    put(
        members,
        "current_period_end",
        item["current_period_end"].clone(),
    );
    put(members, "discount", Value::Null);
}

fn old_invoice(members: &mut Object) {
    let details = members
        .get("parent")
        .map_or(Value::Null, |p| p["subscription_details"].clone());
    put(members, "subscription", details["subscription"].clone());
    let old = if details.is_null() {
        Value::Null
    } else {
        json!({ "metadata": details["metadata"] })
    };
    put(members, "subscription_details", old);
    let is_paid = members.get("status").is_some_and(|status| status == "paid");
    put(members, "paid", json!(is_paid));
    put(
        members,
        "paid_out_of_band",
        json!(get(members, "_paid_out_of_band") == true),
    );
    put(members, "payment_intent", get(members, "_payment_intent"));
    put(members, "charge", get(members, "_charge"));
    for name in [
        "application_fee_amount",
        "discount",
        "quote",
        "tax",
        "transfer_data",
    ] {
        put(members, name, Value::Null);
    }
    put(members, "total_tax_amounts", json!([]));
}

fn old_line(members: &mut Object) {
    let parent = get(members, "parent");
    let details = &parent["subscription_item_details"];
    if details.is_null() {
        put(members, "type", json!("invoiceitem"));
    } else {
        put(members, "type", json!("subscription"));
        put(
            members,
            "subscription_item",
            details["subscription_item"].clone(),
        );
    }
    put(members, "proration", json!(details["proration"] == true));
    put(
        members,
        "proration_details",
        json!({ "credited_items": null }),
    );
    let price = get(members, "_price");
    put(members, "plan", plan_of(&price));
    put(members, "price", price);
    put(members, "amount_excluding_tax", get(members, "amount"));
    let unit = get(members, "pricing")["unit_amount_decimal"].clone();
    put(members, "unit_amount_excluding_tax", unit);
    put(members, "tax_amounts", json!([]));
    put(members, "tax_rates", json!([]));
}

fn old_invoice_link(members: &mut Object) {
    put(members, "invoice", get(members, "_invoice"));
}

fn old_product(members: &mut Object) {
    let features = members
        .shift_remove("marketing_features")
        .unwrap_or_else(|| json!([]));
    put(members, "features", features);
}

fn rendering_options(members: &mut Object) {
    put(members, "rendering_options", Value::Null);
}

/// The plan that a recurring price also is.
pub(crate) fn plan_of(price: &Value) -> Value {
    if price["recurring"].is_null() {
        return Value::Null;
    }
    json!({
        "id": price["id"],
        "object": "plan",
        "active": price["active"],
        "amount": price["unit_amount"],
        "amount_decimal": price["unit_amount_decimal"],
        "billing_scheme": price["billing_scheme"],
        "created": price["created"],
        "currency": price["currency"],
        "interval": price["recurring"]["interval"],
        "interval_count": price["recurring"]["interval_count"],
        "livemode": false,
        "metadata": price["metadata"],
        "meter": price["recurring"]["meter"],
        "nickname": price["nickname"],
        "product": price["product"],
        "tiers_mode": price["tiers_mode"],
        "transform_usage": price["transform_quantity"],
        "trial_period_days": price["recurring"]["trial_period_days"],
        "usage_type": price["recurring"]["usage_type"],
        "_aggregate_usage": price["_aggregate_usage"],
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_goes_from_the_newest_release_to_the_oldest() {
        assert!(MOVES.iter().map(|change| change.since).rev().is_sorted());
    }
}
