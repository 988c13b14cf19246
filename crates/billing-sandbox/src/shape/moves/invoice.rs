//! Invoices, their lines, invoice items and credit notes as they were before basil (2025-03-31).

use crate::json::{Value, json};

use crate::shape::moves::{Object, get, plan_of, put};

/// Taxes as they were told: `inclusive` and the id of the rate.
fn old_taxes(taxes: &Value) -> Value {
    let all = taxes.as_array().into_iter().flatten();
    all.map(|tax| {
        let reason = &tax["taxability_reason"];
        json!({
            "amount": tax["amount"],
            "inclusive": tax["tax_behavior"] == "inclusive",
            "tax_rate": tax["tax_rate_details"]["tax_rate"],
            "taxability_reason": if reason == "not_available" { &Value::Null } else { reason },
            "taxable_amount": tax["taxable_amount"],
        })
    })
    .collect()
}

fn sum(entries: &Value, keep: impl Fn(&Value) -> bool) -> i64 {
    let all = entries.as_array().into_iter().flatten();
    all.filter(|entry| keep(entry))
        .filter_map(|entry| entry["amount"].as_i64())
        .fold(0, i64::saturating_add)
}

/// An amount per unit as a decimal, up to twelve digits behind the point.
fn per_unit(amount: i64, quantity: i64) -> String {
    const DIGITS: i128 = 1_000_000_000_000;
    if quantity <= 1 {
        return amount.to_string();
    }
    let scaled = i128::from(amount) * DIGITS / i128::from(quantity);
    let (whole, fraction) = (scaled / DIGITS, (scaled % DIGITS).unsigned_abs());
    let sign = if scaled < 0 && whole == 0 { "-" } else { "" };
    let digits = format!("{fraction:012}");
    match digits.trim_end_matches('0') {
        "" => whole.to_string(),
        rest => format!("{sign}{whole}.{rest}"),
    }
}

fn is_inclusive(tax: &Value) -> bool {
    tax["tax_behavior"] == "inclusive"
}

pub(super) fn invoice(members: &mut Object) {
    let parent = get(members, "parent");
    let details = &parent["subscription_details"];
    put(members, "subscription", details["subscription"].clone());
    put(
        members,
        "subscription_details",
        json!({ "metadata": details["metadata"] }),
    );
    let prorated_at = &details["subscription_proration_date"];
    if !prorated_at.is_null() {
        put(members, "subscription_proration_date", prorated_at.clone());
    }
    put(members, "quote", parent["quote_details"]["quote"].clone());
    let is_paid = get(members, "status") == "paid";
    let is_out_of_band = get(members, "_paid_out_of_band") == true;
    put(members, "paid", json!(is_paid));
    put(members, "paid_out_of_band", json!(is_out_of_band));
    if is_out_of_band {
        // What came in elsewhere was not counted.
        put(members, "amount_paid", json!(0));
    }
    put(members, "payment_intent", get(members, "_payment_intent"));
    put(members, "charge", get(members, "_charge"));
    put(members, "discount", get(members, "_discount"));
    let taxes = get(members, "total_taxes");
    let has_taxes = taxes.as_array().is_some_and(|all| !all.is_empty());
    put(
        members,
        "tax",
        has_taxes.then(|| sum(&taxes, |_| true)).into(),
    );
    put(members, "total_tax_amounts", old_taxes(&taxes));
}

/// Before 2024-04-10 the display of tax was a member of its own.
pub(super) fn rendering_options(members: &mut Object) {
    let rendering = get(members, "rendering");
    let old = if rendering["amount_tax_display"].is_null() {
        Value::Null
    } else {
        json!({ "amount_tax_display": rendering["amount_tax_display"] })
    };
    put(members, "rendering_options", old);
}

pub(super) fn line(members: &mut Object) {
    let parent = get(members, "parent");
    let of_item = &parent["invoice_item_details"];
    let of_subscription = &parent["subscription_item_details"];
    let details = if of_item.is_null() {
        of_subscription
    } else {
        of_item
    };
    let item = &details["invoice_item"];
    if item.is_null() {
        put(members, "type", json!("subscription"));
    } else {
        put(members, "type", json!("invoiceitem"));
        put(members, "invoice_item", item.clone());
    }
    let subscription_item = &of_subscription["subscription_item"];
    if !subscription_item.is_null() {
        put(members, "subscription_item", subscription_item.clone());
    }
    put(members, "proration", json!(details["proration"] == true));
    put(
        members,
        "proration_details",
        json!({ "credited_items": details["proration_details"]["credited_items"] }),
    );
    let price = get(members, "_price");
    put(members, "plan", plan_of(&price));
    put(members, "price", price);
    let amount = get(members, "amount").as_i64().unwrap_or(0);
    let taxes = get(members, "taxes");
    let net = amount.saturating_sub(sum(&taxes, is_inclusive));
    put(members, "amount_excluding_tax", json!(net));
    let quantity = get(members, "quantity").as_i64().unwrap_or(1);
    put(
        members,
        "unit_amount_excluding_tax",
        json!(per_unit(net, quantity)),
    );
    put(members, "tax_amounts", old_taxes(&taxes));
    let rates = get(members, "_tax_rates");
    put(
        members,
        "tax_rates",
        if rates.is_array() { rates } else { json!([]) },
    );
}

pub(super) fn item(members: &mut Object) {
    let details = get(members, "parent")["subscription_details"].clone();
    put(members, "subscription", details["subscription"].clone());
    if !details["subscription_item"].is_null() {
        put(
            members,
            "subscription_item",
            details["subscription_item"].clone(),
        );
    }
    let price = get(members, "_price");
    put(members, "plan", plan_of(&price));
    let (unit, decimal) = if get(members, "proration") == true {
        let amount = get(members, "amount").as_i64().unwrap_or(0);
        let quantity = get(members, "quantity").as_i64().unwrap_or(1);
        let decimal = per_unit(amount, quantity);
        (json!(decimal.parse::<i64>().ok()), json!(decimal))
    } else {
        (
            price["unit_amount"].clone(),
            price["unit_amount_decimal"].clone(),
        )
    };
    put(members, "unit_amount", unit);
    put(members, "unit_amount_decimal", decimal);
    put(members, "price", price);
}

pub(super) fn credit_note(members: &mut Object) {
    let refund = get(members, "refunds")[0]["refund"].clone();
    put(members, "refund", refund);
    let taxes = old_taxes(&get(members, "total_taxes"));
    put(members, "tax_amounts", taxes);
    if get(members, "type") == "mixed" {
        put(members, "type", json!("post_payment"));
    }
}

pub(super) fn credit_note_line(members: &mut Object) {
    let taxes = get(members, "taxes");
    let amount = get(members, "amount").as_i64().unwrap_or(0);
    let net = amount.saturating_sub(sum(&taxes, is_inclusive));
    let quantity = get(members, "quantity").as_i64().unwrap_or(1);
    put(members, "amount_excluding_tax", json!(net));
    put(
        members,
        "unit_amount_excluding_tax",
        json!(per_unit(net, quantity)),
    );
    put(members, "tax_amounts", old_taxes(&taxes));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_are_written_as_exactly_as_they_need() {
        assert_eq!(per_unit(1_000, 1), "1000");
        assert_eq!(per_unit(1_000, 4), "250");
        assert_eq!(per_unit(1_000, 3), "333.333333333333");
        assert_eq!(per_unit(-1, 2), "-0.5");
    }

    #[test]
    fn a_tax_tells_its_rate_and_whether_it_is_included() {
        let taxes = json!([{
            "amount": 90, "tax_behavior": "exclusive", "taxability_reason": "not_available",
            "taxable_amount": 1_800, "tax_rate_details": { "tax_rate": "txr_1" },
        }]);
        let old = json!([{
            "amount": 90, "inclusive": false, "tax_rate": "txr_1", "taxability_reason": null,
            "taxable_amount": 1_800,
        }]);
        assert_eq!(old_taxes(&taxes), old);
    }
}
