//! How far payloads were scrubbed: one row.

use billing_domain::kernel::id::{InboxEventId, RetentionId};
use billing_domain::kernel::ports::StoreError;
use billing_domain::kernel::stored::{Stored, Version};
use billing_domain::provider_events::payload_retention::PayloadRetention;
use sea_orm::entity::prelude::{
    ActiveModelBehavior, DeriveEntityModel, DerivePrimaryKey, DeriveRelation, EntityTrait,
    EnumIter, PrimaryKeyTrait,
};
use uuid::Uuid;

use super::{Cells, Row, version_cell};

/// One row.
#[derive(Debug, Clone, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "payload_retention")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub version: i64,
    pub scrubbed_until: Option<Uuid>,
    pub received_before: i64,
    pub scrubbed_count: i64,
    pub kept_count: i64,
    pub answer_count: i64,
}

/// Joins are not made through SeaORM.
#[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

fn cell(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

impl Row for Entity {
    type Value = PayloadRetention;
    const ID: Column = Column::Id;
    const VERSION: Column = Column::Version;

    fn encode(value: &PayloadRetention, version: Version) -> Model {
        let PayloadRetention {
            id,
            scrubbed_until,
            received_before,
            scrubbed_count,
            kept_count,
            answer_count,
        } = value;
        Model {
            id: id.uuid(),
            version: version_cell(version),
            scrubbed_until: scrubbed_until.map(|id| id.uuid()),
            received_before: received_before.unix_micros(),
            scrubbed_count: cell(*scrubbed_count),
            kept_count: cell(*kept_count),
            answer_count: cell(*answer_count),
        }
    }

    fn decode(model: Model) -> Result<Stored<PayloadRetention>, StoreError> {
        let cells = Cells::of("payload_retention", model.id);
        let retention = PayloadRetention {
            id: RetentionId::from_uuid(model.id),
            scrubbed_until: model.scrubbed_until.map(InboxEventId::from_uuid),
            received_before: cells.time("received_before", model.received_before)?,
            scrubbed_count: cells.parsed("scrubbed_count", u64::try_from(model.scrubbed_count))?,
            kept_count: cells.parsed("kept_count", u64::try_from(model.kept_count))?,
            answer_count: cells.parsed("answer_count", u64::try_from(model.answer_count))?,
        };
        cells.stored(retention, model.version)
    }
}
