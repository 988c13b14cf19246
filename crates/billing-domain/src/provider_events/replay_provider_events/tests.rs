//! Many at once: rehearsed, bounded, audited one by one.

use super::*;
use crate::catalog::product::Product;
use crate::kernel::event::DomainEvent;
use crate::kernel::ports::{AnswerReader, BillingWriter};
use crate::kernel::recorded_answer::{RecordedAnswer, RequestKey};
use crate::provider_events::event::{Payload, ProviderEvent};
use crate::provider_events::reports::{CatalogueItem, CatalogueReport};
use crate::testing::Workbench;

/// Twelve events without an effect.
async fn with_skipped_events() -> Workbench {
    let bench = Workbench::new().await;
    for number in 0..12 {
        let id = format!("evt_{number}");
        bench.receive(&id, ProviderEvent::Irrelevant).await;
    }
    assert_eq!(bench.drain().await.skipped, 12);
    bench
}

fn order(limit: u16, is_rehearsal: bool) -> ReplayOrder {
    let filter = EventFilter {
        statuses: vec![EventStatus::Skipped],
        ..EventFilter::default()
    };
    let reason = Reason::parse("the capability is here").ok();
    ReplayOrder::try_new(filter, reason, limit, is_rehearsal).unwrap()
}

async fn replay(bench: &Workbench, order: &ReplayOrder) -> ReplayReport {
    let operator = bench.operator();
    let replay = ReplayProviderEvents {
        core: bench.core(),
        events: Arc::new(bench.store.clone()),
    };
    replay.run(&Request::new(&operator), order).await.unwrap()
}

#[tokio::test]
async fn a_rehearsal_counts_and_shows_and_changes_nothing() {
    let bench = with_skipped_events().await;
    let entries = bench.store.audit().len();
    let report = replay(&bench, &order(11, true)).await;
    assert_eq!((report.matched_count, report.replayed_count), (12, 11));
    assert_eq!(report.left_count(), 1);
    assert_eq!(report.examples.len(), 10, "examples and not a list");
    assert_eq!(bench.store.audit().len(), entries);
    assert_eq!(bench.drain().await.claimed(), 0);
}

#[tokio::test]
async fn what_was_skipped_takes_its_effect_when_it_is_replayed_after_what_it_needs_is_here() {
    let bench = Workbench::new().await;
    let id = crate::testing::fixtures::provider_ref("prod_later");
    let report = CatalogueReport {
        item: CatalogueItem::Product,
        id: id.clone(),
        is_active: false,
    };
    bench.provider.put_catalogue_item(report.clone());
    let event = ProviderEvent::CatalogueChanged(report.item, Payload::Read(report));
    bench.receive("evt_1", event).await;
    assert_eq!(bench.drain().await.skipped, 1);
    let product = Product {
        id: bench.world.id(),
        provider_id: id,
        ..bench.world.product.clone()
    };
    let product_id = product.id;
    let created = DomainEvent::ProductChanged { product_id };
    let changes = bench.world.changes().insert_product(product, created);
    bench.store.commit(changes).await.unwrap();
    assert_eq!(replay(&bench, &order(10, false)).await.replayed_count, 1);
    assert_eq!(bench.drain().await.applied, 1);
    let products = bench.store.rows::<Product>();
    let product = products
        .iter()
        .find(|product| product.value.id == product_id);
    assert!(!product.unwrap().value.is_active);
}

#[tokio::test]
async fn one_call_replays_no_more_than_its_limit_the_first_received_first() {
    let bench = with_skipped_events().await;
    let first = replay(&bench, &order(8, false)).await;
    assert_eq!((first.replayed_count, first.left_count()), (8, 4));
    let second = replay(&bench, &order(8, false)).await;
    assert_eq!((second.replayed_count, second.left_count()), (4, 0));
    assert!(first.examples[0].id < second.examples[0].id);
    let entries = bench.store.audit();
    let decisions = entries
        .iter()
        .filter(|entry| entry.action == "provider_event_replayed");
    assert_eq!(decisions.count(), 12, "each has its entry");
    assert_eq!(bench.drain().await.skipped, 12);
}

#[tokio::test]
async fn an_answer_is_remembered_even_if_nothing_matched() {
    let bench = Workbench::new().await;
    let operator = bench.operator();
    let key = RequestKey {
        principal: operator.label(),
        route: "replay".to_owned(),
        key: "1".to_owned(),
        fingerprint: "f".to_owned(),
    };
    let render = |_: &ReplayReport| RecordedAnswer {
        code: 202,
        body: "{}".to_owned(),
    };
    let replay = ReplayProviderEvents {
        core: bench.core(),
        events: Arc::new(bench.store.clone()),
    };
    let request = Request::remembered(&operator, key.clone(), &render);
    let report = replay.run(&request, &order(5, false)).await.unwrap();
    assert_eq!(report.matched_count, 0);
    assert!(bench.store.answer(&key).await.unwrap().is_some());
    let buyer = bench.buyer();
    let refused = replay.run(&Request::new(&buyer), &order(5, true)).await;
    assert!(matches!(
        refused,
        Err(ReplayProviderEventsError::NotAnOperator)
    ));
}

#[test]
fn an_order_names_what_a_replay_can_change() {
    let of = |statuses: &[EventStatus], limit| {
        let filter = EventFilter {
            statuses: statuses.to_vec(),
            ..EventFilter::default()
        };
        ReplayOrder::try_new(filter, None, limit, true)
    };
    assert_eq!(of(&[], 1), Err(InvalidReplayOrder::NoStatus));
    let mixed = [EventStatus::Parked, EventStatus::Processed];
    assert_eq!(
        of(&mixed, 1),
        Err(InvalidReplayOrder::NotReplayable(EventStatus::Processed))
    );
    for limit in [0, REPLAYED_MAX + 1] {
        let refused = of(&[EventStatus::Parked], limit);
        assert_eq!(refused, Err(InvalidReplayOrder::Limit));
    }
    assert!(of(&[EventStatus::Parked], REPLAYED_MAX).is_ok());
}
