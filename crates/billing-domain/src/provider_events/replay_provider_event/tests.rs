//! An operator repairs the cause and replays.

use super::*;
use crate::kernel::text::ProviderRef;
use crate::provider_events::event::{Payload, ProviderEvent};
use crate::testing::Workbench;
use crate::testing::memory_store::InboxStatus;

fn paid() -> EventName {
    EventName::Provider(ProviderRef::parse("evt_paid").unwrap())
}

/// An event about an invoice that the provider does not have.
async fn parked() -> Workbench {
    let bench = Workbench::new().await;
    bench.open_page("acme").await;
    let lost = ProviderRef::parse("in_lost").unwrap();
    bench
        .receive(
            "evt_paid",
            ProviderEvent::InvoicePaid(Payload::Missing(lost)),
        )
        .await;
    bench.drain().await;
    assert!(matches!(bench.last_status(), InboxStatus::Parked { .. }));
    bench
}

fn replay(bench: &Workbench) -> ReplayProviderEvent {
    ReplayProviderEvent {
        core: bench.core(),
        events: Arc::new(bench.store.clone()),
    }
}

#[tokio::test]
async fn a_parked_event_is_due_again_and_the_trail_says_who_and_why() {
    let bench = parked().await;
    let operator = bench.operator();
    let reason = Reason::parse("the invoice is back").unwrap();
    let event = replay(&bench)
        .run(&Request::new(&operator), &paid(), Some(&reason))
        .await
        .unwrap();
    assert_eq!(event.attempts, 0);
    let entry = bench.store.audit().pop().unwrap();
    assert_eq!(entry.actor, "operator:grace");
    assert_eq!(entry.action, "provider_event_replayed");
    assert_eq!(entry.before.as_deref(), Some("parked"));
    assert_eq!(entry.after, "received");
    assert_eq!(entry.reason.as_deref(), Some("the invoice is back"));
    assert_eq!(bench.drain().await.claimed(), 1, "a worker takes it");
    let again = replay(&bench);
    let request = Request::new(&operator);
    again.run(&request, &paid(), None).await.unwrap();
    let entries = bench.store.audit().len();
    again.run(&request, &paid(), None).await.unwrap();
    assert_eq!(bench.store.audit().len(), entries, "due is due");
}

#[tokio::test]
async fn an_applied_event_is_refused_because_it_would_change_nothing() {
    let bench = Workbench::new().await;
    bench.buy("acme").await;
    let applied = EventName::Provider(ProviderRef::parse("evt_acme_paid").unwrap());
    let operator = bench.operator();
    let refused = replay(&bench)
        .run(&Request::new(&operator), &applied, None)
        .await;
    let Err(error @ ReplayProviderEventError::Applied(_)) = refused else {
        panic!("it was applied: {refused:?}");
    };
    assert!(
        error.to_string().contains("would change nothing"),
        "{error}"
    );
}

#[tokio::test]
async fn only_an_operator_may_ask_and_only_for_what_is_there() {
    let bench = parked().await;
    let buyer = bench.buyer();
    let refused = replay(&bench)
        .run(&Request::new(&buyer), &paid(), None)
        .await;
    assert!(matches!(
        refused,
        Err(ReplayProviderEventError::NotAnOperator)
    ));
    let operator = bench.operator();
    let unknown = EventName::Id(bench.world.id());
    let refused = replay(&bench)
        .run(&Request::new(&operator), &unknown, None)
        .await;
    assert!(matches!(refused, Err(ReplayProviderEventError::NotFound)));
}
