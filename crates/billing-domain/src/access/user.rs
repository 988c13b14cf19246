//! A user of a project: known by what the project calls them (spec E-022).

use uuid::Uuid;

use crate::kernel::audit::{Entity, EntityKind};
use crate::kernel::email::Email;
use crate::kernel::event::DomainEvent;
use crate::kernel::id::{ProjectId, UserId};
use crate::kernel::text::ExternalUserId;
use crate::kernel::transition::Transition;

/// One user of one project, unique by (project, external id).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// Our id.
    pub id: UserId,
    /// Whose.
    pub project_id: ProjectId,
    /// What the project calls them: the `sub` of their token.
    pub external_id: ExternalUserId,
    /// Their address, if the project said so.
    pub email: Option<Email>,
}

impl User {
    /// Registers a user who is seen for the first time.
    pub fn new(
        id: UserId,
        project_id: ProjectId,
        external_id: ExternalUserId,
        email: Option<Email>,
    ) -> (Self, DomainEvent) {
        let event = DomainEvent::UserRegistered {
            user_id: id,
            project_id,
        };
        (
            Self {
                id,
                project_id,
                external_id,
                email,
            },
            event,
        )
    }

    /// Takes over a changed address.
    pub fn seen_with(&self, email: Option<Email>) -> Transition<Self> {
        if email.is_none() || email == self.email {
            return Transition::AlreadyApplied;
        }
        let event = DomainEvent::UserEmailChanged {
            user_id: self.id,
            project_id: self.project_id,
        };
        Transition::Applied {
            next: Self {
                email,
                ..self.clone()
            },
            event,
        }
    }
}

impl Entity for User {
    const KIND: EntityKind = EntityKind::User;

    fn uuid(&self) -> Uuid {
        self.id.uuid()
    }

    fn state_name(&self) -> &'static str {
        "registered"
    }
}
