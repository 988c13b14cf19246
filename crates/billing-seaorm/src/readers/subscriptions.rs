//! Reads the mirrors of the provider's subscriptions.

use async_trait::async_trait;
use billing_domain::kernel::ports::StoreError;
use billing_domain::kernel::stored::Stored;
use billing_domain::kernel::text::ProviderRef;
use billing_domain::subscriptions::ports::SubscriptionReader;
use billing_domain::subscriptions::subscription::Subscription;

use crate::store::SeaOrmStore;

#[async_trait]
impl SubscriptionReader for SeaOrmStore {
    async fn subscription(
        &self,
        provider_id: &ProviderRef,
    ) -> Result<Option<Stored<Subscription>>, StoreError> {
        let mirrors = &self.meetings().subscriptions;
        mirrors.get(self, provider_id.to_string()).await
    }
}
