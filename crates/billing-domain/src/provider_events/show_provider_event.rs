//! Shows operators one event in full: what came, each attempt, what it changed, what they decided.

use std::sync::Arc;

use super::event_filter::EventName;
use super::ports::{EventLog, EventRecord};
use crate::kernel::failure::StoreFailure;
use crate::kernel::principal::Principal;

/// Why nothing is shown.
#[derive(Debug, thiserror::Error)]
pub enum ShowProviderEventError {
    /// Payloads hold personal data.
    #[error("only an operator may see the provider's events")]
    NotAnOperator,
    /// It was never delivered, or not to this service.
    #[error("there is no such event in the inbox")]
    NotFound,
    /// Storage.
    #[error(transparent)]
    Store(#[from] StoreFailure),
}

/// Shows events.
pub struct ShowProviderEvent {
    /// Reads them.
    pub events: Arc<dyn EventLog>,
}

impl ShowProviderEvent {
    /// One event in full.
    ///
    /// # Errors
    /// [`ShowProviderEventError`].
    pub async fn run(
        &self,
        principal: &Principal,
        name: &EventName,
    ) -> Result<EventRecord, ShowProviderEventError> {
        if !principal.is_operator() {
            return Err(ShowProviderEventError::NotAnOperator);
        }
        let record = self.events.event_record(name).await;
        let record = record.map_err(StoreFailure::from)?;
        record.ok_or(ShowProviderEventError::NotFound)
    }
}

#[cfg(test)]
mod tests;
