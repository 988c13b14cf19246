//! The durable inbox between receiving and applying, what operators see of it, and the provider's
//! signature and payloads.

use async_trait::async_trait;

use super::delivery::Delivery;
use super::event::ProviderEvent;
use super::event_filter::{EventFilter, EventName};
use super::lane::{LaneHold, LaneShare};
use super::parent::Parent;
use super::payload_retention::PayloadRetention;
use super::reports::{CatalogueItem, CatalogueReport, CustomerReport};
use super::stored_event::{AttemptOutcome, EventStatus, StoredEvent};
use crate::kernel::audit::AuditLine;
use crate::kernel::id::InboxEventId;
use crate::kernel::page::{Page, PageRequest};
use crate::kernel::ports::StoreError;
use crate::kernel::provider::ProviderError;
use crate::kernel::stored::Stored;
use crate::kernel::text::ProviderRef;
use crate::kernel::timestamp::Timestamp;

/// What the envelope of a verified event says; nothing deeper is read before it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Envelope {
    /// The provider's id of the event: the same on every delivery.
    pub provider_event_id: ProviderRef,
    /// For example `invoice.paid`.
    pub event_type: String,
    /// In which shape the payload is.
    pub api_version: Option<String>,
    /// Whether real money moved.
    pub is_live: bool,
    /// The connected account, if any.
    pub account: Option<String>,
    /// Whom it concerns, and so after what it is applied: the customer that its object names, else
    /// the object, else the event itself. None was read of events that are older than lanes.
    pub subject: Option<ProviderRef>,
    /// When the provider made it, to the second.
    pub created_at: Timestamp,
}

/// Why a delivery is refused and nothing of it stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum VerifyError {
    /// There is no signature (F.5 row 2).
    #[error("the signature header is missing")]
    MissingSignature,
    /// No `v1` matches any secret.
    #[error("the signature does not match")]
    WrongSignature,
    /// It was signed too long ago, or in the future.
    #[error("the signature is outside the time tolerance")]
    OutsideTolerance,
    /// The signature is right and the body is not an event.
    #[error("the body is not an event")]
    MalformedEnvelope,
    /// A test event at a live service, or the other way round.
    #[error("the event is of the other mode")]
    WrongMode,
    /// No secret is configured; an empty one is none (B-094).
    #[error("no webhook secret is configured")]
    NotConfigured,
}

/// Checks that a delivery comes from the provider.
#[cfg_attr(feature = "testing", mockall::automock)]
pub trait WebhookVerifier: Send + Sync {
    /// Verifies the raw bytes against every signature in the header and every configured secret,
    /// in constant time, and reads the envelope. MUST NOT read the body before it is verified.
    // Named lifetimes because the mock generator cannot express elided ones inside `Option`.
    fn verify<'a>(
        &self,
        payload: &'a [u8],
        signature: Option<&'a str>,
        now: Timestamp,
    ) -> Result<Envelope, VerifyError>;
}

/// The payload cannot be understood, and no later attempt will change that.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the payload of this event is malformed at `{field}`")]
pub struct DecodeError {
    /// Which part.
    pub field: String,
}

/// Reads payloads of any API version.
#[cfg_attr(feature = "testing", mockall::automock)]
pub trait EventDecoder: Send + Sync {
    /// Decodes a stored payload. MUST be [`ProviderEvent::Irrelevant`] for an unknown type.
    fn decode(&self, event_type: &str, payload: &[u8]) -> Result<ProviderEvent, DecodeError>;
}

/// Reads what events tell of beside sales, as the provider has it now. Such an event is a hint only:
/// whichever of several comes last, what is read then is the end.
#[cfg_attr(feature = "testing", mockall::automock)]
#[async_trait]
pub trait PartyProvider: Send + Sync {
    /// A customer; `None` or a report that says so for one that is gone.
    async fn customer(&self, id: &ProviderRef) -> Result<Option<CustomerReport>, ProviderError>;

    /// A product or a price; `None` for one that is gone.
    async fn catalogue_item(
        &self,
        item: CatalogueItem,
        id: &ProviderRef,
    ) -> Result<Option<CatalogueReport>, ProviderError>;
}

/// A verified delivery, as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReceivedEvent {
    /// Our id, used if the event is new.
    pub id: InboxEventId,
    /// What the envelope says.
    pub envelope: Envelope,
    /// The bytes as they came.
    pub payload: Vec<u8>,
    /// The signature header as it came; empty for an event that a scan found, which nobody signed.
    pub signature: String,
    /// Our id of the request that delivered it, or of the scan that found it.
    pub correlation_id: Option<String>,
    /// What the delivery carried beside these.
    pub delivery: Delivery,
    /// When it came.
    pub received_at: Timestamp,
}

/// What became of a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Receipt {
    /// It is durable now.
    Recorded,
    /// It was durable before.
    Duplicate,
}

/// An event that a worker may apply as long as it holds the event's lane.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClaimedEvent {
    /// Our id.
    pub id: InboxEventId,
    /// The provider's id.
    pub provider_event_id: ProviderRef,
    /// For example `invoice.paid`.
    pub event_type: String,
    /// Whom it concerns.
    pub subject: Option<ProviderRef>,
    /// The bytes as they came.
    pub payload: Vec<u8>,
    /// When the provider made it.
    pub created_at: Timestamp,
    /// How often it was tried before.
    pub attempts: u32,
    /// Our id of the request or the scan that brought it.
    pub correlation_id: Option<String>,
    /// How many of the last attempts ended without a word: their worker died, or lost its store.
    pub abandoned: u32,
    /// Under which a commit for it is made.
    pub hold: LaneHold,
}

/// What becomes of a claimed event that was not applied. Applying marks it by the commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Settlement {
    /// It has no effect (yet).
    Skipped {
        /// Why.
        reason: String,
        /// What would give it one.
        waiting_for: Option<Parent>,
    },
    /// Try again later.
    Retry {
        /// Not before.
        at: Timestamp,
        /// Why it failed.
        error: String,
    },
    /// Its parent is not known. The commit that makes the parent known makes the event due; nobody
    /// tries before, but for a look now and then.
    Waiting {
        /// For what.
        parent: Parent,
        /// When to look all the same.
        at: Timestamp,
        /// What is missing.
        error: String,
    },
    /// It will never succeed by itself: an operator must look.
    Parked {
        /// Why.
        reason: String,
        /// What it waited for in vain, and is tried again for if that comes after all.
        waiting_for: Option<Parent>,
    },
    /// Billing is switched off (C-005).
    Deferred,
}

impl Settlement {
    /// Whose commit makes the event due.
    pub fn waiting_for(&self) -> Option<&Parent> {
        match self {
            Self::Waiting { parent, .. } => Some(parent),
            Self::Skipped { waiting_for, .. } | Self::Parked { waiting_for, .. } => {
                waiting_for.as_ref()
            }
            Self::Retry { .. } | Self::Deferred => None,
        }
    }

    /// The status that it leaves the event in.
    pub fn status(&self) -> EventStatus {
        match self {
            Self::Skipped { .. } => EventStatus::Skipped,
            Self::Retry { .. } | Self::Waiting { .. } => EventStatus::Failed,
            Self::Parked { .. } => EventStatus::Parked,
            Self::Deferred => EventStatus::Deferred,
        }
    }
}

/// What became of an event that was not applied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settled {
    /// Which event.
    pub id: InboxEventId,
    /// Under which hold that was decided, if under one.
    pub hold: Option<LaneHold>,
    /// What became of it.
    pub settlement: Settlement,
}

/// The durable inbox, and the lanes in which its events wait. An event is due if it is new, or its
/// retry time has come, or an attempt began and nothing was heard of it.
#[cfg_attr(feature = "testing", mockall::automock)]
#[async_trait]
pub trait EventInbox: Send + Sync {
    /// Stores an event unless one with the same provider's id is stored. When this returns
    /// `Ok`, the event MUST be durable.
    async fn record(&self, event: ReceivedEvent) -> Result<Receipt, StoreError>;

    /// Takes at most `limit` lanes of a share that nobody holds and in which something is due; each
    /// gets a higher fence than it ever had. Two takers MUST NOT get the same lane while a lease
    /// lasts.
    async fn take_lanes(
        &self,
        owner: &str,
        share: LaneShare,
        now: Timestamp,
        leased_until: Timestamp,
        limit: u32,
    ) -> Result<Vec<LaneHold>, StoreError>;

    /// Prolongs leases; gives those that are still held.
    async fn renew_lanes(
        &self,
        held: &[LaneHold],
        leased_until: Timestamp,
    ) -> Result<Vec<LaneHold>, StoreError>;

    /// Gives lanes back. MUST leave alone what somebody else has taken meanwhile.
    async fn release_lanes(&self, held: &[LaneHold]) -> Result<(), StoreError>;

    /// The events that are due in these lanes and that the worker has not in hand, at most `per_lane`
    /// of each, oldest first by the provider's time and then by id. Changes nothing.
    async fn due_events(
        &self,
        held: &[LaneHold],
        in_hand: &[(InboxEventId, LaneHold)],
        now: Timestamp,
        per_lane: u32,
    ) -> Result<Vec<ClaimedEvent>, StoreError>;

    /// Writes down that attempts begin, so that one whose worker dies is seen; gives the events that
    /// are still due and whose lane is still held. Whoever was handed an event when it was stored
    /// need not call this.
    async fn begin_attempts(
        &self,
        events: &[(InboxEventId, LaneHold)],
        leased_until: Timestamp,
    ) -> Result<Vec<InboxEventId>, StoreError>;

    /// Ends attempts without an effect. MUST change nothing for an event that was applied or
    /// discarded, or whose lane somebody else has taken. MUST keep the outcome of an attempt that
    /// failed, at once with the settlement ([`EventRecord::attempts`]); of any other nothing but the
    /// row itself needs to be written.
    ///
    /// An event whose parent is known MUST be due afterwards. A commit MUST make those due that wait
    /// for what it [makes known](crate::kernel::change_set::ChangeSet::made_known), in its own
    /// transaction; of the two, whichever comes second MUST see the other.
    async fn settle(&self, settled: Vec<Settled>, now: Timestamp) -> Result<(), StoreError>;

    /// Makes deferred events due again; gives their number.
    async fn release_deferred(&self, now: Timestamp) -> Result<u64, StoreError>;
}

/// Reduces payloads.
#[cfg_attr(feature = "testing", mockall::automock)]
pub trait PayloadScrubber: Send + Sync {
    /// The payload with nothing in it but what is known to be a fact of the sale: ids, states,
    /// amounts, times. MUST give the same for what it gave before.
    fn scrub(&self, payload: &[u8]) -> Result<Vec<u8>, DecodeError>;
}

/// An event that is old enough to be scrubbed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AgedEvent {
    /// Our id.
    pub id: InboxEventId,
    /// For example `invoice.paid`.
    pub event_type: String,
    /// The bytes as they are stored.
    pub payload: Vec<u8>,
    /// Whether it was applied, skipped or discarded: nobody has to look at it any more.
    pub is_at_rest: bool,
    /// Whether it was discarded, so that nothing of it will ever count.
    pub is_discarded: bool,
    /// Whether it was scrubbed before.
    pub is_scrubbed: bool,
}

/// A payload that takes the place of the delivered one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScrubbedPayload {
    /// Of which event.
    pub id: InboxEventId,
    /// What is left.
    pub payload: Vec<u8>,
}

/// The stored payloads as retention sees them.
#[cfg_attr(feature = "testing", mockall::automock)]
#[async_trait]
pub trait PayloadArchive: Send + Sync {
    /// At most `limit` events behind an id that were received before a time, in the order of ids.
    async fn aged_events(
        &self,
        after: Option<InboxEventId>,
        received_before: Timestamp,
        limit: u32,
    ) -> Result<Vec<AgedEvent>, StoreError>;

    /// Replaces payloads, and removes signature, headers and remote address of the same events, in
    /// one transaction. MUST leave alone an event that does not rest any more.
    async fn replace_payloads(
        &self,
        payloads: Vec<ScrubbedPayload>,
        now: Timestamp,
    ) -> Result<(), StoreError>;

    /// How many remembered answers are older than a time.
    async fn aged_answer_count(&self, before: Timestamp) -> Result<u64, StoreError>;

    /// Forgets at most `limit` remembered answers that are older; gives their number.
    async fn forget_answers(&self, before: Timestamp, limit: u32) -> Result<u64, StoreError>;

    /// How far scrubbing came.
    async fn retention(&self) -> Result<Option<Stored<PayloadRetention>>, StoreError>;
}

/// How far the events of one status are counted; more than these are "many".
pub const DEPTH_COUNTED_MAX: u32 = 100_000;

/// How many events are in each status, and for how long the oldest has been waiting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InboxDepth {
    /// For each status but [`EventStatus::Processed`], whose number only grows; each counted up to
    /// [`DEPTH_COUNTED_MAX`].
    pub counts: Vec<(EventStatus, u64)>,
    /// When the oldest event came that is received, processing or failed: one that shall be applied
    /// and is not.
    pub oldest_unapplied_at: Option<Timestamp>,
}

/// How the correlation ids of scans begin.
pub const SCAN_PREFIX: &str = "scan_";

/// Everything that is known of one event. Personal data may be in the payload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventRecord {
    /// The event.
    pub event: StoredEvent,
    /// The bytes as they came.
    pub payload: Vec<u8>,
    /// The signature header as it came; empty for an event that a scan found.
    pub signature: String,
    /// What the delivery carried beside these, unless it was scrubbed.
    pub delivery: Delivery,
    /// How each attempt ended, oldest first. An attempt whose worker ended before it told is not
    /// among them.
    pub attempts: Vec<AttemptOutcome>,
    /// What the event changed.
    pub effects: Vec<AuditLine>,
    /// What operators decided about it.
    pub decisions: Vec<AuditLine>,
}

impl EventRecord {
    /// Whether the event never came by itself: a scan of the provider's list found it. A delivery
    /// without a signature is not stored, and scrubbing, which removes signatures, leaves the
    /// correlation id.
    pub fn is_found_by_scan(&self) -> bool {
        let correlation_id = self.event.correlation_id.as_deref();
        let is_scans = correlation_id.is_some_and(|id| id.starts_with(SCAN_PREFIX));
        self.signature.is_empty() && is_scans
    }
}

/// The inbox as operators see it. Lists MUST cost by the page and not by the table, whatever the
/// filter; only the end of [`EventFilter::created`] may cost by what was received since.
#[cfg_attr(feature = "testing", mockall::automock)]
#[async_trait]
pub trait EventLog: Send + Sync {
    /// One page of the events that match, the last received first.
    async fn events(
        &self,
        filter: &EventFilter,
        page: &PageRequest,
    ) -> Result<Page<Stored<StoredEvent>>, StoreError>;

    /// At most `limit` of the events that match, the first received first.
    async fn oldest_events(
        &self,
        filter: &EventFilter,
        limit: u16,
    ) -> Result<Vec<Stored<StoredEvent>>, StoreError>;

    /// How many events match, counted no further than `max`.
    async fn event_count(&self, filter: &EventFilter, max: u32) -> Result<u32, StoreError>;

    /// One event, with the version that a decision about it must name. Claiming, settling and
    /// marking MUST each raise that version, so that no decision meets an event that moved on.
    async fn event(&self, name: &EventName) -> Result<Option<Stored<StoredEvent>>, StoreError>;

    /// One event in full.
    async fn event_record(&self, name: &EventName) -> Result<Option<EventRecord>, StoreError>;

    /// How full the inbox is.
    async fn inbox_depth(&self) -> Result<InboxDepth, StoreError>;
}
