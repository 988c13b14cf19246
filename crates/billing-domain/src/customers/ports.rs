//! What the customers' use cases need from outside.

use async_trait::async_trait;

use super::customer::{BillingCustomer, CustomerOwner};
use crate::kernel::ports::StoreError;
use crate::kernel::stored::Stored;

/// Reads customers.
#[cfg_attr(feature = "testing", mockall::automock)]
#[async_trait]
pub trait CustomerReader: Send + Sync {
    /// The one customer of an owner.
    async fn customer_of(
        &self,
        owner: CustomerOwner,
    ) -> Result<Option<Stored<BillingCustomer>>, StoreError>;
}
