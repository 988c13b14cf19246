//! Proration: what a change of a subscription in the middle of a period takes back and asks for.
//! Pure: the invoice preview computes with the same lines as the change itself.

use crate::json::{Value, json};

use crate::account::Account;
use crate::lives::calendar::{self, Interval};
use crate::lives::discount::{self, Discountable};
use crate::lives::invoice::Line;
use crate::lives::subscription::{self, billing};
use crate::lives::{money, price};

/// Nearest cent of `amount * left / whole`, halves towards minus infinity, as Stripe rounds.
pub(crate) fn prorated(amount: i64, left: i64, whole: i64) -> i64 {
    if whole <= 0 {
        return 0;
    }
    let (amount, left, whole) = (i128::from(amount), i128::from(left), i128::from(whole));
    // ceil(x - 1/2) with x = amount * left / whole.
    let numerator = 2 * amount * left - whole;
    let ceiling = -((-numerator).div_euclid(2 * whole));
    i64::try_from(ceiling).unwrap_or(0)
}

/// What one item asks for a whole period.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Rate {
    /// After the discounts that reduce it, in the smallest unit.
    pub(crate) amount: i64,
    /// The whole period, of which a part is billed or taken back.
    pub(crate) start: i64,
    pub(crate) end: i64,
}

impl Rate {
    /// The share of `[from, until)`.
    pub(crate) fn share(self, from: i64, until: i64) -> i64 {
        let left = until.saturating_sub(from).max(0);
        prorated(self.amount, left, self.end.saturating_sub(self.start))
    }
}

/// The lines of a change at a moment: for every item that is new, gone, or has another price,
/// quantity or period, a credit for the rest of what was billed and a debit for the rest of what is
/// asked now. `before` and `after` are subscriptions as they are in the state (`after` with the items,
/// periods, discounts, anchor and trial that it shall have). A debit for a whole period is an
/// ordinary line. Nothing is charged for a trial, nor for usage, which is billed in arrears.
pub(crate) fn lines(
    account: &Account,
    before: &Value,
    after: &Value,
    at: i64,
    is_reset: bool,
) -> Vec<Line> {
    let mut lines = Vec::new();
    let old = subscription::items(before);
    // A cycle that is begun anew in the second in which it began has the same anchor.
    let is_fresh = is_reset || before["billing_cycle_anchor"] != after["billing_cycle_anchor"];
    for was in old {
        let becomes = subscription::items(after)
            .iter()
            .find(|item| item["id"] == was["id"]);
        if becomes.is_none_or(|item| differs(was, item)) || trial_begins(before, after, at) {
            lines.extend(credit(account, before, was, at));
        }
        if let Some(item) = becomes
            && (differs(was, item) || trial_ends(before, after, at))
        {
            lines.extend(debit(account, after, item, at, is_fresh));
        }
    }
    for item in subscription::items(after) {
        if !old.iter().any(|was| was["id"] == item["id"]) {
            lines.extend(debit(account, after, item, at, is_fresh));
        }
    }
    lines
}

fn trial_begins(before: &Value, after: &Value, at: i64) -> bool {
    !is_in_trial(before, at) && is_in_trial(after, at)
}

fn trial_ends(before: &Value, after: &Value, at: i64) -> bool {
    is_in_trial(before, at) && !is_in_trial(after, at)
}

fn is_in_trial(subscription: &Value, at: i64) -> bool {
    subscription["trial_end"]
        .as_i64()
        .is_some_and(|end| end > at)
}

fn differs(was: &Value, item: &Value) -> bool {
    was["price"]["id"] != item["price"]["id"]
        || was["quantity"] != item["quantity"]
        || was["current_period_end"] != item["current_period_end"]
}

pub(crate) fn is_flexible(subscription: &Value) -> bool {
    subscription["billing_mode"]["type"] != "classic"
}

/// What an item asks for the whole period that holds a moment, after discounts: in flexible mode a
/// fixed sum off is split over the items, in classic mode every item gets it whole.
pub(crate) fn rate(account: &Account, subscription: &Value, item: &Value, at: i64) -> Rate {
    let anchor = subscription["billing_cycle_anchor"].as_i64().unwrap_or(at);
    let (start, end) = Interval::of(&item["price"]).period_at(anchor, at);
    let discounts = billing::discounts_of(account, subscription, at);
    let alone = [item];
    let all: Vec<&Value> = subscription::items(subscription).iter().collect();
    let together: &[&Value] = if is_flexible(subscription) {
        &all
    } else {
        &alone
    };
    let mut nets: Vec<i64> = together
        .iter()
        .map(|item| own_net(account, item, at))
        .collect();
    let discountable: Vec<Discountable> = together
        .iter()
        .zip(&nets)
        .map(|(item, net)| Discountable {
            amount: *net,
            product: text(&item["price"]["product"]),
        })
        .collect();
    for off in discount::amounts(account, &discounts, &discountable) {
        for (net, off) in nets.iter_mut().zip(off) {
            *net = net.saturating_sub(off);
        }
    }
    let place = together.iter().position(|other| other["id"] == item["id"]);
    let amount = place.and_then(|at| nets.get(at)).copied();
    Rate {
        amount: amount.unwrap_or_else(|| own_net(account, item, at)),
        start,
        end,
    }
}

/// The amount of an item after its own discounts.
fn own_net(account: &Account, item: &Value, at: i64) -> i64 {
    if is_metered(&item["price"]) {
        return 0;
    }
    let gross = price::amount_of(&item["price"], item["quantity"].as_i64().unwrap_or(1));
    let own: Vec<String> = ids(&item["discounts"])
        .into_iter()
        .filter(|id| discount::is_live(account, id, at))
        .collect();
    let line = Discountable {
        amount: gross,
        product: text(&item["price"]["product"]),
    };
    discount::amounts(account, &own, &[line])
        .iter()
        .flatten()
        .fold(gross, |net, off| net.saturating_sub(*off))
}

pub(crate) fn is_metered(price: &Value) -> bool {
    price["recurring"]["usage_type"] == "metered"
}

/// What was billed for an item and is not used: in flexible mode by the original debit, in classic
/// mode by the current price.
pub(crate) fn credit(
    account: &Account,
    subscription: &Value,
    item: &Value,
    at: i64,
) -> Option<Line> {
    let end = item["current_period_end"].as_i64().unwrap_or(at);
    if is_metered(&item["price"]) || is_in_trial(subscription, at) || at >= end {
        return None;
    }
    let billed = &item["_billed"];
    let rate = if is_flexible(subscription) {
        Rate {
            amount: billed["amount"].as_i64()?,
            start: billed["start"].as_i64()?,
            end: billed["end"].as_i64()?,
        }
    } else {
        rate(account, subscription, item, at)
    };
    let credited = if billed["line"].is_string() {
        json!({ "invoice": billed["invoice"], "invoice_line_items": [billed["line"]] })
    } else {
        Value::Null
    };
    // Rounded with its sign: -2.5 becomes -3.
    let taken_back = Rate {
        amount: rate.amount.saturating_neg(),
        ..rate
    };
    Some(Line {
        amount: taken_back.share(at, end),
        description: text_of(account, subscription, item, "Unused time on", at),
        period: (at, end),
        credited_items: credited,
        ..proration_line(account, subscription, item)
    })
}

/// What is asked for an item from a moment to the end of its period; when a new cycle begins then, an
/// ordinary line.
pub(crate) fn debit(
    account: &Account,
    subscription: &Value,
    item: &Value,
    at: i64,
    is_fresh: bool,
) -> Option<Line> {
    if is_metered(&item["price"]) {
        return None;
    }
    let end = item["current_period_end"].as_i64().unwrap_or(at);
    if is_in_trial(subscription, at) {
        return Some(billing::trial_line(account, subscription, item, (at, end)));
    }
    let rate = rate(account, subscription, item, at);
    if is_fresh && rate.start == at && rate.end == end {
        return Some(billing::item_line(account, subscription, item, (at, end)));
    }
    Some(Line {
        amount: rate.share(at, end),
        description: text_of(account, subscription, item, "Remaining time on", at),
        period: (at, end),
        ..proration_line(account, subscription, item)
    })
}

/// What credits and debits have in common.
fn proration_line(account: &Account, subscription: &Value, item: &Value) -> Line {
    Line {
        price: item["price"].clone(),
        quantity: item["quantity"].as_i64().unwrap_or(1),
        subscription_item: item["id"].clone(),
        is_proration: true,
        tax_rates: billing::tax_rates_of(account, subscription, item),
        metadata: subscription["metadata"].clone(),
        ..Line::default()
    }
}

/// `Unused time on 3 × Pro (with 10.0% off) after 05 Nov 2025`.
fn text_of(account: &Account, subscription: &Value, item: &Value, words: &str, at: i64) -> String {
    let product = account.get(item["price"]["product"].as_str().unwrap_or_default());
    let name = product["name"].as_str().unwrap_or("Product");
    let times = match item["quantity"].as_i64() {
        None | Some(1) => name.to_owned(),
        Some(quantity) => format!("{quantity} × {name}"),
    };
    let day = calendar::day(at);
    match note(account, subscription, item, at) {
        Some(note) => format!("{words} {times} (with {note}) after {day}"),
        None => format!("{words} {times} after {day}"),
    }
}

/// `10.0% off` or `$5.00 off`, of the first discount that reduces an item.
fn note(account: &Account, subscription: &Value, item: &Value, at: i64) -> Option<String> {
    let own = ids(&item["discounts"]);
    let all = own
        .into_iter()
        .chain(billing::discounts_of(account, subscription, at));
    let notes: Vec<String> = all
        .filter(|id| discount::is_live(account, id, at))
        .filter_map(|id| {
            let discount = account.get(&id);
            let coupon = match &discount["_coupon"] {
                Value::Null => account.get(discount["source"]["coupon"].as_str()?),
                kept => kept,
            };
            if let Some(off) = coupon["amount_off"].as_i64() {
                let currency = coupon["currency"].as_str().unwrap_or("usd");
                return Some(format!("{} off", money::written(off, currency)));
            }
            let percent = coupon["percent_off"].to_string();
            let point = if percent.contains('.') { "" } else { ".0" };
            Some(format!("{percent}{point}% off"))
        })
        .collect();
    (!notes.is_empty()).then(|| notes.join(" and "))
}

/// The ids in an array of ids.
pub(crate) fn ids(value: &Value) -> Vec<String> {
    let members = value.as_array().into_iter().flatten();
    members
        .filter_map(Value::as_str)
        .map(str::to_owned)
        .collect()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::{Rate, prorated};

    const DAY: i64 = 86_400;

    #[test]
    fn halves_round_towards_minus_infinity() {
        // Stripe's own cases: 30-day period, 20 days left.
        assert_eq!(prorated(-1_000, 20, 30), -667); // -666.67
        assert_eq!(prorated(2_000, 20, 30), 1_333); // 1333.33
        assert_eq!(prorated(-2 * 999, 20, 30), -1_332); // -1332.00
        assert_eq!(prorated(3 * 999, 20, 30), 1_998); // 1998.00
        assert_eq!(prorated(-5, 1, 2), -3); // -2.5
        assert_eq!(prorated(9, 1, 2), 4); // 4.5
        assert_eq!(prorated(15, 1, 2), 7); // 7.5
        assert_eq!(prorated(100, 1, 0), 0);
    }

    #[test]
    fn seconds_count_and_whole_cents_come_out() {
        // A month at 25.00 given back after 4 seconds, and the year at 250.00 from then on:
        // 2500 * (2592000 - 4) / 2592000 = 2499.996; 25000 * (31536000 - 4) / 31536000 = 24999.997.
        let month = 30 * DAY;
        let year = 365 * DAY;
        assert_eq!(prorated(-2_500, month - 4, month), -2_500);
        assert_eq!(prorated(25_000, year - 4, year), 25_000);
    }

    #[test]
    fn a_share_is_of_the_whole_period() {
        let rate = Rate {
            amount: 3_000,
            start: 0,
            end: 30 * DAY,
        };
        assert_eq!(rate.share(15 * DAY, 30 * DAY), 1_500);
        assert_eq!(rate.share(30 * DAY, 15 * DAY), 0);
    }
}
