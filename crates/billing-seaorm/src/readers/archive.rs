//! Old payloads and answers, as retention sees them.

use async_trait::async_trait;
use billing_domain::kernel::id::InboxEventId;
use billing_domain::kernel::ports::StoreError;
use billing_domain::kernel::stored::Stored;
use billing_domain::kernel::timestamp::Timestamp;
use billing_domain::provider_events::payload_retention::PayloadRetention;
use billing_domain::provider_events::ports::{AgedEvent, PayloadArchive, ScrubbedPayload};
use billing_domain::provider_events::stored_event::EventStatus;
use sea_orm::sea_query::{Expr, ExprTrait};
use sea_orm::{ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect};
use uuid::Uuid;

use crate::fault::store_error;
use crate::migrate::begin;
use crate::rows::{answer, provider_event, retention};
use crate::store::SeaOrmStore;

/// Nobody has to look at such an event any more.
const AT_REST: [EventStatus; 3] = [
    EventStatus::Processed,
    EventStatus::Skipped,
    EventStatus::Discarded,
];

#[async_trait]
impl PayloadArchive for SeaOrmStore {
    async fn aged_events(
        &self,
        after: Option<InboxEventId>,
        received_before: Timestamp,
        limit: u32,
    ) -> Result<Vec<AgedEvent>, StoreError> {
        use provider_event::{Column, Entity};
        // Keys rise with the time of receipt: behind the last old event there is nothing to look
        // for, however many young ones there are.
        let end = self.first_key_since(received_before).await?;
        let after = after.map_or_else(Uuid::nil, |id| id.uuid());
        let models = Entity::find()
            .filter(Column::Id.gt(after))
            .filter(Column::Id.lt(end))
            .filter(Column::ReceivedAt.lt(received_before.unix_micros()))
            .order_by_asc(Column::Id)
            .limit(u64::from(limit))
            .all(self.reads())
            .await
            .map_err(store_error)?;
        let event = |model: provider_event::Model| AgedEvent {
            id: InboxEventId::from_uuid(model.id),
            event_type: model.event_type,
            payload: model.payload,
            is_at_rest: EventStatus::parse(&model.status)
                .is_some_and(|status| AT_REST.contains(&status)),
            is_discarded: model.status == EventStatus::Discarded.name(),
            is_scrubbed: model.scrubbed_at.is_some(),
        };
        Ok(models.into_iter().map(event).collect())
    }

    async fn replace_payloads(
        &self,
        payloads: Vec<ScrubbedPayload>,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        use provider_event::{Column, Entity};
        if payloads.is_empty() {
            return Ok(());
        }
        let transaction = begin(self.writes()).await.map_err(store_error)?;
        for ScrubbedPayload { id, payload } in payloads {
            Entity::update_many()
                .col_expr(Column::Payload, Expr::value(payload))
                .col_expr(Column::Signature, Expr::value(""))
                .col_expr(Column::Headers, Expr::value(None::<String>))
                .col_expr(Column::RemoteAddress, Expr::value(None::<String>))
                .col_expr(Column::ScrubbedAt, Expr::value(now.unix_micros()))
                .col_expr(Column::Version, Expr::col(Column::Version).add(1))
                .filter(Column::Id.eq(id.uuid()))
                .filter(Column::Status.is_in(AT_REST.map(|status| status.name())))
                .exec(&transaction)
                .await
                .map_err(store_error)?;
        }
        transaction.commit().await.map_err(store_error)
    }

    async fn aged_answer_count(&self, before: Timestamp) -> Result<u64, StoreError> {
        let aged = answer::Entity::find()
            .filter(answer::Column::CreatedAt.lt(before.unix_micros()))
            .count(self.reads());
        aged.await.map_err(store_error)
    }

    async fn forget_answers(&self, before: Timestamp, limit: u32) -> Result<u64, StoreError> {
        use answer::{Column, Entity};
        let aged: Vec<(String, String, String)> = Entity::find()
            .select_only()
            .columns([Column::Principal, Column::Route, Column::IdempotencyKey])
            .filter(Column::CreatedAt.lt(before.unix_micros()))
            .order_by_asc(Column::CreatedAt)
            .limit(u64::from(limit))
            .into_tuple()
            .all(self.reads())
            .await
            .map_err(store_error)?;
        if aged.is_empty() {
            return Ok(0);
        }
        let mut forgotten = 0;
        let transaction = begin(self.writes()).await.map_err(store_error)?;
        for key in aged {
            let removed = Entity::delete_by_id(key).exec(&transaction).await;
            forgotten += removed.map_err(store_error)?.rows_affected;
        }
        transaction.commit().await.map_err(store_error)?;
        Ok(forgotten)
    }

    async fn retention(&self) -> Result<Option<Stored<PayloadRetention>>, StoreError> {
        use retention::Entity;
        self.first::<Entity>(Entity::find()).await
    }
}
