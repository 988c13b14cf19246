//! Credit notes by the API: before and after the payment of an invoice.

use serde_json::{Value, json};

use crate::client::Client;

async fn open_invoice(client: &Client, amount: &str) -> Value {
    let customer = client
        .post("/v1/customers", &[("email", "a@b.co")])
        .await
        .id();
    let fields = [
        ("customer", customer.as_str()),
        ("amount", amount),
        ("currency", "usd"),
        ("description", "Work"),
    ];
    client.post("/v1/invoiceitems", &fields).await.id();
    let fields = [
        ("customer", customer.as_str()),
        ("pending_invoice_items_behavior", "include"),
    ];
    let id = client.post("/v1/invoices", &fields).await.id();
    let path = format!("/v1/invoices/{id}/finalize");
    let open = client.post(&path, &[]).await.json;
    assert_eq!(open["status"], "open");
    open
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

#[tokio::test]
async fn a_note_on_an_open_invoice_cuts_what_is_due() {
    let client = Client::start().await;
    let invoice = open_invoice(&client, "1000").await;
    let path = format!("/v1/invoices/{}", text(&invoice["id"]));
    let fields = [("invoice", text(&invoice["id"])), ("amount", "300")];
    let note = client.post("/v1/credit_notes", &fields).await;
    assert_eq!(note.status, 200, "{}", note.text);
    let note = note.json;
    assert_eq!(
        (&note["type"], &note["pre_payment_amount"], &note["total"]),
        (&json!("pre_payment"), &json!(300), &json!(300))
    );
    let number = format!("{}-CN-01", text(&invoice["number"]));
    assert_eq!(note["number"], number);
    let after = client.get(&path).await.json;
    // 1000 - 300; the total stays.
    assert_eq!(
        (
            &after["amount_due"],
            &after["amount_remaining"],
            &after["total"],
            &after["pre_payment_credit_notes_amount"]
        ),
        (&json!(700), &json!(700), &json!(1_000), &json!(300))
    );
    let too_much = [("invoice", text(&invoice["id"])), ("amount", "701")];
    let refused = client.post("/v1/credit_notes", &too_much).await;
    assert_eq!(
        (refused.status, &refused.json["error"]["param"]),
        (400, &json!("amount"))
    );
    let void = format!("/v1/credit_notes/{}/void", text(&note["id"]));
    assert_eq!(client.post(&void, &[]).await.json["status"], "void");
    assert_eq!(client.get(&path).await.json["amount_due"], 1_000);
    let whole = [("invoice", text(&invoice["id"])), ("amount", "1000")];
    let second = client.post("/v1/credit_notes", &whole).await.json;
    assert!(text(&second["number"]).ends_with("-CN-02"));
    assert_eq!(client.get(&path).await.json["status"], "paid");
}

#[tokio::test]
async fn a_note_on_a_paid_invoice_gives_back_to_the_balance_or_elsewhere() {
    let client = Client::start().await;
    let invoice = open_invoice(&client, "1000").await;
    let id = text(&invoice["id"]);
    let pay = format!("/v1/invoices/{id}/pay");
    let fields = [("payment_method", "pm_card_visa")];
    let paid = client.post(&pay, &fields).await.json;
    assert_eq!(paid["status"], "paid");
    let uneven = [("invoice", id), ("amount", "600"), ("credit_amount", "100")];
    let refused = client.post("/v1/credit_notes", &uneven).await;
    assert_eq!(
        refused.message(),
        "The sum of credit amount, refund amount and out of band amount ($1.00) must equal the \
         credit note amount ($6.00)."
    );
    let line = text(&paid["lines"]["data"][0]["id"]);
    let fields = [
        ("invoice", id),
        ("lines[0][type]", "invoice_line_item"),
        ("lines[0][invoice_line_item]", line),
        ("lines[0][amount]", "600"),
        ("credit_amount", "400"),
        ("out_of_band_amount", "200"),
        ("reason", "duplicate"),
    ];
    let query: Vec<String> = fields.iter().map(|(n, v)| format!("{n}={v}")).collect();
    let preview = format!("/v1/credit_notes/preview?{}", query.join("&"));
    assert_eq!(client.get(&preview).await.json["total"], 600);
    let note = client.post("/v1/credit_notes", &fields).await.json;
    assert_eq!(
        (&note["type"], &note["post_payment_amount"]),
        (&json!("post_payment"), &json!(600))
    );
    assert_eq!(note["lines"]["data"][0]["invoice_line_item"], line);
    let customer = format!("/v1/customers/{}", text(&note["customer"]));
    assert_eq!(client.get(&customer).await.json["balance"], -400);
    let types = client.event_types();
    assert!(types.contains(&"credit_note.created".to_owned()));
    let listed = client
        .get(&format!("/v1/credit_notes?invoice={id}"))
        .await
        .json;
    assert_eq!(listed["data"].as_array().unwrap().len(), 1);
    let void = format!("/v1/credit_notes/{}/void", text(&note["id"]));
    client.post(&void, &[]).await;
    assert_eq!(client.get(&customer).await.json["balance"], 0);
}

#[tokio::test]
async fn a_note_refunds_the_payment_of_its_invoice() {
    let client = Client::start().await;
    let invoice = open_invoice(&client, "1000").await;
    let id = text(&invoice["id"]);
    let fields = [("payment_method", "pm_card_visa")];
    client
        .post(&format!("/v1/invoices/{id}/pay"), &fields)
        .await;
    let fields = [("invoice", id), ("amount", "200"), ("refund_amount", "200")];
    let note = client.post("/v1/credit_notes", &fields).await.json;
    let refund = text(&note["refunds"][0]["refund"]);
    let refund = client.get(&format!("/v1/refunds/{refund}")).await.json;
    assert_eq!(
        (&refund["amount"], &refund["status"]),
        (&json!(200), &json!("succeeded"))
    );
    let old = format!("/v1/credit_notes/{}", text(&note["id"]));
    let old = client.get_as("2023-10-16", &old).await.json;
    assert_eq!(old["refund"], refund["id"]);
    let fields = [("invoice", id), ("amount", "801"), ("refund_amount", "801")];
    assert_eq!(client.post("/v1/credit_notes", &fields).await.status, 400);
}
