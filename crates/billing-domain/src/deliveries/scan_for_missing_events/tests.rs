//! What never came is found, once, whatever interrupts the scan (F.2; facts of lost webhooks).

use super::*;
use crate::provider_events::event::ProviderEvent;
use crate::provider_events::observer::Unobserved;
use crate::provider_events::ports::EventLog;
use crate::testing::fake_event_list::PAGE;
use crate::testing::faults::FaultPoint;
use crate::testing::{FakeEventList, Workbench};

const POLICY: ScanPolicy = ScanPolicy {
    interval: Duration::minutes(5),
    delay: Duration::minutes(2),
    overlap: Duration::hours(1),
};

struct Scanned {
    bench: Workbench,
    list: FakeEventList,
}

impl Scanned {
    async fn new() -> Self {
        let bench = Workbench::new().await;
        let list = FakeEventList::new(bench.webhooks.clone(), bench.clock().clone());
        Self { bench, list }
    }

    fn scan(&self) -> ScanForMissingEvents {
        let store = Arc::new(self.bench.store.clone());
        ScanForMissingEvents {
            core: self.bench.core(),
            source: Arc::new(self.list.clone()),
            log: store.clone(),
            inbox: store,
            policy: POLICY,
            observer: Arc::new(Unobserved),
        }
    }

    /// The provider made an event so long ago, and nobody delivered it.
    fn lose(&self, id: &str, ago: Duration) {
        let made = self.bench.now().minus(ago);
        let event = ProviderEvent::Irrelevant;
        self.bench
            .webhooks
            .register(id, "invoice.paid", made, event);
    }

    /// Takes turns until both scans rest; gives how many events were found.
    async fn until_finished(&self) -> u64 {
        let mut found = 0;
        for _ in 0..100 {
            let turns = self.scan().run().await.unwrap();
            found += turns.iter().map(|turn| turn.found_count).sum::<u64>();
            if turns.iter().all(|turn| turn.is_finished) {
                return found;
            }
        }
        panic!("the scan never ends");
    }

    fn stored_count(&self) -> usize {
        self.bench.store.event_statuses().len()
    }

    async fn position(&self) -> Timestamp {
        let scans = self.bench.store.scans().await.unwrap();
        let all = scans.iter().find(|scan| scan.kind == ScanKind::AllEvents);
        all.unwrap().position
    }
}

#[tokio::test]
async fn events_that_never_came_are_stored_once_and_marked() {
    let scanned = Scanned::new().await;
    let bench = &scanned.bench;
    bench.receive("evt_came", ProviderEvent::Irrelevant).await;
    for number in 0..PAGE * 3 {
        scanned.lose(&format!("evt_lost{number}"), Duration::days(2));
    }
    bench.clock().advance(Duration::minutes(10));
    assert_eq!(scanned.until_finished().await, 9, "more than one page");
    assert_eq!(scanned.stored_count(), 10);
    bench.clock().advance(Duration::minutes(10));
    assert_eq!(scanned.until_finished().await, 0, "each is found once");

    let page = crate::kernel::page::PageRequest::first();
    let all = crate::provider_events::event_filter::EventFilter::default();
    for event in bench.store.events(&all, &page).await.unwrap().items {
        let event = event.value;
        let name = crate::provider_events::event_filter::EventName::Id(event.id);
        let record = bench.store.event_record(&name).await.unwrap().unwrap();
        let is_lost = event
            .envelope
            .provider_event_id
            .as_str()
            .starts_with("evt_lost");
        assert_eq!(record.is_found_by_scan(), is_lost);
        if is_lost {
            assert!(event.correlation_id.unwrap().starts_with("scan_"));
        }
    }
    assert_eq!(
        bench.drain().await.skipped,
        10,
        "found ones are drained as any"
    );
}

#[tokio::test]
async fn what_may_still_be_on_its_way_is_not_missing() {
    let scanned = Scanned::new().await;
    scanned.lose("evt_1", Duration::seconds(100));
    assert_eq!(scanned.until_finished().await, 0);
    scanned.bench.clock().advance(Duration::minutes(5));
    assert_eq!(scanned.until_finished().await, 1);
}

/// Stripe may list an event later than its time says, and its clock is not ours.
#[tokio::test]
async fn an_event_that_appears_late_is_found_in_the_overlap() {
    let scanned = Scanned::new().await;
    scanned.until_finished().await;
    scanned.lose("evt_late", Duration::minutes(55));
    scanned.bench.clock().advance(POLICY.interval);
    assert_eq!(scanned.until_finished().await, 1);
    // Later than the overlap only the list of failed deliveries has it.
    scanned.lose("evt_later", Duration::hours(30));
    scanned.bench.clock().advance(POLICY.interval);
    assert_eq!(scanned.until_finished().await, 0);
    scanned.list.mark_undelivered("evt_later");
    scanned.bench.clock().advance(POLICY.interval);
    assert_eq!(scanned.until_finished().await, 1);
}

#[tokio::test]
async fn a_turn_is_bounded_and_the_next_one_goes_on() {
    let scanned = Scanned::new().await;
    for number in 0..100 {
        scanned.lose(&format!("evt_{number:03}"), Duration::hours(1));
    }
    let mut turns = 0;
    loop {
        let before = scanned.list.queries().len();
        let done = scanned.scan().run().await.unwrap();
        let pages: u32 = done.iter().map(|turn| turn.page_count).sum();
        assert!(done.iter().all(|turn| turn.page_count <= PAGES_MAX));
        let asked = scanned.list.queries().len() - before;
        assert_eq!(usize::try_from(pages).unwrap(), asked);
        turns += 1;
        if done.iter().all(|turn| turn.is_finished) {
            break;
        }
    }
    assert!(turns > 10, "120 windows of six hours and 34 pages: {turns}");
    assert_eq!(scanned.stored_count(), 100);
    assert!(scanned.scan().run().await.unwrap().is_empty(), "both rest");
}

#[tokio::test]
async fn a_scan_that_fails_goes_on_at_the_page_where_it_was() {
    for answered in 0..8 {
        let scanned = Scanned::new().await;
        scanned.bench.clock().advance(Duration::days(1));
        for number in 0..12 {
            scanned.lose(
                &format!("evt_{number:02}"),
                Duration::days(30) - Duration::hours(1),
            );
        }
        scanned.list.fail_after(answered);
        let failed = scanned.scan().run().await;
        assert!(matches!(
            failed,
            Err(ScanForMissingEventsError::Provider(_))
        ));
        assert!(scanned.scan().run().await.unwrap().len() <= 1, "it rests");
        let scans = scanned.bench.store.scans().await.unwrap();
        let failed = scans.iter().find_map(|scan| scan.last_error.clone());
        assert!(failed.unwrap().ends_with("cannot be reached: down"));
        let queries = scanned.list.queries().len();
        scanned.bench.clock().advance(Duration::minutes(1));
        scanned.until_finished().await;
        assert_eq!(scanned.stored_count(), 12);
        let after = &scanned.list.queries()[queries..];
        if answered == 3 {
            let resumed = after.iter().find(|query| !query.only_undelivered);
            assert!(resumed.unwrap().after.is_some(), "not from the beginning");
        }
        let scans = scanned.bench.store.scans().await.unwrap();
        assert!(scans.iter().all(|scan| scan.last_error.is_none()));
    }
}

/// A crash is a turn that stops between any two calls of a port, and whose lease ends.
#[tokio::test]
async fn a_crash_at_any_call_loses_nothing_and_stores_nothing_twice() {
    for (call, point) in (1..30).flat_map(|call| {
        [FaultPoint::BeforeEffect, FaultPoint::AfterEffect].map(|point| (call, point))
    }) {
        let scanned = Scanned::new().await;
        for number in 0..7 {
            scanned.lose(&format!("evt_{number}"), Duration::hours(3));
        }
        scanned.bench.faults.crash_at(call, point);
        let crashed = scanned.scan().run().await.is_err();
        scanned.bench.faults.restart();
        scanned.bench.clock().advance(SCAN_LEASE);
        scanned.until_finished().await;
        assert_eq!(scanned.stored_count(), 7, "crash at call {call}: {crashed}");
    }
}

#[tokio::test]
async fn of_two_replicas_one_scans() {
    let scanned = Scanned::new().await;
    let (one, two) = (scanned.scan(), scanned.scan());
    let both = tokio::join!(one.run(), two.run());
    let turns = both.0.unwrap().len() + both.1.unwrap().len();
    assert!(turns >= 2, "each list was looked at");
    let asked = scanned.list.queries();
    let mut places: Vec<_> = asked
        .iter()
        .map(|query| (query.only_undelivered, query.from, query.after.clone()))
        .collect();
    places.dedup();
    assert_eq!(places.len(), asked.len(), "nothing was asked twice");
}

#[tokio::test]
async fn what_the_provider_forgot_is_skipped_and_the_rest_is_read() {
    let scanned = Scanned::new().await;
    scanned.until_finished().await;
    let old = scanned.position().await;
    scanned.bench.clock().advance(Duration::days(40));
    scanned.lose("evt_gone", Duration::days(31));
    scanned.lose("evt_there", Duration::days(29));
    assert!(old < crate::deliveries::scan::horizon(scanned.bench.now()));
    assert_eq!(scanned.until_finished().await, 1);
    let newest = scanned.bench.now().minus(POLICY.delay);
    assert_eq!(scanned.position().await, newest);
}

/// The event behind which the next page begins may be forgotten before the scan goes on.
#[tokio::test]
async fn a_place_that_the_provider_forgot_is_looked_for_again() {
    let scanned = Scanned::new().await;
    let mut scan = Scan::since(ScanKind::AllEvents, scanned.bench.now());
    scanned.bench.clock().advance(Duration::hours(1));
    scan.begin(scanned.bench.now(), &POLICY);
    scan.page_read(Some(crate::testing::fixtures::provider_ref("evt_unknown")));
    let now = scanned.bench.now();
    let (holder, store) = (Uuid::from_u128(1), &scanned.bench.store);
    store.claim_scan(&scan, holder, now, now).await.unwrap();
    store.release_scan(&scan, holder, now).await.unwrap();
    scanned.lose("evt_1", Duration::minutes(30));
    assert_eq!(scanned.until_finished().await, 1);
}

#[tokio::test]
async fn a_rejected_query_is_not_repeated_at_once() {
    let scanned = Scanned::new().await;
    scanned.list.reject();
    let error = scanned.scan().run().await.unwrap_err();
    assert!(matches!(error, ScanForMissingEventsError::Provider(_)));
    assert_eq!(scanned.list.queries().len(), 1);
}
