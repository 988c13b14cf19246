//! What can be done to a checkout intent: one exhaustive match, pure and total (spec A.3).

use super::{
    Checkout, CheckoutIntent, CheckoutRequest, IntentParts, IntentRequest, IntentState,
    OpenedSession, ProviderLinks, Terms,
};
use crate::kernel::event::{DomainEvent, IntentFacts};
use crate::kernel::id::TenantId;
use crate::kernel::text::{CountryCode, ProviderRef};
use crate::kernel::timestamp::Timestamp;
use crate::kernel::transition::Transition;

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

type Outcome = Result<Transition<CheckoutIntent>, IntentRefusal>;

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

    fn request_checkout(&self, request: CheckoutRequest, now: Timestamp) -> Outcome {
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

    fn open_checkout(
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
            customer: Some(customer),
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

    fn refuse_checkout(&self, reason: String, now: Timestamp) -> Outcome {
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

    fn close_checkout(&self, session: &ProviderRef, now: Timestamp) -> Transition<Self> {
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

    fn link_provider(&self, told: &ProviderLinks, now: Timestamp) -> Outcome {
        let parts = self.parts().clone();
        let links = match self.state() {
            // Before the payment the newest page wins: an abandoned one may have been replaced.
            IntentState::Created | IntentState::Expired { .. } => ProviderLinks {
                customer: told.customer.clone().or(parts.links.customer),
                session: told.session.clone().or(parts.links.session),
                subscription: told.subscription.clone().or(parts.links.subscription),
            },
            IntentState::Paid { .. }
            | IntentState::Fulfilled { .. }
            | IntentState::ErroredBackoffice { .. }
            | IntentState::ErroredFulfillmentStalled { .. }
            | IntentState::ErroredProvisioning { .. } => merged_links(&parts.links, told)?,
        };
        let next = IntentParts { links, ..parts };
        Ok(self.changed_if_different(next, now, DomainEvent::CheckoutLinked))
    }

    fn mark_paid(
        &self,
        told: &ProviderLinks,
        reservation_is_free: bool,
        now: Timestamp,
    ) -> Outcome {
        let parts = self.parts().clone();
        match self.state() {
            IntentState::Created => {}
            // the money was taken, so it is never refused.
            IntentState::Expired { .. } => {}
            // the same sale again is a repetition, another one is an error.
            IntentState::Paid { .. } => {
                merged_links(&parts.links, told)?;
                return self.link_provider(told, now);
            }
            // later invoices of the same subscription leave the state alone.
            IntentState::Fulfilled { .. }
            | IntentState::ErroredBackoffice { .. }
            | IntentState::ErroredFulfillmentStalled { .. }
            | IntentState::ErroredProvisioning { .. } => return Ok(Transition::AlreadyApplied),
        }
        let links = ProviderLinks {
            customer: told.customer.clone().or(parts.links.customer),
            session: told.session.clone().or(parts.links.session),
            subscription: told.subscription.clone().or(parts.links.subscription),
        };
        // what was paid is what the page was opened for, whatever was asked for since.
        let quantity = parts
            .checkout
            .request()
            .map_or(parts.quantity, |request| request.quantity);
        if reservation_is_free {
            let next = IntentParts {
                quantity,
                state: IntentState::Paid { paid_at: now },
                links,
                ..parts
            };
            return Ok(self.changed(next, now, DomainEvent::CheckoutIntentPaid));
        }
        let lost = parts
            .reservation
            .as_ref()
            .map_or_else(String::new, |r| format!(" `{}`", r.slug));
        let next = IntentParts {
            quantity,
            state: IntentState::ErroredBackoffice { paid_at: now },
            reservation: None,
            last_provisioning_error: Some(format!(
                "paid after the reservation{lost} had expired and was taken by another customer"
            )),
            links,
            ..parts
        };
        Ok(self.changed(next, now, DomainEvent::CheckoutIntentErrored))
    }

    fn link_tenant(&self, tenant_id: TenantId, now: Timestamp) -> Outcome {
        if !self.state().is_fulfillable() {
            return match self.parts().tenant_id {
                Some(known) if known == tenant_id => Ok(Transition::AlreadyApplied),
                Some(_) | None => self.illegal("link_tenant"),
            };
        }
        let next = IntentParts {
            tenant_id: Some(tenant_id),
            ..self.parts().clone()
        };
        Ok(self.changed_if_different(next, now, DomainEvent::CheckoutIntentTenantLinked))
    }

    fn mark_fulfilled(&self, now: Timestamp) -> Outcome {
        let paid_at = match self.state() {
            IntentState::Paid { paid_at }
            | IntentState::ErroredBackoffice { paid_at }
            | IntentState::ErroredFulfillmentStalled { paid_at }
            | IntentState::ErroredProvisioning { paid_at } => *paid_at,
            IntentState::Fulfilled { .. } => return Ok(Transition::AlreadyApplied),
            IntentState::Created | IntentState::Expired { .. } => {
                return self.illegal("mark_fulfilled");
            }
        };
        let next = IntentParts {
            state: IntentState::Fulfilled {
                paid_at,
                fulfilled_at: now,
            },
            last_provisioning_error: None,
            ..self.parts().clone()
        };
        Ok(self.changed(next, now, DomainEvent::CheckoutIntentFulfilled))
    }

    fn mark_errored(
        &self,
        command: &'static str,
        message: String,
        errored: fn(Timestamp) -> IntentState,
        now: Timestamp,
    ) -> Outcome {
        let paid_at = match self.state() {
            IntentState::Paid { paid_at } => *paid_at,
            IntentState::ErroredBackoffice { paid_at }
            | IntentState::ErroredFulfillmentStalled { paid_at }
            | IntentState::ErroredProvisioning { paid_at } => {
                // X→X is allowed, from one error to another is not.
                if errored(*paid_at) != *self.state() {
                    return self.illegal(command);
                }
                *paid_at
            }
            IntentState::Created | IntentState::Fulfilled { .. } | IntentState::Expired { .. } => {
                return self.illegal(command);
            }
        };
        let next = IntentParts {
            state: errored(paid_at),
            last_provisioning_error: Some(message),
            ..self.parts().clone()
        };
        Ok(self.changed_if_different(next, now, DomainEvent::CheckoutIntentErrored))
    }

    fn expire(&self, now: Timestamp) -> Outcome {
        match self.state() {
            IntentState::Created => {
                let next = IntentParts {
                    state: IntentState::Expired { expired_at: now },
                    ..self.parts().clone()
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

    fn illegal(&self, command: &'static str) -> Outcome {
        Err(IllegalIntentTransition {
            from: self.state().name(),
            command,
        }
        .into())
    }

    fn changed(
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

    fn changed_if_different(
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

/// What is known, completed by what was told; a contradiction is refused.
fn merged_links(
    known: &ProviderLinks,
    told: &ProviderLinks,
) -> Result<ProviderLinks, IntentRefusal> {
    let merge = |known: &Option<ProviderRef>, told: &Option<ProviderRef>| match (known, told) {
        (Some(known), Some(told)) if known != told => Err(IntentRefusal::LinkedElsewhere {
            known: known.clone(),
            told: told.clone(),
        }),
        (Some(known), _) => Ok(Some(known.clone())),
        (None, told) => Ok(told.clone()),
    };
    Ok(ProviderLinks {
        customer: merge(&known.customer, &told.customer)?,
        session: merge(&known.session, &told.session)?,
        subscription: merge(&known.subscription, &told.subscription)?,
    })
}
