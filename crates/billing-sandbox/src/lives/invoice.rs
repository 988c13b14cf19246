//! Invoices: what they are made of, and how a draft begins. Their totals, their opening, their
//! payment and their end are in the files beside this one.

pub(crate) mod balance;
pub(crate) mod collect;
pub(crate) mod dunning;
pub(crate) mod end;
pub(crate) mod item;
pub(crate) mod open;
pub(crate) mod preview;
pub(crate) mod totals;

use crate::json::{Value, json};

use crate::account::Account;
use crate::due::Action;

pub(crate) use collect::{mark_paid, tie_payment};
pub(crate) use open::finalize;

/// What the account calls itself towards its customers.
pub(crate) const ACCOUNT_NAME: &str = "Sandbox";

pub(crate) static DUE: &[Action] = &[
    ("invoice.advance", open::advance),
    ("invoice.retry", dunning::retry),
    ("invoice.overdue", end::overdue),
];

/// How long a draft that advances by itself stays open to changes.
pub(crate) const DRAFT_SECONDS: i64 = 3_600;

const SECONDS_PER_DAY: i64 = 86_400;

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
    /// Of a trial: whatever the price says, a unit costs nothing.
    pub(crate) is_free: bool,
    /// Kept out of discounts; prorations always are.
    pub(crate) is_not_discountable: bool,
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
    /// Whether a manual invoice finalises and collects itself; every other one does.
    pub(crate) auto_advance: bool,
    /// When it is due, if that is not told in days.
    pub(crate) due_date: Option<i64>,
    /// The moment that a subscription's change is prorated from.
    pub(crate) subscription_proration_date: Option<i64>,
}

/// Stores a draft, its totals worked out. One that advances by itself does so in an hour, unless it
/// is opened before.
pub(crate) fn insert(account: &mut Account, draft: &Draft) -> String {
    let mut invoice = draft_object(account, draft);
    totals::apply(account, &mut invoice);
    let is_waiting = matches!(
        draft.reason,
        "manual"
            | "subscription_cycle"
            | "subscription_threshold"
            | "automatic_pending_invoice_item_invoice"
    ) || draft.days_until_due.is_some();
    let id = account.insert(invoice);
    if is_waiting {
        plan_advance(account, &id);
    }
    id
}

/// Says when a draft advances by itself, or that it does not.
pub(crate) fn plan_advance(account: &mut Account, id: &str) {
    let invoice = account.get(id);
    if invoice["status"] != "draft" {
        return;
    }
    let is_planned = invoice["auto_advance"] == true;
    let is_charged = invoice["collection_method"] == "charge_automatically";
    let created = invoice["created"].as_i64().unwrap_or(account.now);
    let at = created.saturating_add(DRAFT_SECONDS);
    if let Some(invoice) = account.edit(id) {
        // Stripe rounds the one moment up and the other down.
        invoice["automatically_finalizes_at"] = is_planned.then_some(at + 1).into();
        invoice["next_payment_attempt"] = (is_planned && is_charged).then_some(at).into();
    }
    if is_planned {
        account.when(at.max(account.now), "invoice.advance", id);
    }
}

/// A draft that is not stored; its totals are still to be worked out.
#[expect(
    clippy::too_many_lines,
    reason = "one object of Stripe's, member by member"
)]
pub(crate) fn draft_object(account: &mut Account, draft: &Draft) -> Value {
    let id = account.ids.next("in_");
    let lines: Vec<Value> = draft
        .lines
        .iter()
        .map(|line| line_object(account, draft, &id, line))
        .collect();
    let customer = account.snapshot(&draft.customer);
    let starting_balance = customer["balance"].as_i64().unwrap_or(0);
    let parent = if draft.subscription.is_null() {
        Value::Null
    } else {
        let mut details = json!({
            "metadata": draft.subscription_metadata, "subscription": draft.subscription,
        });
        if let Some(at) = draft.subscription_proration_date {
            details["subscription_proration_date"] = json!(at);
        }
        json!({ "quote_details": null, "subscription_details": details, "type": "subscription_details" })
    };
    let due_date = draft.due_date.or_else(|| {
        let seconds = draft.days_until_due?.saturating_mul(SECONDS_PER_DAY);
        Some(account.now.saturating_add(seconds))
    });
    let is_sent = due_date.is_some();
    let metadata = if draft.metadata.is_null() {
        json!({})
    } else {
        draft.metadata.clone()
    };
    let tax_ids: Vec<Value> = account
        .rows_by("tax_id", "customer", &draft.customer)
        .map(|row| json!({ "type": row["type"], "value": row["value"] }))
        .collect();
    let seller = account.get(&account.id);
    json!({
        "id": id,
        "object": "invoice",
        "account_country": seller["country"].as_str().unwrap_or("US"),
        "account_name": ACCOUNT_NAME,
        "account_tax_ids": null,
        "amount_due": 0,
        "amount_overpaid": 0,
        "amount_paid": 0,
        "amount_remaining": 0,
        "amount_shipping": 0,
        "application": null,
        "attempt_count": 0,
        "attempted": false,
        "auto_advance": draft.auto_advance || draft.reason != "manual",
        "automatic_tax": {
            "disabled_reason": null, "enabled": false, "liability": null, "provider": null,
            "status": null,
        },
        "automatically_finalizes_at": null,
        "billing_reason": draft.reason,
        "collection_method": if is_sent { "send_invoice" } else { "charge_automatically" },
        "created": account.now,
        "currency": draft.currency,
        "custom_fields": customer["invoice_settings"]["custom_fields"],
        "customer": draft.customer,
        "customer_account": null,
        "customer_address": customer["address"],
        "customer_email": customer["email"],
        "customer_name": customer["name"],
        "customer_phone": customer["phone"],
        "customer_shipping": customer["shipping"],
        "customer_tax_exempt": customer["tax_exempt"].as_str().unwrap_or("none"),
        "customer_tax_ids": tax_ids,
        "default_payment_method": draft.default_payment_method,
        "default_source": null,
        "default_tax_rates": draft.default_tax_rates,
        "description": draft.description,
        "discounts": draft.discounts,
        "due_date": due_date,
        "effective_at": null,
        "ending_balance": null,
        "footer": if draft.footer.is_null() { customer["invoice_settings"]["footer"].clone() } else { draft.footer.clone() },
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
        "metadata": metadata,
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
        // Invoices of subscriptions are shown as the account shows them.
        "rendering": if draft.reason == "manual" { rendering(&Value::Null) } else { Value::Null },
        "shipping_cost": null,
        "shipping_details": null,
        "starting_balance": starting_balance,
        "statement_descriptor": null,
        "status": "draft",
        "status_transitions": {
            "finalized_at": null, "marked_uncollectible_at": null, "paid_at": null,
            "voided_at": null,
        },
        "subtotal": 0,
        "subtotal_excluding_tax": 0,
        "test_clock": customer["test_clock"],
        "total": 0,
        "total_discount_amounts": [],
        "total_excluding_tax": 0,
        "total_pretax_credit_amounts": [],
        "total_taxes": [],
        "webhooks_delivered_at": account.now,
        "_charge": null,
        "_payment_intent": null,
        "_subscription": draft.subscription,
    })
}

/// How an invoice is shown: as asked for, and on paper of the customer's country.
pub(crate) fn rendering(sent: &Value) -> Value {
    let page_size = sent["pdf"]["page_size"].as_str().unwrap_or("auto");
    json!({
        "amount_tax_display": sent["amount_tax_display"], "pdf": { "page_size": page_size },
        "template": null, "template_version": null,
    })
}

/// A line of an invoice, its discounts and taxes still to be worked out.
pub(crate) fn line_object(
    account: &mut Account,
    draft: &Draft,
    invoice_id: &str,
    line: &Line,
) -> Value {
    let credited = json!({ "credited_items": line.credited_items });
    let parent = if line.subscription_item.is_null() {
        let item = match line.invoice_item.as_str() {
            Some(id) => id.to_owned(),
            None => account.ids.next("ii_"),
        };
        json!({
            "invoice_item_details": {
                "invoice_item": item,
                "proration": line.is_proration,
                "proration_details": credited,
                "subscription": draft.subscription,
            },
            "subscription_item_details": null,
            "type": "invoice_item_details",
        })
    } else {
        // A proration is an invoice item of a subscription's item, and has the latter for its parent.
        json!({
            "invoice_item_details": null,
            "subscription_item_details": {
                "invoice_item": line.invoice_item,
                "proration": line.is_proration,
                "proration_details": credited,
                "subscription": draft.subscription,
                "subscription_item": line.subscription_item,
            },
            "type": "subscription_item_details",
        })
    };
    let metadata = match (&line.metadata, draft.subscription.is_null()) {
        (Value::Object(_), _) => line.metadata.clone(),
        (_, false) if draft.subscription_metadata.is_object() => {
            draft.subscription_metadata.clone()
        }
        _ => json!({}),
    };
    json!({
        "id": account.ids.next("il_"),
        "object": "line_item",
        "amount": line.amount,
        "currency": draft.currency,
        "description": line.description,
        "discount_amounts": [],
        "discountable": !(line.is_proration || line.is_not_discountable),
        "discounts": line.discounts,
        "invoice": invoice_id,
        "livemode": false,
        "metadata": metadata,
        "parent": parent,
        "period": { "end": line.period.1, "start": line.period.0 },
        "pretax_credit_amounts": [],
        "pricing": {
            "price_details": { "price": line.price["id"], "product": line.price["product"] },
            "type": "price_details",
            "unit_amount_decimal": match (line.is_proration, line.is_free) {
                (true, _) => Value::Null,
                (false, true) => json!("0"),
                (false, false) => line.price["unit_amount_decimal"].clone(),
            },
        },
        "quantity": line.quantity,
        "quantity_decimal": line.quantity.to_string(),
        "subscription": draft.subscription,
        "subtotal": line.amount,
        "taxes": [],
        "_price": line.price,
        "_tax_rates": line.tax_rates,
    })
}

/// The lines of an invoice.
pub(crate) fn lines_of(invoice: &Value) -> &[Value] {
    invoice["lines"]["data"]
        .as_array()
        .map_or(&[], Vec::as_slice)
}

/// The id of the subscription that an invoice bills.
pub(crate) fn subscription_of(invoice: &Value) -> Option<&str> {
    invoice["parent"]["subscription_details"]["subscription"].as_str()
}
