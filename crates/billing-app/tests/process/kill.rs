//! A power cut at every point of the sale: the same program on the same file goes on, the customer
//! pays once, and gets what was bought once.

use std::collections::BTreeSet;

use billing_sandbox::{Fault, FaultKind};
use serde_json::Value;

use crate::stage::{Answer, Serving, Stage, eventually};

const CARD: &str = "4242 4242 4242 4242";
const KEY: &str = "the-sale";

/// Long enough to be killed in, short enough that Stripe's key is free again soon.
const UNDER_WAY: FaultKind = FaultKind::Delay { delay_ms: 1_500 };

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// The sale after a checkout that was answered: exactly one of everything.
async fn exactly_one_of_everything(stage: &Stage, serving: &Serving, intent_id: &str) {
    let intent = serving.fulfilled(intent_id).await;
    let customers = stage.stripe_list("/v1/customers").await;
    assert_eq!(customers.len(), 1, "{customers:?}");
    let subscriptions = stage.stripe_list("/v1/subscriptions").await;
    assert_eq!(subscriptions.len(), 1, "{subscriptions:?}");
    let charges = stage.stripe_list("/v1/charges").await;
    assert_eq!(charges.len(), 1, "{charges:?}");
    let sessions = stage.stripe_list("/v1/checkout/sessions").await;
    let paid = sessions.iter().filter(|s| s["payment_status"] == "paid");
    assert_eq!((sessions.len(), paid.count()), (1, 1), "{sessions:?}");

    let intents = serving.get("/checkout-intents").await.json();
    assert_eq!(intents["items"].as_array().unwrap().len(), 1, "{intents}");
    let tenant = text(&intent["tenant_id"]);
    let plans = serving
        .get(&format!("/licensing/tenants/{tenant}/plans"))
        .await
        .json();
    let plans = plans["items"].as_array().unwrap().clone();
    assert_eq!(plans.len(), 1, "one workflow made one plan: {plans:?}");
    let plan = text(&plans[0]["id"]);
    let licenses = serving
        .get(&format!("/licensing/plans/{plan}/licenses?page_size=100"))
        .await
        .json();
    let ids: BTreeSet<String> = licenses["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|license| text(&license["id"]))
        .collect();
    assert_eq!(ids.len(), 10, "{licenses}");
}

fn intent_id(answer: &Answer) -> String {
    text(&answer.json()["checkout_intent"]["id"])
}

fn pay(stage: &Stage, answer: &Answer) {
    let session_id = text(&answer.json()["checkout_session_id"]);
    let paid = stage.sandbox.pay_checkout(&session_id, CARD).unwrap();
    assert_eq!(paid["status"], "complete", "{paid}");
}

/// Dies while a call to Stripe is under way, which is carried out nevertheless.
async fn dies_during(path: &str) {
    let stage = Stage::new().await;
    let serving = stage.serve();
    stage.sandbox.faults([Fault::once("POST", path, UNDER_WAY)]);
    tokio::select! {
        answer = serving.buy(KEY) => panic!("{answer:?} before the call was under way"),
        () = stage.faults_are_used_up() => {}
    }
    serving.kill();
    goes_on(stage).await;
}

/// Dies after a call to Stripe had its effect and no answer, and the client was told to repeat.
async fn dies_after(path: &str) {
    let mut stage = Stage::new().await;
    stage.set("STRIPE_MAX_RETRIES", "0");
    let serving = stage.serve();
    stage
        .sandbox
        .faults([Fault::once("POST", path, FaultKind::CutAfter)]);
    let answer = serving.buy(KEY).await.unwrap();
    assert!(answer.status.is_server_error(), "{answer:?}");
    serving.kill();
    goes_on(stage).await;
}

/// The same program on the same file; the client repeats its request, and pays.
async fn goes_on(mut stage: Stage) {
    let serving = stage.serve();
    let created = serving.buy_until_created(KEY).await;
    assert_eq!(serving.buy(KEY).await, Some(created.clone()));
    pay(&stage, &created);
    assert!(stage.deliver(&serving).await > 0);
    exactly_one_of_everything(&stage, &serving, &intent_id(&created)).await;

    serving.kill();
    let serving = stage.serve();
    assert_eq!(
        serving.buy(KEY).await,
        Some(created),
        "once given, an answer stays the same, byte for byte"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_while_stripe_makes_the_customer_the_sale_is_made_once() {
    dies_during("/v1/customers").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_after_stripe_made_a_customer_of_which_nobody_heard_the_sale_is_made_once() {
    dies_after("/v1/customers").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_while_stripe_opens_the_session_the_sale_is_made_once() {
    dies_during("/v1/checkout/sessions").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_after_stripe_opened_a_session_of_which_nobody_heard_the_sale_is_made_once() {
    dies_after("/v1/checkout/sessions").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_after_the_200_and_before_the_event_is_applied_nothing_is_lost() {
    let mut stage = Stage::new().await;
    let serving = stage.serve();
    let created = serving.buy_until_created(KEY).await;
    serving.kill();
    pay(&stage, &created);
    // With billing switched off events are stored and not applied, for as long as it takes.
    stage.set("BILLING_ENABLED", "false");
    let serving = stage.serve();
    assert!(stage.deliver(&serving).await > 0);
    serving.kill();

    stage.set("BILLING_ENABLED", "true");
    let serving = stage.serve();
    assert_eq!(stage.deliver(&serving).await, 0, "all had their 200");
    exactly_one_of_everything(&stage, &serving, &intent_id(&created)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_while_webhooks_arrive_stripe_sends_again_what_had_no_200() {
    let mut stage = Stage::new().await;
    let serving = stage.serve();
    let created = serving.buy_until_created(KEY).await;
    pay(&stage, &created);
    stage.begin_delivery(&serving).await;
    serving.kill();

    let serving = stage.serve();
    assert!(stage.deliver(&serving).await > 0);
    exactly_one_of_everything(&stage, &serving, &intent_id(&created)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_as_soon_as_it_is_paid_the_intent_is_fulfilled_after_the_next_start() {
    let mut stage = Stage::new().await;
    let serving = stage.serve();
    let created = serving.buy_until_created(KEY).await;
    pay(&stage, &created);
    stage.deliver(&serving).await;
    let intent_id = intent_id(&created);
    eventually("the payment is applied", async || {
        (serving.state(&intent_id).await != "created").then_some(())
    })
    .await;
    serving.kill();

    let serving = stage.serve();
    exactly_one_of_everything(&stage, &serving, &intent_id).await;
}

/// How often the intent is looked at before each power cut: another list is another story.
const LOOKS: [usize; 8] = [0, 1, 0, 2, 1, 3, 0, 5];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_again_and_again_from_the_payment_on_it_gets_there_in_the_end() {
    let mut stage = Stage::new().await;
    let mut serving = stage.serve();
    let created = serving.buy_until_created(KEY).await;
    let intent_id = intent_id(&created);
    pay(&stage, &created);
    for looks in LOOKS {
        stage.deliver(&serving).await;
        for _ in 0..looks {
            serving.state(&intent_id).await;
        }
        serving.kill();
        serving = stage.serve();
    }
    stage.deliver(&serving).await;
    exactly_one_of_everything(&stage, &serving, &intent_id).await;
    assert_eq!(serving.buy(KEY).await, Some(created));
}
