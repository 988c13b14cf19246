//! Credit notes: what they take off an open invoice, and how they give back what was paid.

pub(crate) mod line;

use crate::json::{Map, Value, json};

use crate::account::Account;
use crate::http::error::StripeError;
use crate::lives::credit_note::line::{CreditLine, gathered, line_object};
use crate::lives::invoice::balance::{self, Entry};
use crate::lives::invoice::{collect, lines_of};
use crate::lives::{money, reaction, refund};

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

fn int(value: &Value) -> i64 {
    value.as_i64().unwrap_or(0)
}

fn sum<'a>(values: impl Iterator<Item = &'a Value>) -> i64 {
    values.map(int).fold(0, i64::saturating_add)
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
        let charge = refundable(account, terms)?;
        let amount = terms.refund_amount;
        let refund = refund::make(account, &charge, amount, &Value::Null, &json!({}));
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

/// The charge that an invoice was paid with, if so much of it can be given back.
fn refundable(account: &Account, terms: &Terms) -> Result<String, StripeError> {
    let invoice = account.get(&terms.invoice);
    let charge = account.get(invoice["_charge"].as_str().unwrap_or_default());
    if invoice["status"] != "paid" || charge["status"] != "succeeded" {
        return Err(StripeError::invalid(
            "There is no payment of this invoice that could be refunded.",
        )
        .param("refund_amount"));
    }
    let given_back = int(&charge["amount_refunded"]);
    let left = int(&charge["amount_captured"]).saturating_sub(given_back);
    if terms.refund_amount > left {
        let currency = charge["currency"].as_str().unwrap_or("usd");
        let of = if given_back > 0 {
            "unrefunded amount on charge"
        } else {
            "charge amount"
        };
        return Err(StripeError::invalid(format!(
            "Refund amount ({}) is greater than {of} ({})",
            money::written(terms.refund_amount, currency),
            money::written(left, currency)
        ))
        .param("amount"));
    }
    Ok(charge["id"].as_str().unwrap_or_default().to_owned())
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
