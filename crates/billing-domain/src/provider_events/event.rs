//! The provider's events in our own words; Stripe's words stop at the adapter that decodes them.

use super::reports::{
    CatalogueItem, CatalogueReport, ChargeRefundReport, CustomerReport, DisputeReport,
    InvoiceChange, InvoiceReport, PaymentMethodReport, PaymentReport, RefundReport, SetupReport,
};
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
    /// It bills nothing until it is resumed.
    Paused,
    /// It bills again.
    Resumed,
    /// Its trial ends in a few days.
    TrialWillEnd,
    /// It ended.
    Deleted,
}

/// An event of a type that this service knows (F.2), whether or not it has an effect yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProviderEvent {
    /// Somebody went through a checkout page. It links ids; it does not mean "paid" for a
    /// subscription (F.2).
    CheckoutCompleted(Payload<ProviderSession>),
    /// A page ran out before anybody paid.
    CheckoutExpired(Payload<ProviderSession>),
    /// The payment of a completed page came to nothing after all.
    CheckoutPaymentFailed(Payload<ProviderSession>),
    /// An invoice is paid; `invoice.paid` and `invoice.payment_succeeded` are the same fact.
    InvoicePaid(Payload<ProviderInvoice>),
    /// An attempt to pay an invoice failed.
    InvoicePaymentFailed(Payload<ProviderInvoice>),
    /// Something else happened to an invoice.
    InvoiceChanged(InvoiceChange, Payload<InvoiceReport>),
    /// A subscription changed.
    SubscriptionChanged(SubscriptionChange, Payload<SubscriptionReport>),
    /// A payment came a step further, or back; its status tells which.
    PaymentChanged(Payload<PaymentReport>),
    /// A charge was paid back, in part or whole.
    ChargeRefunded(Payload<ChargeRefundReport>),
    /// A refund began, went through or failed.
    RefundChanged(Payload<RefundReport>),
    /// A dispute was opened, answered or decided.
    DisputeChanged(Payload<DisputeReport>),
    /// A way to pay later was set up, or given up.
    SetupFinished(Payload<SetupReport>),
    /// A way to pay was tied to a customer, or let go.
    PaymentMethodChanged(Payload<PaymentMethodReport>),
    /// A customer was changed or deleted at the provider.
    CustomerChanged(Payload<CustomerReport>),
    /// A product or a price was changed or deleted at the provider.
    CatalogueChanged(CatalogueItem, Payload<CatalogueReport>),
    /// Of an account that is connected to ours: whoever has it writes what they like into its objects.
    OfConnectedAccount,
    /// A type that this service does not know: stored and skipped.
    Irrelevant,
}

impl ProviderEvent {
    /// The same event as it is read from a payload that was scrubbed.
    #[must_use]
    pub fn without_personal_data(self) -> Self {
        match self {
            Self::CustomerChanged(Payload::Read(report)) => {
                Self::CustomerChanged(Payload::Read(CustomerReport {
                    email: None,
                    ..report
                }))
            }
            other @ (Self::CustomerChanged(Payload::Missing(_))
            | Self::CheckoutCompleted(_)
            | Self::CheckoutExpired(_)
            | Self::CheckoutPaymentFailed(_)
            | Self::InvoicePaid(_)
            | Self::InvoicePaymentFailed(_)
            | Self::InvoiceChanged(..)
            | Self::SubscriptionChanged(..)
            | Self::PaymentChanged(_)
            | Self::ChargeRefunded(_)
            | Self::RefundChanged(_)
            | Self::DisputeChanged(_)
            | Self::SetupFinished(_)
            | Self::PaymentMethodChanged(_)
            | Self::CatalogueChanged(..)
            | Self::OfConnectedAccount
            | Self::Irrelevant) => other,
        }
    }
}
