//! What the dashboard sets: retries, announcements, and drafts that wait for their webhooks.

use serde_json::{Value, json};

use crate::client::{Client, config};
use crate::receiver::Receiver;
use crate::shop::{DAY, text};

const HOUR: i64 = 3_600;

async fn set(client: &Client, fields: &[(&str, &str)]) -> Value {
    let changed = client.post("/sandbox/settings", fields).await;
    assert_eq!(changed.status, 200, "{}", changed.text);
    changed.json
}

#[tokio::test]
async fn settings_are_shown_changed_and_checked() {
    let client = Client::start().await;
    let shown = client.get("/sandbox/settings").await.json;
    let defaults = json!({
        "invoice_retries": 8, "invoice_retry_days": 14,
        "subscription_retries_exhausted": "canceled", "invoice_upcoming_days": 7,
        "finalization_waits_for_webhooks": false,
    });
    assert_eq!(shown, defaults);
    let changed = set(&client, &[("invoice_retries", "3")]).await;
    assert_eq!(changed["invoice_retries"], 3);
    for (name, value) in [
        ("invoice_retries", "9"),
        ("subscription_retries_exhausted", "gone"),
        ("finalization_waits_for_webhooks", "perhaps"),
        ("colour", "red"),
    ] {
        let refused = client.post("/sandbox/settings", &[(name, value)]).await;
        assert_eq!(refused.status, 400, "{name}");
        assert!(refused.message().contains(name), "{}", refused.text);
    }
    assert_eq!(client.get("/sandbox/settings").await.json, changed);
    // Settings are those of one account.
    let mut other = Client::with(config()).await;
    other.key = "sk_test_other".to_owned();
    assert_eq!(other.get("/sandbox/settings").await.json, defaults);
}

#[tokio::test]
async fn a_short_schedule_of_retries_leaves_the_subscription_as_it_was_set() {
    for outcome in ["unpaid", "past_due", "canceled"] {
        let client = Client::start().await;
        let fields = [
            ("invoice_retries", "2"),
            ("invoice_retry_days", "4"),
            ("subscription_retries_exhausted", outcome),
        ];
        set(&client, &fields).await;
        let customer = client.subscriber("pm_card_visa").await;
        let price = client.monthly_price().await;
        let made = client.subscribe(&customer, &price, &[]).await;
        let path = "/v1/payment_methods/pm_card_chargeCustomerFail/attach";
        let bad = client.post(path, &[("customer", &customer)]).await.id();
        let default = [("invoice_settings[default_payment_method]", bad.as_str())];
        client
            .post(&format!("/v1/customers/{customer}"), &default)
            .await
            .id();
        client.later(30 * DAY + 2 * HOUR);
        let path = format!("/v1/subscriptions/{}", text(&made["id"]));
        assert_eq!(client.get(&path).await.json["status"], "past_due");
        // Two retries in four days: after the second and the fourth.
        client.later(5 * DAY);
        assert_eq!(client.get(&path).await.json["status"], outcome);
        let invoice = &client.invoices_of(text(&made["id"])).await[0];
        assert_eq!(invoice["attempt_count"], 3, "{outcome}");
    }
}

#[tokio::test]
async fn a_renewal_is_announced_as_long_before_as_was_set() {
    let client = Client::start().await;
    set(&client, &[("invoice_upcoming_days", "3")]).await;
    let customer = client.subscriber("pm_card_visa").await;
    let price = client.monthly_price().await;
    client.subscribe(&customer, &price, &[]).await;
    let is_told = || {
        client
            .event_types()
            .contains(&"invoice.upcoming".to_owned())
    };
    client.later(27 * DAY - 1);
    assert!(!is_told());
    client.later(1);
    assert!(is_told());
}

#[tokio::test]
async fn a_draft_waits_for_an_endpoint_that_does_not_take_it_but_not_for_ever() {
    for (statuses, finalized_after_hours) in [(&[500][..], 2), (&[500; 90][..], 72)] {
        let client = Client::start().await;
        set(&client, &[("finalization_waits_for_webhooks", "true")]).await;
        let customer = client.subscriber("pm_card_visa").await;
        let price = client.monthly_price().await;
        let made = client.subscribe(&customer, &price, &[]).await;
        let receiver = Receiver::answering(statuses).await;
        let fields = [
            ("url", receiver.url.as_str()),
            ("enabled_events[0]", "invoice.created"),
        ];
        client.post("/v1/webhook_endpoints", &fields).await.id();
        client.later(30 * DAY);
        let mut hours = 0;
        while client.invoices_of(text(&made["id"])).await[0]["status"] == "draft" {
            // What was refused is sent again whenever the schedule of retries says so.
            client.sandbox.deliver_due().await;
            client.later(HOUR);
            hours += 1;
            assert!(hours <= finalized_after_hours, "still a draft");
        }
        assert_eq!(hours, finalized_after_hours);
        assert!(!receiver.received().is_empty());
    }
}

#[tokio::test]
async fn a_portal_is_open_for_five_minutes_and_an_hour_after_each_visit() {
    let client = Client::start().await;
    let customer = client.subscriber("pm_card_visa").await;
    let fields = [
        ("customer", customer.as_str()),
        ("return_url", "http://shop.test/account"),
    ];
    let made = client.post("/v1/billing_portal/sessions", &fields).await;
    let url = text(&made.json["url"]).to_owned();
    let open = || async { Client::answer(client.http.get(&url)).await };
    client.later(300);
    assert_eq!(open().await.status, 200);
    client.later(HOUR);
    assert_eq!(open().await.status, 200);
    client.later(HOUR + 1);
    let expired = open().await;
    assert_eq!(expired.status, 410);
    assert!(expired.text.contains("http://shop.test/account"));
    let unused = client.post("/v1/billing_portal/sessions", &fields).await;
    client.later(301);
    let url = text(&unused.json["url"]);
    assert_eq!(Client::answer(client.http.get(url)).await.status, 410);
}

#[tokio::test]
async fn what_waits_is_invoiced_between_the_cycles_where_that_is_wanted() {
    let client = Client::start().await;
    let customer = client.subscriber("pm_card_visa").await;
    let price = client.price_every("year", 12_000, "Yearly").await;
    let every = [
        ("pending_invoice_item_interval[interval]", "month"),
        ("pending_invoice_item_interval[interval_count]", "1"),
    ];
    let made = client.subscribe(&customer, &price, &every).await;
    let id = text(&made["id"]);
    let next = |subscription: &Value| subscription["next_pending_invoice_item_invoice"].as_i64();
    let anchor = made["billing_cycle_anchor"].as_i64().unwrap();
    assert_eq!(next(&made), Some(anchor + 30 * DAY));
    let item = [
        ("customer", customer.as_str()),
        ("subscription", id),
        ("amount", "700"),
        ("currency", "usd"),
    ];
    client.post("/v1/invoiceitems", &item).await.id();
    client.later(30 * DAY);
    let draft = client.invoices_of(id).await.remove(0);
    assert_eq!(
        (&draft["billing_reason"], &draft["status"], &draft["total"]),
        (
            &json!("automatic_pending_invoice_item_invoice"),
            &json!("draft"),
            &json!(700)
        )
    );
    client.later(2 * HOUR);
    assert_eq!(client.invoices_of(id).await[0]["status"], "paid");
    // Nothing waits in the months that follow, so nothing is made.
    client.later(60 * DAY);
    assert_eq!(client.invoices_of(id).await.len(), 2);
    let path = format!("/v1/subscriptions/{id}");
    let unset = [("pending_invoice_item_interval", "")];
    let now = client.post(&path, &unset).await.json;
    assert!(now["next_pending_invoice_item_invoice"].is_null());
}
