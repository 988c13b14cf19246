//! Tells whether the provider's events reach us: how the endpoint is registered, what was not
//! delivered, what came last, how far the scans are.

use std::sync::Arc;

use time::Duration;

use super::endpoint::{EndpointOrder, EndpointReport};
use super::ports::{EndpointRegistry, EventQuery, EventSource, ScanLog};
use super::scan::Scan;
use crate::kernel::failure::StoreFailure;
use crate::kernel::page::PageRequest;
use crate::kernel::ports::Clock;
use crate::kernel::provider::ProviderError;
use crate::kernel::timestamp::Timestamp;
use crate::provider_events::event_filter::EventFilter;
use crate::provider_events::ports::EventLog;
use crate::provider_events::stored_event::StoredEvent;

/// For how long the provider tries a delivery; what failed before is not tried any more.
pub const UNDELIVERED_SINCE: Duration = Duration::days(3);

/// How many pages of undelivered events are counted; more are "at least so many".
const PAGES_MAX: u32 = 3;

/// How long after a delivery an event is not yet called undelivered.
const GRACE: Duration = Duration::minutes(1);

/// Why nothing can be told.
#[derive(Debug, thiserror::Error)]
pub enum CheckWebhookError {
    /// The provider.
    #[error(transparent)]
    Provider(#[from] ProviderError),
    /// Storage.
    #[error(transparent)]
    Store(#[from] StoreFailure),
}

/// Events of the last days with a delivery that has not succeeded, to whichever endpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Undelivered {
    /// How many, as far as they were counted.
    pub count: u64,
    /// Whether there are more.
    pub has_more: bool,
    /// Those of them that are not in the inbox either.
    pub missing_count: u64,
}

/// How things stand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebhookReport {
    /// The endpoint and its flaws.
    pub endpoint: EndpointReport,
    /// What was not delivered.
    pub undelivered: Undelivered,
    /// The event that was received last.
    pub last_event: Option<StoredEvent>,
    /// How far each scan is.
    pub scans: Vec<Scan>,
    /// As of when.
    pub at: Timestamp,
}

/// Checks.
pub struct CheckWebhook {
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// The provider's endpoints.
    pub registry: Arc<dyn EndpointRegistry>,
    /// The provider's list.
    pub source: Arc<dyn EventSource>,
    /// How far it was read.
    pub log: Arc<dyn ScanLog>,
    /// What came.
    pub events: Arc<dyn EventLog>,
}

impl CheckWebhook {
    /// Asks the provider and the record; changes nothing.
    ///
    /// # Errors
    /// [`CheckWebhookError`].
    pub async fn run(&self, url: &str) -> Result<WebhookReport, CheckWebhookError> {
        let at = self.clock.now();
        let order = EndpointOrder::at(url, self.registry.wanted());
        let endpoint = EndpointReport::of(self.registry.endpoints().await?, &order);
        let first = PageRequest::first();
        let last = self.events.events(&EventFilter::default(), &first).await;
        let last = last.map_err(StoreFailure::from)?.items.into_iter().next();
        let scans = self.log.scans().await.map_err(StoreFailure::from)?;
        Ok(WebhookReport {
            endpoint,
            undelivered: self.undelivered(at).await?,
            last_event: last.map(|stored| stored.value),
            scans,
            at,
        })
    }

    async fn undelivered(&self, now: Timestamp) -> Result<Undelivered, CheckWebhookError> {
        let mut query = EventQuery {
            only_undelivered: true,
            from: now.minus(UNDELIVERED_SINCE),
            until: now.minus(GRACE),
            after: None,
        };
        let (mut count, mut missing_count) = (0_u64, 0_u64);
        for _ in 0..PAGES_MAX {
            let page = self.source.list_events(&query).await?;
            let ids: Vec<_> = page
                .events
                .into_iter()
                .map(|event| event.envelope.provider_event_id)
                .collect();
            let missing = self.log.unknown_events(&ids).await;
            let missing = missing.map_err(StoreFailure::from)?;
            let length = |list: &[_]| u64::try_from(list.len()).unwrap_or(u64::MAX);
            count = count.saturating_add(length(&ids));
            missing_count = missing_count.saturating_add(length(&missing));
            query.after = page.next;
            if query.after.is_none() {
                break;
            }
        }
        Ok(Undelivered {
            count,
            has_more: query.after.is_some(),
            missing_count,
        })
    }
}

#[cfg(test)]
mod tests;
