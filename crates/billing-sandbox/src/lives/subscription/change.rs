//! A change of a subscription: its new periods, its proration, its invoice, and the update that waits
//! for its payment (`pending_if_incomplete`).

use crate::json::{Value, json};

use crate::account::Account;
use crate::http::error::StripeError;
use crate::lives::calendar::Interval;
use crate::lives::invoice::{Line, end, open};
use crate::lives::proration::{self, is_flexible};
use crate::lives::subscription::collection::{self, Collected};
use crate::lives::subscription::{begin, billing, cycle, items, pending, trial};
use crate::lives::{price, reaction};

/// How long an update waits for its payment.
const PENDING_SECONDS: i64 = 23 * 3_600;

/// The members that wait for the payment of an update.
const WAITING: &[&str] = &[
    "billing_cycle_anchor",
    "items",
    "status",
    "trial_end",
    "trial_start",
];

/// What happens to the difference in price.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Proration {
    None,
    /// Kept for the next invoice.
    Kept,
    /// Invoiced and paid now.
    Invoiced,
}

/// What becomes of a change whose payment does not succeed at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Payment {
    /// It stays, and the subscription is past due.
    Allowed,
    /// Nobody tries; past due until the customer pays.
    Deferred,
    /// It is refused.
    Required,
    /// It waits for its payment.
    Pending,
}

/// A change that was asked for.
#[derive(Debug, Clone)]
pub(crate) struct Change {
    /// The subscription as it shall become; its periods, anchor and status are worked out here.
    pub(crate) after: Value,
    pub(crate) proration: Proration,
    /// The moment that is prorated from.
    pub(crate) at: i64,
    pub(crate) resets_anchor: bool,
    /// Prices and quantities that are billed once.
    pub(crate) one_time: Vec<(Value, i64)>,
    pub(crate) payment: Payment,
    pub(crate) is_off_session: bool,
}

/// What a change comes to, before anything is written.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    pub(crate) after: Value,
    pub(crate) lines: Vec<Line>,
    /// Whether it is invoiced now, be it only for the next period.
    pub(crate) is_invoiced: bool,
}

/// Whether a subscription is in a trial.
fn is_trialing(subscription: &Value, now: i64) -> bool {
    subscription["trial_end"]
        .as_i64()
        .is_some_and(|end| end > now)
}

/// What all items ask for a period.
fn recurring_total(subscription: &Value) -> i64 {
    items(subscription)
        .iter()
        .map(|item| price::amount_of(&item["price"], item["quantity"].as_i64().unwrap_or(0)))
        .fold(0, i64::saturating_add)
}

fn changes_interval(before: &Value, after: &Value) -> bool {
    items(after).iter().any(|item| {
        let was = items(before).iter().find(|was| was["id"] == item["id"]);
        was.is_some_and(|was| Interval::of(&was["price"]) != Interval::of(&item["price"]))
    })
}

/// Works out what a change comes to; writes nothing. The preview of an invoice uses it as well.
pub(crate) fn plan(account: &Account, before: &Value, change: &Change) -> Plan {
    let now = account.now;
    let mut after = change.after.clone();
    let was_trial = before["status"] == "trialing";
    let is_trial = is_trialing(&after, now);
    let becomes_paid = recurring_total(before) == 0 && recurring_total(&after) > 0;
    let is_reset = change.resets_anchor
        || (was_trial && !is_trial)
        || (!is_flexible(&after)
            && !is_trial
            && (changes_interval(before, &after) || becomes_paid));
    if is_trial && after["trial_end"] != before["trial_end"] {
        begin_trial(&mut after, was_trial, now);
    } else if was_trial && !is_trial {
        after["status"] = json!("active");
        after["trial_end"] = json!(now);
    }
    if is_reset && !is_trial {
        after["billing_cycle_anchor"] = json!(now);
    }
    settle_periods(before, &mut after, is_reset && !is_trial, now);
    let mut lines = proration::lines(account, before, &after, change.at, is_reset && !is_trial);
    if !matches!(
        before["status"].as_str(),
        Some("active" | "trialing" | "past_due")
    ) {
        lines.clear();
    }
    if change.proration == Proration::None {
        lines.retain(|line| !line.is_proration);
    } else {
        note_rates(account, before, &mut after, change.at);
    }
    let turns = is_reset || was_trial != is_trial || becomes_paid || periods_move(before, &after);
    for (price, quantity) in &change.one_time {
        lines.push(begin::one_time_line(account, &after, price, *quantity));
    }
    let is_invoiced = !lines.is_empty() && (change.proration == Proration::Invoiced || turns);
    Plan {
        after,
        lines,
        is_invoiced,
    }
}

fn begin_trial(after: &mut Value, was_trial: bool, now: i64) {
    after["status"] = json!("trialing");
    after["billing_cycle_anchor"] = after["trial_end"].clone();
    if !was_trial && (after["trial_start"].is_null() || is_flexible(after)) {
        after["trial_start"] = json!(now);
    }
}

/// Whether an item that was there has another period than before.
fn periods_move(before: &Value, after: &Value) -> bool {
    items(after).iter().any(|item| {
        let was = items(before).iter().find(|was| was["id"] == item["id"]);
        was.is_some_and(|was| was["current_period_end"] != item["current_period_end"])
    })
}

/// Gives every item the period that it has after the change.
fn settle_periods(before: &Value, after: &mut Value, is_reset: bool, now: i64) {
    let anchor = after["billing_cycle_anchor"].as_i64().unwrap_or(now);
    let trial_end = after["trial_end"].as_i64().filter(|end| *end > now);
    let was_trial = before["status"] == "trialing";
    let old: Vec<Value> = items(before).to_vec();
    let members = after["items"]["data"].as_array_mut();
    for item in members.into_iter().flatten() {
        let was = old.iter().find(|was| was["id"] == item["id"]);
        let kept_start = was.and_then(|was| was["current_period_start"].as_i64());
        let interval = Interval::of(&item["price"]);
        let (aligned_start, aligned_end) = interval.period_at(anchor, now);
        let (start, end) = match (trial_end, was) {
            (Some(end), _) => (kept_start.filter(|_| was_trial).unwrap_or(now), end),
            (None, _) if is_reset => (now, interval.period_at(now, now).1),
            (None, Some(was)) if Interval::of(&was["price"]) == interval => continue,
            (None, Some(_)) => (aligned_start, aligned_end),
            (None, None) => (now, aligned_end),
        };
        item["current_period_start"] = json!(start);
        item["current_period_end"] = json!(end);
    }
    let count = items(after).len();
    after["items"]["total_count"] = json!(count);
}

/// Remembers what is asked for each changed item, for the credit of a later change.
fn note_rates(account: &Account, before: &Value, after: &mut Value, at: i64) {
    let changed: Vec<(String, Value)> = items(after)
        .iter()
        .filter(|item| {
            let was = items(before).iter().find(|was| was["id"] == item["id"]);
            was.is_none_or(|was| {
                was["price"]["id"] != item["price"]["id"] || was["quantity"] != item["quantity"]
            })
        })
        .map(|item| {
            let rate = proration::rate(account, after, item, at);
            let id = item["id"].as_str().unwrap_or_default().to_owned();
            let bill = json!({ "amount": rate.amount, "start": rate.start, "end": rate.end });
            (id, bill)
        })
        .collect();
    if !is_trialing(after, at) {
        billing::note_billed(after, &changed);
    }
}

/// Carries a change out: writes it, bills it, and collects it as far as that is wanted. The update of
/// the subscription itself is the caller's to raise.
pub(crate) fn apply(account: &mut Account, id: &str, change: &Change) -> Result<(), StripeError> {
    let before = account.snapshot(id);
    let plan = plan(account, &before, change);
    let is_sent = plan.after["collection_method"] == "send_invoice";
    if plan.is_invoiced && !is_sent {
        check_payable(account, &plan, change)?;
    }
    if change.payment == Payment::Pending && plan.is_invoiced && !is_sent {
        apply_when_paid(account, id, &before, &plan, change);
        return Ok(());
    }
    write(account, id, plan.after);
    if plan.is_invoiced {
        let invoice_id = bill(account, id, &before, &plan.lines);
        if !is_sent {
            collect(account, id, &invoice_id, change);
        }
    } else {
        pending::keep(account, id, &plan.lines);
    }
    if cycle::next_end(account.get(id)) != cycle::next_end(&before) {
        cycle::expect_next(account, id);
    }
    if account.get(id)["trial_end"] != before["trial_end"] {
        trial::expect_end(account, id);
    }
    Ok(())
}

fn write(account: &mut Account, id: &str, after: Value) {
    if let Some(stored) = account.edit(id) {
        *stored = after;
    }
}

/// Whether there is something to charge a change to.
fn check_payable(account: &Account, plan: &Plan, change: &Change) -> Result<(), StripeError> {
    let due = plan
        .lines
        .iter()
        .fold(0_i64, |sum, line| sum.saturating_add(line.amount));
    if due <= 0 || change.payment == Payment::Deferred {
        return Ok(());
    }
    let Some(method) = collection::method_of(account, &plan.after) else {
        return Err(begin::no_method());
    };
    if change.payment == Payment::Required {
        collection::refuse_failing(account, &method, change.is_off_session)?;
    }
    Ok(())
}

/// The invoice of a change, with all that waits for an invoice.
fn bill(account: &mut Account, id: &str, before: &Value, lines: &[Line]) -> String {
    let now = account.now;
    let (prorations, plain): (Vec<Line>, Vec<Line>) =
        lines.iter().cloned().partition(|line| line.is_proration);
    pending::keep(account, id, &prorations);
    let mut all = pending::lines(account, id);
    all.extend(plain);
    let start = items(before)
        .first()
        .and_then(|item| item["current_period_start"].as_i64());
    let period = (start.unwrap_or(now), now);
    let invoice_id = billing::insert_invoice(account, id, "subscription_update", all, period);
    account.raise("invoice.created", &invoice_id);
    invoice_id
}

/// Collects the invoice of a change that is in effect already.
fn collect(account: &mut Account, id: &str, invoice_id: &str, change: &Change) {
    if change.payment == Payment::Deferred {
        open::open(account, invoice_id);
        if account.get(invoice_id)["status"] == "open" {
            account.set(id, "status", json!("past_due"));
        }
        return;
    }
    match collection::collect_now(account, id, invoice_id, change.is_off_session) {
        Collected::Paid => {}
        Collected::Declined | Collected::NeedsAction | Collected::Open => {
            collection::try_later(account, invoice_id);
            account.set(id, "status", json!("past_due"));
        }
    }
}

/// Bills a change that takes effect when it is paid.
fn apply_when_paid(account: &mut Account, id: &str, before: &Value, plan: &Plan, change: &Change) {
    give_up_pending(account, id);
    // What has no price takes effect at once.
    let mut meanwhile = plan.after.clone();
    for name in WAITING {
        meanwhile[*name] = before[*name].clone();
    }
    for name in ["pending_update", "_pending"] {
        meanwhile[name] = Value::Null;
    }
    write(account, id, meanwhile);
    let invoice_id = bill(account, id, before, &plan.lines);
    account.set(id, "items", before["items"].clone());
    let members: crate::json::Map = WAITING
        .iter()
        .map(|name| ((*name).to_owned(), plan.after[*name].clone()))
        .collect();
    let waiting = json!({ "invoice": invoice_id, "members": members });
    // Kept while it is collected, so that a payment applies it by the same way as a later one.
    account.set(id, "_pending", waiting);
    let collected = collection::collect_now(account, id, &invoice_id, change.is_off_session);
    if matches!(collected, Collected::Paid) {
        return;
    }
    let at = account.now.saturating_add(PENDING_SECONDS);
    let is_other = |name: &str| plan.after[name] != before[name];
    let own = |name: &str| {
        if is_other(name) {
            plan.after[name].clone()
        } else {
            Value::Null
        }
    };
    let update = json!({
        "billing_cycle_anchor": own("billing_cycle_anchor"),
        "expires_at": at,
        "subscription_items": if is_other("items") { plan.after["items"]["data"].clone() } else { Value::Null },
        "trial_end": own("trial_end"),
        "trial_from_plan": null,
    });
    account.set(id, "pending_update", update);
    account.when(at, "subscription.pending_update", id);
}

/// The invoice of a waiting update was paid: the update takes effect. Answers whether there was one.
pub(crate) fn paid(account: &mut Account, id: &str, invoice_id: &str) -> bool {
    let waiting = account.get(id)["_pending"].clone();
    if waiting["invoice"] != invoice_id {
        return false;
    }
    let before = account.snapshot(id);
    let is_late = !before["pending_update"].is_null();
    if let (Some(stored), Some(members)) = (account.edit(id), waiting["members"].as_object()) {
        for (name, value) in members {
            if name != "status" || stored["status"] != "past_due" {
                stored[name] = value.clone();
            }
        }
        stored["pending_update"] = Value::Null;
        stored["_pending"] = Value::Null;
    }
    cycle::expect_next(account, id);
    if is_late {
        account.raise_update("customer.subscription.updated", id, &before);
        account.raise("customer.subscription.pending_update_applied", id);
        let customer = before["customer"].as_str().unwrap_or_default().to_owned();
        reaction::subscriptions_changed(account, &customer);
    }
    true
}

/// The invoice of a waiting update was voided: nothing comes of the update. Answers whether there
/// was one.
pub(crate) fn voided(account: &mut Account, id: &str, invoice_id: &str) -> bool {
    if account.get(id)["_pending"]["invoice"] != invoice_id {
        return false;
    }
    let before = account.snapshot(id);
    account.set(id, "pending_update", Value::Null);
    account.set(id, "_pending", Value::Null);
    if !before["pending_update"].is_null() {
        account.raise_update("customer.subscription.updated", id, &before);
        account.raise("customer.subscription.pending_update_expired", id);
    }
    true
}

/// A waiting update has waited long enough.
pub(crate) fn expire_pending(account: &mut Account, id: &str) {
    let expires = account.get(id)["pending_update"]["expires_at"].as_i64();
    if expires.is_some_and(|at| at <= account.now) {
        give_up_pending(account, id);
    }
}

/// Voids the invoice of a waiting update, which ends the update.
pub(crate) fn give_up_pending(account: &mut Account, id: &str) {
    let invoice = account.get(id)["_pending"]["invoice"].clone();
    if let Some(invoice_id) = invoice.as_str()
        && account.get(invoice_id)["status"] == "open"
    {
        end::void(account, invoice_id);
    }
}
