//! The outbox as a queue.

use time::Duration;

use super::{Store, join_all, read};
use crate::outbox::ports::OutboxMessage;
use crate::testing::fixtures::World;

/// Claims every message that is due, for a year.
pub(super) async fn claim_all<S: Store>(store: &S, world: &World) -> Vec<OutboxMessage> {
    let now = world.now();
    let claim = store.claim_messages(now, now.plus(Duration::days(365)), 10_000);
    read(claim.await)
}

pub(super) async fn messages_come_in_order_and_once_per_lease<S: Store>(store: &S) {
    let world = World::new(1);
    world.seed(store).await;
    world.clock.advance(Duration::seconds(1));
    world.seed_user(store, "bob").await;
    world.clock.advance(Duration::seconds(1));
    let (now, until) = (world.now(), world.now().plus(Duration::minutes(1)));
    let first = read(store.claim_messages(now, until, 2).await);
    assert_eq!(first.len(), 2, "a claim takes no more than its limit");
    let rest = read(store.claim_messages(now, until, 100).await);
    let times: Vec<_> = first.iter().chain(&rest).map(|m| m.created_at).collect();
    assert_eq!(times.len(), 6);
    assert!(times.is_sorted(), "oldest first");
    assert_eq!(
        rest.last().map(|m| m.topic.as_str()),
        Some("user_registered")
    );
    assert!(first.iter().chain(&rest).all(|m| m.attempts == 0));
    assert!(read(store.claim_messages(now, until, 100).await).is_empty());
    let again = read(
        store
            .claim_messages(until, until.plus(Duration::minutes(1)), 100)
            .await,
    );
    assert_eq!(again.len(), 6, "a lease that ended gives the messages back");
}

pub(super) async fn a_message_comes_back_until_it_is_delivered<S: Store>(store: &S) {
    let world = World::new(1);
    world.seed(store).await;
    let claimed = claim_all(store, &world).await;
    let (kept, retried) = claimed.split_first().expect("a world makes messages");
    read(store.mark_delivered(kept.id, world.now()).await);
    let later = world.now().plus(Duration::minutes(5));
    for message in retried {
        read(store.retry_message(message.id, later, "no route").await);
    }
    assert!(
        claim_all(store, &world).await.is_empty(),
        "not before its time"
    );
    world.clock.set(later);
    let back = claim_all(store, &world).await;
    assert_eq!(back.len(), retried.len());
    assert!(back.iter().all(|message| message.attempts == 1));
    assert!(back.iter().all(|message| message.id != kept.id));
    world.clock.advance(Duration::days(800));
    for message in &back {
        read(store.mark_delivered(message.id, world.now()).await);
    }
    assert!(
        claim_all(store, &world).await.is_empty(),
        "delivered is for good"
    );
}

pub(super) async fn two_claims_never_get_the_same_message<S: Store>(store: &S) {
    let world = World::new(1);
    world.seed(store).await;
    for number in 0..20 {
        world.seed_user(store, &format!("user{number:02}")).await;
    }
    let (now, until) = (world.now(), world.now().plus(Duration::minutes(1)));
    let claims = join_all(
        (0..10)
            .map(|_| -> std::pin::Pin<Box<dyn Future<Output = _>>> {
                Box::pin(store.claim_messages(now, until, 4))
            })
            .collect(),
    )
    .await;
    let mut ids: Vec<_> = claims.into_iter().flat_map(read).map(|m| m.id).collect();
    let count = ids.len();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), count, "each message went to one claim");
    let left = claim_all(store, &world).await;
    assert_eq!(count + left.len(), 25, "no message is lost");
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
