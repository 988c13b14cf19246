//! Delivers what waits in the outbox; a message that fails waits longer and never blocks others.

use std::sync::Arc;

use time::Duration;
use tracing::Instrument;

use super::ports::{EventPublisher, OutboxMessage, OutboxQueue};
use crate::kernel::failure::StoreFailure;
use crate::kernel::id::MessageId;
use crate::kernel::ports::Clock;

/// How many messages one turn takes.
pub const MESSAGE_BATCH_MAX: u32 = 256;

/// How long a publisher has the outbox without a sign of life.
pub const OUTBOX_LEASE: Duration = Duration::seconds(60);

/// Delivered messages are marked together, yet not later than this: what was delivered and not marked
/// is delivered again after a crash.
const MARK_EVERY: Duration = Duration::milliseconds(250);

/// The longest wait between two attempts.
const BACKOFF_MAX_SECONDS: i64 = 3_600;

/// What a turn did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Published {
    /// So many messages had their attempt.
    Here(u32),
    /// Another publisher has the outbox, and publishes what is in it.
    Elsewhere,
}

impl Published {
    /// How many messages had their attempt here.
    pub fn count(self) -> u32 {
        match self {
            Self::Here(count) => count,
            Self::Elsewhere => 0,
        }
    }
}

/// Publishes messages, one publisher at a time.
pub struct PublishMessages {
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// The outbox.
    pub queue: Arc<dyn OutboxQueue>,
    /// Where messages go.
    pub publisher: Arc<dyn EventPublisher>,
    /// This publisher's name, unlike any other's.
    pub name: String,
}

impl PublishMessages {
    /// Takes one turn. The outbox is kept while there may be more in it.
    ///
    /// # Errors
    /// [`StoreFailure`]; messages that were not marked come back.
    pub async fn run(&self) -> Result<Published, StoreFailure> {
        let Some(messages) = self.take(MESSAGE_BATCH_MAX).await? else {
            return Ok(Published::Elsewhere);
        };
        let count = u32::try_from(messages.len()).unwrap_or(u32::MAX);
        let (mut delivered, mut marked_at) = (Vec::new(), self.clock.now());
        for message in messages {
            self.publish(message, &mut delivered).await?;
            if self.clock.now().since(marked_at) >= MARK_EVERY {
                self.mark(&mut delivered).await?;
                // A sign of life as well.
                if self.take(0).await?.is_none() {
                    return Ok(Published::Elsewhere);
                }
                marked_at = self.clock.now();
            }
        }
        self.mark(&mut delivered).await?;
        if count < MESSAGE_BATCH_MAX {
            self.queue.release_outbox(&self.name).await?;
        }
        Ok(Published::Here(count))
    }

    async fn take(&self, limit: u32) -> Result<Option<Vec<OutboxMessage>>, StoreFailure> {
        let now = self.clock.now();
        let until = now.plus(OUTBOX_LEASE);
        let taken = self.queue.take_messages(&self.name, now, until, limit);
        Ok(taken.await?)
    }

    async fn publish(
        &self,
        message: OutboxMessage,
        delivered: &mut Vec<MessageId>,
    ) -> Result<(), StoreFailure> {
        let span = tracing::info_span!(
            "outbox.publish",
            message.id = %message.id,
            message.topic = message.topic,
            correlation.id = message.correlation_id,
        );
        let Err(error) = self.publisher.publish(&message).instrument(span).await else {
            delivered.push(message.id);
            return Ok(());
        };
        tracing::warn!(message.id = %message.id, error = %error, "message {} is tried again later", message.id);
        let seconds = 2_i64
            .saturating_pow(message.attempts.min(20))
            .min(BACKOFF_MAX_SECONDS);
        let at = self.clock.now().plus(Duration::seconds(seconds));
        let reason = error.to_string();
        Ok(self.queue.retry_message(message.id, at, &reason).await?)
    }

    async fn mark(&self, delivered: &mut Vec<MessageId>) -> Result<(), StoreFailure> {
        if delivered.is_empty() {
            return Ok(());
        }
        let ids = std::mem::take(delivered);
        Ok(self.queue.mark_delivered(&ids, self.clock.now()).await?)
    }
}

#[cfg(test)]
mod tests;
