//! Billing periods: a month is added to the anchor, and a day that the month lacks is its last one.

use time::{Date, Duration, Month, OffsetDateTime};

/// The end of the period with this many intervals since the anchor (seconds, UTC).
pub(crate) fn after(anchor: i64, interval: &str, count: i64) -> i64 {
    let Ok(start) = OffsetDateTime::from_unix_timestamp(anchor) else {
        return anchor;
    };
    let end = match interval {
        "day" => start.checked_add(Duration::days(count)),
        "week" => start.checked_add(Duration::weeks(count)),
        "year" => months(start, count.saturating_mul(12)),
        _ => months(start, count),
    };
    end.map_or(anchor, OffsetDateTime::unix_timestamp)
}

fn months(start: OffsetDateTime, count: i64) -> Option<OffsetDateTime> {
    let months = i64::from(start.year()) * 12 + i64::from(u8::from(start.month())) - 1 + count;
    let year = i32::try_from(months.div_euclid(12)).ok()?;
    let month = Month::try_from(u8::try_from(months.rem_euclid(12) + 1).ok()?).ok()?;
    let day = start.day().min(month.length(year));
    Some(start.replace_date(Date::from_calendar_date(year, month, day).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_anchor_day_clamps_and_does_not_drift() {
        let january_31 = 1_738_324_800; // 2025-01-31T12:00:00Z
        assert_eq!(after(january_31, "month", 1), 1_740_744_000); // 2025-02-28T12:00:00Z
        assert_eq!(after(january_31, "month", 2), 1_743_422_400); // 2025-03-31T12:00:00Z
        assert_eq!(after(january_31, "year", 1), january_31 + 365 * 86_400);
        assert_eq!(after(january_31, "week", 2), january_31 + 14 * 86_400);
    }
}
