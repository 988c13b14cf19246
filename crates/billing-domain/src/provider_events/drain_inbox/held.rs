//! The lanes that a worker holds between its turns.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use time::Duration;

use crate::kernel::id::InboxEventId;
use crate::kernel::timestamp::Timestamp;
use crate::provider_events::lane::{Fence, Lane, LaneHold};

use super::LEASE;

/// How often a busy worker looks into the inbox for what other replicas have stored in its lanes.
const READ_EVERY: Duration = Duration::milliseconds(500);

/// How long a worker keeps lanes in which nothing happens.
pub const LINGER: Duration = Duration::milliseconds(50);

#[derive(Debug, Clone)]
struct HeldLane {
    fence: Fence,
    /// Whether everything that was due when the inbox was read is in hand. Only then may a fresh
    /// event be applied from memory: nothing is before it.
    is_caught_up: bool,
}

/// The lanes that a worker holds.
#[derive(Debug, Clone, Default)]
pub(super) struct HeldLanes {
    lanes: BTreeMap<Lane, HeldLane>,
    leased_until: Option<Timestamp>,
    read_at: Option<Timestamp>,
    /// Whether there may be more lanes to take than one turn takes.
    has_more_to_take: bool,
    /// When there was something to apply.
    active_at: Option<Timestamp>,
    /// What the last reading found: it may be handed over in memory as well.
    seen: HashSet<InboxEventId>,
}

impl HeldLanes {
    pub(super) fn is_empty(&self) -> bool {
        self.lanes.is_empty()
    }

    pub(super) fn holds(&self) -> Vec<LaneHold> {
        let lanes = self.lanes.iter();
        lanes
            .map(|(lane, held)| LaneHold {
                lane: *lane,
                fence: held.fence,
            })
            .collect()
    }

    /// The hold under which a fresh event may be applied from memory.
    pub(super) fn accepts(&self, lane: Lane) -> Option<LaneHold> {
        let held = self.lanes.get(&lane).filter(|held| held.is_caught_up)?;
        Some(LaneHold {
            lane,
            fence: held.fence,
        })
    }

    pub(super) fn has_seen(&self, id: InboxEventId) -> bool {
        self.seen.contains(&id)
    }

    /// Whether the inbox has to be read whatever was handed over.
    pub(super) fn must_read(&self, now: Timestamp) -> bool {
        let is_old = self.read_at.is_none_or(|at| now.since(at) >= READ_EVERY);
        let is_behind = self.lanes.values().any(|held| !held.is_caught_up);
        is_old || is_behind || self.has_more_to_take
    }

    /// There is something to apply.
    pub(super) fn is_active(&mut self, now: Timestamp) {
        self.active_at = Some(now);
    }

    /// Whether the lanes are kept although nothing is at hand: between two events of a stream they
    /// need not be given back and taken again.
    pub(super) fn lingers(&self, now: Timestamp) -> bool {
        let was_active = (self.active_at).is_some_and(|at| now.since(at) < LINGER);
        was_active && !self.lanes.is_empty() && !self.must_read(now)
    }

    /// Whether half of the lease is over.
    pub(super) fn must_renew(&self, now: Timestamp) -> bool {
        let half = LEASE / 2;
        !self.lanes.is_empty() && (self.leased_until).is_none_or(|until| until.since(now) < half)
    }

    pub(super) fn take(&mut self, taken: Vec<LaneHold>, asked: u32, leased_until: Timestamp) {
        let asked = usize::try_from(asked).unwrap_or(usize::MAX);
        self.has_more_to_take = taken.len() >= asked;
        if self.lanes.is_empty() {
            self.leased_until = Some(leased_until);
        }
        for hold in taken {
            let held = HeldLane {
                fence: hold.fence,
                is_caught_up: false,
            };
            self.lanes.insert(hold.lane, held);
        }
    }

    pub(super) fn renewed(&mut self, still: &[LaneHold], leased_until: Timestamp) {
        self.lanes.retain(|lane, held| {
            still.contains(&LaneHold {
                lane: *lane,
                fence: held.fence,
            })
        });
        self.leased_until = Some(leased_until);
    }

    /// The inbox was read: which lanes have more than that, and what was found.
    pub(super) fn read(
        &mut self,
        now: Timestamp,
        found: impl Iterator<Item = (Lane, InboxEventId)>,
        per_lane: usize,
    ) {
        self.read_at = Some(now);
        self.seen.clear();
        let mut counts: BTreeMap<Lane, usize> = BTreeMap::new();
        for (lane, id) in found {
            self.seen.insert(id);
            let count = counts.entry(lane).or_default();
            *count = count.saturating_add(1);
        }
        for (lane, held) in &mut self.lanes {
            held.is_caught_up = counts.get(lane).is_none_or(|count| *count < per_lane);
        }
    }

    /// Parts with every lane but these; gives what is to be given back.
    pub(super) fn keep_only(&mut self, needed: &BTreeSet<Lane>) -> Vec<LaneHold> {
        let mut holds = self.holds();
        holds.retain(|hold| !needed.contains(&hold.lane));
        if needed.is_empty() {
            *self = Self::default();
        } else {
            self.lanes.retain(|lane, _| needed.contains(lane));
        }
        holds
    }

    /// Something that was in hand was not brought to an end: the inbox has it.
    pub(super) fn fall_behind(&mut self) {
        for held in self.lanes.values_mut() {
            held.is_caught_up = false;
        }
    }

    pub(super) fn lose(&mut self, hold: LaneHold) {
        if (self.lanes.get(&hold.lane)).is_some_and(|held| held.fence == hold.fence) {
            self.lanes.remove(&hold.lane);
        }
    }
}
