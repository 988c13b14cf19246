//! Checkout sessions.

use billing_domain::checkout::intent::OpenedSession;
use billing_domain::checkout::ports::{ProviderSession, SessionStatus};

use super::metadata::intent_in;
use crate::fields::{Fields, ReadError};

/// Reads a session.
pub(crate) fn read_session(object: &Fields<'_>) -> Result<ProviderSession, ReadError> {
    let status = match object.needed("status", object.text("status")?)? {
        "open" => SessionStatus::Open,
        "complete" => SessionStatus::Complete,
        "expired" => SessionStatus::Expired,
        _ => return Err(object.malformed("status")),
    };
    let payment = object.needed("payment_status", object.text("payment_status")?)?;
    let is_paid = match payment {
        "paid" | "no_payment_required" => true,
        "unpaid" => false,
        _ => return Err(object.malformed("payment_status")),
    };
    Ok(ProviderSession {
        id: object.needed("id", object.reference("id")?)?,
        intent_id: intent_in(object)?,
        status,
        customer: object.nullable_reference("customer")?,
        subscription: object.nullable_reference("subscription")?,
        invoice: object.nullable_reference("invoice")?,
        is_paid,
    })
}

/// Reads what a payer's page needs to know of a session that was just opened.
pub(crate) fn read_opened_session(object: &Fields<'_>) -> Result<OpenedSession, ReadError> {
    Ok(OpenedSession {
        id: object.needed("id", object.reference("id")?)?,
        url: object.text("url")?.map(str::to_owned),
        client_secret: object.text("client_secret")?.map(str::to_owned),
        expires_at: object.needed("expires_at", object.time("expires_at")?)?,
    })
}
