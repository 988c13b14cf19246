//! The provider's events in our own words; Stripe's words stop at the adapter that decodes them.

use crate::checkout::ports::{ProviderInvoice, ProviderSession};
use crate::kernel::text::ProviderRef;
use crate::subscriptions::subscription::SubscriptionReport;

/// The object of an event as far as the payload tells it. An absent key is never read as zero,
/// "active" or "not paid": where a needed fact is missing, the object is read from the provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Payload<T> {
    /// Everything that is needed was in the payload.
    Read(T),
    /// The object must be read from the provider.
    Missing(ProviderRef),
}

/// Which change of a subscription was announced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SubscriptionChange {
    /// It exists.
    Created,
    /// Something about it is different.
    Updated,
    /// It ended.
    Deleted,
}

/// An event that has an effect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProviderEvent {
    /// Somebody went through a checkout page. It links ids; it does not mean "paid" for a
    /// subscription (F.2).
    CheckoutCompleted(Payload<ProviderSession>),
    /// A page ran out before anybody paid.
    CheckoutExpired(Payload<ProviderSession>),
    /// An invoice is paid; `invoice.paid` and `invoice.payment_succeeded` are the same fact.
    InvoicePaid(Payload<ProviderInvoice>),
    /// An attempt to pay an invoice failed.
    InvoicePaymentFailed(Payload<ProviderInvoice>),
    /// A subscription changed.
    SubscriptionChanged(SubscriptionChange, Payload<SubscriptionReport>),
    /// A type without an effect (yet): stored and skipped.
    Irrelevant,
}
