//! The database dies under load, and the service does not: deliveries are refused with 503 until it
//! is back, and every event that had its 200 takes effect once. With SQLite the database dies with
//! the service.

use billing_seaorm::testing::{Cluster, TestDatabase};
use reqwest::StatusCode;

use crate::effects::each_event_has_its_effect_once;
use crate::load::{SEATS, Sender, sales_with_changes};
use crate::stage::{Stage, eventually};

const SALES: usize = 6;
const CHANGES: usize = 12;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgresql_crashes_under_load_and_each_event_counts_once() {
    let Some(cluster) = Cluster::start_or_skip() else {
        return;
    };
    let database = TestDatabase::of(&cluster).await;
    let mut stage = Stage::on(database).await;
    let serving = stage.serve();
    let deliveries = sales_with_changes(&mut stage, &serving, SALES, CHANGES).await;
    let sender = Sender::start(deliveries, &[&serving]);
    for percent in [20, 50] {
        sender.is_under_way(percent).await;
        cluster.crash();
        sender.is_refused(StatusCode::SERVICE_UNAVAILABLE).await;
        let ready = stage
            .http
            .get(format!("{}/ready", serving.url))
            .send()
            .await;
        assert_eq!(ready.unwrap().status(), StatusCode::SERVICE_UNAVAILABLE);
        cluster.recover();
        eventually("the service is ready again", async || {
            let ready = stage
                .http
                .get(format!("{}/ready", serving.url))
                .send()
                .await;
            (ready.ok()?.status() == StatusCode::OK).then_some(())
        })
        .await;
    }
    let (acknowledged, refusals) = sender.finish().await;
    assert_eq!(Vec::from_iter(refusals), [StatusCode::SERVICE_UNAVAILABLE]);
    let database = stage.database.as_ref().unwrap();
    each_event_has_its_effect_once(database, &acknowledged, SALES, SEATS + CHANGES).await;
    assert!(!serving.running.logged().contains("panicked"));
    serving.running.signal("TERM");
    assert_eq!(serving.running.end().code, Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_under_load_on_sqlite_each_event_counts_once() {
    let mut stage = Stage::on(TestDatabase::sqlite().await).await;
    let mut serving = stage.serve();
    let deliveries = sales_with_changes(&mut stage, &serving, SALES, CHANGES).await;
    let sender = Sender::start(deliveries, &[&serving]);
    for percent in [20, 40, 60] {
        sender.is_under_way(percent).await;
        serving.kill();
        serving = stage.serve();
        sender.send_to(&[&serving]);
    }
    let (acknowledged, _) = sender.finish().await;
    let database = stage.database.as_ref().unwrap();
    each_event_has_its_effect_once(database, &acknowledged, SALES, SEATS + CHANGES).await;
    let integrity = "SELECT integrity_check AS line FROM pragma_integrity_check";
    assert_eq!(database.lines(integrity).await, ["ok"]);
}
