//! The catalogue as older versions know it, and what its objects cost on an invoice.

use serde_json::json;

use crate::client::{Answer, Client, form};

const BEFORE_METERS: &str = "2024-04-10";
const BEFORE_CLOVER: &str = "2025-08-27.basil";

async fn post_as(client: &Client, version: &str, path: &str, fields: &[(&str, &str)]) -> Answer {
    let request = client.request("POST", path);
    Client::answer(request.header("stripe-version", version).body(form(fields))).await
}

#[tokio::test]
async fn usage_records_are_added_up_by_their_price_before_there_were_meters() {
    let client = Client::start().await;
    let customer = client.subscriber("pm_card_visa").await;
    let fields = [
        ("product_data[name]", "Calls"),
        ("currency", "usd"),
        ("unit_amount", "5"),
        ("recurring[interval]", "month"),
        ("recurring[usage_type]", "metered"),
    ];
    let price = post_as(&client, BEFORE_METERS, "/v1/prices", &fields).await;
    assert_eq!(price.json["recurring"]["aggregate_usage"], "sum");
    let fields = [
        ("customer", customer.as_str()),
        ("items[0][price]", &price.id()),
    ];
    let made = post_as(&client, BEFORE_METERS, "/v1/subscriptions", &fields).await;
    assert_eq!(made.status, 200, "{}", made.text);
    let item = made.json["items"]["data"][0]["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let records = format!("/v1/subscription_items/{item}/usage_records");
    let at = crate::client::START.to_string();
    for (quantity, action, expected) in [
        ("3", "increment", 3),
        ("4", "increment", 7),
        ("5", "set", 5),
    ] {
        let fields = [
            ("quantity", quantity),
            ("action", action),
            ("timestamp", &at),
        ];
        let record = post_as(&client, BEFORE_METERS, &records, &fields).await;
        assert_eq!(record.json["quantity"], expected, "{}", record.text);
    }
    let summaries = format!("/v1/subscription_items/{item}/usage_record_summaries");
    let summaries = client.get_as(BEFORE_METERS, &summaries).await;
    assert_eq!(summaries.json["data"][0]["total_usage"], 5);
    // The endpoint went with basil.
    assert_eq!(
        client.post(&records, &[("quantity", "1")]).await.status,
        404
    );
}

#[tokio::test]
async fn a_discount_shows_its_whole_coupon_before_clover() {
    let client = Client::start().await;
    let customer = client.subscriber("pm_card_visa").await;
    let price = client.monthly_price().await;
    let coupon = [
        ("percent_off", "25"),
        ("duration", "forever"),
        ("name", "Quarter"),
    ];
    let coupon = client.post("/v1/coupons", &coupon).await.id();
    let fields = [
        ("customer", customer.as_str()),
        ("items[0][price]", &price),
        ("discounts[0][coupon]", &coupon),
        ("expand[0]", "discounts"),
    ];
    let made = client.post("/v1/subscriptions", &fields).await;
    let source = &made.json["discounts"][0]["source"];
    assert_eq!(*source, json!({ "coupon": coupon, "type": "coupon" }));
    let path = format!("/v1/subscriptions/{}?expand[]=discounts", made.id());
    let old = client.get_as(BEFORE_CLOVER, &path).await;
    let discount = &old.json["discounts"][0];
    assert_eq!(discount["coupon"]["percent_off"], 25.0);
    assert_eq!(discount["coupon"]["name"], "Quarter");
    assert!(discount.get("source").is_none());
}

#[tokio::test]
async fn tiers_discount_and_tax_come_to_what_stripe_documents() {
    let client = Client::start().await;
    let customer = client.subscriber("pm_card_visa").await;
    // Stripe's fonts: 1–5 at 7.00, 6–10 at 6.50, from 11 at 6.00, band by band.
    let fields = [
        ("product_data[name]", "Fonts"),
        ("currency", "usd"),
        ("recurring[interval]", "month"),
        ("billing_scheme", "tiered"),
        ("tiers_mode", "graduated"),
        ("tiers[0][up_to]", "5"),
        ("tiers[0][unit_amount]", "700"),
        ("tiers[1][up_to]", "10"),
        ("tiers[1][unit_amount]", "650"),
        ("tiers[2][up_to]", "inf"),
        ("tiers[2][unit_amount]", "600"),
    ];
    let price = client.post("/v1/prices", &fields).await.id();
    let coupon = client
        .post("/v1/coupons", &[("percent_off", "10")])
        .await
        .id();
    let rate = [
        ("display_name", "VAT"),
        ("percentage", "20"),
        ("inclusive", "false"),
    ];
    let rate = client.post("/v1/tax_rates", &rate).await.id();
    let fields = [
        ("customer", customer.as_str()),
        ("items[0][price]", &price),
        ("items[0][quantity]", "20"),
        ("discounts[0][coupon]", &coupon),
        ("default_tax_rates[0]", &rate),
        ("expand[0]", "latest_invoice"),
    ];
    let made = client.post("/v1/subscriptions", &fields).await;
    assert_eq!(made.status, 200, "{}", made.text);
    let invoice = &made.json["latest_invoice"];
    // 5 × 7.00 + 5 × 6.50 + 10 × 6.00 are 127.50; less 10 % 114.75; with 20 % tax 137.70.
    assert_eq!(invoice["subtotal"], 12_750);
    assert_eq!(invoice["total_discount_amounts"][0]["amount"], 1_275);
    assert_eq!(invoice["total_taxes"][0]["amount"], 2_295);
    assert_eq!(invoice["total"], 13_770);
}

#[tokio::test]
async fn nothing_is_kept_of_what_was_refused() {
    let client = Client::start().await;
    let refusals: [(&str, &[(&str, &str)]); 4] = [
        (
            "/v1/products",
            &[
                ("name", "P"),
                ("default_price_data[currency]", "usd"),
                ("default_price_data[unit_amount]", "-1"),
            ],
        ),
        (
            "/v1/prices",
            &[
                ("product_data[name]", "P"),
                ("currency", "xyz"),
                ("unit_amount", "1"),
            ],
        ),
        (
            "/v1/plans",
            &[
                ("product[name]", "P"),
                ("currency", "usd"),
                ("interval", "month"),
            ],
        ),
        ("/v1/customers", &[("payment_method", "pm_nothing")]),
    ];
    for (path, fields) in refusals {
        let answer = client.post(path, fields).await;
        assert_eq!(answer.status, 400, "{path}: {}", answer.text);
    }
    for path in ["/v1/products", "/v1/prices", "/v1/customers", "/v1/events"] {
        assert_eq!(client.get(path).await.json["data"], json!([]), "{path}");
    }
}
