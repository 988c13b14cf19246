//! What an invoice comes to: discounts of single lines, then of the whole invoice, then tax by line
//! and rate, then the customer's balance. Pure arithmetic on one invoice; nothing is stored.

use std::sync::Arc;

use crate::json::{Value, json};

use crate::account::Account;
use crate::lives::discount::{self, Discountable};
use crate::lives::tax;

/// Works out the amounts of every line and of the whole invoice.
pub(crate) fn apply(account: &Account, invoice: &mut Value) {
    let mut lines = match invoice["lines"]["data"].take() {
        Value::Array(lines) => Arc::unwrap_or_clone(lines),
        _ => Vec::new(),
    };
    let own = take_own_discounts(account, &mut lines);
    let subtotals: Vec<i64> = remaining(&lines);
    take_invoice_discounts(account, invoice, &mut lines);
    let exemption = invoice["customer_tax_exempt"]
        .as_str()
        .unwrap_or("none")
        .to_owned();
    let defaults = invoice["default_tax_rates"]
        .as_array()
        .cloned()
        .unwrap_or_default();
    let mut subtotal_tax = 0_i64;
    for (line, before) in lines.iter_mut().zip(&subtotals) {
        let rates = rates_of(line, &defaults);
        subtotal_tax = subtotal_tax.saturating_add(inclusive(&rates, *before, &exemption));
        let taxable = line_net(line).saturating_sub(show_credits(line));
        line["taxes"] = taxes(&rates, taxable, &exemption);
    }
    // Versions before basil show the first discount whole.
    let first = discounts_of(invoice)
        .first()
        .map(|id| account.get(id).clone());
    invoice["_discount"] = first.unwrap_or_default();
    let net: i64 = lines
        .iter()
        .map(|line| line_net(line).saturating_sub(credited(line)))
        .fold(0, i64::saturating_add);
    let shipping = invoice["shipping_cost"]["amount_subtotal"]
        .as_i64()
        .unwrap_or(0);
    let all_taxes = gathered_taxes(&lines);
    let sum_of = |behaviour: &str| -> i64 {
        all_taxes
            .iter()
            .filter(|tax| tax["tax_behavior"] == behaviour)
            .filter_map(|tax| tax["amount"].as_i64())
            .fold(0, i64::saturating_add)
    };
    let (exclusive, inclusive) = (sum_of("exclusive"), sum_of("inclusive"));
    let subtotal: i64 = subtotals.iter().fold(0, |sum, n| sum.saturating_add(*n));
    let total = net.saturating_add(exclusive).saturating_add(shipping);
    let discounts = gathered_discounts(&lines, &own, invoice);
    invoice["total_pretax_credit_amounts"] = pretax(&discounts, &lines);
    invoice["total_discount_amounts"] = Value::from(discounts);
    invoice["total_taxes"] = Value::from(all_taxes);
    invoice["subtotal"] = json!(subtotal);
    invoice["subtotal_excluding_tax"] = json!(subtotal.saturating_sub(subtotal_tax));
    invoice["total"] = json!(total);
    invoice["total_excluding_tax"] =
        json!(total.saturating_sub(exclusive).saturating_sub(inclusive));
    invoice["lines"]["total_count"] = json!(lines.len());
    invoice["lines"]["data"] = Value::from(lines);
    let due = total
        .saturating_add(invoice["starting_balance"].as_i64().unwrap_or(0))
        .max(0);
    invoice["amount_due"] = json!(due);
    invoice["amount_remaining"] = json!(due);
}

/// Works out a stored draft again.
pub(crate) fn renew(account: &mut Account, id: &str) {
    let mut invoice = account.get(id).clone();
    if invoice["status"] != "draft" {
        return;
    }
    let customer = account.get(invoice["customer"].as_str().unwrap_or_default());
    invoice["starting_balance"] = json!(customer["balance"].as_i64().unwrap_or(0));
    apply(account, &mut invoice);
    if let Some(stored) = account.edit(id) {
        *stored = invoice;
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn discounts_of(invoice: &Value) -> Vec<String> {
    ids(&invoice["discounts"])
}

fn ids(value: &Value) -> Vec<String> {
    value.as_array().into_iter().flatten().map(text).collect()
}

fn taken(line: &Value) -> i64 {
    line["discount_amounts"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|entry| entry["amount"].as_i64())
        .fold(0, i64::saturating_add)
}

/// A line's amount after all discounts so far.
pub(crate) fn line_net(line: &Value) -> i64 {
    line["amount"]
        .as_i64()
        .unwrap_or(0)
        .saturating_sub(taken(line))
}

/// What billing credits pay of a line.
fn credits(line: &Value) -> &[Value] {
    line["_credits"].as_array().map_or(&[], Vec::as_slice)
}

fn credited(line: &Value) -> i64 {
    let amounts = credits(line)
        .iter()
        .filter_map(|entry| entry["amount"].as_i64());
    amounts.fold(0, i64::saturating_add)
}

/// Puts a line's credits among what is taken off before tax; answers their sum.
fn show_credits(line: &mut Value) -> i64 {
    let own = credits(line).to_vec();
    if let Some(entries) = line["pretax_credit_amounts"].as_array_mut() {
        entries.extend(own);
    }
    credited(line)
}

fn remaining(lines: &[Value]) -> Vec<i64> {
    lines.iter().map(line_net).collect()
}

fn as_discountable(line: &Value) -> Discountable {
    Discountable {
        amount: line_net(line),
        product: text(&line["pricing"]["price_details"]["product"]),
    }
}

fn add_discount(line: &mut Value, discount_id: &str, amount: i64) {
    if let Some(entries) = line["discount_amounts"].as_array_mut() {
        entries.push(json!({ "amount": amount, "discount": discount_id }));
    }
    if let Some(entries) = line["pretax_credit_amounts"].as_array_mut() {
        entries.push(json!({ "amount": amount, "discount": discount_id, "type": "discount" }));
    }
}

/// The discounts of single lines; answers their ids in the order of the lines.
fn take_own_discounts(account: &Account, lines: &mut [Value]) -> Vec<String> {
    let mut all = Vec::new();
    for line in lines {
        line["discount_amounts"] = json!([]);
        line["pretax_credit_amounts"] = json!([]);
        let own = ids(&line["discounts"]);
        let amounts = discount::amounts(account, &own, &[as_discountable(line)]);
        for (id, per_line) in own.iter().zip(amounts) {
            add_discount(line, id, per_line.first().copied().unwrap_or(0));
        }
        all.extend(own);
    }
    all
}

/// The invoice's own discounts, over the lines that may be discounted; the others say so with 0.
fn take_invoice_discounts(account: &Account, invoice: &Value, lines: &mut [Value]) {
    let own = ids(&invoice["discounts"]);
    if own.is_empty() {
        return;
    }
    let open: Vec<usize> = (0..lines.len())
        .filter(|at| lines[*at]["discountable"] != false)
        .collect();
    let offered: Vec<Discountable> = open.iter().map(|at| as_discountable(&lines[*at])).collect();
    let amounts = discount::amounts(account, &own, &offered);
    for (id, per_line) in own.iter().zip(amounts) {
        for (at, line) in lines.iter_mut().enumerate() {
            let place = open.iter().position(|other| *other == at);
            let amount = place.and_then(|place| per_line.get(place)).copied();
            add_discount(line, id, amount.unwrap_or(0));
        }
    }
}

fn rates_of(line: &Value, defaults: &[Value]) -> Vec<Value> {
    match line["_tax_rates"].as_array() {
        Some(own) if !own.is_empty() => own.clone(),
        _ => defaults.to_vec(),
    }
}

/// The tax that is inside an amount.
fn inclusive(rates: &[Value], amount: i64, exemption: &str) -> i64 {
    if exemption != "none" {
        return 0;
    }
    tax::amounts(rates, amount)
        .iter()
        .filter(|tax| tax.is_inclusive)
        .fold(0, |sum, tax| sum.saturating_add(tax.amount))
}

fn taxes(rates: &[Value], amount: i64, exemption: &str) -> Value {
    let found = tax::amounts(rates, amount);
    found
        .iter()
        .map(|tax| {
            let (amount, reason) = match exemption {
                "exempt" => (0, "customer_exempt"),
                "reverse" => (0, "reverse_charge"),
                _ => (tax.amount, "not_available"),
            };
            json!({
                "amount": amount,
                "tax_behavior": if tax.is_inclusive { "inclusive" } else { "exclusive" },
                "tax_rate_details": { "tax_rate": tax.rate },
                "taxability_reason": reason,
                "taxable_amount": tax.taxable_amount,
                "type": "tax_rate_details",
            })
        })
        .collect()
}

/// The taxes of all lines, one entry for each rate.
pub(crate) fn gathered_taxes(lines: &[Value]) -> Vec<Value> {
    let mut out: Vec<Value> = Vec::new();
    let all = lines
        .iter()
        .filter_map(|line| line["taxes"].as_array())
        .flatten();
    for tax in all {
        let known = out.iter_mut().find(|other| {
            other["tax_rate_details"] == tax["tax_rate_details"]
                && other["tax_behavior"] == tax["tax_behavior"]
        });
        match known {
            None => out.push(tax.clone()),
            Some(other) => {
                for name in ["amount", "taxable_amount"] {
                    let sum = other[name]
                        .as_i64()
                        .unwrap_or(0)
                        .saturating_add(tax[name].as_i64().unwrap_or(0));
                    other[name] = json!(sum);
                }
            }
        }
    }
    out
}

fn gathered_discounts(lines: &[Value], own: &[String], invoice: &Value) -> Vec<Value> {
    let mut order: Vec<String> = own.to_vec();
    order.extend(ids(&invoice["discounts"]));
    let mut seen = Vec::new();
    let mut out = Vec::new();
    for id in order {
        if seen.contains(&id) {
            continue;
        }
        let amount = lines
            .iter()
            .filter_map(|line| line["discount_amounts"].as_array())
            .flatten()
            .filter(|entry| entry["discount"] == id.as_str())
            .filter_map(|entry| entry["amount"].as_i64())
            .fold(0, i64::saturating_add);
        out.push(json!({ "amount": amount, "discount": id }));
        seen.push(id);
    }
    out
}

fn pretax(discounts: &[Value], lines: &[Value]) -> Value {
    let credits = lines.iter().flat_map(credits).cloned();
    discounts
        .iter()
        .map(|entry| {
            json!({
                "amount": entry["amount"], "discount": entry["discount"], "type": "discount",
            })
        })
        .chain(credits)
        .collect()
}
