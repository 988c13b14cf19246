//! The outbox as a queue, and where its messages go.

use async_trait::async_trait;

use crate::kernel::id::MessageId;
use crate::kernel::ports::StoreError;
use crate::kernel::timestamp::Timestamp;

/// A message that waits for its delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutboxMessage {
    /// Its id.
    pub id: MessageId,
    /// The domain event's name.
    pub topic: String,
    /// The domain event as JSON.
    pub payload: String,
    /// Receivers drop a second message with the same key.
    pub dedup_key: String,
    /// How often it was tried before.
    pub attempts: u32,
    /// When the change was committed.
    pub created_at: Timestamp,
    /// Our id of the request or the scan that brought the event which caused the change.
    pub correlation_id: Option<String>,
}

/// How far undelivered messages are counted; more than these are "many".
pub const DEPTH_COUNTED_MAX: u32 = 100_000;

/// How many messages wait, and for how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OutboxDepth {
    /// Messages that are not delivered, counted up to [`DEPTH_COUNTED_MAX`].
    pub waiting_count: u64,
    /// When the change was committed of which the oldest of them tells.
    pub oldest_at: Option<Timestamp>,
}

/// The durable queue.
#[cfg_attr(feature = "testing", mockall::automock)]
#[async_trait]
pub trait OutboxQueue: Send + Sync {
    /// Takes the outbox for one publisher, or keeps it for the one that has it, and gives at most
    /// `limit` of the messages that are due, oldest first; `None` while another publisher has it.
    /// Two publishers MUST NOT have it while a lease lasts, so that messages go out in the order of
    /// their commits whatever the number of replicas.
    async fn take_messages(
        &self,
        publisher: &str,
        now: Timestamp,
        leased_until: Timestamp,
        limit: u32,
    ) -> Result<Option<Vec<OutboxMessage>>, StoreError>;

    /// Gives the outbox back. MUST leave it alone if somebody else has taken it meanwhile.
    async fn release_outbox(&self, publisher: &str) -> Result<(), StoreError>;

    /// Remembers that messages were delivered, all of them at once.
    async fn mark_delivered(&self, ids: &[MessageId], now: Timestamp) -> Result<(), StoreError>;

    /// Puts a message aside until `at`.
    async fn retry_message(
        &self,
        id: MessageId,
        at: Timestamp,
        error: &str,
    ) -> Result<(), StoreError>;

    /// How many messages wait. MUST cost by what waits, not by what was delivered.
    async fn outbox_depth(&self) -> Result<OutboxDepth, StoreError>;
}

/// The message could not be delivered; it stays in the outbox.
#[derive(Debug, thiserror::Error)]
#[error("the message could not be published")]
pub struct PublishError(#[source] pub Box<dyn std::error::Error + Send + Sync>);

/// Delivers messages.
#[cfg_attr(feature = "testing", mockall::automock)]
#[async_trait]
pub trait EventPublisher: Send + Sync {
    /// Delivers one message. MAY be called again for one that was delivered.
    async fn publish(&self, message: &OutboxMessage) -> Result<(), PublishError>;
}
