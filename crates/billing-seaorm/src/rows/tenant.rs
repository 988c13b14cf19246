//! Enterprise customers.

use billing_domain::kernel::id::TenantId;
use billing_domain::kernel::ports::StoreError;
use billing_domain::kernel::stored::{Stored, Version};
use billing_domain::kernel::text::{CompanyName, CountryCode, Slug};
use billing_domain::tenants::tenant::Tenant;
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
#[sea_orm(table_name = "tenants")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub version: i64,
    pub name: String,
    pub slug: String,
    pub country: Option<String>,
    pub created_at: i64,
}

/// Joins are not made through SeaORM.
#[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl Row for Entity {
    type Value = Tenant;
    const ID: Column = Column::Id;
    const VERSION: Column = Column::Version;

    fn encode(value: &Tenant, version: Version) -> Model {
        let Tenant {
            id,
            name,
            slug,
            country,
            created_at,
        } = value;
        Model {
            id: id.uuid(),
            version: version_cell(version),
            name: name.to_string(),
            slug: slug.to_string(),
            country: country.as_ref().map(ToString::to_string),
            created_at: created_at.unix_micros(),
        }
    }

    fn decode(model: Model) -> Result<Stored<Tenant>, StoreError> {
        let cells = Cells::of("tenants", model.id);
        let tenant = Tenant {
            id: TenantId::from_uuid(model.id),
            name: cells.parsed("name", CompanyName::parse(&model.name))?,
            slug: cells.parsed("slug", Slug::parse(&model.slug))?,
            country: cells.optional("country", model.country.as_deref(), CountryCode::parse)?,
            created_at: cells.time("created_at", model.created_at)?,
        };
        cells.stored(tenant, model.version)
    }
}
