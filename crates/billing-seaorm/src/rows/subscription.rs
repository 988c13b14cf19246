//! The mirrors of the provider's subscriptions.

use billing_domain::kernel::id::{IntentId, SubscriptionId};
use billing_domain::kernel::ports::StoreError;
use billing_domain::kernel::stored::{Stored, Version};
use billing_domain::kernel::text::ProviderRef;
use billing_domain::subscriptions::subscription::{
    Subscription, SubscriptionFacts, SubscriptionStatus,
};
use sea_orm::entity::prelude::{
    ActiveModelBehavior, DeriveEntityModel, DerivePrimaryKey, DeriveRelation, EntityTrait,
    EnumIter, PrimaryKeyTrait,
};
use uuid::Uuid;

use super::{Cells, Row, micros, version_cell};

/// One row.
#[derive(Debug, Clone, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "subscriptions")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub version: i64,
    pub intent_id: Option<Uuid>,
    pub provider_id: String,
    pub customer_ref: String,
    pub status: String,
    pub quantity: i64,
    pub price_ref: Option<String>,
    pub period_start: Option<i64>,
    pub period_end: Option<i64>,
    pub trial_end: Option<i64>,
    pub cancel_at: Option<i64>,
    pub canceled_at: Option<i64>,
    pub ended_at: Option<i64>,
    pub has_pending_update: bool,
    pub observed_at: i64,
    pub created_at: i64,
    pub quantity_max: i64,
}

/// Joins are not made through SeaORM.
#[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl Row for Entity {
    type Value = Subscription;
    const ID: Column = Column::Id;
    const VERSION: Column = Column::Version;

    fn encode(value: &Subscription, version: Version) -> Model {
        let Subscription {
            id,
            intent_id,
            facts,
            quantity_max,
            observed_at,
            created_at,
        } = value;
        let SubscriptionFacts {
            provider_id,
            customer,
            status,
            quantity,
            price,
            period_start,
            period_end,
            trial_end,
            cancel_at,
            canceled_at,
            ended_at,
            has_pending_update,
        } = facts;
        Model {
            id: id.uuid(),
            version: version_cell(version),
            intent_id: intent_id.map(|id| id.uuid()),
            provider_id: provider_id.to_string(),
            customer_ref: customer.to_string(),
            status: status.name().to_owned(),
            quantity: i64::from(*quantity),
            price_ref: price.as_ref().map(ToString::to_string),
            period_start: micros(*period_start),
            period_end: micros(*period_end),
            trial_end: micros(*trial_end),
            cancel_at: micros(*cancel_at),
            canceled_at: micros(*canceled_at),
            ended_at: micros(*ended_at),
            has_pending_update: *has_pending_update,
            observed_at: observed_at.unix_micros(),
            created_at: created_at.unix_micros(),
            quantity_max: i64::from(*quantity_max),
        }
    }

    fn decode(model: Model) -> Result<Stored<Subscription>, StoreError> {
        let cells = Cells::of("subscriptions", model.id);
        let facts = SubscriptionFacts {
            provider_id: cells.parsed("provider_id", ProviderRef::parse(&model.provider_id))?,
            customer: cells.parsed("customer_ref", ProviderRef::parse(&model.customer_ref))?,
            status: cells.present("status", SubscriptionStatus::parse(&model.status))?,
            quantity: cells.count("quantity", model.quantity)?,
            price: cells.optional("price_ref", model.price_ref.as_deref(), ProviderRef::parse)?,
            period_start: cells.optional_time("period_start", model.period_start)?,
            period_end: cells.optional_time("period_end", model.period_end)?,
            trial_end: cells.optional_time("trial_end", model.trial_end)?,
            cancel_at: cells.optional_time("cancel_at", model.cancel_at)?,
            canceled_at: cells.optional_time("canceled_at", model.canceled_at)?,
            ended_at: cells.optional_time("ended_at", model.ended_at)?,
            has_pending_update: model.has_pending_update,
        };
        let subscription = Subscription {
            id: SubscriptionId::from_uuid(model.id),
            intent_id: model.intent_id.map(IntentId::from_uuid),
            facts,
            quantity_max: cells.count("quantity_max", model.quantity_max)?,
            observed_at: cells.time("observed_at", model.observed_at)?,
            created_at: cells.time("created_at", model.created_at)?,
        };
        cells.stored(subscription, model.version)
    }
}
