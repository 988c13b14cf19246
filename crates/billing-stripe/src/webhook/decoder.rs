//! Turns stored payloads into the domain's events: one `match` over the types that have an
//! effect, and the same readers for every API version.

use billing_domain::provider_events::event::{Payload, ProviderEvent, SubscriptionChange};
use billing_domain::provider_events::ports::{DecodeError, EventDecoder};
use serde_json::Value;

use crate::fields::{Fields, ReadError};
use crate::objects::{Reading, read_invoice, read_session, read_subscription};

/// Reads events of any version; it keeps nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct StripeEventDecoder;

/// The types that have an effect.
#[derive(Debug, Clone, Copy)]
enum Kind {
    CheckoutCompleted,
    CheckoutExpired,
    InvoicePaid,
    InvoicePaymentFailed,
    Subscription(SubscriptionChange),
}

impl Kind {
    fn of(event_type: &str) -> Option<Self> {
        let kind = match event_type {
            // The delayed method's payment has come: the same page, now paid.
            "checkout.session.completed" | "checkout.session.async_payment_succeeded" => {
                Self::CheckoutCompleted
            }
            "checkout.session.expired" => Self::CheckoutExpired,
            "invoice.paid" | "invoice.payment_succeeded" => Self::InvoicePaid,
            "invoice.payment_failed" => Self::InvoicePaymentFailed,
            "customer.subscription.created" => Self::Subscription(SubscriptionChange::Created),
            "customer.subscription.updated"
            | "customer.subscription.paused"
            | "customer.subscription.resumed" => Self::Subscription(SubscriptionChange::Updated),
            "customer.subscription.deleted" => Self::Subscription(SubscriptionChange::Deleted),
            _ => return None,
        };
        Some(kind)
    }

    fn object_name(self) -> &'static str {
        match self {
            Self::CheckoutCompleted | Self::CheckoutExpired => "checkout.session",
            Self::InvoicePaid | Self::InvoicePaymentFailed => "invoice",
            Self::Subscription(_) => "subscription",
        }
    }

    fn decode(self, object: &Fields<'_>) -> Result<ProviderEvent, ReadError> {
        Ok(match self {
            Self::CheckoutCompleted => ProviderEvent::CheckoutCompleted(session(object)?),
            Self::CheckoutExpired => ProviderEvent::CheckoutExpired(session(object)?),
            Self::InvoicePaid => ProviderEvent::InvoicePaid(payload(object, read_invoice(object))?),
            Self::InvoicePaymentFailed => {
                ProviderEvent::InvoicePaymentFailed(payload(object, read_invoice(object))?)
            }
            Self::Subscription(change) => ProviderEvent::SubscriptionChanged(
                change,
                payload(object, read_subscription(object))?,
            ),
        })
    }
}

fn session(
    object: &Fields<'_>,
) -> Result<Payload<billing_domain::checkout::ports::ProviderSession>, ReadError> {
    let reading = read_session(object).map(|value| Reading {
        value,
        is_complete: true,
    });
    payload(object, reading)
}

/// A needed fact that is in none of its places is asked for, never assumed (facts about which
/// place moved when: `docs/stripe.md`).
fn payload<T>(
    object: &Fields<'_>,
    reading: Result<Reading<T>, ReadError>,
) -> Result<Payload<T>, ReadError> {
    let id = object
        .reference("id")?
        .ok_or_else(|| object.malformed("id"))?;
    match reading {
        Ok(reading) if reading.is_complete => Ok(Payload::Read(reading.value)),
        Ok(_) | Err(ReadError::Absent(_)) => Ok(Payload::Missing(id)),
        Err(error @ ReadError::Malformed(_)) => Err(error),
    }
}

fn decode(kind: Kind, payload: &[u8]) -> Result<ProviderEvent, ReadError> {
    let value: Value =
        serde_json::from_slice(payload).map_err(|_| ReadError::Malformed("body".to_owned()))?;
    let event = Fields::root(&value)?;
    let data = event.needed("data", event.child("data")?)?;
    let object = data.needed("object", data.child("object")?)?;
    match object.text("object")? {
        Some(name) if name == kind.object_name() => kind.decode(&object),
        Some(_) | None => Err(object.malformed("object")),
    }
}

impl EventDecoder for StripeEventDecoder {
    fn decode(&self, event_type: &str, payload: &[u8]) -> Result<ProviderEvent, DecodeError> {
        match Kind::of(event_type) {
            None => Ok(ProviderEvent::Irrelevant),
            Some(kind) => decode(kind, payload).map_err(|error| DecodeError {
                field: error.field().to_owned(),
            }),
        }
    }
}
