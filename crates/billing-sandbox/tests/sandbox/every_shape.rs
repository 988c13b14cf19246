//! One of everything, listed, retrieved and expanded: all that the sandbox answers and sends has the
//! shape of Stripe's, in ten versions. The client holds every answer and event against the table.

use serde_json::{Value, json};
use std::collections::BTreeSet;

use crate::client::Client;

const TABLE: &str = include_str!("../../tables/shapes.txt");

/// Kinds of the table that are not simulated.
const NOT_SIMULATED: [&str; 5] = [
    "bank_account",
    "billing.credit_balance_summary",
    "billing.credit_balance_transaction",
    "billing.credit_grant",
    "mandate",
];

/// What is listed by itself.
const LISTS: &[&str] = &[
    "/v1/balance_transactions",
    "/v1/billing/meters",
    "/v1/billing_portal/configurations",
    "/v1/charges",
    "/v1/checkout/sessions",
    "/v1/coupons",
    "/v1/credit_notes",
    "/v1/customers",
    "/v1/disputes",
    "/v1/entitlements/features",
    "/v1/events",
    "/v1/invoice_payments",
    "/v1/invoiceitems",
    "/v1/invoices",
    "/v1/payment_intents",
    "/v1/plans",
    "/v1/prices",
    "/v1/products",
    "/v1/promotion_codes",
    "/v1/radar/early_fraud_warnings",
    "/v1/refunds",
    "/v1/setup_intents",
    "/v1/shipping_rates",
    "/v1/subscription_schedules",
    "/v1/subscriptions",
    "/v1/tax_codes",
    "/v1/tax_rates",
    "/v1/test_helpers/test_clocks",
    "/v1/webhook_endpoints",
];

/// What is listed below an object of a list above.
const BELOW: &[(&str, &[&str])] = &[
    (
        "/v1/customers",
        &["balance_transactions", "tax_ids", "payment_methods"],
    ),
    ("/v1/invoices", &["lines"]),
    ("/v1/credit_notes", &["lines"]),
    ("/v1/checkout/sessions", &["line_items"]),
    ("/v1/products", &["features"]),
];

async fn made(client: &Client, path: &str, fields: &[(&str, &str)]) -> Value {
    let answer = client.post(path, fields).await;
    assert_eq!(answer.status, 200, "{path}: {}", answer.text);
    answer.json
}

fn id(object: &Value) -> String {
    object["id"].as_str().unwrap().to_owned()
}

/// What no trigger makes.
#[expect(clippy::too_many_lines, reason = "one object after the other")]
async fn make_the_rest(client: &Client) {
    let price = client.monthly_price().await;
    let product = client.get(&format!("/v1/prices/{price}")).await.json["product"].clone();
    let product = product.as_str().unwrap();
    let feature = made(
        client,
        "/v1/entitlements/features",
        &[("name", "Reports"), ("lookup_key", "reports")],
    )
    .await;
    let features = format!("/v1/products/{product}/features");
    made(client, &features, &[("entitlement_feature", &id(&feature))]).await;
    let customer = id(&made(client, "/v1/customers", &[("email", "ada@example.com")]).await);
    let card = made(
        client,
        "/v1/payment_methods/pm_card_visa/attach",
        &[("customer", &customer)],
    )
    .await;
    let forever = [("percent_off", "10"), ("duration", "forever")];
    let coupon = made(client, "/v1/coupons", &forever).await;
    let subscription = made(
        client,
        "/v1/subscriptions",
        &[
            ("customer", &customer),
            ("items[0][price]", &price),
            ("default_payment_method", &id(&card)),
            ("discounts[0][coupon]", &id(&coupon)),
        ],
    )
    .await;
    let entitlements = format!("/v1/entitlements/active_entitlements?customer={customer}");
    assert_eq!(client.get(&entitlements).await.status, 200);
    let items = format!("/v1/subscription_items?subscription={}", id(&subscription));
    assert_eq!(client.get(&items).await.status, 200);
    let balance = format!("/v1/customers/{customer}/balance_transactions");
    made(client, &balance, &[("amount", "-500"), ("currency", "usd")]).await;
    made(
        client,
        &format!("/v1/customers/{customer}/tax_ids"),
        &[("type", "eu_vat"), ("value", "DE123456789")],
    )
    .await;
    made(
        client,
        "/v1/tokens",
        &[
            ("card[number]", "4242424242424242"),
            ("card[exp_month]", "12"),
            ("card[exp_year]", "2034"),
        ],
    )
    .await;
    made(
        client,
        "/v1/shipping_rates",
        &[
            ("display_name", "Post"),
            ("type", "fixed_amount"),
            ("fixed_amount[amount]", "500"),
            ("fixed_amount[currency]", "usd"),
        ],
    )
    .await;
    let setup = made(
        client,
        "/v1/setup_intents",
        &[
            ("payment_method", "pm_card_visa"),
            ("confirm", "true"),
            ("automatic_payment_methods[enabled]", "true"),
            ("automatic_payment_methods[allow_redirects]", "never"),
        ],
    )
    .await;
    let attempts = format!("/v1/setup_attempts?setup_intent={}", id(&setup));
    assert_eq!(client.get(&attempts).await.status, 200);
    for card in ["pm_card_createIssuerFraudRecord", "pm_card_pendingRefund"] {
        made(
            client,
            "/v1/payment_intents",
            &[
                ("amount", "1000"),
                ("currency", "usd"),
                ("confirm", "true"),
                ("payment_method", card),
                ("automatic_payment_methods[enabled]", "true"),
                ("automatic_payment_methods[allow_redirects]", "never"),
            ],
        )
        .await;
    }
    made(
        client,
        "/v1/webhook_endpoints",
        &[("url", "http://127.0.0.1:9/"), ("enabled_events[]", "*")],
    )
    .await;
    assert_eq!(client.get("/v1/account").await.status, 200);
    assert_eq!(client.get("/v1/balance").await.status, 200);
    meter_some_usage(client, &customer).await;
    record_some_usage(client, &customer, &id(&card), product).await;
}

async fn meter_some_usage(client: &Client, customer: &str) {
    let meter = made(
        client,
        "/v1/billing/meters",
        &[
            ("display_name", "Calls"),
            ("event_name", "calls"),
            ("default_aggregation[formula]", "sum"),
        ],
    )
    .await;
    made(
        client,
        "/v1/billing/meter_events",
        &[
            ("event_name", "calls"),
            ("payload[stripe_customer_id]", customer),
            ("payload[value]", "3"),
            ("identifier", "first"),
        ],
    )
    .await;
    client.pass(3_600);
    made(
        client,
        "/v1/billing/meter_event_adjustments",
        &[
            ("event_name", "calls"),
            ("type", "cancel"),
            ("cancel[identifier]", "first"),
        ],
    )
    .await;
    let end = client.sandbox.now() / 60 * 60;
    let summaries = format!(
        "/v1/billing/meters/{}/event_summaries?customer={customer}&start_time={}&end_time={end}",
        id(&meter),
        end - 7_200,
    );
    assert_eq!(client.get(&summaries).await.status, 200);
}

/// Usage records were there until acacia.
async fn record_some_usage(client: &Client, customer: &str, card: &str, product: &str) {
    let old = |path: &str, fields: &[(&str, &str)]| {
        let request = client
            .request("POST", path)
            .header("stripe-version", "2023-10-16");
        Client::answer(request.body(crate::client::form(fields)))
    };
    let price = old(
        "/v1/prices",
        &[
            ("currency", "usd"),
            ("unit_amount", "5"),
            ("product", product),
            ("recurring[interval]", "month"),
            ("recurring[usage_type]", "metered"),
        ],
    )
    .await;
    let price = price.id();
    let subscription = old(
        "/v1/subscriptions",
        &[
            ("customer", customer),
            ("default_payment_method", card),
            ("items[0][price]", &price),
        ],
    )
    .await;
    assert_eq!(subscription.status, 200, "{}", subscription.text);
    let item = id(&subscription.json["items"]["data"][0]);
    let records = format!("/v1/subscription_items/{item}/usage_records");
    let record = old(&records, &[("quantity", "7")]).await;
    assert_eq!(record.status, 200, "{}", record.text);
    let summaries = format!("/v1/subscription_items/{item}/usage_record_summaries");
    assert_eq!(client.get_as("2023-10-16", &summaries).await.status, 200);
}

/// The objects of API v2: their one shape is that of the newest version.
async fn make_those_of_version_two(client: &Client) {
    let event = json!({
        "event_name": "v2_calls", "payload": { "stripe_customer_id": "cus_v2", "value": "1" },
        "identifier": "v2_1",
    });
    let meter = [
        ("display_name", "Calls"),
        ("event_name", "v2_calls"),
        ("default_aggregation[formula]", "sum"),
    ];
    client.post("/v1/billing/meters", &meter).await.id();
    let adjustment = json!({
        "event_name": "v2_calls", "type": "cancel", "cancel": { "identifier": "v2_1" },
    });
    let destination = json!({
        "name": "mine", "type": "webhook_endpoint", "event_payload": "thin",
        "enabled_events": ["v1.customer.created"],
        "webhook_endpoint": { "url": "https://example.com/thin" },
        "include": ["webhook_endpoint.url"],
    });
    for (path, body) in [
        ("billing/meter_events", event),
        ("billing/meter_event_adjustments", adjustment),
        ("billing/meter_event_session", json!({})),
        ("core/event_destinations", destination),
    ] {
        let request = client.request("POST", &format!("/v2/{path}"));
        let request = request.header("content-type", "application/json");
        let made = Client::answer(request.body(body.to_string())).await;
        assert_eq!(made.status, 200, "{path}: {}", made.text);
    }
    let listed = client.get("/v2/core/event_destinations").await;
    assert_eq!(listed.status, 200, "{}", listed.text);
}

/// Retrieves an object, and again with each of its members expanded that could be an id.
async fn expand_everything(client: &Client, path: &str) {
    let plain = client.get(path).await;
    assert_eq!(plain.status, 200, "{path}: {}", plain.text);
    let is_id = |value: &Value| {
        let text = value.as_str().or(value[0].as_str()).unwrap_or_default();
        text.contains('_') && !text.contains(' ')
    };
    for (name, value) in plain.json.as_object().unwrap() {
        if is_id(value) && name != "id" {
            let expanded = client.get(&format!("{path}?expand[]={name}")).await;
            // What is a text and no id cannot be expanded, and is refused.
            assert!(
                matches!(expanded.status, 200 | 400),
                "{path} {name}: {}",
                expanded.text
            );
        }
    }
}

#[tokio::test]
async fn one_of_everything_has_stripes_shape_in_every_version() {
    let client = Client::start().await;
    let types = client.get("/sandbox/trigger").await.json["types"].clone();
    for kind in types.as_array().unwrap().iter().filter_map(Value::as_str) {
        client.post(&format!("/sandbox/trigger/{kind}"), &[]).await;
        client.pass(1);
    }
    make_the_rest(&client).await;
    make_those_of_version_two(&client).await;
    client.pass(40 * 86_400);
    for list in LISTS {
        let page = client.get(&format!("{list}?limit=3")).await;
        assert_eq!(page.status, 200, "{list}: {}", page.text);
        let rows = page.json["data"].as_array().unwrap().clone();
        assert!(!rows.is_empty(), "{list} is empty");
        for row in rows {
            let path = format!("{list}/{}", id(&row));
            expand_everything(&client, &path).await;
            let below = BELOW.iter().filter(|(owner, _)| owner == list);
            for name in below.flat_map(|(_, names)| names.iter()) {
                let page = client.get(&format!("{path}/{name}")).await;
                assert_eq!(page.status, 200, "{path}/{name}: {}", page.text);
            }
        }
    }
    let seen: BTreeSet<&str> = client.sandbox.shapes_seen().into_iter().collect();
    let kinds: BTreeSet<&str> = TABLE
        .lines()
        .filter_map(|line| line.split(' ').nth(1))
        .filter(|kind| *kind != "-" && !NOT_SIMULATED.contains(kind))
        .collect();
    let unseen: Vec<&&str> = kinds.difference(&seen).collect();
    assert!(unseen.is_empty(), "never answered or sent: {unseen:?}");
    assert!(seen.iter().all(|kind| !NOT_SIMULATED.contains(kind)));
}
