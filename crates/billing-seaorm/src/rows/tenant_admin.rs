//! Those who administer tenants.

use billing_domain::kernel::email::Email;
use billing_domain::kernel::id::{TenantAdminId, TenantId, UserId};
use billing_domain::kernel::ports::StoreError;
use billing_domain::kernel::stored::{Stored, Version};
use billing_domain::tenants::tenant::TenantAdmin;
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
#[sea_orm(table_name = "tenant_admins")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub version: i64,
    pub tenant_id: Uuid,
    pub email: String,
    pub user_id: Option<Uuid>,
}

/// Joins are not made through SeaORM.
#[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl Row for Entity {
    type Value = TenantAdmin;
    const ID: Column = Column::Id;
    const VERSION: Column = Column::Version;

    fn encode(value: &TenantAdmin, version: Version) -> Model {
        let TenantAdmin {
            id,
            tenant_id,
            email,
            user_id,
        } = value;
        Model {
            id: id.uuid(),
            version: version_cell(version),
            tenant_id: tenant_id.uuid(),
            email: email.to_string(),
            user_id: user_id.map(|id| id.uuid()),
        }
    }

    fn decode(model: Model) -> Result<Stored<TenantAdmin>, StoreError> {
        let cells = Cells::of("tenant_admins", model.id);
        let admin = TenantAdmin {
            id: TenantAdminId::from_uuid(model.id),
            tenant_id: TenantId::from_uuid(model.tenant_id),
            email: cells.parsed("email", Email::parse(&model.email))?,
            user_id: model.user_id.map(UserId::from_uuid),
        };
        cells.stored(admin, model.version)
    }
}
