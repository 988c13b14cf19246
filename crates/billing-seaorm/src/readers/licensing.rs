//! Reads catalogues, agreements, plans and licences.

use async_trait::async_trait;
use billing_domain::kernel::email::Email;
use billing_domain::kernel::id::{LicenseId, PlanId, ProductId, TenantId, UserId, WorkflowId};
use billing_domain::kernel::page::{Page, PageRequest};
use billing_domain::kernel::ports::StoreError;
use billing_domain::kernel::stored::Stored;
use billing_domain::kernel::text::ActivationKey;
use billing_domain::licensing::agreement::{Catalog, CustomerAgreement};
use billing_domain::licensing::license::{License, LicenseState};
use billing_domain::licensing::plan::SubscriptionPlan;
use billing_domain::licensing::ports::{LicenseCounts, LicenseReader, LicensingReader};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, Select};

use crate::fault::store_error;
use crate::rows::{Cells, agreement, catalog, license, plan};
use crate::store::SeaOrmStore;

/// Addresses in one statement at most; a plan may be asked for a thousand at once.
const EMAILS_PER_STATEMENT: usize = 500;

const UNASSIGNED: &str = "unassigned";
const ASSIGNED: &str = "assigned";
const ACTIVATED: &str = "activated";
const REVOKED: &str = "revoked";

#[async_trait]
impl LicensingReader for SeaOrmStore {
    async fn catalog_of(
        &self,
        tenant: TenantId,
        product: ProductId,
    ) -> Result<Option<Stored<Catalog>>, StoreError> {
        let owned = catalog::Entity::find()
            .filter(catalog::Column::TenantId.eq(tenant.uuid()))
            .filter(catalog::Column::ProductId.eq(product.uuid()));
        self.first(owned).await
    }

    async fn agreement_of(
        &self,
        tenant: TenantId,
    ) -> Result<Option<Stored<CustomerAgreement>>, StoreError> {
        self.first(agreement::Entity::find().filter(agreement::Column::TenantId.eq(tenant.uuid())))
            .await
    }

    async fn plan_of(
        &self,
        workflow: WorkflowId,
    ) -> Result<Option<Stored<SubscriptionPlan>>, StoreError> {
        self.meetings().plans.get(self, workflow.uuid()).await
    }

    async fn license_counts(&self, plan: PlanId) -> Result<LicenseCounts, StoreError> {
        let counted: Vec<(String, i64)> = of_plan(plan)
            .select_only()
            .column(license::Column::State)
            .column_as(license::Column::Id.count(), "license_count")
            .group_by(license::Column::State)
            .into_tuple()
            .all(self.reads())
            .await
            .map_err(store_error)?;
        let cells = Cells::of("licenses", plan.uuid());
        let mut counts = LicenseCounts::default();
        for (state, count) in counted {
            let count = cells.count("state", count)?;
            match state.as_str() {
                UNASSIGNED => counts.unassigned = count,
                ASSIGNED => counts.assigned = count,
                ACTIVATED => counts.activated = count,
                REVOKED => counts.revoked = count,
                _ => return Err(cells.inconsistent("state")),
            }
        }
        Ok(counts)
    }

    async fn activated_licenses(
        &self,
        plan: PlanId,
    ) -> Result<Vec<(Stored<License>, UserId)>, StoreError> {
        let used = of_plan(plan)
            .filter(license::Column::State.eq(ACTIVATED))
            .order_by_asc(license::Column::Id);
        let licenses = self.all(used).await?;
        Ok(licenses
            .into_iter()
            .filter_map(|license| match license.value.state {
                LicenseState::Activated { user_id, .. } => Some((license, user_id)),
                LicenseState::Unassigned
                | LicenseState::Assigned(_)
                | LicenseState::Revoked { .. } => None,
            })
            .collect())
    }
}

#[async_trait]
impl LicenseReader for SeaOrmStore {
    async fn plan(&self, id: PlanId) -> Result<Option<Stored<SubscriptionPlan>>, StoreError> {
        self.by_id::<plan::Entity>(id.uuid()).await
    }

    async fn plans_of(
        &self,
        tenant: TenantId,
    ) -> Result<Vec<Stored<SubscriptionPlan>>, StoreError> {
        let owned = plan::Entity::find()
            .filter(plan::Column::TenantId.eq(tenant.uuid()))
            .order_by_asc(plan::Column::CreatedAt)
            .order_by_asc(plan::Column::Id);
        self.all(owned).await
    }

    async fn licenses(
        &self,
        plan: PlanId,
        page: &PageRequest,
    ) -> Result<Page<Stored<License>>, StoreError> {
        let mut selection = of_plan(plan).order_by_asc(license::Column::Id);
        if let Some(after) = page.after() {
            // Behind a cursor that is none there is nothing.
            let Ok(after) = LicenseId::parse(after) else {
                return Ok(Page {
                    items: Vec::new(),
                    next: None,
                });
            };
            selection = selection.filter(license::Column::Id.gt(after.uuid()));
        }
        let limit = u64::from(page.limit());
        let mut items = self.all(selection.limit(limit + 1)).await?;
        let has_more = items.len() > usize::from(page.limit());
        items.truncate(usize::from(page.limit()));
        let next = items
            .last()
            .filter(|_| has_more)
            .map(|last| last.value.id.to_string());
        Ok(Page { items, next })
    }

    async fn license(&self, id: LicenseId) -> Result<Option<Stored<License>>, StoreError> {
        self.by_id::<license::Entity>(id.uuid()).await
    }

    async fn unassigned_licenses(
        &self,
        plan: PlanId,
        limit: u32,
    ) -> Result<Vec<Stored<License>>, StoreError> {
        let free = of_plan(plan)
            .filter(license::Column::State.eq(UNASSIGNED))
            .order_by_asc(license::Column::Id)
            .limit(u64::from(limit));
        self.all(free).await
    }

    async fn licenses_of_emails(
        &self,
        plan: PlanId,
        emails: &[Email],
    ) -> Result<Vec<Stored<License>>, StoreError> {
        let mut found = Vec::new();
        for emails in emails.chunks(EMAILS_PER_STATEMENT) {
            let held = of_plan(plan)
                .filter(license::Column::State.is_in([ASSIGNED, ACTIVATED]))
                .filter(license::Column::Email.is_in(emails.iter().map(Email::as_str)))
                .order_by_asc(license::Column::Id);
            found.extend(self.all(held).await?);
        }
        Ok(found)
    }

    async fn license_by_key(
        &self,
        key: &ActivationKey,
    ) -> Result<Option<Stored<License>>, StoreError> {
        // A revoked licence keeps its key, which is unique only among those that are held.
        let held_first = license::Entity::find()
            .filter(license::Column::ActivationKey.eq(key.as_str()))
            .order_by_desc(license::Column::RevokedAt.is_null())
            .order_by_desc(license::Column::Id);
        self.first(held_first).await
    }
}

fn of_plan(plan: PlanId) -> Select<license::Entity> {
    license::Entity::find().filter(license::Column::PlanId.eq(plan.uuid()))
}
