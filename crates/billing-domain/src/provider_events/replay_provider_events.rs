//! Makes many resting events due again, chosen by a filter; first in a rehearsal that changes nothing.

use std::sync::Arc;

use super::event_filter::EventFilter;
use super::ports::EventLog;
use super::stored_event::{EventStatus, StoredEvent};
use crate::kernel::change_set::ChangeSet;
use crate::kernel::failure::StoreFailure;
use crate::kernel::ports::{ATTEMPTS_MAX, Core};
use crate::kernel::request::Request;
use crate::kernel::text::Reason;

/// How many events one call replays at most: one commit that is still short.
pub const REPLAYED_MAX: u16 = 500;

/// How many it replays when nobody says.
pub const REPLAYED_DEFAULT: u16 = 100;

/// How far matches are counted; more than these are "many".
pub const COUNTED_MAX: u32 = 10_000;

/// How many events a report shows.
const EXAMPLES_MAX: u16 = 10;

/// Which events to replay, and whether to do it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReplayOrder {
    filter: EventFilter,
    reason: Option<Reason>,
    limit: u16,
    is_rehearsal: bool,
}

/// The order asks for something that no replay does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidReplayOrder {
    /// Without a status everything would be meant.
    #[error("name at least one status: parked, failed, skipped or discarded")]
    NoStatus,
    /// Such events are due by themselves, or were applied.
    #[error("events that are {} cannot be replayed, only parked, failed, skipped and discarded ones", .0.name())]
    NotReplayable(EventStatus),
    /// The limit is out of range.
    #[error("limit must be between 1 and {REPLAYED_MAX}")]
    Limit,
}

impl ReplayOrder {
    /// Orders a replay of at most `limit` events, the first received first.
    ///
    /// # Errors
    /// [`InvalidReplayOrder`].
    pub fn try_new(
        filter: EventFilter,
        reason: Option<Reason>,
        limit: u16,
        is_rehearsal: bool,
    ) -> Result<Self, InvalidReplayOrder> {
        if filter.statuses.is_empty() {
            return Err(InvalidReplayOrder::NoStatus);
        }
        let mut statuses = filter.statuses.iter();
        if let Some(status) = statuses.find(|status| !status.is_replayable()) {
            return Err(InvalidReplayOrder::NotReplayable(*status));
        }
        if !(1..=REPLAYED_MAX).contains(&limit) {
            return Err(InvalidReplayOrder::Limit);
        }
        Ok(Self {
            filter,
            reason,
            limit,
            is_rehearsal,
        })
    }
}

/// What was replayed, or would have been.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReplayReport {
    /// Whether nothing was changed.
    pub is_rehearsal: bool,
    /// How many events matched before, counted up to [`COUNTED_MAX`].
    pub matched_count: u32,
    /// How many are due now; in a rehearsal, how many would be.
    pub replayed_count: u32,
    /// The first of them, as they were before.
    pub examples: Vec<StoredEvent>,
}

impl ReplayReport {
    /// How many matched and wait for another call; a lower bound where counting ended early.
    pub fn left_count(&self) -> u32 {
        self.matched_count.saturating_sub(self.replayed_count)
    }
}

/// Why nothing is replayed.
#[derive(Debug, thiserror::Error)]
pub enum ReplayProviderEventsError {
    /// Only operators may.
    #[error("only an operator may replay the provider's events")]
    NotAnOperator,
    /// Storage.
    #[error(transparent)]
    Store(#[from] StoreFailure),
}

/// Replays events by filter.
pub struct ReplayProviderEvents {
    /// Write and time.
    pub core: Core,
    /// Reads events.
    pub events: Arc<dyn EventLog>,
}

impl ReplayProviderEvents {
    /// Makes the events due that match, all or none of those that one call takes; workers apply them.
    ///
    /// # Errors
    /// [`ReplayProviderEventsError`].
    pub async fn run(
        &self,
        request: &Request<'_, ReplayReport>,
        order: &ReplayOrder,
    ) -> Result<ReplayReport, ReplayProviderEventsError> {
        if !request.principal().is_operator() {
            return Err(ReplayProviderEventsError::NotAnOperator);
        }
        for _ in 0..ATTEMPTS_MAX {
            match self.run_once(request, order).await {
                Err(ReplayProviderEventsError::Store(failure))
                    if failure.asks_to_decide_again() => {}
                decided => return decided,
            }
        }
        Err(StoreFailure::Conflict.into())
    }

    async fn run_once(
        &self,
        request: &Request<'_, ReplayReport>,
        order: &ReplayOrder,
    ) -> Result<ReplayReport, ReplayProviderEventsError> {
        let ReplayOrder {
            filter,
            reason,
            limit,
            is_rehearsal,
        } = order;
        let matched_count = self.events.event_count(filter, COUNTED_MAX).await;
        let matched_count = matched_count.map_err(StoreFailure::from)?;
        let found = self.events.oldest_events(filter, *limit).await;
        let found = found.map_err(StoreFailure::from)?;
        let replayed_count = u32::try_from(found.len()).unwrap_or(u32::MAX);
        let examples = found.iter().take(usize::from(EXAMPLES_MAX));
        let report = ReplayReport {
            is_rehearsal: *is_rehearsal,
            // Events may have come between the two reads.
            matched_count: matched_count.max(replayed_count),
            replayed_count,
            examples: examples.map(|stored| stored.value.clone()).collect(),
        };
        let now = self.core.now();
        let mut changes =
            ChangeSet::caused_by(request.answered(&report), now).because(reason.as_ref());
        if !is_rehearsal {
            for event in &found {
                // The filter has no status of an applied event, so none is refused.
                if let Ok(transition) = event.value.replay() {
                    changes = changes.change_provider_event(event, transition);
                }
            }
        }
        if !changes.is_empty() || request.is_remembered() {
            let committed = self.core.writer.commit(changes).await;
            committed.map_err(StoreFailure::from)?;
        }
        Ok(report)
    }
}

#[cfg(test)]
mod tests;
