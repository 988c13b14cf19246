//! The end of a period: the next one begins and is invoiced, or the subscription ends.

use crate::json::{Value, json};

use crate::account::Account;
use crate::lives::calendar::{Interval, SECONDS_PER_DAY};
use crate::lives::invoice::Line;
use crate::lives::proration::{ids, is_metered};
use crate::lives::subscription::{billing, collection, cut, ending, items, pending, trial};
use crate::lives::{discount, reaction, schedule, settings};

/// Whether periods follow one another.
pub(crate) fn is_running(subscription: &Value) -> bool {
    matches!(
        subscription["status"].as_str(),
        Some("active" | "trialing" | "past_due" | "unpaid")
    )
}

/// The end of the period that ends first.
pub(crate) fn next_end(subscription: &Value) -> Option<i64> {
    let ends = items(subscription).iter();
    ends.filter_map(|item| item["current_period_end"].as_i64())
        .min()
}

/// Lets the next end of a period be acted on, and announced. What is not running by then is left
/// alone.
pub(crate) fn expect_next(account: &mut Account, id: &str) {
    let subscription = account.get(id);
    let Some(end) = next_end(subscription) else {
        return;
    };
    let announced = announced_at(account, end);
    let is_announced = announced > account.now
        && subscription["collection_method"] != "send_invoice"
        && subscription["pause_collection"].is_null();
    if is_announced {
        account.when(announced, "subscription.upcoming", id);
    }
    account.when(end, "subscription.cycle", id);
}

/// When a renewal is told of by `invoice.upcoming`.
fn announced_at(account: &Account, end: i64) -> i64 {
    let days = settings::number_of(account, "invoice_upcoming_days");
    end.saturating_sub(days.saturating_mul(SECONDS_PER_DAY))
}

/// A period has ended, unless it was moved meanwhile.
pub(crate) fn run(account: &mut Account, id: &str) {
    if let Some(schedule) = account.get(id)["schedule"].as_str().map(str::to_owned) {
        // A phase that begins with the period is what the period bills.
        schedule::advance(account, &schedule);
    }
    let before = account.snapshot(id);
    let now = account.now;
    if !is_running(&before) || next_end(&before).is_none_or(|end| end > now) {
        return;
    }
    if before["cancel_at"].as_i64().is_some_and(|at| at <= now) {
        ending::at_scheduled_end(account, id);
        return;
    }
    if before["status"] == "trialing" && !trial::may_go_on(account, id) {
        return;
    }
    let expired = drop_expired_discounts(account, id);
    let (lines, period) = turn_over(account, id);
    let invoice_id = bill(account, id, lines, period);
    discount::detach(account, &expired);
    account.raise_update("customer.subscription.updated", id, &before);
    if let Some(invoice_id) = invoice_id {
        account.raise("invoice.created", &invoice_id);
        collection::after_draft(account, id, &invoice_id);
    }
    if before["status"] != account.get(id)["status"] {
        let customer = before["customer"].as_str().unwrap_or_default().to_owned();
        reaction::subscriptions_changed(account, &customer);
    }
    expect_next(account, id);
}

/// Takes away the discounts that have run out, and answers their ids.
fn drop_expired_discounts(account: &mut Account, id: &str) -> Vec<String> {
    let now = account.now;
    let all = ids(&account.get(id)["discounts"]);
    if all.is_empty() {
        return all;
    }
    let (live, expired): (Vec<String>, Vec<String>) = all
        .into_iter()
        .partition(|discount| discount::is_live(account, discount, now));
    if !expired.is_empty() {
        account.set(id, "discounts", json!(live));
    }
    expired
}

/// Gives the items whose period is over their next one. Answers the lines to be billed, and the
/// period that ended.
fn turn_over(account: &mut Account, id: &str) -> (Vec<Line>, (i64, i64)) {
    let now = account.now;
    let old = account.snapshot(id);
    let anchor = old["billing_cycle_anchor"].as_i64().unwrap_or(now);
    let mut ended = (now, now);
    if let Some(stored) = account.edit(id) {
        if stored["status"] == "trialing" {
            stored["status"] = json!("active");
        }
        let items = stored["items"]["data"].as_array_mut();
        for item in items.into_iter().flatten() {
            let Some(end) = item["current_period_end"].as_i64().filter(|at| *at <= now) else {
                continue;
            };
            ended = (item["current_period_start"].as_i64().unwrap_or(now), end);
            let (_, next) = Interval::of(&item["price"]).period_at(anchor, end);
            item["current_period_start"] = json!(end);
            item["current_period_end"] = json!(cut::end_of_period(&old, end, next));
        }
    }
    let subscription = account.snapshot(id);
    let mut lines = Vec::new();
    for (was, item) in items(&old).iter().zip(items(&subscription)) {
        if was["current_period_end"] == item["current_period_end"] {
            continue;
        }
        let of = if is_metered(&item["price"]) {
            was
        } else {
            item
        };
        let period = (
            of["current_period_start"].as_i64().unwrap_or(now),
            of["current_period_end"].as_i64().unwrap_or(now),
        );
        let line = billing::item_line(account, &subscription, of, period);
        if is_metered(&item["price"]) {
            lines.push(line);
        } else {
            let whole = Interval::of(&item["price"]).period_at(anchor, period.0).1;
            lines.push(cut::share_of(line, whole));
        }
    }
    (lines, ended)
}

/// What the items will ask for at the end of the period that ends first; usage as far as it is
/// known.
pub(crate) fn lines_to_come(account: &Account, subscription: &Value) -> Vec<Line> {
    let Some(end) = next_end(subscription) else {
        return Vec::new();
    };
    let anchor = subscription["billing_cycle_anchor"].as_i64().unwrap_or(end);
    let due = items(subscription)
        .iter()
        .filter(|item| item["current_period_end"] == end);
    due.map(|item| {
        let start = item["current_period_start"].as_i64().unwrap_or(end);
        let period = if is_metered(&item["price"]) {
            (start, end)
        } else {
            (end, Interval::of(&item["price"]).period_at(anchor, end).1)
        };
        billing::item_line(account, subscription, item, period)
    })
    .collect()
}

/// The draft of a renewal, with everything that waits for it.
fn bill(account: &mut Account, id: &str, lines: Vec<Line>, period: (i64, i64)) -> Option<String> {
    let mut all = pending::lines(account, id);
    all.extend(lines);
    if all.is_empty() {
        return None;
    }
    let invoice_id = billing::insert_invoice(account, id, "subscription_cycle", all, period);
    Some(invoice_id)
}

/// Tells of a renewal to come, unless it was moved or called off meanwhile.
pub(crate) fn announce(account: &mut Account, id: &str) {
    let subscription = account.get(id);
    let end = next_end(subscription).unwrap_or(0);
    let is_due = announced_at(account, end) == account.now && subscription["_announced"] != end;
    let is_ending = subscription["cancel_at"]
        .as_i64()
        .is_some_and(|at| at <= end);
    let is_paused = !subscription["pause_collection"].is_null();
    if is_due && !is_ending && !is_paused && is_running(subscription) {
        account.set(id, "_announced", json!(end));
        collection::raise_upcoming(account, id);
    }
}
