//! Thin events and their destinations: API v2 with its JSON, its errors and its pages.

use serde_json::{Value, json};

use crate::client::{Answer, Client};
use crate::receiver::Receiver;

async fn send(client: &Client, method: &str, path: &str, body: &Value) -> Answer {
    let request = client.request(method, path).body(body.to_string());
    Client::answer(request.header("content-type", "application/json")).await
}

fn destination(url: &str, payload: &str, events: &[&str]) -> Value {
    json!({
        "name": "mine", "type": "webhook_endpoint", "event_payload": payload, "enabled_events": events,
        "webhook_endpoint": { "url": url },
        "include": ["webhook_endpoint.url", "webhook_endpoint.signing_secret"],
    })
}

#[tokio::test]
async fn a_thin_destination_is_sent_notifications_and_the_event_tells_the_rest() {
    let client = Client::start().await;
    let receiver = Receiver::answering(&[]).await;
    let path = "/v2/core/event_destinations";
    let wanted = destination(&receiver.url, "thin", &["v1.customer.updated"]);
    let made = send(&client, "POST", path, &wanted).await;
    assert_eq!(made.status, 200, "{}", made.text);
    assert_eq!(made.json["webhook_endpoint"]["url"], receiver.url);
    let secret = made.json["webhook_endpoint"]["signing_secret"].as_str();
    assert!(secret.unwrap().starts_with("whsec_"));
    let id = client.post("/v1/customers", &[("name", "A")]).await.id();
    client
        .post(&format!("/v1/customers/{id}"), &[("name", "B")])
        .await
        .id();
    client.sandbox.deliver_due().await;
    let received = receiver.received();
    assert_eq!(received.len(), 1);
    let told: Value = serde_json::from_str(&received[0].body).unwrap();
    assert_eq!(told["object"], "v2.core.event");
    assert_eq!(told["type"], "v1.customer.updated");
    assert_eq!(
        told["related_object"],
        json!({ "id": id, "type": "customer", "url": format!("/v1/customers/{id}") })
    );
    assert!(told.get("changes").is_none());
    let event_id = told["id"].as_str().unwrap();
    let event = client
        .get(&format!("/v2/core/events/{event_id}"))
        .await
        .json;
    assert_eq!(
        event["changes"],
        json!({ "before": { "name": "A" }, "after": { "name": "B" } })
    );
    let snapshot = event["snapshot_event"].as_str().unwrap();
    let snapshot = client.get(&format!("/v1/events/{snapshot}")).await.json;
    assert_eq!(snapshot["type"], "customer.updated");
    assert_eq!(snapshot["pending_webhooks"], 0);
}

#[tokio::test]
async fn a_ping_reaches_its_destination_only() {
    let client = Client::start().await;
    let receiver = Receiver::answering(&[]).await;
    let path = "/v2/core/event_destinations";
    let made = send(
        &client,
        "POST",
        path,
        &destination(&receiver.url, "thin", &["*"]),
    )
    .await
    .id();
    let ping = send(&client, "POST", &format!("{path}/{made}/ping"), &json!({})).await;
    assert_eq!(ping.json["type"], "v2.core.event_destination.ping");
    client.sandbox.deliver_due().await;
    let told: Value = serde_json::from_str(&receiver.received()[0].body).unwrap();
    assert_eq!(
        (&told["id"], &told["related_object"]["id"]),
        (&ping.json["id"], &json!(made))
    );
    let off = send(
        &client,
        "POST",
        &format!("{path}/{made}/disable"),
        &json!({}),
    )
    .await
    .json;
    assert_eq!(
        off["status_details"],
        json!({ "disabled": { "reason": "user" } })
    );
    client.post("/v1/customers", &[]).await.id();
    assert!(client.sandbox.deliver_due().await.is_empty());
    let on = send(
        &client,
        "POST",
        &format!("{path}/{made}/enable"),
        &json!({}),
    )
    .await
    .json;
    assert_eq!(
        (&on["status"], &on["webhook_endpoint"]),
        (&json!("enabled"), &json!({}))
    );
    let gone = send(&client, "DELETE", &format!("{path}/{made}"), &json!({}))
        .await
        .json;
    assert_eq!(
        gone,
        json!({ "id": made, "object": "v2.core.event_destination" })
    );
    assert_eq!(client.get(&format!("{path}/{made}")).await.status, 404);
}

#[tokio::test]
async fn lists_of_version_two_lead_to_their_next_page() {
    let client = Client::start().await;
    for _ in 0..5 {
        client.post("/v1/customers", &[]).await.id();
    }
    let first = client
        .get("/v2/core/events?limit=2&types[0]=v1.customer.created")
        .await
        .json;
    assert_eq!(first["data"].as_array().unwrap().len(), 2);
    assert_eq!(first["previous_page_url"], Value::Null);
    let next = first["next_page_url"].as_str().unwrap();
    let second = client.get(next).await.json;
    assert_ne!(first["data"][0]["id"], second["data"][0]["id"]);
    let third = client
        .get(second["next_page_url"].as_str().unwrap())
        .await
        .json;
    assert_eq!(third["data"].as_array().unwrap().len(), 1);
    assert_eq!(third["next_page_url"], Value::Null);
    let none = client
        .get("/v2/core/events?created[gt]=2030-01-01T00:00:00Z")
        .await
        .json;
    assert_eq!(none["data"], json!([]));
}

#[tokio::test]
async fn errors_of_version_two_have_their_own_form() {
    let client = Client::start().await;
    let missing = client.get("/v2/core/events/evt_none").await;
    assert_eq!(missing.status, 404);
    assert_eq!(missing.json["error"]["code"], "not_found");
    assert!(missing.json["error"].get("param").is_none());
    let path = "/v2/core/event_destinations";
    for (body, status) in [
        (json!({}), 400),
        (json!({ "name": "x", "colour": 1 }), 400),
        (destination("nowhere", "thin", &["*"]), 400),
        (destination("http://a.test", "thick", &["*"]), 400),
        (
            destination("http://a.test", "thin", &["customer.created"]),
            400,
        ),
        (
            destination("http://a.test", "snapshot", &["v1.customer.created"]),
            400,
        ),
    ] {
        let refused = send(&client, "POST", path, &body).await;
        assert_eq!(refused.status, status, "{body}: {}", refused.text);
        assert!(refused.json["error"]["code"].is_string());
    }
    let bad = Client::answer(client.request("POST", path).body("name=x")).await;
    assert_eq!(
        (bad.status, &bad.json["error"]["code"]),
        (400, &json!("invalid_json"))
    );
    let none = Client::answer(client.http.get(format!("{}{path}", client.sandbox.url()))).await;
    assert_eq!(none.status, 401);
}
