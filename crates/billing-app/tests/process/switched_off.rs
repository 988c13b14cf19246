//! F.6 story 8: billing is switched off while Stripe goes on; nothing of it is lost.

use reqwest::StatusCode;
use serde_json::Value;

use crate::stage::Stage;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_stripe_says_while_billing_is_off_is_applied_once_it_is_on() {
    let mut stage = Stage::new().await;
    let serving = stage.serve();
    let created = serving.buy_until_created("before").await.json();
    let intent_id = created["checkout_intent"]["id"].as_str().unwrap();
    let session_id = created["checkout_session_id"].as_str().unwrap();
    serving.running.signal("TERM");
    serving.running.end();

    stage.set("BILLING_ENABLED", "false");
    let serving = stage.serve();
    let refused = serving.buy("meanwhile").await.unwrap();
    assert_eq!(refused.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(
        refused.json()["code"],
        "billing_disabled",
        "{}",
        refused.body
    );
    stage
        .sandbox
        .pay_checkout(session_id, "4242 4242 4242 4242")
        .unwrap();
    let stored = stage.deliver(&serving).await;
    assert!(stored > 0);
    assert!(stage.has_no_unanswered(), "all had their 200");
    assert_eq!(serving.state(intent_id).await, "created");
    serving.running.signal("TERM");
    let ended = serving.running.end();
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);

    stage.set("BILLING_ENABLED", "true");
    let serving = stage.serve();
    let intent = serving.fulfilled(intent_id).await;
    assert!(matches!(intent["tenant_id"], Value::String(_)), "{intent}");
    assert_eq!(stage.stripe_list("/v1/charges").await.len(), 1);
}
