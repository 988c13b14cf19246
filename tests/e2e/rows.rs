//! Events that are easily forgotten leave their rows on each database (TRAP D-090). Only the event in
//! question is delivered; what else was told at the same time is lost.

use billing_tests::house::{Answer, House, purchase};
use reqwest::{Method, StatusCode};
use serde_json::Value;

/// Asks the sandbox for something that it does.
async fn at_stripe(house: &House, method: Method, path: &str, form: &str) -> Answer {
    let sandbox = &house.world.sandbox;
    let request = house
        .world
        .http
        .request(method, format!("{}{path}", sandbox.url()));
    let request = request
        .bearer_auth(sandbox.secret_key())
        .header("Content-Type", "application/x-www-form-urlencoded")
        .body(form.to_owned());
    let answer = house.send(request).await;
    assert_eq!(
        answer.status,
        StatusCode::OK,
        "{path} {form}: {}",
        answer.text
    );
    answer
}

/// Delivers of all that would be sent now only one type, and applies it.
async fn hear_only(house: &House, event_type: &str) {
    let deliveries = house.world.sandbox.take_pending_deliveries();
    let mut types: Vec<&str> = deliveries
        .iter()
        .map(|each| each.event_type.as_str())
        .collect();
    types.dedup();
    assert!(types.contains(&event_type), "{types:?}");
    for delivery in deliveries
        .iter()
        .filter(|each| each.event_type == event_type)
    {
        let mut request = house.request(Method::POST, "/api/v1/webhooks/stripe");
        for (name, value) in &delivery.headers {
            request = request.header(name, value);
        }
        let answer = house.send(request.body(delivery.body.clone())).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
    }
    for applier in &house.world.service.application.workers.inbox {
        applier.run().await.expect("the database answers");
    }
    let status = format!(
        "SELECT DISTINCT status AS line FROM provider_events WHERE event_type = '{event_type}'"
    );
    assert_eq!(
        house.database.lines(&status).await,
        ["processed"],
        "{event_type}"
    );
}

async fn only(house: &House, column: &str, table: &str) -> String {
    let sql = format!("SELECT CAST({column} AS TEXT) AS line FROM {table}");
    let mut lines = house.database.lines(&sql).await;
    assert_eq!(lines.len(), 1, "{table}: {lines:?}");
    lines.remove(0)
}

/// A sale that was paid at the sandbox, and its subscription there.
async fn paid_sale(house: &House) -> Value {
    let buyer = &house.world.credentials.buyer;
    let started = house.checkout(buyer, "sale", &purchase("acme", 5)).await;
    assert_eq!(started.status, StatusCode::CREATED, "{}", started.text);
    house.pay(&started.text_at("/checkout_session_id"));
    house.at_stripe("/v1/subscriptions").await.remove(0)
}

#[tokio::test]
async fn d_090_what_a_subscription_goes_through_stands_in_its_row_on_each_database() {
    for house in House::every().await {
        let subscription = paid_sale(&house).await;
        let path = format!(
            "/v1/subscriptions/{}",
            subscription["id"].as_str().unwrap_or_default()
        );
        hear_only(&house, "customer.subscription.created").await;
        assert_eq!(only(&house, "status", "subscriptions").await, "active");

        at_stripe(&house, Method::POST, &format!("{path}/pause"), "").await;
        hear_only(&house, "customer.subscription.paused").await;
        assert_eq!(only(&house, "status", "subscriptions").await, "paused");

        // It goes on when what it owes is paid.
        let resumed = at_stripe(&house, Method::POST, &format!("{path}/resume"), "").await;
        let invoice = format!("/v1/invoices/{}/pay", resumed.text_at("/latest_invoice"));
        at_stripe(
            &house,
            Method::POST,
            &invoice,
            "payment_method=pm_card_visa",
        )
        .await;
        hear_only(&house, "customer.subscription.resumed").await;
        assert_eq!(only(&house, "status", "subscriptions").await, "active");

        let end = house.world.sandbox.now() + 2 * 24 * 3_600;
        let form = format!("trial_end={end}&proration_behavior=none");
        at_stripe(&house, Method::POST, &path, &form).await;
        hear_only(&house, "customer.subscription.trial_will_end").await;
        assert_eq!(only(&house, "status", "subscriptions").await, "trialing");
        let micros = format!("{end}000000");
        assert_eq!(only(&house, "trial_end", "subscriptions").await, micros);
        house.stop().await;
    }
}

#[tokio::test]
async fn d_090_an_invoice_that_fails_links_its_sale_on_each_database() {
    for house in House::every().await {
        let subscription = paid_sale(&house).await;
        let id = subscription["id"].as_str().expect("an id").to_owned();
        let path = format!("/v1/subscriptions/{id}");
        let customer = subscription["customer"].as_str().expect("an id");
        let card = "/v1/payment_methods/pm_card_chargeCustomerFail/attach";
        let attached = at_stripe(&house, Method::POST, card, &format!("customer={customer}")).await;
        let form = format!("default_payment_method={}", attached.text_at("/id"));
        at_stripe(&house, Method::POST, &path, &form).await;
        let item = subscription["items"]["data"][0]["id"]
            .as_str()
            .expect("an id");
        let form =
            format!("items[0][id]={item}&items[0][quantity]=9&proration_behavior=always_invoice");
        at_stripe(&house, Method::POST, &path, &form).await;

        let before = "SELECT COALESCE(subscription_ref, 'none') AS line FROM checkout_intents";
        assert_eq!(house.database.lines(before).await, ["none"]);
        hear_only(&house, "invoice.payment_failed").await;
        assert_eq!(
            only(&house, "subscription_ref", "checkout_intents").await,
            id
        );
        assert_eq!(
            only(&house, "customer_ref", "checkout_intents").await,
            customer
        );
        assert_eq!(only(&house, "state", "checkout_intents").await, "created");
        assert_eq!(house.database.row_count("provisioning_workflows").await, 0);
        house.stop().await;
    }
}
