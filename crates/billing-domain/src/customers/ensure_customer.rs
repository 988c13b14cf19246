//! Gives an owner their one customer at the provider (B-044, B-045): first the row, then the call,
//! then the link, so that a crash or a race ends in one customer.

use std::sync::Arc;

use super::customer::{BillingCustomer, CustomerOwner};
use super::ports::CustomerReader;
use crate::checkout::ports::{CheckoutProvider, CustomerOrder};
use crate::kernel::change_set::{Cause, ChangeSet};
use crate::kernel::email::Email;
use crate::kernel::failure::StoreFailure;
use crate::kernel::ports::{ATTEMPTS_MAX, Core};
use crate::kernel::provider::ProviderError;
use crate::kernel::stored::{Stored, Version};
use crate::kernel::text::{CompanyName, ProviderRef};

/// Why there is no customer (yet).
#[derive(Debug, thiserror::Error)]
pub enum EnsureCustomerError {
    /// The provider.
    #[error(transparent)]
    Provider(#[from] ProviderError),
    /// Storage.
    #[error(transparent)]
    Store(#[from] StoreFailure),
}

/// Finds or creates customers.
pub struct EnsureCustomer {
    /// Write, time and ids.
    pub core: Core,
    /// Reads customers.
    pub customers: Arc<dyn CustomerReader>,
    /// The provider.
    pub provider: Arc<dyn CheckoutProvider>,
}

impl EnsureCustomer {
    /// Gives the provider's customer of an owner. The address and name count for a new one only.
    ///
    /// # Errors
    /// [`EnsureCustomerError`]; what was begun is resumed by the next call.
    pub async fn run(
        &self,
        owner: CustomerOwner,
        email: &Email,
        name: Option<&CompanyName>,
        cause: &Cause,
    ) -> Result<ProviderRef, EnsureCustomerError> {
        for _ in 0..ATTEMPTS_MAX {
            match self.run_once(owner, email, name, cause).await {
                Err(EnsureCustomerError::Store(failure)) if failure.asks_to_decide_again() => {}
                decided => return decided,
            }
        }
        Err(StoreFailure::Conflict.into())
    }

    async fn run_once(
        &self,
        owner: CustomerOwner,
        email: &Email,
        name: Option<&CompanyName>,
        cause: &Cause,
    ) -> Result<ProviderRef, EnsureCustomerError> {
        let known = self
            .customers
            .customer_of(owner)
            .await
            .map_err(StoreFailure::from)?;
        let customer = match known {
            Some(known) => known,
            None => self.request(owner, email, name, cause).await?,
        };
        if let Some(provider_id) = customer.value.provider_id() {
            return Ok(provider_id.clone());
        }
        let order = CustomerOrder {
            customer_id: customer.value.id,
            email: customer.value.email.clone(),
            name: customer.value.name.clone(),
            idempotency_key: customer.value.provider_key(),
        };
        let provider_id = self.provider.ensure_customer(&order).await?;
        let now = self.core.now();
        let transition = customer
            .value
            .link(provider_id.clone(), now)
            .map_err(|error| StoreFailure::Inconsistent(Box::new(error)))?;
        let changes =
            ChangeSet::caused_by(cause.clone(), now).change_customer(&customer, transition);
        self.core
            .writer
            .commit(changes)
            .await
            .map_err(StoreFailure::from)?;
        Ok(provider_id)
    }

    async fn request(
        &self,
        owner: CustomerOwner,
        email: &Email,
        name: Option<&CompanyName>,
        cause: &Cause,
    ) -> Result<Stored<BillingCustomer>, EnsureCustomerError> {
        let now = self.core.now();
        let (customer, event) =
            BillingCustomer::new(self.core.id(), owner, email.clone(), name.cloned(), now);
        let changes =
            ChangeSet::caused_by(cause.clone(), now).insert_customer(customer.clone(), event);
        self.core
            .writer
            .commit(changes)
            .await
            .map_err(StoreFailure::from)?;
        Ok(Stored::restore(customer, Version::FIRST))
    }
}

#[cfg(test)]
mod tests;
