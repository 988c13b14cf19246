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
fn about(id: &str, kind: &str, object: &Value) -> Vec<u8> {
    event(id, |event| {
        event["type"] = json!(kind);
        event["data"] = json!({ "object": object });
    })
}

/// A subscription that is not ours, as Stripe tells it today.
async fn foreign_subscription(stage: &Stage) -> Value {
    let customer = stage.stripe_post("/v1/customers", &[]).await;
    let price = stage.stripe_list("/v1/prices").await.remove(0);
    let form = [
        ("customer", customer["id"].as_str().unwrap()),
        ("items[0][price]", price["id"].as_str().unwrap()),
        ("trial_period_days", "7"),
    ];
    let mut subscription = stage.stripe_post("/v1/subscriptions", &form).await;
    // Nothing has to be asked for.
    subscription["id"] = json!("sub_foreign");
    subscription
}

/// Payloads about a subscription that is not ours, each with one thing wrong.
fn wrong_subscriptions(subscription: &Value) -> Vec<(&'static str, Value, &'static str)> {
    let with = |pointer: &str, value: Value| {
        let mut object = subscription.clone();
        let (parent, key) = pointer.rsplit_once('/').unwrap();
        let key = key.to_owned();
        object.pointer_mut(parent).unwrap()[key] = value;
        object
    };
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

fn cases(subscription: &Value) -> Vec<Case> {
    let mut cases = Vec::new();
    for (name, object, status) in wrong_subscriptions(subscription) {
        let id = format!("evt_{}", name.replace(' ', "_"));
        let payload = about(&id, "customer.subscription.updated", &object);
        cases.push((name, payload, status));
    }
    let invoice = "invoice.paid";
    let bare: [(&str, &str, Value, &str); 4] = [
        (
            "nothing known of its type",
            "brand.new.type",
            json!({}),
            "skipped",
        ),
        ("an empty object", invoice, json!({}), "parked"),
        ("an object that is a text", invoice, json!("in_1"), "parked"),
        ("an object that is null", invoice, Value::Null, "parked"),
    ];
    for (name, kind, object, status) in bare {
        let id = format!("evt_{}", name.replace(' ', "_"));
        cases.push((name, about(&id, kind, &object), status));
    }
    let no_data = event("evt_no_data", |event| {
        event["type"] = json!(invoice);
        event["data"] = Value::Null;
    });
    cases.push(("no data", no_data, "parked"));
    let ancient = event("evt_ancient", |event| event["created"] = json!(0));
    cases.push(("of 1970", ancient, "skipped"));
    let far = event("evt_far", |event| {
        event["created"] = json!(253_402_300_799_i64);
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
        let mut all = cases(&foreign_subscription(&stage).await);
        // What Stripe tells about that one by itself is not what this is about.
        stage.sandbox.take_pending_deliveries();
        // Whoever has a connected account writes what they like into their own objects.
        let mut page = stage.stripe_list("/v1/checkout/sessions").await.remove(0);
        assert!(page["metadata"]["checkout_intent_id"].is_string(), "{page}");
        for (key, value) in [
            ("status", json!("complete")),
            ("payment_status", json!("paid")),
            ("mode", json!("payment")),
        ] {
            page[key] = value;
        }
        let foreign = |page: &Value| {
            event("evt_foreign", |event| {
                event["type"] = json!("checkout.session.completed");
                event["account"] = json!("acct_of_somebody_else");
                event["data"] = json!({ "object": page });
            })
        };
        all.push(("a paid page of another account", foreign(&page), "parked"));
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
