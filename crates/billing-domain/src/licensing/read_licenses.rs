//! Shows plans and licences to those who administer them.

use std::sync::Arc;

use super::license::License;
use super::plan::SubscriptionPlan;
use super::ports::{LicenseCounts, LicenseReader, LicensingReader};
use crate::kernel::failure::StoreFailure;
use crate::kernel::id::{PlanId, TenantId};
use crate::kernel::page::{Page, PageRequest};
use crate::kernel::principal::Principal;
use crate::tenants::authority::administers;
use crate::tenants::ports::TenantReader;

/// Why nothing is shown.
#[derive(Debug, thiserror::Error)]
pub enum ReadLicensesError {
    /// No such plan or tenant, or it is somebody else's.
    #[error("there is no such plan")]
    NotFound,
    /// Storage.
    #[error(transparent)]
    Store(#[from] StoreFailure),
}

/// Reads plans and licences.
pub struct ReadLicenses {
    /// Reads them.
    pub licenses: Arc<dyn LicenseReader>,
    /// Counts them.
    pub licensing: Arc<dyn LicensingReader>,
    /// Reads admins.
    pub tenants: Arc<dyn TenantReader>,
}

impl ReadLicenses {
    /// A plan with the number of its licences in each state.
    ///
    /// # Errors
    /// [`ReadLicensesError`].
    pub async fn run(
        &self,
        principal: &Principal,
        plan: PlanId,
    ) -> Result<(SubscriptionPlan, LicenseCounts), ReadLicensesError> {
        let plan = self.plan(principal, plan).await?;
        let counts = self
            .licensing
            .license_counts(plan.id)
            .await
            .map_err(StoreFailure::from)?;
        Ok((plan, counts))
    }

    /// One page of a plan's licences.
    ///
    /// # Errors
    /// [`ReadLicensesError`].
    pub async fn list(
        &self,
        principal: &Principal,
        plan: PlanId,
        page: &PageRequest,
    ) -> Result<Page<License>, ReadLicensesError> {
        let plan = self.plan(principal, plan).await?;
        let page = self
            .licenses
            .licenses(plan.id, page)
            .await
            .map_err(StoreFailure::from)?;
        Ok(Page {
            items: page.items.into_iter().map(|stored| stored.value).collect(),
            next: page.next,
        })
    }

    /// The plans of a tenant, oldest first.
    ///
    /// # Errors
    /// [`ReadLicensesError`].
    pub async fn plans(
        &self,
        principal: &Principal,
        tenant: TenantId,
    ) -> Result<Vec<SubscriptionPlan>, ReadLicensesError> {
        self.check(principal, tenant).await?;
        let plans = self
            .licenses
            .plans_of(tenant)
            .await
            .map_err(StoreFailure::from)?;
        Ok(plans.into_iter().map(|stored| stored.value).collect())
    }

    async fn plan(
        &self,
        principal: &Principal,
        id: PlanId,
    ) -> Result<SubscriptionPlan, ReadLicensesError> {
        let plan = self.licenses.plan(id).await.map_err(StoreFailure::from)?;
        let plan = plan.ok_or(ReadLicensesError::NotFound)?.value;
        self.check(principal, plan.tenant_id).await?;
        Ok(plan)
    }

    async fn check(
        &self,
        principal: &Principal,
        tenant: TenantId,
    ) -> Result<(), ReadLicensesError> {
        let may = administers(self.tenants.as_ref(), principal, tenant)
            .await
            .map_err(StoreFailure::from)?;
        if may {
            Ok(())
        } else {
            Err(ReadLicensesError::NotFound)
        }
    }
}
