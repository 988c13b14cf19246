//! Money: whole minor units of one currency. Never a float, never two currencies in one sum.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::currency::Currency;

/// An amount in the minor units of its currency (cents for USD, yen for JPY, fils for KWD).
///
/// Stripe's own type; spec F.5 row 21.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Money {
    minor: i64,
    currency: Currency,
}

/// Why two amounts have no sum, difference or product.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MoneyError {
    /// The amounts are of two currencies.
    #[error("cannot combine {left} with {right}")]
    MixedCurrencies {
        /// Currency on the left.
        left: Currency,
        /// Currency on the right.
        right: Currency,
    },
    /// The result does not fit into 64 bits.
    #[error("the amount is too large")]
    Overflow,
}

impl Money {
    /// Makes an amount from minor units.
    pub const fn from_minor(minor: i64, currency: Currency) -> Self {
        Self { minor, currency }
    }

    /// Nothing of a currency.
    pub const fn zero(currency: Currency) -> Self {
        Self { minor: 0, currency }
    }

    /// The amount in minor units.
    pub const fn minor(&self) -> i64 {
        self.minor
    }

    /// The currency.
    pub const fn currency(&self) -> Currency {
        self.currency
    }

    /// Whether nothing is owed.
    pub const fn is_zero(&self) -> bool {
        self.minor == 0
    }

    /// Whether the amount is below zero.
    pub const fn is_negative(&self) -> bool {
        self.minor < 0
    }

    /// Adds an amount of the same currency.
    ///
    /// # Errors
    /// [`MoneyError`] on two currencies or on overflow.
    pub fn checked_add(self, other: Self) -> Result<Self, MoneyError> {
        self.same_currency(other)?;
        let minor = self
            .minor
            .checked_add(other.minor)
            .ok_or(MoneyError::Overflow)?;
        Ok(Self {
            minor,
            currency: self.currency,
        })
    }

    /// Subtracts an amount of the same currency; the result may be negative.
    ///
    /// # Errors
    /// [`MoneyError`] on two currencies or on overflow.
    pub fn checked_sub(self, other: Self) -> Result<Self, MoneyError> {
        self.same_currency(other)?;
        let minor = self
            .minor
            .checked_sub(other.minor)
            .ok_or(MoneyError::Overflow)?;
        Ok(Self {
            minor,
            currency: self.currency,
        })
    }

    /// Multiplies by a count, as in unit amount × quantity.
    ///
    /// # Errors
    /// [`MoneyError::Overflow`].
    pub fn checked_mul(self, count: u32) -> Result<Self, MoneyError> {
        let minor = self
            .minor
            .checked_mul(i64::from(count))
            .ok_or(MoneyError::Overflow)?;
        Ok(Self {
            minor,
            currency: self.currency,
        })
    }

    /// Whether this amount is greater than another of the same currency.
    ///
    /// # Errors
    /// [`MoneyError::MixedCurrencies`].
    pub fn exceeds(self, other: Self) -> Result<bool, MoneyError> {
        self.same_currency(other)?;
        Ok(self.minor > other.minor)
    }

    fn same_currency(self, other: Self) -> Result<(), MoneyError> {
        if self.currency == other.currency {
            Ok(())
        } else {
            Err(MoneyError::MixedCurrencies {
                left: self.currency,
                right: other.currency,
            })
        }
    }
}

/// Writes `12.34 usd`, `500 jpy`, `1.250 kwd`.
impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.minor < 0 { "-" } else { "" };
        let units = self.minor.unsigned_abs();
        let exponent = usize::from(self.currency.exponent());
        if exponent == 0 {
            return write!(f, "{sign}{units} {}", self.currency);
        }
        let scale = 10_u64.pow(u32::from(self.currency.exponent()));
        write!(
            f,
            "{sign}{}.{:0exponent$} {}",
            units / scale,
            units % scale,
            self.currency
        )
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn usd(minor: i64) -> Money {
        Money::from_minor(minor, Currency::USD)
    }

    #[test]
    fn two_currencies_have_no_sum() {
        let error = usd(1)
            .checked_add(Money::from_minor(1, Currency::JPY))
            .unwrap_err();
        assert_eq!(
            error,
            MoneyError::MixedCurrencies {
                left: Currency::USD,
                right: Currency::JPY
            }
        );
        assert!(usd(1).checked_sub(Money::zero(Currency::EUR)).is_err());
        assert!(usd(1).exceeds(Money::zero(Currency::EUR)).is_err());
    }

    #[test]
    fn an_overflow_is_an_error_and_not_a_wrap() {
        assert_eq!(usd(i64::MAX).checked_add(usd(1)), Err(MoneyError::Overflow));
        assert_eq!(usd(i64::MIN).checked_sub(usd(1)), Err(MoneyError::Overflow));
        assert_eq!(usd(i64::MAX).checked_mul(2), Err(MoneyError::Overflow));
    }

    #[test]
    fn an_amount_is_written_with_the_places_of_its_currency() {
        let texts = [
            (usd(1234), "12.34 usd"),
            (usd(-5), "-0.05 usd"),
            (Money::from_minor(500, Currency::JPY), "500 jpy"),
            (Money::from_minor(1250, Currency::KWD), "1.250 kwd"),
            (usd(i64::MIN), "-92233720368547758.08 usd"),
        ];
        for (money, text) in texts {
            assert_eq!(money.to_string(), text);
        }
    }

    proptest! {
        #[test]
        fn addition_and_subtraction_undo_each_other(a in -1_000_000_000_000_i64..1_000_000_000_000, b in -1_000_000_000_000_i64..1_000_000_000_000) {
            let sum = usd(a).checked_add(usd(b)).unwrap();
            prop_assert_eq!(sum.checked_sub(usd(b)).unwrap(), usd(a));
            prop_assert_eq!(usd(b).checked_add(usd(a)).unwrap(), sum);
        }

        #[test]
        fn a_product_is_a_repeated_sum(unit in -10_000_i64..10_000, count in 0_u32..50) {
            let mut sum = usd(0);
            for _ in 0..count {
                sum = sum.checked_add(usd(unit)).unwrap();
            }
            prop_assert_eq!(usd(unit).checked_mul(count).unwrap(), sum);
        }
    }
}
