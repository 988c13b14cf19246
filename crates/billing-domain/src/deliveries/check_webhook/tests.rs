//! The health of deliveries, as far as the provider tells it.

use super::*;
use crate::deliveries::endpoint::EndpointFlaw;
use crate::deliveries::ports::{MockEndpointRegistry, WantedEndpoint};
use crate::provider_events::event::ProviderEvent;
use crate::testing::{FakeEventList, Workbench};

#[tokio::test]
async fn what_was_not_delivered_is_counted_and_what_never_came_as_well() {
    let bench = Workbench::new().await;
    let list = FakeEventList::new(bench.webhooks.clone(), bench.clock().clone());
    for number in 0..12 {
        let id = format!("evt_{number:02}");
        if number < 5 {
            bench.receive(&id, ProviderEvent::Irrelevant).await;
        } else {
            let (now, event) = (bench.now(), ProviderEvent::Irrelevant);
            bench.webhooks.register(&id, "invoice.paid", now, event);
        }
        list.mark_undelivered(&id);
    }
    bench.clock().advance(Duration::minutes(3));
    let mut registry = MockEndpointRegistry::new();
    registry.expect_wanted().returning(|| WantedEndpoint {
        event_types: Vec::new(),
        api_version: "2026-09-30.endive".to_owned(),
    });
    registry.expect_endpoints().returning(|| Ok(Vec::new()));
    let store = Arc::new(bench.store.clone());
    let check = CheckWebhook {
        clock: Arc::new(bench.clock().clone()),
        registry: Arc::new(registry),
        source: Arc::new(list),
        log: store.clone(),
        events: store,
    };
    let report = check.run("https://billing.example/hooks").await.unwrap();
    assert_eq!(report.endpoint.flaws, [EndpointFlaw::NotRegistered]);
    // Three pages of three are counted.
    let undelivered = Undelivered {
        count: 9,
        has_more: true,
        missing_count: 7,
    };
    assert_eq!(report.undelivered, undelivered);
    let last = report.last_event.unwrap().envelope.provider_event_id;
    assert_eq!(last.as_str(), "evt_04");
    assert_eq!(report.scans, []);
    assert_eq!(report.at, bench.now());
}
