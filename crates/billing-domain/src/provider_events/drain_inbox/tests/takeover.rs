//! What a worker does when somebody else was faster, or took its lanes over.

use std::sync::Mutex;

use super::order::{Replica, name, names};
use super::*;
use crate::kernel::change_set::Cause;
use crate::kernel::id::InboxEventId;
use crate::provider_events::event::SubscriptionChange;
use crate::provider_events::lane::LaneHold;
use crate::provider_events::ports::{Receipt, ReceivedEvent, Settled};

#[tokio::test]
async fn a_lane_that_somebody_else_has_taken_is_given_up_at_the_next_sign_of_it() {
    // A commit is refused.
    let bench = Workbench::new().await;
    let payment = bench.sell("acme").await;
    let here = Replica::beside(&bench);
    let elsewhere = Replica::beside(&bench);
    here.holds_lanes_of(&["cus_1"]).await;
    elsewhere.receives("cus_1", 1).await;
    // Its clock goes before ours, and so it believes that our lease has ended.
    let taken = elsewhere.takes_lanes_at(bench.now().plus(LEASE)).await;
    assert_eq!(taken.len(), 1);
    let mut report = payment.subscription.unwrap();
    report.facts.quantity += 1;
    let changed =
        ProviderEvent::SubscriptionChanged(SubscriptionChange::Updated, Payload::Read(report));
    let mirrors = bench.store.subscriptions();
    here.hears("cus_1", 2, changed).await;
    assert_eq!(here.turn().await, names("cus_1", [2]), "it knows no better");
    assert_eq!(bench.store.subscriptions(), mirrors, "and is refused");
    here.receives("cus_1", 3).await;
    assert!(here.turn().await.is_empty(), "now it knows");

    // A lease cannot be renewed.
    let here = Replica::alone().await;
    let elsewhere = Replica::beside(&here.bench);
    here.holds_lanes_of(&["cus_1"]).await;
    here.bench.clock().advance(LEASE);
    elsewhere.receives("cus_1", 1).await;
    assert_eq!(elsewhere.takes_lanes().await.len(), 1);
    here.receives("cus_1", 2).await;
    assert!(here.turn().await.is_empty(), "the other has them");
}

#[tokio::test]
async fn what_is_handed_over_for_a_free_lane_is_applied_at_once_and_not_written_down_before() {
    let here = Replica::alone().await;
    here.holds_lanes_of(&["cus_1"]).await;
    here.receives("cus_2", 1).await;
    here.bench.faults.restart();
    assert_eq!(here.turn().await, names("cus_2", [1]), "no time has passed");
    let calls = here.bench.faults.calls();
    assert!(calls.contains(&"take_lanes"), "{calls:?}");
    assert!(!calls.contains(&"begin_attempts"), "{calls:?}");
}

/// An inbox in which somebody else applies an event between a worker's look and its begin.
struct Overtaken {
    store: MemoryStore,
    /// What the other one commits.
    other: Mutex<Option<ChangeSet>>,
}

#[async_trait::async_trait]
impl EventInbox for Overtaken {
    async fn record(&self, event: ReceivedEvent) -> Result<Receipt, StoreError> {
        self.store.record(event).await
    }

    async fn take_lanes(
        &self,
        owner: &str,
        share: LaneShare,
        now: Timestamp,
        leased_until: Timestamp,
        limit: u32,
    ) -> Result<Vec<LaneHold>, StoreError> {
        let taken = self
            .store
            .take_lanes(owner, share, now, leased_until, limit);
        taken.await
    }

    async fn renew_lanes(
        &self,
        held: &[LaneHold],
        leased_until: Timestamp,
    ) -> Result<Vec<LaneHold>, StoreError> {
        self.store.renew_lanes(held, leased_until).await
    }

    async fn release_lanes(&self, held: &[LaneHold]) -> Result<(), StoreError> {
        self.store.release_lanes(held).await
    }

    async fn due_events(
        &self,
        held: &[LaneHold],
        in_hand: &[(InboxEventId, LaneHold)],
        now: Timestamp,
        per_lane: u32,
    ) -> Result<Vec<ClaimedEvent>, StoreError> {
        self.store.due_events(held, in_hand, now, per_lane).await
    }

    async fn begin_attempts(
        &self,
        events: &[(InboxEventId, LaneHold)],
        leased_until: Timestamp,
    ) -> Result<Vec<InboxEventId>, StoreError> {
        let other = self.other.lock().unwrap().take();
        if let Some(other) = other {
            self.store.commit(other).await.unwrap();
        }
        self.store.begin_attempts(events, leased_until).await
    }

    async fn settle(&self, settled: Vec<Settled>, now: Timestamp) -> Result<(), StoreError> {
        self.store.settle(settled, now).await
    }

    async fn release_deferred(&self, now: Timestamp) -> Result<u64, StoreError> {
        self.store.release_deferred(now).await
    }
}

#[tokio::test]
async fn what_cannot_begin_any_more_is_not_decided() {
    let mut here = Replica::alone().await;
    let elsewhere = Replica::beside(&here.bench);
    elsewhere.receives("cus_1", 1).await;
    elsewhere.receives("cus_1", 2).await;
    let store = here.bench.store.clone();
    let held = elsewhere.takes_lanes().await;
    let due = store
        .due_events(&held, &[], here.bench.now(), 9)
        .await
        .unwrap();
    assert_eq!(due[0].event_type, name("cus_1", 1));
    store.release_lanes(&held).await.unwrap();
    let applied = ChangeSet::caused_by(Cause::ProviderEvent(due[0].id), here.bench.now());
    here.drain.inbox = Arc::new(Overtaken {
        store,
        other: Mutex::new(Some(applied)),
    });
    assert_eq!(here.turn().await, names("cus_1", [2]));
}
