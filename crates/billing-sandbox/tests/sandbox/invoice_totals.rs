//! What invoices come to, with the arithmetic written out: discounts, tax, both, and old shapes.

use serde_json::{Value, json};

use crate::client::Client;
use crate::invoices::{customer, draft, item, path, text};

async fn rate(client: &Client, percentage: &str, inclusive: &str) -> String {
    let fields = [
        ("display_name", "VAT"),
        ("percentage", percentage),
        ("inclusive", inclusive),
    ];
    client.post("/v1/tax_rates", &fields).await.id()
}

async fn percent_off(client: &Client, percent: &str) -> String {
    let fields = [("percent_off", percent), ("duration", "once")];
    client.post("/v1/coupons", &fields).await.id()
}

fn whole<'a>(invoice: &'a Value, names: &[&str]) -> Vec<&'a Value> {
    names.iter().map(|name| &invoice[*name]).collect()
}

#[tokio::test]
async fn tax_is_on_what_the_discount_leaves() {
    let client = Client::start().await;
    let customer = customer(&client, "pm_card_visa").await;
    let (rate, coupon) = (
        rate(&client, "5", "false").await,
        percent_off(&client, "10").await,
    );
    item(&client, &customer, "2000", "Work").await;
    let more = [
        ("discounts[0][coupon]", coupon.as_str()),
        ("default_tax_rates[0]", &rate),
    ];
    let invoice = draft(&client, &customer, &more).await;
    // 2000 - 10 % = 1800; 5 % of 1800 = 90; 1890 in all.
    let names = ["subtotal", "total", "total_excluding_tax", "amount_due"];
    assert_eq!(whole(&invoice, &names), [2_000, 1_890, 1_800, 1_890]);
    let line = &invoice["lines"]["data"][0];
    assert_eq!(line["discount_amounts"][0]["amount"], 200);
    assert_eq!(line["pretax_credit_amounts"][0]["type"], "discount");
    assert_eq!(
        whole(
            &line["taxes"][0],
            &["amount", "taxable_amount", "tax_behavior"]
        ),
        [&json!(90), &json!(1_800), &json!("exclusive")]
    );
    client.post(&path(&invoice, "/finalize"), &[]).await.id();
    let old = client.get_as("2024-06-20", &path(&invoice, "")).await.json;
    assert_eq!((&old["tax"], &old["paid"]), (&json!(90), &json!(false)));
    assert_eq!(
        old["total_tax_amounts"],
        json!([{
            "amount": 90, "inclusive": false, "tax_rate": rate, "taxability_reason": null,
            "taxable_amount": 1_800,
        }])
    );
    assert_eq!(old["discount"]["coupon"]["id"], coupon);
}

#[tokio::test]
async fn a_discount_of_one_item_comes_before_that_of_the_invoice() {
    let client = Client::start().await;
    let customer = customer(&client, "pm_card_visa").await;
    let (half, tenth) = (
        percent_off(&client, "50").await,
        percent_off(&client, "10").await,
    );
    let fields = [
        ("customer", customer.as_str()),
        ("amount", "1900"),
        ("currency", "usd"),
        ("discounts[0][coupon]", &half),
    ];
    let made = client.post("/v1/invoiceitems", &fields).await.json;
    assert_eq!(
        (&made["net_amount"], &made["amount"]),
        (&json!(null), &json!(1_900))
    );
    let more = [("discounts[0][coupon]", tenth.as_str())];
    let invoice = draft(&client, &customer, &more).await;
    // 1900 - 50 % = 950, which is the subtotal; 950 - 10 % = 855.
    assert_eq!(whole(&invoice, &["subtotal", "total"]), [950, 855]);
    let taken: Vec<&Value> = invoice["total_discount_amounts"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| &entry["amount"])
        .collect();
    assert_eq!(taken, [950, 95]);
}

#[tokio::test]
async fn inclusive_tax_is_taken_out_of_the_amount() {
    let client = Client::start().await;
    let customer = customer(&client, "pm_card_visa").await;
    let rate = rate(&client, "20", "true").await;
    item(&client, &customer, "1200", "Work").await;
    let more = [("default_tax_rates[0]", rate.as_str())];
    let invoice = draft(&client, &customer, &more).await;
    // 1200 × 20 / 120 = 200 of 1200.
    let names = [
        "subtotal",
        "subtotal_excluding_tax",
        "total",
        "total_excluding_tax",
    ];
    assert_eq!(whole(&invoice, &names), [1_200, 1_000, 1_200, 1_000]);
    let old = client.get_as("2023-10-16", &path(&invoice, "")).await.json;
    assert_eq!(old["lines"]["data"][0]["amount_excluding_tax"], 1_000);
    assert_eq!(old["lines"]["data"][0]["unit_amount_excluding_tax"], "1000");
}

#[tokio::test]
async fn an_amount_off_is_split_and_lines_out_of_discounts_are_left_alone() {
    let client = Client::start().await;
    let customer = customer(&client, "pm_card_visa").await;
    let fields = [
        ("amount_off", "500"),
        ("currency", "usd"),
        ("duration", "once"),
    ];
    let coupon = client.post("/v1/coupons", &fields).await.id();
    let fields = [
        ("customer", customer.as_str()),
        ("amount", "700"),
        ("currency", "usd"),
        ("discountable", "false"),
    ];
    client.post("/v1/invoiceitems", &fields).await.id();
    item(&client, &customer, "2000", "older").await;
    item(&client, &customer, "1000", "newer").await;
    let more = [("discounts[0][coupon]", coupon.as_str())];
    let invoice = draft(&client, &customer, &more).await;
    // 500 × 1000 / 3000 = 166, the rest 334; nothing off the line that is out of discounts.
    let taken: Vec<&Value> = invoice["lines"]["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|line| &line["discount_amounts"][0]["amount"])
        .collect();
    assert_eq!(taken, [166, 334, 0]);
    assert_eq!(invoice["total"], 3_700 - 500);
    let missing = [
        ("customer", customer.as_str()),
        ("discounts[0][coupon]", "none"),
    ];
    let refused = client.post("/v1/invoices", &missing).await;
    assert_eq!(refused.message(), "No such coupon: 'none'");
    let left = client.get("/v1/invoices").await.json;
    assert_eq!(text(&left["data"][0]["id"]), text(&invoice["id"]));
}

#[tokio::test]
async fn a_credit_note_takes_its_share_of_discount_and_tax() {
    let client = Client::start().await;
    let customer = customer(&client, "pm_card_visa").await;
    let (rate, coupon) = (
        rate(&client, "20", "false").await,
        percent_off(&client, "10").await,
    );
    item(&client, &customer, "3000", "Work").await;
    let more = [
        ("discounts[0][coupon]", coupon.as_str()),
        ("default_tax_rates[0]", &rate),
    ];
    let invoice = draft(&client, &customer, &more).await;
    // 3000 - 300 = 2700, and 20 % of it = 540: 3240.
    assert_eq!(invoice["total"], 3_240);
    client.post(&path(&invoice, "/finalize"), &[]).await.id();
    let fields = [
        ("invoice", text(&invoice["id"])),
        ("lines[0][type]", "invoice_line_item"),
        (
            "lines[0][invoice_line_item]",
            text(&invoice["lines"]["data"][0]["id"]),
        ),
        ("lines[0][amount]", "1000"),
    ];
    let note = client.post("/v1/credit_notes", &fields).await;
    assert_eq!(note.status, 200, "{}", note.text);
    // A third of everything: 1000 - 100 + 180 = 1080.
    let names = [
        "subtotal",
        "discount_amount",
        "total_excluding_tax",
        "total",
    ];
    assert_eq!(whole(&note.json, &names), [1_000, 100, 900, 1_080]);
    assert_eq!(note.json["total_taxes"][0]["amount"], 180);
    let after = client.get(&path(&invoice, "")).await.json;
    assert_eq!(after["amount_due"], 3_240 - 1_080);
}
