//! An end inside a period, with the arithmetic written out: the period is cut, and what was billed
//! beyond it is given back.

use serde_json::{Value, json};

use crate::client::{Client, START};
use crate::shop::{DAY, text};

/// The amounts and texts of what waits for the next invoice.
async fn waiting(client: &Client, customer: &str) -> Vec<(i64, String)> {
    let path = format!("/v1/invoiceitems?pending=true&customer={customer}");
    let list = client.get(&path).await.json;
    let rows = list["data"].as_array().unwrap();
    let pair = |row: &Value| {
        (
            row["amount"].as_i64().unwrap(),
            text(&row["description"]).into(),
        )
    };
    rows.iter().map(pair).collect()
}

fn period_end(subscription: &Value) -> i64 {
    let item = &subscription["items"]["data"][0];
    item["current_period_end"].as_i64().unwrap()
}

#[tokio::test]
async fn an_end_inside_the_period_gives_back_the_rest_and_taking_it_back_asks_for_it_again() {
    for mode in ["classic", "flexible"] {
        let client = Client::start().await;
        let customer = client.subscriber("pm_card_visa").await;
        let price = client.price_every("month", 3_000, "Pro").await;
        let made = client
            .subscribe(&customer, &price, &[("billing_mode[type]", mode)])
            .await;
        let path = format!("/v1/subscriptions/{}", text(&made["id"]));
        let end = START + 10 * DAY;
        let at = end.to_string();
        let ending = client.post(&path, &[("cancel_at", &at)]).await.json;
        assert_eq!(period_end(&ending), end);
        // 20 of 30 days are left then: 3000 * 20/30 = 2000.
        assert_eq!(
            waiting(&client, &customer).await,
            [(-2_000, "Unused time on Pro after 01 Oct 2026".to_owned())]
        );
        let anchor = &ending["billing_cycle_anchor"];
        if mode == "classic" {
            assert_eq!(anchor, &json!(end), "the cycle is counted from the end");
            continue;
        }
        assert_eq!(anchor, &made["billing_cycle_anchor"]);
        let kept = client.post(&path, &[("cancel_at", "")]).await.json;
        assert_eq!(period_end(&kept), START + 30 * DAY);
        let sum: i64 = (waiting(&client, &customer).await.iter())
            .map(|(amount, _)| amount)
            .sum();
        assert_eq!(sum, 0);
    }
}

#[tokio::test]
async fn an_end_inside_the_first_period_bills_the_part_before_it() {
    let client = Client::start().await;
    let customer = client.subscriber("pm_card_visa").await;
    let price = client.price_every("month", 3_000, "Pro").await;
    let at = (START + 10 * DAY).to_string();
    let fields = [("cancel_at", at.as_str())];
    let made = client.subscribe(&customer, &price, &fields).await;
    assert_eq!(period_end(&made), START + 10 * DAY);
    // 3000 * 10/30 = 1000.
    let first = &client.invoices_of(text(&made["id"])).await[0];
    assert_eq!(first["total"], 1_000);
    client.later(11 * DAY);
    let path = format!("/v1/subscriptions/{}", text(&made["id"]));
    assert_eq!(client.get(&path).await.json["status"], "canceled");
    assert_eq!(client.invoices_of(text(&made["id"])).await.len(), 1);
}

#[tokio::test]
async fn a_period_that_begins_before_the_end_is_billed_up_to_it() {
    let client = Client::start().await;
    let customer = client.subscriber("pm_card_visa").await;
    let price = client.price_every("month", 3_100, "Pro").await;
    let at = (START + 40 * DAY).to_string();
    let fields = [("cancel_at", at.as_str())];
    let made = client.subscribe(&customer, &price, &fields).await;
    assert_eq!(period_end(&made), START + 30 * DAY);
    client.later(31 * DAY);
    let path = format!("/v1/subscriptions/{}", text(&made["id"]));
    assert_eq!(period_end(&client.get(&path).await.json), START + 40 * DAY);
    // The second period has 31 days, of which ten are lived: 3100 * 10/31 = 1000.
    assert_eq!(
        client.invoices_of(text(&made["id"])).await[0]["total"],
        1_000
    );
}

#[tokio::test]
async fn an_end_without_proration_leaves_the_period_as_it_is() {
    let client = Client::start().await;
    let customer = client.subscriber("pm_card_visa").await;
    let price = client.monthly_price().await;
    let made = client.subscribe(&customer, &price, &[]).await;
    let path = format!("/v1/subscriptions/{}", text(&made["id"]));
    let at = (START + 10 * DAY).to_string();
    let fields = [("cancel_at", at.as_str()), ("proration_behavior", "none")];
    let ending = client.post(&path, &fields).await.json;
    assert_eq!(period_end(&ending), START + 30 * DAY);
    assert!(waiting(&client, &customer).await.is_empty());
    client.later(10 * DAY);
    assert_eq!(client.get(&path).await.json["status"], "canceled");
}
