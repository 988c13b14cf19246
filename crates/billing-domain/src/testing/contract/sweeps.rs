//! The sweeps find what needs attention, oldest first and no more than was asked for.

use time::Duration;

use super::{Store, put, read};
use crate::checkout::intent::{CheckoutIntent, IntentCommand, Reservation};
use crate::kernel::text::{CompanyName, Slug};
use crate::testing::fixtures::World;

async fn insert<S: Store>(store: &S, world: &World, intent: &CheckoutIntent) {
    let (_, event) = world.intent(intent.user_id(), "event");
    put(store, world.changes().insert_intent(intent.clone(), event)).await;
}

pub(super) async fn each_sweep_finds_its_intents_and_no_other<S: Store>(store: &S) {
    let world = World::new(1);
    world.seed(store).await;
    let (mut created, mut paid, mut requested) = (Vec::new(), Vec::new(), Vec::new());
    for number in 0..9 {
        let word = format!("user{number}");
        let user = world.seed_user(store, &word).await;
        let states = world.intents_in_every_state(user.id, &word);
        let intent = if number < states.len() {
            states[number].clone()
        } else {
            let request = world.checkout_request();
            world.after(&states[0], vec![IntentCommand::RequestCheckout { request }])
        };
        insert(store, &world, &intent).await;
        match number {
            0 => created.push((intent.parts().expires_at, intent.id())),
            1 => paid.push(intent.id()),
            7 | 8 => {
                created.push((intent.parts().expires_at, intent.id()));
                requested.push(intent.id());
            }
            _ => {}
        }
        world.clock.advance(Duration::seconds(10));
    }
    let now = world.now();
    assert!(read(store.intents_to_expire(now, 10).await).is_empty());
    let (first_end, first) = created[0];
    assert_eq!(
        read(store.intents_to_expire(first_end, 10).await),
        [first],
        "A-053: at its end"
    );
    let just_before = first_end.minus(Duration::microseconds(1));
    assert!(read(store.intents_to_expire(just_before, 10).await).is_empty());
    let later = now.plus(Duration::days(2));
    let mut found = read(store.intents_to_expire(later, 10).await);
    found.sort_unstable();
    let ids: Vec<_> = created.iter().map(|(_, id)| *id).collect();
    assert_eq!(found, ids);
    assert_eq!(read(store.intents_to_expire(later, 2).await).len(), 2);

    let mut found = read(store.intents_with_open_request(later, 10).await);
    found.sort_unstable();
    assert_eq!(found, requested);
    let second_at = now.minus(Duration::seconds(10));
    assert_eq!(
        read(store.intents_with_open_request(second_at, 10).await),
        requested[..1]
    );

    assert_eq!(read(store.intents_stalled(now, 10).await), paid, "A-141");
    let start = now.minus(Duration::seconds(80));
    assert!(read(store.intents_stalled(start, 10).await).is_empty());
}

pub(super) async fn a_reservation_stands_against_others_only<S: Store>(store: &S) {
    let world = World::new(1);
    world.seed(store).await;
    let bob = world.seed_user(store, "bob").await;
    let (intent, _) = world.intent(world.user.id, "acme");
    insert(store, &world, &intent).await;
    let reservation = |slug: &str, name: &str| Reservation {
        slug: Slug::parse(slug).expect("a literal"),
        name: CompanyName::parse(name).expect("a literal"),
    };
    let asked = [
        (reservation("acme", "Other"), true),
        (reservation("other", "COMPANY ACME"), true),
        (reservation("other", "Other"), false),
    ];
    for (reservation, is_taken) in &asked {
        let holder = read(store.reservation_holder(reservation, bob.id).await);
        assert_eq!(holder.is_some(), *is_taken, "A-046: {reservation:?}");
        let own = read(store.reservation_holder(reservation, world.user.id).await);
        assert!(own.is_none(), "A-045: nobody stands in their own way");
    }
    let stored = read(store.intent(intent.id()).await).expect("it was inserted");
    let expired = stored.value.apply(IntentCommand::Expire, world.now());
    let expired = expired.expect("a created intent can expire");
    put(store, world.changes().change_intent(&stored, expired)).await;
    let holder = read(store.reservation_holder(&asked[0].0, bob.id).await);
    assert!(holder.is_none(), "an expired intent reserves nothing");
}
