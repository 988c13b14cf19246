//! The outbox as a queue: leased, delivered, tried again.

use async_trait::async_trait;
use billing_domain::kernel::id::MessageId;
use billing_domain::kernel::ports::StoreError;
use billing_domain::kernel::timestamp::Timestamp;
use billing_domain::outbox::ports::{DEPTH_COUNTED_MAX, OutboxDepth, OutboxMessage, OutboxQueue};
use sea_orm::sea_query::{Expr, ExprTrait};
use sea_orm::{
    ColumnTrait, ConnectionTrait, DbBackend, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
    Statement,
};

use crate::fault::store_error;
use crate::rows::Cells;
use crate::rows::outbox::{Column, Entity, Model};
use crate::store::SeaOrmStore;

#[async_trait]
impl OutboxQueue for SeaOrmStore {
    async fn take_messages(
        &self,
        publisher: &str,
        now: Timestamp,
        leased_until: Timestamp,
        limit: u32,
    ) -> Result<Option<Vec<OutboxMessage>>, StoreError> {
        let now = now.unix_micros();
        let lease = Statement::from_sql_and_values(
            self.backend(),
            "UPDATE outbox_lease SET publisher = $1, leased_until = $2
             WHERE publisher = $1 OR leased_until <= $3",
            [
                publisher.into(),
                leased_until.unix_micros().into(),
                now.into(),
            ],
        );
        let taken = self
            .writes()
            .execute_raw(lease)
            .await
            .map_err(store_error)?;
        if taken.rows_affected() == 0 {
            return Ok(None);
        }
        if limit == 0 {
            return Ok(Some(Vec::new()));
        }
        // Changes of one entity at the same instant go by version.
        let due = Entity::find()
            .filter(Column::DeliveredAt.is_null())
            .filter(
                Column::NextAttemptAt
                    .is_null()
                    .or(Column::NextAttemptAt.lte(now)),
            )
            .order_by_asc(Column::CreatedAt)
            .order_by_asc(Column::EntityVersion)
            .order_by_asc(Column::Id)
            .limit(u64::from(limit));
        let due = due.all(self.writes()).await.map_err(store_error)?;
        let messages: Result<_, _> = due.into_iter().map(message).collect();
        messages.map(Some)
    }

    async fn release_outbox(&self, publisher: &str) -> Result<(), StoreError> {
        let release = Statement::from_sql_and_values(
            self.backend(),
            "UPDATE outbox_lease SET leased_until = 0 WHERE publisher = $1",
            [publisher.into()],
        );
        let released = self.writes().execute_raw(release).await;
        released.map(|_| ()).map_err(store_error)
    }

    async fn mark_delivered(&self, ids: &[MessageId], now: Timestamp) -> Result<(), StoreError> {
        let ids = ids.iter().map(MessageId::uuid);
        let delivered = match self.backend() {
            // One bound value, whatever the number of ids.
            DbBackend::Postgres => Column::Id.eq_any(ids),
            _ => Column::Id.is_in(ids),
        };
        Entity::update_many()
            .col_expr(Column::DeliveredAt, Expr::value(now.unix_micros()))
            .col_expr(Column::Attempts, Expr::col(Column::Attempts).add(1))
            .col_expr(Column::NextAttemptAt, Expr::value(None::<i64>))
            .col_expr(Column::LastError, Expr::value(None::<String>))
            .filter(delivered)
            .filter(Column::DeliveredAt.is_null())
            .exec(self.writes())
            .await
            .map(|_| ())
            .map_err(store_error)
    }

    async fn retry_message(
        &self,
        id: MessageId,
        at: Timestamp,
        error: &str,
    ) -> Result<(), StoreError> {
        Entity::update_many()
            .col_expr(Column::NextAttemptAt, Expr::value(at.unix_micros()))
            .col_expr(Column::Attempts, Expr::col(Column::Attempts).add(1))
            .col_expr(Column::LastError, Expr::value(error))
            .filter(Column::Id.eq(id.uuid()))
            .filter(Column::DeliveredAt.is_null())
            .exec(self.writes())
            .await
            .map(|_| ())
            .map_err(store_error)
    }

    async fn outbox_depth(&self) -> Result<OutboxDepth, StoreError> {
        let sql = format!(
            "SELECT COUNT(*) AS waiting, MIN(created_at) AS oldest
             FROM (SELECT created_at FROM outbox_messages WHERE delivered_at IS NULL
                   ORDER BY created_at, entity_version, id LIMIT {DEPTH_COUNTED_MAX}) AS open"
        );
        let statement = Statement::from_string(self.backend(), sql);
        let row = self.reads().query_one_raw(statement).await;
        let row = row.map_err(store_error)?;
        let mut depth = OutboxDepth {
            waiting_count: 0,
            oldest_at: None,
        };
        if let Some(row) = row {
            let waiting: i64 = row.try_get("", "waiting").map_err(store_error)?;
            let oldest: Option<i64> = row.try_get("", "oldest").map_err(store_error)?;
            depth.waiting_count = u64::try_from(waiting).unwrap_or_default();
            depth.oldest_at = oldest.and_then(|at| Timestamp::from_unix_micros(at).ok());
        }
        Ok(depth)
    }
}

fn message(model: Model) -> Result<OutboxMessage, StoreError> {
    let cells = Cells::of("outbox_messages", model.id);
    Ok(OutboxMessage {
        id: MessageId::from_uuid(model.id),
        topic: model.topic,
        payload: model.payload,
        dedup_key: model.dedup_key,
        attempts: cells.count("attempts", model.attempts)?,
        created_at: cells.time("created_at", model.created_at)?,
        correlation_id: model.correlation_id,
    })
}
