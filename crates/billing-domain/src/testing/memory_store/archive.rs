//! Payloads and answers in memory, as retention sees them.

use async_trait::async_trait;

use super::inbox::InboxStatus;
use super::{MemoryStore, rows_max};
use crate::kernel::id::InboxEventId;
use crate::kernel::ports::StoreError;
use crate::kernel::stored::Stored;
use crate::kernel::timestamp::Timestamp;
use crate::provider_events::delivery::Delivery;
use crate::provider_events::payload_retention::PayloadRetention;
use crate::provider_events::ports::{AgedEvent, PayloadArchive, ScrubbedPayload};

fn is_at_rest(status: &InboxStatus) -> bool {
    match status {
        InboxStatus::Applied | InboxStatus::Skipped { .. } | InboxStatus::Discarded { .. } => true,
        InboxStatus::New
        | InboxStatus::Retrying { .. }
        | InboxStatus::Parked { .. }
        | InboxStatus::Deferred => false,
    }
}

#[async_trait]
impl PayloadArchive for MemoryStore {
    async fn aged_events(
        &self,
        after: Option<InboxEventId>,
        received_before: Timestamp,
        limit: u32,
    ) -> Result<Vec<AgedEvent>, StoreError> {
        self.call("aged_events", |state| {
            let rows = state.inbox.values();
            let aged = rows.filter(|row| {
                after.is_none_or(|after| row.event.id > after)
                    && row.event.received_at < received_before
            });
            let event = |row: &super::inbox::InboxRow| AgedEvent {
                id: row.event.id,
                event_type: row.event.envelope.event_type.clone(),
                payload: row.event.payload.clone(),
                is_at_rest: is_at_rest(&row.status),
                is_discarded: matches!(row.status, InboxStatus::Discarded { .. }),
                is_scrubbed: row.is_scrubbed,
            };
            aged.take(rows_max(limit)).map(event).collect()
        })
    }

    async fn replace_payloads(
        &self,
        payloads: Vec<ScrubbedPayload>,
        _now: Timestamp,
    ) -> Result<(), StoreError> {
        self.call("replace_payloads", |state| {
            for ScrubbedPayload { id, payload } in payloads {
                let row = state.inbox.get_mut(&id.uuid());
                if let Some(row) = row.filter(|row| is_at_rest(&row.status)) {
                    row.event.payload = payload;
                    row.event.signature = String::new();
                    row.event.delivery = Delivery::default();
                    row.is_scrubbed = true;
                    row.version = row.version.next();
                }
            }
        })
    }

    async fn aged_answer_count(&self, before: Timestamp) -> Result<u64, StoreError> {
        self.call("aged_answer_count", |state| {
            let aged = state.answers.values().filter(|(_, at)| *at < before);
            u64::try_from(aged.count()).unwrap_or(u64::MAX)
        })
    }

    async fn forget_answers(&self, before: Timestamp, limit: u32) -> Result<u64, StoreError> {
        self.call("forget_answers", |state| {
            let aged = state.answers.iter().filter(|(_, (_, at))| *at < before);
            let aged: Vec<_> = aged
                .map(|(key, _)| key.clone())
                .take(rows_max(limit))
                .collect();
            for key in &aged {
                state.answers.remove(key);
            }
            u64::try_from(aged.len()).unwrap_or(u64::MAX)
        })
    }

    async fn retention(&self) -> Result<Option<Stored<PayloadRetention>>, StoreError> {
        self.find("retention", |_: &PayloadRetention| true)
    }
}
