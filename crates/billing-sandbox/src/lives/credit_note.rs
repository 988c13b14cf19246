//! Credit notes: what they take off an open invoice, and how they give back what was paid.

use serde_json::{Map, Value, json};

use crate::account::Account;
use crate::http::error::StripeError;
use crate::lives::invoice::balance::{self, Entry};
use crate::lives::invoice::{collect, lines_of};
use crate::lives::{money, reaction, tax};

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

/// What a credit note is made of.
#[derive(Debug, Clone, Default)]
pub(crate) struct Terms {
    pub(crate) invoice: String,
    pub(crate) lines: Vec<CreditLine>,
    pub(crate) credit_amount: i64,
    pub(crate) out_of_band_amount: Option<i64>,
    /// To be refunded now.
    pub(crate) refund_amount: i64,
    /// Refunds that were made before: id and amount.
    pub(crate) refunds: Vec<(String, i64)>,
    pub(crate) memo: Value,
    pub(crate) reason: Value,
    pub(crate) effective_at: Option<i64>,
    pub(crate) metadata: Value,
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

fn int(value: &Value) -> i64 {
    value.as_i64().unwrap_or(0)
}

fn sum<'a>(values: impl Iterator<Item = &'a Value>) -> i64 {
    values.map(int).fold(0, i64::saturating_add)
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

fn line_object(account: &mut Account, line: &CreditLine) -> Value {
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
                "metadata": {},
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
fn gathered(lines: &[Value], name: &str, key: &str) -> Vec<Value> {
    let mut out: Vec<Value> = Vec::new();
    for entry in lines
        .iter()
        .flat_map(|line| line[name].as_array())
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

/// The notes of an invoice, the void ones too.
pub(crate) fn of_invoice<'a>(
    account: &'a Account,
    invoice_id: &str,
) -> impl DoubleEndedIterator<Item = &'a Value> {
    account.rows_by("credit_note", "invoice", invoice_id)
}

/// How a note divides: what it takes off the amount due, and what it gives back.
fn divided(account: &Account, terms: &Terms, total: i64) -> Result<(i64, i64), StripeError> {
    let invoice = account.get(&terms.invoice);
    let currency = invoice["currency"].as_str().unwrap_or("usd");
    let credited = of_invoice(account, &terms.invoice)
        .filter(|note| note["status"] != "void")
        .map(|note| int(&note["total"]))
        .fold(0, i64::saturating_add);
    let left = int(&invoice["total"]).saturating_sub(credited);
    if total > left {
        return Err(StripeError::invalid(format!(
            "The credit note amount ({}) is greater than the amount of the invoice that can still \
             be credited ({}).",
            money::written(total, currency),
            money::written(left.max(0), currency),
        ))
        .param("amount"));
    }
    let remaining = if invoice["status"] == "paid" {
        0
    } else {
        int(&invoice["amount_remaining"])
    };
    let before_payment = total.min(remaining).max(0);
    let after_payment = total.saturating_sub(before_payment);
    let earlier = terms.refunds.iter().map(|(_, amount)| *amount);
    let given = earlier
        .fold(terms.refund_amount, i64::saturating_add)
        .saturating_add(terms.credit_amount)
        .saturating_add(terms.out_of_band_amount.unwrap_or(0));
    if given != after_payment {
        return Err(StripeError::invalid(format!(
            "The sum of credit amount, refund amount and out of band amount ({}) must equal the \
             credit note amount ({}).",
            money::written(given, currency),
            money::written(after_payment, currency),
        )));
    }
    Ok((before_payment, after_payment))
}

/// The note that terms make, with its amounts; nothing is stored.
pub(crate) fn preview(account: &mut Account, terms: &Terms) -> Result<Value, StripeError> {
    let invoice = account.get(&terms.invoice).clone();
    let lines: Vec<Value> = terms
        .lines
        .iter()
        .map(|line| line_object(account, line))
        .collect();
    let subtotal = sum(lines.iter().map(|line| &line["amount"]));
    let discount = sum(lines.iter().map(|line| &line["discount_amount"]));
    let taxes = gathered(&lines, "taxes", "tax_rate_details");
    let tax_of = |behaviour: &str| {
        sum(taxes
            .iter()
            .filter(|tax| tax["tax_behavior"] == behaviour)
            .map(|tax| &tax["amount"]))
    };
    let (exclusive, inclusive) = (tax_of("exclusive"), tax_of("inclusive"));
    let net = subtotal.saturating_sub(discount);
    let total = net.saturating_add(exclusive);
    if total <= 0 {
        return Err(StripeError::coded(
            "parameter_invalid_integer",
            "This value must be greater than or equal to 1.",
        )
        .param("amount"));
    }
    let (before_payment, after_payment) = divided(account, terms, total)?;
    let id = account.ids.next("cn_");
    let count = of_invoice(account, &terms.invoice).count() + 1;
    let number = invoice["number"].as_str().unwrap_or_default();
    let refunds: Vec<Value> = terms
        .refunds
        .iter()
        .map(|(id, amount)| refund_entry(id, *amount))
        .collect();
    let kind = match (before_payment > 0, after_payment > 0) {
        (true, true) => "mixed",
        (true, false) => "pre_payment",
        _ => "post_payment",
    };
    let metadata = if terms.metadata.is_null() {
        Value::Object(Map::new())
    } else {
        terms.metadata.clone()
    };
    Ok(json!({
        "id": id,
        "object": "credit_note",
        "amount": total,
        "amount_shipping": 0,
        "created": account.now,
        "currency": invoice["currency"],
        "customer": invoice["customer"],
        "customer_account": null,
        "customer_balance_transaction": null,
        "discount_amount": discount,
        "discount_amounts": gathered(&lines, "discount_amounts", "discount"),
        "effective_at": terms.effective_at.unwrap_or(account.now),
        "invoice": terms.invoice,
        "lines": {
            "object": "list", "data": lines, "has_more": false,
            "url": format!("/v1/credit_notes/{id}/lines"),
        },
        "livemode": false,
        "memo": terms.memo,
        "metadata": metadata,
        "number": format!("{number}-CN-{count:02}"),
        "out_of_band_amount": terms.out_of_band_amount,
        "pdf": format!("{}/i/{}/credit/{id}/pdf", account.public_url, terms.invoice),
        "post_payment_amount": after_payment,
        "pre_payment_amount": before_payment,
        "pretax_credit_amounts": gathered(&lines, "pretax_credit_amounts", "discount"),
        "reason": terms.reason,
        "refunds": refunds,
        "shipping_cost": null,
        "status": "issued",
        "subtotal": subtotal,
        "subtotal_excluding_tax": subtotal.saturating_sub(inclusive),
        "total": total,
        "total_excluding_tax": net.saturating_sub(inclusive),
        "total_taxes": taxes,
        "type": kind,
        "voided_at": null,
    }))
}

fn refund_entry(id: &str, amount: i64) -> Value {
    json!({
        "amount_refunded": amount, "payment_record_refund": null, "refund": id, "type": "refund",
    })
}

/// Issues a note: its refund is made, the balance credited, the amount due cut.
pub(crate) fn issue(account: &mut Account, terms: &Terms) -> Result<String, StripeError> {
    let mut note = preview(account, terms)?;
    let invoice_before = account.snapshot(&terms.invoice);
    if terms.refund_amount > 0 {
        let refund = refunded(account, &invoice_before, terms.refund_amount)?;
        if let Some(refunds) = note["refunds"].as_array_mut() {
            refunds.push(refund_entry(&refund, terms.refund_amount));
        }
    }
    let customer = note["customer"].as_str().unwrap_or_default().to_owned();
    let currency = note["currency"].as_str().unwrap_or("usd").to_owned();
    let customer_before = account.snapshot(&customer);
    if terms.credit_amount > 0 {
        let entry = Entry {
            amount: terms.credit_amount.saturating_neg(),
            kind: "credit_note",
            credit_note: note["id"].clone(),
            invoice: json!(terms.invoice),
            ..Entry::default()
        };
        let transaction = balance::enter(account, &customer, &entry, &currency);
        note["customer_balance_transaction"] = json!(transaction);
    }
    let id = account.insert(note);
    account.raise("credit_note.created", &id);
    account.raise_update("customer.updated", &customer, &customer_before);
    let before_payment = int(&account.get(&id)["pre_payment_amount"]);
    let after_payment = int(&account.get(&id)["post_payment_amount"]);
    count(account, &terms.invoice, before_payment, after_payment);
    let is_settled = before_payment > 0 && account.get(&terms.invoice)["amount_remaining"] == 0;
    if is_settled {
        collect::cancel_intent(account, &terms.invoice);
        collect::mark_paid(account, &terms.invoice);
        let attempted = invoice_before["attempted"].clone();
        account.set(&terms.invoice, "attempted", attempted);
    }
    account.raise_update("invoice.updated", &terms.invoice, &invoice_before);
    if is_settled {
        account.raise("invoice.paid", &terms.invoice);
        account.raise("invoice.payment_succeeded", &terms.invoice);
        reaction::invoice_paid(account, &terms.invoice);
    }
    Ok(id)
}

/// Counts what a note took off and gave back on its invoice; negative when it is voided.
fn count(account: &mut Account, invoice_id: &str, before_payment: i64, after_payment: i64) {
    let Some(invoice) = account.edit(invoice_id) else {
        return;
    };
    for (name, change) in [
        ("amount_due", before_payment.saturating_neg()),
        ("amount_remaining", before_payment.saturating_neg()),
        ("pre_payment_credit_notes_amount", before_payment),
        ("post_payment_credit_notes_amount", after_payment),
    ] {
        invoice[name] = json!(int(&invoice[name]).saturating_add(change));
    }
    let due = invoice["amount_due"].clone();
    let Some(intent_id) = invoice["_payment_intent"].as_str().map(str::to_owned) else {
        return;
    };
    let status = account.get(&intent_id)["status"].clone();
    if before_payment != 0 && due != 0 && status != "succeeded" && status != "canceled" {
        account.set(&intent_id, "amount", due.clone());
        let payments: Vec<String> = account
            .rows_by("invoice_payment", "invoice", invoice_id)
            .filter(|row| row["status"] == "open")
            .filter_map(|row| row["id"].as_str().map(str::to_owned))
            .collect();
        for payment in payments {
            account.set(&payment, "amount_requested", due.clone());
        }
    }
}

/// Refunds a part of what an invoice was paid with.
fn refunded(account: &mut Account, invoice: &Value, amount: i64) -> Result<String, StripeError> {
    let _ = (account, amount);
    match invoice["_charge"].as_str() {
        None => Err(StripeError::invalid(
            "There is no payment of this invoice that could be refunded.",
        )
        .param("refund_amount")),
        Some(_) => Err(StripeError::not_simulated("refunds by credit notes")),
    }
}

/// Takes a note back: what it took off is due again, what it credited is taken from the balance.
pub(crate) fn void(account: &mut Account, id: &str) {
    let note = account.get(id).clone();
    let invoice_id = note["invoice"].as_str().unwrap_or_default().to_owned();
    let invoice_before = account.snapshot(&invoice_id);
    let now = account.now;
    if let Some(stored) = account.edit(id) {
        stored["status"] = json!("void");
        stored["voided_at"] = json!(now);
    }
    if invoice_before["status"] == "open" {
        let before_payment = int(&note["pre_payment_amount"]);
        count(account, &invoice_id, before_payment.saturating_neg(), 0);
    }
    let after_payment = int(&note["post_payment_amount"]);
    count(account, &invoice_id, 0, after_payment.saturating_neg());
    let credited = note["customer_balance_transaction"].as_str();
    let customer = note["customer"].as_str().unwrap_or_default().to_owned();
    let customer_before = account.snapshot(&customer);
    if let Some(transaction) = credited {
        let entry = Entry {
            amount: int(&account.get(transaction)["amount"]).saturating_neg(),
            kind: "credit_note",
            credit_note: json!(id),
            invoice: json!(invoice_id),
            ..Entry::default()
        };
        let currency = note["currency"].as_str().unwrap_or("usd");
        balance::enter(account, &customer, &entry, currency);
    }
    account.raise("credit_note.voided", id);
    account.raise_update("customer.updated", &customer, &customer_before);
    account.raise_update("invoice.updated", &invoice_id, &invoice_before);
}

/// The line of an invoice that a note names.
pub(crate) fn line_named<'a>(invoice: &'a Value, id: &str) -> Option<&'a Value> {
    lines_of(invoice).iter().find(|line| line["id"] == id)
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
