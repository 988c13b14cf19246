//! B-096: the log of a whole sale is JSON, line by line, and tells no secret.

use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::stage::{BEARER_SECRET, Stage, buyer, learner};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn b_096_the_log_of_a_sale_is_json_and_tells_no_secret() {
    let mut stage = Stage::new().await;
    stage.set("LOG_FORMAT", "json");
    stage.set("LOG_FILTER", "debug");
    let serving = stage.serve();
    let created = serving.buy_until_created("sale").await.json();
    let session_id = created["checkout_session_id"].as_str().unwrap();
    stage
        .sandbox
        .pay_checkout(session_id, "4242 4242 4242 4242")
        .unwrap();
    stage.deliver(&serving).await;
    let intent_id = created["checkout_intent"]["id"].as_str().unwrap();
    let intent = serving.fulfilled(intent_id).await;
    let tenant = intent["tenant_id"].as_str().unwrap();
    let plans = serving
        .get(&format!("/licensing/tenants/{tenant}/plans"))
        .await
        .json();
    let plan = plans["items"][0]["id"].as_str().unwrap();
    let tokens = [buyer(), learner()];
    let assigned = serving
        .http
        .post(serving.api(&format!("/licensing/plans/{plan}/licenses/assign")))
        .bearer_auth(&tokens[0])
        .header("Idempotency-Key", "assign")
        .json(&json!({ "user_emails": ["grace@acme.example"] }))
        .send()
        .await
        .unwrap();
    let assigned: Value = assigned.json().await.unwrap();
    let key = assigned["license_assignments"][0]["activation_key"]
        .as_str()
        .unwrap();
    let path = format!("/licensing/license-activation?activation_key={key}");
    let activated = serving
        .http
        .post(serving.api(&path))
        .bearer_auth(&tokens[1])
        .send()
        .await
        .unwrap();
    assert_eq!(activated.status(), StatusCode::OK);
    serving.running.signal("TERM");
    let log = serving.running.end().stderr;

    let lines: Vec<&str> = log.lines().collect();
    assert!(lines.len() > 10, "{log}");
    for line in &lines {
        let fact: Value = serde_json::from_str(line).unwrap_or_else(|_| panic!("{line}"));
        assert!(fact["level"].is_string(), "{line}");
    }
    let secrets = [
        ("the key of Stripe", stage.sandbox.secret_key()),
        (
            "the secret of the webhook",
            stage.sandbox.webhook_secret().unwrap(),
        ),
        ("the secret of the tokens", BEARER_SECRET),
        ("the buyer's token", &tokens[0]),
        ("the learner's token", &tokens[1]),
        ("the activation key", key),
    ];
    for (what, secret) in secrets {
        let found = lines.iter().find(|line| line.contains(secret));
        assert_eq!(found, None, "{what} is in the log");
    }
    let signatures = lines.iter().find(|line| line.contains(",v1="));
    assert_eq!(signatures, None, "a signature is in the log");
}
