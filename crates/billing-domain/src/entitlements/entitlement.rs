//! An entitlement: one reason why one user may use one feature, and the view over all of them.

use uuid::Uuid;

use crate::kernel::audit::{Entity, EntityKind};
use crate::kernel::event::{DomainEvent, EntitlementFacts};
use crate::kernel::id::{EntitlementId, LicenseId, ProjectId, UserId};
use crate::kernel::text::FeatureCode;
use crate::kernel::timestamp::Timestamp;
use crate::kernel::transition::Transition;

/// Where an entitlement comes from (F.1). Further sources come with their capabilities.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum EntitlementSource {
    /// An activated licence.
    License(LicenseId),
}

impl EntitlementSource {
    /// The kind on the wire and in storage.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::License(_) => "licence",
        }
    }

    /// The source's id as text.
    pub fn id_text(&self) -> String {
        match self {
            Self::License(id) => id.to_string(),
        }
    }
}

/// Whether the source still stands behind it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EntitlementState {
    /// It counts while it is valid.
    Active,
    /// Its source was taken back.
    Revoked {
        /// When.
        revoked_at: Timestamp,
    },
}

/// One reason; every source has its own row, so that none hides another (E-050).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entitlement {
    /// Its id.
    pub id: EntitlementId,
    /// Whose.
    pub user_id: UserId,
    /// In which project.
    pub project_id: ProjectId,
    /// What may be used.
    pub feature_code: FeatureCode,
    /// Why.
    pub source: EntitlementSource,
    /// Whether the source still stands behind it.
    pub state: EntitlementState,
    /// Since when.
    pub valid_from: Timestamp,
    /// Until when, exclusive; absent means for life.
    pub valid_to: Option<Timestamp>,
}

impl Entitlement {
    /// The event of its creation.
    pub fn granted(&self) -> DomainEvent {
        DomainEvent::EntitlementGranted(self.facts())
    }

    /// Whether it counts at that time: evaluated on reading, never by a job (E-051).
    pub fn is_effective_at(&self, now: Timestamp) -> bool {
        match self.state {
            EntitlementState::Active => {
                self.valid_from <= now && self.valid_to.is_none_or(|end| now < end)
            }
            EntitlementState::Revoked { .. } => false,
        }
    }

    /// Takes it back.
    pub fn revoke(&self, now: Timestamp) -> Transition<Self> {
        match self.state {
            EntitlementState::Active => {
                let next = Self {
                    state: EntitlementState::Revoked { revoked_at: now },
                    ..self.clone()
                };
                let event = DomainEvent::EntitlementRevoked(next.facts());
                Transition::Applied { next, event }
            }
            EntitlementState::Revoked { .. } => Transition::AlreadyApplied,
        }
    }

    /// Moves its end.
    pub fn end_at(&self, valid_to: Option<Timestamp>) -> Transition<Self> {
        if valid_to == self.valid_to {
            return Transition::AlreadyApplied;
        }
        let next = Self {
            valid_to,
            ..self.clone()
        };
        let event = DomainEvent::EntitlementChanged(next.facts());
        Transition::Applied { next, event }
    }

    fn facts(&self) -> EntitlementFacts {
        EntitlementFacts {
            entitlement_id: self.id,
            user_id: self.user_id,
            project_id: self.project_id,
            feature_code: self.feature_code.clone(),
            valid_to: self.valid_to,
        }
    }
}

impl Entity for Entitlement {
    const KIND: EntityKind = EntityKind::Entitlement;

    fn uuid(&self) -> Uuid {
        self.id.uuid()
    }

    fn state_name(&self) -> &'static str {
        match self.state {
            EntitlementState::Active => "active",
            EntitlementState::Revoked { .. } => "revoked",
        }
    }
}
