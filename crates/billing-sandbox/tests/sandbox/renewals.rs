//! Subscriptions over time: renewals, trials, anchors, and what becomes of them when nobody pays.

use std::time::Duration;

use serde_json::{Value, json};

use crate::client::{Client, START};

const DAY: i64 = 86_400;

async fn subscriber(client: &Client, card: &str) -> String {
    let customer = client.post("/v1/customers", &[]).await.id();
    let path = format!("/v1/payment_methods/{card}/attach");
    let method = client.post(&path, &[("customer", &customer)]).await.id();
    let path = format!("/v1/customers/{customer}");
    client
        .post(
            &path,
            &[("invoice_settings[default_payment_method]", &method)],
        )
        .await
        .id()
}

async fn subscribe(client: &Client, customer: &str, price: &str, more: &[(&str, &str)]) -> Value {
    let mut fields = vec![("customer", customer), ("items[0][price]", price)];
    fields.extend_from_slice(more);
    let made = client.post("/v1/subscriptions", &fields).await;
    assert_eq!(made.status, 200, "{}", made.text);
    made.json
}

fn advance(client: &Client, seconds: i64) {
    client
        .sandbox
        .advance(Duration::from_secs(u64::try_from(seconds).unwrap()));
}

async fn invoices(client: &Client, subscription: &str) -> Vec<Value> {
    let path = format!("/v1/invoices?limit=100&subscription={subscription}");
    let list = client.get(&path).await.json;
    list["data"].as_array().unwrap().clone()
}

#[tokio::test]
async fn a_year_passes_in_one_go_with_a_paid_invoice_for_each_month() {
    let client = Client::start().await;
    let price = client.monthly_price().await;
    let customer = subscriber(&client, "pm_card_visa").await;
    let made = subscribe(&client, &customer, &price, &[]).await;
    let id = made["id"].as_str().unwrap();
    advance(&client, 365 * DAY + 7_200);
    let all = invoices(&client, id).await;
    assert_eq!(all.len(), 13);
    assert!(all.iter().all(|invoice| invoice["status"] == "paid"));
    assert_eq!(all[0]["billing_reason"], "subscription_cycle");
    assert_eq!(all[12]["billing_reason"], "subscription_create");
    let now = client.get(&format!("/v1/subscriptions/{id}")).await.json;
    assert_eq!(now["status"], "active");
    // 1790000000 is 2026-09-21; a year later the same day, 365 days on.
    let item = &now["items"]["data"][0];
    assert_eq!(item["current_period_start"], START + 365 * DAY);
    assert_eq!(item["current_period_end"], START + 395 * DAY);
}

#[tokio::test]
async fn a_renewal_is_a_draft_for_an_hour_and_then_paid() {
    let client = Client::start().await;
    let price = client.monthly_price().await;
    let customer = subscriber(&client, "pm_card_visa").await;
    let made = subscribe(&client, &customer, &price, &[]).await;
    let id = made["id"].as_str().unwrap();
    advance(&client, 30 * DAY);
    let all = invoices(&client, id).await;
    assert_eq!(all.len(), 2);
    assert_eq!(all[0]["status"], "draft");
    // The invoice's own period is the one that ended; its line's is the next.
    assert_eq!(all[0]["period_start"], START);
    assert_eq!(all[0]["period_end"], START + 30 * DAY);
    let line = &all[0]["lines"]["data"][0];
    assert_eq!(
        line["period"],
        json!({ "start": START + 30 * DAY, "end": START + 61 * DAY })
    );
    advance(&client, 3_600);
    assert_eq!(invoices(&client, id).await[0]["status"], "paid");
}
