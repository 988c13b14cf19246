//! The conversation with the provider about one page: requested, opened, closed.

use super::commands::Outcome;
use super::{
    Checkout, CheckoutIntent, CheckoutRequest, IntentParts, IntentState, OpenedSession,
    ProviderLinks,
};
use crate::kernel::event::DomainEvent;
use crate::kernel::text::ProviderRef;
use crate::kernel::timestamp::Timestamp;
use crate::kernel::transition::Transition;

impl CheckoutIntent {
    pub(super) fn request_checkout(&self, request: CheckoutRequest, now: Timestamp) -> Outcome {
        match self.state() {
            IntentState::Created => {}
            IntentState::Paid { .. }
            | IntentState::Fulfilled { .. }
            | IntentState::ErroredBackoffice { .. }
            | IntentState::ErroredFulfillmentStalled { .. }
            | IntentState::ErroredProvisioning { .. }
            | IntentState::Expired { .. } => return self.illegal("request_checkout"),
        }
        if let Checkout::Requested {
            request: pending, ..
        } = self.checkout()
            && *pending == request
        {
            return Ok(Transition::AlreadyApplied);
        }
        let parts = self.parts().clone();
        let attempt = parts.checkout.attempt().saturating_add(1);
        let next = IntentParts {
            checkout: Checkout::Requested {
                attempt,
                request,
                requested_at: now,
            },
            links: ProviderLinks {
                session: None,
                ..parts.links
            },
            ..parts
        };
        Ok(self.changed(next, now, DomainEvent::CheckoutRequested))
    }

    pub(super) fn open_checkout(
        &self,
        session: OpenedSession,
        customer: ProviderRef,
        now: Timestamp,
    ) -> Outcome {
        let parts = self.parts().clone();
        let (attempt, request) = match &parts.checkout {
            Checkout::Requested {
                attempt,
                request,
                requested_at: _,
            } => (*attempt, request.clone()),
            Checkout::Opened {
                attempt: _,
                request: _,
                session: open,
            } if open.id == session.id => {
                return Ok(Transition::AlreadyApplied);
            }
            Checkout::NotStarted | Checkout::Opened { .. } | Checkout::Closed { .. } => {
                return self.illegal("open_checkout");
            }
        };
        let links = ProviderLinks {
            // what a paid sale is linked to stays.
            customer: match self.state().paid_at() {
                None => Some(customer),
                Some(_) => parts.links.customer.or(Some(customer)),
            },
            session: parts.links.session.or_else(|| Some(session.id.clone())),
            subscription: parts.links.subscription,
        };
        let next = IntentParts {
            checkout: Checkout::Opened {
                attempt,
                request,
                session,
            },
            links,
            last_checkout_error: None,
            ..parts
        };
        Ok(self.changed(next, now, DomainEvent::CheckoutOpened))
    }

    pub(super) fn refuse_checkout(&self, reason: String, now: Timestamp) -> Outcome {
        let parts = self.parts().clone();
        let (attempt, request) = match &parts.checkout {
            Checkout::Requested {
                attempt,
                request,
                requested_at: _,
            } => (*attempt, request.clone()),
            Checkout::Closed { .. } => return Ok(Transition::AlreadyApplied),
            Checkout::NotStarted | Checkout::Opened { .. } => {
                return self.illegal("refuse_checkout");
            }
        };
        let next = IntentParts {
            checkout: Checkout::Closed { attempt, request },
            last_checkout_error: Some(reason),
            ..parts
        };
        Ok(self.changed(next, now, DomainEvent::CheckoutRefused))
    }

    pub(super) fn close_checkout(&self, session: &ProviderRef, now: Timestamp) -> Transition<Self> {
        let parts = self.parts().clone();
        let (attempt, request) = match &parts.checkout {
            Checkout::Opened {
                attempt,
                request,
                session: open,
            } if open.id == *session => (*attempt, request.clone()),
            // An older page than the one that is open: nothing depends on it any more.
            Checkout::NotStarted
            | Checkout::Requested { .. }
            | Checkout::Opened { .. }
            | Checkout::Closed { .. } => return Transition::AlreadyApplied,
        };
        let next = IntentParts {
            checkout: Checkout::Closed { attempt, request },
            ..parts
        };
        self.changed(next, now, DomainEvent::CheckoutSessionExpired)
    }
}
