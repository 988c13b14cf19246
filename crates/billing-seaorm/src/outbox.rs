//! The outbox as a queue: leased, delivered, tried again.

use async_trait::async_trait;
use billing_domain::kernel::id::MessageId;
use billing_domain::kernel::ports::StoreError;
use billing_domain::kernel::timestamp::Timestamp;
use billing_domain::outbox::ports::{OutboxMessage, OutboxQueue};
use sea_orm::sea_query::Expr;
use sea_orm::{
    ColumnTrait, ConnectionTrait, DbBackend, EntityTrait, FromQueryResult, QueryFilter, Statement,
};

use crate::fault::store_error;
use crate::rows::Cells;
use crate::rows::outbox::{Column, Entity, Model};
use crate::store::SeaOrmStore;

#[async_trait]
impl OutboxQueue for SeaOrmStore {
    async fn claim_messages(
        &self,
        now: Timestamp,
        leased_until: Timestamp,
        limit: u32,
    ) -> Result<Vec<OutboxMessage>, StoreError> {
        let statement = Statement::from_sql_and_values(
            self.backend(),
            claim_statement(self.backend()),
            [
                leased_until.unix_micros().into(),
                now.unix_micros().into(),
                i64::from(limit).into(),
            ],
        );
        let rows = self
            .writes()
            .query_all_raw(statement)
            .await
            .map_err(store_error)?;
        let mut models = rows
            .iter()
            .map(|row| Model::from_query_result(row, ""))
            .collect::<Result<Vec<_>, _>>()
            .map_err(store_error)?;
        // RETURNING promises no order. Changes of one entity at the same instant go by version.
        models.sort_by_key(|model| (model.created_at, model.entity_version, model.id));
        models.into_iter().map(message).collect()
    }

    async fn mark_delivered(&self, id: MessageId, now: Timestamp) -> Result<(), StoreError> {
        Entity::update_many()
            .col_expr(Column::DeliveredAt, Expr::value(now.unix_micros()))
            .col_expr(Column::ClaimedUntil, Expr::value(None::<i64>))
            .col_expr(Column::NextAttemptAt, Expr::value(None::<i64>))
            .col_expr(Column::LastError, Expr::value(None::<String>))
            .filter(Column::Id.eq(id.uuid()))
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
            .col_expr(Column::ClaimedUntil, Expr::value(None::<i64>))
            .col_expr(Column::LastError, Expr::value(error))
            .filter(Column::Id.eq(id.uuid()))
            .filter(Column::DeliveredAt.is_null())
            .exec(self.writes())
            .await
            .map(|_| ())
            .map_err(store_error)
    }
}

/// See the inbox: one statement, and PostgreSQL passes over what others are claiming.
fn claim_statement(backend: DbBackend) -> String {
    let skip_locked = match backend {
        DbBackend::Postgres => "FOR UPDATE SKIP LOCKED",
        _ => "",
    };
    format!(
        "UPDATE outbox_messages
         SET claimed_until = $1, next_attempt_at = NULL, attempts = attempts + 1
         WHERE id IN (
             SELECT id FROM outbox_messages
             WHERE delivered_at IS NULL
               AND (claimed_until IS NULL OR claimed_until <= $2)
               AND (next_attempt_at IS NULL OR next_attempt_at <= $2)
             ORDER BY created_at, entity_version, id
             LIMIT $3
             {skip_locked}
         )
         RETURNING *"
    )
}

fn message(model: Model) -> Result<OutboxMessage, StoreError> {
    let cells = Cells::of("outbox_messages", model.id);
    Ok(OutboxMessage {
        id: MessageId::from_uuid(model.id),
        topic: model.topic,
        payload: model.payload,
        dedup_key: model.dedup_key,
        // The claim itself counted one.
        attempts: cells.count("attempts", model.attempts - 1)?,
        created_at: cells.time("created_at", model.created_at)?,
        correlation_id: model.correlation_id,
    })
}
