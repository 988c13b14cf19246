//! Pausing a whole subscription, resuming it, and the end of a paused collection.

use crate::json::{Value, json};

use crate::account::Account;
use crate::lives::calendar::Interval;
use crate::lives::invoice::Line;
use crate::lives::proration::{self, is_metered};
use crate::lives::subscription::change::Proration;
use crate::lives::subscription::collection::{self, Collected};
use crate::lives::subscription::{billing, cycle, items, pending, trial};
use crate::lives::{reaction, subscription};

/// How long a resumption waits for its payment.
const RESUMED_SECONDS: i64 = 23 * 3_600;

/// What is settled when a subscription is paused.
#[derive(Debug, Clone)]
pub(crate) struct Pause {
    /// `now`, `item_current_period_start` or `none`: since when unused time is given back.
    pub(crate) credits_from: String,
    pub(crate) bills_usage: bool,
    pub(crate) is_invoiced: bool,
}

/// Pauses a subscription: its period ends now.
pub(crate) fn pause(account: &mut Account, id: &str, pause: &Pause) {
    let before = account.snapshot(id);
    let now = account.now;
    let mut lines = Vec::new();
    for item in items(&before) {
        let start = item["current_period_start"].as_i64().unwrap_or(now);
        if is_metered(&item["price"]) {
            if pause.bills_usage {
                lines.push(billing::item_line(account, &before, item, (start, now)));
            }
            continue;
        }
        let from = match pause.credits_from.as_str() {
            "now" => now,
            "item_current_period_start" => start,
            _ => continue,
        };
        lines.extend(proration::credit(account, &before, item, from));
    }
    end_periods(account, id, now);
    bill_pause(account, id, &lines, pause.is_invoiced);
    trial::pause(account, id, "pause_requested", &before);
}

pub(crate) fn end_periods(account: &mut Account, id: &str, now: i64) {
    let Some(stored) = account.edit(id) else {
        return;
    };
    let members = stored["items"]["data"].as_array_mut();
    for item in members.into_iter().flatten() {
        item["current_period_end"] = json!(now);
    }
}

fn bill_pause(account: &mut Account, id: &str, lines: &[Line], is_invoiced: bool) {
    if lines.is_empty() {
        return;
    }
    pending::keep(account, id, lines);
    if !is_invoiced {
        return;
    }
    let now = account.now;
    let all = pending::lines(account, id);
    let invoice_id = billing::insert_invoice(account, id, "subscription_update", all, (now, now));
    account.raise("invoice.created", &invoice_id);
    collection::collect_now(account, id, &invoice_id, true);
}

/// How a subscription is resumed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Resumption {
    /// Whether a new cycle begins; else the rest of the old one is asked for.
    pub(crate) resets_anchor: bool,
    pub(crate) proration: Proration,
    /// Whether it is active only when its invoice is paid.
    pub(crate) waits_for_payment: bool,
    pub(crate) at: i64,
}

/// Resumes a paused subscription. Its invoice is opened and, unless that is asked for, not tried: the
/// subscription is active once it is paid, and at once when there is nothing to pay.
pub(crate) fn resume(account: &mut Account, id: &str, resumption: &Resumption) {
    let before = account.snapshot(id);
    let now = account.now;
    let mut after = Value::clone(&before);
    if resumption.resets_anchor {
        after["billing_cycle_anchor"] = json!(now);
    }
    let anchor = after["billing_cycle_anchor"].as_i64().unwrap_or(now);
    let members = after["items"]["data"].as_array_mut();
    for item in members.into_iter().flatten() {
        let (start, end) = Interval::of(&item["price"]).period_at(anchor, now);
        let start = if resumption.resets_anchor { now } else { start };
        item["current_period_start"] = json!(start);
        item["current_period_end"] = json!(end);
    }
    let mut lines: Vec<Line> = Vec::new();
    for item in items(&after)
        .iter()
        .filter(|item| !is_metered(&item["price"]))
    {
        lines.extend(proration::debit(
            account,
            &after,
            item,
            resumption.at,
            resumption.resets_anchor,
        ));
    }
    if resumption.proration == Proration::None {
        lines.retain(|line| !line.is_proration);
    }
    let is_kept = resumption.proration == Proration::Kept && !resumption.resets_anchor;
    if lines.is_empty() || is_kept {
        pending::keep(account, id, &lines);
        activate(account, id, &after);
        return;
    }
    let (prorations, plain): (Vec<Line>, Vec<Line>) =
        lines.into_iter().partition(|line| line.is_proration);
    pending::keep(account, id, &prorations);
    let mut all = pending::lines(account, id);
    all.extend(plain);
    let old_items = account.get(id)["items"].clone();
    let invoice_id = billing::insert_invoice(account, id, "subscription_update", all, (now, now));
    account.set(id, "items", old_items);
    account.raise("invoice.created", &invoice_id);
    let waiting = json!({ "invoice": invoice_id, "items": after["items"], "billing_cycle_anchor": after["billing_cycle_anchor"] });
    account.set(id, "_resumption", waiting);
    if resumption.waits_for_payment {
        crate::lives::invoice::open::open(account, &invoice_id);
    } else if !matches!(
        collection::collect_now(account, id, &invoice_id, false),
        Collected::Paid
    ) {
        collection::try_later(account, &invoice_id);
        account.set(id, "_resumption", Value::Null);
        activate(account, id, &after);
        let before = account.snapshot(id);
        account.set(id, "status", json!("past_due"));
        account.raise_update("customer.subscription.updated", id, &before);
        return;
    }
    if account.get(id)["status"] == "paused" {
        park(account, id, &before);
    }
}

/// A resumption that waits for its payment is shown as a pending update.
fn park(account: &mut Account, id: &str, before: &Value) {
    let at = account.now.saturating_add(RESUMED_SECONDS);
    let update = json!({
        "billing_cycle_anchor": null, "expires_at": at,
        "subscription_items": null, "trial_end": null, "trial_from_plan": null,
    });
    account.set(id, "pending_update", update);
    account.when(at, "subscription.resumption", id);
    account.raise_update("customer.subscription.updated", id, before);
}

/// Makes a paused subscription active again.
fn activate(account: &mut Account, id: &str, after: &Value) {
    let before = account.snapshot(id);
    if let Some(stored) = account.edit(id) {
        stored["items"] = after["items"].clone();
        stored["billing_cycle_anchor"] = after["billing_cycle_anchor"].clone();
        stored["status"] = json!("active");
        stored["pending_update"] = Value::Null;
        stored["_resumption"] = Value::Null;
        if let Some(members) = stored.as_object_mut() {
            members.shift_remove("status_details");
        }
    }
    account.raise("customer.subscription.resumed", id);
    account.raise_update("customer.subscription.updated", id, &before);
    cycle::expect_next(account, id);
    let customer = before["customer"].as_str().unwrap_or_default().to_owned();
    reaction::subscriptions_changed(account, &customer);
}

/// The invoice of a resumption was paid. Answers whether it was one.
pub(crate) fn paid(account: &mut Account, id: &str, invoice_id: &str) -> bool {
    let waiting = account.get(id)["_resumption"].clone();
    if waiting["invoice"] != invoice_id {
        return false;
    }
    activate(account, id, &waiting);
    true
}

/// The invoice of a resumption was voided: the subscription stays paused. Answers whether it was one.
pub(crate) fn voided(account: &mut Account, id: &str, invoice_id: &str) -> bool {
    if account.get(id)["_resumption"]["invoice"] != invoice_id {
        return false;
    }
    let before = account.snapshot(id);
    account.set(id, "_resumption", Value::Null);
    account.set(id, "pending_update", Value::Null);
    account.raise_update("customer.subscription.updated", id, &before);
    true
}

/// A resumption has waited long enough for its payment.
pub(crate) fn expire_resumption(account: &mut Account, id: &str) {
    let invoice = account.get(id)["_resumption"]["invoice"].clone();
    let expires = account.get(id)["pending_update"]["expires_at"].as_i64();
    if let Some(invoice_id) = invoice.as_str()
        && expires.is_some_and(|at| at <= account.now)
        && account.get(invoice_id)["status"] == "open"
    {
        crate::lives::invoice::end::void(account, invoice_id);
    }
}

/// Collection goes on by itself when its pause is over.
pub(crate) fn unpause_collection(account: &mut Account, id: &str) {
    let before = account.snapshot(id);
    let is_over = before["pause_collection"]["resumes_at"]
        .as_i64()
        .is_some_and(|at| at <= account.now);
    if is_over && subscription::cycle::is_running(&before) {
        account.set(id, "pause_collection", Value::Null);
        account.raise_update("customer.subscription.updated", id, &before);
    }
}
