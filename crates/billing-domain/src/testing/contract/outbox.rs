//! The outbox as a queue.

use time::Duration;

use super::commit::{delivery, record};
use super::{Store, join_all, read};
use crate::kernel::change_set::{Cause, ChangeSet};
use crate::kernel::principal::Principal;
use crate::kernel::request::Request;
use crate::outbox::ports::OutboxMessage;
use crate::testing::fixtures::World;

/// Takes every message that is due.
async fn take_all<S: Store>(store: &S, world: &World) -> Vec<OutboxMessage> {
    let now = world.now();
    let taken = store.take_messages("contract", now, now.plus(Duration::days(365)), 10_000);
    read(taken.await).expect("nobody else has the outbox")
}

/// Takes every message that is due, and delivers it.
pub(super) async fn claim_all<S: Store>(store: &S, world: &World) -> Vec<OutboxMessage> {
    let messages = take_all(store, world).await;
    let ids: Vec<_> = messages.iter().map(|message| message.id).collect();
    read(store.mark_delivered(&ids, world.now()).await);
    messages
}

pub(super) async fn messages_come_in_order_to_one_publisher<S: Store>(store: &S) {
    let world = World::new(1);
    world.seed(store).await;
    world.clock.advance(Duration::seconds(1));
    world.seed_user(store, "bob").await;
    world.clock.advance(Duration::seconds(1));
    let (now, until) = (world.now(), world.now().plus(Duration::minutes(1)));
    let take = |publisher, now, limit| store.take_messages(publisher, now, until, limit);
    let some = read(take("first", now, 2).await).expect("it is free");
    assert_eq!(some.len(), 2, "no more than the limit");
    let all = read(take("first", now, 100).await).expect("it is theirs");
    assert_eq!((all.len(), &all[..2]), (6, &some[..]));
    let times: Vec<_> = all.iter().map(|m| m.created_at).collect();
    assert!(times.is_sorted(), "oldest first");
    assert_eq!(
        all.last().map(|m| m.topic.as_str()),
        Some("user_registered")
    );
    assert!(all.iter().all(|m| m.attempts == 0));

    assert!(read(take("second", now, 100).await).is_none());
    read(store.release_outbox("second").await);
    assert!(
        read(take("second", now, 100).await).is_none(),
        "it is not theirs to give back"
    );
    let later = read(take("second", until, 100).await);
    assert_eq!(later.expect("the lease is over").len(), 6);
    // The lease that was just taken ends at once, so that it is free now.
    assert!(read(take("first", until, 1).await).is_some());
    read(store.release_outbox("first").await);
    assert!(read(take("second", now, 1).await).is_some());
}

pub(super) async fn a_message_comes_back_until_it_is_delivered<S: Store>(store: &S) {
    let world = World::new(1);
    world.seed(store).await;
    let claimed = take_all(store, &world).await;
    let (kept, retried) = claimed.split_first().expect("a world makes messages");
    read(store.mark_delivered(&[kept.id], world.now()).await);
    let later = world.now().plus(Duration::minutes(5));
    for message in retried {
        read(store.retry_message(message.id, later, "no route").await);
    }
    assert!(
        take_all(store, &world).await.is_empty(),
        "not before its time"
    );
    world.clock.set(later);
    let back = take_all(store, &world).await;
    assert_eq!(back.len(), retried.len());
    assert!(back.iter().all(|message| message.attempts == 1));
    assert!(back.iter().all(|message| message.id != kept.id));
    world.clock.advance(Duration::days(800));
    let ids: Vec<_> = back.iter().map(|message| message.id).collect();
    read(store.mark_delivered(&ids, world.now()).await);
    assert!(
        take_all(store, &world).await.is_empty(),
        "delivered is for good"
    );
}

pub(super) async fn the_outbox_is_one_publishers_at_a_time<S: Store>(store: &S) {
    let world = World::new(1);
    world.seed(store).await;
    let (now, until) = (world.now(), world.now().plus(Duration::minutes(1)));
    let names: Vec<String> = (0..10)
        .map(|number| format!("publisher {number}"))
        .collect();
    let taken = join_all(
        names
            .iter()
            .map(|name| -> std::pin::Pin<Box<dyn Future<Output = _>>> {
                Box::pin(store.take_messages(name, now, until, 4))
            })
            .collect(),
    )
    .await;
    let taken = taken.into_iter().filter_map(read).count();
    assert_eq!(taken, 1);
}

/// From the delivery of an event to what is told about it, one id.
pub(super) async fn a_message_has_the_correlation_id_of_its_cause<S: Store>(store: &S) {
    let world = World::new(1);
    let set = world.insertion();
    let set = set.correlated_with(Some("req_7".to_owned()));
    super::put(store, set).await;
    let messages = claim_all(store, &world).await;
    let ids = messages
        .iter()
        .map(|message| message.correlation_id.as_deref());
    assert!(ids.eq(messages.iter().map(|_| Some("req_7"))));
    world.seed_user(store, "bob").await;
    let messages = claim_all(store, &world).await;
    assert_eq!(messages.len(), 1);
    assert_eq!(messages[0].correlation_id, None);
}

pub(super) async fn what_is_not_delivered_is_counted<S: Store>(store: &S) {
    let world = World::new(1);
    let empty = read(store.outbox_depth().await);
    assert_eq!((empty.waiting_count, empty.oldest_at), (0, None));
    world.seed(store).await;
    let began = world.now();
    world.clock.advance(Duration::seconds(5));
    world.seed_user(store, "bob").await;
    let messages = take_all(store, &world).await;
    let count = u64::try_from(messages.len()).expect("few");
    let depth = read(store.outbox_depth().await);
    assert_eq!((depth.waiting_count, depth.oldest_at), (count, Some(began)));
    let (last, earlier) = messages.split_last().expect("a user was registered");
    let earlier: Vec<_> = earlier.iter().map(|message| message.id).collect();
    read(store.mark_delivered(&earlier, world.now()).await);
    let depth = read(store.outbox_depth().await);
    assert_eq!(
        (depth.waiting_count, depth.oldest_at),
        (1, Some(last.created_at))
    );
}

/// From what somebody asked for to what is told and written down about it, one id.
pub(super) async fn a_change_has_the_id_of_the_request_that_asked_for_it<S: Store>(store: &S) {
    let world = World::new(1);
    world.seed(store).await;
    let event = record(store, delivery(&world, "evt_1")).await;
    let before = claim_all(store, &world).await.len() + store.audit_lines().await.len();
    assert!(before > 0, "of those nobody asked for any");
    let operator = Principal::Operator {
        name: "grace".to_owned(),
    };
    let asked = Request::<()>::new(&operator).identified_by(Some("req_8".to_owned()));
    let causes = [
        (asked.underway(), Some("req_8"), Some("req_8")),
        (asked.answered(&()), Some("req_8"), Some("req_8")),
        (Cause::request(&operator), None, None),
        // The delivery of an event is not what asked for its effect: its id stays with the event.
        (Cause::ProviderEvent(event), Some("req_evt_1"), None),
    ];
    for (number, (cause, told, written)) in causes.into_iter().enumerate() {
        let (user, registered) = world.another_user(&format!("user_{number}"));
        let id = user.id.uuid();
        let set = ChangeSet::caused_by(cause.clone(), world.now());
        let set = match cause {
            Cause::ProviderEvent(_) => set.correlated_with(told.map(str::to_owned)),
            Cause::Request { .. } | Cause::Job(_) => set,
        };
        super::put(store, set.insert_user(user, registered)).await;
        let messages = claim_all(store, &world).await;
        assert_eq!(messages.len(), 1, "{cause:?}");
        assert_eq!(messages[0].correlation_id.as_deref(), told, "{cause:?}");
        let lines = store.audit_lines().await;
        let line = lines.iter().find(|line| line.entity_id == id);
        let line = line.expect("each change is written down");
        assert_eq!(line.request_id.as_deref(), written, "{cause:?}");
    }
}
