//! A product: what a buyer gets, and how many of it may be bought at once.

use uuid::Uuid;

use crate::kernel::audit::{Entity, EntityKind};
use crate::kernel::event::DomainEvent;
use crate::kernel::id::{ProductId, ProjectId};
use crate::kernel::text::{FeatureCode, ProviderRef, Title};
use crate::kernel::transition::Transition;

/// What kind of thing it is (F.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are those of the specification")]
pub enum ProductKind {
    Course,
    LicensePack,
    Feature,
    TenantPlan,
}

impl ProductKind {
    /// Every kind.
    pub const ALL: [Self; 4] = [
        Self::Course,
        Self::LicensePack,
        Self::Feature,
        Self::TenantPlan,
    ];

    /// The name in storage and in plan files.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Course => "course",
            Self::LicensePack => "licence_pack",
            Self::Feature => "feature",
            Self::TenantPlan => "tenant_plan",
        }
    }

    /// Reads the name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

/// How many may be bought at once: `min..=max`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QuantityRange {
    /// At least.
    pub min: u32,
    /// At most.
    pub max: u32,
}

impl QuantityRange {
    /// Whether a number of units may be bought.
    pub fn contains(&self, count: u32) -> bool {
        (self.min..=self.max).contains(&count)
    }
}

/// One product of one project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Product {
    /// Its id.
    pub id: ProductId,
    /// Whose.
    pub project_id: ProjectId,
    /// What kind.
    pub kind: ProductKind,
    /// What people read.
    pub name: Title,
    /// The provider's product.
    pub provider_id: ProviderRef,
    /// What its buyers may use.
    pub feature_codes: Vec<FeatureCode>,
    /// How many at once.
    pub quantity: QuantityRange,
    /// Whether it can be bought.
    pub is_active: bool,
}

impl Product {
    /// Takes over an edited description; nothing if it says the same.
    pub fn describe(&self, edited: Self) -> Transition<Self> {
        if edited == *self {
            return Transition::AlreadyApplied;
        }
        Transition::Applied {
            event: DomainEvent::ProductChanged {
                product_id: self.id,
            },
            next: edited,
        }
    }
}

impl Entity for Product {
    const KIND: EntityKind = EntityKind::Product;

    fn uuid(&self) -> Uuid {
        self.id.uuid()
    }

    fn state_name(&self) -> &'static str {
        if self.is_active { "active" } else { "inactive" }
    }
}
