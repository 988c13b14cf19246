//! The only write transaction of business rows: cause, rows, audit entries and messages.

mod marks;

use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash, Hasher};

use async_trait::async_trait;
use billing_domain::kernel::audit::{AuditEntry, Entity, EntityKind};
use billing_domain::kernel::change_set::{
    Cause, Change, ChangeSet, CommitError, OutgoingMessage, Write,
};
use billing_domain::kernel::ports::{AnswerReader, BillingWriter, StoreError, StoredAnswer};
use billing_domain::kernel::recorded_answer::{RecordedAnswer, RequestKey};
use billing_domain::kernel::timestamp::Timestamp;
use billing_domain::provider_events::parent::Parent;
use sea_orm::{
    ActiveModelTrait, ColumnTrait, ConnectionTrait, DatabaseTransaction, DbBackend, DbErr,
    EntityTrait, IdenStatic, IntoActiveModel, QueryFilter, Statement, TransactionTrait,
};
use uuid::Uuid;

use self::marks::mark_causes;
use crate::fault::{commit_error, store_error};
use crate::inbox::{wake_waiting, write_decision};
use crate::many_rows::{self, ManyRows, returned_ids};
use crate::migrate::begin;
use crate::rows::{self, Row};
use crate::store::SeaOrmStore;

/// How often sets are written together again without those that a row was in the way of.
const TOGETHER_MAX: u32 = 3;

#[async_trait]
impl BillingWriter for SeaOrmStore {
    async fn commit(&self, changes: ChangeSet) -> Result<(), CommitError> {
        let transaction = begin(self.writes()).await.map_err(commit_error)?;
        // Dropping the transaction on the way out rolls it back.
        write_one(&transaction, &changes).await?;
        transaction.commit().await.map_err(commit_error)
    }

    async fn commit_many(&self, sets: Vec<ChangeSet>) -> Vec<Result<(), CommitError>> {
        if are_apart(&sets) {
            let mut outcomes: Vec<Option<CommitError>> = sets.iter().map(|_| None).collect();
            for _ in 0..TOGETHER_MAX {
                match self.write_together(&sets, &mut outcomes).await {
                    Ok(true) => {
                        return outcomes
                            .into_iter()
                            .map(|error| error.map_or(Ok(()), Err))
                            .collect();
                    }
                    // Some are known to be in conflict; the others go together again.
                    Ok(false) => {}
                    Err(_) => break,
                }
            }
        }
        self.write_each(&sets).await
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

/// Whether no two sets mark one event or write one row: then their order does not matter.
fn are_apart(sets: &[ChangeSet]) -> bool {
    let mut events = HashSet::new();
    let mut rows = HashSet::new();
    sets.iter().all(|set| {
        let is_new = match set.cause() {
            Cause::ProviderEvent(id) => events.insert(*id),
            Cause::Request { .. } | Cause::Job(_) => true,
        };
        // So is a set that writes one row twice.
        is_new && set.rows().all(|row| rows.insert(row))
    })
}

impl SeaOrmStore {
    /// Writes the sets that have no outcome yet in one transaction. False if a row was in the way of
    /// some: they have their outcome then, and nothing was written.
    async fn write_together(
        &self,
        sets: &[ChangeSet],
        outcomes: &mut [Option<CommitError>],
    ) -> Result<bool, CommitError> {
        let transaction = begin(self.writes()).await.map_err(commit_error)?;
        let open = (sets.iter().zip(outcomes.iter()).enumerate())
            .filter(|(_, (_, outcome))| outcome.is_none())
            .map(|(place, (set, _))| (place, set));
        let mut open: Vec<(usize, &ChangeSet)> = open.collect();
        let refused = mark_causes(&transaction, &open).await?;
        open.retain(|(place, _)| !refused.iter().any(|(refused, _)| refused == place));
        let in_the_way = write_sets(&transaction, &open).await?;
        if !in_the_way.is_empty() {
            // Whoever was refused is refused again.
            for place in in_the_way {
                outcomes[place] = Some(CommitError::Conflict);
            }
            return Ok(false);
        }
        transaction.commit().await.map_err(commit_error)?;
        for (place, error) in refused {
            outcomes[place] = Some(error);
        }
        Ok(true)
    }

    /// One transaction in which each set stands or falls by itself.
    async fn write_each(&self, sets: &[ChangeSet]) -> Vec<Result<(), CommitError>> {
        match self.try_each(sets).await {
            Ok(outcomes) => outcomes,
            Err(error) => {
                let reason = error.to_string();
                let unavailable = |_| Err(CommitError::Unavailable(reason.clone().into()));
                sets.iter().map(unavailable).collect()
            }
        }
    }

    async fn try_each(&self, sets: &[ChangeSet]) -> Result<Vec<Result<(), CommitError>>, DbErr> {
        let transaction = begin(self.writes()).await?;
        let mut outcomes = Vec::with_capacity(sets.len());
        for set in sets {
            let savepoint = transaction.begin().await?;
            let outcome = write_one(&savepoint, set).await;
            if outcome.is_ok() {
                savepoint.commit().await?;
            } else {
                savepoint.rollback().await?;
            }
            outcomes.push(outcome);
        }
        transaction.commit().await?;
        Ok(outcomes)
    }
}

async fn write_one(transaction: &DatabaseTransaction, set: &ChangeSet) -> Result<(), CommitError> {
    let sets = [(0, set)];
    if let Some((_, error)) = mark_causes(transaction, &sets).await?.pop() {
        return Err(error);
    }
    if write_sets(transaction, &sets).await?.is_empty() {
        Ok(())
    } else {
        Err(CommitError::Conflict)
    }
}

/// Writes rows, audit entries and messages of several sets; gives the sets of which a row is not at
/// the version that was read.
async fn write_sets(
    transaction: &DatabaseTransaction,
    sets: &[(usize, &ChangeSet)],
) -> Result<Vec<usize>, CommitError> {
    let mut changes: Vec<(usize, &Change)> = sets
        .iter()
        .flat_map(|(place, set)| set.changes().iter().map(|change| (*place, change)))
        .collect();
    // The fixed order, by kind and then by id, so that two commits cannot deadlock by order.
    changes.sort_by_key(|(_, change)| change.row());
    let mut in_the_way = Vec::new();
    for of_kind in changes.chunk_by(|(_, left), (_, right)| left.kind() == right.kind()) {
        // A row that is written twice, as by an insertion and a change, is written in two rounds.
        let mut rounds: Vec<Vec<(usize, &Change)>> = Vec::new();
        for of_row in of_kind.chunk_by(|(_, left), (_, right)| left.row() == right.row()) {
            for (round, change) in of_row.iter().enumerate() {
                match rounds.get_mut(round) {
                    Some(round) => round.push(*change),
                    None => rounds.push(vec![*change]),
                }
            }
        }
        for round in rounds {
            in_the_way.extend(write_kind(transaction, &round).await?);
        }
    }
    if !in_the_way.is_empty() {
        return Ok(in_the_way);
    }
    let known: Vec<Parent> = sets.iter().flat_map(|(_, set)| set.made_known()).collect();
    wake_waiting(transaction, &known)
        .await
        .map_err(commit_error)?;
    let (mut audit, mut outbox) = (Vec::new(), Vec::new());
    for (_, set) in sets {
        let entries = set.audit_entries();
        let messages = set.outgoing_messages();
        let messages = entries.iter().zip(messages).enumerate();
        outbox.extend(messages.map(|(place, (entry, message))| outbox_row(entry, message, place)));
        audit.extend(entries.into_iter().map(audit_row));
    }
    many_rows::insert::<rows::outbox::Entity, _>(transaction, &outbox)
        .await
        .map_err(commit_error)?;
    many_rows::insert::<rows::audit::Entity, _>(transaction, &audit)
        .await
        .map_err(commit_error)?;
    Ok(in_the_way)
}

/// Declares once which table keeps which kind: every variant must be placed. Stored events have a
/// way of their own into their table.
macro_rules! kinds {
    ($($kind:ident => $table:ident;)*) => {
        /// Writes changes of one kind; gives the places of those whose row was in the way.
        async fn write_kind(
            transaction: &DatabaseTransaction,
            changes: &[(usize, &Change)],
        ) -> Result<Vec<usize>, CommitError> {
            let Some((_, first)) = changes.first() else { return Ok(Vec::new()) };
            match first.kind() {
                $(EntityKind::$kind => {
                    let writes = changes.iter().filter_map(|(place, change)| match change {
                        Change::$kind(write) => Some((*place, write.as_ref())),
                        _ => None,
                    });
                    write_rows::<rows::$table::Entity>(transaction, writes).await
                })*
                EntityKind::ProviderEvent => {
                    let mut in_the_way = Vec::new();
                    for (place, change) in changes {
                        if let Change::ProviderEvent(write) = change
                            && !write_decision(transaction, write).await?
                        {
                            in_the_way.push(*place);
                        }
                    }
                    Ok(in_the_way)
                }
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
    Retention => retention;
}

async fn write_rows<'a, R>(
    transaction: &DatabaseTransaction,
    writes: impl Iterator<Item = (usize, &'a Write<R::Value>)> + Send,
) -> Result<Vec<usize>, CommitError>
where
    R: Row,
    R::Value: Entity + Sync + 'a,
    R::Model: IntoActiveModel<R::ActiveModel>,
    R::ActiveModel: Send,
{
    let mut insertions = Vec::new();
    let mut updates = Vec::new();
    for (place, write) in writes {
        let row = R::encode(&write.next, write.version());
        match &write.before {
            None => insertions.push(row),
            Some(before) => updates.push(Update {
                place,
                id: write.next.uuid(),
                seen: rows::version_cell(before.version),
                row,
            }),
        }
    }
    // What an update lets go of, an insertion may take.
    let in_the_way = update_rows::<R>(transaction, updates).await?;
    many_rows::insert::<R, _>(transaction, &insertions)
        .await
        .map_err(commit_error)?;
    Ok(in_the_way)
}

/// A row that is written on the version that was read.
struct Update<M> {
    place: usize,
    id: Uuid,
    seen: i64,
    row: M,
}

async fn update_rows<R>(
    transaction: &DatabaseTransaction,
    updates: Vec<Update<R::Model>>,
) -> Result<Vec<usize>, CommitError>
where
    R: Row,
    R::Model: IntoActiveModel<R::ActiveModel>,
    R::ActiveModel: Send,
{
    let mut in_the_way = Vec::new();
    if updates.is_empty() {
        return Ok(in_the_way);
    }
    let backend = transaction.get_database_backend();
    if backend != DbBackend::Postgres {
        for update in updates {
            let updated = R::update_many()
                .set(update.row.into_active_model().reset_all())
                .filter(R::ID.eq(update.id))
                .filter(R::VERSION.eq(update.seen))
                .exec(transaction)
                .await
                .map_err(commit_error)?;
            if updated.rows_affected == 0 {
                in_the_way.push(update.place);
            }
        }
        return Ok(in_the_way);
    }
    let (places, models): (Vec<_>, Vec<_>) = updates
        .into_iter()
        .map(|update| ((update.place, update.id, update.seen), update.row))
        .unzip();
    let rows = ManyRows::of::<R>(&models)
        .with("seen_version", places.iter().map(|(_, _, seen)| *seen))
        .unnested();
    let (table, id, version) = (R::default(), R::ID.as_str(), R::VERSION.as_str());
    let sql = format!(
        "UPDATE {} AS kept SET {} FROM {}
         WHERE kept.{id} = new.{id} AND kept.{version} = new.seen_version RETURNING kept.{id}",
        table.table_name(),
        rows.assignments(&[id, "seen_version"]),
        rows.source
    );
    let statement = Statement::from_sql_and_values(backend, sql, rows.values);
    let updated = returned_ids(transaction, statement).await;
    let updated: HashSet<Uuid> = updated.map_err(commit_error)?.into_iter().collect();
    let missed = places.iter().filter(|(_, id, _)| !updated.contains(id));
    in_the_way.extend(missed.map(|(place, _, _)| *place));
    Ok(in_the_way)
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
        request_id,
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
        request_id,
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
