//! What waits for a subscription's next invoice: prorations, and items that were added by hand.

use crate::json::{Value, json};

use crate::account::Account;
use crate::lives::calendar::Interval;
use crate::lives::invoice::Line;
use crate::lives::invoice::item::{self, ItemTerms};
use crate::lives::subscription::{billing, collection, cycle};

/// Keeps lines as invoice items for the next invoice, so that the first is billed first.
pub(crate) fn keep(account: &mut Account, id: &str, lines: &[Line]) {
    insert(account, id, lines, true);
}

/// Keeps what a subscription that ends gives back: for its customer, as it has no next invoice.
pub(crate) fn leave(account: &mut Account, id: &str, lines: &[Line]) {
    insert(account, id, lines, false);
}

fn insert(account: &mut Account, id: &str, lines: &[Line], is_its_own: bool) {
    let subscription = account.snapshot(id);
    let its_own = |value: Value| if is_its_own { value } else { Value::Null };
    // Newer items come first on an invoice.
    for line in lines.iter().rev() {
        let item_id = item::insert(
            account,
            &ItemTerms {
                customer: text(&subscription["customer"]),
                currency: text(&subscription["currency"]),
                amount: line.amount,
                quantity: line.quantity,
                price: line.price.clone(),
                description: json!(line.description),
                period: Some(line.period),
                is_discountable: !line.is_proration,
                discounts: line.discounts.clone(),
                tax_rates: line.tax_rates.clone(),
                invoice: Value::Null,
                subscription: its_own(json!(id)),
                subscription_item: its_own(line.subscription_item.clone()),
                is_proration: line.is_proration,
                credited_items: line.credited_items.clone(),
                metadata: line.metadata.clone(),
            },
        );
        account.raise("invoiceitem.created", &item_id);
    }
}

/// The lines of what waits: the items of this subscription, and those of its customer that are for
/// no subscription.
pub(crate) fn lines(account: &Account, id: &str) -> Vec<Line> {
    let subscription = account.get(id);
    let customer = subscription["customer"].as_str().unwrap_or_default();
    let currency = subscription["currency"].as_str().unwrap_or("usd");
    item::pending(account, customer, currency, None)
        .iter()
        .filter(|row| {
            let own = &row["parent"]["subscription_details"]["subscription"];
            own.is_null() || *own == id
        })
        .map(item::as_line)
        .collect()
}

/// Says when what waits is invoiced between the cycles, if the subscription wants that.
pub(crate) fn expect_invoice(account: &mut Account, id: &str) {
    let subscription = account.get(id);
    let every = &subscription["pending_invoice_item_interval"];
    let now = account.now;
    let next = every["interval"].as_str().map(|unit| {
        let count = every["interval_count"].as_i64().unwrap_or(1).clamp(1, 366);
        let anchor = subscription["billing_cycle_anchor"].as_i64().unwrap_or(now);
        Interval { unit, count }.period_at(anchor, now).1
    });
    if next.is_none() && subscription["next_pending_invoice_item_invoice"].is_null() {
        return;
    }
    account.set(id, "next_pending_invoice_item_invoice", json!(next));
    if let Some(at) = next {
        account.when(at, "subscription.pending_items", id);
    }
}

/// The time has come to invoice what waits; without anything nothing is made.
pub(crate) fn invoice(account: &mut Account, id: &str) {
    let before = account.snapshot(id);
    let is_due = before["next_pending_invoice_item_invoice"] == account.now;
    if !is_due || !cycle::is_running(&before) {
        return;
    }
    let now = account.now;
    let waiting = lines(account, id);
    expect_invoice(account, id);
    if waiting.is_empty() {
        account.raise_update("customer.subscription.updated", id, &before);
        return;
    }
    let reason = "automatic_pending_invoice_item_invoice";
    let invoice_id = billing::insert_invoice(account, id, reason, waiting, (now, now));
    account.raise_update("customer.subscription.updated", id, &before);
    account.raise("invoice.created", &invoice_id);
    collection::after_draft(account, id, &invoice_id);
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
