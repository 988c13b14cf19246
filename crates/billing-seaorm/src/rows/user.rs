//! Users of projects.

use billing_domain::access::user::User;
use billing_domain::kernel::email::Email;
use billing_domain::kernel::id::{ProjectId, UserId};
use billing_domain::kernel::ports::StoreError;
use billing_domain::kernel::stored::{Stored, Version};
use billing_domain::kernel::text::ExternalUserId;
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
#[sea_orm(table_name = "users")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub version: i64,
    pub project_id: Uuid,
    pub external_id: String,
    pub email: Option<String>,
}

/// Joins are not made through SeaORM.
#[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl Row for Entity {
    type Value = User;
    const ID: Column = Column::Id;
    const VERSION: Column = Column::Version;

    fn encode(value: &User, version: Version) -> Model {
        let User {
            id,
            project_id,
            external_id,
            email,
        } = value;
        Model {
            id: id.uuid(),
            version: version_cell(version),
            project_id: project_id.uuid(),
            external_id: external_id.to_string(),
            email: email.as_ref().map(ToString::to_string),
        }
    }

    fn decode(model: Model) -> Result<Stored<User>, StoreError> {
        let cells = Cells::of("users", model.id);
        let user = User {
            id: UserId::from_uuid(model.id),
            project_id: ProjectId::from_uuid(model.project_id),
            external_id: cells.parsed("external_id", ExternalUserId::parse(&model.external_id))?,
            email: cells.optional("email", model.email.as_deref(), Email::parse)?,
        };
        cells.stored(user, model.version)
    }
}
