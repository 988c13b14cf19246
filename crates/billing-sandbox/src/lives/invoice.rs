//! Invoices: draft, open, paid; their numbers, lines and payments.

use serde_json::{Value, json};

use crate::account::Account;
use crate::due::Action;
use crate::lives::card::Decline;
use crate::lives::payment::{self, IntentTerms};

pub(crate) static DUE: &[Action] = &[];

/// One line to be billed, before discounts and taxes.
#[derive(Debug, Clone, Default)]
pub(crate) struct Line {
    pub(crate) amount: i64,
    pub(crate) description: String,
    /// The whole price.
    pub(crate) price: Value,
    pub(crate) quantity: i64,
    pub(crate) period: (i64, i64),
    /// The id of the subscription item that it bills; null for anything else.
    pub(crate) subscription_item: Value,
    /// The id of the invoice item that it bills; null for anything else.
    pub(crate) invoice_item: Value,
    pub(crate) is_proration: bool,
    /// What a credit takes back: `{ invoice, invoice_line_items }`, or null.
    pub(crate) credited_items: Value,
    /// Ids of the discounts of this line alone.
    pub(crate) discounts: Vec<String>,
    /// Whole tax rates of this line; the invoice's own apply where it has none.
    pub(crate) tax_rates: Vec<Value>,
    pub(crate) metadata: Value,
}

/// What an invoice is made of.
#[derive(Debug, Clone, Default)]
pub(crate) struct Draft {
    pub(crate) customer: String,
    /// The id of the subscription, or null.
    pub(crate) subscription: Value,
    pub(crate) subscription_metadata: Value,
    pub(crate) currency: String,
    pub(crate) reason: &'static str,
    pub(crate) lines: Vec<Line>,
    pub(crate) period: (i64, i64),
    /// Ids of the discounts of the whole invoice, in the order in which they apply.
    pub(crate) discounts: Vec<String>,
    /// Whole tax rates for lines without their own.
    pub(crate) default_tax_rates: Vec<Value>,
    /// `send_invoice` with the days until it is due; otherwise it is charged automatically.
    pub(crate) days_until_due: Option<i64>,
    pub(crate) default_payment_method: Value,
    pub(crate) description: Value,
    pub(crate) footer: Value,
    pub(crate) metadata: Value,
}

#[expect(
    clippy::too_many_lines,
    reason = "one object of Stripe's, member by member"
)]
pub(crate) fn insert(account: &mut Account, draft: &Draft) -> String {
    let id = account.ids.next("in_");
    let total: i64 = draft.lines.iter().map(|line| line.amount).sum();
    let lines: Vec<Value> = draft
        .lines
        .iter()
        .map(|line| line_object(account, draft, &id, line))
        .collect();
    let customer = account.get(&draft.customer).clone();
    let starting_balance = customer["balance"].as_i64().unwrap_or(0);
    let amount_due = total.saturating_add(starting_balance).max(0);
    let parent = if draft.subscription.is_null() {
        Value::Null
    } else {
        json!({
            "quote_details": null,
            "subscription_details": {
                "metadata": draft.subscription_metadata, "subscription": draft.subscription,
            },
            "type": "subscription_details",
        })
    };
    let invoice = json!({
        "id": id,
        "object": "invoice",
        "account_country": "US",
        "account_name": "Sandbox",
        "account_tax_ids": null,
        "amount_due": amount_due,
        "amount_overpaid": 0,
        "amount_paid": 0,
        "amount_remaining": amount_due,
        "amount_shipping": 0,
        "application": null,
        "attempt_count": 0,
        "attempted": false,
        "auto_advance": true,
        "automatic_tax": {
            "disabled_reason": null, "enabled": false, "liability": null, "provider": null,
            "status": null,
        },
        "automatically_finalizes_at": null,
        "billing_reason": draft.reason,
        "collection_method": "charge_automatically",
        "created": account.now,
        "currency": draft.currency,
        "custom_fields": null,
        "customer": draft.customer,
        "customer_account": null,
        "customer_address": customer["address"],
        "customer_email": customer["email"],
        "customer_name": customer["name"],
        "customer_phone": customer["phone"],
        "customer_shipping": customer["shipping"],
        "customer_tax_exempt": "none",
        "customer_tax_ids": [],
        "default_payment_method": null,
        "default_source": null,
        "default_tax_rates": [],
        "description": null,
        "discounts": [],
        "due_date": null,
        "effective_at": null,
        "ending_balance": null,
        "footer": null,
        "from_invoice": null,
        "hosted_invoice_url": null,
        "invoice_pdf": null,
        "issuer": { "type": "self" },
        "last_finalization_error": null,
        "latest_revision": null,
        "lines": {
            "object": "list", "data": lines, "has_more": false, "total_count": lines.len(),
            "url": format!("/v1/invoices/{id}/lines"),
        },
        "livemode": false,
        "metadata": {},
        "next_payment_attempt": null,
        "number": null,
        "on_behalf_of": null,
        "parent": parent,
        "payment_settings": {
            "default_mandate": null, "payment_method_options": null, "payment_method_types": null,
        },
        "period_end": draft.period.1,
        "period_start": draft.period.0,
        "post_payment_credit_notes_amount": 0,
        "pre_payment_credit_notes_amount": 0,
        "receipt_number": null,
        "rendering": null,
        "shipping_cost": null,
        "shipping_details": null,
        "starting_balance": starting_balance,
        "statement_descriptor": null,
        "status": "draft",
        "status_transitions": {
            "finalized_at": null, "marked_uncollectible_at": null, "paid_at": null,
            "voided_at": null,
        },
        "subtotal": total,
        "subtotal_excluding_tax": total,
        "test_clock": null,
        "total": total,
        "total_discount_amounts": [],
        "total_excluding_tax": total,
        "total_pretax_credit_amounts": [],
        "total_taxes": [],
        "webhooks_delivered_at": account.now,
        "_payment_intent": null,
        "_charge": null,
        "_subscription": draft.subscription,
    });
    account.insert(invoice)
}

fn line_object(account: &mut Account, draft: &Draft, invoice_id: &str, line: &Line) -> Value {
    json!({
        "id": account.ids.next("il_"),
        "object": "line_item",
        "amount": line.amount,
        "currency": draft.currency,
        "description": line.description,
        "discount_amounts": [],
        "discountable": !line.is_proration,
        "discounts": [],
        "invoice": invoice_id,
        "livemode": false,
        "metadata": if draft.subscription.is_null() { json!({}) } else { draft.subscription_metadata.clone() },
        "parent": if line.subscription_item.is_null() { json!({
            "invoice_item_details": {
                "invoice_item": account.ids.next("ii_"),
                "proration": false,
                "proration_details": { "credited_items": null },
                "subscription": draft.subscription,
            },
            "subscription_item_details": null,
            "type": "invoice_item_details",
        }) } else { json!({
            "invoice_item_details": null,
            "subscription_item_details": {
                "invoice_item": null,
                "proration": line.is_proration,
                "proration_details": { "credited_items": null },
                "subscription": draft.subscription,
                "subscription_item": line.subscription_item,
            },
            "type": "subscription_item_details",
        }) },
        "period": { "end": line.period.1, "start": line.period.0 },
        "pretax_credit_amounts": [],
        "pricing": {
            "price_details": { "price": line.price["id"], "product": line.price["product"] },
            "type": "price_details",
            "unit_amount_decimal": if line.is_proration { Value::Null } else { line.price["unit_amount_decimal"].clone() },
        },
        "quantity": line.quantity,
        "quantity_decimal": line.quantity.to_string(),
        "subscription": draft.subscription,
        "subtotal": line.amount,
        "taxes": [],
        "_price": line.price,
    })
}

/// Gives a draft its number and opens it; what the customer's balance covers is taken from it.
pub(crate) fn finalize(account: &mut Account, id: &str) {
    let now = account.now;
    let invoice = account.get(id).clone();
    let customer_id = invoice["customer"].as_str().unwrap_or_default().to_owned();
    let customer = account.get(&customer_id).clone();
    let sequence = customer["next_invoice_sequence"].as_i64().unwrap_or(1);
    let number = format!(
        "{}-{sequence:04}",
        customer["invoice_prefix"].as_str().unwrap_or("SANDBOX")
    );
    let total = invoice["total"].as_i64().unwrap_or(0);
    let ending = total
        .saturating_add(invoice["starting_balance"].as_i64().unwrap_or(0))
        .min(0);
    account.set(&customer_id, "next_invoice_sequence", json!(sequence + 1));
    account.set(&customer_id, "balance", json!(ending));
    let url = format!("{}/sandbox/invoices/{id}", account.public_url);
    if let Some(invoice) = account.edit(id) {
        invoice["number"] = json!(number);
        invoice["status"] = json!("open");
        invoice["ending_balance"] = json!(ending);
        invoice["effective_at"] = json!(now);
        invoice["status_transitions"]["finalized_at"] = json!(now);
        invoice["hosted_invoice_url"] = json!(url);
        invoice["invoice_pdf"] = json!(format!("{url}/pdf"));
    }
}

pub(crate) fn mark_paid(account: &mut Account, id: &str) {
    let now = account.now;
    if let Some(invoice) = account.edit(id) {
        invoice["status"] = json!("paid");
        invoice["attempted"] = json!(true);
        invoice["auto_advance"] = json!(false);
        invoice["amount_paid"] = invoice["amount_due"].clone();
        invoice["amount_remaining"] = json!(0);
        invoice["next_payment_attempt"] = Value::Null;
        invoice["status_transitions"]["paid_at"] = json!(now);
    }
}

/// Ties a payment to an invoice; `is_paid` when the money is there.
pub(crate) fn tie_payment(
    account: &mut Account,
    invoice_id: &str,
    intent_id: &str,
    is_paid: bool,
) -> String {
    let invoice = account.get(invoice_id).clone();
    let charge = account.get(intent_id)["latest_charge"].clone();
    account.set(invoice_id, "_payment_intent", json!(intent_id));
    account.set(invoice_id, "_charge", charge.clone());
    account.set(intent_id, "_invoice", json!(invoice_id));
    if let Some(charge_id) = charge.as_str() {
        account.set(charge_id, "_invoice", json!(invoice_id));
    }
    let payment = json!({
        "id": account.ids.next("inpay_"),
        "object": "invoice_payment",
        "amount_paid": if is_paid { invoice["amount_due"].clone() } else { Value::Null },
        "amount_requested": invoice["amount_due"],
        "created": account.now,
        "currency": invoice["currency"],
        "invoice": invoice_id,
        "is_default": true,
        "livemode": false,
        "payment": { "payment_intent": intent_id, "type": "payment_intent" },
        "status": if is_paid { "paid" } else { "open" },
        "status_transitions": {
            "canceled_at": null, "paid_at": if is_paid { json!(account.now) } else { Value::Null },
        },
    });
    account.insert(payment)
}

/// Tries to pay an open invoice with a payment method, raising what Stripe raises.
pub(crate) fn attempt(
    account: &mut Account,
    id: &str,
    method_id: &str,
    description: &str,
) -> Result<(), Decline> {
    let invoice = account.get(id).clone();
    let attempts = invoice["attempt_count"].as_i64().unwrap_or(0);
    account.set(id, "attempt_count", json!(attempts + 1));
    account.set(id, "attempted", json!(true));
    let intent_id = if let Some(existing) = invoice["_payment_intent"].as_str() {
        existing.to_owned()
    } else {
        let intent_id = payment::insert_intent(
            account,
            &IntentTerms {
                amount: invoice["amount_due"].as_i64().unwrap_or(0),
                currency: invoice["currency"].as_str().unwrap_or("usd").to_owned(),
                customer: invoice["customer"].clone(),
                description: json!(description),
                invoice: json!(id),
                ..IntentTerms::default()
            },
        );
        tie_payment(account, id, &intent_id, false);
        account.raise("payment_intent.created", &intent_id);
        intent_id
    };
    let charged = payment::charge(account, &intent_id, method_id);
    let charge = account.get(&intent_id)["latest_charge"].clone();
    account.set(id, "_charge", charge.clone());
    if let Err(decline) = charged {
        payment::raise_failed(account, &intent_id);
        account.raise("invoice.payment_failed", id);
        return Err(decline);
    }
    account.raise("charge.succeeded", charge.as_str().unwrap_or_default());
    account.raise("payment_intent.succeeded", &intent_id);
    mark_paid(account, id);
    account.raise("invoice.paid", id);
    account.raise("invoice.payment_succeeded", id);
    let (now, payment_id) = (account.now, payment_of(account, id));
    if let Some(row) = account.edit(&payment_id) {
        row["status"] = json!("paid");
        row["amount_paid"] = row["amount_requested"].clone();
        row["status_transitions"]["paid_at"] = json!(now);
    }
    account.raise("invoice_payment.paid", &payment_id);
    Ok(())
}

fn payment_of(account: &Account, invoice_id: &str) -> String {
    let found = account
        .rows("invoice_payment")
        .find(|row| row["invoice"] == invoice_id);
    found
        .and_then(|row| row["id"].as_str())
        .unwrap_or_default()
        .to_owned()
}
