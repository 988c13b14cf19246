//! Makes one resting event due again, because an operator repaired what kept it from being applied.

use std::sync::Arc;

use super::event_filter::EventName;
use super::ports::EventLog;
use super::stored_event::{EventApplied, StoredEvent};
use crate::kernel::change_set::ChangeSet;
use crate::kernel::failure::StoreFailure;
use crate::kernel::ports::{ATTEMPTS_MAX, Core};
use crate::kernel::request::Request;
use crate::kernel::text::Reason;

/// Why nothing is replayed.
#[derive(Debug, thiserror::Error)]
pub enum ReplayProviderEventError {
    /// Only operators may.
    #[error("only an operator may replay the provider's events")]
    NotAnOperator,
    /// It was never delivered, or not to this service.
    #[error("there is no such event in the inbox")]
    NotFound,
    /// Its effects are there, and a second application is refused by the store.
    #[error("{0}: replaying it would change nothing")]
    Applied(EventApplied),
    /// Storage.
    #[error(transparent)]
    Store(#[from] StoreFailure),
}

/// Replays events.
pub struct ReplayProviderEvent {
    /// Write and time.
    pub core: Core,
    /// Reads events.
    pub events: Arc<dyn EventLog>,
}

impl ReplayProviderEvent {
    /// Makes an event due at once; a worker applies it. One that is due by itself stays as it is.
    ///
    /// # Errors
    /// [`ReplayProviderEventError`].
    pub async fn run(
        &self,
        request: &Request<'_, StoredEvent>,
        name: &EventName,
        reason: Option<&Reason>,
    ) -> Result<StoredEvent, ReplayProviderEventError> {
        if !request.principal().is_operator() {
            return Err(ReplayProviderEventError::NotAnOperator);
        }
        for _ in 0..ATTEMPTS_MAX {
            match self.run_once(request, name, reason).await {
                Err(ReplayProviderEventError::Store(failure)) if failure.asks_to_decide_again() => {
                }
                decided => return decided,
            }
        }
        Err(StoreFailure::Conflict.into())
    }

    async fn run_once(
        &self,
        request: &Request<'_, StoredEvent>,
        name: &EventName,
        reason: Option<&Reason>,
    ) -> Result<StoredEvent, ReplayProviderEventError> {
        let event = self.events.event(name).await.map_err(StoreFailure::from)?;
        let event = event.ok_or(ReplayProviderEventError::NotFound)?;
        let transition = event.value.replay();
        let transition = transition.map_err(ReplayProviderEventError::Applied)?;
        let next = transition.outcome(&event.value).clone();
        let changes = ChangeSet::caused_by(request.answered(&next), self.core.now())
            .because(reason)
            .change_provider_event(&event, transition);
        if !changes.is_empty() || request.is_remembered() {
            let committed = self.core.writer.commit(changes).await;
            committed.map_err(StoreFailure::from)?;
        }
        Ok(next)
    }
}

#[cfg(test)]
mod tests;
