//! What the customers' use cases need from outside.

use async_trait::async_trait;

use super::customer::{BillingCustomer, CustomerOwner};
use crate::kernel::ports::StoreError;
use crate::kernel::stored::Stored;
use crate::kernel::text::ProviderRef;

/// Reads customers.
#[cfg_attr(feature = "testing", mockall::automock)]
#[async_trait]
pub trait CustomerReader: Send + Sync {
    /// The one customer of an owner.
    async fn customer_of(
        &self,
        owner: CustomerOwner,
    ) -> Result<Option<Stored<BillingCustomer>>, StoreError>;

    /// The customer that the provider knows by this id.
    async fn customer_by_provider_id(
        &self,
        id: &ProviderRef,
    ) -> Result<Option<Stored<BillingCustomer>>, StoreError>;
}
