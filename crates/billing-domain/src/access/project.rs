//! A project and its applications: the unit of isolation for app keys (spec E.3).

use uuid::Uuid;

use crate::kernel::audit::{Entity, EntityKind};
use crate::kernel::event::DomainEvent;
use crate::kernel::id::{AppId, ProjectId};
use crate::kernel::text::Title;

/// A group of applications that share users, products and entitlements.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Project {
    /// Its id.
    pub id: ProjectId,
    /// Its name, unique.
    pub name: Title,
    /// Whether its keys work (E-011).
    pub is_active: bool,
}

impl Project {
    /// Creates an active project.
    pub fn new(id: ProjectId, name: Title) -> (Self, DomainEvent) {
        (
            Self {
                id,
                name,
                is_active: true,
            },
            DomainEvent::ProjectCreated { project_id: id },
        )
    }
}

impl Entity for Project {
    const KIND: EntityKind = EntityKind::Project;

    fn uuid(&self) -> Uuid {
        self.id.uuid()
    }

    fn state_name(&self) -> &'static str {
        if self.is_active { "active" } else { "inactive" }
    }
}

/// One application of a project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct App {
    /// Its id.
    pub id: AppId,
    /// Whose.
    pub project_id: ProjectId,
    /// Its name.
    pub name: Title,
    /// Whether its keys work.
    pub is_active: bool,
}

impl App {
    /// Creates an active application.
    pub fn new(id: AppId, project_id: ProjectId, name: Title) -> (Self, DomainEvent) {
        (
            Self {
                id,
                project_id,
                name,
                is_active: true,
            },
            DomainEvent::AppCreated {
                app_id: id,
                project_id,
            },
        )
    }
}

impl Entity for App {
    const KIND: EntityKind = EntityKind::App;

    fn uuid(&self) -> Uuid {
        self.id.uuid()
    }

    fn state_name(&self) -> &'static str {
        if self.is_active { "active" } else { "inactive" }
    }
}
