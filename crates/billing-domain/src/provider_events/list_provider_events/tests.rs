//! Only operators see the list.

use super::*;
use crate::provider_events::event::ProviderEvent;
use crate::testing::Workbench;

#[tokio::test]
async fn an_operator_sees_the_inbox_and_nobody_else() {
    let bench = Workbench::new().await;
    bench.receive("evt_1", ProviderEvent::Irrelevant).await;
    bench.drain().await;
    bench.receive("evt_2", ProviderEvent::Irrelevant).await;
    let list = ListProviderEvents {
        events: Arc::new(bench.store.clone()),
    };
    let (filter, page) = (EventFilter::default(), PageRequest::first());
    let shown = list.run(&bench.operator(), &filter, &page).await.unwrap();
    let names: Vec<&str> = shown
        .items
        .iter()
        .map(|event| event.state.status().name())
        .collect();
    assert_eq!(names, ["received", "skipped"], "the last received first");
    let depth = list.depth(&bench.operator()).await.unwrap();
    assert_eq!(depth.oldest_unapplied_at, Some(bench.now()));
    let refused = list.run(&bench.buyer(), &filter, &page).await;
    assert!(matches!(
        refused,
        Err(ListProviderEventsError::NotAnOperator)
    ));
    let refused = list.depth(&bench.buyer()).await;
    assert!(matches!(
        refused,
        Err(ListProviderEventsError::NotAnOperator)
    ));
}
