//! Runs a workflow: one step, one commit, until everything that was bought exists (A-120…A-132).

use std::sync::Arc;

use super::ports::WorkflowReader;
use super::workflow::{ProvisioningWorkflow, StepName, WorkflowState};
use crate::access::ports::UserReader;
use crate::catalog::ports::CatalogReader;
use crate::checkout::intent::{CheckoutIntent, IntentCommand};
use crate::checkout::ports::IntentReader;
use crate::kernel::change_set::{Cause, ChangeSet};
use crate::kernel::failure::StoreFailure;
use crate::kernel::id::WorkflowId;
use crate::kernel::ports::{ATTEMPTS_MAX, Core};
use crate::kernel::stored::Stored;
use crate::licensing::ports::LicensingReader;
use crate::subscriptions::ports::SubscriptionReader;
use crate::tenants::ports::TenantReader;

mod steps;

/// How many due workflows one turn takes.
pub const WORKFLOW_BATCH_MAX: u32 = 16;

/// Why a step cannot be done (now); the message is stored and shown to operators.
#[derive(Debug, thiserror::Error)]
pub enum StepError {
    /// What the step needs is missing or contradicts itself.
    #[error("{0}")]
    Impossible(String),
    /// Storage.
    #[error(transparent)]
    Store(#[from] StoreFailure),
}

/// Runs workflows.
pub struct RunProvisioning {
    /// Write, time and ids.
    pub core: Core,
    /// Reads workflows.
    pub workflows: Arc<dyn WorkflowReader>,
    /// Reads intents.
    pub intents: Arc<dyn IntentReader>,
    /// Reads tenants.
    pub tenants: Arc<dyn TenantReader>,
    /// Reads catalogues, agreements and plans.
    pub licensing: Arc<dyn LicensingReader>,
    /// Reads prices and products.
    pub catalog: Arc<dyn CatalogReader>,
    /// Reads mirrors.
    pub subscriptions: Arc<dyn SubscriptionReader>,
    /// Reads users.
    pub users: Arc<dyn UserReader>,
}

/// What a step adds to the commit that marks it done.
struct StepWork {
    changes: ChangeSet,
    output: String,
    /// False when the step does a part of its work and comes again.
    is_complete: bool,
}

impl RunProvisioning {
    /// Runs the workflows that are due; gives how many. One that cannot be run does not hold up
    /// the others.
    ///
    /// # Errors
    /// [`StoreFailure`] if they cannot be found.
    pub async fn run_due(&self) -> Result<u32, StoreFailure> {
        let due = self
            .workflows
            .due_workflows(self.core.now(), WORKFLOW_BATCH_MAX)
            .await?;
        let mut count: u32 = 0;
        for id in due {
            match self.run(id).await {
                Ok(_) => count = count.saturating_add(1),
                Err(error) => {
                    tracing::warn!(workflow.id = %id, error = %error, "workflow {id} could not be run");
                }
            }
        }
        Ok(count)
    }

    /// Runs a workflow until it succeeds, fails, or has to wait; gives its state. A succeeded one
    /// is left alone.
    ///
    /// # Errors
    /// [`StoreFailure`]; the next turn continues where this one stopped.
    pub async fn run(&self, id: WorkflowId) -> Result<Option<WorkflowState>, StoreFailure> {
        let mut conflicts: u32 = 0;
        loop {
            let Some(workflow) = self.workflows.workflow(id).await? else {
                return Ok(None);
            };
            let step = match workflow.value.next_step() {
                Some(step) if workflow.value.is_due_at(self.core.now()) => step,
                Some(_) | None => return Ok(Some(workflow.value.state)),
            };
            match self.run_step(&workflow, step).await {
                Ok(()) => conflicts = 0,
                Err(failure) if failure.asks_to_decide_again() && conflicts < ATTEMPTS_MAX => {
                    conflicts = conflicts.saturating_add(1);
                }
                Err(failure) => return Err(failure),
            }
        }
    }

    /// Does the next step once, whether or not it is due: a conflict is the caller's to repeat.
    ///
    /// # Errors
    /// [`StoreFailure`].
    pub async fn run_next_step(&self, id: WorkflowId) -> Result<(), StoreFailure> {
        let Some(workflow) = self.workflows.workflow(id).await? else {
            return Ok(());
        };
        match workflow.value.next_step() {
            Some(step) => self.run_step(&workflow, step).await,
            None => Ok(()),
        }
    }

    async fn run_step(
        &self,
        workflow: &Stored<ProvisioningWorkflow>,
        step: StepName,
    ) -> Result<(), StoreFailure> {
        let intent = self.intents.intent(workflow.value.intent_id).await?;
        let Some(intent) = intent else {
            let message = format!(
                "checkout intent {} does not exist",
                workflow.value.intent_id
            );
            return self.fail(workflow, None, step, message).await;
        };
        match self.decide(workflow, &intent, step).await {
            Ok(work) => {
                let mut changes = work.changes;
                let now = changes.at();
                if work.is_complete {
                    let transition = workflow
                        .value
                        .succeed(step, work.output, now)
                        .map_err(inconsistent)?;
                    changes = changes.change_workflow(workflow, transition);
                }
                Ok(self.core.writer.commit(changes).await?)
            }
            Err(StepError::Impossible(message)) => {
                self.fail(workflow, Some(&intent), step, message).await
            }
            Err(StepError::Store(failure)) => Err(failure),
        }
    }

    async fn decide(
        &self,
        workflow: &Stored<ProvisioningWorkflow>,
        intent: &Stored<CheckoutIntent>,
        step: StepName,
    ) -> Result<StepWork, StepError> {
        let changes = ChangeSet::caused_by(Cause::Job("run_provisioning"), self.core.now());
        match step {
            StepName::Customer => self.customer(changes, intent).await,
            StepName::Admins => self.admins(changes, intent).await,
            StepName::Catalog => self.catalog(changes, intent).await,
            StepName::Agreement => self.agreement(changes, intent).await,
            StepName::Plan => self.plan(changes, workflow, intent).await,
            StepName::Licenses => self.licenses(changes, workflow).await,
            StepName::Fulfill => Self::fulfill(changes, intent),
        }
    }

    /// a failure in any step is stored with the workflow and shown on the intent.
    async fn fail(
        &self,
        workflow: &Stored<ProvisioningWorkflow>,
        intent: Option<&Stored<CheckoutIntent>>,
        step: StepName,
        message: String,
    ) -> Result<(), StoreFailure> {
        let now = self.core.now();
        tracing::error!(
            workflow.id = %workflow.value.id,
            step = step.name(),
            error = message,
            "step {} of workflow {} failed", step.name(), workflow.value.id
        );
        let transition = workflow
            .value
            .fail(step, message.clone(), now)
            .map_err(inconsistent)?;
        let mut changes = ChangeSet::caused_by(Cause::Job("run_provisioning"), now)
            .change_workflow(workflow, transition);
        if let Some(intent) = intent {
            let command = IntentCommand::MarkProvisioningError { message };
            // Another error stays as it is; the workflow tells the rest.
            if let Ok(transition) = intent.value.apply(command, now) {
                changes = changes.change_intent(intent, transition);
            }
        }
        Ok(self.core.writer.commit(changes).await?)
    }
}

fn inconsistent(error: super::workflow::NotTheNextStep) -> StoreFailure {
    StoreFailure::Inconsistent(Box::new(error))
}

#[cfg(test)]
mod tests;
