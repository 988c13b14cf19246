//! The only write transaction of business rows: cause, rows, audit entries and messages.

use std::hash::{DefaultHasher, Hash, Hasher};

use async_trait::async_trait;
use billing_domain::kernel::audit::{AuditEntry, Entity, EntityKind};
use billing_domain::kernel::change_set::{
    Cause, Change, ChangeSet, CommitError, OutgoingMessage, RecordedAnswer, RequestKey,
    RequestRecord, Write,
};
use billing_domain::kernel::id::InboxEventId;
use billing_domain::kernel::ports::{AnswerReader, BillingWriter, StoreError, StoredAnswer};
use billing_domain::kernel::timestamp::Timestamp;
use billing_domain::provider_events::stored_event::EventStatus;
use sea_orm::sea_query::{Expr, ExprTrait, OnConflict};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, DatabaseTransaction, EntityTrait, IntoActiveModel, Iterable,
    QueryFilter,
};
use uuid::Uuid;

use crate::fault::{commit_error, store_error};
use crate::inbox::{wake_waiting, write_decisions};
use crate::migrate::begin;
use crate::rows::{self, Row};
use crate::store::SeaOrmStore;

/// Bound values in one statement at most: below SQLite's 32,766 and PostgreSQL's 65,535, and
/// small enough that one statement's text stays small.
const BOUND_VALUES_MAX: usize = 8_000;

#[async_trait]
impl BillingWriter for SeaOrmStore {
    async fn commit(&self, changes: ChangeSet) -> Result<(), CommitError> {
        self.write_all(std::slice::from_ref(&changes)).await
    }

    async fn commit_many(&self, sets: Vec<ChangeSet>) -> Vec<Result<(), CommitError>> {
        if sets.len() > 1 && self.write_all(&sets).await.is_ok() {
            return sets.iter().map(|_| Ok(())).collect();
        }
        // One of them failed and took the others with it, so each is written by itself.
        let mut outcomes = Vec::with_capacity(sets.len());
        for set in sets {
            outcomes.push(self.commit(set).await);
        }
        outcomes
    }
}

#[async_trait]
impl AnswerReader for SeaOrmStore {
    async fn answer(&self, key: &RequestKey) -> Result<Option<StoredAnswer>, StoreError> {
        let RequestKey {
            principal,
            route,
            key,
            fingerprint: _,
        } = key;
        let id = (principal.clone(), route.clone(), key.clone());
        let model = rows::answer::Entity::find_by_id(id)
            .one(self.reads())
            .await
            .map_err(store_error)?;
        let Some(model) = model else { return Ok(None) };
        let code = u16::try_from(model.answer_code).map_err(|_| StoreError::Inconsistent {
            table: "request_answers",
            column: "answer_code",
            row: model.idempotency_key,
        })?;
        Ok(Some(StoredAnswer {
            fingerprint: model.fingerprint,
            answer: RecordedAnswer {
                code,
                body: model.answer_body,
            },
        }))
    }
}

impl SeaOrmStore {
    /// Writes every set in one transaction, or nothing of any.
    async fn write_all(&self, sets: &[ChangeSet]) -> Result<(), CommitError> {
        let transaction = begin(self.writes()).await.map_err(commit_error)?;
        for set in sets {
            // Dropping the transaction on the way out rolls it back.
            write(&transaction, set).await?;
        }
        transaction.commit().await.map_err(commit_error)
    }
}

async fn write(transaction: &DatabaseTransaction, set: &ChangeSet) -> Result<(), CommitError> {
    mark_cause(transaction, set.cause(), set.at()).await?;
    let ordered = set.changes_in_write_order();
    for run in ordered.chunk_by(|left, right| {
        left.kind() == right.kind() && is_insertion(left) && is_insertion(right)
    }) {
        write_run(transaction, run).await?;
    }
    wake_waiting(transaction, &set.made_known())
        .await
        .map_err(commit_error)?;
    let entries = set.audit_entries();
    let messages = set.outgoing_messages();
    let messages = entries
        .iter()
        .zip(messages)
        .enumerate()
        .map(|(place, (entry, message))| outbox_row(entry, message, place))
        .collect();
    insert::<rows::outbox::Entity>(transaction, messages).await?;
    let entries = entries.into_iter().map(audit_row).collect();
    insert::<rows::audit::Entity>(transaction, entries).await
}

async fn mark_cause(
    transaction: &DatabaseTransaction,
    cause: &Cause,
    at: Timestamp,
) -> Result<(), CommitError> {
    match cause {
        Cause::ProviderEvent(id) => mark_event(transaction, *id, at).await,
        Cause::Request {
            actor: _,
            record: Some(record),
        } => remember_answer(transaction, record, at).await,
        Cause::Request {
            actor: _,
            record: None,
        }
        | Cause::Job(_) => Ok(()),
    }
}

async fn mark_event(
    transaction: &DatabaseTransaction,
    id: InboxEventId,
    at: Timestamp,
) -> Result<(), CommitError> {
    use rows::provider_event::{Column, Entity};
    let marked = Entity::update_many()
        .col_expr(Column::Status, Expr::value(EventStatus::Processed.name()))
        .col_expr(Column::AppliedAt, Expr::value(at.unix_micros()))
        .col_expr(Column::SettledAt, Expr::value(at.unix_micros()))
        .col_expr(Column::ClaimedUntil, Expr::value(None::<i64>))
        .col_expr(Column::NextAttemptAt, Expr::value(None::<i64>))
        .col_expr(Column::LastError, Expr::value(None::<String>))
        .col_expr(Column::Version, Expr::col(Column::Version).add(1))
        .filter(Column::Id.eq(id.uuid()))
        .filter(Column::AppliedAt.is_null())
        .filter(Column::Status.ne(EventStatus::Discarded.name()))
        .exec(transaction)
        .await
        .map_err(commit_error)?;
    if marked.rows_affected == 0 {
        return Err(CommitError::AlreadyApplied);
    }
    Ok(())
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

/// Declares once which table keeps which kind: every variant must be placed. Stored events have a
/// way of their own into their table.
macro_rules! kinds {
    ($($kind:ident => $table:ident;)*) => {
        fn is_insertion(change: &Change) -> bool {
            match change {
                $(Change::$kind(write) => write.before.is_none(),)*
                Change::ProviderEvent(write) => write.before.is_none(),
            }
        }

        /// Writes one change, or several insertions of one kind.
        async fn write_run(
            transaction: &DatabaseTransaction,
            run: &[&Change],
        ) -> Result<(), CommitError> {
            let Some(first) = run.first() else { return Ok(()) };
            match first.kind() {
                $(EntityKind::$kind => {
                    let writes = run.iter().filter_map(|change| match change {
                        Change::$kind(write) => Some(write.as_ref()),
                        _ => None,
                    });
                    write_rows::<rows::$table::Entity>(transaction, writes).await
                })*
                EntityKind::ProviderEvent => write_decisions(transaction, run).await,
            }
        }
    };
}

kinds! {
    Project => project;
    App => app;
    ApiKey => api_key;
    User => user;
    Product => product;
    Price => price;
    Customer => customer;
    Tenant => tenant;
    TenantAdmin => tenant_admin;
    Intent => intent;
    Subscription => subscription;
    Workflow => workflow;
    Catalog => catalog;
    Agreement => agreement;
    Plan => plan;
    License => license;
    Entitlement => entitlement;
}

async fn write_rows<'a, R>(
    transaction: &DatabaseTransaction,
    writes: impl Iterator<Item = &'a Write<R::Value>> + Send,
) -> Result<(), CommitError>
where
    R: Row,
    R::Value: Entity + Sync + 'a,
    R::Model: IntoActiveModel<R::ActiveModel>,
    R::ActiveModel: Send,
{
    let mut insertions = Vec::new();
    let mut updates = Vec::new();
    for write in writes {
        let row = R::encode(&write.next, write.version());
        match &write.before {
            None => insertions.push(row),
            Some(before) => updates.push((row, write.next.uuid(), before.version)),
        }
    }
    insert::<R>(transaction, insertions).await?;
    for (row, id, seen) in updates {
        let updated = R::update_many()
            .set(row.into_active_model().reset_all())
            .filter(R::ID.eq(id))
            .filter(R::VERSION.eq(rows::version_cell(seen)))
            .exec(transaction)
            .await
            .map_err(commit_error)?;
        if updated.rows_affected == 0 {
            return Err(CommitError::Conflict);
        }
    }
    Ok(())
}

/// Inserts rows with as few statements as the limit of bound values allows.
async fn insert<R>(
    transaction: &DatabaseTransaction,
    mut rows: Vec<R::Model>,
) -> Result<(), CommitError>
where
    R: EntityTrait,
    R::Model: IntoActiveModel<R::ActiveModel>,
    R::ActiveModel: Send,
{
    let rows_max = (BOUND_VALUES_MAX / R::Column::iter().count()).max(1);
    while !rows.is_empty() {
        let rest = rows.split_off(rows.len().min(rows_max));
        R::insert_many(rows.into_iter().map(IntoActiveModel::into_active_model))
            .exec_without_returning(transaction)
            .await
            .map_err(commit_error)?;
        rows = rest;
    }
    Ok(())
}

fn audit_row(entry: AuditEntry) -> rows::audit::Model {
    let AuditEntry {
        at,
        actor,
        action,
        entity_kind,
        entity_id,
        version,
        before,
        after,
        cause,
        reason,
    } = entry;
    rows::audit::Model {
        entity_kind: entity_kind.name().to_owned(),
        entity_id,
        version: rows::version_cell(version),
        at: at.unix_micros(),
        actor,
        action: action.to_owned(),
        state_before: before,
        state_after: after,
        cause,
        reason,
    }
}

fn outbox_row(entry: &AuditEntry, message: OutgoingMessage, place: usize) -> rows::outbox::Model {
    let OutgoingMessage {
        topic,
        dedup_key,
        event,
        correlation_id,
    } = message;
    rows::outbox::Model {
        id: message_id(entry.at, place, &dedup_key),
        topic: topic.to_owned(),
        payload: rows::json_text(&event),
        dedup_key,
        entity_version: rows::version_cell(entry.version),
        attempts: 0,
        created_at: entry.at.unix_micros(),
        next_attempt_at: None,
        claimed_until: None,
        delivered_at: None,
        last_error: None,
        correlation_id,
    }
}

/// A message's id follows from what it announces: the milliseconds of the commit, its place
/// there, and a digest of its unique key (a UUIDv8, laid out like version 7).
fn message_id(at: Timestamp, place: usize, dedup_key: &str) -> Uuid {
    let mut hasher = DefaultHasher::new();
    dedup_key.hash(&mut hasher);
    let millis = (at.unix_micros() / 1_000).to_be_bytes();
    let place = u16::try_from(place & 0x0fff)
        .expect("twelve bits fit into sixteen")
        .to_be_bytes();
    let mut bytes = [0; 16];
    bytes[..6].copy_from_slice(&millis[2..]);
    bytes[6..8].copy_from_slice(&place);
    bytes[8..].copy_from_slice(&hasher.finish().to_be_bytes());
    uuid::Builder::from_custom_bytes(bytes).into_uuid()
}
