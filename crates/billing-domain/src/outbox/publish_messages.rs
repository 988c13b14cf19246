//! Delivers what waits in the outbox; a message that fails waits longer and never blocks others.

use std::sync::Arc;

use time::Duration;
use tracing::Instrument;

use super::ports::{EventPublisher, OutboxQueue};
use crate::kernel::failure::StoreFailure;
use crate::kernel::ports::Clock;

/// How many messages one turn takes.
pub const MESSAGE_BATCH_MAX: u32 = 100;

/// How long a claim lasts.
pub const MESSAGE_LEASE: Duration = Duration::seconds(60);

/// The longest wait between two attempts.
const BACKOFF_MAX_SECONDS: i64 = 3_600;

/// Publishes messages.
pub struct PublishMessages {
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// The outbox.
    pub queue: Arc<dyn OutboxQueue>,
    /// Where messages go.
    pub publisher: Arc<dyn EventPublisher>,
}

impl PublishMessages {
    /// Takes one turn; gives how many messages were claimed.
    ///
    /// # Errors
    /// [`StoreFailure`]; claimed messages come back when their lease ends.
    pub async fn run(&self) -> Result<u32, StoreFailure> {
        let now = self.clock.now();
        let messages = self
            .queue
            .claim_messages(now, now.plus(MESSAGE_LEASE), MESSAGE_BATCH_MAX)
            .await?;
        let count = u32::try_from(messages.len()).unwrap_or(u32::MAX);
        for message in messages {
            let span = tracing::info_span!(
                "outbox.publish",
                message.id = %message.id,
                message.topic = message.topic,
                correlation.id = message.correlation_id,
            );
            match self.publisher.publish(&message).instrument(span).await {
                Ok(()) => {
                    self.queue
                        .mark_delivered(message.id, self.clock.now())
                        .await?;
                }
                Err(error) => {
                    tracing::warn!(message.id = %message.id, error = %error, "message {} is tried again later", message.id);
                    let seconds = 2_i64
                        .saturating_pow(message.attempts.min(20))
                        .min(BACKOFF_MAX_SECONDS);
                    let at = self.clock.now().plus(Duration::seconds(seconds));
                    self.queue
                        .retry_message(message.id, at, &error.to_string())
                        .await?;
                }
            }
        }
        Ok(count)
    }
}

#[cfg(test)]
mod tests;
