//! A licence plan: how many licences, of what, from when to when.

use uuid::Uuid;

use crate::kernel::audit::{Entity, EntityKind};
use crate::kernel::event::DomainEvent;
use crate::kernel::id::{AgreementId, CatalogId, PlanId, ProductId, TenantId, WorkflowId};
use crate::kernel::text::Title;
use crate::kernel::timestamp::Timestamp;
use crate::kernel::transition::Transition;

/// One plan under an agreement; unique by (agreement, title) and by workflow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SubscriptionPlan {
    /// Its id.
    pub id: PlanId,
    /// Under what.
    pub agreement_id: AgreementId,
    /// Whose; the same as the agreement's.
    pub tenant_id: TenantId,
    /// Which content.
    pub catalog_id: CatalogId,
    /// Of which product the licences are.
    pub product_id: ProductId,
    /// The workflow that made it; absent for one made by hand.
    pub workflow_id: Option<WorkflowId>,
    /// What people read.
    pub title: Title,
    /// From when its licences are good.
    pub starts_at: Timestamp,
    /// Until when.
    pub ends_at: Timestamp,
    /// How many licences it should have; it never falls.
    pub license_count: u32,
    /// How many were created to get there. Creating licences changes the plan, so that two
    /// writers cannot both create the missing ones.
    pub created_license_count: u32,
    /// When it was created.
    pub created_at: Timestamp,
}

impl SubscriptionPlan {
    /// The event of its creation.
    pub fn created(&self) -> DomainEvent {
        DomainEvent::PlanCreated {
            plan_id: self.id,
            agreement_id: self.agreement_id,
            license_count: self.license_count,
        }
    }

    /// Whether its licences are good at that time.
    pub fn is_current_at(&self, now: Timestamp) -> bool {
        self.starts_at <= now && now < self.ends_at
    }

    /// Whether all of its licences were created.
    pub fn is_filled(&self) -> bool {
        self.created_license_count >= self.license_count
    }

    /// Raises the number of licences of a plan that is still being filled: whoever fills it creates
    /// them. A lower number changes nothing.
    pub fn enlarge(&self, license_count: u32) -> Transition<Self> {
        if license_count <= self.license_count {
            return Transition::AlreadyApplied;
        }
        let event = DomainEvent::PlanEnlarged {
            plan_id: self.id,
            license_count,
        };
        let next = Self {
            license_count,
            ..self.clone()
        };
        Transition::Applied { next, event }
    }

    /// Raises the number of licences of a filled plan and accounts for the missing ones at once;
    /// a lower number changes nothing. Gives how many to create.
    pub fn enlarge_and_fill(&self, license_count: u32) -> (Transition<Self>, u32) {
        if license_count <= self.license_count {
            return (Transition::AlreadyApplied, 0);
        }
        let missing = license_count.saturating_sub(self.created_license_count);
        let event = DomainEvent::PlanEnlarged {
            plan_id: self.id,
            license_count,
        };
        let next = Self {
            license_count,
            created_license_count: license_count,
            ..self.clone()
        };
        (Transition::Applied { next, event }, missing)
    }

    /// Accounts for at most `limit` of the licences that are missing, and gives their number;
    /// nothing when none is missing.
    pub fn create_missing(&self, limit: u32) -> (Transition<Self>, u32) {
        let missing = self
            .license_count
            .saturating_sub(self.created_license_count)
            .min(limit);
        if missing == 0 {
            return (Transition::AlreadyApplied, 0);
        }
        let created_license_count = self.created_license_count.saturating_add(missing);
        let event = DomainEvent::PlanFilled {
            plan_id: self.id,
            created_license_count,
        };
        let next = Self {
            created_license_count,
            ..self.clone()
        };
        (Transition::Applied { next, event }, missing)
    }

    /// Lets the plan end earlier than it would; a later end changes nothing.
    pub fn end_at(&self, ends_at: Timestamp) -> Transition<Self> {
        if ends_at >= self.ends_at {
            return Transition::AlreadyApplied;
        }
        let event = DomainEvent::PlanEnded {
            plan_id: self.id,
            ends_at,
        };
        Transition::Applied {
            next: Self {
                ends_at,
                ..self.clone()
            },
            event,
        }
    }
}

impl Entity for SubscriptionPlan {
    const KIND: EntityKind = EntityKind::Plan;

    fn uuid(&self) -> Uuid {
        self.id.uuid()
    }

    fn state_name(&self) -> &'static str {
        "active"
    }
}
