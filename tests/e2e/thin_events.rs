//! Thin events as a destination of API v2 sends them, signed with that destination's own secret: they
//! say what changed and where it is, and everything else is asked for.

use std::collections::BTreeSet;

use billing_sandbox::SignedDelivery;
use billing_tests::house::{House, purchase};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::rebuild::{check, proved};

/// Which endpoints Stripe knows, and whose delivery comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Told {
    Snapshots,
    Thin,
    SnapshotsThenThin,
    ThenSnapshots,
}

/// Changes something at the sandbox by API v2.
async fn at_stripe(house: &House, path: &str, body: &Value) -> Value {
    let sandbox = &house.world.sandbox;
    let request = house
        .world
        .http
        .post(format!("{}{path}", sandbox.url()))
        .bearer_auth(sandbox.secret_key())
        .json(body);
    let answer = house.send(request).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
    answer.body
}

/// A house that is told thin events of everything as well; gives the destination's id.
async fn with_destination(house: House) -> (House, String) {
    // What was made while the house was built is of no interest.
    house.world.sandbox.take_pending_deliveries();
    let destination = json!({
        "name": "thin",
        "type": "webhook_endpoint",
        "event_payload": "thin",
        "enabled_events": ["*"],
        "webhook_endpoint": {
            "url": format!("{}/api/v1/webhooks/stripe", house.world.service_url),
        },
        "include": ["webhook_endpoint.signing_secret"],
    });
    let made = at_stripe(&house, "/v2/core/event_destinations", &destination).await;
    let text = |value: &Value| value.as_str().expect("the sandbox says it").to_owned();
    let secret = text(&made["webhook_endpoint"]["signing_secret"]);
    let own = house.world.sandbox.webhook_secret();
    assert_ne!(Some(secret.as_str()), own, "each endpoint has its own");
    (Box::pin(house.believing(secret)).await, text(&made["id"]))
}

async fn post(house: &House, delivery: &SignedDelivery) {
    let mut request = house.request(Method::POST, "/api/v1/webhooks/stripe");
    for (name, value) in &delivery.headers {
        request = request.header(name, value);
    }
    let answer = house.send(request.body(delivery.body.clone())).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
}

fn is_thin(delivery: &SignedDelivery) -> bool {
    delivery.event_type.starts_with("v1.") || delivery.event_type.starts_with("v2.")
}

/// Hands over what Stripe has to say, by real HTTP, and lets the workers work after each half.
async fn tell(house: &House, told: Told) {
    let pending = house.world.sandbox.take_pending_deliveries();
    let (thin, snapshots): (Vec<_>, Vec<_>) = pending.into_iter().partition(is_thin);
    let halves = match told {
        Told::Snapshots => [snapshots, vec![]],
        Told::Thin => [thin, vec![]],
        Told::SnapshotsThenThin => [snapshots, thin],
        Told::ThenSnapshots => [thin, snapshots],
    };
    for half in halves {
        for delivery in &half {
            post(house, delivery).await;
        }
        house.drain().await;
    }
}

/// A sale that is paid, and whose subscription is cancelled.
async fn sale(house: &House, told: Told) -> String {
    let buyer = &house.world.credentials.buyer;
    let started = house.checkout(buyer, "sale", &purchase("acme", 5)).await;
    assert_eq!(started.status, StatusCode::CREATED, "{}", started.text);
    house.pay(&started.text_at("/checkout_session_id"));
    tell(house, told).await;
    let intent_id = started.text_at("/checkout_intent/id");
    let paid = house.intent(&intent_id).await;
    assert_eq!(paid.text_at("/state"), "fulfilled", "{}", paid.text);

    let subscription = &house.at_stripe("/v1/subscriptions").await[0];
    let id = subscription["id"].as_str().expect("it has an id");
    let sandbox = &house.world.sandbox;
    let cancel = house
        .world
        .http
        .delete(format!("{}/v1/subscriptions/{id}", sandbox.url()))
        .bearer_auth(sandbox.secret_key());
    assert_eq!(house.send(cancel).await.status, StatusCode::OK);
    tell(house, told).await;
    intent_id
}

/// What a sale leaves, without ids and times.
async fn record(house: &House) -> Vec<String> {
    let intents = "'intent ' || state || ' ' || quantity || ' ' || checkout_state";
    let subscriptions = "'subscription ' || status || ' ' || quantity";
    let licenses = "'licence ' || state";
    let workflows = "'workflow ' || state";
    let mut record = Vec::new();
    for (table, line) in [
        ("checkout_intents", intents),
        ("subscriptions", subscriptions),
        ("licenses", licenses),
        ("provisioning_workflows", workflows),
        ("tenants", "'tenant ' || slug"),
        ("plans", "'plan ' || license_count"),
        ("customers", "'customer ' || COALESCE(email, '')"),
    ] {
        let sql = format!("SELECT {line} AS line FROM {table} ORDER BY 1");
        record.extend(house.database.lines(&sql).await);
    }
    record
}

async fn statuses(house: &House, of: &str) -> BTreeSet<String> {
    let sql = format!("SELECT DISTINCT status AS line FROM provider_events WHERE {of}");
    house.database.lines(&sql).await.into_iter().collect()
}

/// F.2: whichever form tells a sale, and in whichever order both do, it ends in the same rows.
#[tokio::test]
async fn f_2_a_sale_ends_the_same_in_snapshots_in_thin_events_and_in_both() {
    let mut expected: Option<Vec<String>> = None;
    for told in [
        Told::Snapshots,
        Told::Thin,
        Told::SnapshotsThenThin,
        Told::ThenSnapshots,
    ] {
        for house in House::every().await {
            let (house, _) = Box::pin(with_destination(house)).await;
            sale(&house, told).await;
            let record = record(&house).await;
            for line in ["intent fulfilled 5 opened", "subscription canceled 5"] {
                assert!(record.iter().any(|known| known == line), "{record:#?}");
            }
            let licences = record.iter().filter(|line| line.starts_with("licence"));
            assert_eq!(licences.count(), 5);
            let name = house.name();
            let expected = expected.get_or_insert_with(|| record.clone());
            assert_eq!(expected, &record, "{name}, {told:?}");

            let thin = house
                .database
                .row_count("provider_events WHERE event_type LIKE 'v1.%'");
            let all = house.database.row_count("provider_events").await;
            match (told, thin.await) {
                (Told::Snapshots, thin) => assert_eq!(thin, 0),
                (Told::Thin, thin) => assert_eq!(thin, all),
                (Told::SnapshotsThenThin | Told::ThenSnapshots, thin) => {
                    assert_eq!(thin * 2, all, "each fact came in both forms");
                }
            }
            let resting = BTreeSet::from(["processed".to_owned(), "skipped".to_owned()]);
            assert_eq!(statuses(&house, "1 = 1").await, resting, "{name}, {told:?}");
            proved(&house, &check(&house).await);
            house.stop().await;
        }
    }
}

/// What is told of is not there any more when it is asked for: nobody can say what was paid, so an
/// operator must look; and nothing is made up.
#[tokio::test]
async fn a_thin_event_whose_object_is_gone_is_parked_and_changes_nothing() {
    for house in House::every().await {
        let (house, _) = Box::pin(with_destination(house)).await;
        let buyer = &house.world.credentials.buyer;
        let started = house.checkout(buyer, "sale", &purchase("acme", 5)).await;
        house.drain().await;
        let before = house.world.sandbox.snapshot();
        house.pay(&started.text_at("/checkout_session_id"));
        let pending = house.world.sandbox.take_pending_deliveries();
        let resumed = house.world.sandbox.resume(&before);
        resumed.expect("it is a snapshot of this sandbox");

        let entries = house.database.row_count("audit_entries").await;
        let told = ["v1.invoice.paid", "v1.customer.subscription.created"];
        let told = |delivery: &&SignedDelivery| told.contains(&delivery.event_type.as_str());
        let gone: Vec<_> = pending.iter().filter(told).collect();
        assert_eq!(gone.len(), 2);
        for delivery in gone {
            post(&house, delivery).await;
        }
        house.drain().await;
        let parked =
            "provider_events WHERE status = 'parked' AND last_error LIKE '%has no object%'";
        assert_eq!(
            house.database.row_count(parked).await,
            2,
            "{}",
            house.name()
        );
        assert_eq!(house.database.row_count("audit_entries").await, entries);
        let intent = house.intent(&started.text_at("/checkout_intent/id")).await;
        assert_eq!(intent.text_at("/state"), "created", "{}", intent.text);
        house.stop().await;
    }
}

/// For what we mirror, being gone is the fact: a customer that was deleted is forgotten, a product
/// is not sold.
#[tokio::test]
async fn a_thin_event_of_a_customer_that_was_deleted_since_forgets_the_customer() {
    for house in House::every().await {
        let (house, _) = Box::pin(with_destination(house)).await;
        sale(&house, Told::Thin).await;
        let linked = "customers WHERE provider_id IS NOT NULL";
        assert_eq!(house.database.row_count(linked).await, 1);
        let customer = &house.at_stripe("/v1/customers").await[0];
        let id = customer["id"].as_str().expect("it has an id");
        let sandbox = &house.world.sandbox;
        let url = format!("{}/v1/customers/{id}", sandbox.url());
        let edit = house
            .world
            .http
            .post(&url)
            .bearer_auth(sandbox.secret_key());
        let edit = edit.header("content-type", "application/x-www-form-urlencoded");
        let edited = house.send(edit.body("name=Ada")).await;
        assert_eq!(edited.status, StatusCode::OK, "{}", edited.text);
        let delete = house.world.http.delete(&url);
        let deleted = house.send(delete.bearer_auth(sandbox.secret_key())).await;
        assert_eq!(deleted.status, StatusCode::OK, "{}", deleted.text);

        // The older of the two is told alone, and what is read is how things are.
        let pending = house.world.sandbox.take_pending_deliveries();
        let updated = |delivery: &&SignedDelivery| delivery.event_type == "v1.customer.updated";
        let updated: Vec<_> = pending.iter().filter(updated).collect();
        assert_eq!(updated.len(), 1);
        post(&house, updated[0]).await;
        house.drain().await;
        assert_eq!(
            house.database.row_count(linked).await,
            0,
            "{}",
            house.name()
        );
        house.stop().await;
    }
}

#[tokio::test]
async fn a_thin_event_of_a_type_without_effect_is_kept_and_skipped() {
    for house in House::every().await {
        let (house, destination) = Box::pin(with_destination(house)).await;
        let ping = format!("/v2/core/event_destinations/{destination}/ping");
        let ping = at_stripe(&house, &ping, &json!({})).await;
        let sandbox = &house.world.sandbox;
        let form = house
            .world
            .http
            .post(format!("{}/v1/coupons", sandbox.url()))
            .bearer_auth(sandbox.secret_key())
            .header("content-type", "application/x-www-form-urlencoded");
        let coupon = house.send(form.body("percent_off=10&duration=once")).await;
        assert_eq!(coupon.status, StatusCode::OK, "{}", coupon.text);
        let entries = house.database.row_count("audit_entries").await;
        tell(&house, Told::Thin).await;
        let sql = "SELECT event_type || ' ' || status || ' ' || last_error AS line \
                   FROM provider_events ORDER BY 1";
        let without = "skipped this type of event has no effect";
        assert_eq!(
            house.database.lines(sql).await,
            [
                format!("v1.coupon.created {without}"),
                format!("v2.core.event_destination.ping {without}"),
            ]
        );
        let ping = ping["id"].as_str().expect("an event has an id");
        let kept = format!("provider_events WHERE provider_event_id = '{ping}'");
        assert_eq!(house.database.row_count(&kept).await, 1);
        assert_eq!(house.database.row_count("audit_entries").await, entries);
        house.stop().await;
    }
}
