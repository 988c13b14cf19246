//! What is signed rightly and makes no sense inside: stored, then skipped or parked, on both
//! databases; never tried again and again, and never in the way of what follows.

use billing_seaorm::testing::TestDatabase;
use serde_json::{Value, json};

use crate::bad_input::{Raw, event};
use crate::effects::inbox_is_settled;
use crate::stage::Stage;

/// Name, payload, and the status that it ends in.
type Case = (&'static str, Vec<u8>, &'static str);

/// An event of a type that we handle about this object.
fn about(id: &str, kind: &str, object: Value) -> Vec<u8> {
    event(id, |event| {
        event["type"] = json!(kind);
        event["data"] = json!({ "object": object });
    })
}

fn subscription(change: impl FnOnce(&mut Value)) -> Value {
    let mut object = json!({
        "id": "sub_1", "object": "subscription", "status": "active", "customer": "cus_1",
        "metadata": {}, "items": { "object": "list", "data": [{
            "id": "si_1", "object": "subscription_item", "quantity": 1,
            "current_period_start": 1_790_000_000, "current_period_end": 1_792_592_000,
            "price": { "id": "price_1", "object": "price" },
        }] },
    });
    change(&mut object);
    object
}

fn with(pointer: &str, value: Value) -> Value {
    subscription(|object| {
        let (parent, key) = pointer.rsplit_once('/').unwrap();
        object.pointer_mut(parent).unwrap()[key] = value;
    })
}

/// Payloads about a subscription that is not ours, each with one thing wrong.
fn wrong_subscriptions() -> Vec<(&'static str, Value, &'static str)> {
    let item = "/items/data/0";
    let deep = (0..100).fold(json!(1), |inner, _| json!({ "a": inner }));
    vec![
        (
            "as it should be",
            with("/status", json!("active")),
            "skipped",
        ),
        (
            "an unknown field",
            with("/brand_new", json!([1, {}])),
            "skipped",
        ),
        (
            "nested as deep as is read",
            with("/brand_new", deep),
            "skipped",
        ),
        (
            "NUL in an unknown field",
            with("/brand_new", json!("\0")),
            "skipped",
        ),
        (
            "a negative quantity",
            with(&format!("{item}/quantity"), json!(-1)),
            "parked",
        ),
        (
            "a huge quantity",
            with(&format!("{item}/quantity"), json!(u64::MAX)),
            "parked",
        ),
        (
            "half a quantity",
            with(&format!("{item}/quantity"), json!(1.5)),
            "parked",
        ),
        (
            "a quantity in words",
            with(&format!("{item}/quantity"), json!("1")),
            "parked",
        ),
        (
            "a status with NUL",
            with("/status", json!("act\0ive")),
            "parked",
        ),
        (
            "a status of next year",
            with("/status", json!("brand_new")),
            "parked",
        ),
        (
            "a customer with NUL",
            with("/customer", json!("cus_\0")),
            "parked",
        ),
        (
            "a customer that is a number",
            with("/customer", json!(7)),
            "parked",
        ),
        (
            "a long customer",
            with("/customer", json!("c".repeat(5_000))),
            "parked",
        ),
        ("no id", with("/id", Value::Null), "parked"),
        ("an id with NUL", with("/id", json!("sub_\0")), "parked"),
        (
            "items that are no list",
            with("/items", json!(["si_1"])),
            "parked",
        ),
        (
            "metadata that is a text",
            with("/metadata", json!("text")),
            "parked",
        ),
        (
            "a time that no clock has",
            with("/trial_end", json!(i64::MAX)),
            "parked",
        ),
        ("another object", with("/object", json!("charge")), "parked"),
    ]
}

fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for (name, object, status) in wrong_subscriptions() {
        let id = format!("evt_{}", name.replace(' ', "_"));
        let payload = about(&id, "customer.subscription.updated", object);
        cases.push((name, payload, status));
    }
    let invoice = "invoice.paid";
    let bare: [(&str, &str, Value, &str); 5] = [
        (
            "nothing known of its type",
            "brand.new.type",
            json!({}),
            "skipped",
        ),
        ("an empty object", invoice, json!({}), "parked"),
        ("an object that is a text", invoice, json!("in_1"), "parked"),
        ("an object that is null", invoice, Value::Null, "parked"),
        (
            "a page of nobody",
            "checkout.session.completed",
            json!({ "id": "cs_1", "object": "checkout.session", "status": "complete",
                "payment_status": "paid", "mode": "payment", "metadata": {} }),
            "skipped",
        ),
    ];
    for (name, kind, object, status) in bare {
        let id = format!("evt_{}", name.replace(' ', "_"));
        cases.push((name, about(&id, kind, object), status));
    }
    let no_data = event("evt_no_data", |event| {
        event["type"] = json!(invoice);
        event["data"] = Value::Null;
    });
    cases.push(("no data", no_data, "parked"));
    let ancient = event("evt_ancient", |event| event["created"] = json!(0));
    cases.push(("of 1970", ancient, "skipped"));
    let far = event("evt_far", |event| {
        event["created"] = json!(253_402_300_799_i64)
    });
    cases.push(("of the year 9999", far, "skipped"));
    let twice = String::from_utf8(event("evt_first", |_| {})).unwrap();
    let twice = twice.replacen("\"object\"", "\"id\":\"evt_last\",\"object\"", 1);
    cases.push(("two ids", twice.into_bytes(), "skipped"));
    cases
}

fn id_of(payload: &[u8]) -> String {
    let event: Value = serde_json::from_slice(payload).unwrap();
    event["id"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f_5_signed_nonsense_is_stored_and_ends_without_an_effect() {
    for database in TestDatabase::every().await {
        let name = database.name();
        let mut stage = Stage::on(database).await;
        let serving = stage.serve();
        let secret = stage.sandbox.webhook_secret().unwrap().to_owned();
        let created = serving.buy_until_created("sale").await.json();
        let intent = created["checkout_intent"]["id"].as_str().unwrap();
        let session = created["checkout_session_id"].as_str().unwrap();

        let database = stage.database.as_ref().unwrap();
        let entries = database.row_count("audit_entries").await;
        let mut all = cases();
        // Whoever has a connected account writes what they like into their own objects.
        let mut page = json!({
            "id": session, "object": "checkout.session", "status": "complete",
            "payment_status": "paid", "mode": "payment",
            "metadata": { "checkout_intent_id": intent },
        });
        let foreign = |page: &Value| {
            event("evt_foreign", |event| {
                event["type"] = json!("checkout.session.completed");
                event["account"] = json!("acct_of_somebody_else");
                event["data"] = json!({ "object": page });
            })
        };
        all.push(("a paid page of another account", foreign(&page), "skipped"));
        for (case, payload, _) in &all {
            let answer = Raw::signed(&secret, payload.clone()).send(&serving).await;
            assert_eq!(answer, (200, "received".to_owned()), "{name}: {case}");
        }
        // The same id with another content is the same event: the first one counts.
        page["metadata"] = json!({});
        let again = Raw::signed(&secret, foreign(&page)).send(&serving).await;
        assert_eq!(again, (200, "duplicate".to_owned()), "{name}");
        inbox_is_settled(database).await;

        let ended = "SELECT provider_event_id || ' ' || status AS line FROM provider_events";
        let ended = database.lines(ended).await;
        for (case, payload, status) in &all {
            let line = format!("{} {status}", id_of(payload));
            assert!(
                ended.contains(&line),
                "{name}: {case}: no `{line}` in {ended:?}"
            );
        }
        assert_eq!(
            database.row_count("provider_events").await,
            i64::try_from(all.len()).unwrap()
        );
        assert_eq!(database.row_count("audit_entries").await, entries, "{name}");
        assert_eq!(serving.state(intent).await, "created", "{name}");

        // None of it was in the way: the sale is paid and fulfilled.
        let paid = stage.sandbox.pay_checkout(session, "4242424242424242");
        assert_eq!(paid.unwrap()["status"], "complete");
        stage.deliver(&serving).await;
        serving.fulfilled(intent).await;
        assert!(!serving.kill().contains("panicked"), "{name}");
    }
}
