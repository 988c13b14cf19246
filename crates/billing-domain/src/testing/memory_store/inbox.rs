//! The inbox in memory.

use std::collections::BTreeSet;

use async_trait::async_trait;

use super::tables::State;
use super::{MemoryStore, rows_max};
use crate::kernel::id::InboxEventId;
use crate::kernel::ports::StoreError;
use crate::kernel::stored::Version;
use crate::kernel::timestamp::Timestamp;
use crate::provider_events::lane::{Fence, Lane, LaneHold, LaneShare};
use crate::provider_events::parent::Parent;
use crate::provider_events::ports::{
    ClaimedEvent, EventInbox, Receipt, ReceivedEvent, Settled, Settlement,
};
use crate::provider_events::reading::Reading;
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
    /// How many of the last attempts ended without a word.
    pub(super) abandoned: u32,
    pub(super) leased_until: Option<Timestamp>,
    /// Whom a failed event waits for.
    pub(super) waiting_for: Option<Parent>,
    /// When the status was reached, where that is an end of an attempt or a decision.
    pub(super) settled_at: Timestamp,
    pub(super) version: Version,
    /// The attempts whose outcome the row itself no longer tells.
    pub(super) kept_attempts: Vec<AttemptOutcome>,
    /// Whether the payload is no longer what was delivered.
    pub(super) is_scrubbed: bool,
    /// What the provider was asked while it was applied.
    pub(super) readings: Vec<Reading>,
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

    pub(super) fn mark_applied(&mut self, at: Timestamp, readings: &[Reading]) {
        self.readings = readings.to_vec();
        self.status = InboxStatus::Applied;
        self.end_attempt();
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
        self.waiting_for = settlement.waiting_for().cloned();
        self.status = match settlement {
            Settlement::Skipped { reason, .. } => InboxStatus::Skipped { reason },
            Settlement::Retry { at, error }
            | Settlement::Waiting {
                at,
                error,
                parent: _,
            } => {
                keep(EventStatus::Failed, &error);
                InboxStatus::Retrying { at, error }
            }
            Settlement::Parked { reason, .. } => {
                keep(EventStatus::Parked, &reason);
                InboxStatus::Parked { reason }
            }
            Settlement::Deferred => InboxStatus::Deferred,
        };
        self.end_attempt();
        self.settled_at = now;
        self.version = self.version.next();
    }

    /// Makes the event due if it waits for one of these.
    pub(super) fn wake(&mut self, parents: &[Parent]) {
        let is_resting = match &self.status {
            InboxStatus::Retrying { .. }
            | InboxStatus::Skipped { .. }
            | InboxStatus::Parked { .. } => true,
            InboxStatus::New
            | InboxStatus::Applied
            | InboxStatus::Deferred
            | InboxStatus::Discarded { .. } => false,
        };
        let own = self.waiting_for.as_ref();
        let is_meant = own.is_some_and(|own| parents.contains(own));
        if is_resting && self.leased_until.is_none() && is_meant {
            self.status = InboxStatus::New;
            self.waiting_for = None;
            self.version = self.version.next();
        }
    }

    /// An attempt that was not written down when it began counts when it ends.
    fn end_attempt(&mut self) {
        if self.leased_until.take().is_none() {
            self.attempts = self.attempts.saturating_add(1);
        }
        self.abandoned = 0;
    }

    fn lane(&self) -> Lane {
        Lane::of(self.event.envelope.subject.as_ref())
    }

    fn is_due_at(&self, now: Timestamp) -> bool {
        match &self.status {
            InboxStatus::New => true,
            InboxStatus::Retrying { at, error: _ } => self.leased_until.is_some() || *at <= now,
            InboxStatus::Applied
            | InboxStatus::Skipped { .. }
            | InboxStatus::Parked { .. }
            | InboxStatus::Deferred
            | InboxStatus::Discarded { .. } => false,
        }
    }

    /// Whether it is to be applied, now or later.
    fn is_open(&self) -> bool {
        matches!(self.status, InboxStatus::New | InboxStatus::Retrying { .. })
    }

    fn begin(&mut self, leased_until: Timestamp) {
        self.attempts = self.attempts.saturating_add(1);
        if self.leased_until.is_some() {
            self.abandoned = self.abandoned.saturating_add(1);
        }
        self.leased_until = Some(leased_until);
        self.version = self.version.next();
    }

    fn claimed(&self, hold: LaneHold) -> ClaimedEvent {
        ClaimedEvent {
            id: self.event.id,
            provider_event_id: self.event.envelope.provider_event_id.clone(),
            event_type: self.event.envelope.event_type.clone(),
            subject: self.event.envelope.subject.clone(),
            payload: self.event.payload.clone(),
            created_at: self.event.envelope.created_at,
            attempts: self.attempts,
            abandoned: self
                .abandoned
                .saturating_add(u32::from(self.leased_until.is_some())),
            hold,
            correlation_id: self.event.correlation_id.clone(),
        }
    }
}

/// A lane, which is free without a lease.
#[derive(Debug)]
pub(super) struct LaneRow {
    fence: Fence,
    leased_until: Option<Timestamp>,
}

impl State {
    /// Whether a lane still has the fence of a hold.
    pub(super) fn is_held(&self, hold: LaneHold) -> bool {
        let lane = self.lanes.get(&hold.lane);
        lane.is_some_and(|lane| lane.fence == hold.fence)
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
                abandoned: 0,
                leased_until: None,
                waiting_for: None,
                version: Version::FIRST,
                kept_attempts: Vec::new(),
                is_scrubbed: false,
                readings: Vec::new(),
            };
            state.inbox.insert(id, row);
            Receipt::Recorded
        })
    }

    async fn take_lanes(
        &self,
        _owner: &str,
        share: LaneShare,
        now: Timestamp,
        leased_until: Timestamp,
        limit: u32,
    ) -> Result<Vec<LaneHold>, StoreError> {
        self.call("take_lanes", |state| {
            let due: BTreeSet<Lane> = (state.inbox.values())
                .filter(|row| row.is_due_at(now))
                .map(InboxRow::lane)
                .filter(|lane| share.includes(*lane))
                .collect();
            let mut taken = Vec::new();
            for lane in due {
                let row = state.lanes.entry(lane).or_insert(LaneRow {
                    fence: Fence::restore(0),
                    leased_until: None,
                });
                let is_free = row.leased_until.is_none_or(|until| until <= now);
                if is_free && taken.len() < rows_max(limit) {
                    row.fence = Fence::restore(row.fence.number().saturating_add(1));
                    row.leased_until = Some(leased_until);
                    taken.push(LaneHold {
                        lane,
                        fence: row.fence,
                    });
                }
            }
            taken
        })
    }

    async fn renew_lanes(
        &self,
        held: &[LaneHold],
        leased_until: Timestamp,
    ) -> Result<Vec<LaneHold>, StoreError> {
        self.call("renew_lanes", |state| {
            let mut renewed = held.to_vec();
            renewed.retain(|hold| state.is_held(*hold));
            // One that was given back is nobody's.
            renewed.retain(|hold| {
                let lane = state.lanes.get_mut(&hold.lane);
                let Some(lane) = lane.filter(|lane| lane.leased_until.is_some()) else {
                    return false;
                };
                lane.leased_until = Some(leased_until);
                let rows = state.inbox.values_mut();
                for row in rows.filter(|row| row.lane() == hold.lane) {
                    row.leased_until = row.leased_until.max(row.leased_until.map(|_| leased_until));
                }
                true
            });
            renewed
        })
    }

    async fn release_lanes(&self, held: &[LaneHold]) -> Result<(), StoreError> {
        self.call("release_lanes", |state| {
            for hold in held {
                let lane = state.lanes.get_mut(&hold.lane);
                if let Some(lane) = lane.filter(|lane| lane.fence == hold.fence) {
                    lane.leased_until = None;
                }
            }
        })
    }

    async fn due_events(
        &self,
        held: &[LaneHold],
        in_hand: &[(InboxEventId, LaneHold)],
        now: Timestamp,
        per_lane: u32,
    ) -> Result<Vec<ClaimedEvent>, StoreError> {
        self.call("due_events", |state| {
            let in_hand: BTreeSet<InboxEventId> = in_hand.iter().map(|(id, _)| *id).collect();
            let mut due: Vec<ClaimedEvent> = Vec::new();
            for hold in held {
                let in_lane = |row: &&InboxRow| {
                    row.lane() == hold.lane
                        && row.is_due_at(now)
                        && !in_hand.contains(&row.event.id)
                };
                let mut rows: Vec<&InboxRow> = state.inbox.values().filter(in_lane).collect();
                // Stable, so that events of the same second stay in the order of their ids.
                rows.sort_by_key(|row| row.event.envelope.created_at);
                rows.truncate(rows_max(per_lane));
                due.extend(rows.into_iter().map(|row| row.claimed(*hold)));
            }
            due.sort_by_key(|event| (event.created_at, event.id));
            due
        })
    }

    async fn begin_attempts(
        &self,
        events: &[(InboxEventId, LaneHold)],
        leased_until: Timestamp,
    ) -> Result<Vec<InboxEventId>, StoreError> {
        self.call("begin_attempts", |state| {
            let mut begun = Vec::new();
            for (id, hold) in events {
                let is_held = state.is_held(*hold);
                let row = state.inbox.get_mut(&id.uuid());
                let row = row.filter(|row| is_held && row.is_open());
                if let Some(row) = row {
                    row.begin(leased_until);
                    begun.push(*id);
                }
            }
            begun
        })
    }

    async fn settle(&self, settled: Vec<Settled>, now: Timestamp) -> Result<(), StoreError> {
        self.call("settle", |state| {
            for Settled {
                id,
                hold,
                settlement,
            } in settled
            {
                let is_held = hold.is_none_or(|hold| state.is_held(hold));
                let row = state.inbox.get_mut(&id.uuid());
                if let Some(row) = row.filter(|row| is_held && !row.is_closed()) {
                    row.settle(settlement, now);
                    let parent = row.waiting_for.clone();
                    if let Some(parent) = parent.filter(|parent| state.is_known(parent)) {
                        state.wake(&[parent]);
                    }
                }
            }
        })
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
