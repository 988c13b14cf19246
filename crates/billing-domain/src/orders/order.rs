//! The order: a sale with its sums, its payment and how much of it went back (spec C.3, C.4).

use std::collections::BTreeMap;

use super::item::{InvalidTotals, OrderItem, OrderTotals};
use crate::kernel::email::Email;
use crate::kernel::id::{OrderId, RefundId, UserId};
use crate::kernel::money::Money;
use crate::kernel::text::ProviderRef;
use crate::kernel::timestamp::Timestamp;

mod commands;
#[cfg(test)]
mod tests;

pub use commands::{IllegalOrderTransition, OrderCommand, OrderRefusal};

/// Where in its life an order is (C-020). States carry their facts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OrderStatus {
    /// The provider does not know of it.
    Draft,
    /// The buyer may pay; a failed attempt leaves it here (C-030).
    PendingPayment,
    /// The buyer must confirm with their bank.
    RequiresAction,
    /// The whole amount arrived; some of it may have gone back.
    Paid {
        /// When we learnt it.
        paid_at: Timestamp,
    },
    /// All of it went back.
    Refunded {
        /// When we learnt of the payment.
        paid_at: Timestamp,
        /// When we learnt of the last refund.
        refunded_at: Timestamp,
    },
    /// Nobody wants it any more.
    Canceled {
        /// When.
        canceled_at: Timestamp,
        /// When we had learnt of a payment, if there was one.
        paid_at: Option<Timestamp>,
    },
}

impl OrderStatus {
    /// The name on the wire and in storage.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Draft => "draft",
            Self::PendingPayment => "pending_payment",
            Self::RequiresAction => "requires_action",
            Self::Paid { .. } => "paid",
            Self::Refunded { .. } => "refunded",
            Self::Canceled { .. } => "canceled",
        }
    }

    /// When we learnt of the payment, if there was one.
    pub fn paid_at(&self) -> Option<Timestamp> {
        match self {
            Self::Draft | Self::PendingPayment | Self::RequiresAction => None,
            Self::Paid { paid_at }
            | Self::Refunded {
                paid_at,
                refunded_at: _,
            } => Some(*paid_at),
            Self::Canceled {
                canceled_at: _,
                paid_at,
            } => *paid_at,
        }
    }

    /// The names of the commands that are not refused by the state alone (C-028).
    pub fn allowed_commands(&self) -> &'static [&'static str] {
        match self {
            Self::Draft => &["create_checkout", "cancel"],
            Self::PendingPayment => &[
                "create_checkout",
                "require_action",
                "mark_paid",
                "fail_payment",
                "cancel",
            ],
            Self::RequiresAction => &["require_action", "mark_paid", "fail_payment", "cancel"],
            Self::Paid { .. } => &[
                "mark_paid",
                "cancel",
                "request_refund",
                "mark_refunded",
                "fail_refund",
            ],
            Self::Refunded { .. } => &[
                "mark_paid",
                "request_refund",
                "mark_refunded",
                "fail_refund",
            ],
            Self::Canceled { .. } => &[
                "mark_paid",
                "cancel",
                "request_refund",
                "mark_refunded",
                "fail_refund",
            ],
        }
    }
}

/// A part of the payment that goes back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RefundShare {
    /// How much.
    pub amount: Money,
    /// Whether the buyer has it.
    pub is_settled: bool,
}

/// Every field of an order, for construction and for storage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderParts {
    /// Its id.
    pub id: OrderId,
    /// Whose; absent for a guest.
    pub user_id: Option<UserId>,
    /// Where to write to.
    pub email: Email,
    /// What is sold.
    pub items: Vec<OrderItem>,
    /// For how much.
    pub totals: OrderTotals,
    /// Where in its life it is.
    pub status: OrderStatus,
    /// The provider's payment.
    pub payment: Option<ProviderRef>,
    /// What goes back or went back; a failed refund is not among them.
    pub refunds: BTreeMap<RefundId, RefundShare>,
    /// Why a person must look at it (C-030, C-056).
    pub review_reason: Option<String>,
    /// Why the latest attempt to pay failed.
    pub last_payment_error: Option<String>,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

/// One sale.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order(OrderParts);

/// What a new order is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewOrder {
    /// Its id.
    pub id: OrderId,
    /// Whose; absent for a guest.
    pub user_id: Option<UserId>,
    /// Where to write to.
    pub email: Email,
    /// What is sold.
    pub items: Vec<OrderItem>,
    /// The sum of the items.
    pub subtotal: Money,
    /// What is taken off.
    pub discount: Money,
    /// What is added as tax.
    pub tax: Money,
    /// What is to be paid.
    pub total: Money,
}

impl Order {
    /// Makes a draft whose sums add up (C-036).
    ///
    /// # Errors
    /// [`InvalidTotals`].
    pub fn try_new(new: NewOrder, now: Timestamp) -> Result<Self, InvalidTotals> {
        let totals =
            OrderTotals::try_new(&new.items, new.subtotal, new.discount, new.tax, new.total)?;
        Ok(Self(OrderParts {
            id: new.id,
            user_id: new.user_id,
            email: new.email,
            items: new.items,
            totals,
            status: OrderStatus::Draft,
            payment: None,
            refunds: BTreeMap::new(),
            review_reason: None,
            last_payment_error: None,
            created_at: now,
            updated_at: now,
        }))
    }

    /// An order as it was stored. Only for adapters; it checks nothing.
    pub fn restore(parts: OrderParts) -> Self {
        Self(parts)
    }

    /// Every field.
    pub fn parts(&self) -> &OrderParts {
        &self.0
    }

    /// Where in its life it is.
    pub fn status(&self) -> &OrderStatus {
        &self.0.status
    }

    /// What arrived: the total, or nothing.
    pub fn received(&self) -> Money {
        let totals = &self.0.totals;
        match self.0.status.paid_at() {
            Some(_) => totals.total(),
            None => Money::zero(totals.currency()),
        }
    }

    /// What went back so far (C-084).
    ///
    /// # Errors
    /// Never for an order that only commands have changed: their sums were checked.
    pub fn refunded(&self) -> Result<Money, OrderRefusal> {
        self.sum_of_refunds(|share| share.is_settled)
    }

    fn sum_of_refunds(&self, counts: fn(&RefundShare) -> bool) -> Result<Money, OrderRefusal> {
        let mut sum = Money::zero(self.0.totals.currency());
        for share in self.0.refunds.values().filter(|share| counts(share)) {
            sum = sum.checked_add(share.amount)?;
        }
        Ok(sum)
    }
}
