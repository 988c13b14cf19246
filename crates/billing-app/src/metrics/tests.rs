//! What is counted under which labels, and what the page says when the store is down.

use billing_domain::deliveries::scan::Scan;
use billing_domain::provider_events::observer::EventObserver;
use billing_domain::provider_events::ports::{MockEventLog, VerifyError};
use billing_domain::provider_events::stored_event::EventStatus;
use billing_domain::testing::fixtures::World;
use billing_domain::testing::{ManualClock, MemoryStore};

use super::*;

const TYPES: &[&str] = &["invoice.paid", "charge.refunded"];

fn attempt(metrics: &Metrics, event_type: &str, status: EventStatus) {
    let clock = ManualClock::new();
    let created_at = clock.now();
    clock.advance(Duration::seconds(40));
    let began_at = clock.now();
    clock.advance(Duration::milliseconds(7));
    metrics.attempt_ended(&Attempt {
        event_type,
        status,
        created_at,
        began_at,
        ended_at: clock.now(),
    });
}

fn page_over(metrics: &Arc<Metrics>, clock: &ManualClock, store: &MemoryStore) -> LiveMetrics {
    let store = Arc::new(store.clone());
    LiveMetrics::new(
        metrics.clone(),
        Arc::new(clock.clone()),
        store.clone(),
        store.clone(),
        store,
    )
}

#[track_caller]
fn has(page: &str, line: &str) {
    assert!(page.lines().any(|known| known == line), "{line}\n{page}");
}

#[tokio::test]
async fn types_that_nobody_knows_are_counted_together() {
    let metrics = Metrics::new(TYPES).unwrap();
    for number in 0..500 {
        let made_up = format!("made.up.{number}");
        attempt(&metrics, &made_up, EventStatus::Skipped);
    }
    attempt(&metrics, "invoice.paid", EventStatus::Processed);
    attempt(&metrics, "v1.invoice.paid", EventStatus::Processed);
    attempt(&metrics, "invoice.paid", EventStatus::Failed);
    attempt(
        &metrics,
        "v1.billing.meter.no_meter_found",
        EventStatus::Skipped,
    );
    let page = metrics.page.render();
    let counters = page
        .lines()
        .filter(|line| line.starts_with("billing_webhook_processed_total{"));
    assert_eq!(counters.count(), 3, "{page}");
    has(
        &page,
        "billing_webhook_processed_total{event_type=\"other\",status=\"skipped\"} 501",
    );
    has(
        &page,
        "billing_webhook_processed_total{event_type=\"invoice.paid\",status=\"processed\"} 2",
    );
}

#[tokio::test]
async fn lag_counts_what_was_applied_and_work_counts_every_attempt() {
    let metrics = Metrics::new(TYPES).unwrap();
    attempt(&metrics, "invoice.paid", EventStatus::Processed);
    attempt(&metrics, "invoice.paid", EventStatus::Parked);
    let page = metrics.page.render();
    has(&page, "billing_webhook_lag_seconds_bucket{le=\"30\"} 0");
    has(&page, "billing_webhook_lag_seconds_bucket{le=\"60\"} 1");
    has(&page, "billing_webhook_lag_seconds_count 1");
    has(
        &page,
        "billing_webhook_processing_seconds_bucket{le=\"0.005\"} 0",
    );
    has(
        &page,
        "billing_webhook_processing_seconds_bucket{le=\"0.01\"} 2",
    );
}

#[tokio::test]
async fn deliveries_are_counted_by_their_answers() {
    let metrics = Metrics::new(TYPES).unwrap();
    let page = metrics.page.render();
    has(
        &page,
        "billing_webhook_received_total{outcome=\"failed\"} 0",
    );
    for outcome in [
        DeliveryOutcome::Stored(Receipt::Recorded),
        DeliveryOutcome::Stored(Receipt::Duplicate),
        DeliveryOutcome::Refused(VerifyError::WrongSignature),
        DeliveryOutcome::Refused(VerifyError::WrongMode),
        DeliveryOutcome::Failed,
        DeliveryOutcome::TurnedAway,
    ] {
        // A clock that was set back is no measurement below nothing.
        metrics.delivery_answered(outcome, Duration::milliseconds(-3));
    }
    let page = metrics.page.render();
    for (outcome, count) in [
        ("received", 1),
        ("duplicate", 1),
        ("refused", 2),
        ("failed", 1),
        ("turned_away", 1),
    ] {
        has(
            &page,
            &format!("billing_webhook_received_total{{outcome=\"{outcome}\"}} {count}"),
        );
    }
    has(&page, "billing_webhook_receive_seconds_sum 0");
    has(&page, "billing_webhook_receive_seconds_count 5");
    metrics.tidy();
}

#[tokio::test]
async fn the_page_tells_how_full_the_inbox_is_and_how_far_the_scans_are() {
    let (world, store) = (World::new(1), MemoryStore::new());
    let clock = &world.clock;
    world.seed(&store).await;
    let mut scan = Scan::since(ScanKind::AllEvents, clock.now());
    scan.finished_at = Some(clock.now());
    let (holder, until) = (uuid::Uuid::nil(), clock.now());
    store.claim_scan(&scan, holder, until, until).await.unwrap();
    clock.advance(Duration::seconds(90));
    let metrics = Arc::new(Metrics::new(TYPES).unwrap());
    let source = page_over(&metrics, clock, &store);
    let page = source.render().await;
    has(&page, "billing_webhook_inbox_events{status=\"parked\"} 0");
    has(&page, "billing_webhook_oldest_unapplied_age_seconds 0");
    // Nobody has taken what tells of the users and products of this world.
    let waiting = store.messages().len();
    assert!(waiting > 0);
    has(&page, &format!("billing_outbox_messages {waiting}"));
    has(&page, "billing_outbox_oldest_age_seconds 90");
    has(
        &page,
        "billing_event_scan_age_seconds{kind=\"all_events\"} 90",
    );
    has(
        &page,
        "billing_event_scan_position_age_seconds{kind=\"all_events\"} 90",
    );
    has(&page, "billing_database_up 1");
    // Whoever asks again at once gets what was read.
    clock.advance(Duration::seconds(1));
    let page = source.render().await;
    has(
        &page,
        "billing_event_scan_age_seconds{kind=\"all_events\"} 90",
    );
    clock.advance(Duration::seconds(5));
    let page = source.render().await;
    has(
        &page,
        "billing_event_scan_age_seconds{kind=\"all_events\"} 96",
    );
}

#[tokio::test]
async fn a_store_that_is_down_is_told_and_the_counters_are_shown() {
    let mut log = MockEventLog::new();
    log.expect_inbox_depth()
        .returning(|| Err(StoreError::Unavailable("down".into())));
    let metrics = Arc::new(Metrics::new(TYPES).unwrap());
    attempt(&metrics, "invoice.paid", EventStatus::Processed);
    let clock = Arc::new(ManualClock::new());
    let scans = Arc::new(MemoryStore::new());
    let source = LiveMetrics::new(metrics, clock, Arc::new(log), scans.clone(), scans);
    let page = source.render().await;
    has(&page, "billing_database_up 0");
    has(&page, "billing_webhook_lag_seconds_count 1");
}

/// Every metric that is declared is on the page of a service that has seen everything once.
#[tokio::test]
async fn every_metric_is_on_the_page_with_its_description() {
    let (world, store) = (World::new(1), MemoryStore::new());
    let clock = &world.clock;
    world.seed(&store).await;
    let mut scan = Scan::new(ScanKind::AllEvents, clock.now());
    scan.finished_at = Some(clock.now());
    let now = clock.now();
    store
        .claim_scan(&scan, uuid::Uuid::nil(), now, now)
        .await
        .unwrap();
    let metrics = Arc::new(Metrics::new(TYPES).unwrap());
    attempt(&metrics, "invoice.paid", EventStatus::Processed);
    metrics.delivery_answered(DeliveryOutcome::Failed, Duration::ZERO);
    let page = page_over(&metrics, clock, &store).render().await;
    for metric in ALL {
        let help = format!("# HELP {} {}", metric.name, metric.description);
        has(&page, &help);
    }
    let declared = page.lines().filter(|line| line.starts_with("# TYPE "));
    assert_eq!(
        declared.count(),
        ALL.len(),
        "no metric without a description"
    );
}
