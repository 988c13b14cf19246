//! What provisioning needs from outside.

use async_trait::async_trait;

use super::workflow::ProvisioningWorkflow;
use crate::kernel::id::{IntentId, WorkflowId};
use crate::kernel::ports::StoreError;
use crate::kernel::stored::Stored;
use crate::kernel::timestamp::Timestamp;

/// Reads workflows.
#[cfg_attr(feature = "testing", mockall::automock)]
#[async_trait]
pub trait WorkflowReader: Send + Sync {
    /// A workflow.
    async fn workflow(
        &self,
        id: WorkflowId,
    ) -> Result<Option<Stored<ProvisioningWorkflow>>, StoreError>;

    /// The workflow of an intent.
    async fn workflow_of(
        &self,
        intent: IntentId,
    ) -> Result<Option<Stored<ProvisioningWorkflow>>, StoreError>;

    /// At most `limit` workflows that are due, oldest first. Two workers may get the same one:
    /// each step's commit names the version, so one of them loses.
    async fn due_workflows(
        &self,
        now: Timestamp,
        limit: u32,
    ) -> Result<Vec<WorkflowId>, StoreError>;
}
