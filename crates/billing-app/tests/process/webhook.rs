//! The webhook endpoint on the command line: registered once, looked after, and repaired.

use billing_sandbox::{Fault, FaultKind};
use serde_json::Value;

use crate::program::run;
use crate::stage::Stage;

const URL: &str = "http://127.0.0.1:8080/api/v1/webhooks/stripe";

async fn registered(stage: &Stage) -> Vec<Value> {
    let mut endpoints = stage.stripe_list("/v1/webhook_endpoints").await;
    endpoints.retain(|endpoint| endpoint["url"] == URL);
    endpoints
}

fn status(stage: &Stage) -> (Option<i32>, Value) {
    let ended = run(&["webhook", "status", "--json"], stage.settings());
    let report =
        serde_json::from_str(ended.stdout.trim()).unwrap_or_else(|_| panic!("{}", ended.stderr));
    (ended.code, report)
}

fn problems(report: &Value) -> Vec<&str> {
    let problems = report["problems"].as_array().unwrap();
    problems.iter().map(|text| text.as_str().unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_endpoint_is_registered_once_and_brought_in_line() {
    let stage = Stage::new().await;
    let asked = run(&["webhook", "status"], stage.settings());
    assert!(asked.sentence(1).contains("billing-app migrate"));
    run(&["migrate"], stage.settings()).success();

    let (code, report) = status(&stage);
    assert_eq!(code, Some(3));
    assert_eq!(
        problems(&report),
        ["not registered; next: billing-app webhook register"]
    );
    let dry = run(&["webhook", "register", "--dry-run"], stage.settings()).success();
    assert!(dry.contains("would be registered"), "{dry}");
    assert!(registered(&stage).await.is_empty());

    let said = run(&["webhook", "register"], stage.settings()).success();
    assert!(said.contains("\nwhsec_"), "{said}");
    assert!(said.contains("STRIPE_WEBHOOK_SECRET"), "{said}");
    let again = run(&["webhook", "register"], stage.settings()).success();
    assert!(again.contains("nothing was changed"), "{again}");
    assert!(!again.contains("whsec_"), "{again}");
    let endpoints = registered(&stage).await;
    assert_eq!(endpoints.len(), 1);
    assert_eq!(endpoints[0]["api_version"], "2026-09-30.endive");
    let (code, report) = status(&stage);
    assert_eq!((code, problems(&report).len()), (Some(0), 0), "{report}");

    let id = endpoints[0]["id"].as_str().unwrap();
    let path = format!("/v1/webhook_endpoints/{id}");
    let form = [("disabled", "true"), ("enabled_events[0]", "payout.paid")];
    stage.stripe_post(&path, &form).await;
    let (code, report) = status(&stage);
    let found = problems(&report).join("\n");
    assert_eq!(code, Some(3), "{found}");
    for part in [
        "disabled",
        "never delivered: charge.dispute.closed",
        "for nothing: payout.paid",
    ] {
        assert!(found.contains(part), "{part}: {found}");
    }
    let mended = run(&["webhook", "register"], stage.settings()).success();
    assert!(mended.contains("brought in line"), "{mended}");
    let said = run(&["webhook", "status"], stage.settings()).success();
    assert!(said.contains("in order     yes"), "{said}");
    assert_eq!(registered(&stage).await.len(), 1);
}

/// F.2: what was lost while billing was switched off is found, deferred, and applied when it is on.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_never_came_while_billing_was_off_is_found_and_applied_once_it_is_on() {
    let mut stage = Stage::new().await;
    stage.set("EVENT_SCAN_DELAY_SECONDS", "0");
    let serving = stage.serve();
    let created = serving.buy_until_created("sale").await.json();
    let intent_id = created["checkout_intent"]["id"].as_str().unwrap();
    let session_id = created["checkout_session_id"].as_str().unwrap();
    serving.running.signal("TERM");
    serving.running.end();
    run(&["webhook", "register"], stage.settings()).success();

    let lost = Fault::webhook("", FaultKind::WebhookDrop).percent(100);
    stage.sandbox.faults([lost]);
    let card = "4242 4242 4242 4242";
    stage.sandbox.pay_checkout(session_id, card).unwrap();
    stage.set("BILLING_ENABLED", "false");
    let said = run(&["events", "scan", "--json"], stage.settings()).success();
    let scanned: Value = serde_json::from_str(&said).unwrap();
    let found = scanned["found"].as_u64().unwrap();
    assert!(found > 0, "{scanned}");
    let again = run(&["events", "scan", "--since", "1h"], stage.settings()).success();
    assert!(
        again.contains("every one of them is in the inbox"),
        "{again}"
    );
    let listed = run(
        &["events", "list", "--json", "--limit", "1"],
        stage.settings(),
    )
    .success();
    let event: Value = serde_json::from_str(listed.lines().next().unwrap()).unwrap();
    let id = event["id"].as_str().unwrap();
    let shown = run(&["events", "show", id], stage.settings()).success();
    assert!(shown.contains("found by a scan"), "{shown}");

    let serving = stage.serve();
    let deferred = crate::stage::eventually("the events are deferred", async || {
        let arguments = [
            "events", "list", "--status", "deferred", "--json", "--limit", "100",
        ];
        let listed = run(&arguments, stage.settings()).success();
        let count = u64::try_from(listed.lines().count()).unwrap();
        (count == found).then_some(count)
    });
    assert_eq!(deferred.await, found);
    assert_eq!(serving.state(intent_id).await, "created");
    serving.running.signal("TERM");
    serving.running.end();

    stage.set("BILLING_ENABLED", "true");
    let serving = stage.serve();
    serving.fulfilled(intent_id).await;
    assert_eq!(stage.stripe_list("/v1/charges").await.len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stripes_own_words_are_shown_to_whoever_registers() {
    let mut stage = Stage::new().await;
    let wrong = ["webhook", "register", "--url", "not an address"];
    let refused = run(&wrong, stage.settings());
    assert!(refused.sentence(1).contains("Not a valid URL"));
    stage.sandbox.set_offline(true);
    let down = run(&["webhook", "register"], stage.settings());
    assert!(down.sentence(1).contains("try again"));
    stage.unset("STRIPE_SECRET_KEY");
    let keyless = run(&["webhook", "register"], stage.settings());
    assert!(keyless.sentence(2).contains("STRIPE_SECRET_KEY"));
}

/// C-111: metrics are for operators, and on an address of their own for whoever reaches it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sale_is_counted() {
    let mut stage = Stage::new().await;
    stage.set("METRICS_BIND_ADDR", "127.0.0.1:0");
    let serving = stage.serve();
    let created = serving.buy_until_created("sale").await.json();
    let intent_id = created["checkout_intent"]["id"].as_str().unwrap();
    let session_id = created["checkout_session_id"].as_str().unwrap();
    let card = "4242 4242 4242 4242";
    stage.sandbox.pay_checkout(session_id, card).unwrap();
    stage.deliver(&serving).await;
    serving.fulfilled(intent_id).await;
    let refused = stage
        .http
        .get(format!("{}/metrics", serving.url))
        .send()
        .await;
    assert_eq!(refused.unwrap().status(), 401);
    let logged = serving.running.logged();
    let address = logged
        .split("metrics are open on ")
        .nth(1)
        .and_then(|rest| rest.split('"').next())
        .unwrap_or_else(|| panic!("{logged}"));
    let page = stage
        .http
        .get(format!("http://{address}/metrics"))
        .send()
        .await
        .unwrap();
    let page = page.text().await.unwrap();
    for part in [
        "billing_webhook_processed_total{event_type=\"invoice.paid\",status=\"processed\"} 1",
        "billing_webhook_inbox_events{status=\"parked\"} 0",
        "billing_database_up 1",
    ] {
        assert!(page.contains(part), "{part}\n{page}");
    }
}
