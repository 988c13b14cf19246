//! What licensing's use cases need from outside.

use async_trait::async_trait;

use super::agreement::{Catalog, CustomerAgreement};
use super::license::License;
use super::plan::SubscriptionPlan;
use crate::kernel::email::Email;
use crate::kernel::id::{LicenseId, PlanId, ProductId, TenantId, UserId, WorkflowId};
use crate::kernel::page::{Page, PageRequest};
use crate::kernel::ports::StoreError;
use crate::kernel::stored::Stored;
use crate::kernel::text::ActivationKey;

/// How many licences of a plan are in each state.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LicenseCounts {
    /// Nobody has them.
    pub unassigned: u32,
    /// Somebody was invited.
    pub assigned: u32,
    /// Somebody uses them.
    pub activated: u32,
    /// Taken back.
    pub revoked: u32,
}

impl LicenseCounts {
    /// All but the revoked ones.
    pub fn live(&self) -> u32 {
        self.unassigned
            .saturating_add(self.assigned)
            .saturating_add(self.activated)
    }
}

/// Reads what provisioning builds.
#[cfg_attr(feature = "testing", mockall::automock)]
#[async_trait]
pub trait LicensingReader: Send + Sync {
    /// The catalogue of a tenant for a product.
    async fn catalog_of(
        &self,
        tenant: TenantId,
        product: ProductId,
    ) -> Result<Option<Stored<Catalog>>, StoreError>;

    /// The agreement of a tenant.
    async fn agreement_of(
        &self,
        tenant: TenantId,
    ) -> Result<Option<Stored<CustomerAgreement>>, StoreError>;

    /// The plan that a workflow made.
    async fn plan_of(
        &self,
        workflow: WorkflowId,
    ) -> Result<Option<Stored<SubscriptionPlan>>, StoreError>;

    /// How many licences a plan has.
    async fn license_counts(&self, plan: PlanId) -> Result<LicenseCounts, StoreError>;

    /// The activated licences of a plan with their users.
    async fn activated_licenses(
        &self,
        plan: PlanId,
    ) -> Result<Vec<(Stored<License>, UserId)>, StoreError>;
}

/// Reads licences for those who hand them out and use them.
#[cfg_attr(feature = "testing", mockall::automock)]
#[async_trait]
pub trait LicenseReader: Send + Sync {
    /// A plan.
    async fn plan(&self, id: PlanId) -> Result<Option<Stored<SubscriptionPlan>>, StoreError>;

    /// The plans of a tenant, oldest first.
    async fn plans_of(&self, tenant: TenantId)
    -> Result<Vec<Stored<SubscriptionPlan>>, StoreError>;

    /// The licences of a plan by id.
    async fn licenses(
        &self,
        plan: PlanId,
        page: &PageRequest,
    ) -> Result<Page<Stored<License>>, StoreError>;

    /// One licence.
    async fn license(&self, id: LicenseId) -> Result<Option<Stored<License>>, StoreError>;

    /// The first `limit` unassigned licences of a plan by id.
    async fn unassigned_licenses(
        &self,
        plan: PlanId,
        limit: u32,
    ) -> Result<Vec<Stored<License>>, StoreError>;

    /// The assigned or activated licences of a plan that belong to one of these addresses.
    async fn licenses_of_emails(
        &self,
        plan: PlanId,
        emails: &[Email],
    ) -> Result<Vec<Stored<License>>, StoreError>;

    /// The licence with this key, whatever its state.
    async fn license_by_key(
        &self,
        key: &ActivationKey,
    ) -> Result<Option<Stored<License>>, StoreError>;
}
