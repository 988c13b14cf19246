//! A mirror of one subscription at the provider: what we know, and as of when (spec D-020, F.2).

use uuid::Uuid;

use crate::kernel::audit::{Entity, EntityKind};
use crate::kernel::event::DomainEvent;
use crate::kernel::id::{IntentId, SubscriptionId};
use crate::kernel::text::ProviderRef;
use crate::kernel::timestamp::Timestamp;
use crate::kernel::transition::Transition;

#[cfg(test)]
mod tests;

/// The eight statuses of Stripe, unchanged from 2023 to 2026 (D-020).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(
    missing_docs,
    reason = "the names are Stripe's: https://docs.stripe.com/api/subscriptions/object"
)]
pub enum SubscriptionStatus {
    Incomplete,
    IncompleteExpired,
    Trialing,
    Active,
    PastDue,
    Canceled,
    Unpaid,
    Paused,
}

impl SubscriptionStatus {
    /// Every status.
    pub const ALL: [Self; 8] = [
        Self::Incomplete,
        Self::IncompleteExpired,
        Self::Trialing,
        Self::Active,
        Self::PastDue,
        Self::Canceled,
        Self::Unpaid,
        Self::Paused,
    ];

    /// The name on the wire and in storage.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Incomplete => "incomplete",
            Self::IncompleteExpired => "incomplete_expired",
            Self::Trialing => "trialing",
            Self::Active => "active",
            Self::PastDue => "past_due",
            Self::Canceled => "canceled",
            Self::Unpaid => "unpaid",
            Self::Paused => "paused",
        }
    }

    /// Reads the name; `None` for a status that did not exist when this was written.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.name() == name)
    }

    /// Whether nothing follows: the provider never revives such a subscription.
    pub fn is_terminal(&self) -> bool {
        match self {
            Self::Canceled | Self::IncompleteExpired => true,
            Self::Incomplete
            | Self::Trialing
            | Self::Active
            | Self::PastDue
            | Self::Unpaid
            | Self::Paused => false,
        }
    }
}

/// What the provider says about a subscription, in our words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SubscriptionFacts {
    /// The provider's id.
    pub provider_id: ProviderRef,
    /// The provider's customer.
    pub customer: ProviderRef,
    /// Its status.
    pub status: SubscriptionStatus,
    /// Units of the first item.
    pub quantity: u32,
    /// Price of the first item.
    pub price: Option<ProviderRef>,
    /// Start of the current period.
    pub period_start: Option<Timestamp>,
    /// End of the current period: the latest of its items'.
    pub period_end: Option<Timestamp>,
    /// End of the trial.
    pub trial_end: Option<Timestamp>,
    /// When it will end, whichever way the provider says so.
    pub cancel_at: Option<Timestamp>,
    /// When it was told to end.
    pub canceled_at: Option<Timestamp>,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// Whether a change waits for its payment.
    pub has_pending_update: bool,
}

impl SubscriptionFacts {
    /// When a subscription that is over stops to entitle: at the end of what was paid for
    /// `None` for one that is not over.
    pub fn ends_at(&self) -> Option<Timestamp> {
        if self.status.is_terminal() {
            self.period_end.or(self.ended_at).or(self.canceled_at)
        } else {
            None
        }
    }

    /// How many units are paid for: none of a change that waits for its payment.
    pub fn paid_quantity(&self) -> u32 {
        if self.has_pending_update {
            0
        } else {
            self.quantity
        }
    }
}

/// A subscription with the sale that its metadata names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SubscriptionReport {
    /// The intent in its metadata; `None` for a subscription that is not ours.
    pub intent_id: Option<IntentId>,
    /// What the provider says about it.
    pub facts: SubscriptionFacts,
}

/// How an observation relates to what is known (F.2 step 9).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Freshness {
    /// Older than what is known: it changes nothing.
    Stale,
    /// Of the same second: only reading the object again can tell.
    SameSecond,
    /// Newer.
    Newer,
}

/// The mirror.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subscription {
    /// Its id.
    pub id: SubscriptionId,
    /// The sale that started it.
    pub intent_id: Option<IntentId>,
    /// What is known.
    pub facts: SubscriptionFacts,
    /// The most units that were ever told to be paid for, by whatever event and however late:
    /// licences never fall below it.
    pub quantity_max: u32,
    /// When the provider said it; to the second, as the provider says times.
    pub observed_at: Timestamp,
    /// When the mirror was created.
    pub created_at: Timestamp,
}

impl Subscription {
    /// Mirrors a subscription for the first time.
    pub fn new(
        id: SubscriptionId,
        intent_id: Option<IntentId>,
        facts: SubscriptionFacts,
        observed_at: Timestamp,
        now: Timestamp,
    ) -> (Self, DomainEvent) {
        let event = DomainEvent::SubscriptionObserved {
            subscription_id: id,
            previous_status: None,
            status: facts.status.name(),
            quantity: facts.quantity,
        };
        (
            Self {
                id,
                intent_id,
                quantity_max: facts.paid_quantity(),
                facts,
                observed_at,
                created_at: now,
            },
            event,
        )
    }

    /// Whether an observation of that second may be applied.
    pub fn freshness(&self, observed_at: Timestamp) -> Freshness {
        match observed_at.cmp(&self.observed_at) {
            std::cmp::Ordering::Less => Freshness::Stale,
            std::cmp::Ordering::Equal => Freshness::SameSecond,
            std::cmp::Ordering::Greater => Freshness::Newer,
        }
    }

    /// Takes over what the provider says, unless it is older than what is known. A terminal
    /// status is final whatever arrives later, and counts whatever arrived before: nothing
    /// follows it, so that any order of observations ends the same. Of what is older only the
    /// number of paid units counts, because it is kept at its highest.
    pub fn observe(&self, facts: SubscriptionFacts, observed_at: Timestamp) -> Transition<Self> {
        let was_over = self.facts.status.is_terminal();
        let is_over = facts.status.is_terminal();
        let is_outdated = match (was_over, is_over) {
            (true, false) => true,
            (false, true) => false,
            (true, true) | (false, false) => observed_at < self.observed_at,
        };
        let quantity_max = self.quantity_max.max(facts.paid_quantity());
        let (facts, observed_at) = if is_outdated {
            (self.facts.clone(), self.observed_at)
        } else {
            (facts, observed_at)
        };
        let next = Self {
            facts,
            quantity_max,
            observed_at,
            ..self.clone()
        };
        if next == *self {
            return Transition::AlreadyApplied;
        }
        let event = DomainEvent::SubscriptionObserved {
            subscription_id: self.id,
            previous_status: Some(self.facts.status.name()),
            status: next.facts.status.name(),
            quantity: next.facts.quantity,
        };
        Transition::Applied { next, event }
    }

    /// What the provider has now, read because two events tell of one second. What the event
    /// itself told counts as well: it was true within that second.
    pub fn observe_both(
        &self,
        told: &SubscriptionFacts,
        read: SubscriptionFacts,
        observed_at: Timestamp,
    ) -> Transition<Self> {
        let remembered = Self {
            quantity_max: self.quantity_max.max(told.paid_quantity()),
            ..self.clone()
        };
        match remembered.observe(read, observed_at) {
            Transition::AlreadyApplied if remembered == *self => Transition::AlreadyApplied,
            Transition::AlreadyApplied => Transition::Applied {
                event: DomainEvent::SubscriptionObserved {
                    subscription_id: self.id,
                    previous_status: Some(self.facts.status.name()),
                    status: self.facts.status.name(),
                    quantity: self.facts.quantity,
                },
                next: remembered,
            },
            applied @ Transition::Applied { .. } => applied,
        }
    }
}

impl Entity for Subscription {
    const KIND: EntityKind = EntityKind::Subscription;

    fn uuid(&self) -> Uuid {
        self.id.uuid()
    }

    fn state_name(&self) -> &'static str {
        self.facts.status.name()
    }
}
