//! Agreements, plans and licences in memory.

use async_trait::async_trait;

use super::unique::assignment;
use super::{MemoryStore, page_of, rows_max};
use crate::kernel::email::Email;
use crate::kernel::id::{LicenseId, PlanId, ProductId, TenantId, UserId, WorkflowId};
use crate::kernel::page::{Page, PageRequest};
use crate::kernel::ports::StoreError;
use crate::kernel::stored::Stored;
use crate::kernel::text::ActivationKey;
use crate::licensing::agreement::{Catalog, CustomerAgreement};
use crate::licensing::license::{Assignment, License, LicenseState};
use crate::licensing::plan::SubscriptionPlan;
use crate::licensing::ports::{LicenseCounts, LicenseReader, LicensingReader};

#[async_trait]
impl LicensingReader for MemoryStore {
    async fn catalog_of(
        &self,
        tenant: TenantId,
        product: ProductId,
    ) -> Result<Option<Stored<Catalog>>, StoreError> {
        self.find("catalog_of", |catalog: &Catalog| {
            catalog.tenant_id == tenant && catalog.product_id == product
        })
    }

    async fn agreement_of(
        &self,
        tenant: TenantId,
    ) -> Result<Option<Stored<CustomerAgreement>>, StoreError> {
        self.find("agreement_of", |agreement: &CustomerAgreement| {
            agreement.tenant_id == tenant
        })
    }

    async fn plan_of(
        &self,
        workflow: WorkflowId,
    ) -> Result<Option<Stored<SubscriptionPlan>>, StoreError> {
        self.find("plan_of", |plan: &SubscriptionPlan| {
            plan.workflow_id == Some(workflow)
        })
    }

    async fn license_counts(&self, plan: PlanId) -> Result<LicenseCounts, StoreError> {
        let rows = self.select("license_counts", |license: &License| {
            license.plan_id == plan
        })?;
        let mut counts = LicenseCounts::default();
        for row in rows {
            let count = match row.value.state {
                LicenseState::Unassigned => &mut counts.unassigned,
                LicenseState::Assigned(_) => &mut counts.assigned,
                LicenseState::Activated { .. } => &mut counts.activated,
                LicenseState::Revoked { .. } => &mut counts.revoked,
            };
            *count = count.saturating_add(1);
        }
        Ok(counts)
    }

    async fn activated_licenses(
        &self,
        plan: PlanId,
    ) -> Result<Vec<(Stored<License>, UserId)>, StoreError> {
        let rows = self.select("activated_licenses", |license: &License| {
            license.plan_id == plan
        })?;
        Ok(rows
            .into_iter()
            .filter_map(|row| {
                let user = match &row.value.state {
                    LicenseState::Activated {
                        assignment: _,
                        user_id,
                        activated_at: _,
                    } => *user_id,
                    LicenseState::Unassigned
                    | LicenseState::Assigned(_)
                    | LicenseState::Revoked { .. } => return None,
                };
                Some((row, user))
            })
            .collect())
    }
}

#[async_trait]
impl LicenseReader for MemoryStore {
    async fn plan(&self, id: PlanId) -> Result<Option<Stored<SubscriptionPlan>>, StoreError> {
        self.get("plan", id.uuid())
    }

    async fn plans_of(
        &self,
        tenant: TenantId,
    ) -> Result<Vec<Stored<SubscriptionPlan>>, StoreError> {
        let mut plans = self.select("plans_of", |plan: &SubscriptionPlan| {
            plan.tenant_id == tenant
        })?;
        plans.sort_by_key(|row| row.value.created_at);
        Ok(plans)
    }

    async fn licenses(
        &self,
        plan: PlanId,
        page: &PageRequest,
    ) -> Result<Page<Stored<License>>, StoreError> {
        let rows = self.select("licenses", |license: &License| license.plan_id == plan)?;
        let after = page.after().map(|text| LicenseId::parse(text).ok());
        Ok(page_of(
            rows,
            page,
            |id| match after {
                None => true,
                Some(Some(after)) => id > after.uuid(),
                // No row comes after what is not a key.
                Some(None) => false,
            },
            |id| LicenseId::from_uuid(id).to_string(),
        ))
    }

    async fn license(&self, id: LicenseId) -> Result<Option<Stored<License>>, StoreError> {
        self.get("license", id.uuid())
    }

    async fn unassigned_licenses(
        &self,
        plan: PlanId,
        limit: u32,
    ) -> Result<Vec<Stored<License>>, StoreError> {
        let mut rows = self.select("unassigned_licenses", |license: &License| {
            license.plan_id == plan && license.state == LicenseState::Unassigned
        })?;
        rows.truncate(rows_max(limit));
        Ok(rows)
    }

    async fn licenses_of_emails(
        &self,
        plan: PlanId,
        emails: &[Email],
    ) -> Result<Vec<Stored<License>>, StoreError> {
        self.select("licenses_of_emails", |license: &License| {
            license.plan_id == plan
                && assignment(license).is_some_and(|held| emails.contains(&held.email))
        })
    }

    async fn license_by_key(
        &self,
        key: &ActivationKey,
    ) -> Result<Option<Stored<License>>, StoreError> {
        let rows = self.select("license_by_key", |license: &License| {
            last_assignment(license).is_some_and(|last| last.activation_key == *key)
        })?;
        // The key is unique among those that are held; a revoked one comes after them.
        Ok(rows
            .into_iter()
            .max_by_key(|row| (assignment(&row.value).is_some(), row.value.id)))
    }
}

/// Who holds a licence, or held it until it was revoked.
fn last_assignment(license: &License) -> Option<&Assignment> {
    match &license.state {
        LicenseState::Revoked {
            assignment,
            revoked_at: _,
        } => assignment.as_ref(),
        LicenseState::Unassigned | LicenseState::Assigned(_) | LicenseState::Activated { .. } => {
            assignment(license)
        }
    }
}
