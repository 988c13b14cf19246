//! Lets an operator ask for another attempt at once.

use std::sync::Arc;

use super::ports::WorkflowReader;
use super::workflow::ProvisioningWorkflow;
use crate::kernel::change_set::ChangeSet;
use crate::kernel::failure::StoreFailure;
use crate::kernel::id::IntentId;
use crate::kernel::ports::{ATTEMPTS_MAX, Core};
use crate::kernel::request::Request;

/// Why nothing is retried.
#[derive(Debug, thiserror::Error)]
pub enum RetryProvisioningError {
    /// Only operators may.
    #[error("only an operator may retry provisioning")]
    NotAnOperator,
    /// The intent has no workflow: it is not paid, or does not exist.
    #[error("this checkout intent has nothing to provision")]
    NotFound,
    /// Everything exists.
    #[error("this checkout intent is provisioned")]
    AlreadyProvisioned,
    /// Storage.
    #[error(transparent)]
    Store(#[from] StoreFailure),
}

/// Retries workflows.
pub struct RetryProvisioning {
    /// Write and time.
    pub core: Core,
    /// Reads workflows.
    pub workflows: Arc<dyn WorkflowReader>,
}

impl RetryProvisioning {
    /// Makes the workflow of an intent due at once; a worker runs it.
    ///
    /// # Errors
    /// [`RetryProvisioningError`].
    pub async fn run(
        &self,
        request: &Request<'_, ProvisioningWorkflow>,
        intent: IntentId,
    ) -> Result<ProvisioningWorkflow, RetryProvisioningError> {
        if !request.principal().is_operator() {
            return Err(RetryProvisioningError::NotAnOperator);
        }
        for _ in 0..ATTEMPTS_MAX {
            match self.run_once(request, intent).await {
                Err(RetryProvisioningError::Store(failure)) if failure.asks_to_decide_again() => {}
                decided => return decided,
            }
        }
        Err(StoreFailure::Conflict.into())
    }

    async fn run_once(
        &self,
        request: &Request<'_, ProvisioningWorkflow>,
        intent: IntentId,
    ) -> Result<ProvisioningWorkflow, RetryProvisioningError> {
        let workflow = self
            .workflows
            .workflow_of(intent)
            .await
            .map_err(StoreFailure::from)?;
        let workflow = workflow.ok_or(RetryProvisioningError::NotFound)?;
        let now = self.core.now();
        let transition = workflow.value.retry(now);
        if !transition.is_applied() {
            return Err(RetryProvisioningError::AlreadyProvisioned);
        }
        let next = transition.outcome(&workflow.value).clone();
        let changes = ChangeSet::caused_by(request.answered(&next), now)
            .change_workflow(&workflow, transition);
        self.core
            .writer
            .commit(changes)
            .await
            .map_err(StoreFailure::from)?;
        Ok(next)
    }
}

#[cfg(test)]
mod tests;
