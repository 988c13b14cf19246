//! The one write: mark the cause, write each row, undo everything if one of them fails.

use async_trait::async_trait;
use uuid::Uuid;

use super::outbox::OutboxRow;
use super::tables::{AnswerKey, Kept, State};
use super::{MemoryStore, commit_fault};
use crate::kernel::audit::{Entity, EntityKind};
use crate::kernel::change_set::{Cause, Change, ChangeSet, CommitError, UniqueRule, Write};
use crate::kernel::ports::{AnswerReader, BillingWriter, StoreError, StoredAnswer};
use crate::kernel::recorded_answer::{RequestKey, RequestRecord};
use crate::kernel::stored::Stored;
use crate::provider_events::stored_event::StoredEvent;

/// Puts one row back as it was.
type Undo = Box<dyn FnOnce(&mut State)>;

#[async_trait]
impl BillingWriter for MemoryStore {
    async fn commit(&self, changes: ChangeSet) -> Result<(), CommitError> {
        let call = self.faults.begin("commit").map_err(commit_fault)?;
        let outcome = commit(&mut self.state(), &changes);
        call.end().map_err(commit_fault)?;
        outcome
    }

    async fn commit_many(&self, sets: Vec<ChangeSet>) -> Vec<Result<(), CommitError>> {
        let count = sets.len();
        let refused = |fault: super::InjectedFault| -> Vec<Result<(), CommitError>> {
            (0..count)
                .map(|_| Err(commit_fault(fault.clone())))
                .collect()
        };
        let call = match self.faults.begin("commit_many") {
            Ok(call) => call,
            Err(fault) => return refused(fault),
        };
        let mut state = self.state();
        let outcomes = sets.iter().map(|set| commit(&mut state, set)).collect();
        match call.end() {
            Ok(()) => outcomes,
            Err(fault) => refused(fault),
        }
    }
}

#[async_trait]
impl AnswerReader for MemoryStore {
    async fn answer(&self, key: &RequestKey) -> Result<Option<StoredAnswer>, StoreError> {
        self.call("answer", |state| {
            let answer = state.answers.get(&answer_key(key));
            answer.map(|(answer, _)| answer.clone())
        })
    }
}

fn answer_key(key: &RequestKey) -> AnswerKey {
    (key.principal.clone(), key.route.clone(), key.key.clone())
}

fn commit(state: &mut State, set: &ChangeSet) -> Result<(), CommitError> {
    if set.hold().is_some_and(|hold| !state.is_held(hold)) {
        return Err(CommitError::LeaseLost);
    }
    check_cause(state, set.cause())?;
    let mut undo: Vec<Undo> = Vec::new();
    for change in set.changes_in_write_order() {
        if let Err(error) = write(state, change, &mut undo) {
            for step in undo.into_iter().rev() {
                step(state);
            }
            return Err(error);
        }
    }
    mark_cause(state, set);
    state.wake(&set.made_known());
    state.audit.extend(set.audit_entries());
    for message in set.outgoing_messages() {
        let row = OutboxRow::new(state.outbox.len(), message, set.at());
        state.outbox.push(row);
    }
    Ok(())
}

fn check_cause(state: &State, cause: &Cause) -> Result<(), CommitError> {
    let is_marked = match cause {
        Cause::ProviderEvent(id) => {
            let row = state.inbox.get(&id.uuid());
            row.is_none_or(super::inbox::InboxRow::is_closed)
        }
        Cause::Request {
            actor: _,
            record: Some(record),
            request_id: _,
        } => state.answers.contains_key(&answer_key(&record.key)),
        Cause::Request {
            actor: _,
            record: None,
            request_id: _,
        }
        | Cause::Job(_) => false,
    };
    if is_marked {
        Err(CommitError::AlreadyApplied)
    } else {
        Ok(())
    }
}

fn mark_cause(state: &mut State, set: &ChangeSet) {
    match set.cause() {
        Cause::ProviderEvent(id) => {
            if let Some(row) = state.inbox.get_mut(&id.uuid()) {
                row.mark_applied(set.at(), set.readings());
            }
        }
        Cause::Request {
            actor: _,
            record: Some(RequestRecord { key, answer }),
            request_id: _,
        } => {
            let stored = StoredAnswer {
                fingerprint: key.fingerprint.clone(),
                answer: answer.clone(),
            };
            state.answers.insert(answer_key(key), (stored, set.at()));
        }
        Cause::Request {
            actor: _,
            record: None,
            request_id: _,
        }
        | Cause::Job(_) => {}
    }
}

fn write(state: &mut State, change: &Change, undo: &mut Vec<Undo>) -> Result<(), CommitError> {
    match change {
        Change::Project(row) => put(state, row, undo),
        Change::App(row) => put(state, row, undo),
        Change::ApiKey(row) => put(state, row, undo),
        Change::User(row) => put(state, row, undo),
        Change::Product(row) => put(state, row, undo),
        Change::Price(row) => put(state, row, undo),
        Change::Customer(row) => put(state, row, undo),
        Change::Tenant(row) => put(state, row, undo),
        Change::TenantAdmin(row) => put(state, row, undo),
        Change::Intent(row) => put(state, row, undo),
        Change::Subscription(row) => put(state, row, undo),
        Change::Workflow(row) => put(state, row, undo),
        Change::Catalog(row) => put(state, row, undo),
        Change::Agreement(row) => put(state, row, undo),
        Change::Plan(row) => put(state, row, undo),
        Change::License(row) => put(state, row, undo),
        Change::Entitlement(row) => put(state, row, undo),
        Change::Retention(row) => put(state, row, undo),
        Change::ProviderEvent(row) => decide(state, row, undo),
    }
}

/// Writes an operator's decision to the inbox, whose rows come by their own way.
fn decide(
    state: &mut State,
    write: &Write<StoredEvent>,
    undo: &mut Vec<Undo>,
) -> Result<(), CommitError> {
    let Some(before) = &write.before else {
        return Err(CommitError::Unsupported(EntityKind::ProviderEvent));
    };
    let id = write.next.uuid();
    let row = state.inbox.get_mut(&id);
    let row = row.filter(|row| row.version == before.version);
    let row = row.ok_or(CommitError::Conflict)?;
    let previous = row.clone();
    row.decide(before, &write.next);
    undo.push(Box::new(move |state| {
        state.inbox.insert(id, previous);
    }));
    Ok(())
}

fn put<T: Kept + 'static>(
    state: &mut State,
    write: &Write<T>,
    undo: &mut Vec<Undo>,
) -> Result<(), CommitError> {
    let id = write.next.uuid();
    let current = T::rows(&state.tables).get(&id);
    match (&write.before, current) {
        (None, Some(_)) => return Err(CommitError::Duplicate(UniqueRule::PrimaryKey)),
        (None, None) => {}
        (Some(before), Some(row)) if before.version == row.version => {}
        (Some(_), Some(_) | None) => return Err(CommitError::Conflict),
    }
    let previous = current.cloned();
    let next = Stored::restore(write.next.clone(), write.version());
    for (rule, key) in next.value.unique_keys() {
        match state.unique.get(&(rule, key)) {
            Some(holder) if *holder != id => return Err(CommitError::Duplicate(rule)),
            Some(_) | None => {}
        }
    }
    replace(state, id, previous.as_ref(), Some(next.clone()));
    undo.push(Box::new(move |state| {
        replace(state, id, Some(&next), previous);
    }));
    Ok(())
}

/// Exchanges one row and what it holds in the unique index.
fn replace<T: Kept>(state: &mut State, id: Uuid, old: Option<&Stored<T>>, new: Option<Stored<T>>) {
    for key in old.map(|row| row.value.unique_keys()).unwrap_or_default() {
        state.unique.remove(&key);
    }
    match new {
        Some(row) => {
            for key in row.value.unique_keys() {
                state.unique.insert(key, id);
            }
            T::rows_mut(&mut state.tables).insert(id, row);
        }
        None => {
            T::rows_mut(&mut state.tables).remove(&id);
        }
    }
}
