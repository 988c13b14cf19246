//! Brings the catalogue in line with a plan file: products by lookup key, prices from the provider
//! . Running it again changes nothing.

use std::sync::Arc;

use super::ports::{CatalogReader, PriceName, PriceProvider, ProviderPrice};
use super::price::Price;
use super::product::{Product, ProductKind, QuantityRange};
use crate::kernel::change_set::{Cause, ChangeSet};
use crate::kernel::event::DomainEvent;
use crate::kernel::failure::StoreFailure;
use crate::kernel::id::{ProductId, ProjectId};
use crate::kernel::ports::{ATTEMPTS_MAX, Core};
use crate::kernel::provider::ProviderError;
use crate::kernel::text::{FeatureCode, LookupKey, Title};
use crate::provider_events::ports::PartyProvider;
use crate::provider_events::reports::CatalogueItem;

/// One product of a plan file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlannedProduct {
    /// What kind.
    pub kind: ProductKind,
    /// What people read.
    pub name: Title,
    /// The lookup key of its price at the provider.
    pub lookup_key: LookupKey,
    /// What its buyers may use.
    pub feature_codes: Vec<FeatureCode>,
    /// How many may be bought at once.
    pub quantity: QuantityRange,
}

/// Why the catalogue is not in line.
#[derive(Debug, thiserror::Error)]
pub enum SyncCatalogError {
    /// A configured key is on no active price.
    #[error("the payment provider has no active price with lookup key `{0}`")]
    MissingPrice(LookupKey),
    /// The provider.
    #[error(transparent)]
    Provider(#[from] ProviderError),
    /// Storage.
    #[error(transparent)]
    Store(#[from] StoreFailure),
}

/// Synchronises the catalogue.
pub struct SyncCatalog {
    /// Write and ids.
    pub core: Core,
    /// Reads our catalogue.
    pub catalog: Arc<dyn CatalogReader>,
    /// Reads the provider's.
    pub prices: Arc<dyn PriceProvider>,
    /// Tells what the provider sells at all.
    pub parties: Arc<dyn PartyProvider>,
}

impl SyncCatalog {
    /// Creates or updates each product and its price; gives how many rows changed.
    ///
    /// # Errors
    /// [`SyncCatalogError`]; products before the failing one are in line.
    pub async fn run(
        &self,
        project: ProjectId,
        plan: &[PlannedProduct],
    ) -> Result<u32, SyncCatalogError> {
        let mut changed: u32 = 0;
        for planned in plan {
            let keys = [planned.lookup_key.clone()];
            let prices = self.prices.prices_by_lookup_key(&keys).await?;
            let price = prices
                .into_iter()
                .find(|price| price.lookup_key.as_ref() == Some(&planned.lookup_key));
            let price =
                price.ok_or_else(|| SyncCatalogError::MissingPrice(planned.lookup_key.clone()))?;
            changed = changed.saturating_add(self.sync(project, planned, &price).await?);
        }
        Ok(changed)
    }

    async fn sync(
        &self,
        project: ProjectId,
        planned: &PlannedProduct,
        price: &ProviderPrice,
    ) -> Result<u32, SyncCatalogError> {
        // What an attempt has retired stays retired when the rest of it is decided again.
        let mut retired: u32 = 0;
        for _ in 0..ATTEMPTS_MAX {
            match self.sync_once(project, planned, price, &mut retired).await {
                Ok(changed) => return Ok(changed.saturating_add(retired)),
                Err(SyncCatalogError::Store(failure)) if failure.asks_to_decide_again() => {}
                Err(error) => return Err(error),
            }
        }
        Err(StoreFailure::Conflict.into())
    }

    async fn sync_once(
        &self,
        project: ProjectId,
        planned: &PlannedProduct,
        price: &ProviderPrice,
        retired: &mut u32,
    ) -> Result<u32, SyncCatalogError> {
        if self.retire_moved(planned, price).await? {
            *retired = retired.saturating_add(1);
        }
        let changes = ChangeSet::caused_by(Cause::Job("sync_catalog"), self.core.now());
        let (changes, product_id) = self.sync_product(changes, project, planned, price).await?;
        let changes = self.sync_price(changes, product_id, planned, price).await?;
        let count = u32::try_from(changes.changes().len()).unwrap_or(u32::MAX);
        if count > 0 {
            self.core
                .writer
                .commit(changes)
                .await
                .map_err(StoreFailure::from)?;
        }
        Ok(count)
    }

    async fn sync_product(
        &self,
        changes: ChangeSet,
        project_id: ProjectId,
        planned: &PlannedProduct,
        price: &ProviderPrice,
    ) -> Result<(ChangeSet, ProductId), SyncCatalogError> {
        let known = self
            .catalog
            .product_by_provider_id(&price.product)
            .await
            .map_err(StoreFailure::from)?;
        let id = known
            .as_ref()
            .map_or_else(|| self.core.id(), |known| known.value.id);
        // What was archived there is not sold here, although its price is active. Read after the row,
        // as its events do: whoever read the older truth meets a conflict.
        let item = self
            .parties
            .catalogue_item(CatalogueItem::Product, &price.product)
            .await?;
        let is_active = item.is_some_and(|item| item.is_active);
        let product = Product {
            id,
            project_id,
            kind: planned.kind,
            name: planned.name.clone(),
            provider_id: price.product.clone(),
            feature_codes: planned.feature_codes.clone(),
            quantity: planned.quantity,
            is_active,
        };
        let changes = match known {
            Some(known) => {
                let transition = known.value.describe(product);
                changes.change_product(&known, transition)
            }
            None => changes.insert_product(product, DomainEvent::ProductChanged { product_id: id }),
        };
        Ok((changes, id))
    }

    /// A price is immutable: when the key has moved to another one at the provider, ours moves too
    /// and the old one is no longer sold. Whether there was an old one.
    async fn retire_moved(
        &self,
        planned: &PlannedProduct,
        price: &ProviderPrice,
    ) -> Result<bool, SyncCatalogError> {
        let holder = PriceName::LookupKey(planned.lookup_key.clone());
        let holder = self
            .catalog
            .price(&holder)
            .await
            .map_err(StoreFailure::from)?;
        let Some(holder) = holder.filter(|holder| holder.value.provider_id != price.id) else {
            return Ok(false);
        };
        let retired = Price {
            is_active: false,
            lookup_key: None,
            ..holder.value.clone()
        };
        let transition = holder.value.describe(retired);
        // In a commit of its own, so that the key is free whatever the order of the rows.
        let retire = ChangeSet::caused_by(Cause::Job("sync_catalog"), self.core.now())
            .change_price(&holder, transition);
        self.core
            .writer
            .commit(retire)
            .await
            .map_err(StoreFailure::from)?;
        Ok(true)
    }

    async fn sync_price(
        &self,
        mut changes: ChangeSet,
        product_id: ProductId,
        planned: &PlannedProduct,
        price: &ProviderPrice,
    ) -> Result<ChangeSet, SyncCatalogError> {
        let known = PriceName::Provider(price.id.clone());
        let known = self
            .catalog
            .price(&known)
            .await
            .map_err(StoreFailure::from)?;
        let id = known
            .as_ref()
            .map_or_else(|| self.core.id(), |known| known.value.id);
        let wanted = Price {
            id,
            product_id,
            provider_id: price.id.clone(),
            lookup_key: Some(planned.lookup_key.clone()),
            unit_amount: price.unit_amount,
            period: price.period,
            is_active: true,
        };
        changes = match known {
            Some(known) => {
                let transition = known.value.describe(wanted);
                changes.change_price(&known, transition)
            }
            None => changes.insert_price(
                wanted,
                DomainEvent::PriceChanged {
                    price_id: id,
                    product_id,
                },
            ),
        };
        Ok(changes)
    }
}

#[cfg(test)]
mod tests;
