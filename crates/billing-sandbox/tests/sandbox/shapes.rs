//! The same sale in the shapes of the old, the middle and the newest generation.

use serde_json::{Value, json};

use crate::client::{Client, NEWEST, START};

async fn sale() -> (Client, String) {
    let client = Client::start().await;
    let price = client.monthly_price().await;
    let more = [("subscription_data[metadata][intent]", "i_1")];
    let id = client.session("subscription", &price, &more).await.id();
    client
        .sandbox
        .pay_checkout(&id, "4242424242424242")
        .unwrap();
    (client, id)
}

async fn expanded(client: &Client, id: &str, version: &str) -> Value {
    let path = format!("/v1/checkout/sessions/{id}?expand[]=subscription&expand[]=invoice");
    client.get_as(version, &path).await.json
}

#[tokio::test]
async fn acacia_and_before_have_the_old_shapes() {
    let (client, id) = sale().await;
    for version in ["2023-10-16", "2024-06-20", "2025-02-24.acacia"] {
        let session = expanded(&client, &id, version).await;
        assert_eq!(session["ui_mode"], "hosted");
        // Acacia's last release had it already, beside the old place.
        let has_new_place = session.get("collected_information").is_some();
        assert!(!has_new_place || version == "2025-02-24.acacia");
        let subscription = &session["subscription"];
        assert_eq!(subscription["current_period_start"], START);
        assert_eq!(subscription["current_period_end"], START + 30 * 86_400);
        assert!(
            subscription["items"]["data"][0]
                .get("current_period_end")
                .is_none()
        );
        assert!(subscription.get("billing_mode").is_none());
        let invoice = &session["invoice"];
        assert_eq!(invoice["subscription"], subscription["id"]);
        assert_eq!(invoice["subscription_details"]["metadata"]["intent"], "i_1");
        assert_eq!(invoice["paid"], true);
        assert!(
            invoice["payment_intent"]
                .as_str()
                .unwrap()
                .starts_with("pi_")
        );
        assert!(invoice["charge"].as_str().unwrap().starts_with("ch_"));
        assert!(invoice.get("parent").is_none() && invoice.get("total_taxes").is_none());
        let line = &invoice["lines"]["data"][0];
        assert_eq!(line["type"], "subscription");
        assert!(line["price"]["id"].is_string() && line["plan"]["id"].is_string());
        assert!(line.get("pricing").is_none());
    }
}

#[tokio::test]
async fn basil_and_later_have_the_new_shapes() {
    let (client, id) = sale().await;
    for version in [
        "2025-08-27.basil",
        "2026-02-25.clover",
        "2026-03-25.dahlia",
        "2026-09-30.endive",
        NEWEST,
    ] {
        let session = expanded(&client, &id, version).await;
        let is_dahlia = version >= "2026-03-25";
        assert_eq!(
            session["ui_mode"],
            if is_dahlia { "hosted_page" } else { "hosted" }
        );
        assert!(session.get("shipping_details").is_none());
        let subscription = &session["subscription"];
        assert!(subscription.get("current_period_end").is_none());
        assert_eq!(
            subscription["items"]["data"][0]["current_period_end"],
            START + 30 * 86_400
        );
        let kind = &subscription["billing_mode"]["type"];
        assert_eq!(kind, "flexible");
        let invoice = &session["invoice"];
        for gone in [
            "subscription",
            "paid",
            "payment_intent",
            "charge",
            "subscription_details",
        ] {
            assert!(invoice.get(gone).is_none(), "{gone} in {version}");
        }
        let details = &invoice["parent"]["subscription_details"];
        assert_eq!(details["subscription"], subscription["id"]);
        assert_eq!(details["metadata"], json!({ "intent": "i_1" }));
        let line = &invoice["lines"]["data"][0];
        assert!(line["pricing"]["price_details"]["price"].is_string());
        assert_eq!(line.get("quantity_decimal").is_some(), is_dahlia);
    }
}

#[tokio::test]
async fn old_and_new_expansions_lead_to_the_same_payment() {
    let (client, id) = sale().await;
    let path = format!("/v1/checkout/sessions/{id}?expand[]=invoice.payment_intent");
    let old = client.get_as("2023-10-16", &path).await.json;
    let intent = old["invoice"]["payment_intent"]["id"]
        .as_str()
        .unwrap()
        .to_owned();
    assert_eq!(
        old["invoice"]["payment_intent"]["invoice"],
        old["invoice"]["id"]
    );
    let path = format!("/v1/checkout/sessions/{id}?expand[]=invoice.payments");
    let new = client.get(&path).await.json;
    assert_eq!(
        new["invoice"]["payments"]["data"][0]["payment"]["payment_intent"],
        intent
    );
    let path = format!(
        "/v1/invoice_payments?payment[type]=payment_intent&payment[payment_intent]={intent}"
    );
    let payments = client.get(&path).await.json;
    assert_eq!(payments["data"][0]["invoice"], new["invoice"]["id"]);
    assert_eq!(payments["data"][0]["status"], "paid");
}

#[tokio::test]
async fn updates_name_their_old_values_in_the_shape_of_the_version() {
    let (client, id) = sale().await;
    let session = client
        .get(&format!("/v1/checkout/sessions/{id}"))
        .await
        .json;
    let path = format!(
        "/v1/subscriptions/{}",
        session["subscription"].as_str().unwrap()
    );
    client
        .post(&path, &[("cancel_at_period_end", "true")])
        .await;
    let event = client.sandbox.events().pop().unwrap();
    assert_eq!(event["type"], "customer.subscription.updated");
    assert_eq!(
        event["data"]["previous_attributes"],
        json!({
            "cancel_at": null, "cancel_at_period_end": false, "canceled_at": null,
            "cancellation_details": { "reason": null },
        })
    );
}
