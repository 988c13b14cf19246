//! An end inside a period: the period ends with the subscription, and what of it was billed beyond is
//! given back. See docs.stripe.com/api/subscriptions/update (`cancel_at`).

use crate::json::{Value, json};

use crate::account::Account;
use crate::lives::calendar::Interval;
use crate::lives::invoice::Line;
use crate::lives::proration::{self, Rate, is_flexible};
use crate::lives::subscription::change::Proration;
use crate::lives::subscription::{billing, collection, cycle, items, pending};

/// Where a period of an item ends, of which the subscription lives to see a part only.
pub(crate) fn end_of_period(subscription: &Value, start: i64, whole: i64) -> i64 {
    let end = subscription["cancel_at"].as_i64();
    end.filter(|at| (start.saturating_add(1)..whole).contains(at))
        .unwrap_or(whole)
}

/// The share of a line that is for a whole period.
pub(crate) fn share_of(line: Line, whole: i64) -> Line {
    let (start, end) = line.period;
    if end == whole {
        return line;
    }
    let rate = Rate {
        amount: line.amount,
        start,
        end: whole,
    };
    Line {
        amount: rate.share(start, end),
        ..line
    }
}

/// Lets the running periods end where the subscription does, or go on to their own ends when it no
/// longer ends inside them, and settles the difference. In classic mode the cycle is counted from the
/// end that was set, and is not moved back.
pub(crate) fn settle(account: &mut Account, id: &str, before: &Value, how: Proration) {
    let was_trial = before["status"] == "trialing";
    if how == Proration::None || was_trial || !cycle::is_running(before) {
        return;
    }
    let mut after = Value::clone(&account.snapshot(id));
    let anchor = after["billing_cycle_anchor"].as_i64().unwrap_or(0);
    let is_classic = !is_flexible(&after);
    let mut moved = Vec::new();
    let new_end = after["cancel_at"].clone();
    let members = after["items"]["data"].as_array_mut();
    for item in members.into_iter().flatten() {
        let start = item["current_period_start"].as_i64().unwrap_or(0);
        let was = item["current_period_end"].as_i64().unwrap_or(0);
        let whole = Interval::of(&item["price"]).period_at(anchor, start).1;
        let end = end_of_period(&json!({ "cancel_at": new_end }), start, whole);
        if end != was {
            item["current_period_end"] = json!(end);
            moved.push((item["id"].clone(), was, end));
        }
    }
    if moved.is_empty() {
        return;
    }
    if is_classic && let Some(end) = new_end.as_i64() {
        after["billing_cycle_anchor"] = json!(end);
    }
    let lines = lines_of(account, before, &after, &moved);
    if let Some(stored) = account.edit(id) {
        stored["items"] = after["items"].clone();
        stored["billing_cycle_anchor"] = after["billing_cycle_anchor"].clone();
    }
    pending::keep(account, id, &lines);
    if how == Proration::Invoiced {
        let now = account.now;
        let all = pending::lines(account, id);
        let invoice = billing::insert_invoice(account, id, "subscription_update", all, (now, now));
        account.raise("invoice.created", &invoice);
        collection::collect_now(account, id, &invoice, false);
    }
    cycle::expect_next(account, id);
}

/// Credits for periods that became shorter, debits for those that became longer.
fn lines_of(
    account: &Account,
    before: &Value,
    after: &Value,
    moved: &[(Value, i64, i64)],
) -> Vec<Line> {
    let mut lines = Vec::new();
    for (item_id, was, end) in moved {
        let of = |subscription: &'_ Value| {
            let mut all = items(subscription).iter();
            all.find(|item| item["id"] == *item_id).cloned()
        };
        let line = if end < was {
            of(before).and_then(|item| proration::credit(account, before, &item, *end))
        } else {
            of(after).and_then(|item| proration::debit(account, after, &item, *was, false))
        };
        lines.extend(line);
    }
    lines
}
