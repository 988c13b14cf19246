//! Lists by key: complete and without overlap, also while rows arrive.

use super::{Store, put, read};
use crate::kernel::id::{IntentId, UserId};
use crate::kernel::page::PageRequest;
use crate::licensing::license::License;
use crate::testing::fixtures::World;

async fn insert_expired<S: Store>(store: &S, world: &World, user: UserId) -> IntentId {
    // Only expired ones can be many of one user.
    let intent = world.intents_in_every_state(user, "acme").swap_remove(6);
    let (_, event) = world.intent(user, "acme");
    put(store, world.changes().insert_intent(intent.clone(), event)).await;
    intent.id()
}

pub(super) async fn pages_of_intents_are_complete_while_rows_arrive<S: Store>(store: &S) {
    let world = World::new(1);
    world.seed(store).await;
    let bob = world.seed_user(store, "bob").await;
    let mut expected = Vec::new();
    for _ in 0..7 {
        expected.push(insert_expired(store, &world, world.user.id).await);
        insert_expired(store, &world, bob.id).await;
    }
    expected.reverse();
    let mut seen = Vec::new();
    let mut cursor = None;
    loop {
        let request = PageRequest::try_new(3, cursor).expect("3 is a limit");
        let page = read(store.intents(Some(world.user.id), &request).await);
        assert!(page.items.len() <= 3);
        seen.extend(page.items.iter().map(|row| row.value.id()));
        // A newer row stands before the first page and disturbs no later one.
        insert_expired(store, &world, world.user.id).await;
        match page.next {
            Some(next) => cursor = Some(next),
            None => break,
        }
    }
    assert_eq!(seen, expected, "newest first, none twice, none left out");

    let all = PageRequest::try_new(100, None).expect("100 is a limit");
    let page = read(store.intents(None, &all).await);
    assert_eq!(
        page.items.len(),
        14 + 3,
        "without an owner the list is of all"
    );
    assert_eq!(page.next, None);
    let exact = PageRequest::try_new(17, None).expect("17 is a limit");
    let page = read(store.intents(None, &exact).await);
    assert_eq!(
        (page.items.len(), page.next),
        (17, None),
        "a full last page is the last"
    );
}

pub(super) async fn pages_of_licences_are_complete<S: Store>(store: &S) {
    let world = World::new(1);
    world.seed(store).await;
    let mut plans = Vec::new();
    for word in ["acme", "bolt"] {
        let records = world.customer_records(word, None);
        put(store, records.insert_into(world.changes())).await;
        plans.push(records.plan.id);
    }
    let mut expected = Vec::new();
    let mut set = world.changes();
    for number in 0..20 {
        let plan = plans[usize::from(number % 4 == 0)];
        let (license, event) = License::new(world.id(), plan, world.now());
        if plan == plans[0] {
            expected.push(license.id);
        }
        set = set.insert_license(license, event);
    }
    put(store, set).await;
    let mut seen = Vec::new();
    let mut cursor = None;
    loop {
        let request = PageRequest::try_new(4, cursor).expect("4 is a limit");
        let page = read(store.licenses(plans[0], &request).await);
        seen.extend(page.items.iter().map(|row| row.value.id));
        match page.next {
            Some(next) => cursor = Some(next),
            None => break,
        }
    }
    assert_eq!(seen, expected, "by id, none twice, none left out");
}
