//! Projects.

use billing_domain::access::project::Project;
use billing_domain::kernel::id::ProjectId;
use billing_domain::kernel::ports::StoreError;
use billing_domain::kernel::stored::{Stored, Version};
use billing_domain::kernel::text::Title;
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
#[sea_orm(table_name = "projects")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub version: i64,
    pub name: String,
    pub is_active: bool,
}

/// Joins are not made through SeaORM.
#[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl Row for Entity {
    type Value = Project;
    const ID: Column = Column::Id;
    const VERSION: Column = Column::Version;

    fn encode(value: &Project, version: Version) -> Model {
        let Project {
            id,
            name,
            is_active,
        } = value;
        Model {
            id: id.uuid(),
            version: version_cell(version),
            name: name.to_string(),
            is_active: *is_active,
        }
    }

    fn decode(model: Model) -> Result<Stored<Project>, StoreError> {
        let cells = Cells::of("projects", model.id);
        let project = Project {
            id: ProjectId::from_uuid(model.id),
            name: cells.parsed("name", Title::parse(&model.name))?,
            is_active: model.is_active,
        };
        cells.stored(project, model.version)
    }
}
