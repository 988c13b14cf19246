//! The table of moves: what each API release renamed, moved or derived anew in an object, told as how
//! to undo it, newest first. What a release only added or removed is in the table of shapes.

mod invoice;

use crate::json::{Map, Value, json};

use crate::shape::moves::catalogue::{old_plan, old_price, whole_coupon};
use crate::shape::moves::pages::{old_configuration, old_shipping, old_ui_mode};

pub(crate) mod catalogue;
pub(crate) mod pages;

type Object = Map;

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

/// Later than every release: what all versions show, and the state need not keep.
const ALWAYS: &str = "9999-12-31";

#[rustfmt::skip]
pub(crate) static MOVES: &[Move] = &[
    with(ALWAYS, "subscription_item", also_a_plan),
    with("2026-08-26", "payment_intent", no_type_of_method),
    with("2026-03-25", "checkout.session", old_ui_mode),
    with("2025-09-30", "discount", whole_coupon),
    with("2025-09-30", "promotion_code", whole_coupon),
    with("2025-03-31", "charge", old_invoice_link),
    with("2025-03-31", "checkout.session", old_shipping),
    with("2025-03-31", "credit_note", invoice::credit_note),
    with("2025-03-31", "credit_note_line_item", invoice::credit_note_line),
    with("2025-03-31", "invoice", invoice::invoice),
    with("2025-03-31", "invoiceitem", invoice::item),
    with("2025-03-31", "line_item", invoice::line),
    with("2025-03-31", "payment_intent", old_invoice_link),
    with("2025-03-31", "plan", old_plan),
    with("2025-03-31", "price", old_price),
    with("2025-03-31", "subscription", old_subscription),
    with("2024-09-30", "payment_intent", old_payment_error),
    with("2024-09-30", "setup_intent", old_setup_error),
    with("2024-04-10", "billing_portal.configuration", old_configuration),
    with("2024-04-10", "charge", always_refunds),
    with("2024-04-10", "invoice", invoice::rendering_options),
    with("2024-04-10", "product", old_product),
];

pub(super) fn put(members: &mut Object, name: &'static str, value: Value) {
    members.insert(name.into(), value);
}

pub(super) fn get(members: &Object, name: &str) -> Value {
    members.get(name).cloned().unwrap_or(Value::Null)
}

/// The price of an item, shown as the plan that it also is.
fn also_a_plan(members: &mut Object) {
    let plan = plan_of(&get(members, "price"));
    put(members, "plan", plan);
}

fn old_payment_error(members: &mut Object) {
    old_decline(members, "last_payment_error");
}

/// Why a payment failed did not say by what kind of method.
fn no_type_of_method(members: &mut Object) {
    if let Some(Value::Object(error)) = members.get_mut("last_payment_error") {
        error.shift_remove("payment_method_type");
    }
}

fn old_setup_error(members: &mut Object) {
    old_decline(members, "last_setup_error");
}

/// What the code says already had no decline code of its own.
fn old_decline(members: &mut Object, name: &str) {
    if let Some(Value::Object(error)) = members.get_mut(name)
        && matches!(
            error.get("code").and_then(Value::as_str),
            Some("expired_card" | "incorrect_cvc" | "incorrect_zip" | "incorrect_number")
        )
    {
        error.shift_remove("decline_code");
    }
}

fn always_refunds(members: &mut Object) {
    members.member("refunds".into());
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
    // The first of the discounts, kept whole beside their ids, as long as it is one of them.
    let first = get(members, "discounts")[0].clone();
    let whole = get(members, "_discount");
    let is_there = !first.is_null() && (whole["id"] == first || whole["id"] == first["id"]);
    put(
        members,
        "discount",
        if is_there { whole } else { Value::Null },
    );
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
