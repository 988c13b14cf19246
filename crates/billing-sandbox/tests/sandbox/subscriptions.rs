//! Subscriptions by the API: creation, quantities with proration, pending updates, cancellation.

use std::time::Duration;

use serde_json::{Value, json};

use crate::client::Client;

async fn subscriber(client: &Client, card: &str) -> (String, String) {
    let customer = client
        .post("/v1/customers", &[("email", "a@b.co")])
        .await
        .id();
    let path = format!("/v1/payment_methods/{card}/attach");
    let method = client.post(&path, &[("customer", &customer)]).await.id();
    (customer, method)
}

async fn subscription(client: &Client, price: &str) -> Value {
    let (customer, method) = subscriber(client, "pm_card_visa").await;
    let fields = [
        ("customer", customer.as_str()),
        ("default_payment_method", &method),
        ("items[0][price]", price),
        ("items[0][quantity]", "2"),
    ];
    let made = client.post("/v1/subscriptions", &fields).await;
    assert_eq!(made.json["status"], "active", "{}", made.text);
    made.json
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

#[tokio::test]
async fn a_failing_first_payment_leaves_it_incomplete_and_paying_activates_it() {
    let client = Client::start().await;
    let price = client.monthly_price().await;
    let (customer, method) = subscriber(&client, "pm_card_chargeCustomerFail").await;
    let fields = [
        ("customer", customer.as_str()),
        ("default_payment_method", &method),
        ("items[0][price]", &price),
    ];
    let made = client.post("/v1/subscriptions", &fields).await.json;
    assert_eq!(made["status"], "incomplete");
    let invoice = text(&made["latest_invoice"]);
    assert_eq!(
        client.get(&format!("/v1/invoices/{invoice}")).await.json["status"],
        "open"
    );
    let pay = format!("/v1/invoices/{invoice}/pay");
    let failed = client.post(&pay, &[]).await;
    assert_eq!(
        (failed.status, &failed.json["error"]["type"]),
        (402, &json!("card_error"))
    );
    let paid = client
        .post(&pay, &[("payment_method", "pm_card_visa")])
        .await;
    assert_eq!(paid.json["status"], "paid");
    let now = client
        .get(&format!("/v1/subscriptions/{}", text(&made["id"])))
        .await
        .json;
    assert_eq!(now["status"], "active");
}

#[tokio::test]
async fn without_a_payment_method_nothing_is_written() {
    let client = Client::start().await;
    let price = client.monthly_price().await;
    let customer = client.post("/v1/customers", &[]).await.id();
    let fields = [("customer", customer.as_str()), ("items[0][price]", &price)];
    let refused = client.post("/v1/subscriptions", &fields).await;
    assert_eq!(
        (refused.status, &refused.json["error"]["code"]),
        (400, &json!("resource_missing"))
    );
    assert!(
        client.get("/v1/subscriptions").await.json["data"]
            .as_array()
            .unwrap()
            .is_empty()
    );
}

#[tokio::test]
async fn more_seats_are_prorated_and_invoiced_at_once() {
    let client = Client::start().await;
    let price = client.monthly_price().await;
    let made = subscription(&client, &price).await;
    // The period has 30 days; 20 are left: 2 × 10.00 back, 5 × 10.00 due, each times 20/30.
    client.sandbox.advance(Duration::from_hours(240));
    let fields = [
        ("items[0][id]", text(&made["items"]["data"][0]["id"])),
        ("items[0][quantity]", "5"),
        ("proration_behavior", "always_invoice"),
        ("payment_behavior", "pending_if_incomplete"),
    ];
    let path = format!(
        "/v1/subscriptions/{}?expand[]=latest_invoice",
        text(&made["id"])
    );
    let updated = client
        .post(path.split('?').next().unwrap(), &fields)
        .await
        .json;
    assert_eq!(updated["items"]["data"][0]["quantity"], 5);
    assert!(updated["pending_update"].is_null());
    let invoice = client.get(&path).await.json["latest_invoice"].clone();
    let amounts: Vec<i64> = invoice["lines"]["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|l| l["amount"].as_i64().unwrap())
        .collect();
    assert_eq!(amounts, [-1_333, 3_333]);
    assert_eq!(
        (&invoice["status"], &invoice["amount_paid"]),
        (&json!("paid"), &json!(2_000))
    );
    assert_eq!(invoice["billing_reason"], "subscription_update");
}

#[tokio::test]
async fn a_declined_update_waits_until_its_invoice_is_paid() {
    let client = Client::start().await;
    let price = client.monthly_price().await;
    let made = subscription(&client, &price).await;
    let customer = text(&made["customer"]);
    let path = "/v1/payment_methods/pm_card_chargeCustomerFail/attach";
    let bad = client.post(path, &[("customer", customer)]).await.id();
    let fields = [
        ("default_payment_method", bad.as_str()),
        ("items[0][id]", text(&made["items"]["data"][0]["id"])),
        ("items[0][quantity]", "4"),
        ("proration_behavior", "always_invoice"),
        ("payment_behavior", "pending_if_incomplete"),
    ];
    let path = format!("/v1/subscriptions/{}", text(&made["id"]));
    let waiting = client.post(&path, &fields).await.json;
    assert_eq!(
        (&waiting["status"], &waiting["items"]["data"][0]["quantity"]),
        (&json!("active"), &json!(2))
    );
    assert_eq!(
        waiting["pending_update"]["subscription_items"][0]["quantity"],
        4
    );
    assert!(
        client
            .event_types()
            .contains(&"invoice.payment_failed".to_owned())
    );
    let pay = format!("/v1/invoices/{}/pay", text(&waiting["latest_invoice"]));
    client
        .post(&pay, &[("payment_method", "pm_card_visa")])
        .await
        .id();
    let now = client.get(&path).await.json;
    assert_eq!(now["items"]["data"][0]["quantity"], 4);
    assert!(now["pending_update"].is_null());
}

#[tokio::test]
async fn it_ends_now_or_at_the_end_of_its_period() {
    let client = Client::start().await;
    let price = client.monthly_price().await;
    let first = subscription(&client, &price).await;
    let path = format!("/v1/subscriptions/{}", text(&first["id"]));
    let ended = Client::answer(client.request("DELETE", &path)).await.json;
    assert_eq!(ended["status"], "canceled");
    assert_eq!(
        Client::answer(client.request("DELETE", &path)).await.status,
        404
    );
    let second = subscription(&client, &price).await;
    let path = format!("/v1/subscriptions/{}", text(&second["id"]));
    let scheduled = client
        .post(&path, &[("cancel_at_period_end", "true")])
        .await
        .json;
    let end = second["items"]["data"][0]["current_period_end"]
        .as_i64()
        .unwrap();
    assert_eq!(scheduled["cancel_at"], end);
    client.sandbox.advance(Duration::from_hours(744));
    let over = client.get(&path).await.json;
    assert_eq!(
        (&over["status"], &over["ended_at"]),
        (&json!("canceled"), &json!(end))
    );
    let event = client.sandbox.events().pop().unwrap();
    assert_eq!(event["type"], "customer.subscription.deleted");
}

#[tokio::test]
async fn a_declined_intent_is_a_402_that_carries_the_intent() {
    let client = Client::start().await;
    let fields = [
        ("amount", "500"),
        ("currency", "usd"),
        ("confirm", "true"),
        ("payment_method", "pm_card_chargeCustomerFail"),
        ("return_url", "http://shop.test/done"),
    ];
    let refused = client.post("/v1/payment_intents", &fields).await;
    assert_eq!(refused.status, 402);
    assert_eq!(refused.header("stripe-should-retry"), "false");
    let error = &refused.json["error"];
    assert_eq!(
        (&error["code"], &error["decline_code"]),
        (&json!("card_declined"), &json!("generic_decline"))
    );
    assert_eq!(error["payment_intent"]["status"], "requires_payment_method");
    let path = format!(
        "/v1/payment_intents/{}",
        text(&error["payment_intent"]["id"])
    );
    let confirm = format!("{path}/confirm");
    let paid = client
        .post(&confirm, &[("payment_method", "pm_card_visa")])
        .await
        .json;
    assert_eq!(paid["status"], "succeeded");
    let again = client.post(&confirm, &[]).await;
    assert_eq!(
        again.json["error"]["code"],
        "payment_intent_unexpected_state"
    );
}
