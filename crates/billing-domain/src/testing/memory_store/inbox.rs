//! The inbox in memory.

use async_trait::async_trait;

use super::{MemoryStore, rows_max};
use crate::kernel::id::InboxEventId;
use crate::kernel::ports::StoreError;
use crate::kernel::stored::Version;
use crate::kernel::timestamp::Timestamp;
use crate::provider_events::parent::Parent;
use crate::provider_events::ports::{ClaimedEvent, EventInbox, Receipt, ReceivedEvent, Settlement};
use crate::provider_events::stored_event::{AttemptOutcome, EventStatus};

/// What became of a stored event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum InboxStatus {
    /// Nobody has looked at it, or a lease is running.
    New,
    /// Its change is committed.
    Applied,
    /// It has no effect.
    Skipped {
        /// Why.
        reason: String,
    },
    /// It is tried again.
    Retrying {
        /// Not before.
        at: Timestamp,
        /// Why it failed.
        error: String,
    },
    /// An operator must look.
    Parked {
        /// Why.
        reason: String,
    },
    /// Billing is switched off.
    Deferred,
    /// An operator put it aside.
    Discarded {
        /// Why.
        reason: String,
    },
}

#[derive(Debug, Clone)]
pub(super) struct InboxRow {
    pub(super) event: ReceivedEvent,
    pub(super) status: InboxStatus,
    pub(super) attempts: u32,
    pub(super) leased_until: Option<Timestamp>,
    /// Whom a failed event waits for.
    pub(super) waiting_for: Option<Parent>,
    /// When the status was reached, where that is an end of an attempt or a decision.
    pub(super) settled_at: Timestamp,
    pub(super) version: Version,
    /// The attempts whose outcome the row itself no longer tells.
    pub(super) kept_attempts: Vec<AttemptOutcome>,
}

impl InboxRow {
    /// Whether no commit may name the event as its cause.
    pub(super) fn is_closed(&self) -> bool {
        match &self.status {
            InboxStatus::Applied | InboxStatus::Discarded { .. } => true,
            InboxStatus::New
            | InboxStatus::Skipped { .. }
            | InboxStatus::Retrying { .. }
            | InboxStatus::Parked { .. }
            | InboxStatus::Deferred => false,
        }
    }

    pub(super) fn mark_applied(&mut self, at: Timestamp) {
        self.status = InboxStatus::Applied;
        self.leased_until = None;
        self.settled_at = at;
        self.version = self.version.next();
    }

    fn settle(&mut self, settlement: Settlement, now: Timestamp) {
        let mut keep = |status, error: &String| {
            self.kept_attempts.push(AttemptOutcome {
                at: now,
                status,
                error: Some(error.clone()),
            });
        };
        self.waiting_for = match &settlement {
            Settlement::Waiting { parent, .. } => Some(*parent),
            Settlement::Skipped { .. }
            | Settlement::Retry { .. }
            | Settlement::Parked { .. }
            | Settlement::Deferred => None,
        };
        self.status = match settlement {
            Settlement::Skipped { reason } => InboxStatus::Skipped { reason },
            Settlement::Retry { at, error }
            | Settlement::Waiting {
                at,
                error,
                parent: _,
            } => {
                keep(EventStatus::Failed, &error);
                InboxStatus::Retrying { at, error }
            }
            Settlement::Parked { reason } => {
                keep(EventStatus::Parked, &reason);
                InboxStatus::Parked { reason }
            }
            Settlement::Deferred => InboxStatus::Deferred,
        };
        self.leased_until = None;
        self.settled_at = now;
        self.version = self.version.next();
    }

    /// Makes the event due if it waits for one of these; whether it does.
    pub(super) fn wake(&mut self, parents: &[Parent]) -> bool {
        let is_resting = matches!(self.status, InboxStatus::Retrying { .. });
        let is_meant = self.waiting_for.is_some_and(|own| parents.contains(&own));
        if !(is_resting && self.leased_until.is_none() && is_meant) {
            return false;
        }
        self.status = InboxStatus::New;
        self.waiting_for = None;
        self.version = self.version.next();
        true
    }

    fn is_due_at(&self, now: Timestamp) -> bool {
        let is_free = self.leased_until.is_none_or(|until| until <= now);
        is_free
            && match &self.status {
                InboxStatus::New => true,
                InboxStatus::Retrying { at, error: _ } => *at <= now,
                InboxStatus::Applied
                | InboxStatus::Skipped { .. }
                | InboxStatus::Parked { .. }
                | InboxStatus::Deferred
                | InboxStatus::Discarded { .. } => false,
            }
    }

    fn claim(&mut self, leased_until: Timestamp) -> ClaimedEvent {
        let attempts = self.attempts;
        self.attempts = attempts.saturating_add(1);
        self.leased_until = Some(leased_until);
        self.version = self.version.next();
        ClaimedEvent {
            id: self.event.id,
            provider_event_id: self.event.envelope.provider_event_id.clone(),
            event_type: self.event.envelope.event_type.clone(),
            payload: self.event.payload.clone(),
            created_at: self.event.envelope.created_at,
            attempts,
            correlation_id: self.event.correlation_id.clone(),
        }
    }
}

#[async_trait]
impl EventInbox for MemoryStore {
    async fn record(&self, event: ReceivedEvent) -> Result<Receipt, StoreError> {
        self.call("record", |state| {
            let told = &event.envelope.provider_event_id;
            let is_known = |row: &InboxRow| row.event.envelope.provider_event_id == *told;
            if state.inbox.values().any(is_known) {
                return Receipt::Duplicate;
            }
            let id = event.id.uuid();
            let row = InboxRow {
                settled_at: event.received_at,
                event,
                status: InboxStatus::New,
                attempts: 0,
                leased_until: None,
                waiting_for: None,
                version: Version::FIRST,
                kept_attempts: Vec::new(),
            };
            state.inbox.insert(id, row);
            Receipt::Recorded
        })
    }

    async fn claim_events(
        &self,
        now: Timestamp,
        leased_until: Timestamp,
        limit: u32,
    ) -> Result<Vec<ClaimedEvent>, StoreError> {
        self.call("claim_events", |state| {
            let mut due: Vec<&mut InboxRow> = state
                .inbox
                .values_mut()
                .filter(|row| row.is_due_at(now))
                .collect();
            // Stable, so that events of the same second stay in the order of their ids.
            due.sort_by_key(|row| row.event.envelope.created_at);
            let due = due.into_iter().take(rows_max(limit));
            due.map(|row| row.claim(leased_until)).collect()
        })
    }

    async fn settle(
        &self,
        id: InboxEventId,
        settlement: Settlement,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        self.call("settle", |state| {
            let row = state.inbox.get_mut(&id.uuid());
            if let Some(row) = row.filter(|row| !row.is_closed()) {
                row.settle(settlement, now);
            }
        })
    }

    async fn wake(&self, parent: &Parent, _now: Timestamp) -> Result<u64, StoreError> {
        self.call("wake", |state| state.wake(&[*parent]))
    }

    async fn release_deferred(&self, _now: Timestamp) -> Result<u64, StoreError> {
        self.call("release_deferred", |state| {
            let mut count = 0;
            for row in state.inbox.values_mut() {
                if row.status == InboxStatus::Deferred {
                    row.status = InboxStatus::New;
                    row.version = row.version.next();
                    count += 1;
                }
            }
            count
        })
    }
}
