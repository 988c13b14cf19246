//! What tenants hold their plans under.

use billing_domain::kernel::id::{AgreementId, CatalogId, TenantId};
use billing_domain::kernel::ports::StoreError;
use billing_domain::kernel::stored::{Stored, Version};
use billing_domain::licensing::agreement::CustomerAgreement;
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
#[sea_orm(table_name = "agreements")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub version: i64,
    pub tenant_id: Uuid,
    pub default_catalog_id: Uuid,
    pub created_at: i64,
}

/// Joins are not made through SeaORM.
#[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl Row for Entity {
    type Value = CustomerAgreement;
    const ID: Column = Column::Id;
    const VERSION: Column = Column::Version;

    fn encode(value: &CustomerAgreement, version: Version) -> Model {
        let CustomerAgreement {
            id,
            tenant_id,
            default_catalog_id,
            created_at,
        } = value;
        Model {
            id: id.uuid(),
            version: version_cell(version),
            tenant_id: tenant_id.uuid(),
            default_catalog_id: default_catalog_id.uuid(),
            created_at: created_at.unix_micros(),
        }
    }

    fn decode(model: Model) -> Result<Stored<CustomerAgreement>, StoreError> {
        let cells = Cells::of("agreements", model.id);
        let agreement = CustomerAgreement {
            id: AgreementId::from_uuid(model.id),
            tenant_id: TenantId::from_uuid(model.tenant_id),
            default_catalog_id: CatalogId::from_uuid(model.default_catalog_id),
            created_at: cells.time("created_at", model.created_at)?,
        };
        cells.stored(agreement, model.version)
    }
}
