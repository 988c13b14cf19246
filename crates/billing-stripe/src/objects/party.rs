//! Customers, products and prices, as far as their events concern us.

use billing_domain::provider_events::reports::{CatalogueItem, CatalogueReport, CustomerReport};

use crate::fields::{Fields, ReadError};

/// Reads a customer; `is_deleted` as the type of the event tells.
pub(crate) fn read_customer(
    object: &Fields<'_>,
    is_deleted: bool,
) -> Result<CustomerReport, ReadError> {
    Ok(CustomerReport {
        id: object.needed("id", object.reference("id")?)?,
        email: object
            .nullable("email", object.text("email")?)?
            .map(str::to_owned),
        is_deleted,
    })
}

/// Reads a product or a price; what is deleted cannot be sold, whatever the payload says.
pub(crate) fn read_catalogue(
    object: &Fields<'_>,
    item: CatalogueItem,
    is_deleted: bool,
) -> Result<CatalogueReport, ReadError> {
    let is_active = match object.flag("active")? {
        Some(is_active) => is_active && !is_deleted,
        None if is_deleted => false,
        None => object.needed("active", None)?,
    };
    Ok(CatalogueReport {
        item,
        id: object.needed("id", object.reference("id")?)?,
        is_active,
    })
}
