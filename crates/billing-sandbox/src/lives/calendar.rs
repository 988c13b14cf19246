//! Billing periods: a month is added to the anchor, and a day that the month lacks is its last one.

use crate::json::Value;
use time::{Date, Duration, Month, OffsetDateTime};

pub(crate) const SECONDS_PER_DAY: i64 = 86_400;

/// How many estimates may be off before a period is taken as found; only absurd dates need more.
const STEPS_MAX: usize = 64;

/// How often a price is billed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Interval<'a> {
    pub(crate) unit: &'a str,
    pub(crate) count: i64,
}

impl<'a> Interval<'a> {
    pub(crate) fn of(price: &'a Value) -> Self {
        Self {
            unit: price["recurring"]["interval"].as_str().unwrap_or("month"),
            count: price["recurring"]["interval_count"]
                .as_i64()
                .unwrap_or(1)
                .clamp(1, 1_100),
        }
    }

    /// About how long it is, in seconds; for comparisons and estimates only.
    pub(crate) fn seconds(self) -> i64 {
        let unit = match self.unit {
            "day" => SECONDS_PER_DAY,
            "week" => 7 * SECONDS_PER_DAY,
            "year" => 31_556_952,
            _ => 2_629_746,
        };
        unit * self.count
    }

    /// The period that holds a moment, when periods are counted from an anchor: start (inclusive)
    /// and end (exclusive), in seconds.
    pub(crate) fn period_at(self, anchor: i64, at: i64) -> (i64, i64) {
        let nth = |n: i64| after(anchor, self.unit, n.saturating_mul(self.count));
        let mut n = at.saturating_sub(anchor).div_euclid(self.seconds());
        for _ in 0..STEPS_MAX {
            if nth(n) > at {
                n -= 1;
            } else if nth(n + 1) <= at {
                n += 1;
            } else {
                break;
            }
        }
        (nth(n), nth(n + 1))
    }
}

/// The end of the period with this many intervals since the anchor (seconds, UTC).
pub(crate) fn after(anchor: i64, interval: &str, count: i64) -> i64 {
    let Ok(start) = OffsetDateTime::from_unix_timestamp(anchor) else {
        return anchor;
    };
    // More days than any date has; keeps the arithmetic of absurd dates within bounds.
    let days = count.clamp(-4_000_000, 4_000_000);
    let end = match interval {
        "day" => start.checked_add(Duration::days(days)),
        "week" => start.checked_add(Duration::weeks(days)),
        "year" => months(start, count.saturating_mul(12)),
        _ => months(start, count),
    };
    end.map_or(anchor, OffsetDateTime::unix_timestamp)
}

fn months(start: OffsetDateTime, count: i64) -> Option<OffsetDateTime> {
    let months = (i64::from(start.year()) * 12 + i64::from(u8::from(start.month())) - 1)
        .saturating_add(count);
    let year = i32::try_from(months.div_euclid(12)).ok()?;
    let month = Month::try_from(u8::try_from(months.rem_euclid(12) + 1).ok()?).ok()?;
    let day = start.day().min(month.length(year));
    Some(start.replace_date(Date::from_calendar_date(year, month, day).ok()?))
}

/// `05 Nov 2025`, as the texts of prorations have it.
pub(crate) fn day(at: i64) -> String {
    let Ok(date) = OffsetDateTime::from_unix_timestamp(at) else {
        return String::new();
    };
    let month: String = date.month().to_string().chars().take(3).collect();
    format!("{:02} {month} {}", date.day(), date.year())
}

/// The first moment after `at` that fits `billing_cycle_anchor_config`: a day of the month (clamped
/// to the month's last), of one month if given, at a time of day (that of `at` where absent), in UTC.
pub(crate) fn next_anchor(at: i64, config: &Value) -> Option<i64> {
    let now = OffsetDateTime::from_unix_timestamp(at).ok()?;
    let day = u8::try_from(config["day_of_month"].as_i64()?).ok()?;
    let part = |name: &str, own: u8| {
        config[name]
            .as_i64()
            .and_then(|value| u8::try_from(value).ok())
            .unwrap_or(own)
    };
    let wanted_month = config["month"].as_i64();
    for step in 0..=24 {
        let first = now.replace_day(1).ok()?;
        let month = months(first, step)?;
        if wanted_month.is_some_and(|wanted| i64::from(u8::from(month.month())) != wanted) {
            continue;
        }
        let length = month.month().length(month.year());
        let candidate = month
            .replace_day(day.min(length))
            .ok()?
            .replace_hour(part("hour", now.hour()))
            .ok()?
            .replace_minute(part("minute", now.minute()))
            .ok()?
            .replace_second(part("second", now.second()))
            .ok()?;
        if candidate > now {
            return Some(candidate.unix_timestamp());
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use crate::json::json;

    use super::*;

    const JANUARY_31: i64 = 1_738_324_800; // 2025-01-31T12:00:00Z
    const MONTH: Interval<'static> = Interval {
        unit: "month",
        count: 1,
    };

    #[test]
    fn the_anchor_day_clamps_and_does_not_drift() {
        assert_eq!(after(JANUARY_31, "month", 1), 1_740_744_000); // 2025-02-28T12:00:00Z
        assert_eq!(after(JANUARY_31, "month", 2), 1_743_422_400); // 2025-03-31T12:00:00Z
        assert_eq!(after(JANUARY_31, "month", 3), 1_746_014_400); // 2025-04-30T12:00:00Z
        assert_eq!(after(JANUARY_31, "year", 1), JANUARY_31 + 365 * 86_400);
        assert_eq!(after(JANUARY_31, "week", 2), JANUARY_31 + 14 * 86_400);
    }

    #[test]
    fn the_period_of_a_moment_is_counted_from_the_anchor_in_both_directions() {
        let february_28 = 1_740_744_000;
        let march_31 = 1_743_422_400;
        assert_eq!(
            MONTH.period_at(JANUARY_31, february_28),
            (february_28, march_31)
        );
        assert_eq!(
            MONTH.period_at(JANUARY_31, february_28 - 1),
            (JANUARY_31, february_28)
        );
        // A future anchor: the whole period that a stub is a part of is the one before it.
        let december_31 = 1_735_646_400;
        assert_eq!(
            MONTH.period_at(JANUARY_31, JANUARY_31 - 86_400),
            (december_31, JANUARY_31)
        );
        let quarter = Interval {
            unit: "month",
            count: 3,
        };
        let april_30 = 1_746_014_400;
        assert_eq!(
            quarter.period_at(JANUARY_31, march_31),
            (JANUARY_31, april_30)
        );
    }

    #[test]
    fn absurd_dates_end_somewhere() {
        let year = Interval {
            unit: "year",
            count: 1_000,
        };
        let _ = year.period_at(i64::MAX, i64::MIN);
        let _ = year.period_at(0, i64::MAX);
        let _ = MONTH.period_at(253_402_300_799, 253_402_300_799);
        assert_eq!(after(i64::MAX, "day", i64::MAX), i64::MAX);
    }

    #[test]
    fn days_are_written_with_two_digits() {
        assert_eq!(day(1_738_324_800), "31 Jan 2025");
        assert_eq!(day(1_740_744_000 + 5 * 86_400), "05 Mar 2025");
    }

    #[test]
    fn an_anchor_by_configuration_is_the_next_such_day() {
        // 2025-01-31T12:00:00Z; the first of February at the same time of day.
        let first = next_anchor(JANUARY_31, &json!({ "day_of_month": 1 }));
        assert_eq!(first, Some(JANUARY_31 + 86_400));
        // The 31st at midnight: today's is over, February has 28 days.
        let config = json!({ "day_of_month": 31, "hour": 0, "minute": 0, "second": 0 });
        assert_eq!(next_anchor(JANUARY_31, &config), Some(1_740_700_800));
        let june = json!({ "day_of_month": 15, "month": 6 });
        assert_eq!(next_anchor(JANUARY_31, &june), Some(1_749_988_800));
    }
}
