//! Looks through the provider's own list for events that never came, and stores them as if they had
//! been delivered: a bounded number of pages each turn, one replica at a time, from where the last
//! turn ended.

use std::sync::Arc;

use time::Duration;
use tracing::Instrument;
use uuid::Uuid;

use super::ports::{CURSOR_UNKNOWN, EventQuery, EventSource, ListedEvent, ScanLog, ScanTurn};
use super::scan::{Scan, ScanKind, ScanPolicy, ScanWindow};
use crate::kernel::failure::{StoreFailure, with_causes};
use crate::kernel::ports::Core;
use crate::kernel::provider::ProviderError;
use crate::kernel::timestamp::Timestamp;
use crate::provider_events::delivery::Delivery;
use crate::provider_events::ports::{EventInbox, Receipt, ReceivedEvent, SCAN_PREFIX};

/// How many pages one turn reads of each list; a scan that has more to read goes on in the next.
pub const PAGES_MAX: u32 = 10;

/// How long a replica keeps a scan without a page: longer than a call with its retries takes.
pub const SCAN_LEASE: Duration = Duration::minutes(2);

/// After a failure the provider is left alone for so long, unless it asks for more.
const REST_AFTER_FAILURE: Duration = Duration::minutes(1);

/// Why a turn ended early; what was read before is kept.
#[derive(Debug, thiserror::Error)]
pub enum ScanForMissingEventsError {
    /// The provider's list cannot be read.
    #[error("the provider's events cannot be listed")]
    Provider(#[from] ProviderError),
    /// Storage.
    #[error(transparent)]
    Store(#[from] StoreFailure),
}

/// Hears how turns end, to count and to measure. MUST return at once.
pub trait ScanObserver: Send + Sync {
    /// A turn ended.
    fn turn_ended(&self, turn: &ScanTurn);
}

/// Nobody hears.
impl ScanObserver for crate::provider_events::observer::Unobserved {
    fn turn_ended(&self, _turn: &ScanTurn) {}
}

/// Scans.
pub struct ScanForMissingEvents {
    /// Time and ids.
    pub core: Core,
    /// The provider's list.
    pub source: Arc<dyn EventSource>,
    /// How far it was read.
    pub log: Arc<dyn ScanLog>,
    /// Keeps what was found.
    pub inbox: Arc<dyn EventInbox>,
    /// When to look.
    pub policy: ScanPolicy,
    /// Hears how turns end.
    pub observer: Arc<dyn ScanObserver>,
}

impl ScanForMissingEvents {
    /// Takes a turn of each scan that is due and that no other replica has; none at all is an
    /// ordinary answer.
    ///
    /// # Errors
    /// [`ScanForMissingEventsError`].
    pub async fn run(&self) -> Result<Vec<ScanTurn>, ScanForMissingEventsError> {
        let holder = self.core.ids.uuid();
        let correlation_id = format!("{SCAN_PREFIX}{}", holder.simple());
        let span = tracing::info_span!("event_scan", correlation.id = correlation_id);
        let turns = async {
            let mut turns = Vec::new();
            for kind in ScanKind::ALL {
                turns.extend(self.take_turn(kind, holder, &correlation_id).await?);
            }
            Ok(turns)
        };
        turns.instrument(span).await
    }

    /// Makes the scans due at once, from `since` on where that is given; gives how many were not
    /// in somebody's hands.
    ///
    /// # Errors
    /// [`StoreFailure`].
    pub async fn hurry(&self, since: Option<Timestamp>) -> Result<u64, StoreFailure> {
        Ok(self.log.hurry_scans(since, self.core.now()).await?)
    }

    async fn take_turn(
        &self,
        kind: ScanKind,
        holder: Uuid,
        correlation_id: &str,
    ) -> Result<Option<ScanTurn>, ScanForMissingEventsError> {
        let now = self.core.now();
        let first = Scan::new(kind, now);
        let claimed = self
            .log
            .claim_scan(&first, holder, now, now.plus(SCAN_LEASE))
            .await
            .map_err(StoreFailure::from)?;
        let Some(mut scan) = claimed else {
            return Ok(None);
        };
        let mut turn = ScanTurn {
            kind,
            page_count: 0,
            seen_count: 0,
            found_count: 0,
            is_finished: false,
            age: scan.age(now),
        };
        let ended = self
            .read_pages(&mut scan, &mut turn, holder, now, correlation_id)
            .await;
        let now = self.core.now();
        let next_at = match &ended {
            Ok(IsOurs(true)) if scan.window.is_none() => now.plus(self.policy.interval),
            Ok(IsOurs(true)) => now,
            Ok(IsOurs(false)) => return Ok(None),
            Err(ScanForMissingEventsError::Provider(error)) => now.plus(rest_after(error)),
            // Its lease ends by itself.
            Err(ScanForMissingEventsError::Store(_)) => return ended.map(|_| None),
        };
        scan.last_error = ended.as_ref().err().map(|error| with_causes(error));
        turn.is_finished = ended.is_ok() && scan.window.is_none();
        turn.age = scan.age(now);
        let released = self.log.release_scan(&scan, holder, next_at).await;
        released.map_err(StoreFailure::from)?;
        self.observer.turn_ended(&turn);
        report(&scan, &turn, now);
        ended.map(|_| Some(turn))
    }

    async fn read_pages(
        &self,
        scan: &mut Scan,
        turn: &mut ScanTurn,
        holder: Uuid,
        began_at: Timestamp,
        correlation_id: &str,
    ) -> Result<IsOurs, ScanForMissingEventsError> {
        self.begin(scan, began_at);
        while turn.page_count < PAGES_MAX
            && let Some(window) = scan.window.clone()
        {
            turn.page_count = turn.page_count.saturating_add(1);
            let page = self.source.list_events(&query(scan.kind, &window)).await;
            let page = match page {
                Err(ProviderError::Rejected { code, message: _ })
                    if code == CURSOR_UNKNOWN && window.after.is_some() =>
                {
                    scan.restart_window();
                    continue;
                }
                page => page?,
            };
            let seen = u64::try_from(page.events.len()).unwrap_or(u64::MAX);
            turn.seen_count = turn.seen_count.saturating_add(seen);
            let found = self.store_missing(page.events, correlation_id).await?;
            turn.found_count = turn.found_count.saturating_add(found);
            scan.count_found(found, self.core.now());
            scan.page_read(page.next);
            self.begin(scan, began_at);
            let until = self.core.now().plus(SCAN_LEASE);
            let kept = self.log.keep_scan(scan, holder, until).await;
            if !kept.map_err(StoreFailure::from)? {
                tracing::warn!(
                    "another replica goes on with the scan of {}",
                    scan.kind.name()
                );
                return Ok(IsOurs(false));
            }
        }
        Ok(IsOurs(true))
    }

    /// Looks no further than the turn's own beginning: otherwise there would always be something
    /// left to look at.
    fn begin(&self, scan: &mut Scan, began_at: Timestamp) {
        let lost = scan.begin(began_at, &self.policy);
        if let Some(lost) = lost.filter(|_| scan.kind == ScanKind::AllEvents) {
            tracing::error!(
                scan.lost_from = %lost.from,
                scan.lost_until = %lost.until,
                "events of {} until {} were not looked at and the provider no longer lists them: \
                 compare the records with the provider's",
                lost.from, lost.until
            );
        }
    }

    /// Stores what is not in the inbox, the oldest first; gives how many events that were.
    async fn store_missing(
        &self,
        events: Vec<ListedEvent>,
        correlation_id: &str,
    ) -> Result<u64, StoreFailure> {
        if events.is_empty() {
            return Ok(0);
        }
        let ids: Vec<_> = events
            .iter()
            .map(|event| event.envelope.provider_event_id.clone())
            .collect();
        let unknown = self.log.unknown_events(&ids).await?;
        let mut found = 0_u64;
        for event in events.into_iter().rev() {
            let ListedEvent { envelope, payload } = event;
            if !unknown.contains(&envelope.provider_event_id) {
                continue;
            }
            let (event_id, event_type) = (
                envelope.provider_event_id.clone(),
                envelope.event_type.clone(),
            );
            let received = ReceivedEvent {
                id: self.core.id(),
                envelope,
                payload,
                // Nobody signed it: that is how an event that was found is known.
                signature: String::new(),
                correlation_id: Some(correlation_id.to_owned()),
                delivery: Delivery::default(),
                received_at: self.core.now(),
            };
            // A delivery may have come meanwhile.
            if self.inbox.record(received).await? == Receipt::Recorded {
                found = found.saturating_add(1);
                tracing::warn!(
                    provider_event.id = %event_id,
                    provider_event.kind = event_type,
                    "provider event {event_id} ({event_type}) had never come and was found by the scan"
                );
            }
        }
        Ok(found)
    }
}

/// Whether the scan is still in this turn's hands.
struct IsOurs(bool);

fn query(kind: ScanKind, window: &ScanWindow) -> EventQuery {
    EventQuery {
        only_undelivered: kind == ScanKind::FailedDeliveries,
        from: window.from,
        until: window.until,
        after: window.after.clone(),
    }
}

fn rest_after(error: &ProviderError) -> Duration {
    match error {
        ProviderError::RateLimited {
            retry_after: Some(asked),
        } => (*asked).max(REST_AFTER_FAILURE),
        ProviderError::RateLimited { retry_after: None }
        | ProviderError::Unreachable(_)
        | ProviderError::Rejected { .. }
        | ProviderError::Unauthorized { .. }
        | ProviderError::NotConfigured => REST_AFTER_FAILURE,
    }
}

fn report(scan: &Scan, turn: &ScanTurn, now: Timestamp) {
    let kind = scan.kind.name();
    if scan.kind == ScanKind::AllEvents && scan.is_near_horizon(now) {
        tracing::error!(
            scan.kind = kind,
            scan.position = %scan.position,
            error = scan.last_error,
            "no event since {} was looked at, and the provider lists events for {} days only",
            scan.position, super::scan::LISTED_FOR.whole_days()
        );
    }
    tracing::info!(
        scan.kind = kind,
        scan.pages = turn.page_count,
        scan.seen = turn.seen_count,
        scan.found = turn.found_count,
        scan.position = %scan.position,
        "scan of {kind}: {} events looked at, {} had never come", turn.seen_count, turn.found_count
    );
}

#[cfg(test)]
mod tests;
