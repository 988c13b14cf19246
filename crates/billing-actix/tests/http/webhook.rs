//! Deliveries of the payment provider: raw bytes, stored once, then acknowledged (F.2).

use actix_web::http::Method;
use billing_domain::provider_events::event::ProviderEvent;
use billing_domain::testing::fake_webhooks::Delivery;
use billing_domain::testing::faults::FaultPoint;
use serde_json::json;

use crate::service::{Call, Service, get};

const WEBHOOK: &str = "/api/v1/webhooks/stripe";

pub(crate) fn deliver(path: &str, delivery: &Delivery) -> Call {
    Call::new(Method::POST, path)
        .header("Stripe-Signature", &delivery.signature)
        .header("Content-Type", "application/json; charset=utf-8")
        .raw(delivery.payload.clone())
}

pub(crate) fn registered(service: &Service, id: &str) -> Delivery {
    let now = service.now();
    service
        .webhooks
        .register(id, "invoice.paid", now, ProviderEvent::Irrelevant)
}

#[actix_web::test]
async fn a_065_a_delivery_is_stored_once_and_acknowledged_every_time() {
    let service = Service::new().await;
    let delivery = registered(&service, "evt_1");
    let first = service.send(deliver(WEBHOOK, &delivery)).await;
    assert_eq!(
        (first.status, first.body.as_str()),
        (200, r#"{"received":true,"status":"received"}"#)
    );
    let again = service.send(deliver(WEBHOOK, &delivery)).await;
    assert_eq!(
        (again.status, again.body.as_str()),
        (200, r#"{"received":true,"status":"duplicate"}"#)
    );
}

#[actix_web::test]
async fn f_5_row_2_a_delivery_without_the_right_signature_is_refused_and_not_stored() {
    let service = Service::new().await;
    let right = registered(&service, "evt_1");
    let wrong = Delivery {
        signature: "wrong".to_owned(),
        ..right.clone()
    };
    let missing = Call::new(Method::POST, WEBHOOK).raw(right.payload.clone());
    for call in [deliver(WEBHOOK, &wrong), missing] {
        let answer = service.send(call).await;
        assert_eq!(
            (answer.status, answer.code().as_str()),
            (400, "invalid_signature")
        );
    }
    // Nothing was stored: the right one is new.
    let first = service.send(deliver(WEBHOOK, &right)).await;
    assert_eq!(first.json()["status"], "received");
}

#[actix_web::test]
async fn c_005_a_delivery_is_stored_while_billing_is_switched_off() {
    let service = Service::configured(|config| config.is_billing_enabled = false).await;
    let delivery = registered(&service, "evt_1");
    let answer = service.send(deliver(WEBHOOK, &delivery)).await;
    assert_eq!(
        (answer.status, answer.json()["status"].as_str().unwrap()),
        (200, "received")
    );
}

#[actix_web::test]
async fn a_delivery_that_cannot_be_stored_is_asked_for_again() {
    let service = Service::new().await;
    let delivery = registered(&service, "evt_1");
    service.faults.fail_nth(1, FaultPoint::BeforeEffect);
    let answer = service.send(deliver(WEBHOOK, &delivery)).await;
    assert_eq!(
        (answer.status, answer.code().as_str()),
        (503, "store_unavailable")
    );
    assert!(!answer.header("retry-after").is_empty());
    service.faults.restart();
    assert_eq!(
        service.send(deliver(WEBHOOK, &delivery)).await.json()["status"],
        "received"
    );
}

#[actix_web::test]
async fn a_delivery_of_exactly_the_limit_is_read_and_one_byte_more_is_not() {
    let service = Service::new().await;
    for (bytes, status) in [(1024 * 1024, 400), (1024 * 1024 + 1, 413)] {
        let call = Call::new(Method::POST, WEBHOOK).raw(vec![b'x'; bytes]);
        assert_eq!(service.send(call).await.status, status, "{bytes}");
    }
}

#[actix_web::test]
async fn f_2_a_delivery_is_kept_with_its_headers_and_address_and_without_credentials() {
    let service = Service::new().await;
    let delivery = registered(&service, "evt_1");
    let call = deliver(WEBHOOK, &delivery)
        .header(
            "User-Agent",
            "Stripe/1.0 (+https://stripe.com/docs/webhooks)",
        )
        .header("X-Forwarded-For", "198.51.100.4")
        .header("X-Forwarded-For", "10.0.0.1")
        .header("X-Odd", "caf\u{e9}")
        .header("X-Request-Id", "req_of_the_proxy")
        .header("Authorization", "Basic c2VjcmV0OmtlcHQ=")
        .header("Proxy-Authorization", "Basic c2VjcmV0OmtlcHQ=")
        .header("Cookie", "session=c2VjcmV0")
        .header("X-API-Key", "c2VjcmV0");
    assert_eq!(service.send(call).await.status, 200);
    let shown = get("/api/v1/admin/webhook-events/evt_1").by_operator();
    let shown = service.send(shown).await;
    assert!(!shown.body.contains("c2VjcmV0"), "{}", shown.body);
    let shown = shown.json();
    assert_eq!(
        shown["headers"],
        json!({
            "Stripe-Signature": delivery.signature,
            "content-length": delivery.payload.len().to_string(),
            "content-type": "application/json; charset=utf-8",
            "user-agent": "Stripe/1.0 (+https://stripe.com/docs/webhooks)",
            "x-forwarded-for": "198.51.100.4, 10.0.0.1",
            "x-odd": "caf\u{e9}",
            "x-request-id": "req_of_the_proxy",
        })
    );
    assert_eq!(shown["remote_address"], "192.0.2.7");
    assert_eq!(shown["request_id"], "req_of_the_proxy");
}
