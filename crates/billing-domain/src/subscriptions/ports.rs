//! What applying subscription events needs from outside.

use async_trait::async_trait;

use super::subscription::Subscription;
use crate::kernel::ports::StoreError;
use crate::kernel::stored::Stored;
use crate::kernel::text::ProviderRef;

/// Reads mirrors.
#[cfg_attr(feature = "testing", mockall::automock)]
#[async_trait]
pub trait SubscriptionReader: Send + Sync {
    /// The mirror of a subscription of the provider.
    async fn subscription(
        &self,
        provider_id: &ProviderRef,
    ) -> Result<Option<Stored<Subscription>>, StoreError>;
}
