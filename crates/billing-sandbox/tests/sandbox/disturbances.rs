//! Webhooks that come twice, late, in another order, in one second or never; slow receivers; resends;
//! rolled secrets; and the rules of webhook endpoints.

use std::time::{Duration, Instant};

use billing_sandbox::{DeliveryState, Fault, FaultKind};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::client::{Client, START};
use crate::receiver::Receiver;

async fn endpoint(client: &Client, url: &str) -> String {
    let fields = [("url", url), ("enabled_events[0]", "customer.created")];
    client.post("/v1/webhook_endpoints", &fields).await.id()
}

/// The customers of the events that were received, in the order in which they came.
fn customers(receiver: &Receiver) -> Vec<String> {
    let customer = |body: &str| {
        let event: Value = serde_json::from_str(body).unwrap();
        event["data"]["object"]["name"].as_str().unwrap().to_owned()
    };
    (receiver.received().iter())
        .map(|received| customer(&received.body))
        .collect()
}

async fn make(client: &Client, names: &[&str]) {
    for name in names {
        client.post("/v1/customers", &[("name", name)]).await.id();
    }
}

#[tokio::test]
async fn webhooks_are_duplicated_dropped_and_delayed_on_demand() {
    let client = Client::start().await;
    let receiver = Receiver::answering(&[]).await;
    endpoint(&client, &receiver.url).await;
    let kinds = [
        FaultKind::WebhookDuplicate { copies: 1 },
        FaultKind::WebhookDrop,
        FaultKind::WebhookDelay { delay_ms: 60_000 },
    ];
    for (kind, name) in kinds.into_iter().zip(["twice", "never", "late"]) {
        client.sandbox.faults([Fault::webhook("customer.*", kind)]);
        make(&client, &[name]).await;
    }
    make(&client, &["plain"]).await;
    client.sandbox.deliver_due().await;
    assert_eq!(customers(&receiver), ["twice", "twice", "plain"]);
    client.pass(60);
    client.sandbox.deliver_due().await;
    assert_eq!(customers(&receiver), ["twice", "twice", "plain", "late"]);
    let states: Vec<DeliveryState> = client
        .sandbox
        .deliveries()
        .iter()
        .map(|d| d.state)
        .collect();
    assert_eq!(states[2], DeliveryState::Dropped);
    let waiting = client.get("/v1/events?delivery_success=false").await.json;
    assert_eq!(waiting["data"].as_array().unwrap().len(), 1);
    assert_eq!(waiting["data"][0]["data"]["object"]["name"], "never");
    assert_eq!(waiting["data"][0]["pending_webhooks"], 1);
}

#[tokio::test]
async fn a_rate_disturbs_the_same_events_for_the_same_seed() {
    let mut runs = Vec::new();
    for _ in 0..2 {
        let client = Client::start().await;
        let receiver = Receiver::answering(&[]).await;
        endpoint(&client, &receiver.url).await;
        client.sandbox.faults([
            Fault::webhook("", FaultKind::WebhookReorder).percent(40),
            Fault::webhook("", FaultKind::WebhookDuplicate { copies: 1 }).percent(30),
        ]);
        let names: Vec<String> = (10..30).map(|n| n.to_string()).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        make(&client, &names).await;
        client.sandbox.deliver_due().await;
        runs.push(customers(&receiver));
    }
    assert_eq!(runs[0], runs[1]);
    assert!(!runs[0].is_sorted(), "some were overtaken: {:?}", runs[0]);
    assert!(runs[0].len() > 20, "some came twice: {:?}", runs[0]);
}

#[tokio::test]
async fn events_can_be_put_into_one_second() {
    let client = Client::start().await;
    let kind = FaultKind::WebhookSameSecond;
    client.sandbox.faults([Fault::webhook("", kind).times(3)]);
    for name in ["a", "b", "c", "d"] {
        make(&client, &[name]).await;
        client.pass(10);
    }
    let events = client.sandbox.events();
    let created: Vec<i64> = events
        .iter()
        .map(|e| e["created"].as_i64().unwrap())
        .collect();
    assert_eq!(created, [START, START, START, START + 30]);
}

#[tokio::test]
async fn a_receiver_that_hangs_does_not_hold_up_the_others() {
    let client = Client::start().await;
    // Accepts connections and never reads from them.
    let hanging = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/hook", hanging.local_addr().unwrap());
    endpoint(&client, &url).await;
    let receiver = Receiver::answering(&[]).await;
    endpoint(&client, &receiver.url).await;
    make(&client, &["a", "b", "c"]).await;
    let begun = Instant::now();
    let delivering = client.sandbox.deliver_due();
    let arrived = async {
        while receiver.received().len() < 3 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::select! {
        _ = delivering => panic!("the hanging receiver has not answered"),
        () = arrived => {}
    }
    assert!(begun.elapsed() < Duration::from_secs(5));
    assert_eq!(customers(&receiver), ["a", "b", "c"]);
}

#[tokio::test]
async fn an_event_can_be_sent_again() {
    let client = Client::start().await;
    let receiver = Receiver::answering(&[500]).await;
    endpoint(&client, &receiver.url).await;
    make(&client, &["a"]).await;
    client.sandbox.deliver_due().await;
    let event = client.sandbox.events().remove(0);
    let id = event["id"].as_str().unwrap();
    let resent = client
        .post(&format!("/sandbox/events/{id}/resend"), &[])
        .await;
    assert_eq!(
        resent.json["data"].as_array().unwrap().len(),
        1,
        "{}",
        resent.text
    );
    client.sandbox.deliver_due().await;
    let received = receiver.received();
    assert_eq!(received.len(), 2);
    assert_eq!(received[0].body, received[1].body);
    let event = client.get(&format!("/v1/events/{id}")).await.json;
    assert_eq!(event["pending_webhooks"], 0);
    assert_eq!(
        client
            .post("/sandbox/events/evt_none/resend", &[])
            .await
            .status,
        404
    );
}

#[tokio::test]
async fn an_old_secret_signs_until_its_overlap_is_over() {
    let client = Client::start().await;
    let id = endpoint(&client, "http://127.0.0.1:9/x").await;
    client.sandbox.roll_webhook_secret(&id).unwrap();
    make(&client, &["a"]).await;
    let signatures = || {
        let delivery = client.sandbox.pending_deliveries().remove(0);
        let header = delivery
            .headers
            .iter()
            .find(|(n, _)| n == "stripe-signature");
        header.unwrap().1.matches("v1=").count()
    };
    assert_eq!(signatures(), 2);
    client.pass(86_399);
    assert_eq!(signatures(), 2);
    client.pass(1);
    assert_eq!(signatures(), 1);
    let path = format!("/sandbox/webhook_endpoints/{id}/roll");
    client.post(&path, &[("overlap_seconds", "0")]).await;
    assert_eq!(signatures(), 1);
}

#[tokio::test]
async fn webhook_endpoints_have_stripes_limits() {
    let client = Client::start().await;
    let path = "/v1/webhook_endpoints";
    let unknown = [("url", "http://a.test"), ("enabled_events[]", "customer.*")];
    let refused = client.post(path, &unknown).await;
    assert_eq!(refused.status, 400);
    assert!(refused.message().starts_with(
        "Invalid enabled_events[0]: must be one of *, account.application.authorized, "
    ));
    for url in ["", "a.test", "ftp://a.test", "http://", "http://a b"] {
        let answer = client
            .post(path, &[("url", url), ("enabled_events[]", "*")])
            .await;
        assert_eq!(answer.status, 400, "{url}");
    }
    let none = client.post(path, &[("url", "http://a.test")]).await;
    assert_eq!(none.message(), "Missing required param: enabled_events.");
    for n in 0..16 {
        let url = format!("http://a.test/{n}");
        client
            .post(path, &[("url", &url), ("enabled_events[]", "*")])
            .await
            .id();
    }
    let full = client
        .post(path, &[("url", "http://a.test"), ("enabled_events[]", "*")])
        .await;
    assert_eq!(
        full.message(),
        "You have reached the maximum of 16 test webhook endpoints."
    );
}

#[tokio::test]
async fn events_page_in_both_directions_and_are_gone_after_thirty_days() {
    let client = Client::start().await;
    make(&client, &["a", "b", "c", "d"]).await;
    let name = |page: &Value, at: usize| page["data"][at]["data"]["object"]["name"].clone();
    let first = client.get("/v1/events?limit=2").await.json;
    assert_eq!((name(&first, 0), name(&first, 1)), (json!("d"), json!("c")));
    assert_eq!(first["has_more"], true);
    let last = first["data"][1]["id"].as_str().unwrap();
    let next = client
        .get(&format!("/v1/events?limit=2&starting_after={last}"))
        .await
        .json;
    assert_eq!(
        (name(&next, 0), &next["has_more"]),
        (json!("b"), &json!(false))
    );
    let oldest = next["data"][1]["id"].as_str().unwrap();
    let back = client
        .get(&format!("/v1/events?limit=2&ending_before={oldest}"))
        .await
        .json;
    assert_eq!((name(&back, 0), name(&back, 1)), (json!("c"), json!("b")));
    let unknown = client.get("/v1/events?starting_after=evt_none").await;
    assert_eq!(
        (unknown.status, unknown.message()),
        (400, "No such event: 'evt_none'")
    );
    client.pass(30 * 86_400);
    assert_eq!(client.get("/v1/events").await.json["data"], json!([]));
    assert_eq!(
        client.get(&format!("/v1/events/{oldest}")).await.status,
        404
    );
}
