//! Test clocks: customers who live in a time of their own.

use serde_json::{Value, json};

use crate::client::{Client, START};
use crate::shop::DAY;

async fn clock_at(client: &Client, at: i64) -> String {
    let fields = [("frozen_time", at.to_string()), ("name", "A year".into())];
    let fields: Vec<(&str, &str)> = fields.iter().map(|(n, v)| (*n, v.as_str())).collect();
    client
        .post("/v1/test_helpers/test_clocks", &fields)
        .await
        .id()
}

async fn subscriber(client: &Client, clock: &str, card: &str) -> String {
    client.subscriber_with(card, &[("test_clock", clock)]).await
}

async fn advance(client: &Client, clock: &str, to: i64) -> Value {
    let path = format!("/v1/test_helpers/test_clocks/{clock}");
    let to = to.to_string();
    let moving = client
        .post(&format!("{path}/advance"), &[("frozen_time", &to)])
        .await;
    assert_eq!(moving.status, 200, "{}", moving.text);
    assert_eq!(moving.json["status"], "advancing");
    assert_eq!(
        moving.json["status_details"]["advancing"]["target_frozen_time"].to_string(),
        to
    );
    client.get(&path).await.json
}

#[tokio::test]
async fn a_clock_moves_its_own_customers_and_nobody_else() {
    let client = Client::start().await;
    let price = client.monthly_price().await;
    let at = START + 100 * DAY;
    let clock = clock_at(&client, at).await;
    let customer = subscriber(&client, &clock, "pm_card_visa").await;
    let fields = [("customer", customer.as_str()), ("items[0][price]", &price)];
    let made = client.post("/v1/subscriptions", &fields).await.json;
    assert_eq!(
        (&made["created"], &made["test_clock"]),
        (&json!(at), &json!(clock))
    );
    let end = made["items"]["data"][0]["current_period_end"]
        .as_i64()
        .unwrap();
    // At the boundary there is a draft, an hour later it is paid.
    let ready = advance(&client, &clock, end).await;
    assert_eq!(
        (&ready["status"], &ready["frozen_time"]),
        (&json!("ready"), &json!(end))
    );
    let path = format!("/v1/invoices?customer={customer}");
    let invoices = client.get(&path).await.json;
    assert_eq!(invoices["data"][0]["status"], "draft");
    assert_eq!(invoices["data"][0]["created"], end);
    advance(&client, &clock, end + 3_600).await;
    let invoices = client.get(&path).await.json;
    assert_eq!(invoices["data"][0]["status"], "paid");
    assert_eq!(client.sandbox.now(), START);
    let types = client.event_types();
    for kind in ["created", "advancing", "ready"] {
        assert!(types.contains(&format!("test_helpers.test_clock.{kind}")));
    }
}

#[tokio::test]
async fn a_clock_goes_forward_by_two_intervals_at_most() {
    let client = Client::start().await;
    let price = client.monthly_price().await;
    let clock = clock_at(&client, START).await;
    let path = format!("/v1/test_helpers/test_clocks/{clock}/advance");
    let back = client
        .post(&path, &[("frozen_time", &START.to_string())])
        .await;
    assert_eq!(back.status, 400);
    let too_far = (START + 732 * DAY).to_string();
    assert_eq!(
        client
            .post(&path, &[("frozen_time", &too_far)])
            .await
            .status,
        400
    );
    let customer = subscriber(&client, &clock, "pm_card_visa").await;
    let fields = [("customer", customer.as_str()), ("items[0][price]", &price)];
    client.post("/v1/subscriptions", &fields).await.id();
    let too_far = (START + 62 * DAY).to_string();
    assert_eq!(
        client
            .post(&path, &[("frozen_time", &too_far)])
            .await
            .status,
        400
    );
    advance(&client, &clock, START + 60 * DAY).await;
}

#[tokio::test]
async fn nothing_is_written_while_a_clock_advances() {
    let client = Client::start().await;
    let clock = clock_at(&client, START).await;
    let customer = subscriber(&client, &clock, "pm_card_visa").await;
    let path = format!("/v1/test_helpers/test_clocks/{clock}");
    let to = (START + DAY).to_string();
    let advance = format!("{path}/advance");
    client.post(&advance, &[("frozen_time", &to)]).await.id();
    let customers = format!("/v1/customers/{customer}");
    let refused = client.post(&customers, &[("name", "Jenny")]).await;
    assert_eq!(refused.status, 429);
    assert_eq!(
        refused.message(),
        format!("Test clock advancement underway - cannot perform modifications: {clock}")
    );
    client.get(&path).await.id();
    client.post(&customers, &[("name", "Jenny")]).await.id();
}

#[tokio::test]
async fn deleting_a_clock_deletes_its_customers_and_ends_their_subscriptions() {
    let client = Client::start().await;
    let price = client.monthly_price().await;
    let clock = clock_at(&client, START).await;
    let customer = subscriber(&client, &clock, "pm_card_visa").await;
    let fields = [("customer", customer.as_str()), ("items[0][price]", &price)];
    let made = client.post("/v1/subscriptions", &fields).await.id();
    let path = format!("/v1/test_helpers/test_clocks/{clock}");
    let gone = Client::answer(client.request("DELETE", &path)).await.json;
    assert_eq!(gone["deleted"], true);
    let customer = client.get(&format!("/v1/customers/{customer}")).await.json;
    assert_eq!(customer["deleted"], true);
    let subscription = client.get(&format!("/v1/subscriptions/{made}")).await.json;
    assert_eq!(subscription["status"], "canceled");
    assert_eq!(client.get(&path).await.status, 404);
}

#[tokio::test]
async fn customers_on_clocks_are_in_the_list_of_their_clock_only() {
    let client = Client::start().await;
    let clock = clock_at(&client, START).await;
    for _ in 0..3 {
        subscriber(&client, &clock, "pm_card_visa").await;
    }
    let fourth = client
        .post("/v1/customers", &[("test_clock", &clock)])
        .await;
    assert_eq!(fourth.status, 400);
    let count = |answer: &Value| answer["data"].as_array().unwrap().len();
    assert_eq!(count(&client.get("/v1/customers").await.json), 0);
    let path = format!("/v1/customers?test_clock={clock}");
    assert_eq!(count(&client.get(&path).await.json), 3);
}
