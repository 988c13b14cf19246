//! What a Checkout Session costs: its lines, what discounts take off, taxes, shipping.

use crate::json::{Value, json};

use crate::account::Account;
use crate::lives::calendar::Interval;
use crate::lives::proration::Rate;
use crate::lives::{discount, price, tax};

/// Finds the amounts of an open session anew: after its quantities, discounts or shipping changed.
pub(crate) fn settle(account: &mut Account, id: &str) {
    let session = account.get(id).clone();
    if session["mode"] == "setup" {
        return;
    }
    let mut items = items_of(&session);
    let data = &session["_subscription_data"];
    let subtotals: Vec<i64> = items
        .iter()
        .map(|item| subtotal(account.now, data, item))
        .collect();
    let discounts = texts(&session["_discounts"]);
    let lines: Vec<discount::Discountable> = items
        .iter()
        .zip(&subtotals)
        .map(|(item, amount)| discount::Discountable {
            amount: *amount,
            product: text(&item["price"]["product"]),
        })
        .collect();
    let taken = discount::amounts(account, &discounts, &lines);
    let default_rates = &session["_subscription_data"]["default_tax_rates"];
    let mut by_rate: Vec<Value> = Vec::new();
    let mut sums = Sums::default();
    for (index, item) in items.iter_mut().enumerate() {
        let subtotal = subtotals[index];
        let shares: Vec<i64> = taken
            .iter()
            .map(|lines| lines.get(index).copied().unwrap_or(0))
            .collect();
        let off: i64 = shares.iter().sum();
        let rates = rates_of(account, &item["_tax_rates"], default_rates);
        let taxes = tax::amounts(&rates, subtotal.saturating_sub(off));
        let on_top: i64 = taxes
            .iter()
            .filter(|tax| !tax.is_inclusive)
            .map(|tax| tax.amount)
            .sum();
        let taxed: i64 = taxes.iter().map(|tax| tax.amount).sum();
        let total = subtotal.saturating_sub(off).saturating_add(on_top);
        item["amount_subtotal"] = json!(subtotal);
        item["amount_discount"] = json!(off);
        item["amount_tax"] = json!(taxed);
        item["amount_total"] = json!(total);
        item["_discounts"] = discounts
            .iter()
            .zip(&shares)
            .filter(|(_, amount)| **amount > 0)
            .map(|(discount, amount)| json!({ "amount": amount, "discount": discount }))
            .collect();
        item["_taxes"] = taxes.iter().map(tax_row).collect();
        for tax in &taxes {
            add_tax(&mut by_rate, tax);
        }
        sums.subtotal = sums.subtotal.saturating_add(subtotal);
        sums.off = sums.off.saturating_add(off);
        sums.tax = sums.tax.saturating_add(taxed);
        sums.total = sums.total.saturating_add(total);
    }
    let shipping = shipping_cost(&session);
    let for_shipping = shipping["amount_total"].as_i64().unwrap_or(0);
    let breakdown: Vec<Value> = discounts
        .iter()
        .zip(&taken)
        .map(|(id, lines)| json!({ "amount": lines.iter().sum::<i64>(), "discount": id }))
        .collect();
    let Some(session) = account.edit(id) else {
        return;
    };
    session["_line_items"] = json!(items);
    session["_breakdown"] = json!({ "discounts": breakdown, "taxes": by_rate });
    session["amount_subtotal"] = json!(sums.subtotal);
    session["amount_total"] = json!(sums.total.saturating_add(for_shipping));
    session["shipping_cost"] = shipping;
    session["total_details"] = json!({
        "amount_discount": sums.off,
        "amount_shipping": for_shipping,
        "amount_tax": sums.tax,
    });
}

#[derive(Default)]
struct Sums {
    subtotal: i64,
    off: i64,
    tax: i64,
    total: i64,
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

pub(crate) fn texts(list: &Value) -> Vec<String> {
    list.as_array().into_iter().flatten().map(text).collect()
}

pub(crate) fn items_of(session: &Value) -> Vec<Value> {
    session["_line_items"]
        .as_array()
        .cloned()
        .unwrap_or_default()
}

/// What the lines of a session come to before anything is taken off.
pub(crate) fn gross(session: &Value) -> i64 {
    items_of(session)
        .iter()
        .map(|item| subtotal(0, &Value::Null, item))
        .fold(0, i64::saturating_add)
}

/// What a line costs now: nothing during a trial, nothing yet for what is metered, and a part of its
/// price until a later anchor.
fn subtotal(now: i64, data: &Value, item: &Value) -> i64 {
    let amount = price::amount_of(&item["price"], item["quantity"].as_i64().unwrap_or(1));
    let recurring = &item["price"]["recurring"];
    if recurring.is_null() {
        return amount;
    }
    let is_trial = super::trial_end_of(now, data).is_some();
    if recurring["usage_type"] == "metered" || is_trial {
        return 0;
    }
    let Some(anchor) = data["billing_cycle_anchor"].as_i64() else {
        return amount;
    };
    if data["proration_behavior"] == "none" {
        return 0;
    }
    let (start, end) = Interval::of(&item["price"]).period_at(anchor, now);
    Rate { amount, start, end }.share(now, end)
}

/// The whole tax rates of a line: its own, or those of the subscription.
fn rates_of(account: &Account, own: &Value, default: &Value) -> Vec<Value> {
    let has_own = own.as_array().is_some_and(|rates| !rates.is_empty());
    let ids = texts(if has_own { own } else { default });
    ids.iter().map(|id| account.get(id).clone()).collect()
}

fn tax_row(tax: &tax::TaxAmount) -> Value {
    json!({
        "amount": tax.amount, "rate": tax.rate, "taxability_reason": null,
        "taxable_amount": tax.taxable_amount,
    })
}

fn add_tax(by_rate: &mut Vec<Value>, tax: &tax::TaxAmount) {
    let row = tax_row(tax);
    let Some(sum) = by_rate.iter_mut().find(|sum| sum["rate"] == row["rate"]) else {
        by_rate.push(row);
        return;
    };
    for name in ["amount", "taxable_amount"] {
        let more = row[name].as_i64().unwrap_or(0);
        sum[name] = json!(sum[name].as_i64().unwrap_or(0).saturating_add(more));
    }
}

/// The shipping that is chosen; the first option until the customer chooses another.
fn shipping_cost(session: &Value) -> Value {
    let options = session["shipping_options"].as_array();
    let chosen = &session["shipping_cost"]["shipping_rate"];
    let option = options.and_then(|options| {
        options
            .iter()
            .find(|option| option["shipping_rate"] == *chosen)
            .or(options.first())
    });
    option.map_or(Value::Null, |option| {
        json!({
            "amount_subtotal": option["shipping_amount"], "amount_tax": 0,
            "amount_total": option["shipping_amount"], "shipping_rate": option["shipping_rate"],
        })
    })
}
