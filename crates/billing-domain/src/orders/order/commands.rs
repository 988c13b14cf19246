//! What can be done to an order: one exhaustive match, pure and total (C-021…C-030, C-080…C-086).

use super::{Order, OrderParts, OrderStatus, RefundShare};
use crate::kernel::event::DomainEvent;
use crate::kernel::id::RefundId;
use crate::kernel::money::{Money, MoneyError};
use crate::kernel::timestamp::Timestamp;
use crate::kernel::transition::Transition;

/// What happened to an order, or what somebody wants of it (C-022).
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(
    missing_docs,
    reason = "each field is named after the part of the order that it sets"
)]
pub enum OrderCommand {
    /// The provider's payment exists; the buyer can pay.
    CreateCheckout,
    /// The buyer's bank asks for a confirmation.
    RequireAction,
    /// A payment succeeded; this much arrived.
    MarkPaid { received: Money },
    /// An attempt to pay failed; the buyer may try again.
    FailPayment { reason: String },
    /// The provider or a person cancelled, or it ran out.
    Cancel,
    /// Some of it shall go back.
    RequestRefund { refund_id: RefundId, amount: Money },
    /// Some of it went back.
    MarkRefunded { refund_id: RefundId, amount: Money },
    /// It did not go back.
    FailRefund { refund_id: RefundId },
}

impl OrderCommand {
    /// The command's name in errors and in the table.
    pub fn name(&self) -> &'static str {
        match self {
            Self::CreateCheckout => "create_checkout",
            Self::RequireAction => "require_action",
            Self::MarkPaid { .. } => "mark_paid",
            Self::FailPayment { .. } => "fail_payment",
            Self::Cancel => "cancel",
            Self::RequestRefund { .. } => "request_refund",
            Self::MarkRefunded { .. } => "mark_refunded",
            Self::FailRefund { .. } => "fail_refund",
        }
    }
}

/// The command cannot be done in this status; it names both.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("an order that is {from} cannot {command}")]
pub struct IllegalOrderTransition {
    /// The status that it has.
    pub from: &'static str,
    /// The command that was refused.
    pub command: &'static str,
}

/// Why a command changed nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OrderRefusal {
    /// Not in this status.
    #[error(transparent)]
    Illegal(#[from] IllegalOrderTransition),
    /// More would go back than arrived (C-081).
    #[error("{asked} cannot go back: {refundable} of this order is left")]
    MoreThanPaid {
        /// What should go back.
        asked: Money,
        /// What can.
        refundable: Money,
    },
    /// Nothing, or less than nothing, cannot go back.
    #[error("a refund must be of more than nothing")]
    NotAnAmount,
    /// One refund has one amount.
    #[error("this refund is of {known} and not of {told}")]
    OtherAmount {
        /// What is known.
        known: Money,
        /// What was told.
        told: Money,
    },
    /// Another currency, or too much.
    #[error(transparent)]
    Money(#[from] MoneyError),
}

type Outcome = Result<Transition<Order>, OrderRefusal>;

impl Order {
    /// Decides what a command does.
    ///
    /// # Errors
    /// [`OrderRefusal`].
    pub fn apply(&self, command: OrderCommand, now: Timestamp) -> Outcome {
        match command {
            OrderCommand::CreateCheckout => self.create_checkout(now),
            OrderCommand::RequireAction => self.require_action(now),
            OrderCommand::MarkPaid { received } => self.mark_paid(received, now),
            OrderCommand::FailPayment { reason } => self.fail_payment(reason, now),
            OrderCommand::Cancel => self.cancel(now),
            OrderCommand::RequestRefund { refund_id, amount } => {
                self.request_refund(refund_id, amount, now)
            }
            OrderCommand::MarkRefunded { refund_id, amount } => {
                self.mark_refunded(refund_id, amount, now)
            }
            OrderCommand::FailRefund { refund_id } => self.fail_refund(refund_id, now),
        }
    }

    fn create_checkout(&self, now: Timestamp) -> Outcome {
        match self.status() {
            OrderStatus::Draft => self.moved(OrderStatus::PendingPayment, now),
            OrderStatus::PendingPayment => Ok(Transition::AlreadyApplied),
            OrderStatus::RequiresAction
            | OrderStatus::Paid { .. }
            | OrderStatus::Refunded { .. }
            | OrderStatus::Canceled { .. } => self.illegal("create_checkout"),
        }
    }

    fn require_action(&self, now: Timestamp) -> Outcome {
        match self.status() {
            OrderStatus::PendingPayment => self.moved(OrderStatus::RequiresAction, now),
            OrderStatus::RequiresAction => Ok(Transition::AlreadyApplied),
            OrderStatus::Draft
            | OrderStatus::Paid { .. }
            | OrderStatus::Refunded { .. }
            | OrderStatus::Canceled { .. } => self.illegal("require_action"),
        }
    }

    fn mark_paid(&self, received: Money, now: Timestamp) -> Outcome {
        let total = self.parts().totals.total();
        let review_reason = match self.status() {
            OrderStatus::Draft => return self.illegal("mark_paid"),
            OrderStatus::PendingPayment | OrderStatus::RequiresAction => None,
            // C-030: the money was taken, so a success is never ignored; a person looks at it.
            OrderStatus::Canceled {
                canceled_at: _,
                paid_at: None,
            } => Some("paid after it had been canceled".to_owned()),
            OrderStatus::Paid { .. }
            | OrderStatus::Refunded { .. }
            | OrderStatus::Canceled {
                canceled_at: _,
                paid_at: Some(_),
            } if received == total => return Ok(Transition::AlreadyApplied),
            OrderStatus::Paid { .. }
            | OrderStatus::Refunded { .. }
            | OrderStatus::Canceled { .. } => None,
        };
        // C-056: another amount or currency is not this order's payment.
        if received != total {
            let next = OrderParts {
                review_reason: Some(format!("received {received} instead of {total}")),
                ..self.parts().clone()
            };
            return self.changed_if_different(next, now);
        }
        let next = OrderParts {
            status: OrderStatus::Paid { paid_at: now },
            review_reason: review_reason.or_else(|| self.parts().review_reason.clone()),
            last_payment_error: None,
            ..self.parts().clone()
        };
        self.changed_if_different(next, now)
    }

    fn fail_payment(&self, reason: String, now: Timestamp) -> Outcome {
        match self.status() {
            // C-030: the same payment can be tried again.
            OrderStatus::PendingPayment | OrderStatus::RequiresAction => {
                let next = OrderParts {
                    status: OrderStatus::PendingPayment,
                    last_payment_error: Some(reason),
                    ..self.parts().clone()
                };
                self.changed_if_different(next, now)
            }
            OrderStatus::Draft
            | OrderStatus::Paid { .. }
            | OrderStatus::Refunded { .. }
            | OrderStatus::Canceled { .. } => self.illegal("fail_payment"),
        }
    }

    fn cancel(&self, now: Timestamp) -> Outcome {
        match self.status() {
            OrderStatus::Draft
            | OrderStatus::PendingPayment
            | OrderStatus::RequiresAction
            | OrderStatus::Paid { .. } => {
                let paid_at = self.status().paid_at();
                let status = OrderStatus::Canceled {
                    canceled_at: now,
                    paid_at,
                };
                self.moved(status, now)
            }
            OrderStatus::Canceled { .. } => Ok(Transition::AlreadyApplied),
            OrderStatus::Refunded { .. } => self.illegal("cancel"),
        }
    }

    fn request_refund(&self, refund_id: RefundId, amount: Money, now: Timestamp) -> Outcome {
        self.check_refundable("request_refund")?;
        if let Some(known) = self.parts().refunds.get(&refund_id) {
            return same_amount(known.amount, amount);
        }
        // C-081: of what went back as a whole, nothing is left to ask for.
        match self.status() {
            OrderStatus::Refunded { .. } => return Ok(Transition::AlreadyApplied),
            OrderStatus::Draft
            | OrderStatus::PendingPayment
            | OrderStatus::RequiresAction
            | OrderStatus::Paid { .. }
            | OrderStatus::Canceled { .. } => {}
        }
        self.check_left(amount, |_| true)?;
        let share = RefundShare {
            amount,
            is_settled: false,
        };
        let mut next = self.parts().clone();
        next.refunds.insert(refund_id, share);
        self.changed_if_different(next, now)
    }

    fn mark_refunded(&self, refund_id: RefundId, amount: Money, now: Timestamp) -> Outcome {
        self.check_refundable("mark_refunded")?;
        if let Some(known) = self.parts().refunds.get(&refund_id) {
            let repeated = same_amount(known.amount, amount)?;
            if known.is_settled {
                return Ok(repeated);
            }
        }
        // What others asked for does not count against what the provider says was done.
        self.check_left(amount, |share| share.is_settled)?;
        let share = RefundShare {
            amount,
            is_settled: true,
        };
        let mut next = self.parts().clone();
        next.refunds.insert(refund_id, share);
        let after = Self(next.clone());
        // C-084: only the whole amount makes it refunded.
        if let Some(paid_at) = self.status().paid_at()
            && after.refunded()? == self.received()
        {
            next.status = OrderStatus::Refunded {
                paid_at,
                refunded_at: now,
            };
        }
        self.changed_if_different(next, now)
    }

    fn fail_refund(&self, refund_id: RefundId, now: Timestamp) -> Outcome {
        self.check_refundable("fail_refund")?;
        let mut next = self.parts().clone();
        let Some(failed) = next.refunds.remove(&refund_id) else {
            return Ok(Transition::AlreadyApplied);
        };
        if failed.is_settled {
            next.review_reason = Some(format!("a refund of {} was sent back", failed.amount));
        }
        // C-086: what did not go back is still paid.
        match next.status {
            OrderStatus::Refunded {
                paid_at,
                refunded_at: _,
            } if failed.is_settled => next.status = OrderStatus::Paid { paid_at },
            OrderStatus::Draft
            | OrderStatus::PendingPayment
            | OrderStatus::RequiresAction
            | OrderStatus::Paid { .. }
            | OrderStatus::Refunded { .. }
            | OrderStatus::Canceled { .. } => {}
        }
        self.changed_if_different(next, now)
    }

    fn check_refundable(&self, command: &'static str) -> Result<(), OrderRefusal> {
        match self.status() {
            OrderStatus::Paid { .. }
            | OrderStatus::Refunded { .. }
            | OrderStatus::Canceled { .. } => Ok(()),
            OrderStatus::Draft | OrderStatus::PendingPayment | OrderStatus::RequiresAction => {
                Err(self.illegal_error(command))
            }
        }
    }

    fn check_left(
        &self,
        amount: Money,
        counts: fn(&RefundShare) -> bool,
    ) -> Result<(), OrderRefusal> {
        if amount.is_negative() || amount.is_zero() {
            return Err(OrderRefusal::NotAnAmount);
        }
        let gone = self.sum_of_refunds(counts)?;
        let refundable = self.received().checked_sub(gone)?;
        if amount.exceeds(refundable)? {
            return Err(OrderRefusal::MoreThanPaid {
                asked: amount,
                refundable,
            });
        }
        Ok(())
    }

    fn illegal_error(&self, command: &'static str) -> OrderRefusal {
        let from = self.status().name();
        IllegalOrderTransition { from, command }.into()
    }

    fn illegal(&self, command: &'static str) -> Outcome {
        Err(self.illegal_error(command))
    }

    fn moved(&self, status: OrderStatus, now: Timestamp) -> Outcome {
        let next = OrderParts {
            status,
            ..self.parts().clone()
        };
        self.changed_if_different(next, now)
    }

    /// A change of nothing is a repetition: the version stays (C-028).
    fn changed_if_different(&self, parts: OrderParts, now: Timestamp) -> Outcome {
        if parts == *self.parts() {
            return Ok(Transition::AlreadyApplied);
        }
        let next = Self(OrderParts {
            updated_at: now,
            ..parts
        });
        let event = DomainEvent::OrderChanged {
            order_id: next.parts().id,
            previous_status: self.status().name(),
            status: next.status().name(),
            total: next.parts().totals.total(),
            refunded: next.refunded()?,
        };
        Ok(Transition::Applied { next, event })
    }
}

fn same_amount(known: Money, told: Money) -> Outcome {
    if known == told {
        Ok(Transition::AlreadyApplied)
    } else {
        Err(OrderRefusal::OtherAmount { known, told })
    }
}
