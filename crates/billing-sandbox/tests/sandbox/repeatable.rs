//! The same seed, clock and requests give the same bytes; so does a world that was put into a file.

use billing_sandbox::{Fault, FaultKind, Sandbox, SandboxConfig, SnapshotError, SnapshotOwner};

use crate::client::{Client, config};

/// Where the pages are said to be, so that a free port does not show in any body.
fn at_a_fixed_address() -> SandboxConfig {
    SandboxConfig {
        public_url: Some("http://stripe.test".into()),
        ..config()
    }
}

async fn shop(client: &Client) -> String {
    let fields = [("url", "http://127.0.0.1:9/x"), ("enabled_events[0]", "*")];
    client.post("/v1/webhook_endpoints", &fields).await.id();
    client.sandbox.faults([
        Fault::webhook("", FaultKind::WebhookReorder).percent(30),
        Fault::webhook("", FaultKind::WebhookDuplicate { copies: 1 }).percent(30),
        Fault::once(
            "GET",
            "/v1/customers",
            FaultKind::FailBefore { status: 503 },
        )
        .percent(20),
    ]);
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
    id
}

/// What a life after that looks like, in every byte that anybody can see.
async fn go_on(client: &Client, session: &str) -> Vec<String> {
    let mut seen = Vec::new();
    for n in 0..10 {
        let request = client.request("POST", "/v1/customers");
        let request = request.header("idempotency-key", format!("k{n}"));
        seen.push(Client::answer(request.body(format!("name={n}"))).await.text);
        seen.push(client.get("/v1/customers?limit=3").await.text);
        client.sandbox.deliver_due().await;
        client.pass(86_400 * 5);
    }
    seen.push(
        client
            .get(&format!("/v1/checkout/sessions/{session}?expand[]=invoice"))
            .await
            .text,
    );
    seen.push(client.get("/v1/events?limit=100").await.text);
    seen.push(client.get("/sandbox/requests").await.text);
    seen.push(client.get("/sandbox/deliveries").await.text);
    seen.extend(client.sandbox.events().iter().map(ToString::to_string));
    for delivery in client.sandbox.pending_deliveries() {
        seen.push(format!("{:?}\n{}", delivery.headers, delivery.body));
    }
    seen
}

#[tokio::test]
async fn the_same_seed_gives_the_same_log_events_and_deliveries() {
    let mut runs = Vec::new();
    for _ in 0..2 {
        let client = Client::with(at_a_fixed_address()).await;
        let session = shop(&client).await;
        runs.push(go_on(&client, &session).await);
    }
    assert!(runs[0].len() > 40, "{}", runs[0].len());
    assert!(runs[0] == runs[1], "two runs of one seed differ");
    let other = SandboxConfig {
        seed: 43,
        secret_key: Some("sk_test_x".into()),
        ..at_a_fixed_address()
    };
    let other = Client::with(other).await;
    let session = shop(&other).await;
    assert_ne!(go_on(&other, &session).await[0], runs[0][0]);
}

#[tokio::test]
async fn a_world_from_a_file_goes_on_byte_by_byte() {
    let first = Client::with(at_a_fixed_address()).await;
    let session = shop(&first).await;
    let kept = first.sandbox.snapshot();
    let second = Client::with(at_a_fixed_address()).await;
    second.sandbox.resume(&kept).unwrap();
    assert!(
        second.sandbox.snapshot() == kept,
        "what was read is what was written"
    );
    let (one, two) = (
        go_on(&first, &session).await,
        go_on(&second, &session).await,
    );
    assert!(one.len() > 40);
    for (one, two) in one.iter().zip(&two) {
        assert_eq!(one, two);
    }
    assert!(first.sandbox.snapshot() == second.sandbox.snapshot());
}

#[tokio::test]
async fn a_snapshot_is_taken_and_put_back_over_http() {
    let client = Client::with(at_a_fixed_address()).await;
    let id = client.post("/v1/customers", &[("name", "kept")]).await.id();
    let kept = client.get("/sandbox/snapshot").await;
    assert_eq!(kept.header("content-type"), "application/json");
    let owner = SnapshotOwner::of(&kept.text).unwrap();
    assert_eq!((owner.seed, &owner.secret_key), (42, &client.key));
    client
        .post(&format!("/v1/customers/{id}"), &[("name", "changed")])
        .await
        .id();
    let back = client.request("POST", "/sandbox/snapshot").body(kept.text);
    assert_eq!(Client::answer(back).await.status, 200);
    assert_eq!(
        client.get(&format!("/v1/customers/{id}")).await.json["name"],
        "kept"
    );
    let bad = client
        .request("POST", "/sandbox/snapshot")
        .body("{\"format\": 1}");
    assert_eq!(Client::answer(bad).await.status, 400);
    assert_eq!(
        client.get(&format!("/v1/customers/{id}")).await.json["name"],
        "kept"
    );
}

#[tokio::test]
async fn a_snapshot_of_another_seed_is_refused() {
    let first = Sandbox::start(config()).await.unwrap();
    let other = Sandbox::start(SandboxConfig {
        seed: 7,
        ..config()
    })
    .await
    .unwrap();
    assert!(matches!(
        other.resume(&first.snapshot()),
        Err(SnapshotError::OtherSeed { found: 42 })
    ));
}
