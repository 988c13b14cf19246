//! Exact decimal amounts: fractions of a cent and percentages, without floating point.

use crate::json::Value;

/// Stripe takes amounts with at most this many decimal places.
const PLACES: usize = 12;
const ONE: i128 = 1_000_000_000_000;

/// A number in steps of 10^-12.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(crate) struct Decimal(i128);

impl Decimal {
    /// Reads `12`, `-0.5`, `1.250000000001`; nothing else, and not more places than Stripe takes.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (is_negative, digits) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        let is_plain = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        if (whole.is_empty() && fraction.is_empty())
            || !is_plain(whole)
            || !is_plain(fraction)
            || fraction.len() > PLACES
            || whole.len() > 18
        {
            return None;
        }
        let whole: i128 = if whole.is_empty() {
            0
        } else {
            whole.parse().ok()?
        };
        let fraction: i128 = format!("{fraction:0<PLACES$}").parse().ok()?;
        let value = whole.checked_mul(ONE)?.checked_add(fraction)?;
        Some(Self(if is_negative { -value } else { value }))
    }

    /// The number of a JSON value: an integer, a decimal as text, or a percentage as it was sent.
    pub(crate) fn of(value: &Value) -> Option<Self> {
        match value {
            Value::String(text) => Self::parse(text),
            Value::Number(number) => Self::parse(&number.to_string()),
            _ => None,
        }
    }

    pub(crate) fn whole(value: i64) -> Self {
        Self(i128::from(value).saturating_mul(ONE))
    }

    pub(crate) fn times(self, count: i64) -> Self {
        Self(self.0.saturating_mul(i128::from(count)))
    }

    pub(crate) fn plus(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }

    /// `amount * self / divisor`, rounded to the nearest whole, halves away from zero.
    pub(crate) fn share(self, amount: i64, divisor: Self) -> i64 {
        if divisor.0 == 0 {
            return 0;
        }
        nearest(i128::from(amount).saturating_mul(self.0), divisor.0)
    }

    /// The nearest whole number, halves away from zero.
    pub(crate) fn rounded(self) -> i64 {
        nearest(self.0, ONE)
    }

    /// The whole number that this is, unless it has a fraction.
    pub(crate) fn as_whole(self) -> Option<i64> {
        (self.0 % ONE == 0)
            .then(|| i64::try_from(self.0 / ONE).ok())
            .flatten()
    }

    pub(crate) fn is_negative(self) -> bool {
        self.0 < 0
    }
}

impl std::fmt::Display for Decimal {
    /// Without zeros at the end: `0.5`, `12`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        let (whole, fraction) = (
            self.0.unsigned_abs() / ONE.unsigned_abs(),
            self.0.unsigned_abs() % ONE.unsigned_abs(),
        );
        if fraction == 0 {
            return write!(f, "{sign}{whole}");
        }
        let places = format!("{fraction:0>PLACES$}");
        write!(f, "{sign}{whole}.{}", places.trim_end_matches('0'))
    }
}

fn nearest(numerator: i128, denominator: i128) -> i64 {
    let twice = numerator.saturating_mul(2);
    let half = if (numerator < 0) == (denominator < 0) {
        denominator
    } else {
        -denominator
    };
    let rounded = twice.saturating_add(half) / denominator.saturating_mul(2);
    i64::try_from(rounded).unwrap_or(if rounded < 0 { i64::MIN } else { i64::MAX })
}

#[cfg(test)]
mod tests {
    use crate::json::json;

    use super::*;

    #[test]
    fn decimals_are_read_and_written_exactly() {
        for text in ["0", "0.5", "12.25", "-3", "0.000000000001", "99999999.9"] {
            assert_eq!(Decimal::parse(text).unwrap().to_string(), text);
        }
        assert_eq!(Decimal::parse("10.50").unwrap().to_string(), "10.5");
        for text in ["", ".", "1e3", "a", "1.2.3", "0.0000000000001", "--1", "+1"] {
            assert_eq!(Decimal::parse(text), None, "{text}");
        }
        assert_eq!(Decimal::of(&json!(33.333)), Decimal::parse("33.333"));
    }

    #[test]
    fn halves_are_rounded_away_from_zero() {
        let rounded = |text: &str| Decimal::parse(text).unwrap().rounded();
        assert_eq!(rounded("0.5"), 1);
        assert_eq!(rounded("0.499999999999"), 0);
        assert_eq!(rounded("-0.5"), -1);
        assert_eq!(rounded("2.5"), 3);
        assert_eq!(
            Decimal::parse("5")
                .unwrap()
                .share(-1800, Decimal::whole(100)),
            -90
        );
    }
}
