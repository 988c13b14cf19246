//! Reasons why users may use features.

use billing_domain::entitlements::entitlement::{Entitlement, EntitlementSource, EntitlementState};
use billing_domain::kernel::id::{EntitlementId, LicenseId, ProjectId, UserId};
use billing_domain::kernel::ports::StoreError;
use billing_domain::kernel::stored::{Stored, Version};
use billing_domain::kernel::text::FeatureCode;
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
#[sea_orm(table_name = "entitlements")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub version: i64,
    pub user_id: Uuid,
    pub project_id: Uuid,
    pub feature_code: String,
    pub source_kind: String,
    pub source_id: Uuid,
    pub revoked_at: Option<i64>,
    pub valid_from: i64,
    pub valid_to: Option<i64>,
}

/// Joins are not made through SeaORM.
#[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl Row for Entity {
    type Value = Entitlement;
    const ID: Column = Column::Id;
    const VERSION: Column = Column::Version;

    fn encode(value: &Entitlement, version: Version) -> Model {
        let Entitlement {
            id,
            user_id,
            project_id,
            feature_code,
            source,
            state,
            valid_from,
            valid_to,
        } = value;
        let revoked_at = match state {
            EntitlementState::Active => None,
            EntitlementState::Revoked { revoked_at } => Some(*revoked_at),
        };
        Model {
            id: id.uuid(),
            version: version_cell(version),
            user_id: user_id.uuid(),
            project_id: project_id.uuid(),
            feature_code: feature_code.to_string(),
            source_kind: source.kind().to_owned(),
            source_id: source_id(*source),
            revoked_at: micros(revoked_at),
            valid_from: valid_from.unix_micros(),
            valid_to: micros(*valid_to),
        }
    }

    fn decode(model: Model) -> Result<Stored<Entitlement>, StoreError> {
        let cells = Cells::of("entitlements", model.id);
        let license = EntitlementSource::License(LicenseId::from_uuid(model.source_id));
        if model.source_kind != license.kind() {
            return Err(cells.inconsistent("source_kind"));
        }
        let state = match cells.optional_time("revoked_at", model.revoked_at)? {
            None => EntitlementState::Active,
            Some(revoked_at) => EntitlementState::Revoked { revoked_at },
        };
        let entitlement = Entitlement {
            id: EntitlementId::from_uuid(model.id),
            user_id: UserId::from_uuid(model.user_id),
            project_id: ProjectId::from_uuid(model.project_id),
            feature_code: cells.parsed("feature_code", FeatureCode::parse(&model.feature_code))?,
            source: license,
            state,
            valid_from: cells.time("valid_from", model.valid_from)?,
            valid_to: cells.optional_time("valid_to", model.valid_to)?,
        };
        cells.stored(entitlement, model.version)
    }
}

/// The id of a source, without its kind.
pub(crate) fn source_id(source: EntitlementSource) -> Uuid {
    match source {
        EntitlementSource::License(id) => id.uuid(),
    }
}
