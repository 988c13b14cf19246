//! How far the payloads of old events were scrubbed: the place from which the next batch goes on.

use uuid::Uuid;

use crate::kernel::audit::{Entity, EntityKind};
use crate::kernel::event::DomainEvent;
use crate::kernel::id::{InboxEventId, RetentionId};
use crate::kernel::timestamp::Timestamp;
use crate::kernel::transition::Transition;

/// There is one for the whole inbox.
const ONE: Uuid = Uuid::from_u128(1);

/// What one batch did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ScrubbedBatch {
    /// The last event that was looked at; absent for a batch of answers only.
    pub until: Option<InboxEventId>,
    /// Payloads that were reduced to their facts.
    pub scrubbed_count: u64,
    /// Payloads that were left as they are: their events do not rest, or they cannot be reduced.
    pub kept_count: u64,
    /// Remembered answers that were forgotten.
    pub answer_count: u64,
}

/// The progress; its changes are the audit trail of scrubbing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PayloadRetention {
    /// Its id, the same in every database.
    pub id: RetentionId,
    /// Everything up to this event was looked at.
    pub scrubbed_until: Option<InboxEventId>,
    /// What was received before this was looked at last.
    pub received_before: Timestamp,
    /// Payloads that were reduced, ever.
    pub scrubbed_count: u64,
    /// Payloads that were left as they are, ever.
    pub kept_count: u64,
    /// Answers that were forgotten, ever.
    pub answer_count: u64,
}

impl PayloadRetention {
    /// Begins with the first batch.
    pub fn new(received_before: Timestamp, batch: ScrubbedBatch) -> (Self, DomainEvent) {
        let ScrubbedBatch {
            until,
            scrubbed_count,
            kept_count,
            answer_count,
        } = batch;
        let retention = Self {
            id: RetentionId::from_uuid(ONE),
            scrubbed_until: until,
            received_before,
            scrubbed_count,
            kept_count,
            answer_count,
        };
        let event = scrubbed(received_before, batch);
        (retention, event)
    }

    /// Records another batch; `received_before` is what it was made for.
    pub fn advance(&self, received_before: Timestamp, batch: ScrubbedBatch) -> Transition<Self> {
        if batch == ScrubbedBatch::default() {
            return Transition::AlreadyApplied;
        }
        let next = Self {
            id: self.id,
            scrubbed_until: batch.until.or(self.scrubbed_until),
            received_before,
            scrubbed_count: self.scrubbed_count.saturating_add(batch.scrubbed_count),
            kept_count: self.kept_count.saturating_add(batch.kept_count),
            answer_count: self.answer_count.saturating_add(batch.answer_count),
        };
        Transition::Applied {
            next,
            event: scrubbed(received_before, batch),
        }
    }
}

fn scrubbed(received_before: Timestamp, batch: ScrubbedBatch) -> DomainEvent {
    DomainEvent::PayloadsScrubbed {
        received_before,
        scrubbed_count: batch.scrubbed_count,
        kept_count: batch.kept_count,
        answer_count: batch.answer_count,
    }
}

impl Entity for PayloadRetention {
    const KIND: EntityKind = EntityKind::Retention;

    fn uuid(&self) -> Uuid {
        self.id.uuid()
    }

    fn state_name(&self) -> &'static str {
        "scrubbed"
    }
}
