//! From the payment to its fulfilment or failure (spec A.3).

use super::commands::{IntentRefusal, Outcome};
use super::{CheckoutIntent, IntentParts, IntentState, ProviderLinks};
use crate::kernel::event::DomainEvent;
use crate::kernel::id::TenantId;
use crate::kernel::text::ProviderRef;
use crate::kernel::timestamp::Timestamp;
use crate::kernel::transition::Transition;

impl CheckoutIntent {
    pub(super) fn link_provider(&self, told: &ProviderLinks, now: Timestamp) -> Outcome {
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

    pub(super) fn mark_paid(
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
            // later invoices of the same subscription leave the state alone.
            IntentState::Paid { .. }
            | IntentState::Fulfilled { .. }
            | IntentState::ErroredBackoffice { .. }
            | IntentState::ErroredFulfillmentStalled { .. }
            | IntentState::ErroredProvisioning { .. } => return self.link_provider(told, now),
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

    pub(super) fn link_tenant(&self, tenant_id: TenantId, now: Timestamp) -> Outcome {
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

    pub(super) fn mark_fulfilled(&self, now: Timestamp) -> Outcome {
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

    pub(super) fn mark_errored(
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
