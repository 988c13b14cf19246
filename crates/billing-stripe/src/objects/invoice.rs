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

    let line = subscription_line(object)?;
    let places = [parent.as_ref(), details.as_ref(), line.as_ref()];
    let described = places
        .into_iter()
        .flatten()
        .find(|place| place.has("metadata"));
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

/// The first line that bills the subscription itself: it repeats the subscription's metadata, and
/// until 2023 it was the only place that did.
fn subscription_line<'a>(object: &Fields<'a>) -> Result<Option<Fields<'a>>, ReadError> {
    for line in object.list("lines")?.unwrap_or_default() {
        if line.text("type")? == Some("subscription") {
            return Ok(Some(line));
        }
    }
    Ok(None)
}
