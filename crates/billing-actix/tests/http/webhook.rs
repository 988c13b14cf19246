//! Deliveries of the payment provider: raw bytes, stored once, then acknowledged (F.2).

use actix_web::http::Method;
use billing_domain::provider_events::event::ProviderEvent;
use billing_domain::testing::fake_webhooks::Delivery;
use billing_domain::testing::faults::FaultPoint;

use crate::service::{Call, Service};

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
    assert_eq!(service.wake_count(), 1);
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
