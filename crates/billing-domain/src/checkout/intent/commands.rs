//! What can be done to a checkout intent: one exhaustive match, pure and total (spec A.3).

use time::Duration;

use super::{
    Checkout, CheckoutIntent, CheckoutRequest, IntentParts, IntentRequest, IntentState,
    OpenedSession, ProviderLinks, Terms,
};
use crate::kernel::event::{DomainEvent, IntentFacts};
use crate::kernel::id::TenantId;
use crate::kernel::text::{CountryCode, ProviderRef};
use crate::kernel::timestamp::Timestamp;
use crate::kernel::transition::Transition;

/// A reservation that was made or renewed less than this ago is not renewed again.
const RENEWAL_GRAIN: Duration = Duration::minutes(1);

/// What somebody wants to do with an intent.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(
    missing_docs,
    reason = "each field is named after the part of the intent that it sets"
)]
pub enum IntentCommand {
    /// Asks again: the row is reused and reserves anew.
    Renew {
        request: IntentRequest,
        expires_at: Timestamp,
    },
    /// The owner changes country or terms.
    Amend {
        country: Option<CountryCode>,
        terms: Terms,
    },
    /// The intention to open a page becomes durable, before the provider is called.
    RequestCheckout { request: CheckoutRequest },
    /// The provider opened the page.
    OpenCheckout {
        session: OpenedSession,
        customer: ProviderRef,
    },
    /// The provider refused for good.
    RefuseCheckout { reason: String },
    /// The provider closed a page that nobody paid.
    CloseCheckout { session: ProviderRef },
    /// The provider told us ids of this sale; learnt once, in any state.
    LinkProvider { links: ProviderLinks },
    /// The payment arrived.
    MarkPaid { links: ProviderLinks },
    /// The payment arrived after the reservation was lost to somebody else.
    MarkPaidWithoutReservation { links: ProviderLinks },
    /// The first provisioning step made the customer.
    LinkTenant { tenant_id: TenantId },
    /// The last provisioning step succeeded.
    MarkFulfilled,
    /// The back office failed.
    MarkBackofficeError { message: String },
    /// Nothing happened for too long after the payment.
    MarkStalled { message: String },
    /// A provisioning step failed.
    MarkProvisioningError { message: String },
    /// The reservation ran out.
    Expire,
}

impl IntentCommand {
    /// The command's name in errors and in the table.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Renew { .. } => "renew",
            Self::Amend { .. } => "amend",
            Self::RequestCheckout { .. } => "request_checkout",
            Self::OpenCheckout { .. } => "open_checkout",
            Self::RefuseCheckout { .. } => "refuse_checkout",
            Self::CloseCheckout { .. } => "close_checkout",
            Self::LinkProvider { .. } => "link_provider",
            Self::MarkPaid { .. } => "mark_paid",
            Self::MarkPaidWithoutReservation { .. } => "mark_paid_without_reservation",
            Self::LinkTenant { .. } => "link_tenant",
            Self::MarkFulfilled => "mark_fulfilled",
            Self::MarkBackofficeError { .. } => "mark_backoffice_error",
            Self::MarkStalled { .. } => "mark_stalled",
            Self::MarkProvisioningError { .. } => "mark_provisioning_error",
            Self::Expire => "expire",
        }
    }
}

/// The command cannot be done in this state; it names both.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a checkout intent that is {from} cannot {command}")]
pub struct IllegalIntentTransition {
    /// The state that it is in.
    pub from: &'static str,
    /// The command that was refused.
    pub command: &'static str,
}

/// Why a command changed nothing and never will.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IntentRefusal {
    /// Not in this state.
    #[error(transparent)]
    Illegal(#[from] IllegalIntentTransition),
    /// A paid intent was told of a different customer, session or subscription.
    #[error("this intent is linked to {known} and not to {told}")]
    LinkedElsewhere {
        /// What the intent knows.
        known: ProviderRef,
        /// What it was told.
        told: ProviderRef,
    },
}

pub(super) type Outcome = Result<Transition<CheckoutIntent>, IntentRefusal>;

impl CheckoutIntent {
    /// Decides what a command does.
    ///
    /// # Errors
    /// [`IntentRefusal`]: the state does not allow it, or the sale belongs to other objects of
    /// the provider.
    pub fn apply(&self, command: IntentCommand, now: Timestamp) -> Outcome {
        match command {
            IntentCommand::Renew {
                request,
                expires_at,
            } => self.renew(request, expires_at, now),
            IntentCommand::Amend { country, terms } => Ok(self.amend(country, &terms, now)),
            IntentCommand::RequestCheckout { request } => self.request_checkout(request, now),
            IntentCommand::OpenCheckout { session, customer } => {
                self.open_checkout(session, customer, now)
            }
            IntentCommand::RefuseCheckout { reason } => self.refuse_checkout(reason, now),
            IntentCommand::CloseCheckout { session } => Ok(self.close_checkout(&session, now)),
            IntentCommand::LinkProvider { links } => self.link_provider(&links, now),
            IntentCommand::MarkPaid { links } => self.mark_paid(&links, true, now),
            IntentCommand::MarkPaidWithoutReservation { links } => {
                self.mark_paid(&links, false, now)
            }
            IntentCommand::LinkTenant { tenant_id } => self.link_tenant(tenant_id, now),
            IntentCommand::MarkFulfilled => self.mark_fulfilled(now),
            IntentCommand::MarkBackofficeError { message } => self.mark_errored(
                "mark_backoffice_error",
                message,
                |paid_at| IntentState::ErroredBackoffice { paid_at },
                now,
            ),
            IntentCommand::MarkStalled { message } => self.mark_errored(
                "mark_stalled",
                message,
                |paid_at| IntentState::ErroredFulfillmentStalled { paid_at },
                now,
            ),
            IntentCommand::MarkProvisioningError { message } => self.mark_errored(
                "mark_provisioning_error",
                message,
                |paid_at| IntentState::ErroredProvisioning { paid_at },
                now,
            ),
            IntentCommand::Expire => self.expire(now),
        }
    }

    fn renew(&self, request: IntentRequest, expires_at: Timestamp, now: Timestamp) -> Outcome {
        match self.state() {
            IntentState::Created | IntentState::Expired { .. } => {}
            // what is paid is returned unchanged.
            IntentState::Paid { .. } | IntentState::Fulfilled { .. } => {
                return Ok(Transition::AlreadyApplied);
            }
            IntentState::ErroredBackoffice { .. }
            | IntentState::ErroredFulfillmentStalled { .. }
            | IntentState::ErroredProvisioning { .. } => return self.illegal("renew"),
        }
        let parts = self.parts().clone();
        let next = IntentParts {
            state: IntentState::Created,
            reservation: request.reservation.or(parts.reservation),
            country: request.country.or(parts.country),
            quantity: request.quantity,
            terms: parts.terms.merged(&request.terms),
            expires_at,
            ..parts
        };
        // Twins of one request renew nothing that was renewed a moment ago.
        let as_before = IntentParts {
            expires_at: self.parts().expires_at,
            ..next.clone()
        };
        let is_fresh = expires_at.since(self.parts().expires_at) < RENEWAL_GRAIN;
        if is_fresh && as_before == *self.parts() {
            return Ok(Transition::AlreadyApplied);
        }
        Ok(self.changed(next, now, DomainEvent::CheckoutIntentRenewed))
    }

    fn amend(
        &self,
        country: Option<CountryCode>,
        terms: &Terms,
        now: Timestamp,
    ) -> Transition<Self> {
        let parts = self.parts().clone();
        let next = IntentParts {
            country: country.or(parts.country),
            terms: parts.terms.merged(terms),
            ..parts
        };
        self.changed_if_different(next, now, DomainEvent::CheckoutIntentAmended)
    }

    fn expire(&self, now: Timestamp) -> Outcome {
        match self.state() {
            IntentState::Created => {
                let parts = self.parts().clone();
                // Nobody waits for the answer any more; a page that the provider may have opened
                // all the same is paid late or not at all.
                let checkout = match parts.checkout {
                    Checkout::Requested {
                        attempt,
                        request,
                        requested_at: _,
                    } => Checkout::Closed { attempt, request },
                    other @ (Checkout::NotStarted
                    | Checkout::Opened { .. }
                    | Checkout::Closed { .. }) => other,
                };
                let next = IntentParts {
                    state: IntentState::Expired { expired_at: now },
                    checkout,
                    ..parts
                };
                Ok(self.changed(next, now, DomainEvent::CheckoutIntentExpired))
            }
            IntentState::Expired { .. } => Ok(Transition::AlreadyApplied),
            IntentState::Paid { .. }
            | IntentState::Fulfilled { .. }
            | IntentState::ErroredBackoffice { .. }
            | IntentState::ErroredFulfillmentStalled { .. }
            | IntentState::ErroredProvisioning { .. } => self.illegal("expire"),
        }
    }

    pub(super) fn illegal(&self, command: &'static str) -> Outcome {
        Err(IllegalIntentTransition {
            from: self.state().name(),
            command,
        }
        .into())
    }

    pub(super) fn changed(
        &self,
        parts: IntentParts,
        now: Timestamp,
        event: fn(IntentFacts) -> DomainEvent,
    ) -> Transition<Self> {
        let next = Self(IntentParts {
            updated_at: now,
            ..parts
        });
        let event = event(next.facts(Some(self.state())));
        Transition::Applied { next, event }
    }

    pub(super) fn changed_if_different(
        &self,
        parts: IntentParts,
        now: Timestamp,
        event: fn(IntentFacts) -> DomainEvent,
    ) -> Transition<Self> {
        if parts == *self.parts() {
            Transition::AlreadyApplied
        } else {
            self.changed(parts, now, event)
        }
    }
}
