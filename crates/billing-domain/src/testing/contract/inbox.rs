//! The durable inbox.

use std::pin::Pin;

use time::Duration;

use super::commit::{delivery, record};
use super::{Store, join_all, put, read};
use crate::checkout::intent::{IntentCommand, ProviderLinks};
use crate::kernel::change_set::{Cause, ChangeSet, CommitError};
use crate::kernel::id::InboxEventId;
use crate::kernel::text::Reason;
use crate::provider_events::event_filter::EventName;
use crate::provider_events::parent::Parent;
use crate::provider_events::ports::{ClaimedEvent, Receipt, Settlement};
use crate::provider_events::stored_event::{EventState, EventStatus};
use crate::testing::fixtures::{World, email, provider_ref};
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
            waiting_for: None,
        },
        Settlement::Parked {
            reason: "malformed".to_owned(),
            waiting_for: None,
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
        waiting_for: None,
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
    let (own, other) = (Parent::Intent(intent.id()), Parent::Intent(world.id()));
    let look = world.now().plus(Duration::hours(1));
    let error = || "the sale is not known".to_owned();
    let wait = |parent: &Parent| Settlement::Waiting {
        parent: parent.clone(),
        at: look,
        error: error(),
    };
    let park = |parent: &Parent| Settlement::Parked {
        reason: error(),
        waiting_for: Some(parent.clone()),
    };
    let retry = Settlement::Retry {
        at: look,
        error: "unreachable".to_owned(),
    };
    let mut ids = Vec::new();
    let settlements = [wait(&own), park(&own), wait(&other), park(&other), retry];
    for (number, settlement) in settlements.into_iter().enumerate() {
        let id = record(store, delivery(&world, &format!("evt_{number}"))).await;
        assert_eq!(ids_of(&claim(store, &world).await), [id]);
        settle_one(store, id, settlement, world.now()).await;
        ids.push(id);
    }
    let [child, parked_child, orphan, _, failed] = ids[..] else {
        panic!("five were settled");
    };
    assert!(
        claim(store, &world).await.is_empty(),
        "nobody tries meanwhile"
    );

    let changes = world.changes().insert_intent(intent, created);
    put(store, changes).await;
    let woken = claim(store, &world).await;
    assert_eq!(
        sorted(&woken),
        sorted_ids([child, parked_child]),
        "the commit of the parent wakes its own"
    );
    assert_eq!(woken[0].attempts, 1);
    settle_one(store, parked_child, Settlement::Deferred, world.now()).await;
    settle_one(store, child, wait(&own), world.now()).await;
    assert_eq!(
        ids_of(&claim(store, &world).await),
        [child],
        "whose parent is known does not wait"
    );
    settle_one(store, child, Settlement::Deferred, world.now()).await;

    world.clock.set(look);
    assert_eq!(
        sorted(&claim(store, &world).await),
        sorted_ids([orphan, failed]),
        "a look comes all the same"
    );
}

pub(super) async fn an_event_of_no_sale_is_woken_when_a_sale_is_linked<S: Store>(store: &S) {
    let world = World::new(1);
    world.seed(store).await;
    let (intent, created) = world.intent(world.user.id, "acme");
    let id = intent.id();
    put(store, world.changes().insert_intent(intent, created)).await;
    let skip = |subscription: &str| Settlement::Skipped {
        reason: "the object belongs to no sale of this service".to_owned(),
        waiting_for: Some(Parent::SaleOf(provider_ref(subscription))),
    };
    let mut ids = Vec::new();
    for subscription in ["sub_1", "sub_1", "sub_2", "sub_1"] {
        let name = format!("evt_{}", ids.len());
        let event = record(store, delivery(&world, &name)).await;
        assert_eq!(ids_of(&claim(store, &world).await), [event]);
        settle_one(store, event, skip(subscription), world.now()).await;
        ids.push(event);
    }
    let [first, second, of_others, discarded] = ids[..] else {
        panic!("four were settled");
    };
    let before = read(store.event(&EventName::Id(discarded)).await).expect("it is stored");
    let reason = Reason::parse("not ours").expect("a short reason");
    let discard = before.value.discard(&reason, world.now());
    let discard = discard.expect("it was not applied");
    let changes = world.changes().change_provider_event(&before, discard);
    put(store, changes).await;
    world.clock.advance(Duration::days(40));
    assert!(
        claim(store, &world).await.is_empty(),
        "nobody looks, however long it takes"
    );

    let links = ProviderLinks {
        customer: None,
        session: None,
        subscription: Some(provider_ref("sub_1")),
    };
    let known = read(store.intent(id).await).expect("it is stored");
    let command = IntentCommand::LinkProvider { links };
    let linked = known.value.apply(command, world.now());
    let linked = linked.expect("an open sale can be linked");
    put(store, world.changes().change_intent(&known, linked)).await;
    assert_eq!(
        sorted(&claim(store, &world).await),
        sorted_ids([first, second])
    );
    settle_one(store, second, Settlement::Deferred, world.now()).await;
    settle_one(store, first, skip("sub_1"), world.now()).await;
    assert_eq!(
        ids_of(&claim(store, &world).await),
        [first],
        "a sale that is linked meanwhile is seen"
    );
    settle_one(store, first, skip("sub_2"), world.now()).await;
    assert!(claim(store, &world).await.is_empty());
    let rest = read(store.event(&EventName::Id(of_others)).await).expect("it is stored");
    assert_eq!(rest.value.state.status(), EventStatus::Skipped);
}

fn sorted(events: &[ClaimedEvent]) -> Vec<InboxEventId> {
    let mut ids = ids_of(events);
    ids.sort_unstable();
    ids
}

fn sorted_ids<const N: usize>(mut ids: [InboxEventId; N]) -> [InboxEventId; N] {
    ids.sort_unstable();
    ids
}

/// Of the attempt nothing is left but that it failed, and why.
pub(super) async fn c_073_a_failure_is_kept_although_its_attempt_was_rolled_back<S: Store>(
    store: &S,
) {
    let world = World::new(1);
    world.seed(store).await;
    let id = record(store, delivery(&world, "evt_1")).await;
    let neighbour = record(store, delivery(&world, "evt_2")).await;
    assert_eq!(claim(store, &world).await.len(), 2);
    let seen = read(store.user(world.user.id).await).expect("it was seeded");
    let renamed = seen.value.seen_with(Some(email("new@example.com")));
    let (mut twin, registered) = world.another_user("twin");
    twin.external_id = world.user.external_id.clone();
    let broken = ChangeSet::caused_by(Cause::ProviderEvent(id), world.now())
        .change_user(&seen, renamed)
        .insert_user(twin, registered);
    let audit_count = store.audit_lines().await.len();
    let refused = store.commit(broken.clone()).await;
    assert!(
        matches!(refused, Err(CommitError::Duplicate(_))),
        "{refused:?}"
    );
    let whole = ChangeSet::caused_by(Cause::ProviderEvent(neighbour), world.now());
    let outcomes = store.commit_many(vec![broken, whole]).await;
    assert!(
        matches!(outcomes[..], [Err(CommitError::Duplicate(_)), Ok(())]),
        "{outcomes:?}"
    );
    let (at, later) = (world.now(), world.now().plus(Duration::minutes(1)));
    let retry = Settlement::Retry {
        at: later,
        error: "the user is known".to_owned(),
    };
    settle_one(store, id, retry, at).await;

    let record = read(store.event_record(&EventName::Id(id)).await).expect("it is stored");
    assert_eq!(
        record.event.state,
        EventState::Failed {
            at,
            error: "the user is known".to_owned(),
            next_attempt_at: later,
        }
    );
    assert_eq!((record.event.attempts, record.attempts.len()), (1, 1));
    assert_eq!(record.effects, []);
    let kept = read(store.user(world.user.id).await).expect("it was seeded");
    assert_eq!(kept, seen);
    assert_eq!(store.audit_lines().await.len(), audit_count);
    world.clock.set(later);
    assert_eq!(
        ids_of(&claim(store, &world).await),
        [id],
        "it is tried again"
    );
}
