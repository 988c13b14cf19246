//! The durable inbox.

use std::pin::Pin;

use time::Duration;

use super::commit::{delivery, record};
use super::{Store, join_all, put, read};
use crate::kernel::change_set::{Cause, ChangeSet};
use crate::kernel::id::InboxEventId;
use crate::provider_events::parent::Parent;
use crate::provider_events::ports::{ClaimedEvent, Receipt, Settlement};
use crate::testing::fixtures::World;
use crate::testing::inbox_steps::{begin_due, settle_one};

async fn claim<S: Store>(store: &S, world: &World) -> Vec<ClaimedEvent> {
    let now = world.now();
    begin_due(store, now, now.plus(Duration::minutes(1)), 100).await
}

fn ids_of(events: &[ClaimedEvent]) -> Vec<InboxEventId> {
    events.iter().map(|event| event.id).collect()
}

pub(super) async fn an_event_is_recorded_once<S: Store>(store: &S) {
    let world = World::new(1);
    let first = delivery(&world, "evt_1");
    let id = record(store, first.clone()).await;
    let again = delivery(&world, "evt_1");
    assert_eq!(read(store.record(again).await), Receipt::Duplicate);
    assert_eq!(read(store.record(first.clone()).await), Receipt::Duplicate);
    let claimed = claim(store, &world).await;
    assert_eq!(ids_of(&claimed), [id], "the first delivery's id stays");
    let event = &claimed[0];
    assert_eq!(event.provider_event_id, first.envelope.provider_event_id);
    assert_eq!(event.event_type, first.envelope.event_type);
    assert_eq!(event.payload, first.payload, "the bytes as they came");
    assert_eq!(event.created_at, first.envelope.created_at);
    assert_eq!(event.attempts, 0);
    assert_eq!(event.correlation_id.as_deref(), Some("req_evt_1"));
}

pub(super) async fn deliveries_at_the_same_time_are_each_recorded_once<S: Store>(store: &S) {
    const EVENTS: usize = 40;
    const DELIVERIES: usize = 3;
    let world = World::new(1);
    let mut deliveries: Vec<Pin<Box<dyn Future<Output = Receipt> + '_>>> = Vec::new();
    for number in 0..EVENTS * DELIVERIES {
        let event = delivery(&world, &format!("evt_{}", number % EVENTS));
        deliveries.push(Box::pin(async move { read(store.record(event).await) }));
    }
    let receipts = join_all(deliveries).await;
    let recorded = receipts
        .iter()
        .filter(|receipt| **receipt == Receipt::Recorded);
    assert_eq!(
        recorded.count(),
        EVENTS,
        "of each event one delivery is the first"
    );
    assert_eq!(claim(store, &world).await.len(), EVENTS);
}

pub(super) async fn each_settlement_does_what_it_says<S: Store>(store: &S) {
    let world = World::new(1);
    let later = world.now().plus(Duration::minutes(10));
    let settlements = [
        Settlement::Skipped {
            reason: "irrelevant".to_owned(),
        },
        Settlement::Parked {
            reason: "malformed".to_owned(),
        },
        Settlement::Deferred,
        Settlement::Retry {
            at: later,
            error: "not yet".to_owned(),
        },
    ];
    let mut ids = Vec::new();
    for (number, settlement) in settlements.into_iter().enumerate() {
        let id = record(store, delivery(&world, &format!("evt_{number}"))).await;
        assert_eq!(ids_of(&claim(store, &world).await), [id]);
        settle_one(store, id, settlement, world.now()).await;
        ids.push(id);
    }
    assert!(claim(store, &world).await.is_empty());
    world.clock.set(later);
    let claimed = claim(store, &world).await;
    assert_eq!(
        ids_of(&claimed),
        [ids[3]],
        "a retry comes when its time has come"
    );
    assert_eq!(claimed[0].attempts, 1, "it was tried once before");
    let parked = Settlement::Parked {
        reason: "enough".to_owned(),
    };
    settle_one(store, ids[3], parked, world.now()).await;
    assert_eq!(read(store.release_deferred(world.now()).await), 1);
    assert_eq!(read(store.release_deferred(world.now()).await), 0);
    assert_eq!(ids_of(&claim(store, &world).await), [ids[2]]);
    world.clock.advance(Duration::days(30));
    assert_eq!(
        ids_of(&claim(store, &world).await),
        [ids[2]],
        "skipped and parked stay so"
    );
}

pub(super) async fn an_applied_event_cannot_be_settled<S: Store>(store: &S) {
    let world = World::new(1);
    let id = record(store, delivery(&world, "evt_1")).await;
    claim(store, &world).await;
    let cause = Cause::ProviderEvent(id);
    put(store, ChangeSet::caused_by(cause, world.now())).await;
    let settlements = [
        Settlement::Deferred,
        Settlement::Retry {
            at: world.now(),
            error: "late".to_owned(),
        },
    ];
    for settlement in settlements {
        settle_one(store, id, settlement, world.now()).await;
    }
    assert_eq!(read(store.release_deferred(world.now()).await), 0);
    world.clock.advance(Duration::days(1));
    assert!(claim(store, &world).await.is_empty(), "applied is for good");
}

pub(super) async fn an_event_that_waits_is_woken_by_its_parent<S: Store>(store: &S) {
    let world = World::new(1);
    world.seed(store).await;
    let (intent, created) = world.intent(world.user.id, "acme");
    let other = Parent::Intent(world.id());
    let look = world.now().plus(Duration::hours(1));
    let wait = |parent| Settlement::Waiting {
        parent,
        at: look,
        error: "the sale is not known".to_owned(),
    };
    let child = record(store, delivery(&world, "evt_child")).await;
    let orphan = record(store, delivery(&world, "evt_orphan")).await;
    let failed = record(store, delivery(&world, "evt_failed")).await;
    assert_eq!(claim(store, &world).await.len(), 3);
    let parent = Parent::Intent(intent.id());
    settle_one(store, child, wait(parent), world.now()).await;
    settle_one(store, orphan, wait(other), world.now()).await;
    let retry = Settlement::Retry {
        at: look,
        error: "unreachable".to_owned(),
    };
    settle_one(store, failed, retry, world.now()).await;
    assert!(
        claim(store, &world).await.is_empty(),
        "nobody tries meanwhile"
    );

    let changes = world.changes().insert_intent(intent, created);
    put(store, changes).await;
    let woken = claim(store, &world).await;
    assert_eq!(
        ids_of(&woken),
        [child],
        "the commit of the parent wakes its own"
    );
    assert_eq!(woken[0].attempts, 1);
    settle_one(store, child, wait(parent), world.now()).await;
    assert_eq!(read(store.wake(&parent, world.now()).await), 1);
    assert_eq!(read(store.wake(&parent, world.now()).await), 0, "once");
    assert_eq!(ids_of(&claim(store, &world).await), [child]);
    settle_one(store, child, Settlement::Deferred, world.now()).await;

    world.clock.set(look);
    let mut looked_after = ids_of(&claim(store, &world).await);
    looked_after.sort_unstable();
    let mut expected = [orphan, failed];
    expected.sort_unstable();
    assert_eq!(looked_after, expected, "a look comes all the same");
}
