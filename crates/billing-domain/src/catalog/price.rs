//! A price: what one unit of a product costs, and how often.

use uuid::Uuid;

use crate::kernel::audit::{Entity, EntityKind};
use crate::kernel::event::DomainEvent;
use crate::kernel::id::{PriceId, ProductId};
use crate::kernel::money::Money;
use crate::kernel::text::{LookupKey, ProviderRef};
use crate::kernel::transition::Transition;

/// How often a price is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum BillingPeriod {
    OneTime,
    Monthly,
    Quarterly,
    Yearly,
}

impl BillingPeriod {
    /// Every period.
    pub const ALL: [Self; 4] = [Self::OneTime, Self::Monthly, Self::Quarterly, Self::Yearly];

    /// The name in storage.
    pub fn name(&self) -> &'static str {
        match self {
            Self::OneTime => "one_time",
            Self::Monthly => "monthly",
            Self::Quarterly => "quarterly",
            Self::Yearly => "yearly",
        }
    }

    /// Reads the name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|period| period.name() == name)
    }

    /// Whether it is due again and again.
    pub fn is_recurring(&self) -> bool {
        match self {
            Self::OneTime => false,
            Self::Monthly | Self::Quarterly | Self::Yearly => true,
        }
    }
}

/// One price of one product.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Price {
    /// Its id.
    pub id: PriceId,
    /// Of what.
    pub product_id: ProductId,
    /// The provider's price.
    pub provider_id: ProviderRef,
    /// The configured name; one active price has it.
    pub lookup_key: Option<LookupKey>,
    /// What one unit costs per period.
    pub unit_amount: Money,
    /// How often.
    pub period: BillingPeriod,
    /// Whether it can be bought.
    pub is_active: bool,
}

impl Price {
    /// Takes over an edited description; nothing if it says the same.
    pub fn describe(&self, edited: Self) -> Transition<Self> {
        if edited == *self {
            return Transition::AlreadyApplied;
        }
        let event = DomainEvent::PriceChanged {
            price_id: self.id,
            product_id: self.product_id,
        };
        Transition::Applied {
            event,
            next: edited,
        }
    }
}

impl Entity for Price {
    const KIND: EntityKind = EntityKind::Price;

    fn uuid(&self) -> Uuid {
        self.id.uuid()
    }

    fn state_name(&self) -> &'static str {
        if self.is_active { "active" } else { "inactive" }
    }
}
