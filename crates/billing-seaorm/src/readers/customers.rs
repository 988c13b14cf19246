//! Reads billing customers.

use async_trait::async_trait;
use billing_domain::customers::customer::{BillingCustomer, CustomerOwner};
use billing_domain::customers::ports::CustomerReader;
use billing_domain::kernel::ports::StoreError;
use billing_domain::kernel::stored::Stored;
use billing_domain::kernel::text::ProviderRef;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};

use crate::rows::customer::{Column, Entity, owner_cells};
use crate::store::SeaOrmStore;

#[async_trait]
impl CustomerReader for SeaOrmStore {
    async fn customer_of(
        &self,
        owner: CustomerOwner,
    ) -> Result<Option<Stored<BillingCustomer>>, StoreError> {
        let (kind, id) = owner_cells(owner);
        let owned = Entity::find()
            .filter(Column::OwnerKind.eq(kind))
            .filter(Column::OwnerId.eq(id));
        self.first(owned).await
    }

    async fn customer_by_provider_id(
        &self,
        id: &ProviderRef,
    ) -> Result<Option<Stored<BillingCustomer>>, StoreError> {
        self.first(Entity::find().filter(Column::ProviderId.eq(id.as_str())))
            .await
    }
}
