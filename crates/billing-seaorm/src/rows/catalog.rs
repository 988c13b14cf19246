//! What the members of tenants may choose from.

use billing_domain::kernel::id::{CatalogId, ProductId, TenantId};
use billing_domain::kernel::ports::StoreError;
use billing_domain::kernel::stored::{Stored, Version};
use billing_domain::kernel::text::Title;
use billing_domain::licensing::agreement::Catalog;
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
#[sea_orm(table_name = "catalogs")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub version: i64,
    pub tenant_id: Uuid,
    pub title: String,
    pub product_id: Uuid,
    pub created_at: i64,
}

/// Joins are not made through SeaORM.
#[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl Row for Entity {
    type Value = Catalog;
    const ID: Column = Column::Id;
    const VERSION: Column = Column::Version;

    fn encode(value: &Catalog, version: Version) -> Model {
        let Catalog {
            id,
            tenant_id,
            title,
            product_id,
            created_at,
        } = value;
        Model {
            id: id.uuid(),
            version: version_cell(version),
            tenant_id: tenant_id.uuid(),
            title: title.to_string(),
            product_id: product_id.uuid(),
            created_at: created_at.unix_micros(),
        }
    }

    fn decode(model: Model) -> Result<Stored<Catalog>, StoreError> {
        let cells = Cells::of("catalogs", model.id);
        let catalog = Catalog {
            id: CatalogId::from_uuid(model.id),
            tenant_id: TenantId::from_uuid(model.tenant_id),
            title: cells.parsed("title", Title::parse(&model.title))?,
            product_id: ProductId::from_uuid(model.product_id),
            created_at: cells.time("created_at", model.created_at)?,
        };
        cells.stored(catalog, model.version)
    }
}
