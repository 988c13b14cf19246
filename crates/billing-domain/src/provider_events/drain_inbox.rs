//! The worker's turn: claims due events, decides and commits each, and says what became of it.

use std::sync::Arc;

use time::Duration;
use tracing::Instrument;

use super::apply_provider_event::{ApplyError, ApplyProviderEvent, Decision};
use super::observer::{Attempt, EventObserver};
use super::ports::{ClaimedEvent, EventInbox, Settlement};
use super::stored_event::EventStatus;
use crate::kernel::change_set::UniqueRule;
use crate::kernel::failure::StoreFailure;
use crate::kernel::ports::{ATTEMPTS_MAX, Core};
use crate::kernel::timestamp::Timestamp;

/// How many events one turn takes.
pub const BATCH_MAX: u32 = 64;

/// How long a claim lasts: longer than a batch takes in general, short enough that a crash is soon
/// mended. A batch that takes longer is decided twice and applied once.
pub const LEASE: Duration = Duration::seconds(20);

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
}

impl DrainReport {
    /// How many events were claimed.
    pub fn claimed(&self) -> u32 {
        [
            self.applied,
            self.skipped,
            self.retried,
            self.parked,
            self.deferred,
        ]
        .into_iter()
        .fold(0, u32::saturating_add)
    }
}

/// Drains the inbox.
pub struct DrainInbox {
    /// Write and time.
    pub core: Core,
    /// The inbox.
    pub inbox: Arc<dyn EventInbox>,
    /// Decides.
    pub apply: Arc<ApplyProviderEvent>,
    /// Whether billing is switched on (C-003); if not, events are deferred and not lost (C-005).
    pub billing_enabled: bool,
    /// Hears how attempts end.
    pub observer: Arc<dyn EventObserver>,
}

enum Fate {
    Applied,
    Settled(Settlement),
}

impl Fate {
    fn status(&self) -> EventStatus {
        match self {
            Self::Applied => EventStatus::Processed,
            Self::Settled(Settlement::Skipped { .. }) => EventStatus::Skipped,
            Self::Settled(Settlement::Retry { .. } | Settlement::Waiting { .. }) => {
                EventStatus::Failed
            }
            Self::Settled(Settlement::Parked { .. }) => EventStatus::Parked,
            Self::Settled(Settlement::Deferred) => EventStatus::Deferred,
        }
    }
}

/// Everything that is decided and written about an event is inside, under the id of the request
/// that delivered it.
fn span_of(event: &ClaimedEvent) -> tracing::Span {
    tracing::info_span!(
        "provider_event.apply",
        provider_event.id = %event.provider_event_id,
        correlation.id = event.correlation_id,
    )
}

impl DrainInbox {
    /// Takes one turn. An empty report means that nothing was due.
    ///
    /// # Errors
    /// [`StoreFailure`] if events cannot be claimed or settled; their lease ends by itself.
    pub async fn run(&self) -> Result<DrainReport, StoreFailure> {
        let now = self.core.now();
        if self.billing_enabled {
            self.inbox.release_deferred(now).await?;
        }
        let mut report = DrainReport::default();
        for event in self
            .inbox
            .claim_events(now, now.plus(LEASE), BATCH_MAX)
            .await?
        {
            let began_at = self.core.now();
            let fate = if self.billing_enabled {
                self.apply(&event).instrument(span_of(&event)).await
            } else {
                Fate::Settled(Settlement::Deferred)
            };
            self.observe(&event, &fate, began_at);
            match fate {
                Fate::Applied => report.applied = report.applied.saturating_add(1),
                Fate::Settled(settlement) => {
                    count(&settlement, &mut report);
                    self.settle(&event, settlement).await?;
                }
            }
        }
        Ok(report)
    }

    /// Settles; a parent that became known while the event was put aside wakes it at once.
    async fn settle(
        &self,
        event: &ClaimedEvent,
        settlement: Settlement,
    ) -> Result<(), StoreFailure> {
        let awaited = match &settlement {
            Settlement::Waiting { parent, .. } => Some(*parent),
            Settlement::Skipped { .. }
            | Settlement::Retry { .. }
            | Settlement::Parked { .. }
            | Settlement::Deferred => None,
        };
        let now = self.core.now();
        self.inbox.settle(event.id, settlement, now).await?;
        if let Some(parent) = awaited
            && self.apply.is_known(&parent).await?
        {
            self.inbox.wake(&parent, now).await?;
        }
        Ok(())
    }

    fn observe(&self, event: &ClaimedEvent, fate: &Fate, began_at: Timestamp) {
        self.observer.attempt_ended(&Attempt {
            event_type: &event.event_type,
            status: fate.status(),
            created_at: event.created_at,
            began_at,
            ended_at: self.core.now(),
        });
    }

    async fn apply(&self, event: &ClaimedEvent) -> Fate {
        let mut reservation_is_free = true;
        for _ in 0..ATTEMPTS_MAX {
            match self.apply_once(event, reservation_is_free).await {
                Ok(fate) => return fate,
                Err(ApplyError::Store(StoreFailure::Duplicate(
                    UniqueRule::IntentSlug | UniqueRule::IntentName,
                ))) => {
                    reservation_is_free = false;
                }
                Err(ApplyError::Store(failure)) if failure.asks_to_decide_again() => {}
                Err(error) => return Fate::Settled(self.failed(event, &error)),
            }
        }
        Fate::Settled(self.failed(event, &StoreFailure::Conflict.into()))
    }

    async fn apply_once(
        &self,
        event: &ClaimedEvent,
        reservation_is_free: bool,
    ) -> Result<Fate, ApplyError> {
        match self.apply.run(event, reservation_is_free).await? {
            Decision::Settle(settlement) => Ok(Fate::Settled(settlement)),
            Decision::Commit(changes) => {
                let changes = changes.correlated_with(event.correlation_id.clone());
                match self
                    .core
                    .writer
                    .commit(changes)
                    .await
                    .map_err(StoreFailure::from)
                {
                    Ok(()) | Err(StoreFailure::AlreadyApplied) => Ok(Fate::Applied),
                    Err(failure) => Err(failure.into()),
                }
            }
        }
    }

    fn failed(&self, event: &ClaimedEvent, error: &ApplyError) -> Settlement {
        let now = self.core.now();
        let reason = reason(error);
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
        Settlement::Parked { reason }
    }
}

/// The error with its causes, for an operator.
fn reason(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
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
