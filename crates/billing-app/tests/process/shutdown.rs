//! Signals: the first lets requests end, the second does not wait.

use std::time::Duration;

use billing_sandbox::{Fault, FaultKind};
use reqwest::StatusCode;
use tokio::time::Instant;

use crate::stage::{Serving, Stage, eventually};

/// A checkout that is under way when this returns; Stripe takes its time.
async fn slow_checkout(
    stage: &Stage,
    serving: &Serving,
    delay_ms: u64,
) -> tokio::task::JoinHandle<Option<StatusCode>> {
    let delay = FaultKind::Delay { delay_ms };
    stage
        .sandbox
        .faults([Fault::once("POST", "/v1/customers", delay)]);
    let client = serving.client();
    let buying = tokio::spawn(async move { Some(client.buy("slow").await?.status) });
    stage.faults_are_used_up().await;
    buying
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_that_is_under_way_is_answered_before_the_end() {
    let stage = Stage::new().await;
    for signal in ["TERM", "INT"] {
        let serving = stage.serve();
        let buying = slow_checkout(&stage, &serving, 1_000).await;
        serving.running.signal(signal);
        assert_eq!(buying.await.unwrap(), Some(StatusCode::CREATED), "{signal}");
        let ended = serving.running.end();
        assert_eq!(ended.code, Some(0), "{signal}: {}", ended.stderr);
        std::fs::remove_file(stage.path("billing.db")).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_the_end_the_file_is_whole_without_a_log_beside_it() {
    let stage = Stage::new().await;
    let serving = stage.serve();
    serving.running.signal("TERM");
    assert_eq!(serving.running.end().code, Some(0));
    assert!(stage.path("billing.db").is_file());
    assert!(!stage.path("billing.db-wal").exists());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_signal_ends_at_once() {
    let stage = Stage::new().await;
    let serving = stage.serve();
    let buying = slow_checkout(&stage, &serving, 15_000).await;
    serving.running.signal("TERM");
    eventually("the first signal is heard", async || {
        serving.running.logged().contains("stopping").then_some(())
    })
    .await;
    let begun = Instant::now();
    serving.running.signal("TERM");
    let ended = serving.running.end();
    assert!(begun.elapsed() < Duration::from_secs(5), "it waited");
    assert_eq!(
        ended.sentence(1),
        "error: stopped at once by a second signal"
    );
    assert_eq!(buying.await.unwrap(), None, "the request was cut off");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_takes_longer_than_the_time_out_is_cut_off_and_said() {
    let mut stage = Stage::new().await;
    stage.set("SHUTDOWN_TIMEOUT_SECONDS", "1");
    let serving = stage.serve();
    let buying = slow_checkout(&stage, &serving, 15_000).await;
    serving.running.signal("TERM");
    let ended = serving.running.end();
    assert!(
        ended.sentence(1).contains("cut off after 1 s"),
        "{}",
        ended.stderr
    );
    assert_eq!(buying.await.unwrap(), None);
}
