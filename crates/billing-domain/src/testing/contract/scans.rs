//! How far scans got: one holder at a time, nothing forgotten.

use std::pin::Pin;

use time::Duration;
use uuid::Uuid;

use super::commit::{delivery, record};
use super::{Store, join_all, read};
use crate::deliveries::scan::{Scan, ScanKind, ScanWindow};
use crate::testing::fixtures::{World, provider_ref};

const ALL: ScanKind = ScanKind::AllEvents;

fn holder(number: u128) -> Uuid {
    Uuid::from_u128(number)
}

async fn claim<S: Store>(store: &S, world: &World, by: u128) -> Option<Scan> {
    let now = world.now();
    let until = now.plus(Duration::minutes(2));
    let first = Scan::new(ALL, now);
    read(store.claim_scan(&first, holder(by), now, until).await)
}

pub(super) async fn one_holder_has_a_scan_until_its_lease_ends<S: Store>(store: &S) {
    let world = World::new(1);
    let mut scan = claim(store, &world, 1).await.expect("nobody has it");
    assert_eq!(
        scan,
        Scan::new(ALL, world.now()),
        "it begins as it is given"
    );
    assert_eq!(claim(store, &world, 2).await, None);
    // A page later the lease is longer.
    world.clock.advance(Duration::minutes(1));
    scan.page_read(Some(provider_ref("evt_1")));
    let longer = world.now().plus(Duration::minutes(2));
    assert!(read(store.keep_scan(&scan, holder(1), longer).await));
    world.clock.advance(Duration::seconds(119));
    assert_eq!(claim(store, &world, 2).await, None);
    world.clock.advance(Duration::seconds(1));
    assert_eq!(claim(store, &world, 2).await, Some(scan.clone()));
    // The one who slept changes nothing any more.
    let mut late = scan.clone();
    late.found_count = 99;
    assert!(!read(store.keep_scan(&late, holder(1), longer).await));
    read(store.release_scan(&late, holder(1), world.now()).await);
    assert_eq!(
        claim(store, &world, 3).await,
        None,
        "it is still the second's"
    );
    assert_eq!(read(store.scans().await), std::slice::from_ref(&scan));
    let next_at = world.now().plus(Duration::minutes(5));
    read(store.release_scan(&scan, holder(2), next_at).await);
    assert_eq!(claim(store, &world, 3).await, None, "it rests");
    world.clock.set(next_at);
    assert_eq!(claim(store, &world, 3).await, Some(scan));
}

pub(super) async fn a_scan_is_read_as_written<S: Store>(store: &S) {
    let world = World::new(1);
    assert_eq!(read(store.scans().await), Vec::new());
    let mut scan = claim(store, &world, 1).await.expect("nobody has it");
    let now = world.now();
    scan.window = Some(ScanWindow {
        from: now.minus(Duration::days(2)),
        until: now.minus(Duration::seconds(90)),
        after: Some(provider_ref("evt_7")),
    });
    scan.position = now.minus(Duration::days(1));
    scan.finished_at = Some(now.minus(Duration::hours(3)));
    scan.found_count = 12;
    scan.found_at = Some(now);
    scan.last_error = Some("down: no route".to_owned());
    read(store.release_scan(&scan, holder(1), now).await);
    assert_eq!(read(store.scans().await), std::slice::from_ref(&scan));
    let first = Scan::since(ScanKind::FailedDeliveries, now);
    let until = now.plus(Duration::minutes(2));
    let other = read(store.claim_scan(&first, holder(2), now, until).await);
    assert_eq!(other.as_ref(), Some(&first), "each list has its own");
    if let Some(window) = &mut scan.window {
        window.after = None;
    }
    claim(store, &world, 1).await.expect("it was given back");
    assert!(read(store.keep_scan(&scan, holder(1), until).await));
    let mut both = vec![scan, first];
    both.sort_by_key(|scan| scan.kind);
    let mut kept = read(store.scans().await);
    kept.sort_by_key(|scan| scan.kind);
    assert_eq!(kept, both);
}

pub(super) async fn of_many_holders_one_gets_the_scan<S: Store>(store: &S) {
    let world = World::new(1);
    let claims: Vec<Pin<Box<dyn Future<Output = Option<Scan>> + '_>>> = (1..=12)
        .map(|by| -> Pin<Box<dyn Future<Output = _>>> { Box::pin(claim(store, &world, by)) })
        .collect();
    let claims = join_all(claims).await;
    assert_eq!(claims.into_iter().flatten().count(), 1);
}

pub(super) async fn a_scan_is_hurried_and_set_back<S: Store>(store: &S) {
    let world = World::new(1);
    let now = world.now();
    assert_eq!(read(store.hurry_scans(None, now).await), 0);
    let mut scan = claim(store, &world, 1).await.expect("nobody has it");
    assert_eq!(read(store.hurry_scans(None, now).await), 0, "it is held");
    scan.position = now.minus(Duration::hours(1));
    scan.window = Some(ScanWindow {
        from: now.minus(Duration::hours(2)),
        until: now,
        after: None,
    });
    let tomorrow = now.plus(Duration::days(1));
    read(store.release_scan(&scan, holder(1), tomorrow).await);
    assert_eq!(claim(store, &world, 2).await, None);
    assert_eq!(read(store.hurry_scans(Some(now), now).await), 1);
    let claimed = claim(store, &world, 2).await;
    assert_eq!(claimed.as_ref(), Some(&scan), "never set forward");
    read(store.release_scan(&scan, holder(2), tomorrow).await);
    let since = now.minus(Duration::days(3));
    assert_eq!(read(store.hurry_scans(Some(since), now).await), 1);
    let claimed = claim(store, &world, 3).await.expect("it is due");
    assert_eq!((claimed.position, claimed.window), (since, None));
}

pub(super) async fn what_is_not_in_the_inbox_is_unknown<S: Store>(store: &S) {
    let world = World::new(1);
    record(store, delivery(&world, "evt_1")).await;
    record(store, delivery(&world, "evt_3")).await;
    let ids: Vec<_> = ["evt_4", "evt_1", "evt_2", "evt_3"]
        .into_iter()
        .map(provider_ref)
        .collect();
    let unknown = read(store.unknown_events(&ids).await);
    assert_eq!(unknown, [ids[0].clone(), ids[2].clone()]);
    assert_eq!(read(store.unknown_events(&[]).await), Vec::new());
}
