//! What the provider reports about payments, invoices, refunds, disputes, payment methods, customers
//! and the catalogue, in our own words (F.2). Each report is what its event knew, not what is so now.

use crate::kernel::id::IntentId;
use crate::kernel::money::Money;
use crate::kernel::text::ProviderRef;
use crate::kernel::timestamp::Timestamp;

/// Declares an enumeration of the provider's names, with both directions of the translation.
macro_rules! names {
    ($(#[$meta:meta])* $name:ident { $($variant:ident = $text:literal,)+ }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[expect(missing_docs, reason = "the names are the provider's")]
        pub enum $name {
            $($variant,)+
        }

        impl $name {
            /// Every one.
            pub const ALL: &[Self] = &[$(Self::$variant,)+];

            /// The provider's name.
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $text,)+
                }
            }

            /// Reads the name; `None` for one that did not exist when this was written.
            pub fn parse(name: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|known| known.name() == name)
            }
        }
    };
}

names! {
    /// How far a payment is (<https://docs.stripe.com/api/payment_intents/object>).
    PaymentStatus {
        RequiresPaymentMethod = "requires_payment_method",
        RequiresConfirmation = "requires_confirmation",
        RequiresAction = "requires_action",
        Processing = "processing",
        RequiresCapture = "requires_capture",
        Canceled = "canceled",
        Succeeded = "succeeded",
    }
}

names! {
    /// How far an invoice is (<https://docs.stripe.com/api/invoices/object>).
    InvoiceStatus {
        Draft = "draft",
        Open = "open",
        Paid = "paid",
        Void = "void",
        Uncollectible = "uncollectible",
    }
}

names! {
    /// How far a refund is (<https://docs.stripe.com/api/refunds/object>).
    RefundStatus {
        Pending = "pending",
        RequiresAction = "requires_action",
        Succeeded = "succeeded",
        Failed = "failed",
        Canceled = "canceled",
    }
}

names! {
    /// How far a dispute is (<https://docs.stripe.com/api/disputes/object>).
    DisputeStatus {
        WarningNeedsResponse = "warning_needs_response",
        WarningUnderReview = "warning_under_review",
        WarningClosed = "warning_closed",
        NeedsResponse = "needs_response",
        UnderReview = "under_review",
        Won = "won",
        Lost = "lost",
        Prevented = "prevented",
        AppealNeedsResponse = "appeal_needs_response",
        AppealUnderReview = "appeal_under_review",
    }
}

impl DisputeStatus {
    /// Whether nothing follows, unless somebody appeals (possible since 2026-10).
    pub fn is_final(self) -> bool {
        match self {
            Self::WarningClosed | Self::Won | Self::Lost | Self::Prevented => true,
            Self::WarningNeedsResponse
            | Self::WarningUnderReview
            | Self::NeedsResponse
            | Self::UnderReview
            | Self::AppealNeedsResponse
            | Self::AppealUnderReview => false,
        }
    }
}

/// Whether a payment is for an invoice. Until acacia a payment said so itself; since basil it does
/// not, and "not told" is not "none".
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum InvoiceLink {
    /// It is for this invoice.
    Of(ProviderRef),
    /// It is for no invoice.
    None,
    /// The payload does not tell; the provider knows.
    NotTold,
}

/// A payment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PaymentReport {
    /// The provider's id.
    pub id: ProviderRef,
    /// How far it is.
    pub status: PaymentStatus,
    /// The provider's customer; none for a guest.
    pub customer: Option<ProviderRef>,
    /// The sale that its metadata names.
    pub intent_id: Option<IntentId>,
    /// Whether an invoice is paid by it.
    pub invoice: InvoiceLink,
    /// What is asked for.
    pub amount: Money,
    /// What has come in.
    pub received: Money,
    /// Why the last try failed: the issuer's reason, else the provider's code.
    pub failure: Option<String>,
}

/// What happened to an invoice that was neither paid nor failed to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InvoiceChange {
    /// It exists.
    Created,
    /// It has its number and cannot be changed any more.
    Finalized,
    /// Something about it is different.
    Updated,
    /// It is not owed any more.
    Voided,
    /// It is given up.
    MarkedUncollectible,
    /// The customer has to confirm its payment.
    PaymentActionRequired,
    /// It will be made in some days; it has no id yet.
    Upcoming,
}

/// An invoice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvoiceReport {
    /// The provider's id; none for one that is only announced.
    pub id: Option<ProviderRef>,
    /// How far it is.
    pub status: InvoiceStatus,
    /// The provider's customer.
    pub customer: Option<ProviderRef>,
    /// The subscription that it bills.
    pub subscription: Option<ProviderRef>,
    /// The sale that the subscription's metadata names.
    pub intent_id: Option<IntentId>,
    /// Why it was made: `subscription_cycle`, `manual`, ….
    pub reason: Option<String>,
    /// What it comes to, with tax and after discounts.
    pub total: Money,
    /// What is to be paid.
    pub due: Money,
    /// What is paid.
    pub paid: Money,
    /// When it is to be paid, where the customer pays it by themselves.
    pub due_at: Option<Timestamp>,
}

/// What was paid back of one charge so far.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChargeRefundReport {
    /// The charge.
    pub charge: ProviderRef,
    /// The payment that made it.
    pub payment: Option<ProviderRef>,
    /// The provider's customer.
    pub customer: Option<ProviderRef>,
    /// What was charged.
    pub amount: Money,
    /// The sum of all refunds so far.
    pub refunded: Money,
    /// Whether everything was paid back.
    pub is_full: bool,
}

/// One refund.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefundReport {
    /// The provider's id.
    pub id: ProviderRef,
    /// The charge that it pays back.
    pub charge: Option<ProviderRef>,
    /// The payment that made the charge.
    pub payment: Option<ProviderRef>,
    /// How much.
    pub amount: Money,
    /// How far it is.
    pub status: RefundStatus,
    /// Why it failed.
    pub failure: Option<String>,
}

/// One dispute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DisputeReport {
    /// The provider's id.
    pub id: ProviderRef,
    /// The charge that is disputed.
    pub charge: ProviderRef,
    /// The payment that made the charge.
    pub payment: Option<ProviderRef>,
    /// How much.
    pub amount: Money,
    /// How far it is.
    pub status: DisputeStatus,
    /// Why the cardholder disputes: `fraudulent`, `product_not_received`, ….
    pub reason: String,
    /// Until when evidence is taken.
    pub evidence_due_at: Option<Timestamp>,
}

/// How a way to pay later was set up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetupReport {
    /// The provider's id.
    pub id: ProviderRef,
    /// Whether it can be used; otherwise it was given up.
    pub has_succeeded: bool,
    /// The provider's customer.
    pub customer: Option<ProviderRef>,
    /// What was set up.
    pub payment_method: Option<ProviderRef>,
    /// The sale that its metadata names.
    pub intent_id: Option<IntentId>,
}

/// A way to pay that was tied to a customer or let go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PaymentMethodReport {
    /// The provider's id.
    pub id: ProviderRef,
    /// The customer that it belongs to now.
    pub customer: Option<ProviderRef>,
    /// `card`, `sepa_debit`, ….
    pub kind: String,
}

/// A customer at the provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CustomerReport {
    /// The provider's id.
    pub id: ProviderRef,
    /// Where the provider writes to.
    pub email: Option<String>,
    /// Whether it is gone.
    pub is_deleted: bool,
}

/// Which part of the catalogue changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CatalogueItem {
    /// A product.
    Product,
    /// A price.
    Price,
}

/// A product or a price at the provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CatalogueReport {
    /// Which of the two.
    pub item: CatalogueItem,
    /// The provider's id.
    pub id: ProviderRef,
    /// Whether it can be sold; one that is deleted cannot.
    pub is_active: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_read_back_and_no_other() {
        for status in PaymentStatus::ALL {
            assert_eq!(PaymentStatus::parse(status.name()), Some(*status));
        }
        for status in InvoiceStatus::ALL {
            assert_eq!(InvoiceStatus::parse(status.name()), Some(*status));
        }
        for status in RefundStatus::ALL {
            assert_eq!(RefundStatus::parse(status.name()), Some(*status));
        }
        for status in DisputeStatus::ALL {
            assert_eq!(DisputeStatus::parse(status.name()), Some(*status));
        }
        assert_eq!(PaymentStatus::parse("paid"), None);
    }

    #[test]
    fn a_dispute_ends_in_four_ways() {
        let final_ones = DisputeStatus::ALL.iter().filter(|status| status.is_final());
        let names: Vec<&str> = final_ones.map(|status| status.name()).collect();
        assert_eq!(names, ["warning_closed", "won", "lost", "prevented"]);
    }
}
