//! Reads entitlements.

use async_trait::async_trait;
use billing_domain::entitlements::entitlement::{Entitlement, EntitlementSource};
use billing_domain::entitlements::ports::EntitlementReader;
use billing_domain::kernel::id::UserId;
use billing_domain::kernel::ports::StoreError;
use billing_domain::kernel::stored::Stored;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder};

use crate::rows::entitlement::{Column, Entity, source_id};
use crate::store::SeaOrmStore;

#[async_trait]
impl EntitlementReader for SeaOrmStore {
    async fn entitlements_of(&self, user: UserId) -> Result<Vec<Stored<Entitlement>>, StoreError> {
        let owned = Entity::find()
            .filter(Column::UserId.eq(user.uuid()))
            .order_by_asc(Column::Id);
        self.all(owned).await
    }

    async fn entitlements_from(
        &self,
        source: EntitlementSource,
    ) -> Result<Vec<Stored<Entitlement>>, StoreError> {
        let granted = Entity::find()
            .filter(Column::SourceKind.eq(source.kind()))
            .filter(Column::SourceId.eq(source_id(source)))
            .order_by_asc(Column::Id);
        self.all(granted).await
    }
}
