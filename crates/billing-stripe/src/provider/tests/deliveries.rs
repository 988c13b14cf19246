//! The list of events and the endpoints: what is asked, and what the answers become.

use billing_domain::deliveries::endpoint::EndpointOrder;
use billing_domain::deliveries::ports::{
    CURSOR_UNKNOWN, EndpointRegistry, EventQuery, EventSource,
};
use billing_domain::kernel::provider::ProviderError;
use billing_domain::kernel::timestamp::Timestamp;

use super::{REQUESTED_AT, id, provider};
use crate::stub_stripe::{Reply, StubStripe};

fn query() -> EventQuery {
    EventQuery {
        only_undelivered: false,
        from: Timestamp::from_unix_micros(REQUESTED_AT * 1_000_000 - 1).unwrap(),
        until: Timestamp::from_unix_micros(REQUESTED_AT * 1_000_000 + 1).unwrap(),
        after: None,
    }
}

fn event(id: &str, kind: &str, is_live: bool) -> String {
    format!(
        "{{ \"id\": \"{id}\", \"type\":\"{kind}\", \"livemode\": {is_live}, \"created\": 1790000000, \"amount\": 1.10 }}"
    )
}

#[tokio::test]
async fn a_page_keeps_each_event_as_it_was_fetched() {
    let paid = event("evt_3", "invoice.paid", false);
    let body = format!(
        "{{\"object\":\"list\",\"has_more\":true,\"data\":[{paid},{},{},{{\"id\":7}},{}]}}",
        event("evt_2", "invoice.paid", true),
        event("evt_1", "payout.paid", false),
        event("evt_0", "payout.paid", false),
    );
    let stub = StubStripe::playing([Reply::ok(&body), Reply::ok("{\"data\":[]}")]);
    let page = provider(&stub).list_events(&query()).await.unwrap();
    assert_eq!(page.events.len(), 1, "of our mode, and of a type we know");
    assert_eq!(page.events[0].payload, paid.as_bytes(), "byte by byte");
    assert_eq!(page.events[0].envelope.event_type, "invoice.paid");
    assert_eq!(
        page.next,
        Some(id("evt_0")),
        "the last of the page, whatever it is"
    );
    let failed = EventQuery {
        only_undelivered: true,
        after: page.next,
        ..query()
    };
    let page = provider(&stub).list_events(&failed).await.unwrap();
    assert_eq!((page.events.len(), page.next), (0, None));
    let seen = stub.seen();
    let (from, until) = (REQUESTED_AT - 1, REQUESTED_AT);
    let created = [
        format!("created[gte]={from}"),
        format!("created[lte]={until}"),
    ];
    assert_eq!(seen[0].query()[..2], created);
    assert_eq!(seen[0].query()[2..], ["limit=100"]);
    assert_eq!(
        seen[1].query()[2..],
        [
            "delivery_success=false",
            "limit=100",
            "starting_after=evt_0"
        ]
    );
    assert!(seen[0].line.starts_with("GET /v1/events?"));
}

#[tokio::test]
async fn a_place_that_stripe_forgot_is_told_from_other_refusals() {
    let missing =
        r#"{"type":"invalid_request_error","code":"resource_missing","param":"starting_after"}"#;
    let stub = StubStripe::playing([
        Reply::error(400, missing),
        Reply::error(404, missing),
        Reply::error(401, r#"{"type":"invalid_request_error"}"#),
    ]);
    let query = EventQuery {
        after: Some(id("evt_old")),
        ..query()
    };
    let mut codes = Vec::new();
    for _ in 0..3 {
        match provider(&stub).list_events(&query).await {
            Err(
                ProviderError::Rejected { code, .. } | ProviderError::Unauthorized { code, .. },
            ) => {
                codes.push(code);
            }
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(codes, [CURSOR_UNKNOWN, CURSOR_UNKNOWN, "http_401"]);
}

const ENDPOINT: &str = r#"{"id":"we_1","url":"https://a.example/h","status":"enabled",
    "api_version":null,"enabled_events":["invoice.paid"],"secret":"whsec_7"}"#;

#[tokio::test]
async fn an_endpoint_is_made_and_changed_with_what_it_needs() {
    let list = format!("{{\"data\":[{ENDPOINT}],\"has_more\":false}}");
    let stub = StubStripe::playing([Reply::ok(ENDPOINT), Reply::ok(ENDPOINT), Reply::ok(&list)]);
    let provider = provider(&stub);
    let order = EndpointOrder {
        url: "https://a.example/h".to_owned(),
        event_types: vec!["invoice.paid".to_owned(), "refund.created".to_owned()],
        api_version: provider.wanted().api_version,
    };
    let created = provider.create_endpoint(&order, "key:1").await.unwrap();
    assert_eq!(created.secret.expose(), "whsec_7");
    assert!(created.endpoint.is_enabled);
    assert_eq!(created.endpoint.api_version, None);
    let id = created.endpoint.id;
    provider.update_endpoint(&id, &order).await.unwrap();
    assert_eq!(provider.endpoints().await.unwrap().len(), 1);
    let seen = stub.seen();
    assert_eq!(seen[0].header("idempotency-key"), Some("key:1"));
    assert_eq!(
        seen[0].form(),
        [
            format!("api_version={}", order.api_version),
            "enabled_events[0]=invoice.paid".to_owned(),
            "enabled_events[1]=refund.created".to_owned(),
            "url=https://a.example/h".to_owned(),
        ]
    );
    assert!(seen[1].line.starts_with("POST /v1/webhook_endpoints/we_1 "));
    assert_eq!(
        seen[1].form(),
        [
            "disabled=false",
            "enabled_events[0]=invoice.paid",
            "enabled_events[1]=refund.created",
        ]
    );
}
