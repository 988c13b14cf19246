//! Reads provisioning workflows.

use async_trait::async_trait;
use billing_domain::kernel::id::{IntentId, WorkflowId};
use billing_domain::kernel::ports::StoreError;
use billing_domain::kernel::stored::Stored;
use billing_domain::kernel::timestamp::Timestamp;
use billing_domain::provisioning::ports::WorkflowReader;
use billing_domain::provisioning::workflow::ProvisioningWorkflow;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use uuid::Uuid;

use crate::fault::store_error;
use crate::rows::workflow::{Column, Entity, PENDING};
use crate::store::SeaOrmStore;

#[async_trait]
impl WorkflowReader for SeaOrmStore {
    async fn workflow(
        &self,
        id: WorkflowId,
    ) -> Result<Option<Stored<ProvisioningWorkflow>>, StoreError> {
        self.by_id::<Entity>(id.uuid()).await
    }

    async fn workflow_of(
        &self,
        intent: IntentId,
    ) -> Result<Option<Stored<ProvisioningWorkflow>>, StoreError> {
        self.meetings().workflows.get(self, intent.uuid()).await
    }

    async fn due_workflows(
        &self,
        now: Timestamp,
        limit: u32,
    ) -> Result<Vec<WorkflowId>, StoreError> {
        let ids: Vec<Uuid> = Entity::find()
            .select_only()
            .column(Column::Id)
            .filter(Column::State.eq(PENDING))
            .filter(Column::DueAt.lte(now.unix_micros()))
            .order_by_asc(Column::DueAt)
            .order_by_asc(Column::Id)
            .limit(u64::from(limit))
            .into_tuple()
            .all(self.reads())
            .await
            .map_err(store_error)?;
        Ok(ids.into_iter().map(WorkflowId::from_uuid).collect())
    }
}
