//! Invoices, whose subscription and payment moved in 2025-03-31.basil.

use billing_domain::checkout::ports::ProviderInvoice;
use billing_domain::kernel::id::IntentId;
use billing_domain::kernel::text::ProviderRef;
use billing_domain::provider_events::reports::{InvoiceReport, InvoiceStatus};

use super::Reading;
use super::metadata::intent_in;
use super::money::{amount, currency};
use crate::fields::{Fields, ReadError};

/// Reads an invoice. Until acacia it names its subscription itself and says `paid`; since basil
/// the subscription stands under `parent` and only `status` tells that it is paid.
pub(crate) fn read_invoice(object: &Fields<'_>) -> Result<Reading<ProviderInvoice>, ReadError> {
    let owner = owner(object)?;
    let is_paid = match (object.text("status")?, object.flag("paid")?) {
        (Some(status), paid) => status == "paid" || paid == Some(true),
        (None, paid) => object.needed("status", paid)?,
    };
    Ok(Reading {
        is_complete: owner.is_described(),
        value: ProviderInvoice {
            id: object.needed("id", object.reference("id")?)?,
            customer: object.nullable_reference("customer")?,
            subscription: owner.subscription,
            intent_id: owner.intent_id,
            is_paid,
        },
    })
}

/// Reads an invoice that is neither paid nor failed to be; one that is only announced has no id.
pub(crate) fn read_invoice_report(
    object: &Fields<'_>,
) -> Result<Reading<InvoiceReport>, ReadError> {
    let owner = owner(object)?;
    let currency = currency(object)?;
    let status = object.needed("status", object.text("status")?)?;
    Ok(Reading {
        is_complete: owner.is_described(),
        value: InvoiceReport {
            id: object.reference("id")?,
            status: InvoiceStatus::parse(status).ok_or_else(|| object.malformed("status"))?,
            customer: object.nullable_reference("customer")?,
            subscription: owner.subscription,
            intent_id: owner.intent_id,
            reason: {
                let reason = object.text("billing_reason")?;
                object
                    .nullable("billing_reason", reason)?
                    .map(str::to_owned)
            },
            total: amount(object, "total", currency)?,
            due: amount(object, "amount_due", currency)?,
            paid: amount(object, "amount_paid", currency)?,
            due_at: object.nullable_time("due_date")?,
        },
    })
}

/// Whom an invoice bills, wherever its version says so.
struct Owner {
    subscription: Option<ProviderRef>,
    intent_id: Option<IntentId>,
    has_metadata: bool,
}

impl Owner {
    /// Whether the sale of a subscription's invoice was to be found.
    fn is_described(&self) -> bool {
        self.subscription.is_none() || self.has_metadata
    }
}

fn owner(object: &Fields<'_>) -> Result<Owner, ReadError> {
    if !object.mentions("subscription") && !object.mentions("parent") {
        return Err(ReadError::Absent("parent".to_owned()));
    }
    let parent = object
        .child("parent")?
        .map(|parent| {
            let details = parent.child("subscription_details")?;
            parent.nullable("subscription_details", details)
        })
        .transpose()?
        .flatten();
    let details = object.child("subscription_details")?;
    let subscription = match object.reference("subscription")? {
        Some(id) => Some(id),
        None => parent
            .as_ref()
            .map(|parent| parent.needed("subscription", parent.reference("subscription")?))
            .transpose()?,
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
    Ok(Owner {
        subscription,
        intent_id,
        has_metadata: described.is_some(),
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
