//! E-116: a service over a database without its tables is alive, not ready, and takes no event.

use reqwest::StatusCode;
use serde_json::Value;

use crate::program::{Running, program, run};
use crate::stage::{Stage, eventually};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn e_116_without_its_tables_the_service_waits_and_is_ready_once_they_are_there() {
    let mut stage = Stage::new().await;
    stage.set("RUN_MIGRATIONS_ON_STARTUP", "false");
    let running = Running::start(program(&["serve"], stage.settings()));
    let rest = running.line("waiting on ");
    let url = rest.split(": ").next().unwrap();
    assert!(rest.contains("billing-app migrate"), "{rest}");

    let status = async |path: &str| {
        let answer = stage.http.get(format!("{url}{path}")).send().await.unwrap();
        (answer.status(), answer.text().await.unwrap())
    };
    assert_eq!(status("/live").await.0, StatusCode::OK);
    let (code, body) = status("/ready").await;
    assert_eq!(code, StatusCode::SERVICE_UNAVAILABLE);
    assert!(body.contains("billing-app migrate"), "{body}");

    let delivery = stage.sandbox.pending_deliveries().remove(0);
    let mut request = stage.http.post(format!("{url}/api/v1/webhooks/stripe"));
    for (name, value) in &delivery.headers {
        request = request.header(name, value);
    }
    let answer = request.body(delivery.body).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
    let problem: Value = answer.json().await.unwrap();
    let told = problem.to_string();
    for inside in [
        "panicked",
        "stack backtrace",
        "no such table",
        "sqlx",
        "src/",
    ] {
        assert!(!told.contains(inside), "{told}");
        let log = running.logged();
        assert!(!log.contains("panicked"), "{log}");
    }

    run(&["migrate"], stage.settings()).success();
    running.line("ready on ");
    eventually("it is ready", async || {
        (status("/ready").await.0 == StatusCode::OK).then_some(())
    })
    .await;
    running.signal("TERM");
    let ended = running.end();
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_that_waits_for_its_tables_can_be_stopped() {
    let mut stage = Stage::new().await;
    stage.set("RUN_MIGRATIONS_ON_STARTUP", "false");
    let running = Running::start(program(&["serve"], stage.settings()));
    running.line("waiting on ");
    running.signal("TERM");
    let ended = running.end();
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_its_tables_the_service_needs_no_migration_at_start() {
    let mut stage = Stage::new().await;
    run(&["migrate"], stage.settings()).success();
    stage.set("RUN_MIGRATIONS_ON_STARTUP", "false");
    let serving = stage.serve();
    let created = serving.buy_until_created("sale").await;
    assert_eq!(created.status, StatusCode::CREATED);
}
