//! Invoices by the API: items, drafts, totals, finalising, paying, voiding, dunning.

use serde_json::{Value, json};

use crate::client::{Client, START};

pub(crate) async fn customer(client: &Client, card: &str) -> String {
    let fields = [("email", "a@b.co"), ("name", "Jenny")];
    client.subscriber_with(card, &fields).await
}

pub(crate) async fn item(client: &Client, customer: &str, amount: &str, text: &str) -> Value {
    let fields = [
        ("customer", customer),
        ("amount", amount),
        ("currency", "usd"),
        ("description", text),
    ];
    client.post("/v1/invoiceitems", &fields).await.json
}

pub(crate) async fn draft(client: &Client, customer: &str, more: &[(&str, &str)]) -> Value {
    let mut fields = vec![
        ("customer", customer),
        ("pending_invoice_items_behavior", "include"),
    ];
    fields.extend_from_slice(more);
    let made = client.post("/v1/invoices", &fields).await;
    assert_eq!(made.status, 200, "{}", made.text);
    made.json
}

pub(crate) fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

pub(crate) fn path(invoice: &Value, action: &str) -> String {
    format!("/v1/invoices/{}{action}", text(&invoice["id"]))
}

/// The names of the events of an object kind since the last one was looked at.
fn kinds(client: &Client, skip: usize) -> Vec<String> {
    client.event_types().split_off(skip)
}

#[tokio::test]
async fn pending_items_are_taken_up_newest_first_and_only_if_wanted() {
    let client = Client::start().await;
    let customer = customer(&client, "pm_card_visa").await;
    item(&client, &customer, "2000", "older").await;
    let newer = item(&client, &customer, "1500", "newer").await;
    assert!(newer.get("net_amount").is_none());
    assert_eq!(newer["period"], json!({ "end": START, "start": START }));
    assert_eq!(newer["pricing"]["unit_amount_decimal"], "1500");
    let fields = [("customer", customer.as_str())];
    let empty = client.post("/v1/invoices", &fields).await.json;
    assert_eq!(empty["lines"]["data"], json!([]));
    let invoice = draft(&client, &customer, &[]).await;
    let lines = invoice["lines"]["data"].as_array().unwrap();
    let told: Vec<_> = lines
        .iter()
        .map(|l| (&l["amount"], &l["description"]))
        .collect();
    assert_eq!(
        told,
        [
            (&json!(1_500), &json!("newer")),
            (&json!(2_000), &json!("older"))
        ]
    );
    assert_eq!(lines[0]["parent"]["type"], "invoice_item_details");
    assert_eq!(
        lines[0]["parent"]["invoice_item_details"]["invoice_item"],
        newer["id"]
    );
    assert_eq!(
        (&invoice["total"], &invoice["amount_due"]),
        (&json!(3_500), &json!(3_500))
    );
    assert_eq!(
        (&invoice["auto_advance"], &invoice["number"]),
        (&json!(false), &Value::Null)
    );
    let pending = format!("/v1/invoiceitems?customer={customer}&pending=true");
    assert_eq!(client.get(&pending).await.json["data"], json!([]));
}

#[tokio::test]
async fn an_invoice_is_finalised_paid_and_numbered() {
    let client = Client::start().await;
    let customer = customer(&client, "pm_card_visa").await;
    item(&client, &customer, "1000", "Setup").await;
    let invoice = draft(&client, &customer, &[]).await;
    let seen = client.event_types().len();
    let open = client.post(&path(&invoice, "/finalize"), &[]).await.json;
    assert_eq!(
        (&open["status"], &open["attempted"]),
        (&json!("open"), &json!(false))
    );
    assert!(text(&open["number"]).ends_with("-0001"));
    assert_eq!(open["effective_at"], START);
    let again = client.post(&path(&invoice, "/finalize"), &[]).await;
    assert_eq!(
        again.message(),
        "This invoice is already finalized, you can't re-finalize a non-draft invoice."
    );
    let expand = path(&invoice, "?expand[]=payments&expand[]=confirmation_secret");
    let shown = client.get(&expand).await.json;
    assert_eq!(shown["payments"]["data"][0]["status"], "open");
    assert!(text(&shown["confirmation_secret"]["client_secret"]).starts_with("pi_"));
    let paid = client.post(&path(&invoice, "/pay"), &[]).await.json;
    assert_eq!(
        (
            &paid["status"],
            &paid["amount_paid"],
            &paid["attempt_count"]
        ),
        (&json!("paid"), &json!(1_000), &json!(1))
    );
    assert_eq!(
        kinds(&client, seen),
        [
            "invoice.finalized",
            "payment_intent.created",
            "charge.succeeded",
            "payment_intent.succeeded",
            "invoice.updated",
            "invoice.paid",
            "invoice.payment_succeeded",
            "invoice_payment.paid",
        ]
    );
    let refused = client.post(&path(&invoice, "/pay"), &[]).await;
    assert_eq!(refused.message(), "Invoice is already paid");
    let refused = client.post(&path(&invoice, "/void"), &[]).await;
    assert_eq!(
        refused.message(),
        "Invoices with `paid` payments cannot be voided."
    );
}

#[tokio::test]
async fn a_balance_is_applied_and_given_back_when_the_invoice_is_voided() {
    let client = Client::start().await;
    let customer = customer(&client, "pm_card_visa").await;
    let customer_path = format!("/v1/customers/{customer}");
    client.post(&customer_path, &[("balance", "-300")]).await;
    item(&client, &customer, "1000", "Setup").await;
    let invoice = draft(&client, &customer, &[]).await;
    let open = client.post(&path(&invoice, "/finalize"), &[]).await.json;
    // 1000 - 300 of credit = 700 due, nothing left on the balance.
    assert_eq!(
        (
            &open["starting_balance"],
            &open["ending_balance"],
            &open["amount_due"]
        ),
        (&json!(-300), &json!(0), &json!(700))
    );
    assert_eq!(client.get(&customer_path).await.json["balance"], 0);
    let void = client.post(&path(&invoice, "/void"), &[]).await.json;
    assert_eq!(
        (&void["status"], &void["amount_due"]),
        (&json!("void"), &json!(700))
    );
    assert_eq!(client.get(&customer_path).await.json["balance"], -300);
    let again = client.post(&path(&invoice, "/void"), &[]).await;
    assert_eq!(
        again.message(),
        "You can only pass in open invoices. This invoice isn't open."
    );
}

#[tokio::test]
async fn what_is_too_little_to_charge_is_left_on_the_balance() {
    let client = Client::start().await;
    let customer = customer(&client, "pm_card_visa").await;
    item(&client, &customer, "30", "Little").await;
    let invoice = draft(&client, &customer, &[]).await;
    let paid = client.post(&path(&invoice, "/finalize"), &[]).await.json;
    assert_eq!(
        (
            &paid["status"],
            &paid["amount_due"],
            &paid["ending_balance"],
            &paid["attempt_count"],
            &paid["attempted"]
        ),
        (
            &json!("paid"),
            &json!(0),
            &json!(30),
            &json!(0),
            &json!(true)
        )
    );
    // The next invoice brings it along: 1000 + 30.
    item(&client, &customer, "1000", "More").await;
    let next = draft(&client, &customer, &[]).await;
    assert_eq!(
        (&next["starting_balance"], &next["amount_due"]),
        (&json!(30), &json!(1_030))
    );
}

#[tokio::test]
async fn a_draft_that_advances_is_paid_after_an_hour() {
    let client = Client::start().await;
    let customer = customer(&client, "pm_card_visa").await;
    item(&client, &customer, "1000", "Setup").await;
    let invoice = draft(&client, &customer, &[("auto_advance", "true")]).await;
    assert_eq!(
        (
            &invoice["automatically_finalizes_at"],
            &invoice["next_payment_attempt"]
        ),
        (&json!(START + 3_601), &json!(START + 3_600))
    );
    client.pass(3_600);
    let paid = client.get(&path(&invoice, "")).await.json;
    assert_eq!(paid["status"], "paid");
    assert_eq!(paid["status_transitions"]["paid_at"], START + 3_600);
    assert_eq!(paid["automatically_finalizes_at"], Value::Null);
}

#[tokio::test]
async fn a_card_that_fails_is_tried_eight_times_more_in_two_weeks() {
    let client = Client::start().await;
    let customer = customer(&client, "pm_card_chargeCustomerFail").await;
    item(&client, &customer, "1000", "Setup").await;
    let invoice = draft(&client, &customer, &[("auto_advance", "true")]).await;
    let first = START + 3_600;
    client.pass(3_600);
    let mut next = client.get(&path(&invoice, "")).await.json;
    for attempt in 1..=8 {
        // 14 days / 8 = 151,200 seconds between tries.
        assert_eq!(
            (&next["attempt_count"], &next["next_payment_attempt"]),
            (&json!(attempt), &json!(first + 151_200 * attempt))
        );
        client.pass(151_200);
        next = client.get(&path(&invoice, "")).await.json;
    }
    assert_eq!(
        (&next["attempt_count"], &next["next_payment_attempt"]),
        (&json!(9), &Value::Null)
    );
    assert_eq!(next["status"], "open");
    let failures = client
        .event_types()
        .iter()
        .filter(|kind| *kind == "invoice.payment_failed")
        .count();
    assert_eq!(failures, 9);
    let fields = [("payment_method", "pm_card_visa")];
    let paid = client.post(&path(&invoice, "/pay"), &fields).await.json;
    assert_eq!(
        (&paid["status"], &paid["attempt_count"]),
        (&json!("paid"), &json!(9))
    );
}

#[tokio::test]
async fn a_sent_invoice_has_a_due_date_and_becomes_overdue() {
    let client = Client::start().await;
    let customer = customer(&client, "pm_card_visa").await;
    item(&client, &customer, "1000", "Setup").await;
    let bare = [
        ("customer", customer.as_str()),
        ("collection_method", "send_invoice"),
    ];
    let refused = client.post("/v1/invoices", &bare).await;
    assert_eq!(
        refused.message(),
        "If invoice collection method is 'send_invoice', you must specify 'due_date' or 'days_until_due'."
    );
    let more = [
        ("collection_method", "send_invoice"),
        ("days_until_due", "7"),
    ];
    let invoice = draft(&client, &customer, &more).await;
    assert_eq!(invoice["due_date"], START + 7 * 86_400);
    let sent = client.post(&path(&invoice, "/send"), &[]).await.json;
    assert_eq!(sent["status"], "open");
    assert_eq!(client.event_types().last().unwrap(), "invoice.sent");
    client.pass(7 * 86_400);
    let last = client
        .event_types()
        .split_off(client.event_types().len() - 2);
    assert_eq!(last, ["invoice.overdue", "customer.updated"]);
    let lost = client
        .post(&path(&invoice, "/mark_uncollectible"), &[])
        .await
        .json;
    assert_eq!(lost["status"], "uncollectible");
    let again = client
        .post(&path(&invoice, "/mark_uncollectible"), &[])
        .await;
    assert_eq!(
        again.message(),
        "This invoice has already been marked uncollectible."
    );
    let fields = [("paid_out_of_band", "true")];
    let paid = client.post(&path(&invoice, "/pay"), &fields).await.json;
    assert_eq!(
        (&paid["status"], &paid["attempted"], &paid["amount_paid"]),
        (&json!("paid"), &json!(false), &json!(1_000))
    );
}

#[tokio::test]
async fn lines_of_a_draft_are_added_changed_and_removed() {
    let client = Client::start().await;
    let customer = customer(&client, "pm_card_visa").await;
    item(&client, &customer, "2000", "base").await;
    let invoice = draft(&client, &customer, &[]).await;
    let fields = [
        ("lines[0][amount]", "999"),
        ("lines[0][description]", "Extra"),
    ];
    let added = client
        .post(&path(&invoice, "/add_lines"), &fields)
        .await
        .json;
    assert_eq!(added["total"], 2_999);
    let line = text(&added["lines"]["data"][0]["id"]);
    let fields = [("lines[0][amount]", "5"), ("lines[0][quantity]", "2")];
    let refused = client.post(&path(&invoice, "/add_lines"), &fields).await;
    assert_eq!(
        refused.message(),
        "You may only specify one of these parameters: amount, quantity."
    );
    assert_eq!(refused.json["error"]["param"], "lines[0][amount]");
    let one = path(&invoice, &format!("/lines/{line}"));
    let changed = client.post(&one, &[("amount", "888")]).await.json;
    assert_eq!(
        (&changed["object"], &changed["amount"]),
        (&json!("line_item"), &json!(888))
    );
    // 888 for each of 7 = 6216.
    let changed = client.post(&one, &[("quantity", "7")]).await.json;
    assert_eq!(
        (&changed["amount"], &changed["quantity"]),
        (&json!(6_216), &json!(7))
    );
    let fields = [("lines[0][id]", line), ("lines[0][behavior]", "unassign")];
    let removed = client
        .post(&path(&invoice, "/remove_lines"), &fields)
        .await
        .json;
    assert_eq!(removed["total"], 2_000);
    let pending = format!("/v1/invoiceitems?customer={customer}&pending=true");
    let rows = client.get(&pending).await.json;
    assert_eq!(rows["data"][0]["amount"], 6_216);
    client.post(&path(&invoice, "/finalize"), &[]).await;
    let refused = client
        .post(&path(&invoice, "/add_lines"), &[("lines[0][amount]", "1")])
        .await;
    assert_eq!(refused.json["error"]["code"], "invoice_not_editable");
}

#[tokio::test]
async fn a_deleted_draft_takes_its_items_with_it() {
    let client = Client::start().await;
    let customer = customer(&client, "pm_card_visa").await;
    let owned = item(&client, &customer, "2000", "base").await;
    let invoice = draft(&client, &customer, &[]).await;
    let gone = Client::answer(client.request("DELETE", &path(&invoice, ""))).await;
    assert_eq!(
        gone.json,
        json!({ "id": invoice["id"], "object": "invoice", "deleted": true })
    );
    let missing = client.get(&path(&invoice, "")).await;
    assert_eq!(
        (missing.status, &missing.json["error"]["param"]),
        (404, &json!("invoice"))
    );
    let item_path = format!("/v1/invoiceitems/{}", text(&owned["id"]));
    let refused = client.post(&item_path, &[("amount", "5")]).await;
    assert_eq!(refused.message(), "This invoice item has been deleted.");
    let missing = client.get("/v1/invoiceitems/ii_none").await;
    assert_eq!(
        missing.message(),
        "No such Invoice Item: 'ii_none'(livemode=false)"
    );
}

#[tokio::test]
async fn an_open_invoice_is_paid_on_its_page_and_has_a_pdf() {
    let client = Client::start().await;
    let customer = customer(&client, "pm_card_visa").await;
    item(&client, &customer, "1000", "Setup <b>").await;
    let invoice = draft(&client, &customer, &[]).await;
    let open = client.post(&path(&invoice, "/finalize"), &[]).await.json;
    let url = text(&open["hosted_invoice_url"]);
    let shown = Client::answer(client.http.get(url)).await;
    assert_eq!(shown.status, 200);
    assert!(shown.text.contains("Setup &lt;b&gt;") && shown.text.contains("Pay $10.00"));
    let typed = |number: &'static str| {
        crate::client::form(&[("number", number), ("expiry", "12/34"), ("cvc", "123")])
    };
    let declined = client.http.post(url).body(typed("4000000000000002"));
    let declined = Client::answer(declined).await;
    assert_eq!(declined.status, 402);
    assert!(declined.text.contains("Your card was declined."));
    let paid = client.http.post(url).body(typed("4242424242424242"));
    assert_eq!(Client::answer(paid).await.status, 303);
    assert_eq!(client.get(&path(&invoice, "")).await.json["status"], "paid");
    let pdf = Client::answer(client.http.get(text(&open["invoice_pdf"]))).await;
    assert_eq!(pdf.header("content-type"), "application/pdf");
    assert!(pdf.text.starts_with("%PDF-1.4") && pdf.text.ends_with("%%EOF\n"));
    assert!(pdf.text.contains("(Amount due: $10.00) Tj"));
}
