//! Single steps of a worker, for tests of what happens between them.

use crate::kernel::id::InboxEventId;
use crate::kernel::timestamp::Timestamp;
use crate::provider_events::lane::{LANES, LaneShare};
use crate::provider_events::ports::{ClaimedEvent, EventInbox, Settled, Settlement};

const READS: &str = "the inbox of this test answers";

/// Begins attempts at what is due in lanes that are free, at most `limit`, oldest first, and gives
/// the lanes back at once, as a worker does that dies and whose lease has ended.
pub async fn begin_due<I: EventInbox + ?Sized>(
    inbox: &I,
    now: Timestamp,
    leased_until: Timestamp,
    limit: usize,
) -> Vec<ClaimedEvent> {
    let taken = inbox.take_lanes(
        "test",
        LaneShare::WHOLE,
        now,
        leased_until,
        u32::from(LANES),
    );
    let held = taken.await.expect(READS);
    let per_lane = u32::try_from(limit).expect("a test's limit is small");
    let due = inbox.due_events(&held, &[], now, per_lane).await;
    let mut events = due.expect(READS);
    events.truncate(limit);
    let attempts: Vec<_> = events.iter().map(|event| (event.id, event.hold)).collect();
    let begun = inbox.begin_attempts(&attempts, leased_until).await;
    let begun = begun.expect(READS);
    assert_eq!(begun.len(), attempts.len(), "what is due can begin");
    inbox.release_lanes(&held).await.expect(READS);
    events
}

/// Ends one attempt.
pub async fn settle_one<I: EventInbox + ?Sized>(
    inbox: &I,
    id: InboxEventId,
    settlement: Settlement,
    now: Timestamp,
) {
    let settled = Settled {
        id,
        hold: None,
        settlement,
    };
    inbox.settle(vec![settled], now).await.expect(READS);
}
