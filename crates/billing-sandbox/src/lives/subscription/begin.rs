//! The first invoice of a subscription.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::account::Account;
use crate::lives::calendar::Interval;
use crate::lives::invoice::Line;
use crate::lives::price;
use crate::lives::proration::{self, Rate, is_metered};
use crate::lives::subscription::{self, billing, items, pending};

/// The first invoice, as a draft: the first period (a part of it before a later anchor), or nothing
/// during a trial. One-time prices that were bought along are on it as well.
pub(crate) fn insert_first_invoice(
    account: &mut Account,
    id: &str,
    one_time: &[(Value, i64)],
) -> String {
    let now = account.now;
    let subscription = account.snapshot(id);
    let mut lines = pending::take(account, id);
    lines.extend(first_lines(account, &subscription));
    for (price, quantity) in one_time {
        lines.push(one_time_line(account, &subscription, price, *quantity));
    }
    billing::insert_invoice(account, id, "subscription_create", lines, (now, now))
}

/// A line for something that is billed once.
pub(crate) fn one_time_line(
    account: &Account,
    subscription: &Value,
    price: &Value,
    quantity: i64,
) -> Line {
    Line {
        amount: price::amount_of(price, quantity),
        description: subscription::line_text(account, price, quantity),
        price: price.clone(),
        quantity,
        period: (account.now, account.now),
        tax_rates: billing::whole_rates(account, &subscription["default_tax_rates"]),
        ..Line::default()
    }
}

/// What the items of a new subscription ask for their first period.
pub(crate) fn first_lines(account: &Account, subscription: &Value) -> Vec<Line> {
    let now = account.now;
    let is_classic = !proration::is_flexible(subscription);
    let mut lines = Vec::new();
    for item in items(subscription) {
        let end = item["current_period_end"].as_i64().unwrap_or(now);
        if subscription["status"] == "trialing" {
            if !is_metered(&item["price"]) || is_classic {
                lines.push(billing::trial_line(account, subscription, item, (now, end)));
            }
            continue;
        }
        if is_metered(&item["price"]) {
            // Nothing is used yet; classic mode shows that as a line of nothing.
            if is_classic {
                lines.push(billing::item_line(account, subscription, item, (now, now)));
            }
            continue;
        }
        lines.extend(elapsed_line(account, subscription, item));
        lines.extend(current_line(account, subscription, item, end));
    }
    lines
}

/// The current period: whole, or the part of it that is left before the anchor.
fn current_line(account: &Account, subscription: &Value, item: &Value, end: i64) -> Option<Line> {
    let now = account.now;
    let line = billing::item_line(account, subscription, item, (now, end));
    let anchor = subscription["billing_cycle_anchor"].as_i64().unwrap_or(now);
    let (start, whole_end) = Interval::of(&item["price"]).period_at(anchor, now);
    if (start, whole_end) == (now, end) {
        return Some(line);
    }
    if subscription["_stub"] == "none" {
        return None;
    }
    let rate = Rate {
        amount: line.amount,
        start,
        end: whole_end,
    };
    Some(Line {
        amount: rate.share(now, end),
        ..line
    })
}

/// The time since a start in the past.
fn elapsed_line(account: &Account, subscription: &Value, item: &Value) -> Option<Line> {
    let now = account.now;
    let start = subscription["start_date"].as_i64()?;
    if start >= now || subscription["_stub"] == "none" {
        return None;
    }
    let line = billing::item_line(account, subscription, item, (start, now));
    let interval = Interval::of(&item["price"]);
    let mut amount = 0_i64;
    let mut from = start;
    // Period by period, so that whole ones cost what they always cost; a hundred years of months.
    for _ in 0..1_200 {
        if from >= now {
            break;
        }
        let (whole_start, whole_end) = interval.period_at(start, from);
        let rate = Rate {
            amount: line.amount,
            start: whole_start,
            end: whole_end,
        };
        amount = amount.saturating_add(rate.share(from, whole_end.min(now)));
        from = whole_end.max(from.saturating_add(1));
    }
    Some(Line { amount, ..line })
}

/// Remembers the currency that a customer's first subscription fixes.
pub(crate) fn fix_currency(
    account: &mut Account,
    customer_id: &str,
    currency: &Value,
) -> Option<Arc<Value>> {
    let before = account.snapshot(customer_id);
    if !before["currency"].is_null() {
        return None;
    }
    account.set(customer_id, "currency", json!(currency));
    Some(before)
}
