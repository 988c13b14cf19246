//! Licences of plans.

use billing_domain::kernel::email::Email;
use billing_domain::kernel::id::{LicenseId, PlanId, UserId};
use billing_domain::kernel::ports::StoreError;
use billing_domain::kernel::stored::{Stored, Version};
use billing_domain::kernel::text::ActivationKey;
use billing_domain::licensing::license::{Assignment, License, LicenseState};
use sea_orm::entity::prelude::{
    ActiveModelBehavior, DeriveEntityModel, DerivePrimaryKey, DeriveRelation, EntityTrait,
    EnumIter, PrimaryKeyTrait,
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{Cells, Row, version_cell};

/// One row.
#[derive(Debug, Clone, PartialEq, Eq, DeriveEntityModel, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[sea_orm(table_name = "licenses")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub version: i64,
    pub plan_id: Uuid,
    pub state: String,
    pub email: Option<String>,
    pub activation_key: Option<String>,
    pub assigned_at: Option<i64>,
    pub user_id: Option<Uuid>,
    pub activated_at: Option<i64>,
    pub revoked_at: Option<i64>,
    pub created_at: i64,
}

/// Joins are not made through SeaORM.
#[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl Row for Entity {
    type Value = License;
    const ID: Column = Column::Id;
    const VERSION: Column = Column::Version;

    fn encode(value: &License, version: Version) -> Model {
        let License {
            id,
            plan_id,
            state,
            created_at,
        } = value;
        let free = Model {
            id: id.uuid(),
            version: version_cell(version),
            plan_id: plan_id.uuid(),
            state: state.name().to_owned(),
            email: None,
            activation_key: None,
            assigned_at: None,
            user_id: None,
            activated_at: None,
            revoked_at: None,
            created_at: created_at.unix_micros(),
        };
        match state {
            LicenseState::Unassigned => free,
            LicenseState::Assigned(assignment) => assigned(free, assignment),
            LicenseState::Activated {
                assignment,
                user_id,
                activated_at,
            } => Model {
                user_id: Some(user_id.uuid()),
                activated_at: Some(activated_at.unix_micros()),
                ..assigned(free, assignment)
            },
            LicenseState::Revoked {
                assignment,
                revoked_at,
            } => Model {
                revoked_at: Some(revoked_at.unix_micros()),
                ..match assignment {
                    Some(assignment) => assigned(free, assignment),
                    None => free,
                }
            },
        }
    }

    fn decode(model: Model) -> Result<Stored<License>, StoreError> {
        let cells = Cells::of("licenses", model.id);
        let state = match model.state.as_str() {
            "unassigned" => {
                cells.absent("email", model.email.as_ref())?;
                LicenseState::Unassigned
            }
            "assigned" => LicenseState::Assigned(assignment(&cells, &model)?),
            "activated" => LicenseState::Activated {
                assignment: assignment(&cells, &model)?,
                user_id: UserId::from_uuid(cells.present("user_id", model.user_id)?),
                activated_at: cells.present_time("activated_at", model.activated_at)?,
            },
            "revoked" => LicenseState::Revoked {
                assignment: match model.email {
                    Some(_) => Some(assignment(&cells, &model)?),
                    None => None,
                },
                revoked_at: cells.present_time("revoked_at", model.revoked_at)?,
            },
            _ => return Err(cells.inconsistent("state")),
        };
        let license = License {
            id: LicenseId::from_uuid(model.id),
            plan_id: PlanId::from_uuid(model.plan_id),
            state,
            created_at: cells.time("created_at", model.created_at)?,
        };
        cells.stored(license, model.version)
    }
}

fn assigned(free: Model, assignment: &Assignment) -> Model {
    let Assignment {
        email,
        activation_key,
        assigned_at,
    } = assignment;
    Model {
        email: Some(email.to_string()),
        activation_key: Some(activation_key.to_string()),
        assigned_at: Some(assigned_at.unix_micros()),
        ..free
    }
}

fn assignment(cells: &Cells, model: &Model) -> Result<Assignment, StoreError> {
    let email = cells.present("email", model.email.as_deref())?;
    let key = cells.present("activation_key", model.activation_key.as_deref())?;
    Ok(Assignment {
        email: cells.parsed("email", Email::parse(email))?,
        activation_key: cells.parsed("activation_key", ActivationKey::parse(key))?,
        assigned_at: cells.present_time("assigned_at", model.assigned_at)?,
    })
}
