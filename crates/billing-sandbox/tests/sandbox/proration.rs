//! Worked examples of proration, the arithmetic written out. The first period has 30 days
//! (2026-09-21 to 2026-10-21), and a share is `amount * seconds left / seconds of the period`, rounded
//! to the nearest cent, halves towards minus infinity.

use serde_json::{Value, json};

use crate::client::{Client, START};
use crate::shop::{DAY, text};

const CLASSIC: &str = "classic";
const FLEXIBLE: &str = "flexible";

struct Shop {
    client: Client,
    customer: String,
}

impl Shop {
    async fn open() -> Self {
        let client = Client::start().await;
        let customer = client.subscriber("pm_card_visa").await;
        Self { client, customer }
    }

    async fn price(&self, amount: i64, interval: &str) -> String {
        self.client.price_every(interval, amount, "Pro").await
    }

    async fn subscribe(&self, mode: &str, fields: &[(&str, &str)]) -> Value {
        let mut all = vec![
            ("customer", self.customer.as_str()),
            ("billing_mode[type]", mode),
        ];
        all.extend_from_slice(fields);
        let made = self.client.post("/v1/subscriptions", &all).await;
        assert_eq!(made.status, 200, "{}", made.text);
        made.json
    }

    fn advance(&self, seconds: i64) {
        self.client.later(seconds);
    }

    async fn update(&self, subscription: &Value, fields: &[(&str, &str)]) -> Value {
        let path = format!("/v1/subscriptions/{}", text(&subscription["id"]));
        let changed = self.client.post(&path, fields).await;
        assert_eq!(changed.status, 200, "{}", changed.text);
        changed.json
    }

    async fn latest(&self, subscription: &Value) -> Value {
        let path = format!("/v1/invoices/{}", text(&subscription["latest_invoice"]));
        self.client.get(&path).await.json
    }

    /// The amounts and texts of what waits for the next invoice, newest first.
    async fn waiting(&self) -> Vec<(i64, String)> {
        let path = format!("/v1/invoiceitems?pending=true&customer={}", self.customer);
        let list = self.client.get(&path).await.json;
        let rows = list["data"].as_array().unwrap();
        rows.iter().map(amount_and_text).collect()
    }
}

fn amount_and_text(row: &Value) -> (i64, String) {
    (
        row["amount"].as_i64().unwrap(),
        text(&row["description"]).to_owned(),
    )
}

fn lines(invoice: &Value) -> Vec<(i64, String)> {
    let rows = invoice["lines"]["data"].as_array().unwrap();
    rows.iter().map(amount_and_text).collect()
}

fn amounts(rows: &[(i64, String)]) -> Vec<i64> {
    rows.iter().map(|(amount, _)| *amount).collect()
}

fn item(subscription: &Value) -> &str {
    text(&subscription["items"]["data"][0]["id"])
}

#[tokio::test]
async fn an_upgrade_credits_the_old_price_and_asks_for_the_new_one() {
    for mode in [CLASSIC, FLEXIBLE] {
        let shop = Shop::open().await;
        let (old, new) = (
            shop.price(1_000, "month").await,
            shop.price(2_000, "month").await,
        );
        let made = shop.subscribe(mode, &[("items[0][price]", &old)]).await;
        shop.advance(10 * DAY);
        let fields = [("items[0][id]", item(&made)), ("items[0][price]", &new)];
        let changed = shop.update(&made, &fields).await;
        assert_eq!(changed["items"]["data"][0]["price"]["id"], new.as_str());
        // -1000 * 20/30 = -666.67 -> -667; 2000 * 20/30 = 1333.33 -> 1333.
        let expected = [
            (-667, "Unused time on Pro after 01 Oct 2026".to_owned()),
            (1_333, "Remaining time on Pro after 01 Oct 2026".to_owned()),
        ];
        assert_eq!(shop.waiting().await, expected, "{mode}");
        // They are on the renewal, before its own line: -667 + 1333 + 2000 = 2666.
        shop.advance(20 * DAY);
        let now = shop.update(&made, &[("metadata[seen]", "1")]).await;
        let renewal = shop.latest(&now).await;
        assert_eq!(amounts(&lines(&renewal)), [-667, 1_333, 2_000]);
        assert_eq!(renewal["total"], 2_666);
        assert!(shop.waiting().await.is_empty());
    }
}

#[tokio::test]
async fn a_downgrade_invoiced_at_once_leaves_a_credit_on_the_balance() {
    let shop = Shop::open().await;
    let (old, new) = (
        shop.price(2_000, "month").await,
        shop.price(1_000, "month").await,
    );
    let made = shop.subscribe(FLEXIBLE, &[("items[0][price]", &old)]).await;
    shop.advance(10 * DAY);
    let fields = [
        ("items[0][id]", item(&made)),
        ("items[0][price]", &new),
        ("proration_behavior", "always_invoice"),
    ];
    let changed = shop.update(&made, &fields).await;
    let invoice = shop.latest(&changed).await;
    // -2000 * 20/30 = -1333.33 -> -1333; 1000 * 20/30 = 666.67 -> 667; together -666.
    assert_eq!(amounts(&lines(&invoice)), [-1_333, 667]);
    assert_eq!(
        (
            &invoice["amount_due"],
            &invoice["ending_balance"],
            &invoice["status"]
        ),
        (&json!(0), &json!(-666), &json!("paid"))
    );
    assert_eq!(invoice["billing_reason"], "subscription_update");
    let customer = shop
        .client
        .get(&format!("/v1/customers/{}", shop.customer))
        .await;
    assert_eq!(customer.json["balance"], -666);
}

#[tokio::test]
async fn another_quantity_credits_the_whole_item_and_asks_for_the_whole_new_one() {
    let shop = Shop::open().await;
    let price = shop.price(999, "month").await;
    let fields = [
        ("items[0][price]", price.as_str()),
        ("items[0][quantity]", "2"),
    ];
    let made = shop.subscribe(FLEXIBLE, &fields).await;
    shop.advance(10 * DAY);
    let fields = [("items[0][id]", item(&made)), ("items[0][quantity]", "3")];
    shop.update(&made, &fields).await;
    // -2 * 999 * 20/30 = -1332; 3 * 999 * 20/30 = 1998.
    let expected = [
        (
            -1_332,
            "Unused time on 2 × Pro after 01 Oct 2026".to_owned(),
        ),
        (
            1_998,
            "Remaining time on 3 × Pro after 01 Oct 2026".to_owned(),
        ),
    ];
    assert_eq!(shop.waiting().await, expected);
}

#[tokio::test]
async fn what_was_never_billed_is_credited_in_classic_mode_only() {
    // 1000 was billed, 2000 never was; with 10 of 30 days left:
    // classic -2000 * 10/30 = -667, flexible -1000 * 10/30 = -333; debit 1000 * 10/30 = 333.
    for (mode, credit) in [(CLASSIC, -667), (FLEXIBLE, -333)] {
        let shop = Shop::open().await;
        let (small, big) = (
            shop.price(1_000, "month").await,
            shop.price(2_000, "month").await,
        );
        let made = shop.subscribe(mode, &[("items[0][price]", &small)]).await;
        let fields = [
            ("items[0][id]", item(&made)),
            ("items[0][price]", &big),
            ("proration_behavior", "none"),
        ];
        shop.update(&made, &fields).await;
        assert!(shop.waiting().await.is_empty());
        shop.advance(20 * DAY);
        let fields = [("items[0][id]", item(&made)), ("items[0][price]", &small)];
        shop.update(&made, &fields).await;
        assert_eq!(amounts(&shop.waiting().await), [credit, 333], "{mode}");
    }
}

#[tokio::test]
async fn a_percentage_off_is_netted_in_both_lines_and_named() {
    let shop = Shop::open().await;
    let fields = [("percent_off", "10"), ("duration", "forever")];
    let coupon = shop.client.post("/v1/coupons", &fields).await.id();
    let (old, new) = (
        shop.price(1_000, "month").await,
        shop.price(3_000, "month").await,
    );
    let fields = [
        ("items[0][price]", old.as_str()),
        ("discounts[0][coupon]", &coupon),
    ];
    let made = shop.subscribe(FLEXIBLE, &fields).await;
    assert_eq!(shop.latest(&made).await["total"], 900);
    shop.advance(15 * DAY);
    let fields = [
        ("items[0][id]", item(&made)),
        ("items[0][price]", &new),
        ("proration_behavior", "always_invoice"),
    ];
    let changed = shop.update(&made, &fields).await;
    let invoice = shop.latest(&changed).await;
    // -(1000 - 10%) * 15/30 = -450; (3000 - 10%) * 15/30 = 1350; together 900.
    let expected = [
        (
            -450,
            "Unused time on Pro (with 10.0% off) after 06 Oct 2026".to_owned(),
        ),
        (
            1_350,
            "Remaining time on Pro (with 10.0% off) after 06 Oct 2026".to_owned(),
        ),
    ];
    assert_eq!(lines(&invoice), expected);
    assert_eq!(
        (&invoice["total"], &invoice["status"]),
        (&json!(900), &json!("paid"))
    );
}

#[tokio::test]
async fn a_fixed_sum_off_is_split_by_share_in_flexible_mode_only() {
    // 500 off 1000 + 2000; the 1000 goes at half. Classic: -(1000 - 500) / 2 = -250. Flexible:
    // 500 * 1000/3000 = 166 of it are this item's, -(1000 - 166) / 2 = -417.
    for (mode, credit) in [(CLASSIC, -250), (FLEXIBLE, -417)] {
        let shop = Shop::open().await;
        let fields = [
            ("amount_off", "500"),
            ("currency", "usd"),
            ("duration", "forever"),
        ];
        let coupon = shop.client.post("/v1/coupons", &fields).await.id();
        let (small, big) = (
            shop.price(1_000, "month").await,
            shop.price(2_000, "month").await,
        );
        let fields = [
            ("items[0][price]", small.as_str()),
            ("items[1][price]", &big),
            ("discounts[0][coupon]", &coupon),
        ];
        let made = shop.subscribe(mode, &fields).await;
        assert_eq!(shop.latest(&made).await["total"], 2_500);
        shop.advance(15 * DAY);
        let fields = [("items[0][id]", item(&made)), ("items[0][deleted]", "true")];
        let changed = shop.update(&made, &fields).await;
        assert_eq!(changed["items"]["data"].as_array().unwrap().len(), 1);
        assert_eq!(amounts(&shop.waiting().await), [credit], "{mode}");
    }
}

#[tokio::test]
async fn tax_is_added_to_each_line_of_a_proration() {
    let shop = Shop::open().await;
    let fields = [
        ("display_name", "VAT"),
        ("percentage", "20"),
        ("inclusive", "false"),
    ];
    let rate = shop.client.post("/v1/tax_rates", &fields).await.id();
    let (old, new) = (
        shop.price(1_000, "month").await,
        shop.price(2_000, "month").await,
    );
    let fields = [
        ("items[0][price]", old.as_str()),
        ("default_tax_rates[0]", &rate),
    ];
    let made = shop.subscribe(FLEXIBLE, &fields).await;
    assert_eq!(shop.latest(&made).await["total"], 1_200);
    shop.advance(10 * DAY);
    let fields = [
        ("items[0][id]", item(&made)),
        ("items[0][price]", &new),
        ("proration_behavior", "always_invoice"),
    ];
    let changed = shop.update(&made, &fields).await;
    let invoice = shop.latest(&changed).await;
    // -667 - 20% (133.4 -> 133) and 1333 + 20% (266.6 -> 267): 666 + 134 = 800.
    let rows = invoice["lines"]["data"].as_array().unwrap();
    let taxes: Vec<&Value> = rows.iter().map(|row| &row["taxes"][0]["amount"]).collect();
    assert_eq!(taxes, [&json!(-133), &json!(267)]);
    assert_eq!(invoice["total"], 800);
}

#[tokio::test]
async fn a_month_that_becomes_a_year_is_invoiced_at_once() {
    // Four seconds into the month: 2500 * 2591996/2592000 = 2499.996 -> 2500 are given back, and
    // 25000 * 31535996/31536000 = 24999.997 -> 25000 asked for.
    let shop = Shop::open().await;
    let (month, year) = (
        shop.price(2_500, "month").await,
        shop.price(25_000, "year").await,
    );
    let made = shop
        .subscribe(FLEXIBLE, &[("items[0][price]", &month)])
        .await;
    shop.advance(4);
    let fields = [("items[0][id]", item(&made)), ("items[0][price]", &year)];
    let changed = shop.update(&made, &fields).await;
    let invoice = shop.latest(&changed).await;
    let expected = [
        (-2_500, "Unused time on Pro after 21 Sep 2026".to_owned()),
        (25_000, "Remaining time on Pro after 21 Sep 2026".to_owned()),
    ];
    assert_eq!(lines(&invoice), expected);
    assert_eq!(invoice["amount_paid"], 22_500);
    let row = &changed["items"]["data"][0];
    assert_eq!(row["current_period_start"], START);
    assert_eq!(row["current_period_end"], START + 365 * DAY);
    assert_eq!(changed["billing_cycle_anchor"], START);
}

#[tokio::test]
async fn with_its_anchor_now_a_year_is_an_ordinary_line() {
    for (mode, anchor) in [(CLASSIC, None), (FLEXIBLE, Some("now"))] {
        let shop = Shop::open().await;
        let (month, year) = (
            shop.price(2_500, "month").await,
            shop.price(25_000, "year").await,
        );
        let made = shop.subscribe(mode, &[("items[0][price]", &month)]).await;
        shop.advance(4);
        let mut fields = vec![
            ("items[0][id]", item(&made)),
            ("items[0][price]", year.as_str()),
        ];
        fields.extend(anchor.map(|anchor| ("billing_cycle_anchor[type]", anchor)));
        let changed = shop.update(&made, &fields).await;
        let invoice = shop.latest(&changed).await;
        let expected = [
            (-2_500, "Unused time on Pro after 21 Sep 2026".to_owned()),
            (25_000, "1 × Pro (at $250.00 / year)".to_owned()),
        ];
        assert_eq!(lines(&invoice), expected, "{mode}");
        assert_eq!(changed["billing_cycle_anchor"], START + 4);
        let row = &changed["items"]["data"][0];
        assert_eq!(row["current_period_start"], START + 4);
        assert_eq!(row["current_period_end"], START + 4 + 365 * DAY);
    }
}

#[tokio::test]
async fn a_date_of_proration_counts_and_must_lie_in_the_period() {
    let shop = Shop::open().await;
    let (old, new) = (
        shop.price(1_000, "month").await,
        shop.price(2_000, "month").await,
    );
    let made = shop.subscribe(FLEXIBLE, &[("items[0][price]", &old)]).await;
    shop.advance(10 * DAY);
    let path = format!("/v1/subscriptions/{}", text(&made["id"]));
    let outside = (START + 31 * DAY).to_string();
    let mut fields = vec![
        ("items[0][id]", item(&made)),
        ("items[0][price]", new.as_str()),
        ("proration_date", outside.as_str()),
    ];
    let refused = shop.client.post(&path, &fields).await;
    assert_eq!(
        (refused.status, refused.message()),
        (
            400,
            "Cannot specify proration date outside of current subscription period"
        )
    );
    // From the middle: -1000 * 15/30 = -500; 2000 * 15/30 = 1000.
    let middle = (START + 15 * DAY).to_string();
    fields[2].1 = &middle;
    shop.update(&made, &fields).await;
    assert_eq!(amounts(&shop.waiting().await), [-500, 1_000]);
}

#[tokio::test]
async fn a_new_item_is_asked_for_from_now_and_nothing_else_changes() {
    let shop = Shop::open().await;
    let (first, second) = (
        shop.price(1_000, "month").await,
        shop.price(600, "month").await,
    );
    let made = shop
        .subscribe(FLEXIBLE, &[("items[0][price]", &first)])
        .await;
    shop.advance(10 * DAY);
    let changed = shop.update(&made, &[("items[0][price]", &second)]).await;
    // 600 * 20/30 = 400.
    assert_eq!(amounts(&shop.waiting().await), [400]);
    let row = &changed["items"]["data"][1];
    assert_eq!(row["current_period_start"], START + 10 * DAY);
    assert_eq!(row["current_period_end"], START + 30 * DAY);
    // Metadata and the like are never prorated.
    shop.update(&made, &[("metadata[a]", "b"), ("description", "Mine")])
        .await;
    assert_eq!(shop.waiting().await.len(), 1);
}

#[tokio::test]
async fn cancelling_with_proration_gives_the_rest_back() {
    let shop = Shop::open().await;
    let price = shop.price(3_000, "month").await;
    let made = shop
        .subscribe(FLEXIBLE, &[("items[0][price]", &price)])
        .await;
    shop.advance(10 * DAY);
    let path = format!("/v1/subscriptions/{}?prorate=true", text(&made["id"]));
    let ended = Client::answer(shop.client.request("DELETE", &path))
        .await
        .json;
    assert_eq!(ended["status"], "canceled");
    // -3000 * 20/30 = -2000, as a pending item of the customer: its subscription bills no more.
    assert_eq!(amounts(&shop.waiting().await), [-2_000]);
    // Invoiced as well, it is an invoice of a credit, given up a little later.
    let made = shop
        .subscribe(FLEXIBLE, &[("items[0][price]", &price)])
        .await;
    // Like any item of the customer it is on the next invoice.
    assert_eq!(shop.latest(&made).await["total"], 1_000);
    shop.advance(15 * DAY);
    let path = format!(
        "/v1/subscriptions/{}?prorate=true&invoice_now=true",
        text(&made["id"])
    );
    let ended = Client::answer(shop.client.request("DELETE", &path))
        .await
        .json;
    let last = shop.latest(&ended).await;
    assert_eq!(
        (&last["billing_reason"], &last["status"], &last["number"]),
        (&json!("subscription_cycle"), &json!("draft"), &Value::Null)
    );
    shop.advance(5);
    let last = shop.latest(&ended).await;
    assert_eq!(
        (&last["status"], &last["number"]),
        (&json!("uncollectible"), &Value::Null)
    );
}
