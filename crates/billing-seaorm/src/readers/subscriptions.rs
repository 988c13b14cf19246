//! Reads the mirrors of the provider's subscriptions.

use async_trait::async_trait;
use billing_domain::kernel::ports::StoreError;
use billing_domain::kernel::stored::Stored;
use billing_domain::kernel::text::ProviderRef;
use billing_domain::subscriptions::ports::SubscriptionReader;
use billing_domain::subscriptions::subscription::Subscription;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};

use crate::rows::subscription::{Column, Entity};
use crate::store::SeaOrmStore;

#[async_trait]
impl SubscriptionReader for SeaOrmStore {
    async fn subscription(
        &self,
        provider_id: &ProviderRef,
    ) -> Result<Option<Stored<Subscription>>, StoreError> {
        self.first(Entity::find().filter(Column::ProviderId.eq(provider_id.as_str())))
            .await
    }
}
