//! Prices: only what one unit costs and how often, and only where that is the whole story.

use billing_domain::catalog::ports::ProviderPrice;
use billing_domain::catalog::price::BillingPeriod;
use billing_domain::kernel::currency::Currency;
use billing_domain::kernel::money::Money;
use billing_domain::kernel::text::LookupKey;

use crate::fields::{Fields, ReadError};

/// Reads a price. One that is not active, not per unit, metered, or of a period that we do not
/// sell is malformed at the field that says so.
pub(crate) fn read_price(object: &Fields<'_>) -> Result<ProviderPrice, ReadError> {
    if !object.needed("active", object.flag("active")?)? {
        return Err(object.malformed("active"));
    }
    if object.text("billing_scheme")? != Some("per_unit") {
        return Err(object.malformed("billing_scheme"));
    }
    if object.has("transform_quantity") {
        return Err(object.malformed("transform_quantity"));
    }
    let currency = object.needed("currency", object.text("currency")?)?;
    let currency = Currency::parse(currency).map_err(|_| object.malformed("currency"))?;
    // Absent where a fraction of a minor unit is charged.
    let minor = object.needed("unit_amount", object.integer("unit_amount")?)?;
    let lookup_key = object
        .text("lookup_key")?
        .map(|key| LookupKey::parse(key).map_err(|_| object.malformed("lookup_key")))
        .transpose()?;
    Ok(ProviderPrice {
        id: object.needed("id", object.reference("id")?)?,
        product: object.needed("product", object.reference("product")?)?,
        lookup_key,
        unit_amount: Money::from_minor(minor, currency),
        period: period(object)?,
    })
}

fn period(object: &Fields<'_>) -> Result<BillingPeriod, ReadError> {
    let Some(recurring) = object.child("recurring")? else {
        return Ok(BillingPeriod::OneTime);
    };
    if recurring.text("usage_type")? != Some("licensed") {
        return Err(recurring.malformed("usage_type"));
    }
    let interval = recurring.needed("interval", recurring.text("interval")?)?;
    match (interval, recurring.integer("interval_count")?) {
        ("month", Some(1)) => Ok(BillingPeriod::Monthly),
        ("month", Some(3)) => Ok(BillingPeriod::Quarterly),
        ("month", Some(12)) | ("year", Some(1)) => Ok(BillingPeriod::Yearly),
        _ => Err(recurring.malformed("interval")),
    }
}
