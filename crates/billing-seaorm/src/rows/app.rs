//! Applications of projects.

use billing_domain::access::project::App;
use billing_domain::kernel::id::{AppId, ProjectId};
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
#[sea_orm(table_name = "apps")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub version: i64,
    pub project_id: Uuid,
    pub name: String,
    pub is_active: bool,
}

/// Joins are not made through SeaORM.
#[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl Row for Entity {
    type Value = App;
    const ID: Column = Column::Id;
    const VERSION: Column = Column::Version;

    fn encode(value: &App, version: Version) -> Model {
        let App {
            id,
            project_id,
            name,
            is_active,
        } = value;
        Model {
            id: id.uuid(),
            version: version_cell(version),
            project_id: project_id.uuid(),
            name: name.to_string(),
            is_active: *is_active,
        }
    }

    fn decode(model: Model) -> Result<Stored<App>, StoreError> {
        let cells = Cells::of("apps", model.id);
        let app = App {
            id: AppId::from_uuid(model.id),
            project_id: ProjectId::from_uuid(model.project_id),
            name: cells.parsed("name", Title::parse(&model.name))?,
            is_active: model.is_active,
        };
        cells.stored(app, model.version)
    }
}
