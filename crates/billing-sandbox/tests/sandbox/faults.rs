//! Faults before and after the effect, being offline, the control endpoints, and repeatable runs.

use billing_sandbox::{Fault, FaultKind};
use serde_json::json;

use crate::client::{Client, START};

async fn customer_count(client: &Client) -> usize {
    client.get("/v1/customers").await.json["data"]
        .as_array()
        .unwrap()
        .len()
}

fn keyed(client: &Client, key: &str) -> reqwest::RequestBuilder {
    client
        .request("POST", "/v1/customers")
        .header("idempotency-key", key)
        .body("email=a@b.co")
}

#[tokio::test]
async fn a_failure_before_the_effect_leaves_nothing_and_a_retry_succeeds() {
    let client = Client::start().await;
    for kind in [
        FaultKind::FailBefore { status: 500 },
        FaultKind::RateLimit { retry_after_s: 2 },
    ] {
        client
            .sandbox
            .faults([Fault::once("POST", "/v1/customers", kind)]);
    }
    let failed = Client::answer(keyed(&client, "k")).await;
    assert_eq!(
        (failed.status, &failed.json["error"]["type"]),
        (500, &json!("api_error"))
    );
    let limited = Client::answer(keyed(&client, "k")).await;
    assert_eq!((limited.status, limited.header("retry-after")), (429, "2"));
    assert_eq!(customer_count(&client).await, 0);
    assert_eq!(Client::answer(keyed(&client, "k")).await.status, 200);
}

#[tokio::test]
async fn a_cut_after_the_effect_is_found_again_under_the_same_key() {
    let client = Client::start().await;
    client
        .sandbox
        .faults([Fault::once("POST", "/v1/customers", FaultKind::CutAfter)]);
    assert!(keyed(&client, "k").send().await.is_err());
    assert_eq!(customer_count(&client).await, 1);
    let again = Client::answer(keyed(&client, "k")).await;
    assert_eq!(
        (again.status, again.header("idempotent-replayed")),
        (200, "true")
    );
    assert_eq!(customer_count(&client).await, 1);
    client
        .sandbox
        .faults([Fault::once("", "/v1/customers", FaultKind::CutBefore)]);
    assert!(keyed(&client, "k2").send().await.is_err());
    assert_eq!(customer_count(&client).await, 1);
}

#[tokio::test]
async fn a_500_after_the_effect_is_replayed_and_a_502_is_not() {
    let client = Client::start().await;
    for (key, status, replayed) in [("k1", 500, 500), ("k2", 502, 200)] {
        client.sandbox.faults([Fault::once(
            "POST",
            "/v1/customers",
            FaultKind::FailAfter { status },
        )]);
        assert_eq!(Client::answer(keyed(&client, key)).await.status, status);
        assert_eq!(Client::answer(keyed(&client, key)).await.status, replayed);
    }
    assert_eq!(customer_count(&client).await, 2);
}

#[tokio::test]
async fn offline_answers_nothing_until_it_is_back() {
    let client = Client::start().await;
    client.sandbox.set_offline(true);
    assert!(client.request("GET", "/v1/customers").send().await.is_err());
    client.sandbox.set_offline(false);
    assert_eq!(customer_count(&client).await, 0);
}

#[tokio::test]
async fn the_control_endpoints_do_what_the_library_does() {
    let client = Client::start().await;
    let fault = [
        ("method", "POST"),
        ("path", "/v1/customers"),
        ("kind", "fail_before"),
        ("status", "503"),
    ];
    assert_eq!(client.post("/sandbox/faults", &fault).await.status, 200);
    assert_eq!(client.post("/v1/customers", &[]).await.status, 503);
    assert_eq!(client.get("/sandbox/faults").await.json["data"], json!([]));
    assert_eq!(
        client
            .post("/sandbox/faults", &[("kind", "nonsense")])
            .await
            .status,
        400
    );
    let clock = client
        .post("/sandbox/clock/advance", &[("seconds", "60")])
        .await
        .json;
    assert_eq!(clock["now"], START + 60);
    let price = client.monthly_price().await;
    let id = client.session("subscription", &price, &[]).await.id();
    let pay = format!("/sandbox/checkout/{id}/pay");
    let declined = client.post(&pay, &[("number", "4000000000000002")]).await;
    assert_eq!(
        (declined.status, declined.message()),
        (402, "Your card was declined.")
    );
    assert_eq!(client.post(&pay, &[]).await.json["status"], "complete");
    let page = Client::answer(client.http.get(client.sandbox.url())).await;
    assert!(page.text.contains("checkout.session.completed"));
    assert_eq!(client.get("/sandbox/nothing").await.status, 404);
}

#[tokio::test]
async fn the_same_seed_clock_and_requests_give_the_same_bytes() {
    let mut runs = Vec::new();
    for _ in 0..2 {
        let client = Client::start().await;
        let fields = [("url", "http://127.0.0.1:9/x"), ("enabled_events[0]", "*")];
        client.post("/v1/webhook_endpoints", &fields).await.id();
        let price = client.monthly_price().await;
        let id = client.session("subscription", &price, &[]).await.id();
        client
            .sandbox
            .pay_checkout(&id, "4000000000000002")
            .unwrap();
        client
            .sandbox
            .pay_checkout(&id, "4242424242424242")
            .unwrap();
        let session = client
            .get(&format!("/v1/checkout/sessions/{id}?expand[]=invoice"))
            .await;
        let port = client.sandbox.url().rsplit(':').next().unwrap().to_owned();
        let deliveries: Vec<(String, Vec<(String, String)>)> = client
            .sandbox
            .pending_deliveries()
            .into_iter()
            .map(|d| (d.body, d.headers))
            .collect();
        let requests = client.sandbox.requests();
        runs.push((
            session.text.replace(&port, "PORT"),
            deliveries.len(),
            requests,
            deliveries,
            port,
        ));
    }
    let (first, second) = (&runs[0], &runs[1]);
    assert_eq!(first.0, second.0);
    assert_eq!(first.2, second.2);
    assert!(first.1 > 10);
    for (one, two) in first.3.iter().zip(&second.3) {
        assert_eq!(
            one.0.replace(&first.4, "PORT"),
            two.0.replace(&second.4, "PORT")
        );
        if !one.0.contains(&first.4) {
            assert_eq!(one.1, two.1);
        }
    }
}

#[tokio::test]
async fn stopping_frees_the_port_and_another_seed_gives_another_key() {
    let first = billing_sandbox::Sandbox::start(crate::client::config())
        .await
        .unwrap();
    let port: u16 = first.url().rsplit(':').next().unwrap().parse().unwrap();
    let key = first.secret_key().to_owned();
    first.stop().await;
    let config = billing_sandbox::SandboxConfig {
        port,
        seed: 7,
        ..crate::client::config()
    };
    let again = Client::with(config).await;
    assert_ne!(again.key, key);
}
