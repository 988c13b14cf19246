//! One event, with what it changed.

use super::*;
use crate::kernel::text::ProviderRef;
use crate::testing::Workbench;

fn named(text: &str) -> EventName {
    EventName::Provider(ProviderRef::parse(text).unwrap())
}

#[tokio::test]
async fn an_event_is_shown_with_what_it_changed() {
    let bench = Workbench::new().await;
    bench.buy("acme").await;
    let show = ShowProviderEvent {
        events: Arc::new(bench.store.clone()),
    };
    let record = show.run(&bench.operator(), &named("evt_acme_paid")).await;
    let record = record.unwrap();
    let effects: Vec<&str> = record
        .effects
        .iter()
        .map(|line| line.action.as_str())
        .collect();
    assert!(effects.contains(&"checkout_intent_paid"), "{effects:?}");
    assert_eq!(record.attempts.len(), 1, "one attempt, told by its end");
    assert!(record.decisions.is_empty());
}

#[tokio::test]
async fn what_is_not_there_and_who_may_not_see_are_told_apart() {
    let bench = Workbench::new().await;
    bench.buy("acme").await;
    let show = ShowProviderEvent {
        events: Arc::new(bench.store.clone()),
    };
    let refused = show.run(&bench.operator(), &named("evt_other")).await;
    assert!(matches!(refused, Err(ShowProviderEventError::NotFound)));
    let refused = show.run(&bench.buyer(), &named("evt_acme_paid")).await;
    assert!(matches!(
        refused,
        Err(ShowProviderEventError::NotAnOperator)
    ));
}
