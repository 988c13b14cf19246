//! The provisioning workflow: ordered steps, each done once, retried with backoff (A-120…A-137).

use time::Duration;
use uuid::Uuid;

use crate::kernel::audit::{Entity, EntityKind};
use crate::kernel::event::DomainEvent;
use crate::kernel::id::{IntentId, WorkflowId};
use crate::kernel::timestamp::Timestamp;
use crate::kernel::transition::Transition;

#[cfg(test)]
mod tests;

/// How often a failing step is tried before an operator has to ask for more.
pub const STEP_ATTEMPTS_MAX: u32 = 10;

/// Wait after the first failure; doubled after each further one.
pub const STEP_BACKOFF_FIRST: Duration = Duration::seconds(5);

/// The longest wait between two attempts.
pub const STEP_BACKOFF_MAX: Duration = Duration::hours(1);

/// The steps in their order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum StepName {
    /// Get or create the customer (tenant) by slug.
    Customer,
    /// Get or create its admins.
    Admins,
    /// Get or create its catalogue.
    Catalog,
    /// Get or create its agreement.
    Agreement,
    /// Get or create the plan.
    Plan,
    /// Create the missing licences.
    Licenses,
    /// Mark the intent fulfilled.
    Fulfill,
}

impl StepName {
    /// Every step in order.
    pub const ALL: [Self; 7] = [
        Self::Customer,
        Self::Admins,
        Self::Catalog,
        Self::Agreement,
        Self::Plan,
        Self::Licenses,
        Self::Fulfill,
    ];

    /// The name in storage.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Customer => "customer",
            Self::Admins => "admins",
            Self::Catalog => "catalog",
            Self::Agreement => "agreement",
            Self::Plan => "plan",
            Self::Licenses => "licenses",
            Self::Fulfill => "fulfill",
        }
    }

    /// Reads the name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|step| step.name() == name)
    }
}

/// What became of a step; a step without a record was not tried.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StepOutcome {
    /// Done; never repeated.
    Succeeded {
        /// When.
        at: Timestamp,
        /// What it made or found, for people.
        output: String,
    },
    /// Not done yet.
    Failed {
        /// When it was tried last.
        at: Timestamp,
        /// Why not.
        message: String,
    },
}

/// A step that was tried.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StepRecord {
    /// Which.
    pub name: StepName,
    /// What became of it.
    pub outcome: StepOutcome,
}

/// Whether there is something to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WorkflowState {
    /// The next step runs when it is due.
    Pending {
        /// Not before.
        due_at: Timestamp,
        /// Failures in a row.
        attempts: u32,
    },
    /// Given up until an operator asks again.
    Failed {
        /// When.
        failed_at: Timestamp,
        /// Failures in a row.
        attempts: u32,
    },
    /// Every step succeeded.
    Succeeded {
        /// When.
        succeeded_at: Timestamp,
    },
}

/// One workflow of one intent; unique by intent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProvisioningWorkflow {
    /// Its id.
    pub id: WorkflowId,
    /// Of which sale.
    pub intent_id: IntentId,
    /// Whether there is something to do.
    pub state: WorkflowState,
    /// The steps that were tried, in order.
    pub steps: Vec<StepRecord>,
    /// When it was enqueued.
    pub created_at: Timestamp,
}

/// The step is not the one that comes next.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("step {} is not the next one of this workflow", .0.name())]
pub struct NotTheNextStep(pub StepName);

impl ProvisioningWorkflow {
    /// Enqueues the workflow of a paid intent; due at once.
    pub fn new(id: WorkflowId, intent_id: IntentId, now: Timestamp) -> (Self, DomainEvent) {
        let workflow = Self {
            id,
            intent_id,
            state: WorkflowState::Pending {
                due_at: now,
                attempts: 0,
            },
            steps: Vec::new(),
            created_at: now,
        };
        (
            workflow,
            DomainEvent::ProvisioningRequested {
                workflow_id: id,
                intent_id,
            },
        )
    }

    /// The step that comes next; `None` when all are done.
    pub fn next_step(&self) -> Option<StepName> {
        StepName::ALL.into_iter().find(|step| !self.is_done(*step))
    }

    fn is_done(&self, step: StepName) -> bool {
        self.steps.iter().any(|record| {
            record.name == step
                && match record.outcome {
                    StepOutcome::Succeeded { .. } => true,
                    StepOutcome::Failed { .. } => false,
                }
        })
    }

    /// Whether a worker should run it at that time.
    pub fn is_due_at(&self, now: Timestamp) -> bool {
        match self.state {
            WorkflowState::Pending {
                due_at,
                attempts: _,
            } => due_at <= now,
            WorkflowState::Failed { .. } | WorkflowState::Succeeded { .. } => false,
        }
    }

    /// Records a step's success; a step that succeeded before is a repetition.
    ///
    /// # Errors
    /// [`NotTheNextStep`]: steps run in order.
    pub fn succeed(
        &self,
        step: StepName,
        output: String,
        now: Timestamp,
    ) -> Result<Transition<Self>, NotTheNextStep> {
        if self.is_done(step) {
            return Ok(Transition::AlreadyApplied);
        }
        if self.next_step() != Some(step) {
            return Err(NotTheNextStep(step));
        }
        let mut next = self.with_record(
            step,
            StepOutcome::Succeeded {
                at: now,
                output: output.clone(),
            },
        );
        next.state = if next.next_step().is_none() {
            WorkflowState::Succeeded { succeeded_at: now }
        } else {
            WorkflowState::Pending {
                due_at: now,
                attempts: 0,
            }
        };
        let event = DomainEvent::ProvisioningStepSucceeded {
            workflow_id: self.id,
            step: step.name(),
            output,
        };
        Ok(Transition::Applied { next, event })
    }

    /// Records a step's failure and when to try again.
    ///
    /// # Errors
    /// [`NotTheNextStep`].
    pub fn fail(
        &self,
        step: StepName,
        message: String,
        now: Timestamp,
    ) -> Result<Transition<Self>, NotTheNextStep> {
        if self.next_step() != Some(step) {
            return Err(NotTheNextStep(step));
        }
        let attempts = match self.state {
            WorkflowState::Pending {
                due_at: _,
                attempts,
            }
            | WorkflowState::Failed {
                failed_at: _,
                attempts,
            } => attempts.saturating_add(1),
            WorkflowState::Succeeded { .. } => return Err(NotTheNextStep(step)),
        };
        let mut next = self.with_record(
            step,
            StepOutcome::Failed {
                at: now,
                message: message.clone(),
            },
        );
        next.state = if attempts >= STEP_ATTEMPTS_MAX {
            WorkflowState::Failed {
                failed_at: now,
                attempts,
            }
        } else {
            WorkflowState::Pending {
                due_at: now.plus(backoff(attempts)),
                attempts,
            }
        };
        let event = DomainEvent::ProvisioningStepFailed {
            workflow_id: self.id,
            step: step.name(),
            message,
            attempts,
        };
        Ok(Transition::Applied { next, event })
    }

    /// Remembers that the subscription changed before the plan was made; the steps read the change
    /// themselves. Nothing for one that succeeded.
    pub fn inform(&self) -> Transition<Self> {
        match self.state {
            WorkflowState::Pending { .. } | WorkflowState::Failed { .. } => Transition::Applied {
                next: self.clone(),
                event: DomainEvent::ProvisioningInformed {
                    workflow_id: self.id,
                },
            },
            WorkflowState::Succeeded { .. } => Transition::AlreadyApplied,
        }
    }

    /// Makes the workflow due at once and forgets how often it failed; nothing for one
    /// that succeeded.
    pub fn retry(&self, now: Timestamp) -> Transition<Self> {
        match self.state {
            WorkflowState::Pending { .. } | WorkflowState::Failed { .. } => {
                let state = WorkflowState::Pending {
                    due_at: now,
                    attempts: 0,
                };
                let event = DomainEvent::ProvisioningRetryRequested {
                    workflow_id: self.id,
                };
                Transition::Applied {
                    next: Self {
                        state,
                        ..self.clone()
                    },
                    event,
                }
            }
            WorkflowState::Succeeded { .. } => Transition::AlreadyApplied,
        }
    }

    fn with_record(&self, name: StepName, outcome: StepOutcome) -> Self {
        let mut next = self.clone();
        next.steps.retain(|record| record.name != name);
        next.steps.push(StepRecord { name, outcome });
        next.steps.sort_by_key(|record| record.name);
        next
    }
}

/// 5 s, 10 s, 20 s … at most an hour.
fn backoff(attempts: u32) -> Duration {
    let factor = 2_i32.saturating_pow(attempts.saturating_sub(1).min(16));
    (STEP_BACKOFF_FIRST * factor).min(STEP_BACKOFF_MAX)
}

impl Entity for ProvisioningWorkflow {
    const KIND: EntityKind = EntityKind::Workflow;

    fn uuid(&self) -> Uuid {
        self.id.uuid()
    }

    fn state_name(&self) -> &'static str {
        match self.state {
            WorkflowState::Pending { .. } => "pending",
            WorkflowState::Failed { .. } => "failed",
            WorkflowState::Succeeded { .. } => "succeeded",
        }
    }
}
