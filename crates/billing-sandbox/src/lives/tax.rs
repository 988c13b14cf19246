//! Tax by tax rates: after discounts, per line and rate.

use serde_json::Value;

/// The tax of one line by one rate.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct TaxAmount {
    pub(crate) amount: i64,
    pub(crate) is_inclusive: bool,
    /// The id of the tax rate.
    pub(crate) rate: String,
    pub(crate) taxable_amount: i64,
}

/// The taxes of a line's amount (after discounts) by whole tax rates.
pub(crate) fn amounts(rates: &[Value], amount: i64) -> Vec<TaxAmount> {
    let _ = (rates, amount);
    Vec::new()
}
