//! Amounts beside the currency of their object.

use billing_domain::kernel::currency::Currency;
use billing_domain::kernel::money::Money;

use crate::fields::{Fields, ReadError};

/// The currency of an object.
pub(crate) fn currency(object: &Fields<'_>) -> Result<Currency, ReadError> {
    let code = object.needed("currency", object.text("currency")?)?;
    Currency::parse(code).map_err(|_| object.malformed("currency"))
}

/// An amount in the smallest unit; absent is never zero.
pub(crate) fn amount(
    object: &Fields<'_>,
    key: &str,
    currency: Currency,
) -> Result<Money, ReadError> {
    let minor = object.needed(key, object.integer(key)?)?;
    Ok(Money::from_minor(minor, currency))
}
