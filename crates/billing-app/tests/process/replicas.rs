//! Two replicas on one PostgreSQL while Stripe delivers to both: one is killed, stopped in good
//! order, or frozen for longer than its claims last. Every event that had its 200 takes effect
//! once. There is no Redis in any of it: nothing of the service needs one.

use std::collections::BTreeSet;

use billing_sandbox::SignedDelivery;
use reqwest::StatusCode;

use crate::effects::{Effects, each_event_has_its_effect_once, inbox_is_settled};
use crate::load::{SEATS, Sender, sales_with_changes};
use crate::order::nobody_was_overtaken;
use crate::stage::{Serving, Stage, eventually};
use billing_seaorm::testing::TestDatabase;

const SALES: usize = 8;
const CHANGES: usize = 12;

/// Two replicas, and what Stripe has to deliver to them; `None` where there is no PostgreSQL.
async fn two_replicas() -> Option<(Stage, [Serving; 2], Vec<SignedDelivery>)> {
    let database = TestDatabase::postgres().await?;
    let mut stage = Stage::on(database).await;
    stage.set("LOG_FILTER", "info,billing_domain=debug");
    let first = stage.serve();
    let deliveries = sales_with_changes(&mut stage, &first, SALES, CHANGES).await;
    let second = stage.serve();
    Some((stage, [first, second], deliveries))
}

/// Each event counts once and in its owner's order; the logs say how it came about if not.
async fn all_is_well(stage: &Stage, acknowledged: &BTreeSet<String>, logs: &[String]) {
    let database = stage.database.as_ref().unwrap();
    each_event_has_its_effect_once(database, acknowledged, SALES, SEATS + CHANGES).await;
    nobody_was_overtaken(database, logs).await;
}

/// Waits until there are events that were received and not applied: a worker has them in its hands.
async fn somebody_works(stage: &Stage) {
    let database = stage.database.as_ref().unwrap();
    eventually("events are received and not applied", async || {
        let open = "provider_events WHERE status IN ('received', 'processing')";
        (database.row_count(open).await > 0).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_of_two_replicas_is_killed_under_load_and_each_event_counts_once() {
    let Some((stage, [first, second], deliveries)) = two_replicas().await else {
        return;
    };
    let sender = Sender::start(deliveries, &[&first, &second]);
    sender.is_under_way(30).await;
    let killed = first.kill();
    sender.is_under_way(60).await;
    let first = stage.serve();
    sender.send_to(&[&first, &second]);
    let (acknowledged, refusals) = sender.finish().await;
    inbox_is_settled(stage.database.as_ref().unwrap()).await;
    let logs = [killed, first.running.logged(), second.running.logged()];
    all_is_well(&stage, &acknowledged, &logs).await;
    assert_eq!(refusals, BTreeSet::new(), "the other one took what came");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_of_two_replicas_is_told_to_stop_under_load_and_each_event_counts_once() {
    let Some((stage, [first, second], deliveries)) = two_replicas().await else {
        return;
    };
    let sender = Sender::start(deliveries, &[&first, &second]);
    sender.is_under_way(30).await;
    first.running.signal("TERM");
    let ended = first.running.end();
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let (acknowledged, refusals) = sender.finish().await;
    inbox_is_settled(stage.database.as_ref().unwrap()).await;
    let logs = [ended.stderr, second.running.logged()];
    all_is_well(&stage, &acknowledged, &logs).await;
    assert_eq!(
        refusals,
        BTreeSet::new(),
        "what is accepted is answered, and whoever comes too late finds nobody"
    );
    // It took its claims to their end: nothing had to wait for the end of a lease.
    let retried = "provider_events WHERE attempts > 1";
    let database = stage.database.as_ref().unwrap();
    assert_eq!(database.row_count(retried).await, 0);
    second.running.signal("TERM");
    assert_eq!(second.running.end().code, Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replica_that_wakes_after_its_lease_changes_nothing_that_the_other_has_done() {
    let Some((stage, [first, second], deliveries)) = two_replicas().await else {
        return;
    };
    let sender = Sender::start(deliveries, &[&first]);
    sender.is_under_way(30).await;
    somebody_works(&stage).await;
    first.running.signal("STOP");
    sender.send_to(&[&second]);
    let (acknowledged, _) = sender.finish().await;
    let database = stage.database.as_ref().unwrap();
    // What the frozen one had is free when its lease has ended.
    inbox_is_settled(database).await;
    let before = Effects::of(database).await;
    first.running.signal("CONT");
    // In good order means: after it has done with what it had in its hands.
    first.running.signal("TERM");
    let ended = first.running.end();
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert_eq!(Effects::of(database).await, before);
    let logs = [ended.stderr, second.running.logged()];
    all_is_well(&stage, &acknowledged, &logs).await;
    let live = stage.http.get(format!("{}/ready", second.url)).send().await;
    assert_eq!(live.unwrap().status(), StatusCode::OK);
}
