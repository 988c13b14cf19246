//! Reduces the payloads of old events to the facts that decisions rest on, and forgets old answers:
//! what is personal goes, what a rebuild needs stays.

use std::sync::Arc;

use time::Duration;

use super::payload_retention::{PayloadRetention, ScrubbedBatch};
use super::ports::{AgedEvent, EventDecoder, PayloadArchive, PayloadScrubber, ScrubbedPayload};
use crate::kernel::change_set::{Cause, ChangeSet};
use crate::kernel::failure::StoreFailure;
use crate::kernel::ports::Core;
use crate::kernel::stored::Stored;
use crate::kernel::timestamp::Timestamp;

/// How many events or answers one batch takes.
pub const SCRUBBED_BATCH: u32 = 200;

/// How often everything is looked at again, for what did not rest the last time.
const ROUND: Duration = Duration::days(30);

/// What is to be scrubbed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScrubOrder {
    /// Only what was received before.
    pub received_before: Timestamp,
    /// Changes nothing and says what would change.
    pub is_rehearsal: bool,
    /// Begins with the first event again, for those that did not rest when they were looked at; once
    /// in thirty days that is done without being asked for.
    pub from_the_first: bool,
    /// Who wants it.
    pub cause: Cause,
}

/// What was done.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ScrubReport {
    /// Payloads that were reduced.
    pub scrubbed_count: u64,
    /// Payloads of events that do not rest yet.
    pub unsettled_count: u64,
    /// Payloads that would say something else without what is personal, or are none.
    pub irreducible_count: u64,
    /// Answers that were forgotten.
    pub answer_count: u64,
    /// Bytes of the payloads that were reduced, before.
    pub bytes_before: u64,
    /// Bytes of them afterwards.
    pub bytes_after: u64,
}

/// Scrubs payloads.
pub struct ScrubPayloads {
    /// Write and time.
    pub core: Core,
    /// Reads and replaces payloads.
    pub archive: Arc<dyn PayloadArchive>,
    /// Reduces them.
    pub scrubber: Arc<dyn PayloadScrubber>,
    /// Tells whether they still say the same.
    pub decoder: Arc<dyn EventDecoder>,
}

impl ScrubPayloads {
    /// Scrubs everything that is old enough, batch by batch; tells how far it is after each. What
    /// is interrupted goes on where it stopped.
    ///
    /// # Errors
    /// [`StoreFailure`].
    pub async fn run(
        &self,
        order: &ScrubOrder,
        progress: &(dyn Fn(&ScrubReport) + Send + Sync),
    ) -> Result<ScrubReport, StoreFailure> {
        let mut report = ScrubReport::default();
        let mut retention = self.archive.retention().await?;
        let known = retention.as_ref().map(|retention| &retention.value);
        let is_time =
            known.is_some_and(|known| round(known.received_before) != round(order.received_before));
        let mut after = known.and_then(|known| known.scrubbed_until);
        if order.from_the_first || is_time {
            after = None;
        }
        loop {
            let events = self
                .archive
                .aged_events(after, order.received_before, SCRUBBED_BATCH)
                .await?;
            after = events.last().map(|event| event.id).or(after);
            let is_last = events.is_empty();
            let (payloads, batch) = self.reduce(events, &mut report);
            if order.is_rehearsal && is_last {
                let answers = self.archive.aged_answer_count(order.received_before);
                report.answer_count = answers.await?;
                return Ok(report);
            }
            if order.is_rehearsal {
                continue;
            }
            self.archive
                .replace_payloads(payloads, self.core.now())
                .await?;
            let answer_count = self
                .archive
                .forget_answers(order.received_before, SCRUBBED_BATCH)
                .await?;
            report.answer_count = report.answer_count.saturating_add(answer_count);
            let batch = ScrubbedBatch {
                answer_count,
                ..batch
            };
            self.remember(order, retention.as_ref(), batch).await?;
            retention = self.archive.retention().await?;
            progress(&report);
            if is_last && answer_count == 0 {
                return Ok(report);
            }
        }
    }

    fn reduce(
        &self,
        events: Vec<AgedEvent>,
        report: &mut ScrubReport,
    ) -> (Vec<ScrubbedPayload>, ScrubbedBatch) {
        let mut batch = ScrubbedBatch {
            until: events.last().map(|event| event.id),
            ..ScrubbedBatch::default()
        };
        let mut payloads = Vec::new();
        for event in events {
            if event.is_scrubbed {
                continue;
            }
            if !event.is_at_rest {
                report.unsettled_count = report.unsettled_count.saturating_add(1);
                batch.kept_count = batch.kept_count.saturating_add(1);
                continue;
            }
            match self.reduced(&event) {
                Some(payload) => {
                    report.bytes_before = report.bytes_before.saturating_add(size(&event.payload));
                    report.bytes_after = report.bytes_after.saturating_add(size(&payload));
                    report.scrubbed_count = report.scrubbed_count.saturating_add(1);
                    batch.scrubbed_count = batch.scrubbed_count.saturating_add(1);
                    payloads.push(ScrubbedPayload {
                        id: event.id,
                        payload,
                    });
                }
                None => {
                    tracing::warn!(
                        provider_event.id = %event.id,
                        "the payload of provider event {} cannot be scrubbed without changing what it says",
                        event.id
                    );
                    report.irreducible_count = report.irreducible_count.saturating_add(1);
                    batch.kept_count = batch.kept_count.saturating_add(1);
                }
            }
        }
        (payloads, batch)
    }

    /// The payload without what is personal; `None` if it would not say the same.
    fn reduced(&self, event: &AgedEvent) -> Option<Vec<u8>> {
        let reduced = self.scrubber.scrub(&event.payload).ok()?;
        // Whatever it said, it has no effect.
        if event.is_discarded {
            return Some(reduced);
        }
        let before = self
            .decoder
            .decode(&event.event_type, &event.payload)
            .ok()?;
        let after = self.decoder.decode(&event.event_type, &reduced).ok()?;
        (before.without_personal_data() == after).then_some(reduced)
    }

    async fn remember(
        &self,
        order: &ScrubOrder,
        retention: Option<&Stored<PayloadRetention>>,
        batch: ScrubbedBatch,
    ) -> Result<(), StoreFailure> {
        let changes = ChangeSet::caused_by(order.cause.clone(), self.core.now());
        let changes = match retention {
            Some(known) => {
                let transition = known.value.advance(order.received_before, batch);
                changes.change_retention(known, transition)
            }
            None if batch == ScrubbedBatch::default() => changes,
            None => {
                let (retention, event) = PayloadRetention::new(order.received_before, batch);
                changes.insert_retention(retention, event)
            }
        };
        if changes.is_empty() {
            return Ok(());
        }
        Ok(self.core.writer.commit(changes).await?)
    }
}

fn round(received_before: Timestamp) -> i64 {
    let seconds = received_before.unix_seconds();
    seconds.div_euclid(ROUND.whole_seconds())
}

fn size(payload: &[u8]) -> u64 {
    u64::try_from(payload.len()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
