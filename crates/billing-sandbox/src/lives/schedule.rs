//! Subscription schedules: phases that follow each other, and what each makes of the subscription.

pub(crate) mod phase;

use crate::json::{Value, json};

use crate::account::Account;
use crate::due::Action;
use crate::lives::calendar::SECONDS_PER_DAY;
use crate::lives::subscription;
use crate::lives::subscription::ending::{self, Cancellation};

pub(crate) static DUE: &[Action] = &[
    ("schedule.phase", advance),
    ("schedule.expiring", announce_end),
];

/// How long before its end a schedule is announced to expire.
const EXPIRING_DAYS: i64 = 7;

/// The phases of a schedule.
pub(crate) fn phases(schedule: &Value) -> &[Value] {
    schedule["phases"].as_array().map_or(&[], Vec::as_slice)
}

/// When the last phase ends.
fn end_of(schedule: &Value) -> Option<i64> {
    phases(schedule).last()?["end_date"].as_i64()
}

/// Lets the boundaries of the phases be acted on; those that have passed are left out.
pub(crate) fn expect(account: &mut Account, id: &str) {
    let now = account.now;
    let schedule = account.snapshot(id);
    let starts = phases(&schedule).iter().map(|phase| &phase["start_date"]);
    let ends = phases(&schedule).iter().map(|phase| &phase["end_date"]);
    let mut times: Vec<i64> = starts.chain(ends).filter_map(Value::as_i64).collect();
    times.sort_unstable();
    times.dedup();
    for at in times.into_iter().filter(|at| *at > now) {
        account.when(at, "schedule.phase", id);
    }
    if let Some(end) = end_of(&schedule) {
        let at = end.saturating_sub(EXPIRING_DAYS * SECONDS_PER_DAY);
        if at > now {
            account.when(at, "schedule.expiring", id);
        }
    }
}

fn announce_end(account: &mut Account, id: &str) {
    let schedule = account.get(id);
    let at = end_of(schedule).map(|end| end.saturating_sub(EXPIRING_DAYS * SECONDS_PER_DAY));
    if schedule["status"] == "active" && at == Some(account.now) {
        account.raise("subscription_schedule.expiring", id);
    }
}

/// The phase that a moment belongs to.
fn phase_at(schedule: &Value, at: i64) -> Option<&Value> {
    phases(schedule).iter().find(|phase| {
        phase["start_date"]
            .as_i64()
            .is_some_and(|start| start <= at)
            && phase["end_date"].as_i64().is_none_or(|end| at < end)
    })
}

/// Brings a schedule to the phase that its time is in: it begins, goes on, or ends.
pub(crate) fn advance(account: &mut Account, id: &str) {
    let before = account.snapshot(id);
    let now = account.now;
    let is_live = matches!(before["status"].as_str(), Some("not_started" | "active"));
    let begins = phases(&before)
        .first()
        .and_then(|phase| phase["start_date"].as_i64());
    if !is_live || begins.is_none_or(|start| start > now) {
        return;
    }
    let Some(phase) = phase_at(&before, now).cloned() else {
        finish(account, id);
        return;
    };
    if before["current_phase"]["start_date"] == phase["start_date"] {
        return;
    }
    if let Some(stored) = account.edit(id) {
        stored["status"] = json!("active");
        stored["current_phase"] = json!({
            "start_date": phase["start_date"], "end_date": phase["end_date"],
        });
    }
    phase::enter(account, id, &phase);
    account.raise_update("subscription_schedule.updated", id, &before);
}

/// The last phase is over: the subscription goes on by itself, or ends.
fn finish(account: &mut Account, id: &str) {
    let schedule = account.snapshot(id);
    let subscription = text(&schedule["subscription"]);
    if schedule["end_behavior"] == "cancel" {
        mark_completed(account, id);
        if account.get(&subscription)["ended_at"].is_null() {
            ending::end_now(account, &subscription, "cancellation_requested");
        }
        return;
    }
    release(account, id, false);
}

/// Lets the subscription go on without its schedule.
pub(crate) fn release(account: &mut Account, id: &str, keeps_end: bool) {
    let schedule = account.snapshot(id);
    let subscription = text(&schedule["subscription"]);
    let now = account.now;
    if let Some(stored) = account.edit(id) {
        stored["status"] = json!("released");
        stored["released_at"] = json!(now);
        stored["released_subscription"] = stored["subscription"].clone();
        stored["subscription"] = Value::Null;
        stored["current_phase"] = Value::Null;
    }
    let before = account.snapshot(&subscription);
    if let Some(stored) = account.edit(&subscription) {
        stored["schedule"] = Value::Null;
        if !keeps_end && schedule["end_behavior"] == "cancel" {
            stored["cancel_at"] = Value::Null;
            stored["canceled_at"] = Value::Null;
            stored["cancellation_details"]["reason"] = Value::Null;
        }
        account.raise_update("customer.subscription.updated", &subscription, &before);
    }
    account.raise("subscription_schedule.released", id);
}

/// Ends a schedule and its subscription at once.
pub(crate) fn cancel(account: &mut Account, id: &str, how: Cancellation) {
    let subscription = text(&account.get(id)["subscription"]);
    mark_canceled(account, id);
    account.raise("subscription_schedule.canceled", id);
    let is_live = account.get(&subscription)["object"] == "subscription"
        && account.get(&subscription)["ended_at"].is_null();
    if is_live {
        ending::cancel(account, &subscription, how);
    }
}

fn mark_completed(account: &mut Account, id: &str) {
    let now = account.now;
    if let Some(stored) = account.edit(id) {
        stored["status"] = json!("completed");
        stored["completed_at"] = json!(now);
        stored["current_phase"] = Value::Null;
    }
    account.raise("subscription_schedule.completed", id);
}

fn mark_canceled(account: &mut Account, id: &str) {
    let now = account.now;
    if let Some(stored) = account.edit(id) {
        stored["status"] = json!("canceled");
        stored["canceled_at"] = json!(now);
        stored["current_phase"] = Value::Null;
    }
}

/// The subscription ended by other means: so does its schedule.
pub(crate) fn subscription_ended(account: &mut Account, subscription: &str, is_unpaid: bool) {
    let id = text(&account.get(subscription)["schedule"]);
    if matches!(
        account.get(&id)["status"].as_str(),
        Some("active" | "not_started")
    ) {
        let is_over = end_of(account.get(&id)).is_some_and(|end| end <= account.now);
        if is_over && account.get(&id)["end_behavior"] == "cancel" {
            mark_completed(account, &id);
            return;
        }
        mark_canceled(account, &id);
        let kind = if is_unpaid { "aborted" } else { "canceled" };
        account.raise(&format!("subscription_schedule.{kind}"), &id);
    }
}

/// Stores a schedule and lets it begin if its time has come.
pub(crate) fn insert(account: &mut Account, schedule: Value) -> String {
    let id = account.insert(schedule);
    let is_future = phases(account.get(&id))
        .first()
        .and_then(|phase| phase["start_date"].as_i64())
        .is_some_and(|start| start > account.now);
    if !is_future {
        let before = account.snapshot(&id);
        if before["subscription"].is_null() {
            begin(account, &id);
        }
    }
    account.raise("subscription_schedule.created", &id);
    expect(account, &id);
    id
}

/// Puts the current phase of a changed schedule into effect, prorated as the request says; the event
/// of the schedule is the caller's.
pub(crate) fn put_into_effect(account: &mut Account, id: &str, proration: Option<&str>) {
    let schedule = account.snapshot(id);
    if schedule["status"] != "active" {
        return;
    }
    let Some(mut phase) = phase_at(&schedule, account.now).cloned() else {
        return;
    };
    account.set(
        id,
        "current_phase",
        json!({ "start_date": phase["start_date"], "end_date": phase["end_date"] }),
    );
    phase["proration_behavior"] = json!(proration.unwrap_or("create_prorations"));
    phase["add_invoice_items"] = json!([]);
    phase::enter(account, id, &phase);
}

/// Enters the first phase without telling of a change: the schedule is new.
fn begin(account: &mut Account, id: &str) {
    let schedule = account.snapshot(id);
    let Some(phase) = phase_at(&schedule, account.now).cloned() else {
        return;
    };
    if let Some(stored) = account.edit(id) {
        stored["status"] = json!("active");
        stored["current_phase"] = json!({
            "start_date": phase["start_date"], "end_date": phase["end_date"],
        });
    }
    phase::enter(account, id, &phase);
}

/// One phase that is like a subscription now, to the end of its period.
pub(crate) fn phase_of(subscription: &Value) -> Value {
    let items: Vec<Value> = subscription::items(subscription)
        .iter()
        .map(|item| {
            let mut row = json!({
                "discounts": [],
                "metadata": item["metadata"],
                "plan": item["price"]["id"],
                "price": item["price"]["id"],
                "tax_rates": item["tax_rates"],
            });
            if item["quantity"].is_i64() {
                row["quantity"] = item["quantity"].clone();
            }
            row
        })
        .collect();
    let first = subscription::items(subscription).first();
    json!({
        "add_invoice_items": [],
        "currency": subscription["currency"],
        "default_tax_rates": subscription["default_tax_rates"],
        "discounts": [],
        "end_date": first.map(|item| item["current_period_end"].clone()),
        "items": items,
        "metadata": {},
        "proration_behavior": "create_prorations",
        "start_date": first.map(|item| item["current_period_start"].clone()),
        "trial_end": subscription["trial_end"],
    })
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
