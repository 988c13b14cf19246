//! The story as lines: when, who, what, which ids.

use std::sync::{Mutex, MutexGuard};
use std::time::Instant;

use async_trait::async_trait;
use billing_domain::kernel::timestamp::Timestamp;
use billing_domain::outbox::ports::{EventPublisher, OutboxMessage, PublishError};

use crate::cli::Failure;
use crate::commands::say;

/// Remembers what was published, in the order of its commits.
#[derive(Debug, Default)]
pub struct Recorder(Mutex<Vec<OutboxMessage>>);

impl Recorder {
    /// Takes what was published since the last call.
    pub fn take(&self) -> Vec<OutboxMessage> {
        std::mem::take(&mut *self.messages())
    }

    fn messages(&self) -> MutexGuard<'_, Vec<OutboxMessage>> {
        self.0.lock().expect("nobody panics while holding the lock")
    }
}

#[async_trait]
impl EventPublisher for Recorder {
    async fn publish(&self, message: &OutboxMessage) -> Result<(), PublishError> {
        tracing::info!(message.topic = message.topic, "{} published", message.topic);
        let mut messages = self.messages();
        // An interactive demo publishes for as long as it runs and nobody takes.
        if messages.len() < 10_000 {
            messages.push(message.clone());
        }
        Ok(())
    }
}

/// Prints lines with the time since the start.
pub(super) struct Timeline {
    start: Instant,
    started_at: Timestamp,
}

impl Timeline {
    pub(super) fn new(started_at: Timestamp) -> Self {
        Self {
            start: Instant::now(),
            started_at,
        }
    }

    /// Milliseconds since the start.
    pub(super) fn elapsed_ms(&self) -> u128 {
        self.start.elapsed().as_millis()
    }

    /// One line: who did what, with which ids.
    pub(super) fn line(&self, who: &str, what: &str, ids: &str) -> Result<(), Failure> {
        line_at(
            i128::try_from(self.elapsed_ms()).unwrap_or(i128::MAX),
            who,
            what,
            ids,
        )
    }

    /// What the service said about itself, equal neighbours counted.
    pub(super) fn messages(&self, who: &str, messages: &[OutboxMessage]) -> Result<(), Failure> {
        let mut rest = messages;
        while let Some(first) = rest.first() {
            let count = rest
                .iter()
                .take_while(|message| message.topic == first.topic)
                .count();
            let what = if count > 1 {
                format!("{} × {count}", first.topic)
            } else {
                first.topic.clone()
            };
            let id = if count > 1 {
                ""
            } else {
                subject(&first.dedup_key)
            };
            // A message knows when its change was committed, which was before it was published.
            let at_ms = first.created_at.since(self.started_at).whole_milliseconds();
            line_at(at_ms, who, &what, id)?;
            rest = &rest[count..];
        }
        Ok(())
    }
}

/// One line about something that began at `at_ms`.
pub(super) fn line_at(at_ms: i128, who: &str, what: &str, ids: &str) -> Result<(), Failure> {
    say(format!("{at_ms:>5} ms  {who:<8}  {what:<44}  {ids}").trim_end())
}

/// `checkout_intent:0190…:3` without the version: which entity the line is about.
fn subject(dedup_key: &str) -> &str {
    dedup_key
        .rsplit_once(':')
        .map_or(dedup_key, |(subject, _)| subject)
}
