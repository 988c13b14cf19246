//! The worker's turn: takes lanes, applies what is due in them, and says what became of it (ADR 0013).

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};

use time::Duration;

use self::aside::Aside;
use self::held::HeldLanes;
use self::suspects::Suspected;
use self::waves::{Asking, Lines, WAVE_MAX};
use super::apply_provider_event::{ApplyError, ApplyProviderEvent};
use super::handoff::Handoff;
use super::lane::{Lane, LaneShare};
use super::observer::{Attempt, EventObserver};
use super::ports::{ClaimedEvent, EventInbox, Settlement};
use super::stored_event::EventStatus;
use crate::kernel::failure::{StoreFailure, with_causes};
use crate::kernel::id::InboxEventId;
use crate::kernel::ports::Core;
use crate::kernel::timestamp::Timestamp;

pub use held::LINGER;

mod aside;
mod asking;
mod held;
mod side_by_side;
mod suspects;
mod waves;

/// How many lanes one turn takes, so that replicas that start together share them.
const LANES_PER_TURN: u32 = 16;

/// How many events of one lane are read at least.
const PER_LANE_MIN: usize = 8;

/// How long a lane is held without a sign of life: longer than a batch takes in general, short
/// enough that a crash is soon mended. Whoever takes longer loses the lane, and its commits fail.
pub const LEASE: Duration = Duration::seconds(20);

/// How often in a row an event may be begun without a word of its end. An event that ends its worker
/// would otherwise end every worker after it.
pub const ABANDONED_MAX: u32 = 5;

/// After how long an event that keeps failing is parked; the provider itself gives up after
/// three days.
pub const RETRIED_FOR: Duration = Duration::days(3);

/// How often somebody looks after an event that waits for its parent, whom the parent's commit
/// normally wakes: only a commit that began before the event was put aside can miss it.
pub const WAITING_LOOK: Duration = Duration::hours(1);

/// How many attempts follow each other within a minute, whatever an event's age.
const FAST_ATTEMPTS: u32 = 3;

/// What a turn did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct DrainReport {
    /// Events that took effect, or had taken it before.
    pub applied: u32,
    /// Events without an effect.
    pub skipped: u32,
    /// Events that are tried again later.
    pub retried: u32,
    /// Events that an operator must look at.
    pub parked: u32,
    /// Events that wait until billing is switched on.
    pub deferred: u32,
    /// Subjects whose events go on beside the turn, because the provider has to be asked: there is
    /// one [`DrainInbox::ask`] for each.
    pub set_aside: u32,
    /// Nothing is at hand, and the lanes are kept for [`LINGER`] in case that something comes.
    pub lingers: bool,
}

impl DrainReport {
    /// How many events were brought to an end, and subjects set aside.
    pub fn claimed(&self) -> u32 {
        [
            self.applied,
            self.skipped,
            self.retried,
            self.parked,
            self.deferred,
            self.set_aside,
        ]
        .into_iter()
        .fold(0, u32::saturating_add)
    }
}

/// Drains the inbox. One turn at a time: workers that run side by side have a share each.
pub struct DrainInbox {
    /// Write and time.
    pub core: Core,
    /// The inbox.
    pub inbox: Arc<dyn EventInbox>,
    /// Decides.
    pub apply: Arc<ApplyProviderEvent>,
    /// Whether billing is switched on (C-003); if not, events are deferred and not lost (C-005).
    pub billing_enabled: bool,
    /// What this replica has just stored.
    pub handoff: Arc<Handoff>,
    /// Which lanes are this worker's to take.
    pub share: LaneShare,
    /// The replica's name, for operators.
    pub owner: String,
    /// What it holds between turns.
    pub lanes: LanesInHand,
    /// Hears how attempts end.
    pub observer: Arc<dyn EventObserver>,
}

/// The lanes that a worker keeps from one turn to the next, and what is on its way beside them.
#[derive(Debug, Default)]
pub struct LanesInHand {
    held: Mutex<HeldLanes>,
    aside: Aside,
}

impl LanesInHand {
    fn read(&self) -> HeldLanes {
        self.held
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    fn write(&self, held: HeldLanes) {
        *self.held.lock().unwrap_or_else(PoisonError::into_inner) = held;
    }
}

impl DrainInbox {
    /// Takes one turn, asks what has to be asked, and holds nothing afterwards: for tests and
    /// commands. An empty report means that nothing was due.
    ///
    /// # Errors
    /// [`StoreFailure`] if events cannot be read or settled; their lanes are free when the lease
    /// ends.
    pub async fn run(&self) -> Result<DrainReport, StoreFailure> {
        let report = self.turn_and_ask().await;
        self.release().await?;
        report
    }

    async fn turn_and_ask(&self) -> Result<DrainReport, StoreFailure> {
        let mut report = self.turn().await?;
        for _ in 0..std::mem::take(&mut report.set_aside) {
            self.ask_into(&mut report).await?;
        }
        Ok(report)
    }

    /// Whether a turn has set aside what nobody has begun to [ask](Self::ask) about.
    pub fn has_questions(&self) -> bool {
        self.lanes.aside.has_to_begin()
    }

    /// Takes the events of one subject that a turn has set aside through to their end, and those of
    /// the subject that come meanwhile. Several MAY run beside each other and beside the turns.
    ///
    /// # Errors
    /// [`StoreFailure`] if events cannot be settled: the next turn reads them again.
    pub async fn ask(&self) -> Result<DrainReport, StoreFailure> {
        let mut report = DrainReport::default();
        self.ask_into(&mut report).await?;
        Ok(report)
    }

    /// Takes one turn and keeps its lanes as long as there is something to do in them.
    ///
    /// # Errors
    /// [`StoreFailure`] as for [`Self::run`].
    pub async fn turn(&self) -> Result<DrainReport, StoreFailure> {
        let mut held = self.lanes.read();
        let outcome = self.turn_with(&mut held).await;
        if outcome.is_err() {
            held.fall_behind();
        }
        self.lanes.write(held);
        outcome
    }

    /// Gives back what is held.
    ///
    /// # Errors
    /// [`StoreFailure`]; the leases end by themselves.
    pub async fn release(&self) -> Result<(), StoreFailure> {
        let held = self.lanes.read();
        self.lanes.write(HeldLanes::default());
        self.lanes.aside.clear();
        if held.is_empty() {
            return Ok(());
        }
        Ok(self.inbox.release_lanes(&held.holds()).await?)
    }

    /// A sign of life while a turn takes long: prolongs what is held.
    ///
    /// # Errors
    /// [`StoreFailure`]; the next one may succeed.
    pub async fn renew(&self) -> Result<(), StoreFailure> {
        let held = self.lanes.read();
        if held.is_empty() {
            return Ok(());
        }
        let until = self.core.now().plus(LEASE);
        // Which of them are lost is found out by the commits.
        self.inbox.renew_lanes(&held.holds(), until).await?;
        Ok(())
    }

    async fn turn_with(&self, held: &mut HeldLanes) -> Result<DrainReport, StoreFailure> {
        let now = self.core.now();
        let mut report = DrainReport::default();
        let findings = self.lanes.aside.findings();
        for hold in findings.lost {
            held.lose(hold);
        }
        if findings.has_failed {
            held.fall_behind();
        }
        let is_read_due = held.must_read(now);
        // What is read back is told from what was handed over, so all of that is in hand then.
        let limit = if is_read_due { usize::MAX } else { WAVE_MAX };
        let handed = self.handoff.take(self.share, limit);
        if handed.events.is_empty() && !handed.has_missed && held.lingers(now) {
            report.lingers = true;
            return Ok(report);
        }
        let must_read = is_read_due || handed.has_missed || handed.events.is_empty();
        let (mut batch, mut fresh, mut has_strangers) = (Vec::new(), HashSet::new(), false);
        for event in handed.events {
            if held.has_seen(event.id) {
                continue;
            }
            fresh.insert(event.id);
            match held.accepts(event.lane()) {
                Some(hold) => batch.push(event.held(hold)),
                None => has_strangers = true,
            }
        }
        if must_read || has_strangers {
            batch = self.read(held, now, batch, &fresh, &mut report).await?;
        } else {
            // Within a batch the provider's order is as good as known.
            batch.sort_by_key(|event| (event.created_at, event.id));
        }
        // Whoever is asked for a sign of life meanwhile must know what is held.
        self.lanes.write(held.clone());
        if !batch.is_empty() {
            held.is_active(now);
        } else if report.claimed() == 0 && !held.is_empty() {
            let holds = held.keep_only(&self.lanes.aside.lanes());
            // Nobody prolongs what is being given back.
            self.lanes.write(held.clone());
            if !holds.is_empty() {
                self.inbox.release_lanes(&holds).await?;
            }
        }
        let lines = self.lines_of(batch, &mut report).await?;
        self.apply(lines, Asking::Aside, held, &mut report).await?;
        Ok(report)
    }

    async fn apply(
        &self,
        lines: Lines,
        asking: Asking,
        held: &mut HeldLanes,
        report: &mut DrainReport,
    ) -> Result<(), StoreFailure> {
        for hold in self.apply_in_waves(lines, asking, report).await? {
            held.lose(hold);
        }
        Ok(())
    }

    /// Takes lanes and reads what is due in all that are held, in order; what is in hand already is
    /// not read twice.
    async fn read(
        &self,
        held: &mut HeldLanes,
        now: Timestamp,
        in_hand: Vec<ClaimedEvent>,
        fresh: &HashSet<InboxEventId>,
        report: &mut DrainReport,
    ) -> Result<Vec<ClaimedEvent>, StoreFailure> {
        if self.billing_enabled {
            self.inbox.release_deferred(now).await?;
        }
        let until = now.plus(LEASE);
        if held.must_renew(now) {
            let still = self.inbox.renew_lanes(&held.holds(), until).await?;
            held.renewed(&still, until);
        }
        let taken = self
            .inbox
            .take_lanes(&self.owner, self.share, now, until, LANES_PER_TURN)
            .await?;
        held.take(taken, LANES_PER_TURN, until);
        if held.is_empty() {
            return Ok(Vec::new());
        }
        let holds = held.holds();
        let per_lane = WAVE_MAX.checked_div(holds.len()).unwrap_or(WAVE_MAX);
        let per_lane = per_lane.max(PER_LANE_MIN);
        let limit = u32::try_from(per_lane).unwrap_or(u32::MAX);
        // What was handed over under a hold that is lost by now is the inbox's.
        let in_hand: Vec<ClaimedEvent> = (in_hand.into_iter())
            .filter(|event| held.accepts(event.hold.lane) == Some(event.hold))
            .collect();
        let mut known = self.lanes.aside.in_hand(&holds);
        known.extend(in_hand.iter().map(|event| (event.id, event.hold)));
        // Nothing newer passes what was stored before this moment.
        tracing::debug!(worker.share = self.share.index, "looks into the inbox");
        let due = self.inbox.due_events(&holds, &known, now, limit).await?;
        let found = due.iter().map(|event| (event.hold.lane, event.id));
        held.read(now, found, per_lane);
        // A lane that turned out to have more than this gives what is older first.
        let mut last_of: HashMap<Lane, (Timestamp, InboxEventId)> = HashMap::new();
        for event in &due {
            last_of.insert(event.hold.lane, (event.created_at, event.id));
        }
        let comes_first = |event: &ClaimedEvent| {
            let last = last_of.get(&event.hold.lane);
            held.accepts(event.hold.lane).is_some()
                || last.is_some_and(|last| (event.created_at, event.id) < *last)
        };
        let in_hand = in_hand.into_iter().filter(comes_first);
        let suspected = Suspected::among(&due);
        let (mut suspects, in_hand): (Vec<ClaimedEvent>, Vec<ClaimedEvent>) =
            in_hand.partition(|event| suspected.includes(event));
        let mut batch: HashMap<InboxEventId, ClaimedEvent> =
            in_hand.into_iter().map(|event| (event.id, event)).collect();
        let mut to_begin = Vec::new();
        for event in due {
            if suspected.includes(&event) {
                suspects.push(event);
            } else {
                // One that was just handed over is in its first attempt, like any that is.
                if !fresh.contains(&event.id) {
                    to_begin.push((event.id, event.hold));
                }
                batch.entry(event.id).or_insert(event);
            }
        }
        suspects.sort_by_key(|event| (event.created_at, event.id));
        self.apply_suspects(suspects, held, report).await?;
        if !to_begin.is_empty() {
            let begun = self.inbox.begin_attempts(&to_begin, until).await?;
            let begun: HashSet<InboxEventId> = begun.into_iter().collect();
            for (id, _) in &to_begin {
                if !begun.contains(id) {
                    batch.remove(id);
                }
            }
        }
        let mut batch: Vec<ClaimedEvent> = batch.into_values().collect();
        batch.sort_by_key(|event| (event.created_at, event.id));
        Ok(batch)
    }

    /// Tells how an attempt ended.
    fn observe(&self, event: &ClaimedEvent, status: EventStatus, began_at: Timestamp) {
        self.observer.attempt_ended(&Attempt {
            event_type: &event.event_type,
            status,
            created_at: event.created_at,
            began_at,
            ended_at: self.core.now(),
        });
    }

    /// What becomes of an event that could not be applied.
    fn failed(&self, event: &ClaimedEvent, error: &ApplyError) -> Settlement {
        let now = self.core.now();
        let reason = with_causes(error);
        // An event that was deferred for days has had no attempt yet.
        let is_too_old =
            now.since(event.created_at) > RETRIED_FOR && event.attempts >= FAST_ATTEMPTS;
        if let Some(parent) = error.awaited_parent()
            && !is_too_old
        {
            return Settlement::Waiting {
                parent,
                at: now.plus(WAITING_LOOK),
                error: reason,
            };
        }
        if error.is_retryable() && !is_too_old {
            tracing::warn!(
                provider_event.id = %event.provider_event_id,
                error = reason,
                attempts = event.attempts.saturating_add(1),
                "provider event {} is tried again later", event.provider_event_id
            );
            return Settlement::Retry {
                at: retry_at(event, now),
                error: reason,
            };
        }
        tracing::error!(
            provider_event.id = %event.provider_event_id,
            error = reason,
            "provider event {} is parked; an operator must look at it", event.provider_event_id
        );
        Settlement::Parked {
            reason,
            waiting_for: error.awaited_parent(),
        }
    }
}

/// Three fast attempts, then slower and slower, at most an hour apart (F.4); spread by the
/// event's id so that events that failed together do not come back together.
fn retry_at(event: &ClaimedEvent, now: Timestamp) -> Timestamp {
    let seconds = match event.attempts {
        0 => 1,
        1 => 5,
        2 => 30,
        more => 60_i64
            .saturating_mul(2_i64.saturating_pow(more.saturating_sub(3).min(6)))
            .min(3_600),
    };
    let spread = i64::from(event.id.uuid().as_bytes()[15]) * seconds / 1_024;
    now.plus(Duration::seconds(seconds.saturating_add(spread)))
}

fn count(settlement: &Settlement, report: &mut DrainReport) {
    let counter = match settlement {
        Settlement::Skipped { .. } => &mut report.skipped,
        Settlement::Retry { .. } | Settlement::Waiting { .. } => &mut report.retried,
        Settlement::Parked { .. } => &mut report.parked,
        Settlement::Deferred => &mut report.deferred,
    };
    *counter = counter.saturating_add(1);
}

#[cfg(test)]
mod tests;
