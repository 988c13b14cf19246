//! How subscriptions end: now, at the end of a period, at a date, or unpaid.

use crate::json::{Value, json};

use crate::account::Account;
use crate::lives::invoice::Line;
use crate::lives::proration::{self, is_metered};
use crate::lives::subscription::{billing, collection, items, pending};
use crate::lives::{reaction, schedule};

/// How long an invoice of a credit stays as it is before it is given up.
const WRITTEN_OFF_AFTER_SECONDS: i64 = 5;

/// What is settled when a subscription is canceled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Cancellation {
    /// Whether unused time is given back, as a pending item.
    pub(crate) prorates: bool,
    /// Whether what is pending and what was used is invoiced now.
    pub(crate) invoices: bool,
}

/// Ends a subscription by request.
pub(crate) fn cancel(account: &mut Account, id: &str, how: Cancellation) {
    let before = account.snapshot(id);
    let now = account.now;
    if how.prorates {
        let credits: Vec<Line> = items(&before)
            .iter()
            .filter_map(|item| proration::credit(account, &before, item, now))
            .collect();
        if how.invoices {
            pending::keep(account, id, &credits);
        } else {
            pending::leave(account, id, &credits);
        }
    }
    if how.invoices {
        bill_the_end(account, id, true);
    }
    end_now(account, id, "cancellation_requested");
}

/// The last invoice: what waits for one, and what was used since the last.
fn bill_the_end(account: &mut Account, id: &str, at_once: bool) {
    let subscription = account.snapshot(id);
    let now = account.now;
    let mut lines = pending::lines(account, id);
    let metered = items(&subscription)
        .iter()
        .filter(|item| is_metered(&item["price"]));
    for item in metered {
        let start = item["current_period_start"].as_i64().unwrap_or(now);
        let line = billing::item_line(account, &subscription, item, (start, now));
        if line.quantity > 0 {
            lines.push(line);
        }
    }
    if lines.is_empty() {
        return;
    }
    let start = items(&subscription)
        .first()
        .and_then(|item| item["current_period_start"].as_i64());
    let period = (start.unwrap_or(now), now);
    let invoice_id = billing::insert_invoice(account, id, "subscription_cycle", lines, period);
    account.raise("invoice.created", &invoice_id);
    if account.get(&invoice_id)["total"].as_i64().unwrap_or(0) < 0 {
        let at = now.saturating_add(WRITTEN_OFF_AFTER_SECONDS);
        account.when(at, "subscription.write_off", &invoice_id);
    } else if at_once {
        collection::collect_now(account, id, &invoice_id, true);
    }
}

/// A last invoice that is a credit is given up without ever being opened.
pub(crate) fn write_off(account: &mut Account, invoice_id: &str) {
    let now = account.now;
    if account.get(invoice_id)["status"] != "draft" {
        return;
    }
    if let Some(invoice) = account.edit(invoice_id) {
        invoice["status"] = json!("uncollectible");
        invoice["status_transitions"]["marked_uncollectible_at"] = json!(now);
        invoice["auto_advance"] = json!(false);
        invoice["automatically_finalizes_at"] = Value::Null;
        invoice["next_payment_attempt"] = Value::Null;
    }
    account.raise("invoice.marked_uncollectible", invoice_id);
}

/// Ends a subscription now; `reason` unless one was given before.
pub(crate) fn end_now(account: &mut Account, id: &str, reason: &str) {
    stop_collecting(account, id);
    close(account, id, reason);
}

fn close(account: &mut Account, id: &str, reason: &str) {
    let now = account.now;
    if let Some(subscription) = account.edit(id) {
        subscription["status"] = json!("canceled");
        subscription["ended_at"] = json!(now);
        subscription["cancel_at"] = Value::Null;
        subscription["cancel_at_period_end"] = json!(false);
        subscription["pending_update"] = Value::Null;
        if subscription["canceled_at"].is_null() {
            subscription["canceled_at"] = json!(now);
        }
        if subscription["cancellation_details"]["reason"].is_null() {
            subscription["cancellation_details"]["reason"] = json!(reason);
        }
    }
    account.raise("customer.subscription.deleted", id);
    schedule::subscription_ended(account, id, reason == "payment_failed");
    let customer = account.get(id)["customer"]
        .as_str()
        .unwrap_or_default()
        .to_owned();
    reaction::subscriptions_changed(account, &customer);
}

/// Open invoices of an ended subscription are no longer collected by themselves.
fn stop_collecting(account: &mut Account, id: &str) {
    let open: Vec<String> = account
        .rows_by("invoice", "_subscription", id)
        .filter(|row| row["status"] == "open" || row["status"] == "draft")
        // A credit is not collected; it is given up by itself.
        .filter(|row| row["total"].as_i64().unwrap_or(0) >= 0)
        .filter_map(|row| row["id"].as_str().map(str::to_owned))
        .collect();
    for invoice in open {
        let before = account.snapshot(&invoice);
        if before["auto_advance"] == true {
            account.set(&invoice, "auto_advance", json!(false));
            account.set(&invoice, "next_payment_attempt", Value::Null);
            account.raise_update("invoice.updated", &invoice, &before);
        }
    }
}

/// The end of the last period, or the date, at which it was to end. What was used until then and
/// what still waits is invoiced.
pub(crate) fn at_scheduled_end(account: &mut Account, id: &str) {
    let subscription = account.get(id);
    let is_due = subscription["cancel_at"]
        .as_i64()
        .is_some_and(|at| at <= account.now);
    if is_due && subscription["ended_at"].is_null() {
        stop_collecting(account, id);
        bill_the_end(account, id, false);
        close(account, id, "cancellation_requested");
    }
}

/// Schedules the end for the end of the period, or takes that back.
pub(crate) fn at_period_end(account: &mut Account, id: &str, is_wanted: bool) {
    let now = account.now;
    let end = items(account.get(id))
        .iter()
        .filter_map(|item| item["current_period_end"].as_i64())
        .max()
        .unwrap_or(now);
    if let Some(subscription) = account.edit(id) {
        subscription["cancel_at_period_end"] = json!(is_wanted);
    }
    at(account, id, is_wanted.then_some(end));
}

/// Schedules the end for a date, or takes that back.
pub(crate) fn at(account: &mut Account, id: &str, end: Option<i64>) {
    let now = account.now;
    if let Some(subscription) = account.edit(id) {
        subscription["cancel_at"] = json!(end);
        subscription["canceled_at"] = json!(end.map(|_| now));
        subscription["cancellation_details"]["reason"] =
            json!(end.map(|_| "cancellation_requested"));
    }
    if let Some(end) = end {
        account.when(end, "subscription.end", id);
    }
}
