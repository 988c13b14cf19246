//! How subscriptions end: now, at the end of a period, at a date, or unpaid.

use serde_json::{Value, json};

use crate::account::Account;
use crate::lives::reaction;
use crate::lives::subscription::items;

/// Ends a subscription now; `reason` unless one was given before.
pub(crate) fn end_now(account: &mut Account, id: &str, reason: &str) {
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
    stop_collecting(account, id);
    account.raise("customer.subscription.deleted", id);
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

/// The end of the last period, or the date, at which it was to end.
pub(crate) fn at_scheduled_end(account: &mut Account, id: &str) {
    let subscription = account.get(id);
    let is_due = subscription["cancel_at"]
        .as_i64()
        .is_some_and(|at| at <= account.now);
    if is_due && subscription["ended_at"].is_null() {
        end_now(account, id, "cancellation_requested");
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
