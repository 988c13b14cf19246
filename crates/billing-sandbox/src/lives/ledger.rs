//! The balance: what each charge, refund and dispute moves, what Stripe keeps, and when it is available.

use crate::json::{Value, json};

use crate::account::Account;
use crate::due::Action;
use crate::lives::card::Aftermath;
use crate::lives::payment::charge;

pub(crate) static DUE: &[Action] = &[("balance_transaction.release", release)];

const DAY: i64 = 86_400;

/// One movement of money.
pub(crate) struct Movement<'a> {
    pub(crate) kind: &'static str,
    /// What reports count it as.
    pub(crate) category: &'static str,
    pub(crate) amount: i64,
    pub(crate) currency: &'a str,
    pub(crate) fee: i64,
    pub(crate) fee_text: &'static str,
    pub(crate) description: Value,
    pub(crate) source: &'a str,
    pub(crate) available_on: i64,
}

/// Stripe's price for a card payment in the United States: 2.9 % and 30 cents, rounded half up.
pub(crate) fn card_fee(amount: i64) -> i64 {
    amount
        .saturating_mul(29)
        .saturating_add(500)
        .div_euclid(1_000)
        .saturating_add(30)
}

/// Writes a movement into the ledger, by its id.
pub(crate) fn insert(account: &mut Account, movement: &Movement<'_>) -> String {
    let mut id = account.ids.next("txn_");
    // Only what a payment brings about is numbered as one.
    if movement.kind == "adjustment" {
        id.replace_range(.."txn_3".len(), "txn_1");
    }
    let fees = if movement.fee == 0 {
        json!([])
    } else {
        json!([{
            "amount": movement.fee, "application": null, "currency": movement.currency,
            "description": movement.fee_text, "type": "stripe_fee",
        }])
    };
    let is_available = movement.available_on <= account.now;
    let id = account.insert(json!({
        "id": id,
        "object": "balance_transaction",
        "amount": movement.amount,
        "available_on": movement.available_on,
        "balance_type": "payments",
        "created": account.now,
        "currency": movement.currency,
        "description": movement.description,
        "exchange_rate": null,
        "fee": movement.fee,
        "fee_details": fees,
        "net": movement.amount.saturating_sub(movement.fee),
        "reporting_category": movement.category,
        "source": movement.source,
        "status": if is_available { "available" } else { "pending" },
        "type": movement.kind,
    }));
    if !is_available {
        account.when(movement.available_on, "balance_transaction.release", &id);
    }
    id
}

/// Money that was on its way can be used.
fn release(account: &mut Account, id: &str) {
    account.set(id, "status", json!("available"));
}

/// Settles a captured charge.
pub(crate) fn settle_charge(account: &mut Account, charge_id: &str) {
    let charge = account.snapshot(charge_id);
    let amount = charge["amount_captured"].as_i64().unwrap_or(0);
    let is_available =
        charge::card_of(&charge).is_some_and(|card| card.aftermath == Aftermath::AvailableAtOnce);
    let available_on = if is_available {
        account.now
    } else {
        available_on(account.now)
    };
    let id = insert(
        account,
        &Movement {
            kind: "charge",
            category: "charge",
            amount,
            currency: charge["currency"].as_str().unwrap_or("usd"),
            fee: card_fee(amount),
            fee_text: "Stripe processing fees",
            description: charge["description"].clone(),
            source: charge_id,
            available_on,
        },
    );
    account.set(charge_id, "balance_transaction", json!(id));
}

/// Midnight of the second American business day after a time.
pub(crate) fn available_on(now: i64) -> i64 {
    let mut day = now.div_euclid(DAY);
    let mut left = 2;
    // A payment of a weekend counts as one of the next business day's eve.
    while left > 0 {
        day += 1;
        if is_business_day(day) {
            left -= 1;
        }
    }
    day * DAY
}

fn is_business_day(day: i64) -> bool {
    let Some(date) = time::OffsetDateTime::from_unix_timestamp(day * DAY).ok() else {
        return true;
    };
    let weekday = date.weekday();
    !matches!(weekday, time::Weekday::Saturday | time::Weekday::Sunday) && !is_holiday(date.date())
}

/// The holidays of the Federal Reserve, on whose days no money moves.
fn is_holiday(date: time::Date) -> bool {
    use time::{Month, Weekday};
    let (month, day, weekday) = (date.month(), date.day(), date.weekday());
    let nth = (day - 1) / 7 + 1;
    let is_last_week = day > 24;
    let fixed = |m: Month, d: u8| {
        // One that falls on a Sunday is kept on Monday.
        (month == m && day == d) || (month == m && day == d + 1 && weekday == Weekday::Monday)
    };
    fixed(Month::January, 1)
        || (month == Month::January && weekday == Weekday::Monday && nth == 3)
        || (month == Month::February && weekday == Weekday::Monday && nth == 3)
        || (month == Month::May && weekday == Weekday::Monday && is_last_week)
        || fixed(Month::June, 19)
        || fixed(Month::July, 4)
        || (month == Month::September && weekday == Weekday::Monday && nth == 1)
        || (month == Month::October && weekday == Weekday::Monday && nth == 2)
        || fixed(Month::November, 11)
        || (month == Month::November && weekday == Weekday::Thursday && nth == 4)
        || fixed(Month::December, 25)
}

#[cfg(test)]
mod tests {
    use time::Month::{January, July, November, September};

    use super::*;

    #[test]
    fn the_fee_is_two_point_nine_percent_and_thirty_cents_rounded_half_up() {
        // 1000 × 0.029 = 29.00 → 29 + 30 = 59
        assert_eq!(card_fee(1_000), 59);
        // 950 × 0.029 = 27.55 → 28 + 30 = 58
        assert_eq!(card_fee(950), 58);
        // 2500 × 0.029 = 72.50 → 73 + 30 = 103
        assert_eq!(card_fee(2_500), 103);
        // 22500 × 0.029 = 652.50 → 653 + 30 = 683
        assert_eq!(card_fee(22_500), 683);
    }

    #[test]
    fn money_is_available_two_business_days_later() {
        let day = |year, month, day| {
            time::Date::from_calendar_date(year, month, day)
                .unwrap()
                .midnight()
                .assume_utc()
                .unix_timestamp()
        };
        // Tuesday 2026-09-22 → Thursday.
        assert_eq!(
            available_on(day(2026, September, 22) + 3_600),
            day(2026, September, 24)
        );
        // Saturday and Sunday → Tuesday.
        assert_eq!(
            available_on(day(2026, September, 26)),
            day(2026, September, 29)
        );
        assert_eq!(
            available_on(day(2026, September, 27)),
            day(2026, September, 29)
        );
        // Wednesday before Thanksgiving (Thursday 2026-11-26) → Monday.
        assert_eq!(
            available_on(day(2026, November, 25)),
            day(2026, November, 30)
        );
        // The Fourth of July of 2027 is a Sunday, kept on Monday: Friday → Wednesday.
        assert_eq!(available_on(day(2027, July, 2)), day(2027, July, 7));
        assert_eq!(available_on(day(2026, January, 1)), day(2026, January, 5));
    }
}
