//! The table of moves: what each API release changed in an object, told as how to undo it.
//! Newest first; the facts are those of Stripe's changelog and type definitions.

use serde_json::{Map, Value, json};

type Object = Map<String, Value>;

/// One change of one release.
pub(crate) struct Move {
    /// The release's date; applies to every version before it.
    pub(crate) since: &'static str,
    pub(crate) object: &'static str,
    pub(crate) undo: Undo,
}

pub(crate) enum Undo {
    /// The members that the release added, separated by spaces; dots lead inside.
    Drop(&'static str),
    With(fn(&mut Object)),
}

impl Undo {
    pub(crate) fn apply(&self, members: &mut Object) {
        match self {
            Undo::Drop(names) => {
                for name in names.split(' ') {
                    remove(members, name);
                }
            }
            Undo::With(change) => change(members),
        }
    }
}

fn remove(members: &mut Object, path: &str) {
    match path.split_once('.') {
        None => {
            members.shift_remove(path);
        }
        Some((first, rest)) => {
            if let Some(Value::Object(inner)) = members.get_mut(first) {
                remove(inner, rest);
            }
        }
    }
}

const fn drop(since: &'static str, object: &'static str, names: &'static str) -> Move {
    Move {
        since,
        object,
        undo: Undo::Drop(names),
    }
}

const fn with(since: &'static str, object: &'static str, change: fn(&mut Object)) -> Move {
    Move {
        since,
        object,
        undo: Undo::With(change),
    }
}

#[rustfmt::skip]
pub(crate) static MOVES: &[Move] = &[
    drop("2026-09-30", "account", "business_profile.specified_commercial_transactions_act_url"),
    drop("2026-09-30", "charge", "payment_method_details.card.electronic_commerce_indicator"),
    drop("2026-09-30", "checkout.session", "allowed_payment_method_types"),
    drop("2026-09-30", "payment_intent", "payment_record"),
    drop("2026-09-30", "product", "tax_details"),
    drop("2026-09-30", "subscription", "pending_update.cancel_at_period_end trial_settings.end_behavior.billing_cycle_anchor"),
    drop("2026-09-30", "subscription_item", "current_trial"),
    drop("2026-05-27", "invoice", "amount_paid_off_stripe"),
    drop("2026-04-22", "charge", "payment_method_details.card.transaction_link_id"),
    drop("2026-04-22", "checkout.session", "managed_payments"),
    drop("2026-04-22", "payment_intent", "managed_payments allowed_payment_method_types"),
    drop("2026-04-22", "setup_intent", "managed_payments allowed_payment_method_types"),
    drop("2026-04-22", "subscription", "managed_payments billing_schedules cancellation_details.feedback_option invoice_settings.custom_fields invoice_settings.description invoice_settings.footer pending_update.discount pending_update.discounts pending_update.metadata"),
    drop("2026-03-25", "checkout.session", "integration_identifier"),
    with("2026-03-25", "checkout.session", old_ui_mode),
    drop("2026-03-25", "line_item", "quantity_decimal"),
    drop("2025-11-17", "checkout.session", "customer_account"),
    drop("2025-11-17", "customer", "customer_account"),
    drop("2025-11-17", "invoice", "customer_account"),
    drop("2025-11-17", "item", "adjustable_quantity metadata"),
    drop("2025-11-17", "line_item", "subtotal"),
    drop("2025-11-17", "payment_intent", "customer_account"),
    drop("2025-11-17", "payment_method", "customer_account"),
    drop("2025-11-17", "setup_intent", "customer_account"),
    drop("2025-11-17", "subscription", "customer_account"),
    drop("2025-09-30", "checkout.session", "customer_details.business_name customer_details.individual_name"),
    drop("2025-09-30", "subscription", "billing_mode.flexible"),
    drop("2025-09-30", "setup_intent", "excluded_payment_method_types"),
    drop("2025-07-30", "payment_intent", "excluded_payment_method_types"),
    drop("2025-06-30", "subscription", "billing_mode"),
    drop("2025-03-31", "account", "business_profile.minority_owned_business_designation"),
    drop("2025-03-31", "charge", "billing_details.tax_id"),
    with("2025-03-31", "charge", old_invoice_link),
    drop("2025-03-31", "checkout.session", "permissions wallet_options origin_context automatic_tax.provider"),
    with("2025-03-31", "checkout.session", old_shipping),
    with("2025-03-31", "invoice", old_invoice),
    drop("2025-03-31", "invoice", "amount_overpaid automatic_tax.provider confirmation_secret parent payments total_taxes"),
    with("2025-03-31", "line_item", old_line),
    drop("2025-03-31", "line_item", "parent pricing taxes"),
    with("2025-03-31", "payment_intent", old_invoice_link),
    drop("2025-03-31", "payment_method", "billing_details.tax_id"),
    with("2025-03-31", "plan", old_plan),
    with("2025-03-31", "price", old_price),
    with("2025-03-31", "subscription", old_subscription),
    drop("2025-03-31", "subscription_item", "current_period_start current_period_end"),
    drop("2024-09-30", "charge", "outcome.advice_code outcome.network_advice_code outcome.network_decline_code payment_method_details.card.regulated_status payment_method_details.card.network_transaction_id"),
    drop("2024-09-30", "checkout.session", "adaptive_pricing discounts"),
    drop("2024-09-30", "invoice", "automatic_tax.disabled_reason total_pretax_credit_amounts"),
    drop("2024-09-30", "line_item", "pretax_credit_amounts"),
    drop("2024-09-30", "payment_intent", "last_payment_error.advice_code last_payment_error.network_decline_code"),
    drop("2024-09-30", "payment_method", "card.regulated_status"),
    drop("2024-09-30", "subscription", "automatic_tax.disabled_reason"),
    drop("2024-06-20", "charge", "payment_method_details.card.authorization_code"),
    drop("2024-06-20", "invoice", "automatically_finalizes_at"),
    with("2024-04-10", "charge", always_refunds),
    drop("2024-04-10", "checkout.session", "saved_payment_method_options"),
    with("2024-04-10", "invoice", rendering_options),
    drop("2024-04-10", "payment_method", "allow_redisplay card.generated_from"),
    with("2024-04-10", "product", old_product),
    drop("2024-04-10", "subscription", "invoice_settings"),
];

fn put(members: &mut Object, name: &str, value: Value) {
    members.insert(name.to_owned(), value);
}

fn get(members: &Object, name: &str) -> Value {
    members.get(name).cloned().unwrap_or(Value::Null)
}

fn always_refunds(members: &mut Object) {
    members.entry("refunds").or_insert(Value::Null);
}

fn old_ui_mode(members: &mut Object) {
    let old = match members.get("ui_mode").and_then(Value::as_str) {
        Some("hosted_page") => "hosted",
        Some("embedded_page") => "embedded",
        Some("elements") => "custom",
        _ => return,
    };
    put(members, "ui_mode", json!(old));
}

fn old_shipping(members: &mut Object) {
    members.shift_remove("collected_information");
    put(members, "shipping_details", Value::Null);
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

fn old_price(members: &mut Object) {
    if let Some(Value::Object(recurring)) = members.get_mut("recurring") {
        recurring.insert("aggregate_usage".into(), Value::Null);
    }
}

fn old_plan(members: &mut Object) {
    put(members, "aggregate_usage", Value::Null);
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
        "meter": null,
        "nickname": price["nickname"],
        "product": price["product"],
        "tiers_mode": null,
        "transform_usage": null,
        "trial_period_days": price["recurring"]["trial_period_days"],
        "usage_type": price["recurring"]["usage_type"],
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
