//! The outbox in memory.

use async_trait::async_trait;

use super::{MemoryStore, json, rows_max};
use crate::kernel::change_set::OutgoingMessage;
use crate::kernel::id::MessageId;
use crate::kernel::ports::{IdGenerator, StoreError};
use crate::kernel::timestamp::Timestamp;
use crate::outbox::ports::{OutboxMessage, OutboxQueue};
use crate::testing::ids::SequentialIds;

#[derive(Debug)]
pub(super) struct OutboxRow {
    id: MessageId,
    pub(super) message: OutgoingMessage,
    created_at: Timestamp,
    attempts: u32,
    due_at: Timestamp,
    leased_until: Option<Timestamp>,
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
            leased_until: None,
            delivered_at: None,
        }
    }

    fn is_due_at(&self, now: Timestamp) -> bool {
        self.delivered_at.is_none()
            && self.due_at <= now
            && self.leased_until.is_none_or(|until| until <= now)
    }

    fn claim(&mut self, leased_until: Timestamp) -> OutboxMessage {
        let attempts = self.attempts;
        self.attempts = attempts.saturating_add(1);
        self.leased_until = Some(leased_until);
        OutboxMessage {
            id: self.id,
            topic: self.message.topic.to_owned(),
            payload: json::to_json(&self.message.event),
            dedup_key: self.message.dedup_key.clone(),
            attempts,
            created_at: self.created_at,
            correlation_id: self.message.correlation_id.clone(),
        }
    }
}

#[async_trait]
impl OutboxQueue for MemoryStore {
    async fn claim_messages(
        &self,
        now: Timestamp,
        leased_until: Timestamp,
        limit: u32,
    ) -> Result<Vec<OutboxMessage>, StoreError> {
        self.call("claim_messages", |state| {
            let due = state.outbox.iter_mut().filter(|row| row.is_due_at(now));
            due.take(rows_max(limit))
                .map(|row| row.claim(leased_until))
                .collect()
        })
    }

    async fn mark_delivered(&self, id: MessageId, now: Timestamp) -> Result<(), StoreError> {
        self.call("mark_delivered", |state| {
            if let Some(row) = state.outbox.iter_mut().find(|row| row.id == id) {
                row.delivered_at.get_or_insert(now);
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
                row.due_at = at;
                row.leased_until = None;
            }
        })
    }
}
