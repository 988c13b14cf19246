//! The billing customer: exactly one owner, at most one customer at the provider (spec F.1, B-044).

use uuid::Uuid;

use crate::kernel::audit::{Entity, EntityKind};
use crate::kernel::email::Email;
use crate::kernel::event::DomainEvent;
use crate::kernel::id::{CustomerId, TenantId, UserId};
use crate::kernel::text::{CompanyName, ProviderRef};
use crate::kernel::timestamp::Timestamp;
use crate::kernel::transition::Transition;

/// Whose customer it is: exactly one of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CustomerOwner {
    /// A person.
    User(UserId),
    /// An enterprise.
    Tenant(TenantId),
}

/// Whether the provider has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CustomerLink {
    /// The intention is durable; the provider may or may not know.
    Requested,
    /// The provider's customer.
    Linked {
        /// Its id there.
        provider_id: ProviderRef,
        /// Since when.
        linked_at: Timestamp,
    },
}

/// One billed party.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BillingCustomer {
    /// Its id.
    pub id: CustomerId,
    /// Whose it is.
    pub owner: CustomerOwner,
    /// Where the provider writes to.
    pub email: Email,
    /// A company's name.
    pub name: Option<CompanyName>,
    /// Whether the provider has it.
    pub link: CustomerLink,
    /// When it was created.
    pub created_at: Timestamp,
}

/// The provider gave a second customer to one that has one already.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("this customer is linked to {known} and not to {told}")]
pub struct LinkedToAnother {
    /// What is stored.
    pub known: ProviderRef,
    /// What was told.
    pub told: ProviderRef,
}

impl BillingCustomer {
    /// Creates a customer that the provider is about to be asked for.
    pub fn new(
        id: CustomerId,
        owner: CustomerOwner,
        email: Email,
        name: Option<CompanyName>,
        now: Timestamp,
    ) -> (Self, DomainEvent) {
        let customer = Self {
            id,
            owner,
            email,
            name,
            link: CustomerLink::Requested,
            created_at: now,
        };
        (customer, DomainEvent::CustomerRequested { customer_id: id })
    }

    /// The provider's id, once it is known.
    pub fn provider_id(&self) -> Option<&ProviderRef> {
        match &self.link {
            CustomerLink::Linked {
                provider_id,
                linked_at: _,
            } => Some(provider_id),
            CustomerLink::Requested => None,
        }
    }

    /// The idempotency key under which the provider is asked: the same through any crash.
    pub fn provider_key(&self) -> String {
        format!("customer:{}", self.id)
    }

    /// Remembers the provider's customer.
    ///
    /// # Errors
    /// [`LinkedToAnother`].
    pub fn link(
        &self,
        told: ProviderRef,
        now: Timestamp,
    ) -> Result<Transition<Self>, LinkedToAnother> {
        match &self.link {
            CustomerLink::Requested => {
                let event = DomainEvent::CustomerLinked {
                    customer_id: self.id,
                    provider_customer: told.to_string(),
                };
                let link = CustomerLink::Linked {
                    provider_id: told,
                    linked_at: now,
                };
                Ok(Transition::Applied {
                    next: Self {
                        link,
                        ..self.clone()
                    },
                    event,
                })
            }
            CustomerLink::Linked {
                provider_id,
                linked_at: _,
            } if *provider_id == told => Ok(Transition::AlreadyApplied),
            CustomerLink::Linked {
                provider_id,
                linked_at: _,
            } => Err(LinkedToAnother {
                known: provider_id.clone(),
                told,
            }),
        }
    }
}

impl BillingCustomer {
    /// Takes over the address that the provider writes to.
    pub fn change_email(&self, email: Email) -> Transition<Self> {
        if email == self.email {
            return Transition::AlreadyApplied;
        }
        Transition::Applied {
            event: DomainEvent::CustomerEmailChanged {
                customer_id: self.id,
            },
            next: Self {
                email,
                ..self.clone()
            },
        }
    }

    /// Forgets a customer that the provider has no longer: another one is asked for when somebody
    /// buys again.
    pub fn unlink(&self) -> Transition<Self> {
        let Some(gone) = self.provider_id() else {
            return Transition::AlreadyApplied;
        };
        Transition::Applied {
            event: DomainEvent::CustomerUnlinked {
                customer_id: self.id,
                provider_customer: gone.to_string(),
            },
            next: Self {
                link: CustomerLink::Requested,
                ..self.clone()
            },
        }
    }
}

impl Entity for BillingCustomer {
    const KIND: EntityKind = EntityKind::Customer;

    fn uuid(&self) -> Uuid {
        self.id.uuid()
    }

    fn state_name(&self) -> &'static str {
        match self.link {
            CustomerLink::Requested => "requested",
            CustomerLink::Linked { .. } => "linked",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_customer_is_linked_once() {
        let now = Timestamp::from_unix_seconds(0).unwrap();
        let owner = CustomerOwner::User(UserId::from_uuid(Uuid::nil()));
        let email = Email::parse("ada@example.com").unwrap();
        let (customer, _) =
            BillingCustomer::new(CustomerId::from_uuid(Uuid::nil()), owner, email, None, now);
        let told = ProviderRef::parse("cus_1").unwrap();
        let Transition::Applied { next, .. } = customer.link(told.clone(), now).unwrap() else {
            panic!("the first link is a change");
        };
        assert_eq!(next.provider_id(), Some(&told));
        assert_eq!(next.link(told, now).unwrap(), Transition::AlreadyApplied);
        assert!(
            next.link(ProviderRef::parse("cus_2").unwrap(), now)
                .is_err()
        );
    }
}
