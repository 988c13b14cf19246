//! Events that Stripe made and never delivered: found in its own list, by real HTTP, and applied
//! once like any other.

use std::collections::BTreeSet;
use std::sync::Arc;

use billing_domain::deliveries::scan::ScanPolicy;
use billing_domain::deliveries::scan_for_missing_events::ScanForMissingEvents;
use billing_sandbox::{Fault, FaultKind};
use billing_stripe::EVENT_TYPES;
use billing_tests::house::{House, purchase};
use reqwest::{Method, StatusCode};
use time::Duration;

/// The scan of a house, for events that were made a moment ago.
fn scan_of(house: &House) -> ScanForMissingEvents {
    let scan = &house.world.service.application.workers.scan;
    ScanForMissingEvents {
        core: scan.core.clone(),
        source: scan.source.clone(),
        log: scan.log.clone(),
        inbox: scan.inbox.clone(),
        policy: ScanPolicy {
            delay: Duration::ZERO,
            ..scan.policy
        },
        observer: Arc::clone(&scan.observer),
    }
}

/// Takes turns until everything was looked at, however often one fails; gives how many events were
/// found, and how many turns failed.
async fn scan_all(house: &House) -> (i64, u32) {
    let scan = scan_of(house);
    let mut failed = 0;
    let before = found_count(house).await;
    for _ in 0..500 {
        scan.hurry(None).await.expect("the database answers");
        match scan.run().await {
            Ok(turns) if turns.iter().all(|turn| turn.is_finished) => {
                return (found_count(house).await - before, failed);
            }
            Ok(_) => {}
            Err(_) => failed += 1,
        }
    }
    panic!("the scan never ends");
}

async fn found_count(house: &House) -> i64 {
    let log = &house.world.service.application.workers.scan.log;
    let scans = log.scans().await.expect("the database answers");
    let counts = scans.iter().map(|scan| scan.found_count);
    i64::try_from(counts.sum::<u64>()).expect("a test loses few events")
}

/// Pays for a sale; gives its intent.
async fn paid(house: &House) -> String {
    let buyer = &house.world.credentials.buyer;
    let started = house.checkout(buyer, "sale", &purchase("acme", 5)).await;
    assert_eq!(started.status, StatusCode::CREATED, "{}", started.text);
    house.pay(&started.text_at("/checkout_session_id"));
    started.text_at("/checkout_intent/id")
}

async fn is_fulfilled_once(house: &House, intent_id: &str) {
    let intent = house.intent(intent_id).await;
    assert_eq!(intent.text_at("/state"), "fulfilled", "{}", house.name());
    assert_eq!(house.database.row_count("licenses").await, 5);
    assert_eq!(house.database.row_count("provisioning_workflows").await, 1);
    assert_eq!(house.database.row_count("subscriptions").await, 1);
}

#[tokio::test]
async fn every_event_that_stripe_lost_is_found_and_applied_once() {
    for house in House::every().await {
        // What was made while the house was built.
        house.world.sandbox.deliver_due().await;
        let before = house.database.row_count("provider_events").await;
        let drop_all = Fault::webhook("", FaultKind::WebhookDrop).percent(100);
        house.world.sandbox.faults([drop_all]);
        let intent_id = paid(&house).await;
        assert!(house.world.sandbox.deliver_due().await.is_empty());
        house.drain().await;
        let unpaid = house.intent(&intent_id).await;
        assert_eq!(unpaid.text_at("/state"), "created");

        let (found, failed) = scan_all(&house).await;
        assert!(found > 0 && failed == 0, "{}: {found}", house.name());
        let stored = house.database.row_count("provider_events").await;
        assert_eq!(stored - before, found);
        house.drain().await;
        is_fulfilled_once(&house, &intent_id).await;

        assert_eq!(scan_all(&house).await.0, 0, "nothing is found twice");
        house.drain().await;
        is_fulfilled_once(&house, &intent_id).await;
        house.stop().await;
    }
}

/// Some are delivered, some twice, some never; the scan comes in between.
#[tokio::test]
async fn what_is_delivered_after_it_was_found_is_a_duplicate() {
    for house in House::every().await {
        house.world.sandbox.faults([
            Fault::webhook("", FaultKind::WebhookDrop).percent(40),
            Fault::webhook("", FaultKind::WebhookDuplicate { copies: 1 }).percent(50),
        ]);
        let intent_id = paid(&house).await;
        let (found, _) = scan_all(&house).await;
        assert!(found > 0, "what is on its way is found as well");
        let mut known = BTreeSet::new();
        for outcome in house.world.sandbox.deliver_due().await {
            assert_eq!(outcome.attempt.status, Some(200));
            if !EVENT_TYPES.contains(&outcome.delivery.event_type.as_str()) {
                known.insert(outcome.delivery.event_id);
            }
        }
        let stored = house.database.row_count("provider_events").await;
        let others = i64::try_from(known.len()).expect("a sale has few events");
        assert_eq!(stored, found + others, "no event is stored twice");
        house.drain().await;
        is_fulfilled_once(&house, &intent_id).await;
        house.stop().await;
    }
}

/// More than a page of events, a connection that breaks, two replicas at once.
#[tokio::test]
async fn an_interrupted_scan_of_several_pages_goes_on_and_two_replicas_share_it() {
    for house in House::every().await {
        let sandbox = &house.world.sandbox;
        sandbox.faults([Fault::webhook("", FaultKind::WebhookDrop).percent(100)]);
        for number in 0..130 {
            change_a_customer(&house, number).await;
        }
        let first = scan_of(&house).run().await.expect("Stripe answers");
        assert!(
            first.iter().any(|turn| !turn.is_finished),
            "a turn is bounded"
        );
        // Each attempt of two calls, and the first of another one.
        sandbox.faults([Fault::once("GET", "/v1/events", FaultKind::CutBefore).times(7)]);
        let (one, two) = tokio::join!(scan_all(&house), scan_all(&house));
        assert!(one.1 + two.1 > 0, "a turn was cut off");
        scan_all(&house).await;
        let stored = house.database.row_count("provider_events").await;
        assert_eq!(
            stored,
            130,
            "{}: of each customer one event that we know",
            house.name()
        );
        assert_eq!(found_count(&house).await, 130, "each was found once");
        house.stop().await;
    }
}

async fn change_a_customer(house: &House, number: u32) {
    let sandbox = &house.world.sandbox;
    let post = async |path: String, body: String| {
        let request = house
            .world
            .http
            .request(Method::POST, format!("{}{path}", sandbox.url()));
        let request = request
            .bearer_auth(sandbox.secret_key())
            .header("Content-Type", "application/x-www-form-urlencoded")
            .body(body);
        house.send(request).await
    };
    let made = post(
        "/v1/customers".to_owned(),
        format!("email=c{number}@acme.example"),
    )
    .await;
    let id = made.text_at("/id");
    let changed = post(format!("/v1/customers/{id}"), "name=Ada".to_owned()).await;
    assert_eq!(changed.status, StatusCode::OK, "{}", changed.text);
}
