//! The durable inbox: stored once, leased, settled.

mod decisions;
mod receive;

use async_trait::async_trait;
use billing_domain::kernel::id::InboxEventId;
use billing_domain::kernel::ports::StoreError;
use billing_domain::kernel::stored::Version;
use billing_domain::kernel::text::ProviderRef;
use billing_domain::kernel::timestamp::Timestamp;
use billing_domain::provider_events::parent::Parent;
use billing_domain::provider_events::ports::{
    ClaimedEvent, Envelope, EventInbox, Receipt, ReceivedEvent, Settlement,
};
use billing_domain::provider_events::stored_event::{AttemptOutcome, EventStatus};
pub(crate) use decisions::write_decisions;
pub(crate) use receive::Receiving;
use sea_orm::sea_query::{Expr, ExprTrait};
use sea_orm::{
    ColumnTrait, ConnectionTrait, DbBackend, DbErr, EntityTrait, FromQueryResult, QueryFilter,
    Statement,
};

use self::decisions::keep_attempt;
use crate::fault::store_error;
use crate::migrate::begin;
use crate::rows::provider_event::{Column, Entity, Model};
use crate::rows::{self, Cells};
use crate::store::SeaOrmStore;

#[async_trait]
impl EventInbox for SeaOrmStore {
    async fn record(&self, event: ReceivedEvent) -> Result<Receipt, StoreError> {
        self.receive(received_row(event)).await
    }

    async fn claim_events(
        &self,
        now: Timestamp,
        leased_until: Timestamp,
        limit: u32,
    ) -> Result<Vec<ClaimedEvent>, StoreError> {
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
        // RETURNING promises no order.
        models.sort_by_key(|model| (model.created_at, model.id));
        models.into_iter().map(claimed).collect()
    }

    async fn settle(
        &self,
        id: InboxEventId,
        settlement: Settlement,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let mut waiting_for = None;
        let (status, next_attempt_at, error) = match settlement {
            Settlement::Skipped { reason } => (EventStatus::Skipped, None, Some(reason)),
            Settlement::Retry { at, error } => {
                (EventStatus::Failed, Some(at.unix_micros()), Some(error))
            }
            Settlement::Waiting { parent, at, error } => {
                waiting_for = Some(parent.key());
                (EventStatus::Failed, Some(at.unix_micros()), Some(error))
            }
            Settlement::Parked { reason } => (EventStatus::Parked, None, Some(reason)),
            Settlement::Deferred => (EventStatus::Deferred, None, None),
        };
        let update = Entity::update_many()
            .col_expr(Column::Status, Expr::value(status.name()))
            .col_expr(Column::NextAttemptAt, Expr::value(next_attempt_at))
            .col_expr(Column::ClaimedUntil, Expr::value(None::<i64>))
            .col_expr(Column::SettledAt, Expr::value(now.unix_micros()))
            .col_expr(Column::LastError, Expr::value(error.clone()))
            .col_expr(Column::WaitingFor, Expr::value(waiting_for))
            .col_expr(Column::Version, Expr::col(Column::Version).add(1))
            .filter(Column::Id.eq(id.uuid()))
            .filter(Column::AppliedAt.is_null())
            .filter(Column::Status.ne(EventStatus::Discarded.name()));
        let has_failed = matches!(status, EventStatus::Failed | EventStatus::Parked);
        if !has_failed {
            // The row itself tells the rest, so most events cost one statement.
            let settled = update.exec(self.writes()).await;
            return settled.map(|_| ()).map_err(store_error);
        }
        let transaction = begin(self.writes()).await.map_err(store_error)?;
        let settled = update.exec(&transaction).await.map_err(store_error)?;
        if settled.rows_affected > 0 {
            let outcome = AttemptOutcome {
                at: now,
                status,
                error,
            };
            let kept = keep_attempt(&transaction, id.uuid(), &outcome).await;
            kept.map_err(store_error)?;
        }
        transaction.commit().await.map_err(store_error)
    }

    async fn wake(&self, parent: &Parent, _now: Timestamp) -> Result<u64, StoreError> {
        wake_waiting(self.writes(), &[*parent])
            .await
            .map_err(store_error)
    }

    async fn release_deferred(&self, _now: Timestamp) -> Result<u64, StoreError> {
        let released = Entity::update_many()
            .col_expr(Column::Status, Expr::value(EventStatus::Received.name()))
            .col_expr(Column::SettledAt, Expr::value(None::<i64>))
            .col_expr(Column::Version, Expr::col(Column::Version).add(1))
            .filter(Column::Status.eq(EventStatus::Deferred.name()))
            .filter(Column::AppliedAt.is_null())
            .exec(self.writes())
            .await
            .map_err(store_error)?;
        Ok(released.rows_affected)
    }
}

/// Makes the events due that wait for one of these parents.
pub(crate) async fn wake_waiting<C: ConnectionTrait>(
    connection: &C,
    parents: &[Parent],
) -> Result<u64, DbErr> {
    if parents.is_empty() {
        return Ok(0);
    }
    let keys = parents.iter().map(Parent::key);
    let woken = Entity::update_many()
        .col_expr(Column::Status, Expr::value(EventStatus::Received.name()))
        .col_expr(Column::NextAttemptAt, Expr::value(None::<i64>))
        .col_expr(Column::WaitingFor, Expr::value(None::<String>))
        .col_expr(Column::Version, Expr::col(Column::Version).add(1))
        .filter(Column::WaitingFor.is_in(keys))
        .filter(Column::Status.eq(EventStatus::Failed.name()))
        .exec(connection)
        .await?;
    Ok(woken.rows_affected)
}

fn received_row(event: ReceivedEvent) -> Model {
    let ReceivedEvent {
        id,
        envelope,
        payload,
        signature,
        correlation_id,
        received_at,
    } = event;
    let Envelope {
        provider_event_id,
        event_type,
        api_version,
        is_live,
        account,
        created_at,
    } = envelope;
    Model {
        id: id.uuid(),
        provider_event_id: provider_event_id.to_string(),
        event_type,
        api_version,
        is_live,
        account,
        payload,
        signature,
        correlation_id,
        created_at: created_at.unix_micros(),
        received_at: received_at.unix_micros(),
        status: EventStatus::Received.name().to_owned(),
        attempts: 0,
        next_attempt_at: None,
        claimed_until: None,
        applied_at: None,
        settled_at: None,
        last_error: None,
        version: rows::version_cell(Version::FIRST),
        waiting_for: None,
    }
}

/// One statement on both databases. PostgreSQL passes over rows that another worker is
/// claiming; SQLite has one writer, so there is nobody to pass over.
fn claim_statement(backend: DbBackend) -> String {
    let skip_locked = match backend {
        DbBackend::Postgres => "FOR UPDATE SKIP LOCKED",
        _ => "",
    };
    format!(
        "UPDATE provider_events
         SET status = 'processing', claimed_until = $1, next_attempt_at = NULL, attempts = attempts + 1,
             version = version + 1
         WHERE id IN (
             SELECT id FROM provider_events
             WHERE status IN ('received', 'processing', 'failed')
               AND (status = 'received'
                    OR (status = 'failed' AND next_attempt_at <= $2)
                    OR (status = 'processing' AND claimed_until <= $2))
             ORDER BY created_at, id
             LIMIT $3
             {skip_locked}
         )
         RETURNING *"
    )
}

fn claimed(model: Model) -> Result<ClaimedEvent, StoreError> {
    let cells = Cells::of("provider_events", model.id);
    Ok(ClaimedEvent {
        id: InboxEventId::from_uuid(model.id),
        provider_event_id: cells.parsed(
            "provider_event_id",
            ProviderRef::parse(&model.provider_event_id),
        )?,
        event_type: model.event_type,
        payload: model.payload,
        created_at: cells.time("created_at", model.created_at)?,
        // The claim itself counted one.
        attempts: cells.count("attempts", model.attempts - 1)?,
        correlation_id: model.correlation_id,
    })
}
