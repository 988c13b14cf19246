//! The commands beside `serve`: each does what it says, and may be repeated.

use billing_sandbox::Sandbox;
use reqwest::StatusCode;
use serde_json::Value;

use crate::program::run;
use crate::stage::{LOOKUP_KEY, Stage};

#[test]
fn help_shows_examples_first() {
    for arguments in [&["--help"] as &[&str], &["-h"]] {
        let said = run(arguments, []).success();
        assert!(said.starts_with("Examples:\n"), "{said}");
        let names = [
            "serve",
            "migrate",
            "demo",
            "openapi",
            "create-api-key",
            "sync-catalog",
            "events",
            "bench",
        ];
        for name in names {
            assert!(said.contains(&format!("\n  {name} ")), "{name}: {said}");
        }
    }
}

#[test]
fn openapi_prints_the_document_that_is_checked_in() {
    let said = run(&["openapi"], []).success();
    let checked_in = include_str!("../../../../docs/openapi.json");
    assert!(
        said == checked_in,
        "docs/openapi.json is out of date: billing-app openapi > docs/openapi.json"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_migration_applies_nothing() {
    let stage = Stage::new().await;
    let first = run(&["migrate"], stage.settings()).success();
    assert!(!first.starts_with("0 "), "{first}");
    let second = run(&["migrate"], stage.settings()).success();
    assert!(second.starts_with("0 migrations applied"), "{second}");
}

/// What an application is told about a user that nobody knows.
async fn check(stage: &Stage, url: &str, project: &str, key: &str) -> (StatusCode, Value) {
    let path = format!(
        "{url}/api/v1/entitlements/check?user_id=nobody&project_id={project}&feature=reports.export&allow_unknown=true"
    );
    let answer = stage.http.get(path).header("X-API-Key", key).send().await;
    let answer = answer.unwrap();
    let status = answer.status();
    (status, answer.json().await.unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_that_is_issued_while_the_service_runs_works_at_once() {
    let stage = Stage::new().await;
    let serving = stage.serve();
    let issue = [
        "create-api-key",
        "--project",
        "shop",
        "--app",
        "web",
        "--expires-in-days",
        "30",
    ];
    for arguments in [&issue[..5], &issue[..]] {
        let said = run(arguments, stage.settings()).success();
        let key = said.lines().next().unwrap();
        assert!(key.starts_with("bk_"), "{said}");
        let rest = said.split("project ").nth(1).unwrap();
        let project = rest.split(' ').next().unwrap();
        let expires = said.contains("expires at 20");
        assert_eq!(expires, arguments.len() > 5, "{said}");
        assert_ne!(expires, said.contains("never expires"), "{said}");
        let (status, verdict) = check(&stage, &serving.url, project, key).await;
        assert_eq!(status, StatusCode::OK, "{verdict}");
        assert_eq!(verdict["entitled"], false, "{verdict}");
        let (status, problem) = check(&stage, &serving.url, project, "bk_wrong").await;
        assert_eq!(status, StatusCode::UNAUTHORIZED, "{problem}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_needs_a_name_and_a_sensible_lifetime() {
    let stage = Stage::new().await;
    let blank = ["create-api-key", "--project", " ", "--app", "web"];
    let ended = run(&blank, stage.settings());
    let sentence = ended.sentence(2);
    assert!(sentence.contains("--project"), "{sentence}");
    let days = [
        "create-api-key",
        "--project",
        "shop",
        "--app",
        "web",
        "--expires-in-days",
        "0",
    ];
    let ended = run(&days, stage.settings());
    assert_eq!(ended.code, Some(2));
    assert!(
        ended.stderr.contains("--expires-in-days"),
        "{}",
        ended.stderr
    );
    assert!(!stage.path("billing.db").exists(), "a database was made");
}

/// Stripe's requests that change something.
fn writes(sandbox: &Sandbox) -> usize {
    let requests = sandbox.requests();
    requests.iter().filter(|r| r.method != "GET").count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_catalogue_is_brought_in_line_once() {
    let stage = Stage::new().await;
    run(&["migrate"], stage.settings()).success();
    let before = writes(&stage.sandbox);
    let first = run(&["sync-catalog"], stage.settings()).success();
    assert!(!first.starts_with("0 "), "{first}");
    let second = run(&["sync-catalog"], stage.settings()).success();
    assert!(
        second.starts_with("0 products and prices changed"),
        "{second}"
    );
    assert_eq!(writes(&stage.sandbox), before, "it only reads at Stripe");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_price_that_stripe_does_not_have_is_named() {
    let stage = Stage::new().await;
    run(&["migrate"], stage.settings()).success();
    let file = stage.path("products.toml");
    let plan = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, plan.replace(LOOKUP_KEY, "team_monthly")).unwrap();
    for command in ["sync-catalog", "serve"] {
        let ended = run(&[command], stage.settings());
        let sentence = ended.sentence(1);
        assert!(sentence.contains("team_monthly"), "{command}: {sentence}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_plan_file_there_is_nothing_to_bring_in_line() {
    let mut stage = Stage::new().await;
    stage.unset("PLAN_CATALOG_FILE");
    let ended = run(&["sync-catalog"], stage.settings());
    assert!(ended.sentence(2).contains("PLAN_CATALOG_FILE"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_catalogue_over_a_database_without_tables_says_what_to_run() {
    let stage = Stage::new().await;
    let ended = run(&["sync-catalog"], stage.settings());
    let sentence = ended.sentence(1);
    assert!(sentence.contains("billing-app migrate"), "{sentence}");
}

#[test]
fn bench_prints_four_figures() {
    let said = run(&["bench"], []).success();
    assert_eq!(said.matches(" ms\n").count(), 3, "{said}");
    assert!(said.contains("resident memory"), "{said}");
}
