//! Ends attempts that had no effect, many at once.

use std::collections::HashSet;

use billing_domain::kernel::timestamp::Timestamp;
use billing_domain::provider_events::parent::Parent;
use billing_domain::provider_events::ports::{Settled, Settlement};
use billing_domain::provider_events::stored_event::{AttemptOutcome, EventStatus};
use sea_orm::{ConnectionTrait, DatabaseTransaction, DbBackend, DbErr, Statement, Value};
use uuid::Uuid;

use super::decisions::keep_attempt;
use super::still_held;
use super::waiting::{hold_back, wake_known};
use crate::many_rows::{ManyRows, returned_ids};
use crate::migrate::begin;
use crate::store::SeaOrmStore;

/// A settlement as cells.
struct Row {
    id: Uuid,
    status: EventStatus,
    next_attempt_at: Option<i64>,
    error: Option<String>,
    waiting_for: Option<String>,
}

impl Row {
    fn of(settled: Settled) -> Self {
        let Settled {
            id,
            hold: _,
            settlement,
        } = settled;
        let waiting_for = settlement.waiting_for().map(Parent::key);
        let (status, next_attempt_at, error) = match settlement {
            Settlement::Skipped { reason, .. } => (EventStatus::Skipped, None, Some(reason)),
            Settlement::Retry { at, error } | Settlement::Waiting { at, error, .. } => {
                (EventStatus::Failed, Some(at.unix_micros()), Some(error))
            }
            Settlement::Parked { reason, .. } => (EventStatus::Parked, None, Some(reason)),
            Settlement::Deferred => (EventStatus::Deferred, None, None),
        };
        Self {
            id: id.uuid(),
            status,
            next_attempt_at,
            error,
            waiting_for,
        }
    }
}

/// What every settlement writes; an attempt that was not written down when it began counts now.
const ENDED: &str = "attempts = attempts + CASE WHEN status = 'processing' THEN 0 ELSE 1 END,
     abandoned = 0, claimed_until = NULL, version = version + 1";

/// What is applied or discarded stays so.
pub(crate) const IS_OPEN: &str = "applied_at IS NULL AND status <> 'discarded'";

impl SeaOrmStore {
    pub(super) async fn settle_all(
        &self,
        mut settled: Vec<Settled>,
        now: Timestamp,
    ) -> Result<(), DbErr> {
        let transaction = begin(self.writes()).await?;
        let holds: HashSet<_> = settled.iter().filter_map(|each| each.hold).collect();
        if !holds.is_empty() {
            let still = still_held(&transaction, &holds).await?;
            settled.retain(|each| each.hold.is_none_or(|hold| still.contains(&hold)));
        }
        let awaited = settled
            .iter()
            .filter_map(|each| each.settlement.waiting_for());
        let awaited: Vec<Parent> = awaited.cloned().collect();
        let rows: Vec<Row> = settled.into_iter().map(Row::of).collect();
        if !awaited.is_empty() {
            hold_back(&transaction, &awaited).await?;
        }
        if !rows.is_empty() {
            let changed = write(&transaction, &rows, now).await?;
            keep_failures(&transaction, rows, &changed, now).await?;
        }
        if !awaited.is_empty() {
            wake_known(&transaction, &awaited).await?;
        }
        transaction.commit().await
    }
}

/// Gives the ids of the events that were open.
async fn write(
    transaction: &DatabaseTransaction,
    rows: &[Row],
    now: Timestamp,
) -> Result<HashSet<Uuid>, DbErr> {
    let backend = transaction.get_database_backend();
    if backend == DbBackend::Postgres {
        let rows = ManyRows::new(rows.len())
            .with("id", rows.iter().map(|row| row.id))
            .with("status", rows.iter().map(|row| row.status.name()))
            .with_nullable(
                "next_attempt_at",
                rows.iter().map(|row| row.next_attempt_at),
            )
            .with_nullable("last_error", rows.iter().map(|row| row.error.clone()))
            .with_nullable(
                "waiting_for",
                rows.iter().map(|row| row.waiting_for.clone()),
            )
            .unnested();
        let cells = rows.assignments(&["id"]);
        let mut values = rows.values;
        values.push(now.unix_micros().into());
        let sql = format!(
            "UPDATE provider_events AS event SET {cells}, settled_at = ${}, {} FROM {}
             WHERE event.id = new.id AND event.applied_at IS NULL AND event.status <> 'discarded'
             RETURNING event.id",
            values.len(),
            ENDED.replace("WHEN status", "WHEN event.status"),
            rows.source,
        );
        let statement = Statement::from_sql_and_values(backend, sql, values);
        return Ok(returned_ids(transaction, statement)
            .await?
            .into_iter()
            .collect());
    }
    let sql = format!(
        "UPDATE provider_events
         SET status = $1, next_attempt_at = $2, last_error = $3, settled_at = $4,
             waiting_for = $5, {ENDED}
         WHERE id = $6 AND {IS_OPEN} RETURNING id"
    );
    let mut changed = HashSet::new();
    for row in rows {
        let values: [Value; 6] = [
            row.status.name().into(),
            row.next_attempt_at.into(),
            row.error.clone().into(),
            now.unix_micros().into(),
            row.waiting_for.clone().into(),
            row.id.into(),
        ];
        let statement = Statement::from_sql_and_values(backend, &sql, values);
        changed.extend(returned_ids(transaction, statement).await?);
    }
    Ok(changed)
}

/// Of other outcomes the row itself tells everything.
async fn keep_failures(
    transaction: &DatabaseTransaction,
    rows: Vec<Row>,
    changed: &HashSet<Uuid>,
    now: Timestamp,
) -> Result<(), DbErr> {
    for row in rows {
        let has_failed = matches!(row.status, EventStatus::Failed | EventStatus::Parked);
        if has_failed && changed.contains(&row.id) {
            let outcome = AttemptOutcome {
                at: now,
                status: row.status,
                error: row.error,
            };
            keep_attempt(transaction, row.id, &outcome).await?;
        }
    }
    Ok(())
}
