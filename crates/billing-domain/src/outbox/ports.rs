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

/// The durable queue.
#[cfg_attr(feature = "testing", mockall::automock)]
#[async_trait]
pub trait OutboxQueue: Send + Sync {
    /// Leases at most `limit` undelivered messages, oldest first. Two claims MUST NOT get the
    /// same message while a lease lasts.
    async fn claim_messages(
        &self,
        now: Timestamp,
        leased_until: Timestamp,
        limit: u32,
    ) -> Result<Vec<OutboxMessage>, StoreError>;

    /// Remembers that a message was delivered.
    async fn mark_delivered(&self, id: MessageId, now: Timestamp) -> Result<(), StoreError>;

    /// Gives a message back until `at`.
    async fn retry_message(
        &self,
        id: MessageId,
        at: Timestamp,
        error: &str,
    ) -> Result<(), StoreError>;
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
