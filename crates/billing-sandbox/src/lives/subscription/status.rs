//! What an invoice that was paid, not paid or given up means for its subscription's status.

use crate::json::{Value, json};

use crate::account::Account;
use crate::lives::subscription::{change, collection, ending, pausing};
use crate::lives::{reaction, settings};

/// Sets the status, raising the update that this is.
fn become_status(account: &mut Account, id: &str, before: &Value, status: &str) {
    account.set(id, "status", json!(status));
    if let Some(stored) = account.edit(id).filter(|_| status != "paused")
        && !stored["status_details"].is_null()
    {
        stored["status_details"] = Value::Null;
    }
    account.raise_update("customer.subscription.updated", id, before);
    if before["status"] != status {
        let customer = before["customer"].as_str().unwrap_or_default().to_owned();
        reaction::subscriptions_changed(account, &customer);
    }
}

/// An invoice was paid: the first makes a subscription active, the latest one heals it.
pub(crate) fn paid(account: &mut Account, invoice_id: &str) {
    let id = collection::subscription_of(account, invoice_id);
    let before = account.snapshot(&id);
    if before.is_null() {
        return;
    }
    if before["_is_beginning"] == true {
        // Its creation tells of it.
        if before["status"] == "incomplete" {
            account.set(&id, "status", json!("active"));
        }
        return;
    }
    if change::paid(account, &id, invoice_id) || pausing::paid(account, &id, invoice_id) {
        return;
    }
    let is_latest = before["latest_invoice"] == invoice_id;
    match before["status"].as_str() {
        Some("incomplete" | "past_due" | "unpaid") if is_latest => {
            become_status(account, &id, &before, "active");
        }
        _ => {}
    }
}

/// A try to collect an invoice failed.
pub(crate) fn not_paid(account: &mut Account, invoice_id: &str) {
    let id = collection::subscription_of(account, invoice_id);
    let before = account.snapshot(&id);
    if before["_pending"]["invoice"] == invoice_id {
        return;
    }
    if matches!(before["status"].as_str(), Some("active" | "trialing")) {
        become_status(account, &id, &before, "past_due");
    }
}

/// An invoice was given up as uncollectible: the subscription is no longer past due because of it.
pub(crate) fn given_up(account: &mut Account, invoice_id: &str) {
    let id = collection::subscription_of(account, invoice_id);
    let before = account.snapshot(&id);
    let is_latest = before["latest_invoice"] == invoice_id;
    if is_latest && matches!(before["status"].as_str(), Some("past_due" | "unpaid")) {
        become_status(account, &id, &before, "active");
    }
}

/// An invoice was voided: without its first one a subscription has never begun, and without its
/// latest the next older one that tells anything decides.
pub(crate) fn voided(account: &mut Account, invoice_id: &str) {
    let id = collection::subscription_of(account, invoice_id);
    if change::voided(account, &id, invoice_id) || pausing::voided(account, &id, invoice_id) {
        return;
    }
    let before = account.snapshot(&id);
    if before["latest_invoice"] != invoice_id {
        return;
    }
    match before["status"].as_str() {
        Some("incomplete") => {
            expire(account, &id, &before);
        }
        Some("past_due" | "unpaid") => {
            let deciding = account
                .rows_by("invoice", "_subscription", &id)
                .rev()
                .find(|row| !matches!(row["status"].as_str(), Some("void" | "draft")));
            let status = match deciding.and_then(|row| row["status"].as_str()) {
                Some("open")
                    if deciding.is_some_and(|row| row["next_payment_attempt"].is_null()) =>
                {
                    let outcome = settings::when_exhausted(account);
                    return exhausted_with(account, &id, &before, &outcome);
                }
                Some("open") => "past_due",
                _ => "active",
            };
            if before["status"] != status {
                become_status(account, &id, &before, status);
            }
        }
        _ => {}
    }
}

/// A subscription whose first payment never came ends before it began.
pub(crate) fn expire(account: &mut Account, id: &str, before: &Value) {
    let now = account.now;
    if let Some(stored) = account.edit(id) {
        stored["ended_at"] = json!(now);
    }
    become_status(account, id, before, "incomplete_expired");
}

/// All tries to collect an invoice have failed.
pub(crate) fn retries_exhausted(account: &mut Account, invoice_id: &str) {
    let id = collection::subscription_of(account, invoice_id);
    let before = account.snapshot(&id);
    if matches!(before["status"].as_str(), Some("past_due" | "active")) {
        let outcome = settings::when_exhausted(account);
        exhausted_with(account, &id, &before, &outcome);
    }
}

fn exhausted_with(account: &mut Account, id: &str, before: &Value, outcome: &str) {
    match outcome {
        "canceled" => ending::end_now(account, id, "payment_failed"),
        "paused" => super::trial::pause(account, id, "final_payment_failure", before),
        status => become_status(account, id, before, status),
    }
}
