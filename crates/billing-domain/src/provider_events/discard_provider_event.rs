//! Puts one event aside for good, because an operator decided that it shall have no effect.

use std::sync::Arc;

use super::event_filter::EventName;
use super::ports::EventLog;
use super::stored_event::{EventApplied, StoredEvent};
use crate::kernel::change_set::ChangeSet;
use crate::kernel::failure::StoreFailure;
use crate::kernel::ports::{ATTEMPTS_MAX, Core};
use crate::kernel::request::Request;
use crate::kernel::text::Reason;

/// Why nothing is discarded.
#[derive(Debug, thiserror::Error)]
pub enum DiscardProviderEventError {
    /// Only operators may.
    #[error("only an operator may discard the provider's events")]
    NotAnOperator,
    /// It was never delivered, or not to this service.
    #[error("there is no such event in the inbox")]
    NotFound,
    /// Its effects are there; nothing takes them back.
    #[error("{0}: discarding it would take nothing back")]
    Applied(EventApplied),
    /// Storage.
    #[error(transparent)]
    Store(#[from] StoreFailure),
}

/// Discards events.
pub struct DiscardProviderEvent {
    /// Write and time.
    pub core: Core,
    /// Reads events.
    pub events: Arc<dyn EventLog>,
}

impl DiscardProviderEvent {
    /// Discards an event that was not applied, until somebody replays it.
    ///
    /// # Errors
    /// [`DiscardProviderEventError`].
    pub async fn run(
        &self,
        request: &Request<'_, StoredEvent>,
        name: &EventName,
        reason: &Reason,
    ) -> Result<StoredEvent, DiscardProviderEventError> {
        if !request.principal().is_operator() {
            return Err(DiscardProviderEventError::NotAnOperator);
        }
        for _ in 0..ATTEMPTS_MAX {
            match self.run_once(request, name, reason).await {
                Err(DiscardProviderEventError::Store(failure))
                    if failure.asks_to_decide_again() => {}
                decided => return decided,
            }
        }
        Err(StoreFailure::Conflict.into())
    }

    async fn run_once(
        &self,
        request: &Request<'_, StoredEvent>,
        name: &EventName,
        reason: &Reason,
    ) -> Result<StoredEvent, DiscardProviderEventError> {
        let event = self.events.event(name).await.map_err(StoreFailure::from)?;
        let event = event.ok_or(DiscardProviderEventError::NotFound)?;
        let now = self.core.now();
        let transition = event.value.discard(reason, now);
        let transition = transition.map_err(DiscardProviderEventError::Applied)?;
        let next = transition.outcome(&event.value).clone();
        let changes = ChangeSet::caused_by(request.answered(&next), now)
            .because(Some(reason))
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
