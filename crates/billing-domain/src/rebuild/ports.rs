//! What a rebuild needs: the recorded commits in their order, the facts that people gave, and the
//! rows of both sides.

use async_trait::async_trait;
use uuid::Uuid;

use super::comparison::{ProjectedRow, Side};
use crate::kernel::audit::{AuditLine, EntityKind};
use crate::kernel::ports::StoreError;
use crate::kernel::timestamp::Timestamp;
use crate::provider_events::ports::ReceivedEvent;
use crate::provider_events::reading::Reading;
use crate::provider_events::stored_event::EventStatus;

/// What caused a recorded commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RecordedCause {
    /// An event that was applied, with what the provider was asked meanwhile.
    Event {
        /// The event as it was delivered, or as it was left by scrubbing.
        event: Box<ReceivedEvent>,
        /// What was read.
        readings: Vec<Reading>,
    },
    /// An event that rests: it was decided, and had no effect.
    Resting {
        /// The event.
        event: Box<ReceivedEvent>,
        /// How it rests.
        status: EventStatus,
    },
    /// Anything else, as the audit trail names it.
    Other(String),
}

/// One commit as it is recorded, or one decision against a commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordedCommit {
    /// Its place: the commits of a history are numbered from 1 in their order.
    pub place: u64,
    /// When it was decided.
    pub at: Timestamp,
    /// Why.
    pub cause: RecordedCause,
    /// Its audit entries; none for an event that changed no row.
    pub lines: Vec<AuditLine>,
}

/// The recorded commits, and between them the events that were skipped or parked, in the order in
/// which they were decided: by time, then by the provider's time. MUST NOT write to the live store.
#[cfg_attr(feature = "testing", mockall::automock)]
#[async_trait]
pub trait History: Send + Sync {
    /// How many there are.
    async fn commit_count(&self) -> Result<u64, StoreError>;

    /// At most `limit` of those behind a place, 0 for the first.
    async fn commits(&self, after: u64, limit: u32) -> Result<Vec<RecordedCommit>, StoreError>;
}

/// Brings over what no event tells: what people asked for, and what other jobs decided.
#[cfg_attr(feature = "testing", mockall::automock)]
#[async_trait]
pub trait GivenFacts: Send + Sync {
    /// Gives the rebuilt rows what a recorded commit says about them, with the facts that only the
    /// live row keeps. MUST write to the rebuilt store alone.
    async fn take_over(&self, commit: &RecordedCommit) -> Result<(), StoreError>;
}

/// The rows of both stores as far as they follow from the log.
#[cfg_attr(feature = "testing", mockall::automock)]
#[async_trait]
pub trait Projection: Send + Sync {
    /// Which kinds of entity are compared, in order.
    fn kinds(&self) -> Vec<EntityKind>;

    /// At most `limit` rows of a kind behind an id, in the order of ids.
    async fn rows(
        &self,
        side: Side,
        kind: EntityKind,
        after: Option<Uuid>,
        limit: u32,
    ) -> Result<Vec<ProjectedRow>, StoreError>;

    /// Whether the audit trail has a change of the live row after a time.
    async fn is_changed_since(
        &self,
        kind: EntityKind,
        id: Uuid,
        at: Timestamp,
    ) -> Result<bool, StoreError>;
}
