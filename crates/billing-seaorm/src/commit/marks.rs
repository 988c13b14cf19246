//! What keeps a cause from taking effect twice, or under a lane that somebody else has taken: the first
//! statements of a commit.

use std::collections::HashSet;

use billing_domain::kernel::change_set::{Cause, ChangeSet, CommitError};
use billing_domain::kernel::recorded_answer::RequestRecord;
use billing_domain::kernel::timestamp::Timestamp;
use billing_domain::provider_events::lane::LaneHold;
use sea_orm::sea_query::OnConflict;
use sea_orm::{
    ConnectionTrait, DatabaseTransaction, DbBackend, EntityTrait, IntoActiveModel, Statement, Value,
};
use uuid::Uuid;

use crate::fault::commit_error;
use crate::inbox::{IS_OPEN, still_held};
use crate::many_rows::{ManyRows, returned_ids};
use crate::rows;
use crate::rows::reading_document::readings_text;

/// Marks the causes of sets, after their lanes; gives those that must not be written.
pub(super) async fn mark_causes(
    transaction: &DatabaseTransaction,
    sets: &[(usize, &ChangeSet)],
) -> Result<Vec<(usize, CommitError)>, CommitError> {
    let mut refused = Vec::new();
    let holds: HashSet<LaneHold> = sets.iter().filter_map(|(_, set)| set.hold()).collect();
    let still = if holds.is_empty() {
        HashSet::new()
    } else {
        still_held(transaction, &holds)
            .await
            .map_err(commit_error)?
    };
    let mut events = Vec::new();
    for (place, set) in sets {
        if set.hold().is_some_and(|hold| !still.contains(&hold)) {
            refused.push((*place, CommitError::LeaseLost));
            continue;
        }
        match set.cause() {
            Cause::ProviderEvent(id) => events.push((*place, id.uuid(), *set)),
            Cause::Request {
                actor: _,
                record: Some(record),
                request_id: _,
            } => match remember_answer(transaction, record, set.at()).await {
                Ok(()) => {}
                Err(CommitError::AlreadyApplied) => {
                    refused.push((*place, CommitError::AlreadyApplied));
                }
                Err(error) => return Err(error),
            },
            Cause::Request {
                actor: _,
                record: None,
                request_id: _,
            }
            | Cause::Job(_) => {}
        }
    }
    let marked = mark_events(transaction, &events).await?;
    let unmarked = events.iter().filter(|(_, id, _)| !marked.contains(id));
    refused.extend(unmarked.map(|(place, _, _)| (*place, CommitError::AlreadyApplied)));
    Ok(refused)
}

/// Marks events that are neither marked yet nor discarded; gives those.
async fn mark_events(
    transaction: &DatabaseTransaction,
    events: &[(usize, Uuid, &ChangeSet)],
) -> Result<HashSet<Uuid>, CommitError> {
    const MARK: &str = "status = 'processed', claimed_until = NULL, next_attempt_at = NULL,
         last_error = NULL, waiting_for = NULL, abandoned = 0, version = version + 1,
         attempts = attempts + CASE WHEN status = 'processing' THEN 0 ELSE 1 END";
    if events.is_empty() {
        return Ok(HashSet::new());
    }
    let backend = transaction.get_database_backend();
    if backend == DbBackend::Postgres {
        let rows = ManyRows::new(events.len())
            .with("event_id", events.iter().map(|(_, id, _)| *id))
            .with(
                "marked_at",
                events.iter().map(|(_, _, set)| set.at().unix_micros()),
            )
            .with_nullable(
                "heard",
                events
                    .iter()
                    .map(|(_, _, set)| readings_text(set.readings())),
            )
            .unnested();
        let sql = format!(
            "UPDATE provider_events SET {MARK}, applied_at = marked_at, settled_at = marked_at,
             readings = {}
             FROM {} WHERE id = event_id AND {IS_OPEN} RETURNING id",
            rows.cells[2].1, rows.source
        );
        let statement = Statement::from_sql_and_values(backend, sql, rows.values);
        let marked = returned_ids(transaction, statement).await;
        return Ok(marked.map_err(commit_error)?.into_iter().collect());
    }
    let sql = format!(
        "UPDATE provider_events SET {MARK}, applied_at = $1, settled_at = $1, readings = $3
         WHERE id = $2 AND {IS_OPEN} RETURNING id"
    );
    let mut marked = HashSet::new();
    for (_, id, set) in events {
        let heard = readings_text(set.readings());
        let values: [Value; 3] = [set.at().unix_micros().into(), (*id).into(), heard.into()];
        let statement = Statement::from_sql_and_values(backend, &sql, values);
        marked.extend(
            returned_ids(transaction, statement)
                .await
                .map_err(commit_error)?,
        );
    }
    Ok(marked)
}

async fn remember_answer(
    transaction: &DatabaseTransaction,
    record: &RequestRecord,
    at: Timestamp,
) -> Result<(), CommitError> {
    use rows::answer::{Column, Entity, Model};
    let RequestRecord { key, answer } = record;
    let row = Model {
        principal: key.principal.clone(),
        route: key.route.clone(),
        idempotency_key: key.key.clone(),
        fingerprint: key.fingerprint.clone(),
        answer_code: i64::from(answer.code),
        answer_body: answer.body.clone(),
        created_at: at.unix_micros(),
    };
    let on_conflict =
        OnConflict::columns([Column::Principal, Column::Route, Column::IdempotencyKey])
            .do_nothing()
            .to_owned();
    let inserted = Entity::insert(row.into_active_model())
        .on_conflict(on_conflict)
        .exec_without_returning(transaction)
        .await
        .map_err(commit_error)?;
    if inserted == 0 {
        return Err(CommitError::AlreadyApplied);
    }
    Ok(())
}
