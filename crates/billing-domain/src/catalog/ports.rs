//! What the catalogue's use cases need from outside.

use async_trait::async_trait;

use super::price::{BillingPeriod, Price};
use super::product::Product;
use crate::kernel::id::{PriceId, ProductId};
use crate::kernel::money::Money;
use crate::kernel::ports::StoreError;
use crate::kernel::provider::ProviderError;
use crate::kernel::stored::Stored;
use crate::kernel::text::{LookupKey, ProviderRef};

/// A price by any of its names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PriceName {
    /// Our id.
    Id(PriceId),
    /// The provider's id.
    Provider(ProviderRef),
    /// The configured name of the active price.
    LookupKey(LookupKey),
}

/// Reads the catalogue.
#[cfg_attr(feature = "testing", mockall::automock)]
#[async_trait]
pub trait CatalogReader: Send + Sync {
    /// A price, active or not.
    async fn price(&self, name: &PriceName) -> Result<Option<Stored<Price>>, StoreError>;

    /// A product.
    async fn product(&self, id: ProductId) -> Result<Option<Stored<Product>>, StoreError>;

    /// The product that mirrors one of the provider's.
    async fn product_by_provider_id(
        &self,
        id: &ProviderRef,
    ) -> Result<Option<Stored<Product>>, StoreError>;
}

/// A usable price at the provider: active, per unit, licensed if it recurs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProviderPrice {
    /// Its id.
    pub id: ProviderRef,
    /// Its product's id.
    pub product: ProviderRef,
    /// Its lookup key.
    pub lookup_key: Option<LookupKey>,
    /// What one unit costs.
    pub unit_amount: Money,
    /// How often.
    pub period: BillingPeriod,
}

/// Reads the provider's catalogue.
#[cfg_attr(feature = "testing", mockall::automock)]
#[async_trait]
pub trait PriceProvider: Send + Sync {
    /// The active prices that have these lookup keys (at most 10). A price that is not usable
    /// is [`ProviderError::Rejected`] with the reason.
    async fn prices_by_lookup_key(
        &self,
        keys: &[LookupKey],
    ) -> Result<Vec<ProviderPrice>, ProviderError>;
}
