//! Points in time: UTC, to the microsecond, the same in memory and in every database.

use std::fmt;

use serde::{Serialize, Serializer};
use time::format_description::well_known::Rfc3339;
use time::{Duration, OffsetDateTime, UtcOffset};

/// A point in time in UTC with microseconds, which is what both databases keep exactly.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(OffsetDateTime);

/// The number is outside the years that a timestamp can be in (0001 to 9999).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the time is out of range")]
pub struct TimeOutOfRange;

/// The text is not a point in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be a time such as `2026-03-01T08:00:00Z` (RFC 3339)")]
pub struct InvalidTime;

impl Timestamp {
    /// Reads RFC 3339, in any offset.
    ///
    /// # Errors
    /// [`InvalidTime`].
    pub fn parse(text: &str) -> Result<Self, InvalidTime> {
        let parsed = OffsetDateTime::parse(text, &Rfc3339);
        parsed.map(Self::from_datetime).map_err(|_| InvalidTime)
    }

    /// Cuts a time to UTC and whole microseconds.
    pub fn from_datetime(at: OffsetDateTime) -> Self {
        let utc = at.to_offset(UtcOffset::UTC);
        let micros = utc.microsecond();
        Self(utc.replace_microsecond(micros).unwrap_or(utc))
    }

    /// Reads Stripe's unit: whole seconds since 1970.
    ///
    /// # Errors
    /// [`TimeOutOfRange`].
    pub fn from_unix_seconds(seconds: i64) -> Result<Self, TimeOutOfRange> {
        OffsetDateTime::from_unix_timestamp(seconds)
            .map(Self)
            .map_err(|_| TimeOutOfRange)
    }

    /// Reads the unit of storage: microseconds since 1970.
    ///
    /// # Errors
    /// [`TimeOutOfRange`].
    pub fn from_unix_micros(micros: i64) -> Result<Self, TimeOutOfRange> {
        let nanos = i128::from(micros) * 1_000;
        OffsetDateTime::from_unix_timestamp_nanos(nanos)
            .map(Self)
            .map_err(|_| TimeOutOfRange)
    }

    /// Whole seconds since 1970, rounded down.
    pub fn unix_seconds(&self) -> i64 {
        self.0.unix_timestamp()
    }

    /// Microseconds since 1970.
    pub fn unix_micros(&self) -> i64 {
        i64::try_from(self.0.unix_timestamp_nanos() / 1_000)
            .expect("microseconds of the years 0001 to 9999 fit into 64 bits")
    }

    /// The time for a calendar.
    pub fn datetime(&self) -> OffsetDateTime {
        self.0
    }

    /// This time and some more; the far end of time where there is no later one.
    #[must_use]
    pub fn plus(&self, duration: Duration) -> Self {
        Self::from_datetime(self.0.saturating_add(duration))
    }

    /// This time less some; the far end of time where there is no earlier one.
    #[must_use]
    pub fn minus(&self, duration: Duration) -> Self {
        Self::from_datetime(self.0.saturating_sub(duration))
    }

    /// How long after `earlier` this is; negative when it is before.
    pub fn since(&self, earlier: Self) -> Duration {
        self.0 - earlier.0
    }
}

/// Writes RFC 3339 in UTC.
impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.format(&Rfc3339).map_err(|_| fmt::Error)?)
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    #[test]
    fn a_time_is_utc_with_microseconds() {
        let at = Timestamp::from_datetime(datetime!(2026-03-01 10:00:00.123456789 +02:00));
        assert_eq!(at.to_string(), "2026-03-01T08:00:00.123456Z");
        assert_eq!(Timestamp::from_unix_micros(at.unix_micros()).unwrap(), at);
        assert_eq!(Timestamp::parse(&at.to_string()), Ok(at));
        assert_eq!(Timestamp::parse("2026-03-01T10:00:00.123456+02:00"), Ok(at));
        assert_eq!(Timestamp::parse("yesterday"), Err(InvalidTime));
    }

    #[test]
    fn seconds_are_rounded_down_and_read_back() {
        let at = Timestamp::from_unix_seconds(1_700_000_000).unwrap();
        assert_eq!(at.unix_seconds(), 1_700_000_000);
        assert!(Timestamp::from_unix_seconds(i64::MAX).is_err());
        assert!(Timestamp::from_unix_micros(i64::MAX).is_err());
    }

    #[test]
    fn the_far_end_of_time_is_not_a_panic() {
        let at = Timestamp::from_unix_seconds(0).unwrap();
        assert!(at.plus(Duration::MAX) > at);
        assert!(at.minus(Duration::MAX) < at);
    }
}
