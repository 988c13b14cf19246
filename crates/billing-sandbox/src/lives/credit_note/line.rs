//! The lines of credit notes: parts of an invoice's lines with their shares of discount and tax, and
//! lines of their own.

use crate::json::{Value, json};

use crate::account::Account;
use crate::lives::credit_note::{int, sum};
use crate::lives::tax;

/// One line to be credited.
#[derive(Debug, Clone)]
pub(crate) enum CreditLine {
    /// A part of a line of the invoice, by quantity or by amount before discounts and tax.
    Invoiced {
        line: Value,
        quantity: Option<i64>,
        amount: i64,
    },
    Custom {
        description: Value,
        quantity: i64,
        unit_amount: i64,
        unit_amount_decimal: String,
        tax_rates: Vec<Value>,
    },
}

/// `amount * part / whole`, to the nearest, halves away from zero.
fn share(amount: i64, part: i64, whole: i64) -> i64 {
    if whole == 0 {
        return 0;
    }
    let product = i128::from(amount) * i128::from(part);
    let (product, whole) = if whole < 0 {
        (-product, -i128::from(whole))
    } else {
        (product, i128::from(whole))
    };
    let rounded = (2 * product.abs() + whole) / (2 * whole);
    i64::try_from(rounded * product.signum()).unwrap_or(0)
}

/// Entries (discounts or taxes of a line) with their amounts cut to a part.
fn shares(entries: &Value, part: i64, whole: i64) -> Vec<Value> {
    let all = entries.as_array().into_iter().flatten();
    all.map(|entry| {
        let mut entry = entry.clone();
        for name in ["amount", "taxable_amount"] {
            if entry[name].is_i64() {
                entry[name] = json!(share(int(&entry[name]), part, whole));
            }
        }
        entry
    })
    .collect()
}

/// A line of a note, with its discounts and taxes.
pub(super) fn line_object(account: &mut Account, line: &CreditLine) -> Value {
    let id = account.ids.next("cnli_");
    match line {
        CreditLine::Invoiced {
            line,
            quantity,
            amount,
        } => {
            let whole = int(&line["amount"]);
            let discounts = shares(&line["discount_amounts"], *amount, whole);
            let unit = match quantity {
                Some(_) => line["pricing"]["unit_amount_decimal"].clone(),
                None => Value::Null,
            };
            json!({
                "id": id,
                "object": "credit_note_line_item",
                "amount": amount,
                "description": line["description"],
                "discount_amount": sum(discounts.iter().map(|entry| &entry["amount"])),
                "discount_amounts": discounts,
                "invoice_line_item": line["id"],
                "livemode": false,
                "metadata": {},
                "pretax_credit_amounts": shares(&line["pretax_credit_amounts"], *amount, whole),
                "quantity": quantity,
                "tax_rates": line["_tax_rates"].as_array().cloned().unwrap_or_default(),
                "taxes": shares(&line["taxes"], *amount, whole),
                "type": "invoice_line_item",
                "unit_amount": unit.as_str().and_then(|text| text.parse::<i64>().ok()),
                "unit_amount_decimal": unit,
            })
        }
        CreditLine::Custom {
            description,
            quantity,
            unit_amount,
            unit_amount_decimal,
            tax_rates,
        } => {
            let amount = unit_amount.saturating_mul(*quantity);
            let taxes: Vec<Value> = tax::amounts(tax_rates, amount)
                .iter()
                .map(|tax| {
                    json!({
                        "amount": tax.amount,
                        "tax_behavior": if tax.is_inclusive { "inclusive" } else { "exclusive" },
                        "tax_rate_details": { "tax_rate": tax.rate },
                        "taxability_reason": "not_available",
                        "taxable_amount": tax.taxable_amount,
                        "type": "tax_rate_details",
                    })
                })
                .collect();
            json!({
                "id": id,
                "object": "credit_note_line_item",
                "amount": amount,
                "description": description,
                "discount_amount": 0,
                "discount_amounts": [],
                "livemode": false,
                "metadata": null,
                "pretax_credit_amounts": [],
                "quantity": quantity,
                "tax_rates": tax_rates,
                "taxes": taxes,
                "type": "custom_line_item",
                "unit_amount": unit_amount,
                "unit_amount_decimal": unit_amount_decimal,
            })
        }
    }
}

/// Entries of all lines, one for each discount (or whatever `key` names), amounts added up.
pub(super) fn gathered(lines: &[Value], name: &str, key: &str) -> Vec<Value> {
    let mut out: Vec<Value> = Vec::new();
    for entry in lines
        .iter()
        .filter_map(|line| line[name].as_array())
        .flatten()
    {
        match out.iter_mut().find(|other| other[key] == entry[key]) {
            None => out.push(entry.clone()),
            Some(other) => {
                for member in ["amount", "taxable_amount"] {
                    if other[member].is_i64() {
                        let both = int(&other[member]).saturating_add(int(&entry[member]));
                        other[member] = json!(both);
                    }
                }
            }
        }
    }
    out
}

/// The gross amount of some of the units of a line.
pub(crate) fn amount_of_units(line: &Value, quantity: i64) -> i64 {
    let whole = line["quantity"].as_i64().unwrap_or(1).max(1);
    share(int(&line["amount"]), quantity, whole)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_of_a_line_takes_its_share_of_discount_and_tax() {
        // One of three units of 3 × 10.00, less 3.00 off, plus 20 % of 27.00 = 5.40:
        // 1000 - 100 + 180.
        let line = json!({
            "amount": 3_000, "quantity": 3,
            "discount_amounts": [{ "amount": 300, "discount": "di_1" }],
            "taxes": [{ "amount": 540, "taxable_amount": 2_700, "tax_behavior": "exclusive" }],
        });
        let amount = amount_of_units(&line, 1);
        assert_eq!(amount, 1_000);
        assert_eq!(
            shares(&line["discount_amounts"], amount, 3_000)[0]["amount"],
            100
        );
        assert_eq!(shares(&line["taxes"], amount, 3_000)[0]["amount"], 180);
    }

    #[test]
    fn shares_round_halves_away_from_zero() {
        assert_eq!(share(5, 1, 2), 3);
        assert_eq!(share(-5, 1, 2), -3);
        assert_eq!(share(100, 1, 3), 33);
        assert_eq!(share(100, 1, 0), 0);
    }
}
