//! What entitlement use cases need from outside.

use async_trait::async_trait;

use super::entitlement::{Entitlement, EntitlementSource};
use crate::kernel::id::UserId;
use crate::kernel::ports::StoreError;
use crate::kernel::stored::Stored;

/// Reads entitlements.
#[cfg_attr(feature = "testing", mockall::automock)]
#[async_trait]
pub trait EntitlementReader: Send + Sync {
    /// Every row of a user, whatever its state.
    async fn entitlements_of(&self, user: UserId) -> Result<Vec<Stored<Entitlement>>, StoreError>;

    /// Every row that comes from a source.
    async fn entitlements_from(
        &self,
        source: EntitlementSource,
    ) -> Result<Vec<Stored<Entitlement>>, StoreError>;
}
