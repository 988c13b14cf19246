//! Shows operators what is in the inbox: page by page, and how full it is.

use std::sync::Arc;

use super::event_filter::EventFilter;
use super::ports::{EventLog, InboxDepth};
use super::stored_event::StoredEvent;
use crate::kernel::failure::StoreFailure;
use crate::kernel::page::{Page, PageRequest};
use crate::kernel::principal::Principal;

/// Why nothing is shown.
#[derive(Debug, thiserror::Error)]
pub enum ListProviderEventsError {
    /// Events may tell of anybody.
    #[error("only an operator may see the provider's events")]
    NotAnOperator,
    /// Storage.
    #[error(transparent)]
    Store(#[from] StoreFailure),
}

/// Lists events.
pub struct ListProviderEvents {
    /// Reads them.
    pub events: Arc<dyn EventLog>,
}

impl ListProviderEvents {
    /// One page of the events that match, the last received first.
    ///
    /// # Errors
    /// [`ListProviderEventsError`].
    pub async fn run(
        &self,
        principal: &Principal,
        filter: &EventFilter,
        page: &PageRequest,
    ) -> Result<Page<StoredEvent>, ListProviderEventsError> {
        require_operator(principal)?;
        let page = self.events.events(filter, page).await;
        let Page { items, next } = page.map_err(StoreFailure::from)?;
        Ok(Page {
            items: items.into_iter().map(|stored| stored.value).collect(),
            next,
        })
    }

    /// How many events are in each status, and since when the oldest waits.
    ///
    /// # Errors
    /// [`ListProviderEventsError`].
    pub async fn depth(
        &self,
        principal: &Principal,
    ) -> Result<InboxDepth, ListProviderEventsError> {
        require_operator(principal)?;
        let depth = self.events.inbox_depth().await;
        Ok(depth.map_err(StoreFailure::from)?)
    }
}

fn require_operator(principal: &Principal) -> Result<(), ListProviderEventsError> {
    if principal.is_operator() {
        Ok(())
    } else {
        Err(ListProviderEventsError::NotAnOperator)
    }
}

#[cfg(test)]
mod tests;
