//! Reads products and prices.

use async_trait::async_trait;
use billing_domain::catalog::ports::{CatalogReader, PriceName};
use billing_domain::catalog::price::Price;
use billing_domain::catalog::product::Product;
use billing_domain::kernel::id::ProductId;
use billing_domain::kernel::ports::StoreError;
use billing_domain::kernel::stored::Stored;
use billing_domain::kernel::text::ProviderRef;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};

use crate::rows::{price, product};
use crate::store::SeaOrmStore;

#[async_trait]
impl CatalogReader for SeaOrmStore {
    async fn price(&self, name: &PriceName) -> Result<Option<Stored<Price>>, StoreError> {
        let named = match name {
            PriceName::Id(id) => price::Entity::find().filter(price::Column::Id.eq(id.uuid())),
            PriceName::Provider(id) => {
                price::Entity::find().filter(price::Column::ProviderId.eq(id.as_str()))
            }
            PriceName::LookupKey(key) => price::Entity::find()
                .filter(price::Column::LookupKey.eq(key.as_str()))
                .filter(price::Column::IsActive.eq(true)),
        };
        self.first(named).await
    }

    async fn product(&self, id: ProductId) -> Result<Option<Stored<Product>>, StoreError> {
        self.by_id::<product::Entity>(id.uuid()).await
    }

    async fn product_by_provider_id(
        &self,
        id: &ProviderRef,
    ) -> Result<Option<Stored<Product>>, StoreError> {
        self.first(product::Entity::find().filter(product::Column::ProviderId.eq(id.as_str())))
            .await
    }
}
