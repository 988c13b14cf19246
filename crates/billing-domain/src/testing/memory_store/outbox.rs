//! The outbox in memory.

use async_trait::async_trait;

use super::{MemoryStore, json, rows_max};
use crate::kernel::change_set::OutgoingMessage;
use crate::kernel::id::MessageId;
use crate::kernel::ports::{IdGenerator, StoreError};
use crate::kernel::timestamp::Timestamp;
use crate::outbox::ports::{OutboxDepth, OutboxMessage, OutboxQueue};
use crate::testing::ids::SequentialIds;

#[derive(Debug)]
pub(super) struct OutboxRow {
    id: MessageId,
    pub(super) message: OutgoingMessage,
    created_at: Timestamp,
    attempts: u32,
    due_at: Timestamp,
    pub(super) delivered_at: Option<Timestamp>,
}

impl OutboxRow {
    pub(super) fn new(position: usize, message: OutgoingMessage, created_at: Timestamp) -> Self {
        // A seed of its own for each position: no message's id repeats.
        let seed = u32::try_from(position).unwrap_or(u32::MAX);
        Self {
            id: MessageId::from_uuid(SequentialIds::new(seed).uuid()),
            message,
            created_at,
            attempts: 0,
            due_at: created_at,
            delivered_at: None,
        }
    }

    fn is_due_at(&self, now: Timestamp) -> bool {
        self.delivered_at.is_none() && self.due_at <= now
    }

    fn message(&self) -> OutboxMessage {
        OutboxMessage {
            id: self.id,
            topic: self.message.topic.to_owned(),
            payload: json::to_json(&self.message.event),
            dedup_key: self.message.dedup_key.clone(),
            attempts: self.attempts,
            created_at: self.created_at,
            correlation_id: self.message.correlation_id.clone(),
        }
    }
}

#[async_trait]
impl OutboxQueue for MemoryStore {
    async fn take_messages(
        &self,
        publisher: &str,
        now: Timestamp,
        leased_until: Timestamp,
        limit: u32,
    ) -> Result<Option<Vec<OutboxMessage>>, StoreError> {
        self.call("take_messages", |state| {
            let is_taken = (state.outbox_lease.as_ref())
                .is_some_and(|(holder, until)| holder != publisher && *until > now);
            if is_taken {
                return None;
            }
            state.outbox_lease = Some((publisher.to_owned(), leased_until));
            let due = state.outbox.iter().filter(|row| row.is_due_at(now));
            Some(due.take(rows_max(limit)).map(OutboxRow::message).collect())
        })
    }

    async fn release_outbox(&self, publisher: &str) -> Result<(), StoreError> {
        self.call("release_outbox", |state| {
            let lease = &mut state.outbox_lease;
            if lease
                .as_ref()
                .is_some_and(|(holder, _)| holder == publisher)
            {
                *lease = None;
            }
        })
    }

    async fn mark_delivered(&self, ids: &[MessageId], now: Timestamp) -> Result<(), StoreError> {
        self.call("mark_delivered", |state| {
            let delivered = state.outbox.iter_mut().filter(|row| ids.contains(&row.id));
            for row in delivered {
                if row.delivered_at.is_none() {
                    row.attempts = row.attempts.saturating_add(1);
                    row.delivered_at = Some(now);
                }
            }
        })
    }

    async fn retry_message(
        &self,
        id: MessageId,
        at: Timestamp,
        _error: &str,
    ) -> Result<(), StoreError> {
        self.call("retry_message", |state| {
            if let Some(row) = state.outbox.iter_mut().find(|row| row.id == id) {
                row.attempts = row.attempts.saturating_add(1);
                row.due_at = at;
            }
        })
    }

    async fn outbox_depth(&self) -> Result<OutboxDepth, StoreError> {
        self.call("outbox_depth", |state| {
            let waiting = state.outbox.iter();
            let waiting = waiting.filter(|row| row.delivered_at.is_none());
            let times: Vec<Timestamp> = waiting.map(|row| row.created_at).collect();
            OutboxDepth {
                waiting_count: u64::try_from(times.len()).unwrap_or(u64::MAX),
                oldest_at: times.into_iter().min(),
            }
        })
    }
}
