//! A tenant: an enterprise customer with its admins (spec F.1, A-125, A-126).

use uuid::Uuid;

use crate::kernel::audit::{Entity, EntityKind};
use crate::kernel::email::Email;
use crate::kernel::event::DomainEvent;
use crate::kernel::id::{TenantAdminId, TenantId, UserId};
use crate::kernel::text::{CompanyName, CountryCode, Slug};
use crate::kernel::timestamp::Timestamp;
use crate::kernel::transition::Transition;

/// One enterprise customer, unique by slug.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tenant {
    /// Its id.
    pub id: TenantId,
    /// Its name.
    pub name: CompanyName,
    /// Its slug.
    pub slug: Slug,
    /// Where it is.
    pub country: Option<CountryCode>,
    /// When it was created.
    pub created_at: Timestamp,
}

impl Tenant {
    /// Creates a tenant.
    pub fn new(
        id: TenantId,
        name: CompanyName,
        slug: Slug,
        country: Option<CountryCode>,
        now: Timestamp,
    ) -> (Self, DomainEvent) {
        let event = DomainEvent::TenantCreated {
            tenant_id: id,
            slug: slug.to_string(),
            name: name.to_string(),
        };
        (
            Self {
                id,
                name,
                slug,
                country,
                created_at: now,
            },
            event,
        )
    }
}

impl Entity for Tenant {
    const KIND: EntityKind = EntityKind::Tenant;

    fn uuid(&self) -> Uuid {
        self.id.uuid()
    }

    fn state_name(&self) -> &'static str {
        "active"
    }
}

/// Somebody who administers a tenant: known by address, then also by user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TenantAdmin {
    /// Its id.
    pub id: TenantAdminId,
    /// Of what.
    pub tenant_id: TenantId,
    /// Their address, unique within the tenant.
    pub email: Email,
    /// Their user; absent while the admin is pending.
    pub user_id: Option<UserId>,
}

impl TenantAdmin {
    /// Adds an admin: active with a user, pending without.
    pub fn new(
        id: TenantAdminId,
        tenant_id: TenantId,
        email: Email,
        user_id: Option<UserId>,
    ) -> (Self, DomainEvent) {
        let event = DomainEvent::TenantAdminAdded {
            admin_id: id,
            tenant_id,
        };
        (
            Self {
                id,
                tenant_id,
                email,
                user_id,
            },
            event,
        )
    }

    /// Gives a pending admin its user; the first one stays.
    pub fn link_user(&self, user_id: UserId) -> Transition<Self> {
        if self.user_id.is_some() {
            return Transition::AlreadyApplied;
        }
        let event = DomainEvent::TenantAdminLinked {
            admin_id: self.id,
            tenant_id: self.tenant_id,
            user_id,
        };
        Transition::Applied {
            next: Self {
                user_id: Some(user_id),
                ..self.clone()
            },
            event,
        }
    }
}

impl Entity for TenantAdmin {
    const KIND: EntityKind = EntityKind::TenantAdmin;

    fn uuid(&self) -> Uuid {
        self.id.uuid()
    }

    fn state_name(&self) -> &'static str {
        if self.user_id.is_some() {
            "active"
        } else {
            "pending"
        }
    }
}
