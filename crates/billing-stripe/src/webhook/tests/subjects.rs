//! Whom an event concerns, and so in which lane it is: read from every form that Stripe sends.

use serde_json::{Value, json};

use crate::webhook::envelope::read_envelope;

fn subject_of(event: &Value) -> String {
    let envelope = read_envelope(event.to_string().as_bytes()).expect("it is an event");
    envelope.subject.expect("one is always read").to_string()
}

fn snapshot(object: &Value) -> Value {
    json!({
        "id": "evt_1",
        "object": "event",
        "type": "invoice.paid",
        "livemode": false,
        "created": 1_760_000_000,
        "api_version": "2025-10-29.clover",
        "data": { "object": object },
    })
}

fn thin(related: &Value) -> Value {
    json!({
        "id": "evt_1",
        "object": "v2.core.event",
        "type": "v1.invoice.paid",
        "livemode": false,
        "created": "2026-11-21T10:00:00.123Z",
        "related_object": related,
    })
}

#[test]
fn an_event_concerns_the_customer_that_its_object_names() {
    for customer in [
        json!("cus_1"),
        json!({ "id": "cus_1", "object": "customer", "email": "ada@example.com" }),
        json!({ "id": "cus_1", "object": "customer", "deleted": true }),
    ] {
        let invoice = json!({ "id": "in_1", "object": "invoice", "customer": customer });
        assert_eq!(subject_of(&snapshot(&invoice)), "cus_1", "{customer}");
    }
}

#[test]
fn a_customers_own_events_are_in_the_lane_of_those_that_name_it() {
    for customer in [
        json!({ "id": "cus_1", "object": "customer", "email": "ada@example.com" }),
        // As in `customer.deleted`.
        json!({ "id": "cus_1", "object": "customer", "deleted": true }),
    ] {
        assert_eq!(subject_of(&snapshot(&customer)), "cus_1");
    }
}

#[test]
fn without_a_customer_an_event_concerns_its_object() {
    for object in [
        json!({ "id": "cs_1", "object": "checkout.session", "customer": null }),
        json!({ "id": "cs_1", "object": "checkout.session" }),
        json!({ "id": "cs_1", "customer": { "object": "customer" } }),
        json!({ "id": "cs_1", "customer": 7 }),
        json!({ "id": "cs_1", "customer": "" }),
        json!({ "id": "cs_1", "customer": "cus 1" }),
        json!({ "id": "cs_1", "customer": "cus_\u{0}" }),
        json!({ "id": "cs_1", "customer": "c".repeat(201) }),
    ] {
        assert_eq!(subject_of(&snapshot(&object)), "cs_1", "{object}");
    }
}

#[test]
fn a_thin_event_concerns_the_object_that_it_names() {
    for (id, kind) in [("in_1", "invoice"), ("cus_1", "customer")] {
        let related = json!({ "id": id, "type": kind, "url": format!("/v1/{kind}s/{id}") });
        assert_eq!(subject_of(&thin(&related)), id);
    }
}

#[test]
fn an_event_without_an_object_concerns_itself() {
    let mut without_data = snapshot(&json!({}));
    without_data.as_object_mut().unwrap().remove("data");
    for event in [
        without_data,
        snapshot(&json!(null)),
        snapshot(&json!("in_1")),
        snapshot(&json!({ "object": "balance", "livemode": false })),
        snapshot(&json!({ "id": "in 1" })),
        thin(&json!(null)),
        thin(&json!({ "type": "invoice" })),
    ] {
        assert_eq!(subject_of(&event), "evt_1", "{event}");
    }
}
