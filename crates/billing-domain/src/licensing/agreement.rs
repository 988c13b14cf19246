//! A customer's agreement and catalogue: one of each per tenant.

use uuid::Uuid;

use crate::kernel::audit::{Entity, EntityKind};
use crate::kernel::event::DomainEvent;
use crate::kernel::id::{AgreementId, CatalogId, ProductId, TenantId};
use crate::kernel::text::Title;
use crate::kernel::timestamp::Timestamp;

/// What the tenant's members may choose from: unique by (tenant, product).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Catalog {
    /// Its id.
    pub id: CatalogId,
    /// Whose.
    pub tenant_id: TenantId,
    /// What people read; "{customer} Subscription Catalog" by default.
    pub title: Title,
    /// The product from which the content is inferred.
    pub product_id: ProductId,
    /// When it was created.
    pub created_at: Timestamp,
}

impl Catalog {
    /// Creates a catalogue.
    pub fn new(
        id: CatalogId,
        tenant_id: TenantId,
        title: Title,
        product_id: ProductId,
        now: Timestamp,
    ) -> (Self, DomainEvent) {
        (
            Self {
                id,
                tenant_id,
                title,
                product_id,
                created_at: now,
            },
            DomainEvent::CatalogCreated {
                catalog_id: id,
                tenant_id,
            },
        )
    }
}

impl Entity for Catalog {
    const KIND: EntityKind = EntityKind::Catalog;

    fn uuid(&self) -> Uuid {
        self.id.uuid()
    }

    fn state_name(&self) -> &'static str {
        "active"
    }
}

/// Under what a tenant holds its plans: unique by tenant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CustomerAgreement {
    /// Its id.
    pub id: AgreementId,
    /// Whose.
    pub tenant_id: TenantId,
    /// What plans use that name no catalogue of their own.
    pub default_catalog_id: CatalogId,
    /// When it was made.
    pub created_at: Timestamp,
}

impl CustomerAgreement {
    /// Makes an agreement.
    pub fn new(
        id: AgreementId,
        tenant_id: TenantId,
        default_catalog_id: CatalogId,
        now: Timestamp,
    ) -> (Self, DomainEvent) {
        (
            Self {
                id,
                tenant_id,
                default_catalog_id,
                created_at: now,
            },
            DomainEvent::AgreementCreated {
                agreement_id: id,
                tenant_id,
            },
        )
    }
}

impl Entity for CustomerAgreement {
    const KIND: EntityKind = EntityKind::Agreement;

    fn uuid(&self) -> Uuid {
        self.id.uuid()
    }

    fn state_name(&self) -> &'static str {
        "active"
    }
}
