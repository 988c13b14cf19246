//! Which object a decoded event is about.

use billing_domain::kernel::text::ProviderRef;
use billing_domain::provider_events::event::{Payload, ProviderEvent};

/// The id that the event was decoded to; `None` where it has none or is none of ours.
pub(crate) fn told_id(event: &ProviderEvent) -> Option<&str> {
    let id = match event {
        ProviderEvent::CheckoutCompleted(payload)
        | ProviderEvent::CheckoutExpired(payload)
        | ProviderEvent::CheckoutPaymentFailed(payload) => id_of(payload, |told| &told.id),
        ProviderEvent::InvoicePaid(payload) | ProviderEvent::InvoicePaymentFailed(payload) => {
            id_of(payload, |told| &told.id)
        }
        ProviderEvent::InvoiceChanged(_, Payload::Read(told)) => {
            return told.id.as_ref().map(ProviderRef::as_str);
        }
        ProviderEvent::InvoiceChanged(_, Payload::Missing(id)) => id,
        ProviderEvent::SubscriptionChanged(_, payload) => {
            id_of(payload, |told| &told.facts.provider_id)
        }
        ProviderEvent::PaymentChanged(payload) => id_of(payload, |told| &told.id),
        ProviderEvent::ChargeRefunded(payload) => id_of(payload, |told| &told.charge),
        ProviderEvent::RefundChanged(payload) => id_of(payload, |told| &told.id),
        ProviderEvent::DisputeChanged(payload) => id_of(payload, |told| &told.id),
        ProviderEvent::SetupFinished(payload) => id_of(payload, |told| &told.id),
        ProviderEvent::PaymentMethodChanged(payload) => id_of(payload, |told| &told.id),
        ProviderEvent::CustomerChanged(payload) => id_of(payload, |told| &told.id),
        ProviderEvent::CatalogueChanged(_, payload) => id_of(payload, |told| &told.id),
        ProviderEvent::OfConnectedAccount | ProviderEvent::Irrelevant => return None,
    };
    Some(id.as_str())
}

fn id_of<T>(payload: &Payload<T>, read: impl Fn(&T) -> &ProviderRef) -> &ProviderRef {
    match payload {
        Payload::Read(told) => read(told),
        Payload::Missing(id) => id,
    }
}
