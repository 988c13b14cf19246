//! Workflows, tenants and entitlements in memory.

use async_trait::async_trait;

use super::{MemoryStore, rows_max};
use crate::entitlements::entitlement::{Entitlement, EntitlementSource};
use crate::entitlements::ports::EntitlementReader;
use crate::kernel::email::Email;
use crate::kernel::id::{IntentId, TenantId, UserId, WorkflowId};
use crate::kernel::ports::StoreError;
use crate::kernel::stored::Stored;
use crate::kernel::text::Slug;
use crate::kernel::timestamp::Timestamp;
use crate::provisioning::ports::WorkflowReader;
use crate::provisioning::workflow::{ProvisioningWorkflow, WorkflowState};
use crate::tenants::ports::TenantReader;
use crate::tenants::tenant::{Tenant, TenantAdmin};

#[async_trait]
impl WorkflowReader for MemoryStore {
    async fn workflow(
        &self,
        id: WorkflowId,
    ) -> Result<Option<Stored<ProvisioningWorkflow>>, StoreError> {
        self.get("workflow", id.uuid())
    }

    async fn workflow_of(
        &self,
        intent: IntentId,
    ) -> Result<Option<Stored<ProvisioningWorkflow>>, StoreError> {
        self.find("workflow_of", |workflow: &ProvisioningWorkflow| {
            workflow.intent_id == intent
        })
    }

    async fn due_workflows(
        &self,
        now: Timestamp,
        limit: u32,
    ) -> Result<Vec<WorkflowId>, StoreError> {
        let rows = self.select("due_workflows", |workflow: &ProvisioningWorkflow| {
            workflow.is_due_at(now)
        })?;
        let mut due: Vec<(Option<Timestamp>, WorkflowId)> = rows
            .iter()
            .map(|row| (due_at(&row.value), row.value.id))
            .collect();
        due.sort();
        Ok(due
            .into_iter()
            .take(rows_max(limit))
            .map(|(_, id)| id)
            .collect())
    }
}

fn due_at(workflow: &ProvisioningWorkflow) -> Option<Timestamp> {
    match workflow.state {
        WorkflowState::Pending {
            due_at,
            attempts: _,
        } => Some(due_at),
        WorkflowState::Failed { .. } | WorkflowState::Succeeded { .. } => None,
    }
}

#[async_trait]
impl TenantReader for MemoryStore {
    async fn tenant_by_slug(&self, slug: &Slug) -> Result<Option<Stored<Tenant>>, StoreError> {
        self.find("tenant_by_slug", |tenant: &Tenant| tenant.slug == *slug)
    }

    async fn admin_by_email(
        &self,
        tenant: TenantId,
        email: &Email,
    ) -> Result<Option<Stored<TenantAdmin>>, StoreError> {
        self.find("admin_by_email", |admin: &TenantAdmin| {
            admin.tenant_id == tenant && admin.email == *email
        })
    }

    async fn admin_by_user(
        &self,
        tenant: TenantId,
        user: UserId,
    ) -> Result<Option<Stored<TenantAdmin>>, StoreError> {
        self.find("admin_by_user", |admin: &TenantAdmin| {
            admin.tenant_id == tenant && admin.user_id == Some(user)
        })
    }
}

#[async_trait]
impl EntitlementReader for MemoryStore {
    async fn entitlements_of(&self, user: UserId) -> Result<Vec<Stored<Entitlement>>, StoreError> {
        self.select("entitlements_of", |entitlement: &Entitlement| {
            entitlement.user_id == user
        })
    }

    async fn entitlements_from(
        &self,
        source: EntitlementSource,
    ) -> Result<Vec<Stored<Entitlement>>, StoreError> {
        self.select("entitlements_from", |entitlement: &Entitlement| {
            entitlement.source == source
        })
    }
}
