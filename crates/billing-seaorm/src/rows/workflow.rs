//! The workflows that turn paid sales into records.

use billing_domain::kernel::id::{IntentId, WorkflowId};
use billing_domain::kernel::ports::StoreError;
use billing_domain::kernel::stored::{Stored, Version};
use billing_domain::kernel::timestamp::Timestamp;
use billing_domain::provisioning::workflow::{
    ProvisioningWorkflow, StepName, StepOutcome, StepRecord, WorkflowState,
};
use sea_orm::entity::prelude::{
    ActiveModelBehavior, DeriveEntityModel, DerivePrimaryKey, DeriveRelation, EntityTrait,
    EnumIter, PrimaryKeyTrait,
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{Cells, Row, json_text, micros, version_cell};

/// One row.
#[derive(Debug, Clone, PartialEq, Eq, DeriveEntityModel, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[sea_orm(table_name = "provisioning_workflows")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub version: i64,
    pub intent_id: Uuid,
    pub state: String,
    pub due_at: Option<i64>,
    pub ended_at: Option<i64>,
    pub attempts: i64,
    pub steps: String,
    pub created_at: i64,
}

/// Joins are not made through SeaORM.
#[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl Row for Entity {
    type Value = ProvisioningWorkflow;
    const ID: Column = Column::Id;
    const VERSION: Column = Column::Version;

    fn encode(value: &ProvisioningWorkflow, version: Version) -> Model {
        let ProvisioningWorkflow {
            id,
            intent_id,
            state,
            steps,
            created_at,
        } = value;
        let (name, due_at, ended_at, attempts) = match state {
            WorkflowState::Pending { due_at, attempts } => {
                (PENDING, Some(*due_at), None, *attempts)
            }
            WorkflowState::Failed {
                failed_at,
                attempts,
            } => (FAILED, None, Some(*failed_at), *attempts),
            WorkflowState::Succeeded { succeeded_at } => (SUCCEEDED, None, Some(*succeeded_at), 0),
        };
        let steps: Vec<StepDocument> = steps.iter().map(StepDocument::of).collect();
        Model {
            id: id.uuid(),
            version: version_cell(version),
            intent_id: intent_id.uuid(),
            state: name.to_owned(),
            due_at: micros(due_at),
            ended_at: micros(ended_at),
            attempts: i64::from(attempts),
            steps: json_text(&steps),
            created_at: created_at.unix_micros(),
        }
    }

    fn decode(model: Model) -> Result<Stored<ProvisioningWorkflow>, StoreError> {
        let cells = Cells::of("provisioning_workflows", model.id);
        let attempts = cells.count("attempts", model.attempts)?;
        let state = match model.state.as_str() {
            PENDING => WorkflowState::Pending {
                due_at: cells.present_time("due_at", model.due_at)?,
                attempts,
            },
            FAILED => WorkflowState::Failed {
                failed_at: cells.present_time("ended_at", model.ended_at)?,
                attempts,
            },
            SUCCEEDED => WorkflowState::Succeeded {
                succeeded_at: cells.present_time("ended_at", model.ended_at)?,
            },
            _ => return Err(cells.inconsistent("state")),
        };
        let documents: Vec<StepDocument> = cells.json("steps", &model.steps)?;
        let steps = documents
            .into_iter()
            .map(|document| cells.present("steps", document.record()))
            .collect::<Result<_, _>>()?;
        let workflow = ProvisioningWorkflow {
            id: WorkflowId::from_uuid(model.id),
            intent_id: IntentId::from_uuid(model.intent_id),
            state,
            steps,
            created_at: cells.time("created_at", model.created_at)?,
        };
        cells.stored(workflow, model.version)
    }
}

pub(crate) const PENDING: &str = "pending";
const FAILED: &str = "failed";
const SUCCEEDED: &str = "succeeded";

/// A step in the column `steps`.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StepDocument {
    name: String,
    at: i64,
    outcome: StepOutcomeDocument,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum StepOutcomeDocument {
    Succeeded { output: String },
    Failed { message: String },
}

impl StepDocument {
    fn of(step: &StepRecord) -> Self {
        let StepRecord { name, outcome } = step;
        let (at, outcome) = match outcome {
            StepOutcome::Succeeded { at, output } => (
                at,
                StepOutcomeDocument::Succeeded {
                    output: output.clone(),
                },
            ),
            StepOutcome::Failed { at, message } => (
                at,
                StepOutcomeDocument::Failed {
                    message: message.clone(),
                },
            ),
        };
        Self {
            name: name.name().to_owned(),
            at: at.unix_micros(),
            outcome,
        }
    }

    fn record(self) -> Option<StepRecord> {
        let at = Timestamp::from_unix_micros(self.at).ok()?;
        Some(StepRecord {
            name: StepName::parse(&self.name)?,
            outcome: match self.outcome {
                StepOutcomeDocument::Succeeded { output } => StepOutcome::Succeeded { at, output },
                StepOutcomeDocument::Failed { message } => StepOutcome::Failed { at, message },
            },
        })
    }
}
