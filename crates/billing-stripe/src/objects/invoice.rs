//! Invoices, whose subscription and payment moved in 2025-03-31.basil.

use billing_domain::checkout::ports::ProviderInvoice;

use super::Reading;
use super::metadata::intent_in;
use crate::fields::{Fields, ReadError};

/// Reads an invoice. Until acacia it names its subscription itself and says `paid`; since basil
/// the subscription stands under `parent` and only `status` tells that it is paid.
pub(crate) fn read_invoice(object: &Fields<'_>) -> Result<Reading<ProviderInvoice>, ReadError> {
    let parent = object
        .child("parent")?
        .map(|parent| parent.child("subscription_details"))
        .transpose()?
        .flatten();
    let details = object.child("subscription_details")?;
    let subscription = match object.reference("subscription")? {
        Some(id) => Some(id),
        None => parent
            .as_ref()
            .map(|parent| parent.reference("subscription"))
            .transpose()?
            .flatten(),
    };

    // The lines of a subscription repeat its metadata; before 2023-08 only they did.
    let lines = object.list("lines")?.unwrap_or_default();
    let places = parent.iter().chain(details.iter()).chain(lines.first());
    let described = places.into_iter().find(|place| place.has("metadata"));
    let intent_id = match described {
        Some(place) => intent_in(place)?,
        None => None,
    };

    let status = object.text("status")?;
    let paid = object.flag("paid")?;
    Ok(Reading {
        is_complete: (status.is_some() || paid.is_some())
            && (subscription.is_none() || described.is_some()),
        value: ProviderInvoice {
            id: object.needed("id", object.reference("id")?)?,
            customer: object.reference("customer")?,
            subscription,
            intent_id,
            is_paid: status == Some("paid") || paid == Some(true),
        },
    })
}
