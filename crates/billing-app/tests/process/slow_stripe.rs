//! Stripe answers slowly: the event about which it is asked waits, with what follows it of the same
//! customer; everybody else's are applied meanwhile.

use billing_sandbox::{Fault, FaultKind};
use billing_seaorm::testing::TestDatabase;
use reqwest::StatusCode;

use crate::effects::inbox_is_settled;
use crate::load::{SEATS, sales_with_changes};
use crate::stage::{Serving, Stage, eventually};

/// Two sales, after which Stripe takes its time when it is asked about a customer.
async fn two_sales(database: TestDatabase, delay_ms: u64) -> (Stage, Serving, String) {
    let mut stage = Stage::on(database).await;
    let serving = stage.serve();
    for delivery in sales_with_changes(&mut stage, &serving, 2, 0).await {
        let answer = serving.webhook(&delivery).await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK);
    }
    inbox_is_settled(stage.database.as_ref().unwrap()).await;
    let customers = stage.stripe_list("/v1/customers").await;
    let customer = customers[0]["id"].as_str().unwrap().to_owned();
    let delay = FaultKind::Delay { delay_ms };
    let slow = Fault::once("GET", "/v1/customers/", delay);
    stage.sandbox.faults([slow]);
    (stage, serving, customer)
}

/// The customer moves to another address, and then buys a seat more.
async fn change(stage: &mut Stage, customer: &str) {
    let path = format!("/v1/customers/{customer}");
    stage
        .stripe_post(&path, &[("email", "moved@acme.example")])
        .await;
    add_a_seat(stage, |of| of == customer).await;
}

async fn add_a_seat(stage: &mut Stage, is_meant: impl Fn(&str) -> bool) {
    let seats = (SEATS + 1).to_string();
    for subscription in stage.stripe_list("/v1/subscriptions").await {
        if is_meant(subscription["customer"].as_str().unwrap()) {
            let item = subscription["items"]["data"][0]["id"].as_str().unwrap();
            let form = [
                ("items[0][id]", item),
                ("items[0][quantity]", seats.as_str()),
                ("proration_behavior", "none"),
            ];
            let path = format!("/v1/subscriptions/{}", subscription["id"].as_str().unwrap());
            stage.stripe_post(&path, &form).await;
        }
    }
}

async fn count(stage: &Stage, of: &str) -> i64 {
    stage.database.as_ref().unwrap().row_count(of).await
}

/// What the inbox has, for whoever reads a failure.
async fn events(stage: &Stage) -> String {
    let sql = "SELECT event_type || ' ' || COALESCE(subject, '') || ' ' || status || ' ' || attempts \
               || ' ' || COALESCE(last_error, '') AS line FROM provider_events ORDER BY id";
    let lines = stage.database.as_ref().unwrap().lines(sql).await;
    lines.join("\n")
}

const MOVED: &str = "customers WHERE email = 'moved@acme.example'";

fn with_a_seat_more() -> String {
    format!("subscriptions WHERE quantity = {}", SEATS + 1)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_answer_holds_up_one_customer_and_nobody_else() {
    for database in TestDatabase::every().await {
        // Nearly as long as the service waits for any answer.
        let (mut stage, serving, customer) = two_sales(database, 8_000).await;
        change(&mut stage, &customer).await;
        stage.deliver(&serving).await;
        stage.faults_are_used_up().await;
        add_a_seat(&mut stage, |of| of != customer).await;
        stage.deliver(&serving).await;
        eventually("the other customer has its seat", async || {
            (count(&stage, &with_a_seat_more()).await == 1).then_some(())
        })
        .await;
        assert_eq!(count(&stage, MOVED).await, 0, "Stripe has not answered");
        let open = "provider_events WHERE status IN ('received', 'processing')";
        let told = events(&stage).await;
        assert!(
            count(&stage, open).await >= 2,
            "what follows it waits\n{told}"
        );
        eventually("both have theirs", async || {
            (count(&stage, &with_a_seat_more()).await == 2).then_some(())
        })
        .await;
        let told = events(&stage).await;
        assert_eq!(count(&stage, MOVED).await, 1, "and in their order\n{told}");
        serving.running.signal("TERM");
        assert_eq!(serving.running.end().code, Some(0));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_question_that_a_shutdown_leaves_unanswered_is_asked_after_the_next_start() {
    for database in TestDatabase::every().await {
        let (mut stage, serving, customer) = two_sales(database, 60_000).await;
        stage.set("STRIPE_HTTP_TIMEOUT", "60");
        serving.running.signal("TERM");
        assert_eq!(serving.running.end().code, Some(0));
        let serving = stage.serve();
        change(&mut stage, &customer).await;
        stage.deliver(&serving).await;
        stage.faults_are_used_up().await;
        serving.running.signal("TERM");
        let ended = serving.running.end();
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
        assert!(
            ended.stderr.contains("Stripe has not answered"),
            "{}",
            ended.stderr
        );
        assert_eq!(count(&stage, MOVED).await, 0);
        let _serving = stage.serve();
        eventually("what was left is applied", async || {
            (count(&stage, &with_a_seat_more()).await == 1).then_some(())
        })
        .await;
        let told = events(&stage).await;
        assert_eq!(count(&stage, MOVED).await, 1, "{told}");
    }
}
