//! Subscription schedules: phases that follow each other.

use serde_json::{Value, json};

use crate::client::{Client, START};
use crate::shop::{DAY, text};

struct Shop {
    client: Client,
    customer: String,
    small: String,
    big: String,
}

impl Shop {
    async fn open() -> Self {
        let client = Client::start().await;
        let customer = client.subscriber("pm_card_visa").await;
        let small = client.monthly_price().await;
        let big = client.price_every("month", 3_000, "Max").await;
        Self {
            client,
            customer,
            small,
            big,
        }
    }

    fn advance(&self, seconds: i64) {
        self.client.later(seconds);
    }

    async fn schedule(&self, fields: &[(&str, &str)]) -> Value {
        let mut all = vec![("customer", self.customer.as_str())];
        all.extend_from_slice(fields);
        let made = self.client.post("/v1/subscription_schedules", &all).await;
        assert_eq!(made.status, 200, "{}", made.text);
        made.json
    }

    async fn get(&self, kind: &str, id: &Value) -> Value {
        self.client
            .get(&format!("/v1/{kind}/{}", text(id)))
            .await
            .json
    }

    fn has_event(&self, kind: &str) -> bool {
        self.client.event_types().iter().any(|known| known == kind)
    }
}

#[tokio::test]
async fn phases_follow_each_other_and_the_subscription_ends_with_the_last() {
    let shop = Shop::open().await;
    let made = shop
        .schedule(&[
            ("start_date", "now"),
            ("end_behavior", "cancel"),
            ("phases[0][items][0][price]", &shop.small),
            ("phases[0][duration][interval]", "month"),
            ("phases[0][duration][interval_count]", "2"),
            ("phases[1][items][0][price]", &shop.big),
            ("phases[1][items][0][quantity]", "2"),
            ("phases[1][duration][interval]", "month"),
        ])
        .await;
    assert_eq!(made["status"], "active");
    assert!(shop.has_event("subscription_schedule.created"));
    // 2026-09-21 + 2 months = 2026-11-21 (61 days), + 1 month = 2026-12-21 (91 days).
    assert_eq!(
        made["current_phase"],
        json!({ "start_date": START, "end_date": START + 61 * DAY })
    );
    assert_eq!(made["phases"][1]["end_date"], START + 91 * DAY);
    let subscription = shop.get("subscriptions", &made["subscription"]).await;
    assert_eq!(subscription["schedule"], made["id"]);
    let first = shop.get("invoices", &subscription["latest_invoice"]).await;
    assert_eq!(
        (&first["status"], &first["total"]),
        (&json!("draft"), &json!(1_000))
    );
    shop.advance(3_600);
    let first = shop.get("invoices", &subscription["latest_invoice"]).await;
    assert_eq!(first["status"], "paid");
    // The renewal at the boundary bills the new phase, without any proration.
    shop.advance(61 * DAY);
    let subscription = shop.get("subscriptions", &made["subscription"]).await;
    let item = &subscription["items"]["data"][0];
    assert_eq!(
        (&item["price"]["id"], &item["quantity"]),
        (&json!(shop.big), &json!(2))
    );
    assert_eq!(item["current_period_end"], START + 91 * DAY);
    let renewal = shop.get("invoices", &subscription["latest_invoice"]).await;
    assert_eq!(renewal["billing_reason"], "subscription_cycle");
    assert_eq!(
        (&renewal["total"], &renewal["status"]),
        (&json!(6_000), &json!("paid"))
    );
    assert_eq!(subscription["cancel_at"], START + 91 * DAY);
    shop.advance(30 * DAY);
    let subscription = shop.get("subscriptions", &made["subscription"]).await;
    assert_eq!(subscription["status"], "canceled");
    let schedule = shop.get("subscription_schedules", &made["id"]).await;
    assert_eq!(schedule["status"], "completed");
    assert_eq!(schedule["completed_at"], START + 91 * DAY);
    // Events are kept for thirty days.
    for kind in ["expiring", "completed"] {
        assert!(
            shop.has_event(&format!("subscription_schedule.{kind}")),
            "{kind}"
        );
    }
}

#[tokio::test]
async fn a_schedule_in_the_future_begins_by_itself_and_lets_go_at_its_end() {
    let shop = Shop::open().await;
    let start = (START + 5 * DAY).to_string();
    let made = shop
        .schedule(&[
            ("start_date", &start),
            ("phases[0][items][0][price]", &shop.small),
            ("phases[0][duration][interval]", "month"),
        ])
        .await;
    assert_eq!(
        (&made["status"], &made["subscription"]),
        (&json!("not_started"), &Value::Null)
    );
    shop.advance(5 * DAY);
    let running = shop.get("subscription_schedules", &made["id"]).await;
    assert_eq!(running["status"], "active");
    let subscription = running["subscription"].clone();
    assert_eq!(
        shop.get("subscriptions", &subscription).await["status"],
        "active"
    );
    shop.advance(31 * DAY);
    let done = shop.get("subscription_schedules", &made["id"]).await;
    assert_eq!(
        (
            &done["status"],
            &done["released_subscription"],
            &done["subscription"]
        ),
        (&json!("released"), &subscription, &Value::Null)
    );
    let free = shop.get("subscriptions", &subscription).await;
    assert_eq!(
        (&free["status"], &free["schedule"]),
        (&json!("active"), &Value::Null)
    );
    assert!(shop.has_event("subscription_schedule.released"));
}

#[tokio::test]
async fn a_subscription_can_be_taken_over_changed_released_or_canceled() {
    let shop = Shop::open().await;
    let fields = [
        ("customer", shop.customer.as_str()),
        ("items[0][price]", &shop.small),
    ];
    let subscription = shop.client.post("/v1/subscriptions", &fields).await.json;
    let id = text(&subscription["id"]);
    let path = "/v1/subscription_schedules";
    let refused = shop
        .client
        .post(path, &[("from_subscription", id), ("metadata[a]", "b")])
        .await;
    assert_eq!(
        refused.message(),
        "You cannot set `metadata` if `from_subscription` is set."
    );
    let made = shop
        .client
        .post(path, &[("from_subscription", id)])
        .await
        .json;
    assert_eq!(made["phases"][0]["items"][0]["price"], shop.small.as_str());
    assert_eq!(made["phases"][0]["end_date"], START + 30 * DAY);
    // Ending it directly is the schedule's business.
    let path = format!("/v1/subscriptions/{id}");
    let refused = shop
        .client
        .post(&path, &[("cancel_at_period_end", "true")])
        .await;
    assert_eq!(
        refused.message(),
        format!(
            "The subscription is managed by the subscription schedule `{}`, and updating any \
             cancelation behavior directly is not allowed. Please update the schedule instead.",
            text(&made["id"])
        )
    );
    // A second phase is added by sending the current one again.
    let path = format!("/v1/subscription_schedules/{}", text(&made["id"]));
    let start = START.to_string();
    let end = (START + 30 * DAY).to_string();
    let changed = shop
        .client
        .post(
            &path,
            &[
                ("phases[0][items][0][price]", &shop.small),
                ("phases[0][start_date]", &start),
                ("phases[0][end_date]", &end),
                ("phases[1][items][0][price]", &shop.big),
                ("phases[1][duration][interval]", "month"),
            ],
        )
        .await;
    assert_eq!(changed.status, 200, "{}", changed.text);
    assert_eq!(changed.json["phases"].as_array().unwrap().len(), 2);
    shop.advance(30 * DAY);
    let now = shop.get("subscriptions", &subscription["id"]).await;
    assert_eq!(now["items"]["data"][0]["price"]["id"], shop.big.as_str());
    let released = shop.client.post(&format!("{path}/release"), &[]).await.json;
    assert_eq!(released["status"], "released");
    let refused = shop.client.post(&format!("{path}/cancel"), &[]).await;
    assert_eq!(refused.status, 400);
    // Another one, canceled with its subscription.
    let again = shop
        .client
        .post("/v1/subscription_schedules", &[("from_subscription", id)])
        .await
        .json;
    let path = format!("/v1/subscription_schedules/{}/cancel", text(&again["id"]));
    let canceled = shop.client.post(&path, &[]).await.json;
    assert_eq!(canceled["status"], "canceled");
    let now = shop.get("subscriptions", &subscription["id"]).await;
    assert_eq!(now["status"], "canceled");
}
