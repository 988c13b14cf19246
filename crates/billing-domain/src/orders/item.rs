//! What an order is made of, and its sums: one currency, nothing below zero, everything adds up.

use crate::kernel::currency::Currency;
use crate::kernel::money::{Money, MoneyError};
use crate::kernel::text::Title;

/// One line of an order (C-037).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderItem {
    sku: Title,
    description: Title,
    quantity: u32,
    unit_amount: Money,
}

/// The sums of an order; they agree with its items and with each other (C-036).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OrderTotals {
    subtotal: Money,
    discount: Money,
    tax: Money,
    total: Money,
}

/// Why items and sums do not make an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidTotals {
    /// There is nothing in it.
    #[error("an order needs at least one item")]
    NoItems,
    /// A line of no units.
    #[error("an item needs at least one unit")]
    NoUnits,
    /// One of the amounts is below zero.
    #[error("no amount of an order may be negative")]
    Negative,
    /// The items add up to something else.
    #[error("the items add up to {items} and not to {told}")]
    SubtotalDiffers {
        /// What they add up to.
        items: Money,
        /// What was told.
        told: Money,
    },
    /// subtotal − discount + tax is something else.
    #[error("subtotal, discount and tax make {computed} and not {told}")]
    TotalDiffers {
        /// What they make.
        computed: Money,
        /// What was told.
        told: Money,
    },
    /// Two currencies, or too much.
    #[error(transparent)]
    Money(#[from] MoneyError),
}

impl OrderItem {
    /// Makes a line.
    ///
    /// # Errors
    /// [`InvalidTotals::NoUnits`] and [`InvalidTotals::Negative`].
    pub fn try_new(
        sku: Title,
        description: Title,
        quantity: u32,
        unit_amount: Money,
    ) -> Result<Self, InvalidTotals> {
        if quantity == 0 {
            return Err(InvalidTotals::NoUnits);
        }
        if unit_amount.is_negative() {
            return Err(InvalidTotals::Negative);
        }
        Ok(Self {
            sku,
            description,
            quantity,
            unit_amount,
        })
    }

    /// What is sold.
    pub fn sku(&self) -> &Title {
        &self.sku
    }

    /// What people read.
    pub fn description(&self) -> &Title {
        &self.description
    }

    /// How many; at least one.
    pub fn quantity(&self) -> u32 {
        self.quantity
    }

    /// What one costs.
    pub fn unit_amount(&self) -> Money {
        self.unit_amount
    }
}

impl OrderTotals {
    /// Checks sums against items and against each other.
    ///
    /// # Errors
    /// [`InvalidTotals`].
    pub fn try_new(
        items: &[OrderItem],
        subtotal: Money,
        discount: Money,
        tax: Money,
        total: Money,
    ) -> Result<Self, InvalidTotals> {
        if items.is_empty() {
            return Err(InvalidTotals::NoItems);
        }
        if [subtotal, discount, tax, total]
            .iter()
            .any(Money::is_negative)
        {
            return Err(InvalidTotals::Negative);
        }
        let mut sum = Money::zero(total.currency());
        for item in items {
            sum = sum.checked_add(item.unit_amount.checked_mul(item.quantity)?)?;
        }
        // Differences, not comparisons: two amounts of two currencies have none.
        if !sum.checked_sub(subtotal)?.is_zero() {
            return Err(InvalidTotals::SubtotalDiffers {
                items: sum,
                told: subtotal,
            });
        }
        let computed = subtotal.checked_sub(discount)?.checked_add(tax)?;
        if !computed.checked_sub(total)?.is_zero() {
            return Err(InvalidTotals::TotalDiffers {
                computed,
                told: total,
            });
        }
        Ok(Self {
            subtotal,
            discount,
            tax,
            total,
        })
    }

    /// The sum of the items.
    pub fn subtotal(&self) -> Money {
        self.subtotal
    }

    /// What is taken off.
    pub fn discount(&self) -> Money {
        self.discount
    }

    /// What is added as tax.
    pub fn tax(&self) -> Money {
        self.tax
    }

    /// What is to be paid.
    pub fn total(&self) -> Money {
        self.total
    }

    /// The one currency of the order.
    pub fn currency(&self) -> Currency {
        self.total.currency()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn usd(minor: i64) -> Money {
        Money::from_minor(minor, Currency::USD)
    }

    fn item(quantity: u32, unit: Money) -> OrderItem {
        let title = Title::parse("Course").unwrap();
        OrderItem::try_new(title.clone(), title, quantity, unit).unwrap()
    }

    #[test]
    fn c_036_sums_that_do_not_add_up_are_refused() {
        let items = [item(2, usd(500)), item(1, usd(100))];
        let totals = |subtotal, discount, tax, total| {
            OrderTotals::try_new(&items, usd(subtotal), usd(discount), usd(tax), usd(total))
        };
        assert!(totals(1100, 100, 190, 1190).is_ok());
        assert!(matches!(
            totals(1000, 0, 0, 1000),
            Err(InvalidTotals::SubtotalDiffers { .. })
        ));
        assert!(matches!(
            totals(1100, 0, 0, 1000),
            Err(InvalidTotals::TotalDiffers { .. })
        ));
        assert_eq!(totals(1100, 1200, 0, -100), Err(InvalidTotals::Negative));
        assert_eq!(totals(1100, -100, 0, 1200), Err(InvalidTotals::Negative));
    }

    #[test]
    fn c_036_an_order_has_one_currency() {
        let euro = Money::zero(Currency::EUR);
        let free = Money::zero(Currency::USD);
        let items = [item(1, usd(0))];
        for (discount, tax) in [(euro, free), (free, euro)] {
            let totals = OrderTotals::try_new(&items, free, discount, tax, free);
            assert!(matches!(totals, Err(InvalidTotals::Money(_))));
        }
        let totals = OrderTotals::try_new(&[item(1, euro)], free, free, free, free);
        assert!(matches!(totals, Err(InvalidTotals::Money(_))));
    }

    #[test]
    fn c_037_an_item_has_units_and_a_price() {
        let title = Title::parse("Course").unwrap();
        let make =
            |quantity, unit| OrderItem::try_new(title.clone(), title.clone(), quantity, unit);
        assert_eq!(make(0, usd(1)), Err(InvalidTotals::NoUnits));
        assert_eq!(make(1, usd(-1)), Err(InvalidTotals::Negative));
        let none = OrderTotals::try_new(&[], usd(0), usd(0), usd(0), usd(0));
        assert_eq!(none, Err(InvalidTotals::NoItems));
    }

    proptest! {
        #[test]
        fn c_036_computed_sums_are_accepted_and_others_are_not(
            lines in prop::collection::vec((1_u32..20, 0_i64..100_000), 1..5),
            discount in 0_i64..1_000,
            tax in 0_i64..1_000,
            error in -5_i64..5,
        ) {
            let items: Vec<_> = lines.iter().map(|(count, unit)| item(*count, usd(*unit))).collect();
            let subtotal: i64 = lines.iter().map(|(count, unit)| i64::from(*count) * unit).sum();
            let total = subtotal - discount + tax;
            let totals = OrderTotals::try_new(
                &items, usd(subtotal), usd(discount), usd(tax), usd(total + error),
            );
            prop_assert_eq!(totals.is_ok(), error == 0 && total >= 0);
        }
    }
}
