//! How an invoice is sent, becomes overdue, is voided or given up.

use crate::json::{Value, json};

use crate::account::Account;
use crate::lives::credit;
use crate::lives::invoice::balance::{self, Entry};
use crate::lives::invoice::collect;
use crate::lives::reaction;

/// The customer was told of an open invoice.
pub(crate) fn sent(account: &mut Account, id: &str) {
    account.raise("invoice.sent", id);
}

/// The due date has passed.
pub(crate) fn overdue(account: &mut Account, id: &str) {
    let invoice = account.get(id);
    let is_overdue = invoice["status"] == "open"
        && invoice["due_date"]
            .as_i64()
            .is_some_and(|at| at <= account.now);
    if is_overdue {
        account.raise("invoice.overdue", id);
        collect::set_delinquent(account, id, true);
        reaction::invoice_overdue(account, id);
    }
}

/// Voids an open invoice; what the customer's balance paid goes back to it.
pub(crate) fn void(account: &mut Account, id: &str) {
    let now = account.now;
    let invoice = account.get(id).clone();
    give_balance_back(account, id, &invoice);
    credit::give_back(account, &invoice);
    collect::cancel_intent(account, id);
    if let Some(invoice) = account.edit(id) {
        invoice["status"] = json!("void");
        invoice["auto_advance"] = json!(false);
        invoice["next_payment_attempt"] = Value::Null;
        invoice["status_transitions"]["voided_at"] = json!(now);
    }
    account.raise("invoice.voided", id);
    reaction::invoice_voided(account, id);
}

fn give_balance_back(account: &mut Account, id: &str, invoice: &Value) {
    let customer_id = invoice["customer"].as_str().unwrap_or_default().to_owned();
    let starting = invoice["starting_balance"].as_i64().unwrap_or(0);
    let ending = invoice["ending_balance"].as_i64().unwrap_or(0);
    let amount = starting.saturating_sub(ending);
    if amount == 0 {
        return;
    }
    let entry = Entry {
        amount,
        kind: "unapplied_from_invoice",
        invoice: json!(id),
        ..Entry::default()
    };
    let before = account.snapshot(&customer_id);
    let currency = invoice["currency"].as_str().unwrap_or("usd");
    balance::enter(account, &customer_id, &entry, currency);
    account.raise_update("customer.updated", &customer_id, &before);
}

/// Gives an open invoice up; it can still be paid.
pub(crate) fn mark_uncollectible(account: &mut Account, id: &str, reason: &str) {
    let now = account.now;
    if let Some(invoice) = account.edit(id) {
        invoice["status"] = json!("uncollectible");
        invoice["auto_advance"] = json!(false);
        invoice["next_payment_attempt"] = Value::Null;
        invoice["status_transitions"]["marked_uncollectible_at"] = json!(now);
        invoice["status_details"] = json!({ "uncollectible": { "reason": reason } });
    }
    account.raise("invoice.marked_uncollectible", id);
    reaction::invoice_uncollectible(account, id);
}
