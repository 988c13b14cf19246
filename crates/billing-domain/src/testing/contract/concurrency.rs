//! Writers that meet: nothing is lost, and of those who want the same thing one gets it.

use std::pin::Pin;

use time::Duration;

use super::commit::{delivery, record};
use super::{Store, join_all, put, read};
use crate::access::user::User;
use crate::checkout::intent::{IntentCommand, ProviderLinks};
use crate::kernel::change_set::{Cause, ChangeSet, CommitError, UniqueRule};
use crate::provider_events::parent::Parent;
use crate::provider_events::ports::Settlement;
use crate::testing::fixtures::{World, email, provider_ref};
use crate::testing::inbox_steps::{begin_due, settle_one};

type Running<'a, T> = Pin<Box<dyn Future<Output = T> + 'a>>;

pub(super) async fn no_update_is_lost<S: Store>(store: &S) {
    let world = World::new(1);
    world.seed(store).await;
    let mut success_count = 0;
    for round in 0..4 {
        let seen = read(store.user(world.user.id).await).expect("it was seeded");
        let writers = (0..8)
            .map(|number| -> Running<'_, bool> {
                let address = email(&format!("ada{round}{number}@example.com"));
                let change = world
                    .changes()
                    .change_user(&seen, seen.value.seen_with(Some(address)));
                Box::pin(async move {
                    match store.commit(change).await {
                        Ok(()) => true,
                        Err(CommitError::Conflict) => false,
                        Err(other) => panic!("a writer that lost is told so: {other:?}"),
                    }
                })
            })
            .collect();
        let won = join_all(writers).await;
        let won = won.into_iter().filter(|won| *won).count();
        assert_eq!(won, 1, "one version, one winner");
        success_count += 1;
    }
    let stored: crate::kernel::stored::Stored<User> =
        read(store.user(world.user.id).await).expect("it is still there");
    assert_eq!(stored.version.number(), 1 + success_count);
}

pub(super) async fn one_of_fifty_gets_the_slug<S: Store>(store: &S) {
    let world = World::new(1);
    world.seed(store).await;
    let mut users = Vec::new();
    for number in 0..50 {
        users.push(world.seed_user(store, &format!("user{number:02}")).await.id);
    }
    let callers = users
        .iter()
        .map(|user| -> Running<'_, Option<UniqueRule>> {
            let (intent, event) = world.intent(*user, "acme");
            let set = world.changes().insert_intent(intent, event);
            Box::pin(async move {
                // A database may ask to try again; the set is the same, so it is tried again.
                loop {
                    match store.commit(set.clone()).await {
                        Ok(()) => return None,
                        Err(CommitError::Duplicate(rule)) => return Some(rule),
                        Err(CommitError::Conflict) => {}
                        Err(other) => panic!("a caller who lost is told so: {other:?}"),
                    }
                }
            })
        })
        .collect();
    let outcomes = join_all(callers).await;
    let winners = outcomes.iter().filter(|rule| rule.is_none()).count();
    assert_eq!(winners, 1, "A-051: one of fifty holds the slug");
    let losers_know_why = outcomes
        .iter()
        .flatten()
        .all(|rule| *rule == UniqueRule::IntentSlug || *rule == UniqueRule::IntentName);
    assert!(losers_know_why, "{outcomes:?}");
}

pub(super) async fn one_of_many_deliveries_is_applied<S: Store>(store: &S) {
    let world = World::new(1);
    world.seed(store).await;
    let event_id = record(store, delivery(&world, "evt_1")).await;
    let audit_count = store.audit_lines().await.len();
    let workers = (0..10)
        .map(|number| -> Running<'_, bool> {
            let (user, event) = world.another_user(&format!("user{number}"));
            let set = ChangeSet::caused_by(Cause::ProviderEvent(event_id), world.now())
                .insert_user(user, event);
            Box::pin(async move {
                loop {
                    match store.commit(set.clone()).await {
                        Ok(()) => return true,
                        Err(CommitError::AlreadyApplied) => return false,
                        Err(CommitError::Conflict) => {}
                        Err(other) => panic!("a worker that was late is told so: {other:?}"),
                    }
                }
            })
        })
        .collect();
    let applied = join_all(workers).await;
    assert_eq!(applied.into_iter().filter(|applied| *applied).count(), 1);
    assert_eq!(store.audit_lines().await.len(), audit_count + 1);
    put(store, world.changes()).await;
}

pub(super) async fn no_event_misses_the_sale_that_it_waits_for<S: Store>(store: &S) {
    const PAIRS: usize = 24;
    let world = World::new(1);
    world.seed(store).await;
    let mut meetings: Vec<Running<'_, ()>> = Vec::new();
    let mut events = Vec::new();
    for number in 0..PAIRS {
        let user = world.seed_user(store, &format!("user{number:02}")).await.id;
        let (intent, created) = world.intent(user, &format!("shop{number:02}"));
        let id = intent.id();
        put(store, world.changes().insert_intent(intent, created)).await;
        let subscription = provider_ref(&format!("sub_{number}"));
        let mut event = delivery(&world, &format!("evt_{number}"));
        event.envelope.subject = Some(subscription.clone());
        let event = record(store, event).await;
        events.push(event);
        let known = read(store.intent(id).await).expect("it is stored");
        let links = ProviderLinks {
            customer: None,
            session: None,
            subscription: Some(subscription.clone()),
        };
        let linked = known
            .value
            .apply(IntentCommand::LinkProvider { links }, world.now());
        let linked = linked.expect("an open sale can be linked");
        let link = world.changes().change_intent(&known, linked);
        let skip = Settlement::Skipped {
            reason: "the object belongs to no sale of this service".to_owned(),
            waiting_for: Some(Parent::SaleOf(subscription)),
        };
        let at = world.now();
        let settling: Running<'_, ()> = Box::pin(settle_one(store, event, skip, at));
        let linking: Running<'_, ()> = Box::pin(put(store, link));
        meetings.extend(if number % 2 == 0 {
            [settling, linking]
        } else {
            [linking, settling]
        });
    }
    let (now, until) = (world.now(), world.now().plus(Duration::minutes(1)));
    assert_eq!(begin_due(store, now, until, 100).await.len(), PAIRS);
    join_all(meetings).await;
    let due = begin_due(store, until, until.plus(Duration::minutes(1)), 100).await;
    let mut due: Vec<_> = due.into_iter().map(|event| event.id).collect();
    due.sort_unstable();
    assert_eq!(due, events, "whichever of the two came first");
}
