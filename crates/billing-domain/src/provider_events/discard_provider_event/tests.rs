//! An operator puts an event aside.

use super::*;
use crate::kernel::text::ProviderRef;
use crate::provider_events::event::ProviderEvent;
use crate::testing::Workbench;
use crate::testing::memory_store::InboxStatus;

fn named(text: &str) -> EventName {
    EventName::Provider(ProviderRef::parse(text).unwrap())
}

#[tokio::test]
async fn a_discarded_event_is_never_taken_and_the_trail_says_why() {
    let bench = Workbench::new().await;
    bench.receive("evt_1", ProviderEvent::Irrelevant).await;
    let discard = DiscardProviderEvent {
        core: bench.core(),
        events: Arc::new(bench.store.clone()),
    };
    let operator = bench.operator();
    let request = Request::new(&operator);
    let reason = Reason::parse("sent by the old shop").unwrap();
    for _ in 0..2 {
        let event = discard.run(&request, &named("evt_1"), &reason).await;
        assert_eq!(event.unwrap().state.reason(), Some("sent by the old shop"));
    }
    let entries = bench.store.audit();
    let decisions = entries
        .iter()
        .filter(|entry| entry.action == "provider_event_discarded");
    assert_eq!(decisions.count(), 1, "the second time it is a repetition");
    let entry = entries.last().unwrap();
    assert_eq!(entry.reason.as_deref(), Some("sent by the old shop"));
    assert_eq!(bench.drain().await.claimed(), 0);
    assert!(matches!(bench.last_status(), InboxStatus::Discarded { .. }));
}

#[tokio::test]
async fn what_was_applied_cannot_be_discarded_nor_may_a_buyer_discard() {
    let bench = Workbench::new().await;
    bench.buy("acme").await;
    let discard = DiscardProviderEvent {
        core: bench.core(),
        events: Arc::new(bench.store.clone()),
    };
    let reason = Reason::parse("by mistake").unwrap();
    let (operator, buyer) = (bench.operator(), bench.buyer());
    let name = named("evt_acme_paid");
    let refused = discard.run(&Request::new(&operator), &name, &reason).await;
    assert!(matches!(
        refused,
        Err(DiscardProviderEventError::Applied(_))
    ));
    let refused = discard.run(&Request::new(&buyer), &name, &reason).await;
    assert!(matches!(
        refused,
        Err(DiscardProviderEventError::NotAnOperator)
    ));
    let unknown = named("evt_unknown");
    let refused = discard
        .run(&Request::new(&operator), &unknown, &reason)
        .await;
    assert!(matches!(refused, Err(DiscardProviderEventError::NotFound)));
}
