//! The provider's list of events, its webhook endpoints, and how far a scan got.

use async_trait::async_trait;
use time::Duration;
use uuid::Uuid;

use super::endpoint::{EndpointOrder, SigningSecret, WebhookEndpoint};
use super::scan::{Scan, ScanKind};
use crate::kernel::ports::StoreError;
use crate::kernel::provider::ProviderError;
use crate::kernel::text::ProviderRef;
use crate::kernel::timestamp::Timestamp;
use crate::provider_events::ports::Envelope;

/// Which events of the provider's list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventQuery {
    /// Only those with a delivery that did not succeed.
    pub only_undelivered: bool,
    /// Made at this time or later.
    pub from: Timestamp,
    /// Made at this time or earlier.
    pub until: Timestamp,
    /// Only those that the list has behind this one.
    pub after: Option<ProviderRef>,
}

/// An event as the provider lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedEvent {
    /// What its envelope says.
    pub envelope: Envelope,
    /// The bytes as they were fetched.
    pub payload: Vec<u8>,
}

/// One page of the list, the newest event first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EventPage {
    /// The events of the types that the endpoint is registered for.
    pub events: Vec<ListedEvent>,
    /// The last event of the page, of whatever type, if more follow.
    pub next: Option<ProviderRef>,
}

/// The provider's own list of what happened; nothing in it is signed, and it comes over the
/// provider's API with our key.
#[cfg_attr(feature = "testing", mockall::automock)]
#[async_trait]
pub trait EventSource: Send + Sync {
    /// One page. MUST leave out events of the other mode, and of types that the endpoint would not
    /// be sent. MUST be [`ProviderError::Rejected`] with [`CURSOR_UNKNOWN`] where the provider does
    /// not know [`EventQuery::after`] any more.
    async fn list_events(&self, query: &EventQuery) -> Result<EventPage, ProviderError>;
}

/// The code of a rejection that is about the place in the list, and goes away without it.
pub const CURSOR_UNKNOWN: &str = "event_cursor_unknown";

/// How far scans got; one replica at a time takes a turn.
#[cfg_attr(feature = "testing", mockall::automock)]
#[async_trait]
pub trait ScanLog: Send + Sync {
    /// Gives the scan of a kind to this holder if it is due and nobody else has it; `first` is
    /// stored where there is none yet. Two holders MUST NOT have the same scan while a lease lasts.
    async fn claim_scan(
        &self,
        first: &Scan,
        holder: Uuid,
        now: Timestamp,
        leased_until: Timestamp,
    ) -> Result<Option<Scan>, StoreError>;

    /// Stores how far a scan got and keeps it for this holder. `false`, with nothing stored, if
    /// another holder has it meanwhile.
    async fn keep_scan(
        &self,
        scan: &Scan,
        holder: Uuid,
        leased_until: Timestamp,
    ) -> Result<bool, StoreError>;

    /// Stores how far a scan got and gives it back, due again at `next_at`. Changes nothing if
    /// another holder has it meanwhile.
    async fn release_scan(
        &self,
        scan: &Scan,
        holder: Uuid,
        next_at: Timestamp,
    ) -> Result<(), StoreError>;

    /// Makes every scan due at once that nobody has, and where a position is given, sets it back to
    /// there; gives how many. A scan that is before that position keeps its own.
    async fn hurry_scans(
        &self,
        since: Option<Timestamp>,
        now: Timestamp,
    ) -> Result<u64, StoreError>;

    /// Every scan that was begun.
    async fn scans(&self) -> Result<Vec<Scan>, StoreError>;

    /// Of these events those that are not in the inbox, in the same order.
    async fn unknown_events(&self, ids: &[ProviderRef]) -> Result<Vec<ProviderRef>, StoreError>;
}

/// What the endpoint at the provider is to be like; the adapter knows it by what it can read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WantedEndpoint {
    /// Every type that has a decoded form.
    pub event_types: Vec<String>,
    /// The version of our own calls.
    pub api_version: String,
}

/// An endpoint that was just made. The provider shows the secret this once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreatedEndpoint {
    /// The endpoint.
    pub endpoint: WebhookEndpoint,
    /// What its deliveries are signed with.
    pub secret: SigningSecret,
}

/// The webhook endpoints that are registered at the provider.
#[cfg_attr(feature = "testing", mockall::automock)]
#[async_trait]
pub trait EndpointRegistry: Send + Sync {
    /// What an endpoint of ours is to be like.
    fn wanted(&self) -> WantedEndpoint;

    /// Every endpoint of the account.
    async fn endpoints(&self) -> Result<Vec<WebhookEndpoint>, ProviderError>;

    /// Makes one. The same key MUST lead to the same endpoint.
    async fn create_endpoint(
        &self,
        order: &EndpointOrder,
        idempotency_key: &str,
    ) -> Result<CreatedEndpoint, ProviderError>;

    /// Gives an endpoint these types and switches it on.
    async fn update_endpoint(
        &self,
        id: &ProviderRef,
        order: &EndpointOrder,
    ) -> Result<WebhookEndpoint, ProviderError>;
}

/// What a turn of the scan did; also what its observer hears.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScanTurn {
    /// Of which list.
    pub kind: ScanKind,
    /// Pages that were read.
    pub page_count: u32,
    /// Events that were looked at.
    pub seen_count: u64,
    /// Events that had never come and are in the inbox now.
    pub found_count: u64,
    /// Whether nothing is left to look at.
    pub is_finished: bool,
    /// How old the oldest event may be that was not looked at.
    pub age: Duration,
}
