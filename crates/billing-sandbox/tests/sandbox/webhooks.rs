//! Webhooks: signed so that anyone can verify them, retried on schedule, rendered per endpoint.

use std::time::Duration;

use billing_sandbox::{DeliveryState, SandboxConfig, WebhookConfig};
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;

use crate::client::{Client, START, config};
use crate::receiver::Receiver;

fn hmac(secret: &str, text: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(text.as_bytes());
    hex::encode(mac.finalize().into_bytes())
}

async fn endpoint(client: &Client, url: &str, more: &[(&str, &str)]) -> (String, String) {
    let mut fields = vec![
        ("url", url),
        ("enabled_events[0]", "customer.created"),
        ("enabled_events[1]", "customer.updated"),
    ];
    fields.extend_from_slice(more);
    let made = client.post("/v1/webhook_endpoints", &fields).await;
    (made.id(), made.json["secret"].as_str().unwrap().to_owned())
}

#[tokio::test]
async fn a_delivery_is_signed_over_its_time_and_its_exact_bytes() {
    let client = Client::start().await;
    let receiver = Receiver::answering(&[]).await;
    let (id, secret) = endpoint(&client, &receiver.url, &[]).await;
    assert!(
        client
            .get(&format!("/v1/webhook_endpoints/{id}"))
            .await
            .json
            .get("secret")
            .is_none()
    );
    client
        .post("/v1/customers", &[("email", "a@b.co")])
        .await
        .id();
    client
        .post("/v1/products", &[("name", "not subscribed to")])
        .await
        .id();
    let outcomes = client.sandbox.deliver_due().await;
    assert_eq!(outcomes.len(), 1);
    assert_eq!(outcomes[0].attempt.status, Some(200));
    let received = &receiver.received()[0];
    let signature = received.header("stripe-signature");
    let expected = hmac(&secret, &format!("{START}.{}", received.body));
    assert!(
        signature.starts_with(&format!("t={START},v1={expected}")),
        "{signature}"
    );
    assert_eq!(
        received.header("user-agent"),
        "Stripe/1.0 (+https://stripe.com/docs/webhooks)"
    );
    let event: Value = serde_json::from_str(&received.body).unwrap();
    assert_eq!(
        (&event["type"], &event["pending_webhooks"]),
        (&json!("customer.created"), &json!(1))
    );
    let path = format!("/v1/events/{}", event["id"].as_str().unwrap());
    assert_eq!(client.get(&path).await.json["pending_webhooks"], 0);
}

#[tokio::test]
async fn a_refused_delivery_is_tried_again_by_the_schedule_and_then_given_up() {
    let retry_schedule = vec![Duration::from_secs(10), Duration::from_mins(1)];
    let client = Client::with(SandboxConfig {
        retry_schedule,
        ..config()
    })
    .await;
    let receiver = Receiver::answering(&[500, 302, 400]).await;
    endpoint(&client, &receiver.url, &[]).await;
    client.post("/v1/customers", &[]).await.id();
    let state = || client.sandbox.deliveries()[0].state;
    assert_eq!(client.sandbox.deliver_due().await.len(), 1);
    assert_eq!(client.sandbox.deliver_due().await.len(), 0, "not due yet");
    client.pass(10);
    assert_eq!(
        client.sandbox.deliver_due().await[0].attempt.status,
        Some(302)
    );
    assert_eq!(state(), DeliveryState::Pending);
    client.sandbox.advance(Duration::from_mins(1));
    assert_eq!(
        client.sandbox.deliver_due().await[0].attempt.status,
        Some(400)
    );
    assert_eq!(state(), DeliveryState::GivenUp);
    assert!(receiver.has_answered_all());
    let bodies: Vec<String> = receiver.received().into_iter().map(|r| r.body).collect();
    assert!(
        bodies[0] == bodies[1] && bodies[1] == bodies[2],
        "retries send the same bytes"
    );
    let failed = client.get("/v1/events?delivery_success=false").await.json;
    assert_eq!(failed["data"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn each_endpoint_gets_the_version_that_it_is_pinned_to() {
    let client = Client::start().await;
    let fields = [
        ("api_version", "2023-10-16"),
        ("enabled_events[1]", "invoice.paid"),
    ];
    endpoint(&client, "http://127.0.0.1:9/old", &fields).await;
    endpoint(
        &client,
        "http://127.0.0.1:9/new",
        &[("enabled_events[1]", "invoice.paid")],
    )
    .await;
    let price = client.monthly_price().await;
    let id = client.session("subscription", &price, &[]).await.id();
    client
        .sandbox
        .pay_checkout(&id, "4242424242424242")
        .unwrap();
    let invoice_of = |path: &str| -> Value {
        let pending = client.sandbox.pending_deliveries();
        let found = pending
            .iter()
            .find(|d| d.url.ends_with(path) && d.event_type == "invoice.paid");
        serde_json::from_str(&found.unwrap().body).unwrap()
    };
    let (old, new) = (invoice_of("/old"), invoice_of("/new"));
    assert_eq!(old["api_version"], "2023-10-16");
    assert_eq!(old["data"]["object"]["paid"], true);
    assert_eq!(new["api_version"], "2026-10-28.endive");
    assert!(new["data"]["object"].get("paid").is_none());
    assert_eq!(old["id"], new["id"]);
}

#[tokio::test]
async fn taken_deliveries_are_the_tests_own_to_send() {
    let client = Client::start().await;
    let receiver = Receiver::answering(&[]).await;
    endpoint(&client, &receiver.url, &[]).await;
    for _ in 0..3 {
        client.post("/v1/customers", &[]).await.id();
    }
    let taken = client.sandbox.take_pending_deliveries();
    assert_eq!(taken.len(), 3);
    assert!(client.sandbox.deliver_due().await.is_empty());
    for delivery in taken.iter().rev() {
        let mut request = client.http.post(&delivery.url).body(delivery.body.clone());
        for (name, value) in &delivery.headers {
            request = request.header(name, value);
        }
        assert_eq!(request.send().await.unwrap().status(), 200);
    }
    assert_eq!(receiver.received()[0].body, taken[2].body);
}

#[tokio::test]
async fn a_rolled_secret_signs_beside_the_old_one() {
    let client = Client::start().await;
    let (id, old) = endpoint(&client, "http://127.0.0.1:9/x", &[]).await;
    let new = client.sandbox.roll_webhook_secret(&id).unwrap();
    client.post("/v1/customers", &[]).await.id();
    let delivery = client.sandbox.pending_deliveries().remove(0);
    let signature = &delivery
        .headers
        .iter()
        .find(|(n, _)| n == "stripe-signature")
        .unwrap()
        .1;
    for secret in [new, old] {
        let expected = hmac(&secret, &format!("{START}.{}", delivery.body));
        assert!(signature.contains(&format!("v1={expected}")));
    }
}

#[tokio::test]
async fn deliveries_run_by_themselves_when_told_to() {
    let receiver = Receiver::answering(&[503]).await;
    let webhook = WebhookConfig {
        url: receiver.url.clone(),
        secret: Some("whsec_x".into()),
        api_version: None,
    };
    let retry_schedule = vec![Duration::from_millis(1)];
    let config = SandboxConfig {
        auto_deliver: true,
        webhook: Some(webhook),
        retry_schedule,
        ..config()
    };
    let client = Client::with(config).await;
    assert_eq!(client.sandbox.webhook_secret(), Some("whsec_x"));
    client.post("/v1/customers", &[]).await.id();
    let delivered = async {
        while client.sandbox.deliveries()[0].state != DeliveryState::Delivered {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), delivered)
        .await
        .unwrap();
    assert_eq!(client.sandbox.deliveries()[0].attempts.len(), 2);
}

#[tokio::test]
async fn a_deleted_or_disabled_endpoint_gets_nothing_more() {
    let client = Client::start().await;
    let receiver = Receiver::answering(&[]).await;
    let (id, _) = endpoint(&client, &receiver.url, &[]).await;
    client.post("/v1/customers", &[]).await.id();
    let path = format!("/v1/webhook_endpoints/{id}");
    assert_eq!(
        client.post(&path, &[("disabled", "true")]).await.json["status"],
        "disabled"
    );
    client.post("/v1/customers", &[]).await.id();
    client.sandbox.deliver_due().await;
    assert!(receiver.received().is_empty());
    assert_eq!(client.sandbox.deliveries().len(), 1);
    assert_eq!(client.sandbox.deliveries()[0].state, DeliveryState::GivenUp);
    Client::answer(client.request("DELETE", &path)).await;
    assert_eq!(client.get(&path).await.status, 404);
}
