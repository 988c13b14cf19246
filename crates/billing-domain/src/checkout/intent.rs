//! The checkout intent: the record of one self-service sale and its state machine (spec A.2–A.4).

use std::collections::BTreeMap;

use time::Duration;
use uuid::Uuid;

use crate::kernel::audit::{Entity, EntityKind};
use crate::kernel::email::Email;
use crate::kernel::event::IntentFacts;
use crate::kernel::id::{IntentId, PriceId, TenantId, UserId};
use crate::kernel::text::{CompanyName, CountryCode, ProviderRef, Slug};
use crate::kernel::timestamp::Timestamp;

mod commands;
mod page;
mod payment;
#[cfg(test)]
mod tests;

pub use commands::{IllegalIntentTransition, IntentCommand, IntentRefusal};

/// How many licences one intent may ask for; a product's own range is narrower.
pub const QUANTITY_MAX: u32 = 1_000;

/// How long a slug and a name stay reserved, as long as a Stripe session lives.
pub const RESERVATION_DEFAULT: Duration = Duration::hours(24);

/// The number of licences that is bought: 1 to [`QUANTITY_MAX`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Quantity(u32);

/// The number is not in `1..=QUANTITY_MAX`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be between 1 and {QUANTITY_MAX}")]
pub struct InvalidQuantity;

impl Quantity {
    /// Checks a number from outside.
    ///
    /// # Errors
    /// [`InvalidQuantity`].
    pub fn parse(count: i64) -> Result<Self, InvalidQuantity> {
        match u32::try_from(count) {
            Ok(count) if (1..=QUANTITY_MAX).contains(&count) => Ok(Self(count)),
            Ok(_) | Err(_) => Err(InvalidQuantity),
        }
    }

    /// The number.
    pub fn count(&self) -> u32 {
        self.0
    }
}

/// A slug and a name, reserved together or not at all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reservation {
    /// The slug.
    pub slug: Slug,
    /// The name.
    pub name: CompanyName,
}

/// The terms that the user accepted: each key of a JSON object with its value as JSON text.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Terms(pub BTreeMap<String, String>);

impl Terms {
    /// New keys over old ones.
    #[must_use]
    pub fn merged(&self, newer: &Self) -> Self {
        let mut merged = self.0.clone();
        merged.extend(
            newer
                .0
                .iter()
                .map(|(key, value)| (key.clone(), value.clone())),
        );
        Self(merged)
    }
}

/// Where in its life an intent is. States carry their facts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IntentState {
    /// Reserved and not paid.
    Created,
    /// Paid; provisioning runs.
    Paid {
        /// When the payment was applied.
        paid_at: Timestamp,
    },
    /// Everything that was bought exists.
    Fulfilled {
        /// When the payment was applied.
        paid_at: Timestamp,
        /// When the last step succeeded.
        fulfilled_at: Timestamp,
    },
    /// Paid, but the back office must look at it (for example: the reservation was lost, A-038).
    ErroredBackoffice {
        /// When the payment was applied.
        paid_at: Timestamp,
    },
    /// Paid, and nothing happened for too long.
    ErroredFulfillmentStalled {
        /// When the payment was applied.
        paid_at: Timestamp,
    },
    /// Paid, and a provisioning step failed.
    ErroredProvisioning {
        /// When the payment was applied.
        paid_at: Timestamp,
    },
    /// The reservation ran out before a payment.
    Expired {
        /// When it was released.
        expired_at: Timestamp,
    },
}

impl IntentState {
    /// The name on the wire and in storage (A-030: lower-case snake case).
    pub fn name(&self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Paid { .. } => "paid",
            Self::Fulfilled { .. } => "fulfilled",
            Self::ErroredBackoffice { .. } => "errored_backoffice",
            Self::ErroredFulfillmentStalled { .. } => "errored_fulfillment_stalled",
            Self::ErroredProvisioning { .. } => "errored_provisioning",
            Self::Expired { .. } => "expired",
        }
    }

    /// When the payment was applied, in every state that follows a payment.
    pub fn paid_at(&self) -> Option<Timestamp> {
        match self {
            Self::Paid { paid_at }
            | Self::Fulfilled {
                paid_at,
                fulfilled_at: _,
            }
            | Self::ErroredBackoffice { paid_at }
            | Self::ErroredFulfillmentStalled { paid_at }
            | Self::ErroredProvisioning { paid_at } => Some(*paid_at),
            Self::Created | Self::Expired { .. } => None,
        }
    }

    /// Whether the sale was paid and can still be fulfilled (A-034, FULFILLABLE).
    pub fn is_fulfillable(&self) -> bool {
        match self {
            Self::Paid { .. }
            | Self::ErroredBackoffice { .. }
            | Self::ErroredFulfillmentStalled { .. }
            | Self::ErroredProvisioning { .. } => true,
            Self::Created | Self::Fulfilled { .. } | Self::Expired { .. } => false,
        }
    }

    /// Whether something failed after the payment (A-034, FAILURE).
    pub fn is_errored(&self) -> bool {
        match self {
            Self::ErroredBackoffice { .. }
            | Self::ErroredFulfillmentStalled { .. }
            | Self::ErroredProvisioning { .. } => true,
            Self::Created | Self::Paid { .. } | Self::Fulfilled { .. } | Self::Expired { .. } => {
                false
            }
        }
    }

    /// Whether slug and name are held against everybody else (A-034, NON_EXPIRED).
    pub fn holds_reservation(&self) -> bool {
        match self {
            Self::Expired { .. } => false,
            Self::Created
            | Self::Paid { .. }
            | Self::Fulfilled { .. }
            | Self::ErroredBackoffice { .. }
            | Self::ErroredFulfillmentStalled { .. }
            | Self::ErroredProvisioning { .. } => true,
        }
    }

    /// Whether it is the user's one open intent.
    pub fn is_open(&self) -> bool {
        match self {
            Self::Fulfilled { .. } | Self::Expired { .. } => false,
            Self::Created
            | Self::Paid { .. }
            | Self::ErroredBackoffice { .. }
            | Self::ErroredFulfillmentStalled { .. }
            | Self::ErroredProvisioning { .. } => true,
        }
    }
}

/// How the provider's page is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CheckoutUi {
    /// The provider's own page, by URL.
    Hosted,
    /// The caller's page around the provider's elements, by client secret.
    Custom,
}

/// Everything that is needed to open the provider's session, kept so that a crash can be resumed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckoutRequest {
    /// Which price.
    pub price_id: PriceId,
    /// Its id at the provider.
    pub price: ProviderRef,
    /// Whether the price recurs: a subscription, else one payment.
    pub is_recurring: bool,
    /// How many units.
    pub quantity: Quantity,
    /// Which address the provider's customer gets.
    pub admin_email: Email,
    /// How the page is shown.
    pub ui: CheckoutUi,
    /// Where the payer goes afterwards.
    pub success_url: String,
    /// Where the payer goes who gives up; unused by [`CheckoutUi::Custom`].
    pub cancel_url: String,
    /// Days before the first charge; 0 for none.
    pub trial_days: u16,
}

/// The provider's session as it was opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenedSession {
    /// The provider's id.
    pub id: ProviderRef,
    /// The hosted page, with [`CheckoutUi::Hosted`].
    pub url: Option<String>,
    /// The secret for the caller's page, with [`CheckoutUi::Custom`].
    pub client_secret: Option<String>,
    /// When the provider closes it.
    pub expires_at: Timestamp,
}

/// How far the conversation with the provider is: the saga log of the sale.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Checkout {
    /// Nobody asked for a page yet.
    NotStarted,
    /// The intention is durable; the provider may or may not know of it.
    Requested {
        /// Part of the provider's idempotency key; one more for each different request.
        attempt: u32,
        /// What to ask for.
        request: CheckoutRequest,
        /// Since when.
        requested_at: Timestamp,
    },
    /// The provider has a session.
    Opened {
        /// See [`Checkout::Requested`].
        attempt: u32,
        /// What was asked for.
        request: CheckoutRequest,
        /// What the provider gave.
        session: OpenedSession,
    },
    /// The provider said no, for good, or the session ran out.
    Closed {
        /// See [`Checkout::Requested`].
        attempt: u32,
        /// What was asked for.
        request: CheckoutRequest,
    },
}

impl Checkout {
    /// The number of the latest request, 0 before the first.
    pub fn attempt(&self) -> u32 {
        match self {
            Self::NotStarted => 0,
            Self::Requested { attempt, .. }
            | Self::Opened { attempt, .. }
            | Self::Closed { attempt, .. } => *attempt,
        }
    }

    /// What was asked for last, whatever became of the page since.
    pub fn request(&self) -> Option<&CheckoutRequest> {
        match self {
            Self::NotStarted => None,
            Self::Requested { request, .. }
            | Self::Opened { request, .. }
            | Self::Closed { request, .. } => Some(request),
        }
    }

    /// The name in storage.
    pub fn name(&self) -> &'static str {
        match self {
            Self::NotStarted => "not_started",
            Self::Requested { .. } => "requested",
            Self::Opened { .. } => "opened",
            Self::Closed { .. } => "closed",
        }
    }
}

/// Ids that the provider gave to parts of this sale; each is learnt once.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ProviderLinks {
    /// The customer.
    pub customer: Option<ProviderRef>,
    /// The session that was completed (or, before that, the one that is open).
    pub session: Option<ProviderRef>,
    /// The subscription.
    pub subscription: Option<ProviderRef>,
}

/// Every field of an intent, for construction and for storage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IntentParts {
    /// Its id.
    pub id: IntentId,
    /// Whose it is.
    pub user_id: UserId,
    /// Where in its life it is.
    pub state: IntentState,
    /// What it reserves.
    pub reservation: Option<Reservation>,
    /// Where the buyer is.
    pub country: Option<CountryCode>,
    /// How many licences.
    pub quantity: Quantity,
    /// What the user accepted.
    pub terms: Terms,
    /// End of the reservation.
    pub expires_at: Timestamp,
    /// The conversation with the provider.
    pub checkout: Checkout,
    /// The provider's ids.
    pub links: ProviderLinks,
    /// The provisioned customer.
    pub tenant_id: Option<TenantId>,
    /// The latest refusal of the provider, in words for the operator.
    pub last_checkout_error: Option<String>,
    /// The latest failure after payment, in words for the operator.
    pub last_provisioning_error: Option<String>,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

/// One self-service sale.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckoutIntent(IntentParts);

/// What a user asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IntentRequest {
    /// How many licences.
    pub quantity: Quantity,
    /// What to reserve; absent keeps what was reserved before.
    pub reservation: Option<Reservation>,
    /// Where the buyer is; absent keeps what was said before.
    pub country: Option<CountryCode>,
    /// Merged over the terms that were accepted before.
    pub terms: Terms,
}

impl CheckoutIntent {
    /// Creates an intent that reserves until `expires_at`, with its event.
    pub fn new(
        id: IntentId,
        user_id: UserId,
        request: IntentRequest,
        expires_at: Timestamp,
        now: Timestamp,
    ) -> (Self, crate::kernel::event::DomainEvent) {
        let intent = Self(IntentParts {
            id,
            user_id,
            state: IntentState::Created,
            reservation: request.reservation,
            country: request.country,
            quantity: request.quantity,
            terms: request.terms,
            expires_at,
            checkout: Checkout::NotStarted,
            links: ProviderLinks::default(),
            tenant_id: None,
            last_checkout_error: None,
            last_provisioning_error: None,
            created_at: now,
            updated_at: now,
        });
        let event = crate::kernel::event::DomainEvent::CheckoutIntentCreated(intent.facts(None));
        (intent, event)
    }

    /// An intent as it was stored. Only for adapters; it checks nothing.
    pub fn restore(parts: IntentParts) -> Self {
        Self(parts)
    }

    /// Every field.
    pub fn parts(&self) -> &IntentParts {
        &self.0
    }

    /// Its id.
    pub fn id(&self) -> IntentId {
        self.0.id
    }

    /// Whose it is.
    pub fn user_id(&self) -> UserId {
        self.0.user_id
    }

    /// Where in its life it is.
    pub fn state(&self) -> &IntentState {
        &self.0.state
    }

    /// The conversation with the provider.
    pub fn checkout(&self) -> &Checkout {
        &self.0.checkout
    }

    /// Whether the reservation has run out and nobody has paid.
    pub fn is_expired_at(&self, now: Timestamp) -> bool {
        match self.0.state {
            IntentState::Created => self.0.expires_at <= now,
            IntentState::Paid { .. }
            | IntentState::Fulfilled { .. }
            | IntentState::ErroredBackoffice { .. }
            | IntentState::ErroredFulfillmentStalled { .. }
            | IntentState::ErroredProvisioning { .. }
            | IntentState::Expired { .. } => false,
        }
    }

    /// The idempotency key of the current request to the provider: the same through any crash.
    pub fn provider_key(&self) -> String {
        format!("checkout:{}:{}", self.0.id, self.0.checkout.attempt())
    }

    fn facts(&self, previous: Option<&IntentState>) -> IntentFacts {
        let parts = &self.0;
        let message = if parts.state.is_errored() {
            parts.last_provisioning_error.clone()
        } else {
            None
        };
        IntentFacts {
            intent_id: parts.id,
            user_id: parts.user_id,
            previous_state: previous.map(IntentState::name),
            new_state: parts.state.name(),
            enterprise_slug: parts.reservation.as_ref().map(|r| r.slug.to_string()),
            enterprise_name: parts.reservation.as_ref().map(|r| r.name.to_string()),
            quantity: parts.quantity.count(),
            country: parts.country.as_ref().map(ToString::to_string),
            expires_at: parts.expires_at,
            checkout_session: parts.links.session.as_ref().map(ToString::to_string),
            provider_customer: parts.links.customer.as_ref().map(ToString::to_string),
            tenant_id: parts.tenant_id,
            message,
        }
    }
}

impl Entity for CheckoutIntent {
    const KIND: EntityKind = EntityKind::Intent;

    fn uuid(&self) -> Uuid {
        self.0.id.uuid()
    }

    fn state_name(&self) -> &'static str {
        self.0.state.name()
    }
}
