//! No payload makes the decoder panic, and what makes no sense is said to make none.

use crate::StripePayloadScrubber;
use billing_domain::provider_events::event::ProviderEvent;
use billing_domain::provider_events::ports::EventDecoder;
use billing_domain::provider_events::ports::PayloadScrubber as _;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::payloads::GENERATIONS;
use crate::webhook::StripeEventDecoder;
use crate::webhook::envelope::read_envelope;

const TYPES: [&str; 5] = [
    "checkout.session.completed",
    "checkout.session.expired",
    "invoice.paid",
    "invoice.payment_failed",
    "customer.subscription.updated",
];

#[test]
fn bodies_that_are_no_event_name_the_field() {
    let deep = format!("{}1{}", "[".repeat(100_000), "]".repeat(100_000));
    let cases: [(&[u8], &str); 9] = [
        (b"", "body"),
        (b"\xff\xfe\x00", "body"),
        (b"{\"data\":", "body"),
        (deep.as_bytes(), "body"),
        (b"[]", "body"),
        (b"{}", "data"),
        (br#"{"data":[]}"#, "data"),
        (br#"{"data":{"object":"in_1"}}"#, "data.object"),
        (
            br#"{"data":{"object":{"object":"charge","id":"ch_1"}}}"#,
            "data.object.object",
        ),
    ];
    for (body, field) in cases {
        let error = StripeEventDecoder.decode("invoice.paid", body).unwrap_err();
        assert_eq!(error.field, field);
    }
}

#[test]
fn a_field_of_the_wrong_type_is_an_error_and_not_an_absence() {
    let generation = GENERATIONS[7];
    let name = "customer.subscription.updated";
    for (pointer, wrong, field) in [
        ("/status", json!(7), "status"),
        ("/status", json!("brand_new_status"), "status"),
        ("/customer", json!({ "name": "no id" }), "customer"),
        ("/items", json!([]), "items"),
        ("/items/data", json!("none"), "items.data"),
        ("/items/data/0/quantity", json!(-1), "items.data.0.quantity"),
        (
            "/items/data/0/quantity",
            json!(1.5),
            "items.data.0.quantity",
        ),
        ("/trial_end", json!(i64::MAX), "trial_end"),
        ("/trial_end", json!("2026"), "trial_end"),
        ("/metadata", json!("text"), "metadata"),
        ("/id", json!(""), "id"),
        ("/id", Value::Null, "id"),
    ] {
        let mut object = generation.subscription("active");
        *object.pointer_mut(pointer).unwrap() = wrong;
        let payload = generation.event(name, &object);
        let error = StripeEventDecoder.decode(name, &payload).unwrap_err();
        assert_eq!(error.field, format!("data.object.{field}"));
    }
}

/// Its owner writes what they like into its objects, our metadata included.
#[test]
fn an_event_of_a_connected_account_is_told_from_ours_also_when_it_is_scrubbed() {
    let name = "customer.subscription.updated";
    let payload = GENERATIONS[7].event(name, &GENERATIONS[7].subscription("active"));
    let mut event: Value = serde_json::from_slice(&payload).unwrap();
    for (account, is_ours) in [(Value::Null, true), (json!("acct_2"), false)] {
        event["account"] = account;
        let payload = serde_json::to_vec(&event).unwrap();
        // Also one about which nothing would be done.
        for name in [name, "made.up.thing"] {
            let decoded = StripeEventDecoder.decode(name, &payload).unwrap();
            assert_eq!(decoded != ProviderEvent::OfConnectedAccount, is_ours);
        }
    }
    let thin = json!({
        "id": "evt_1", "object": "v2.core.event", "type": "v1.customer.subscription.updated",
        "context": "acct_2",
        "related_object": { "id": "sub_1", "type": "subscription" },
    });
    let thin = thin.to_string();
    let scrubbed = StripePayloadScrubber.scrub(thin.as_bytes()).unwrap();
    for payload in [thin.as_bytes(), &scrubbed] {
        let decoded = StripeEventDecoder.decode("v1.customer.subscription.updated", payload);
        assert_eq!(decoded, Ok(ProviderEvent::OfConnectedAccount));
    }
}

/// A thin event has nothing to read: what it names is fetched.
#[test]
fn what_a_thin_event_is_about_is_asked_for() {
    for (name, kind, id) in [
        ("invoice.paid", "invoice", "in_1"),
        ("customer.subscription.updated", "subscription", "sub_1"),
        ("checkout.session.completed", "checkout.session", "cs_1"),
    ] {
        let thin = |related: Value| {
            let thin = json!({
                "id": "evt_1", "object": "v2.core.event", "type": format!("v1.{name}"),
                "related_object": related,
            });
            StripeEventDecoder.decode(&format!("v1.{name}"), thin.to_string().as_bytes())
        };
        let decoded = thin(json!({ "id": id, "type": kind })).unwrap();
        let asked = format!("Missing(ProviderRef(\"{id}\"))");
        assert!(format!("{decoded:?}").contains(&asked), "{decoded:?}");
        for (wrong, field) in [
            (json!(null), "related_object"),
            (json!({ "id": id, "type": "refund" }), "related_object.type"),
            (json!({ "type": kind }), "related_object.id"),
        ] {
            assert_eq!(thin(wrong).unwrap_err().field, field, "{name}");
        }
    }
}

/// As with everybody else who reads JSON: whoever reads another one of them would decide differently
/// from what the sender and the next reader believe.
#[test]
fn of_a_key_that_comes_twice_the_last_one_counts() {
    let event = r#"{"id": "evt_0", "id": "evt_1", "object": "event", "type": "invoice.voided",
        "type": "invoice.paid", "livemode": true, "livemode": false, "created": 1760000000,
        "data": {"object": {}}, "data": {"object": {"id": "in_1", "object": "invoice",
            "customer": "cus_0", "customer": "cus_1"}}}"#;
    let envelope = read_envelope(event.as_bytes()).unwrap();
    assert_eq!(envelope.provider_event_id.as_str(), "evt_1");
    assert_eq!(envelope.event_type, "invoice.paid");
    assert!(!envelope.is_live);
    assert_eq!(envelope.subject.unwrap().as_str(), "cus_1");
}

/// Any JSON of small depth, with the keys that the readers look for.
fn any_json() -> impl Strategy<Value = Value> {
    let keys = prop::sample::select(vec![
        "id",
        "object",
        "status",
        "customer",
        "items",
        "data",
        "metadata",
        "parent",
        "lines",
        "subscription",
        "subscription_details",
        "checkout_intent_id",
        "quantity",
        "price",
        "current_period_end",
        "payment_status",
        "type",
        "paid",
    ]);
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "[a-z_]{0,8}".prop_map(Value::from),
        Just(json!("paid")),
        Just(json!("subscription")),
    ];
    leaf.prop_recursive(5, 64, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::hash_map(keys.clone(), inner, 0..6).prop_map(|map| {
                Value::Object(map.into_iter().map(|(k, v)| (k.to_owned(), v)).collect())
            }),
        ]
    })
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..256), kind in 0_usize..5) {
        let _ = StripeEventDecoder.decode(TYPES[kind], &bytes);
    }

    #[test]
    fn arbitrary_objects_never_panic(mut object in any_json(), kind in 0_usize..5) {
        let names = ["checkout.session", "checkout.session", "invoice", "invoice", "subscription"];
        if let Value::Object(map) = &mut object {
            map.insert("object".to_owned(), json!(names[kind]));
        }
        let payload = GENERATIONS[7].event(TYPES[kind], &object);
        let decoded = StripeEventDecoder.decode(TYPES[kind], &payload);
        prop_assert_ne!(decoded, Ok(ProviderEvent::Irrelevant));
    }

    #[test]
    fn one_replaced_field_never_panics(value in any_json(), generation in 0_usize..8, field in 0_usize..20) {
        let generation = GENERATIONS[generation];
        for (name, mut object) in [
            ("customer.subscription.updated", generation.subscription("active")),
            ("invoice.paid", generation.invoice("paid")),
            ("checkout.session.completed", generation.session("complete", "paid")),
        ] {
            let map = object.as_object_mut().unwrap();
            let key = map.keys().nth(field % map.len()).unwrap().clone();
            map.insert(key, value.clone());
            let _ = StripeEventDecoder.decode(name, &generation.event(name, &object));
        }
    }
}
