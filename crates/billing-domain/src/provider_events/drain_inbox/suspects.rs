//! Finds the event that ends its worker, and keeps its neighbours from being blamed.

use std::collections::HashMap;

use super::aside::TrackName;
use super::held::HeldLanes;
use super::waves::{Asking, Lines, settle};
use super::{ABANDONED_MAX, DrainInbox, DrainReport, LEASE, count};
use crate::kernel::failure::StoreFailure;
use crate::kernel::id::InboxEventId;
use crate::kernel::timestamp::Timestamp;
use crate::provider_events::ports::{ClaimedEvent, Settlement};

/// The events whose last attempt ended without a word, and what is before one of them in its subject.
pub(super) struct Suspected(HashMap<TrackName, (Timestamp, InboxEventId)>);

impl Suspected {
    /// Of events in their order.
    pub(super) fn among(due: &[ClaimedEvent]) -> Self {
        let suspects = due.iter().filter(|event| event.abandoned > 0);
        Self(
            suspects
                .map(|event| (TrackName::of(event), (event.created_at, event.id)))
                .collect(),
        )
    }

    pub(super) fn includes(&self, event: &ClaimedEvent) -> bool {
        let last = self.0.get(&TrackName::of(event));
        last.is_some_and(|last| (event.created_at, event.id) <= *last)
    }
}

impl DrainInbox {
    /// Events whose last attempt ended without a word come one by one, so that the one that ends its
    /// worker is found, and nobody else is blamed; what is before them in their subject comes as well.
    pub(super) async fn apply_suspects(
        &self,
        suspects: Vec<ClaimedEvent>,
        held: &mut HeldLanes,
        report: &mut DrainReport,
    ) -> Result<(), StoreFailure> {
        for event in suspects {
            // It comes again when its subject is the turns'.
            if self.lanes.aside.has_subject_of(&event) {
                continue;
            }
            let until = self.core.now().plus(LEASE);
            let attempt = [(event.id, event.hold)];
            if self.inbox.begin_attempts(&attempt, until).await?.is_empty() {
                continue;
            }
            if event.abandoned < ABANDONED_MAX {
                let lines = Lines::one([event.into()].into());
                self.apply(lines, Asking::AtOnce, held, report).await?;
                continue;
            }
            let reason = format!(
                "its worker ended {} times while it applied this event",
                event.abandoned
            );
            tracing::error!(
                provider_event.id = %event.provider_event_id,
                "provider event {} is parked: {reason}", event.provider_event_id
            );
            let settlement = Settlement::Parked {
                reason,
                waiting_for: None,
            };
            count(&settlement, report);
            self.observe(&event, settlement.status(), self.core.now());
            let settled = vec![settle(&event, settlement)];
            self.settle(settled).await?;
        }
        Ok(())
    }
}
