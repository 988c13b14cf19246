//! The keys of applications, as digests.

use billing_domain::access::api_key::{ApiKey, ApiKeyState};
use billing_domain::kernel::id::{ApiKeyId, AppId};
use billing_domain::kernel::ports::StoreError;
use billing_domain::kernel::stored::{Stored, Version};
use sea_orm::entity::prelude::{
    ActiveModelBehavior, DeriveEntityModel, DerivePrimaryKey, DeriveRelation, EntityTrait,
    EnumIter, PrimaryKeyTrait,
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{Cells, Row, micros, version_cell};

/// One row.
#[derive(Debug, Clone, PartialEq, Eq, DeriveEntityModel, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[sea_orm(table_name = "api_keys")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub version: i64,
    pub app_id: Uuid,
    pub prefix: String,
    pub hash: String,
    pub expires_at: Option<i64>,
    pub revoked_at: Option<i64>,
    pub created_at: i64,
}

/// Joins are not made through SeaORM.
#[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl Row for Entity {
    type Value = ApiKey;
    const ID: Column = Column::Id;
    const VERSION: Column = Column::Version;

    fn encode(value: &ApiKey, version: Version) -> Model {
        let ApiKey {
            id,
            app_id,
            prefix,
            hash,
            expires_at,
            state,
            created_at,
        } = value;
        let revoked_at = match state {
            ApiKeyState::Active => None,
            ApiKeyState::Revoked { revoked_at } => Some(*revoked_at),
        };
        Model {
            id: id.uuid(),
            version: version_cell(version),
            app_id: app_id.uuid(),
            prefix: prefix.clone(),
            hash: hash.clone(),
            expires_at: micros(*expires_at),
            revoked_at: micros(revoked_at),
            created_at: created_at.unix_micros(),
        }
    }

    fn decode(model: Model) -> Result<Stored<ApiKey>, StoreError> {
        let cells = Cells::of("api_keys", model.id);
        let state = match cells.optional_time("revoked_at", model.revoked_at)? {
            None => ApiKeyState::Active,
            Some(revoked_at) => ApiKeyState::Revoked { revoked_at },
        };
        let key = ApiKey {
            id: ApiKeyId::from_uuid(model.id),
            app_id: AppId::from_uuid(model.app_id),
            prefix: model.prefix,
            hash: model.hash,
            expires_at: cells.optional_time("expires_at", model.expires_at)?,
            state,
            created_at: cells.time("created_at", model.created_at)?,
        };
        cells.stored(key, model.version)
    }
}
