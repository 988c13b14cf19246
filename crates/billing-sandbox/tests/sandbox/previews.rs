//! Previews of invoices: the next renewal, and what a change would cost.

use std::time::Duration;

use serde_json::{Value, json};

use crate::client::{Client, START};
use crate::invoices::{customer, item, text};

async fn subscriber(client: &Client) -> (String, Value) {
    let customer = customer(client, "pm_card_visa").await;
    let price = client.monthly_price().await;
    let fields = [
        ("customer", customer.as_str()),
        ("items[0][price]", &price),
        ("items[0][quantity]", "2"),
    ];
    let made = client.post("/v1/subscriptions", &fields).await.json;
    assert_eq!(made["status"], "active");
    (customer, made)
}

#[tokio::test]
async fn the_next_renewal_is_previewed_without_being_made() {
    let client = Client::start().await;
    let (customer, subscription) = subscriber(&client).await;
    item(&client, &customer, "500", "Extra").await;
    let seen = client.event_types().len();
    let fields = [("customer", customer.as_str())];
    let preview = client.post("/v1/invoices/create_preview", &fields).await;
    assert_eq!(preview.status, 200, "{}", preview.text);
    let preview = preview.json;
    // 5.00 that waits and 2 × 10.00 for the next period.
    let amounts: Vec<&Value> = preview["lines"]["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|line| &line["amount"])
        .collect();
    assert_eq!(amounts, [&json!(500), &json!(2_000)]);
    let period_end = &subscription["items"]["data"][0]["current_period_end"];
    assert_eq!(&preview["created"], period_end);
    assert_eq!(
        (&preview["billing_reason"], &preview["total"]),
        (&json!("upcoming"), &json!(2_500))
    );
    assert_eq!(
        preview["next_payment_attempt"],
        period_end.as_i64().unwrap() + 3_600
    );
    assert!(text(&preview["id"]).starts_with("upcoming_in_"));
    assert_eq!(client.event_types().len(), seen);
    let old = format!("/v1/invoices/upcoming?customer={customer}");
    let old = client.get_as("2023-10-16", &old).await.json;
    assert_eq!(
        (&old["total"], &old["subscription"]),
        (&json!(2_500), &subscription["id"])
    );
    // Since basil that address is an invoice of this name, which takes no customer.
    let gone = client
        .get(&format!("/v1/invoices/upcoming?customer={customer}"))
        .await;
    assert_eq!(gone.message(), "Received unknown parameter: customer");
}

#[tokio::test]
async fn a_change_is_previewed_with_its_prorations() {
    let client = Client::start().await;
    let (customer, subscription) = subscriber(&client).await;
    // The period has 30 days; 20 are left. 2 × 10.00 back, 5 × 10.00 due, each times 20/30.
    client.sandbox.advance(Duration::from_secs(10 * 86_400));
    let item_id = text(&subscription["items"]["data"][0]["id"]);
    let fields = [
        ("customer", customer.as_str()),
        ("subscription", text(&subscription["id"])),
        ("subscription_details[items][0][id]", item_id),
        ("subscription_details[items][0][quantity]", "5"),
        ("subscription_details[proration_behavior]", "always_invoice"),
    ];
    let now = client
        .post("/v1/invoices/create_preview", &fields)
        .await
        .json;
    let lines = now["lines"]["data"].as_array().unwrap();
    assert_eq!(
        (&lines[0]["amount"], &lines[1]["amount"], lines.len()),
        (&json!(-1_333), &json!(3_333), 2)
    );
    assert_eq!(now["total"], 2_000);
    let later = client
        .post("/v1/invoices/create_preview", &fields[..4])
        .await
        .json;
    // The same prorations with the renewal at 5 × 10.00.
    assert_eq!(later["total"], 7_000);
    let details = &later["parent"]["subscription_details"];
    assert_eq!(details["subscription_proration_date"], START + 10 * 86_400);
    let fields = [
        ("customer", customer.as_str()),
        ("subscription_details[items][0][price]", "price_none"),
    ];
    let refused = client.post("/v1/invoices/create_preview", &fields).await;
    assert_eq!(refused.message(), "No such price: 'price_none'");
    let stranger = client.post("/v1/customers", &[]).await.id();
    let fields = [("customer", stranger.as_str())];
    let none = client.post("/v1/invoices/create_preview", &fields).await;
    assert_eq!(
        (none.status, none.message()),
        (400, "Nothing to invoice for customer")
    );
}
