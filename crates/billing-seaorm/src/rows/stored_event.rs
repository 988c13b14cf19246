//! An event of the inbox without its payload, as lists read it.

use billing_domain::kernel::id::InboxEventId;
use billing_domain::kernel::ports::StoreError;
use billing_domain::kernel::stored::Stored;
use billing_domain::kernel::text::ProviderRef;
use billing_domain::provider_events::ports::Envelope;
use billing_domain::provider_events::stored_event::{EventState, EventStatus, StoredEvent};
use sea_orm::FromQueryResult;
use uuid::Uuid;

use super::Cells;

/// The columns that a list reads. Leases are those of lanes: whoever has the event has it for as long
/// as its lane, however long ago the attempt began.
pub(crate) const COLUMNS: &str = "id, provider_event_id, event_type, api_version, is_live, account, \
     correlation_id, created_at, received_at, status, attempts, next_attempt_at, \
     (SELECT CASE WHEN held.leased_until > provider_events.claimed_until THEN held.leased_until \
                  ELSE provider_events.claimed_until END \
      FROM provider_event_lanes AS held WHERE held.lane = provider_events.lane) AS claimed_until, \
     applied_at, settled_at, last_error, version, subject";

/// One row.
#[derive(Debug, Clone, FromQueryResult)]
pub(crate) struct Line {
    id: Uuid,
    provider_event_id: String,
    event_type: String,
    api_version: Option<String>,
    is_live: bool,
    account: Option<String>,
    correlation_id: Option<String>,
    created_at: i64,
    received_at: i64,
    status: String,
    attempts: i64,
    next_attempt_at: Option<i64>,
    claimed_until: Option<i64>,
    applied_at: Option<i64>,
    settled_at: Option<i64>,
    last_error: Option<String>,
    version: i64,
    subject: Option<String>,
}

impl Line {
    /// Reads the event.
    pub(crate) fn decode(self) -> Result<Stored<StoredEvent>, StoreError> {
        let cells = Cells::of("provider_events", self.id);
        let state = self.state(&cells)?;
        let event = StoredEvent {
            id: InboxEventId::from_uuid(self.id),
            envelope: Envelope {
                provider_event_id: cells.parsed(
                    "provider_event_id",
                    ProviderRef::parse(&self.provider_event_id),
                )?,
                event_type: self.event_type,
                api_version: self.api_version,
                is_live: self.is_live,
                account: self.account,
                subject: cells.optional("subject", self.subject.as_deref(), ProviderRef::parse)?,
                created_at: cells.time("created_at", self.created_at)?,
            },
            correlation_id: self.correlation_id,
            received_at: cells.time("received_at", self.received_at)?,
            attempts: cells.count("attempts", self.attempts)?,
            state,
        };
        cells.stored(event, self.version)
    }

    fn state(&self, cells: &Cells) -> Result<EventState, StoreError> {
        let settled_at = || cells.present_time("settled_at", self.settled_at);
        let reason = || cells.present("last_error", self.last_error.clone());
        let state = match cells.present("status", EventStatus::parse(&self.status))? {
            EventStatus::Received => EventState::Received,
            EventStatus::Processing => EventState::Processing {
                leased_until: cells.present_time("claimed_until", self.claimed_until)?,
            },
            EventStatus::Failed => EventState::Failed {
                at: settled_at()?,
                error: reason()?,
                next_attempt_at: cells.present_time("next_attempt_at", self.next_attempt_at)?,
            },
            EventStatus::Skipped => EventState::Skipped {
                at: settled_at()?,
                reason: reason()?,
            },
            EventStatus::Parked => EventState::Parked {
                at: settled_at()?,
                reason: reason()?,
            },
            EventStatus::Deferred => EventState::Deferred { at: settled_at()? },
            EventStatus::Processed => EventState::Processed {
                at: cells.present_time("applied_at", self.applied_at)?,
            },
            EventStatus::Discarded => EventState::Discarded {
                at: settled_at()?,
                reason: reason()?,
            },
        };
        Ok(state)
    }
}
