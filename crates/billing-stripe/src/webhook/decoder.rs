//! Turns stored payloads into the domain's events: one `match` over the types that are known, and the same readers for every API version.

use billing_domain::kernel::text::ProviderRef;
use billing_domain::provider_events::event::{Payload, ProviderEvent, SubscriptionChange};
use billing_domain::provider_events::ports::{DecodeError, EventDecoder};
use billing_domain::provider_events::reports::{CatalogueItem, InvoiceChange, InvoiceReport};
use serde_json_borrow::Value;

use crate::fields::{Fields, ReadError};
use crate::objects::{
    Reading, read_catalogue, read_charge_refund, read_customer, read_dispute, read_invoice,
    read_invoice_report, read_payment, read_payment_method, read_refund, read_session, read_setup,
    read_subscription,
};

/// Reads events of any version; it keeps nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct StripeEventDecoder;

/// The types that are known (F.2).
#[derive(Debug, Clone, Copy)]
enum Kind {
    CheckoutCompleted,
    CheckoutPaymentFailed,
    CheckoutExpired,
    InvoicePaid,
    InvoicePaymentFailed,
    Invoice(InvoiceChange),
    Subscription(SubscriptionChange),
    Payment,
    ChargeRefund,
    Refund,
    Dispute,
    Setup,
    PaymentMethod,
    Customer {
        is_deleted: bool,
    },
    Catalogue {
        item: CatalogueItem,
        is_deleted: bool,
    },
}

impl Kind {
    fn of(event_type: &str) -> Option<Self> {
        let kind = match event_type {
            // The delayed method's payment has come: the same page, now paid.
            "checkout.session.completed" | "checkout.session.async_payment_succeeded" => {
                Self::CheckoutCompleted
            }
            "checkout.session.async_payment_failed" => Self::CheckoutPaymentFailed,
            "checkout.session.expired" => Self::CheckoutExpired,
            "invoice.paid" | "invoice.payment_succeeded" => Self::InvoicePaid,
            "invoice.payment_failed" => Self::InvoicePaymentFailed,
            "invoice.created" => Self::Invoice(InvoiceChange::Created),
            "invoice.finalized" => Self::Invoice(InvoiceChange::Finalized),
            "invoice.updated" => Self::Invoice(InvoiceChange::Updated),
            "invoice.voided" => Self::Invoice(InvoiceChange::Voided),
            "invoice.marked_uncollectible" => Self::Invoice(InvoiceChange::MarkedUncollectible),
            "invoice.payment_action_required" => {
                Self::Invoice(InvoiceChange::PaymentActionRequired)
            }
            "invoice.upcoming" => Self::Invoice(InvoiceChange::Upcoming),
            "customer.subscription.created" => Self::Subscription(SubscriptionChange::Created),
            "customer.subscription.updated" => Self::Subscription(SubscriptionChange::Updated),
            "customer.subscription.paused" => Self::Subscription(SubscriptionChange::Paused),
            "customer.subscription.resumed" => Self::Subscription(SubscriptionChange::Resumed),
            "customer.subscription.trial_will_end" => {
                Self::Subscription(SubscriptionChange::TrialWillEnd)
            }
            "customer.subscription.deleted" => Self::Subscription(SubscriptionChange::Deleted),
            "payment_intent.succeeded"
            | "payment_intent.payment_failed"
            | "payment_intent.requires_action"
            | "payment_intent.processing"
            | "payment_intent.canceled" => Self::Payment,
            "charge.refunded" => Self::ChargeRefund,
            "refund.created" | "refund.updated" | "refund.failed" | "charge.refund.updated" => {
                Self::Refund
            }
            "charge.dispute.created" | "charge.dispute.updated" | "charge.dispute.closed" => {
                Self::Dispute
            }
            "setup_intent.succeeded" | "setup_intent.canceled" => Self::Setup,
            "payment_method.attached" | "payment_method.detached" => Self::PaymentMethod,
            "customer.updated" => Self::Customer { is_deleted: false },
            "customer.deleted" => Self::Customer { is_deleted: true },
            "product.updated" => Self::catalogue(CatalogueItem::Product, false),
            "product.deleted" => Self::catalogue(CatalogueItem::Product, true),
            "price.updated" => Self::catalogue(CatalogueItem::Price, false),
            "price.deleted" => Self::catalogue(CatalogueItem::Price, true),
            _ => return None,
        };
        Some(kind)
    }

    fn catalogue(item: CatalogueItem, is_deleted: bool) -> Self {
        Self::Catalogue { item, is_deleted }
    }

    /// The value of `object` in the payload.
    fn object_name(self) -> &'static str {
        match self {
            Self::CheckoutCompleted | Self::CheckoutPaymentFailed | Self::CheckoutExpired => {
                "checkout.session"
            }
            Self::InvoicePaid | Self::InvoicePaymentFailed | Self::Invoice(_) => "invoice",
            Self::Subscription(_) => "subscription",
            Self::Payment => "payment_intent",
            Self::ChargeRefund => "charge",
            Self::Refund => "refund",
            Self::Dispute => "dispute",
            Self::Setup => "setup_intent",
            Self::PaymentMethod => "payment_method",
            Self::Customer { .. } => "customer",
            Self::Catalogue { item, .. } => match item {
                CatalogueItem::Product => "product",
                CatalogueItem::Price => "price",
            },
        }
    }

    /// An event whose object must be asked for.
    fn missing(self, id: ProviderRef) -> ProviderEvent {
        match self {
            Self::CheckoutCompleted => ProviderEvent::CheckoutCompleted(Payload::Missing(id)),
            Self::CheckoutPaymentFailed => {
                ProviderEvent::CheckoutPaymentFailed(Payload::Missing(id))
            }
            Self::CheckoutExpired => ProviderEvent::CheckoutExpired(Payload::Missing(id)),
            Self::InvoicePaid => ProviderEvent::InvoicePaid(Payload::Missing(id)),
            Self::InvoicePaymentFailed => ProviderEvent::InvoicePaymentFailed(Payload::Missing(id)),
            Self::Invoice(change) => ProviderEvent::InvoiceChanged(change, Payload::Missing(id)),
            Self::Subscription(change) => {
                ProviderEvent::SubscriptionChanged(change, Payload::Missing(id))
            }
            Self::Payment => ProviderEvent::PaymentChanged(Payload::Missing(id)),
            Self::ChargeRefund => ProviderEvent::ChargeRefunded(Payload::Missing(id)),
            Self::Refund => ProviderEvent::RefundChanged(Payload::Missing(id)),
            Self::Dispute => ProviderEvent::DisputeChanged(Payload::Missing(id)),
            Self::Setup => ProviderEvent::SetupFinished(Payload::Missing(id)),
            Self::PaymentMethod => ProviderEvent::PaymentMethodChanged(Payload::Missing(id)),
            Self::Customer { .. } => ProviderEvent::CustomerChanged(Payload::Missing(id)),
            Self::Catalogue { item, .. } => {
                ProviderEvent::CatalogueChanged(item, Payload::Missing(id))
            }
        }
    }

    fn decode(self, object: &Fields<'_>) -> Result<ProviderEvent, ReadError> {
        Ok(match self {
            Self::CheckoutCompleted => {
                ProviderEvent::CheckoutCompleted(whole(object, read_session(object))?)
            }
            Self::CheckoutPaymentFailed => {
                ProviderEvent::CheckoutPaymentFailed(whole(object, read_session(object))?)
            }
            Self::CheckoutExpired => {
                ProviderEvent::CheckoutExpired(whole(object, read_session(object))?)
            }
            Self::InvoicePaid => ProviderEvent::InvoicePaid(payload(object, read_invoice(object))?),
            Self::InvoicePaymentFailed => {
                ProviderEvent::InvoicePaymentFailed(payload(object, read_invoice(object))?)
            }
            Self::Invoice(change) => {
                ProviderEvent::InvoiceChanged(change, invoice(change, object)?)
            }
            Self::Subscription(change) => ProviderEvent::SubscriptionChanged(
                change,
                whole(object, read_subscription(object))?,
            ),
            Self::Payment => ProviderEvent::PaymentChanged(whole(object, read_payment(object))?),
            Self::ChargeRefund => {
                ProviderEvent::ChargeRefunded(whole(object, read_charge_refund(object))?)
            }
            Self::Refund => ProviderEvent::RefundChanged(whole(object, read_refund(object))?),
            Self::Dispute => ProviderEvent::DisputeChanged(whole(object, read_dispute(object))?),
            Self::Setup => ProviderEvent::SetupFinished(whole(object, read_setup(object))?),
            Self::PaymentMethod => {
                ProviderEvent::PaymentMethodChanged(whole(object, read_payment_method(object))?)
            }
            Self::Customer { is_deleted } => {
                ProviderEvent::CustomerChanged(whole(object, read_customer(object, is_deleted))?)
            }
            Self::Catalogue { item, is_deleted } => ProviderEvent::CatalogueChanged(
                item,
                whole(object, read_catalogue(object, item, is_deleted))?,
            ),
        })
    }
}

/// Whether a type has a decoded form.
#[cfg(test)]
pub(super) fn is_known(event_type: &str) -> bool {
    Kind::of(event_type).is_some()
}

/// An invoice; one that is only announced may have no id, so nobody could be asked for the rest.
fn invoice(
    change: InvoiceChange,
    object: &Fields<'_>,
) -> Result<Payload<InvoiceReport>, ReadError> {
    if change != InvoiceChange::Upcoming || object.has("id") {
        return payload(object, read_invoice_report(object));
    }
    let reading = read_invoice_report(object)?;
    if reading.is_complete {
        Ok(Payload::Read(reading.value))
    } else {
        Err(object.malformed("parent"))
    }
}

/// An object whose facts stand in one place in every version.
fn whole<T>(object: &Fields<'_>, read: Result<T, ReadError>) -> Result<Payload<T>, ReadError> {
    let reading = read.map(|value| Reading {
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
    let value: Value<'_> =
        serde_json::from_slice(payload).map_err(|_| ReadError::Malformed("body".to_owned()))?;
    let event = Fields::root(&value)?;
    if is_of_connected_account(&event)? {
        return Ok(ProviderEvent::OfConnectedAccount);
    }
    if event.text("object")? == Some(THIN) {
        return thin(kind, &event);
    }
    let data = event.needed("data", event.child("data")?)?;
    let object = data.needed("object", data.child("object")?)?;
    match object.text("object")? {
        Some(name) if name == kind.object_name() => kind.decode(&object),
        Some(_) | None => Err(object.malformed("object")),
    }
}

/// What a thin event calls itself, whatever it is about.
const THIN: &str = "v2.core.event";

/// What the type of a thin event puts before the name that its snapshot has.
const THIN_PREFIX: &str = "v1.";

/// Whoever has a connected account could write the metadata of our sales into its objects.
fn is_of_connected_account(event: &Fields<'_>) -> Result<bool, ReadError> {
    let is_thin = event.text("object")? == Some(THIN);
    Ok(event.has("account") || (is_thin && event.has("context")))
}

/// A type that we do nothing about. Whose it is counts all the same: an endpoint that listens to
/// connected accounts is to be put right.
fn without_kind(payload: &[u8]) -> ProviderEvent {
    let value = serde_json::from_slice::<Value<'_>>(payload).ok();
    let event = value.as_ref().and_then(|value| Fields::root(value).ok());
    match event.map(|event| is_of_connected_account(&event)) {
        Some(Ok(true)) => ProviderEvent::OfConnectedAccount,
        Some(Ok(false) | Err(_)) | None => ProviderEvent::Irrelevant,
    }
}

/// The type of an event in the form of a snapshot: the two forms of one event have the same name but
/// for the prefix.
pub fn snapshot_type(event_type: &str) -> &str {
    event_type.strip_prefix(THIN_PREFIX).unwrap_or(event_type)
}

/// A thin event says only what changed and where it is: everything is asked for.
fn thin(kind: Kind, event: &Fields<'_>) -> Result<ProviderEvent, ReadError> {
    let Some(related) = event.child("related_object")? else {
        // An invoice that is only announced is nowhere yet, so there is nothing to ask for.
        return match kind {
            Kind::Invoice(InvoiceChange::Upcoming) => Ok(ProviderEvent::Irrelevant),
            _ => Err(event.malformed("related_object")),
        };
    };
    if related.text("type")? != Some(kind.object_name()) {
        return Err(related.malformed("type"));
    }
    let id = related.needed("id", related.reference("id")?)?;
    Ok(kind.missing(id))
}

impl EventDecoder for StripeEventDecoder {
    fn decode(&self, event_type: &str, payload: &[u8]) -> Result<ProviderEvent, DecodeError> {
        match Kind::of(snapshot_type(event_type)) {
            None => Ok(without_kind(payload)),
            Some(kind) => decode(kind, payload).map_err(|error| DecodeError {
                field: error.field().to_owned(),
            }),
        }
    }
}
