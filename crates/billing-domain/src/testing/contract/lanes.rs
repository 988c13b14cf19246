//! Lanes: one taker at a time, nothing from a taker who is too late (ADR 0013).

use std::collections::BTreeSet;
use std::pin::Pin;

use time::Duration;

use super::commit::{delivery, record};
use super::{Store, join_all, put, read};
use crate::kernel::change_set::{Cause, ChangeSet, CommitError};
use crate::kernel::id::InboxEventId;
use crate::kernel::timestamp::Timestamp;
use crate::provider_events::event_filter::{EventFilter, EventName};
use crate::provider_events::lane::{LANES, Lane, LaneHold, LaneShare};
use crate::provider_events::ports::{ClaimedEvent, Settled, Settlement};
use crate::provider_events::stored_event::{EventState, EventStatus};
use crate::testing::fixtures::{World, provider_ref};
use crate::testing::inbox_steps::{begin_due, settle_one};

const LEASE: Duration = Duration::minutes(1);

async fn event_of<S: Store>(
    store: &S,
    world: &World,
    number: usize,
    subject: &str,
) -> InboxEventId {
    let mut event = delivery(world, &format!("evt_{number}"));
    event.envelope.subject = Some(provider_ref(subject));
    record(store, event).await
}

async fn take<S: Store>(store: &S, now: Timestamp) -> Vec<LaneHold> {
    let limit = u32::from(LANES);
    let taken = store.take_lanes("test", LaneShare::WHOLE, now, now.plus(LEASE), limit);
    read(taken.await)
}

async fn due<S: Store>(store: &S, held: &[LaneHold], now: Timestamp) -> Vec<ClaimedEvent> {
    read(store.due_events(held, &[], now, 100).await)
}

fn ids(events: &[ClaimedEvent]) -> Vec<InboxEventId> {
    events.iter().map(|event| event.id).collect()
}

fn lanes(held: &[LaneHold]) -> BTreeSet<Lane> {
    held.iter().map(|hold| hold.lane).collect()
}

pub(super) async fn a_lane_is_one_takers_until_its_lease_ends<S: Store>(store: &S) {
    let world = World::new(1);
    assert!(take(store, world.now()).await.is_empty(), "nothing is due");
    let first = event_of(store, &world, 1, "cus_1").await;
    let held = take(store, world.now()).await;
    assert_eq!(lanes(&held).len(), 1);
    let second = event_of(store, &world, 2, "cus_1").await;
    world.clock.advance(LEASE - Duration::seconds(1));
    assert!(take(store, world.now()).await.is_empty(), "it is held");
    assert_eq!(ids(&due(store, &held, world.now()).await), [first, second]);

    let until = world.now().plus(LEASE);
    assert_eq!(read(store.renew_lanes(&held, until).await), held);
    world.clock.advance(Duration::seconds(2));
    assert!(take(store, world.now()).await.is_empty(), "it is renewed");

    world.clock.advance(LEASE);
    let next = take(store, world.now()).await;
    assert_eq!(lanes(&next), lanes(&held), "a crash leaves it until then");
    assert!(next[0].fence > held[0].fence);
    assert!(read(store.renew_lanes(&held, until).await).is_empty());
    read(store.release_lanes(&held).await);
    assert!(
        take(store, world.now()).await.is_empty(),
        "it is not theirs"
    );
    read(store.release_lanes(&next).await);
    let late = store.renew_lanes(&next, world.now().plus(LEASE)).await;
    assert!(read(late).is_empty(), "what was given back is nobody's");
    assert_eq!(take(store, world.now()).await.len(), 1);
}

pub(super) async fn two_takers_never_share_a_lane<S: Store>(store: &S) {
    const EVENTS: usize = 80;
    let world = World::new(1);
    for number in 0..EVENTS {
        event_of(store, &world, number, &format!("cus_{number}")).await;
    }
    let now = world.now();
    let takers = (0..10)
        .map(|_| -> Pin<Box<dyn Future<Output = Vec<LaneHold>> + '_>> {
            Box::pin(async move {
                let until = now.plus(LEASE);
                read(
                    store
                        .take_lanes("test", LaneShare::WHOLE, now, until, 5)
                        .await,
                )
            })
        })
        .collect();
    let taken: Vec<Vec<LaneHold>> = join_all(takers).await;
    assert!(taken.iter().all(|held| held.len() <= 5), "{taken:?}");
    let rest = take(store, now).await;
    let all: Vec<LaneHold> = taken.into_iter().flatten().chain(rest).collect();
    assert_eq!(lanes(&all).len(), all.len(), "each lane has one taker");
    assert_eq!(
        due(store, &all, now).await.len(),
        EVENTS,
        "no event is lost"
    );
}

pub(super) async fn a_stale_hold_changes_nothing<S: Store>(store: &S) {
    let world = World::new(1);
    world.seed(store).await;
    let id = event_of(store, &world, 1, "cus_1").await;
    let stale = take(store, world.now()).await[0];
    world.clock.advance(LEASE);
    let now = world.now();
    let current = take(store, now).await[0];
    let audit_count = store.audit_lines().await.len();

    let begun = store.begin_attempts(&[(id, stale)], now.plus(LEASE)).await;
    assert!(read(begun).is_empty());
    let settled = Settled {
        id,
        hold: Some(stale),
        settlement: Settlement::Deferred,
    };
    read(store.settle(vec![settled], now).await);
    assert_eq!(read(store.release_deferred(now).await), 0);
    let set = |hold, name| {
        let (user, happened) = world.another_user(name);
        ChangeSet::caused_by(Cause::ProviderEvent(id), now)
            .under(hold)
            .insert_user(user, happened)
    };
    let late = store.commit(set(stale, "grace")).await;
    assert!(matches!(late, Err(CommitError::LeaseLost)), "{late:?}");
    let (another, happened) = world.another_user("joan");
    let free = world.changes().insert_user(another, happened);
    let both = store.commit_many(vec![set(stale, "grace"), free]).await;
    assert!(
        matches!(&both[..], [Err(CommitError::LeaseLost), Ok(())]),
        "{both:?}"
    );
    assert_eq!(store.audit_lines().await.len(), audit_count + 1);

    put(store, set(current, "grace")).await;
    assert!(due(store, &[current], now).await.is_empty());
}

pub(super) async fn due_events_come_in_order_and_by_the_lane<S: Store>(store: &S) {
    let world = World::new(1);
    let now = world.now();
    let mut expected = Vec::new();
    for (number, age) in [(0, 1), (1, 3), (2, 2), (3, 3)] {
        let mut event = delivery(&world, &format!("evt_{number}"));
        event.envelope.created_at = now.minus(Duration::seconds(age));
        event.envelope.subject = Some(provider_ref("cus_1"));
        expected.push((event.envelope.created_at, record(store, event).await));
    }
    expected.sort_unstable();
    let expected: Vec<InboxEventId> = expected.into_iter().map(|(_, id)| id).collect();
    // In a lane of its own, and with nothing of its subject.
    let mut old = delivery(&world, "evt_old");
    old.envelope.subject = None;
    let old = record(store, old).await;
    let held = take(store, now).await;
    assert_eq!(lanes(&held).len(), 2);
    let of = |subject: Option<&str>| {
        let lane = Lane::of(subject.map(provider_ref).as_ref());
        let hold = held.iter().find(|hold| hold.lane == lane);
        *hold.expect("the lane is held")
    };
    let in_lane = due(store, &[of(Some("cus_1"))], now).await;
    assert_eq!(ids(&in_lane), expected);
    assert_eq!(in_lane[0].subject, Some(provider_ref("cus_1")));
    let limited = read(store.due_events(&held, &[], now, 2).await);
    let mut limited = ids(&limited);
    limited.sort_unstable();
    let mut two_of_each = vec![expected[0], expected[1], old];
    two_of_each.sort_unstable();
    assert_eq!(limited, two_of_each, "the limit is each lane's own");
    let one = due(store, &[of(None)], now).await;
    assert_eq!((ids(&one), &one[0].subject), (vec![old], &None));
    // What is in hand does not count.
    let in_hand = [
        (expected[0], of(Some("cus_1"))),
        (expected[2], of(Some("cus_1"))),
        (old, of(None)),
    ];
    let other = read(store.due_events(&held, &in_hand, now, 2).await);
    assert_eq!(ids(&other), [expected[1], expected[3]]);
}

pub(super) async fn attempts_without_a_word_are_counted<S: Store>(store: &S) {
    let world = World::new(1);
    let id = event_of(store, &world, 1, "cus_1").await;
    let (now, until) = (world.now(), world.now().plus(LEASE));
    for abandoned in 0..3 {
        let begun = begin_due(store, now, until, 9).await;
        assert_eq!(
            (begun[0].attempts, begun[0].abandoned),
            (abandoned, abandoned)
        );
    }
    let retry = Settlement::Retry {
        at: now,
        error: "not yet".to_owned(),
    };
    settle_one(store, id, retry, now).await;
    let begun = begin_due(store, now, until, 9).await;
    assert_eq!(
        (begun[0].attempts, begun[0].abandoned),
        (3, 0),
        "it was heard of"
    );
    put(store, ChangeSet::caused_by(Cause::ProviderEvent(id), now)).await;
    assert!(begin_due(store, now, until, 9).await.is_empty());

    // Handed over in memory: what was not written down at the beginning counts at the end.
    let handed = event_of(store, &world, 2, "cus_1").await;
    put(
        store,
        ChangeSet::caused_by(Cause::ProviderEvent(handed), now),
    )
    .await;
    for (event, attempts) in [(id, 4), (handed, 1)] {
        let name = EventName::Id(event);
        let event = read(store.event(&name).await).expect("it is stored");
        assert_eq!(event.value.attempts, attempts);
        assert_eq!(event.value.state.status(), EventStatus::Processed);
    }
}

pub(super) async fn an_attempt_begins_only_at_what_is_open<S: Store>(store: &S) {
    let world = World::new(1);
    let (now, later) = (world.now(), world.now().plus(LEASE));
    let settlements = [
        Some(Settlement::Skipped {
            waiting_for: None,
            reason: "irrelevant".to_owned(),
        }),
        Some(Settlement::Parked {
            waiting_for: None,
            reason: "malformed".to_owned(),
        }),
        Some(Settlement::Deferred),
        None,
    ];
    let mut closed = Vec::new();
    for (number, settlement) in settlements.into_iter().enumerate() {
        let id = event_of(store, &world, number, "cus_1").await;
        match settlement {
            Some(settlement) => settle_one(store, id, settlement, now).await,
            None => put(store, ChangeSet::caused_by(Cause::ProviderEvent(id), now)).await,
        }
        closed.push(id);
    }
    let resting = event_of(store, &world, 8, "cus_1").await;
    let retry = Settlement::Retry {
        at: later,
        error: "not yet".to_owned(),
    };
    settle_one(store, resting, retry, now).await;
    let fresh = event_of(store, &world, 9, "cus_1").await;
    let hold = take(store, now).await[0];
    let mut before = Vec::new();
    for id in &closed {
        before.push(read(store.event(&EventName::Id(*id)).await));
    }
    let all = closed.iter().chain([&resting, &fresh]);
    let attempts: Vec<_> = all.map(|id| (*id, hold)).collect();
    let mut begun = read(store.begin_attempts(&attempts, later).await);
    begun.sort_unstable();
    let mut open = [resting, fresh];
    open.sort_unstable();
    assert_eq!(begun, open);
    for (id, before) in closed.iter().zip(before) {
        let after = read(store.event(&EventName::Id(*id)).await);
        assert_eq!(after, before, "nothing happened to it");
    }
}

pub(super) async fn a_share_keeps_to_its_lanes<S: Store>(store: &S) {
    let world = World::new(1);
    for number in 0..40 {
        event_of(store, &world, number, &format!("cus_{number}")).await;
    }
    let (now, until) = (world.now(), world.now().plus(LEASE));
    let mut count = 0;
    for index in 0..2 {
        let share = LaneShare { index, of: 2 };
        let held = read(store.take_lanes("test", share, now, until, 64).await);
        assert!(!held.is_empty());
        assert!(
            held.iter().all(|hold| share.includes(hold.lane)),
            "{held:?}"
        );
        count += due(store, &held, now).await.len();
    }
    assert_eq!(count, 40);
}

/// A poison event is one of a batch: one set breaks a rule, one is stale, one was applied before.
pub(super) async fn one_that_fails_in_a_batch_costs_the_others_nothing<S: Store>(store: &S) {
    let world = World::new(1);
    world.seed(store).await;
    let now = world.now();
    let seen = read(store.user(world.user.id).await).expect("it was seeded");
    let renamed = |name: &str| {
        let address = crate::testing::fixtures::email(&format!("{name}@example.com"));
        seen.value.seen_with(Some(address))
    };
    put(store, world.changes().change_user(&seen, renamed("first"))).await;
    let mut sets = Vec::new();
    for number in 0..9 {
        let id = event_of(store, &world, number, &format!("cus_{number}")).await;
        let set = ChangeSet::caused_by(Cause::ProviderEvent(id), now);
        sets.push(match number {
            2 => set.change_user(&seen, renamed("stale")),
            4 => {
                let (mut twin, happened) = world.another_user("twin");
                twin.external_id = world.user.external_id.clone();
                set.insert_user(twin, happened)
            }
            6 => {
                put(store, set.clone()).await;
                set
            }
            _ => {
                let (user, happened) = world.another_user(&format!("user{number}"));
                set.insert_user(user, happened)
            }
        });
    }
    let audit_count = store.audit_lines().await.len();
    let outcomes = store.commit_many(sets).await;
    for (number, outcome) in outcomes.iter().enumerate() {
        let is_expected = match number {
            2 => matches!(outcome, Err(CommitError::Conflict)),
            4 => matches!(outcome, Err(CommitError::Duplicate(_))),
            6 => matches!(outcome, Err(CommitError::AlreadyApplied)),
            _ => outcome.is_ok(),
        };
        assert!(is_expected, "{number}: {outcome:?}");
    }
    assert_eq!(store.audit_lines().await.len(), audit_count + 6);
    let left = begin_due(store, now, now.plus(LEASE), 99).await;
    assert_eq!(left.len(), 2, "those that failed are due, and no other");
}

pub(super) async fn an_event_in_work_is_shown_with_the_lease_of_its_lane<S: Store>(store: &S) {
    let world = World::new(1);
    let id = event_of(store, &world, 1, "cus_1").await;
    let held = take(store, world.now()).await;
    let began = world.now().plus(LEASE);
    read(store.begin_attempts(&[(id, held[0])], began).await);
    for leased_until in [began.plus(LEASE), began.plus(LEASE * 2)] {
        read(store.renew_lanes(&held, leased_until).await);
        let event = read(store.event(&EventName::Id(id)).await).expect("it is stored");
        assert_eq!(event.value.state, EventState::Processing { leased_until });
        let page = read(store.oldest_events(&EventFilter::default(), 1).await);
        assert_eq!(page[0], event);
    }
}
