//! Subscriptions over time: renewals, trials, anchors, and what becomes of them when nobody pays.

use serde_json::{Value, json};

use crate::client::{Client, START};
use crate::shop::DAY;

#[tokio::test]
async fn a_year_passes_in_one_go_with_a_paid_invoice_for_each_month() {
    let client = Client::start().await;
    let price = client.monthly_price().await;
    let customer = client.subscriber("pm_card_visa").await;
    let made = client.subscribe(&customer, &price, &[]).await;
    let id = made["id"].as_str().unwrap();
    client.later(365 * DAY + 7_200);
    let all = client.invoices_of(id).await;
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
    let customer = client.subscriber("pm_card_visa").await;
    let made = client.subscribe(&customer, &price, &[]).await;
    let id = made["id"].as_str().unwrap();
    client.later(30 * DAY);
    let all = client.invoices_of(id).await;
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
    client.later(3_600);
    assert_eq!(client.invoices_of(id).await[0]["status"], "paid");
}

#[tokio::test]
async fn an_unpaid_renewal_is_past_due_and_paying_it_heals() {
    let client = Client::start().await;
    let price = client.monthly_price().await;
    let customer = client.subscriber("pm_card_visa").await;
    let made = client.subscribe(&customer, &price, &[]).await;
    let id = made["id"].as_str().unwrap();
    let path = "/v1/payment_methods/pm_card_chargeCustomerFail/attach";
    let bad = client.post(path, &[("customer", &customer)]).await.id();
    let path = format!("/v1/subscriptions/{id}");
    let fields = [("default_payment_method", bad.as_str())];
    client.post(&path, &fields).await.id();
    client.later(30 * DAY + 3_600);
    assert_eq!(client.get(&path).await.json["status"], "past_due");
    let latest = client.invoices_of(id).await[0].clone();
    assert_eq!(
        (&latest["status"], &latest["attempt_count"]),
        (&json!("open"), &json!(1))
    );
    assert!(latest["next_payment_attempt"].is_i64());
    let pay = format!("/v1/invoices/{}/pay", latest["id"].as_str().unwrap());
    let fields = [("payment_method", "pm_card_visa")];
    client.post(&pay, &fields).await.id();
    assert_eq!(client.get(&path).await.json["status"], "active");
    let types = client.event_types();
    for kind in ["invoice.payment_failed", "customer.subscription.updated"] {
        assert!(types.iter().any(|known| known == kind), "{kind}");
    }
}

#[tokio::test]
async fn when_all_retries_have_failed_the_subscription_ends() {
    let client = Client::start().await;
    let price = client.monthly_price().await;
    let customer = client.subscriber("pm_card_visa").await;
    let made = client.subscribe(&customer, &price, &[]).await;
    let path = "/v1/payment_methods/pm_card_chargeCustomerFail/attach";
    let bad = client.post(path, &[("customer", &customer)]).await.id();
    let path = format!("/v1/subscriptions/{}", made["id"].as_str().unwrap());
    let fields = [("default_payment_method", bad.as_str())];
    client.post(&path, &fields).await.id();
    // The first try an hour after the period, and eight more within two weeks.
    client.later(30 * DAY + 3_600 + 14 * DAY);
    let ended = client.get(&path).await.json;
    assert_eq!(ended["status"], "canceled");
    assert_eq!(ended["cancellation_details"]["reason"], "payment_failed");
    let latest = client.invoices_of(made["id"].as_str().unwrap()).await[0].clone();
    assert_eq!(
        (&latest["status"], &latest["attempt_count"]),
        (&json!("open"), &json!(9))
    );
    assert_eq!(latest["auto_advance"], false);
}

#[tokio::test]
async fn a_trial_is_free_announced_and_then_paid_for() {
    let client = Client::start().await;
    let price = client.monthly_price().await;
    let customer = client.subscriber("pm_card_visa").await;
    let fields = [("trial_period_days", "14")];
    let made = client.subscribe(&customer, &price, &fields).await;
    let id = made["id"].as_str().unwrap();
    let end = START + 14 * DAY;
    assert_eq!(
        (&made["status"], &made["trial_start"], &made["trial_end"]),
        (&json!("trialing"), &json!(START), &json!(end))
    );
    assert_eq!(made["billing_cycle_anchor"], end);
    assert_eq!(made["items"]["data"][0]["current_period_end"], end);
    let first = client.invoices_of(id).await[0].clone();
    assert_eq!(
        (&first["total"], &first["status"], &first["attempt_count"]),
        (&json!(0), &json!("paid"), &json!(0))
    );
    assert_eq!(
        first["lines"]["data"][0]["description"],
        "Free trial for 1 × Pro"
    );
    let announced = "customer.subscription.trial_will_end".to_owned();
    client.later(10 * DAY);
    assert!(!client.event_types().contains(&announced));
    client.later(DAY);
    assert!(client.event_types().contains(&announced));
    client.later(3 * DAY + 3_600);
    let now = client.get(&format!("/v1/subscriptions/{id}")).await.json;
    assert_eq!(now["status"], "active");
    let paid = client.invoices_of(id).await[0].clone();
    assert_eq!(
        (&paid["amount_paid"], &paid["billing_reason"]),
        (&json!(1_000), &json!("subscription_cycle"))
    );
}

#[tokio::test]
async fn without_a_card_a_trial_ends_as_its_settings_say() {
    for (behaviour, status, count) in [
        ("cancel", "canceled", 1),
        ("pause", "paused", 1),
        ("create_invoice", "past_due", 2),
    ] {
        let client = Client::start().await;
        let price = client.monthly_price().await;
        let customer = client.post("/v1/customers", &[]).await.id();
        let fields = [
            ("trial_period_days", "7"),
            (
                "trial_settings[end_behavior][missing_payment_method]",
                behaviour,
            ),
        ];
        let made = client.subscribe(&customer, &price, &fields).await;
        let id = made["id"].as_str().unwrap();
        client.later(7 * DAY + 3_600);
        let path = format!("/v1/subscriptions/{id}");
        assert_eq!(client.get(&path).await.json["status"], status);
        assert_eq!(client.invoices_of(id).await.len(), count, "{behaviour}");
        if behaviour != "pause" {
            continue;
        }
        // Resumed with a card, its first invoice waits to be paid.
        assert!(
            client
                .event_types()
                .contains(&"customer.subscription.paused".to_owned())
        );
        let attach = "/v1/payment_methods/pm_card_visa/attach";
        let method = client.post(attach, &[("customer", &customer)]).await.id();
        let fields = [("default_payment_method", method.as_str())];
        client.post(&path, &fields).await.id();
        let resumed = client.post(&format!("{path}/resume"), &[]).await.json;
        assert_eq!(resumed["status"], "paused");
        let invoice = client.invoices_of(id).await[0].clone();
        assert_eq!(
            (&invoice["status"], &invoice["total"]),
            (&json!("open"), &json!(1_000))
        );
        let pay = format!("/v1/invoices/{}/pay", invoice["id"].as_str().unwrap());
        client.post(&pay, &[]).await.id();
        let now = client.get(&path).await.json;
        assert_eq!(now["status"], "active");
        assert_eq!(now["billing_cycle_anchor"], START + 7 * DAY + 3_600);
        assert!(
            client
                .event_types()
                .contains(&"customer.subscription.resumed".to_owned())
        );
    }
}

#[tokio::test]
async fn a_first_payment_that_never_comes_expires_after_23_hours() {
    let client = Client::start().await;
    let price = client.monthly_price().await;
    let customer = client.subscriber("pm_card_visa").await;
    let fields = [("payment_behavior", "default_incomplete")];
    let made = client.subscribe(&customer, &price, &fields).await;
    assert_eq!(made["status"], "incomplete");
    let id = made["id"].as_str().unwrap();
    assert_eq!(client.invoices_of(id).await[0]["status"], "open");
    let path = format!("/v1/subscriptions/{id}");
    client.later(23 * 3_600 - 1);
    assert_eq!(client.get(&path).await.json["status"], "incomplete");
    client.later(1);
    assert_eq!(client.get(&path).await.json["status"], "incomplete_expired");
    assert_eq!(client.invoices_of(id).await[0]["status"], "void");
}

#[tokio::test]
async fn the_end_of_a_january_stays_the_end_of_its_months() {
    // 2027-01-31T12:00:00Z
    let at = 1_801_396_800;
    let client = Client::start().await;
    let price = client.monthly_price().await;
    client.later(at - START);
    let customer = client.subscriber("pm_card_visa").await;
    let made = client.subscribe(&customer, &price, &[]).await;
    let path = format!("/v1/subscriptions/{}", made["id"].as_str().unwrap());
    let mut ends = Vec::new();
    for _ in 0..3 {
        let now = client.get(&path).await.json;
        let end = now["items"]["data"][0]["current_period_end"]
            .as_i64()
            .unwrap();
        ends.push((end - at) / DAY);
        client.later(end - client.sandbox.now());
    }
    // 28 February, 31 March, 30 April: 28, 59 and 89 days on.
    assert_eq!(ends, [28, 59, 89]);
}

#[tokio::test]
async fn a_later_anchor_makes_a_part_of_a_period_first() {
    let client = Client::start().await;
    let price = client.monthly_price().await;
    let customer = client.subscriber("pm_card_visa").await;
    // 10 days from now: the period before that anchor is 2026-09-01 to 2026-10-01, 30 days.
    let anchor = (START + 10 * DAY).to_string();
    let fields = [("billing_cycle_anchor", anchor.as_str())];
    let made = client.subscribe(&customer, &price, &fields).await;
    // 1000 * 10/30 = 333.33 -> 333.
    let first = client.invoices_of(made["id"].as_str().unwrap()).await[0].clone();
    assert_eq!(first["total"], 333);
    assert_eq!(
        made["items"]["data"][0]["current_period_end"],
        START + 10 * DAY
    );
    // For nothing until then, if that is wanted: no invoice at all.
    let fields = [
        ("billing_cycle_anchor", anchor.as_str()),
        ("proration_behavior", "none"),
    ];
    let free = client.subscribe(&customer, &price, &fields).await;
    assert_eq!(free["status"], "active");
    assert!(free["latest_invoice"].is_null());
}

#[tokio::test]
async fn paused_collection_keeps_gives_up_or_voids_what_is_billed() {
    for (behaviour, status) in [
        ("keep_as_draft", "draft"),
        ("mark_uncollectible", "uncollectible"),
        ("void", "void"),
    ] {
        let client = Client::start().await;
        let price = client.monthly_price().await;
        let customer = client.subscriber("pm_card_visa").await;
        let made = client.subscribe(&customer, &price, &[]).await;
        let id = made["id"].as_str().unwrap();
        let path = format!("/v1/subscriptions/{id}");
        let resumes = (START + 40 * DAY).to_string();
        let fields = [
            ("pause_collection[behavior]", behaviour),
            ("pause_collection[resumes_at]", &resumes),
        ];
        let paused = client.post(&path, &fields).await.json;
        assert_eq!(paused["pause_collection"]["behavior"], behaviour);
        assert_eq!(paused["status"], "active");
        client.later(30 * DAY + 7_200);
        assert_eq!(client.invoices_of(id).await[0]["status"], status);
        assert_eq!(client.get(&path).await.json["status"], "active");
        client.later(10 * DAY);
        assert!(client.get(&path).await.json["pause_collection"].is_null());
        client.later(21 * DAY + 7_200);
        assert_eq!(client.invoices_of(id).await[0]["status"], "paid");
    }
}

#[tokio::test]
async fn a_sent_invoice_that_is_overdue_makes_it_past_due() {
    let client = Client::start().await;
    let price = client.monthly_price().await;
    let customer = client
        .post("/v1/customers", &[("email", "a@b.co")])
        .await
        .id();
    let fields = [
        ("customer", customer.as_str()),
        ("items[0][price]", &price),
        ("collection_method", "send_invoice"),
    ];
    let refused = client.post("/v1/subscriptions", &fields).await;
    assert_eq!(
        refused.message(),
        "If invoice collection method is 'send_invoice', you must specify 'days_until_due'."
    );
    let fields = [
        ("collection_method", "send_invoice"),
        ("days_until_due", "7"),
    ];
    let made = client.subscribe(&customer, &price, &fields).await;
    assert_eq!(made["status"], "active");
    let id = made["id"].as_str().unwrap();
    let first = client.invoices_of(id).await[0].clone();
    assert_eq!(
        (&first["status"], &first["due_date"]),
        (&json!("draft"), &json!(START + 7 * DAY))
    );
    client.later(3_600);
    assert_eq!(client.invoices_of(id).await[0]["status"], "open");
    client.later(7 * DAY);
    let path = format!("/v1/subscriptions/{id}");
    assert_eq!(client.get(&path).await.json["status"], "past_due");
}

#[tokio::test]
async fn a_renewal_is_announced_a_week_before_and_what_ends_is_not() {
    let client = Client::start().await;
    let price = client.monthly_price().await;
    let customer = client.subscriber("pm_card_visa").await;
    let made = client.subscribe(&customer, &price, &[]).await;
    let upcoming = |client: &Client| {
        let all = client.sandbox.events();
        all.into_iter()
            .filter(|event| event["type"] == "invoice.upcoming")
            .collect::<Vec<Value>>()
    };
    client.later(23 * DAY - 1);
    assert!(upcoming(&client).is_empty());
    client.later(1);
    let told = upcoming(&client);
    assert_eq!(told.len(), 1);
    let invoice = &told[0]["data"]["object"];
    assert_eq!(
        (&invoice["total"], &invoice["billing_reason"]),
        (&json!(1_000), &json!("upcoming"))
    );
    let path = format!("/v1/subscriptions/{}", made["id"].as_str().unwrap());
    client.later(8 * DAY);
    let fields = [("cancel_at_period_end", "true")];
    let ending = client.post(&path, &fields).await.json;
    assert_eq!(ending["cancel_at"], START + 61 * DAY);
    assert_eq!(ending["canceled_at"], START + 31 * DAY);
    client.later(30 * DAY);
    assert!(
        upcoming(&client).is_empty(),
        "events are kept for thirty days"
    );
    assert_eq!(client.get(&path).await.json["status"], "canceled");
    let types = client.event_types();
    assert_eq!(
        types.last().map(String::as_str),
        Some("customer.subscription.deleted")
    );
}
