//! What fuzzing begins with: one event of each type, as the sandbox makes it, without what the
//! decoder does not read. `BILLING_REGENERATE_SEEDS=1` writes them anew.
#![expect(
    clippy::unwrap_used,
    reason = "an unwrap of a test is one of its assertions"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use billing_domain::provider_events::event::ProviderEvent;
use billing_domain::provider_events::ports::EventDecoder;
use billing_sandbox::{ClockStart, Sandbox, SandboxConfig};
use billing_stripe::StripeEventDecoder;
use serde_json::{Value, json};

/// One for each place where facts have stood.
const VERSIONS: [&str; 3] = ["2023-10-16", "2025-08-27.basil", "2026-10-28.endive"];

const TRIGGERS: [&str; 15] = [
    "charge.dispute.closed",
    "charge.refunded",
    "checkout.session.async_payment_failed",
    "checkout.session.async_payment_succeeded",
    "checkout.session.completed",
    "checkout.session.expired",
    "customer.deleted",
    "customer.subscription.deleted",
    "customer.subscription.paused",
    "customer.subscription.trial_will_end",
    "invoice.payment_failed",
    "payment_method.detached",
    "price.updated",
    "product.deleted",
    "setup_intent.canceled",
];

fn corpus(target: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus");
    folder.join(target)
}

fn decode(payload: &Value) -> Option<ProviderEvent> {
    let kind = payload["type"].as_str()?;
    let bytes = serde_json::to_vec(payload).unwrap();
    match StripeEventDecoder.decode(kind, &bytes) {
        Ok(ProviderEvent::Irrelevant) | Err(_) => None,
        Ok(event) => Some(event),
    }
}

/// Takes away, at any depth, what makes no difference.
fn minimised(payload: &Value, expected: &ProviderEvent) -> Value {
    let mut smallest = payload.clone();
    let mut open = vec![String::new()];
    while let Some(at) = open.pop() {
        let keys: Vec<String> = match smallest.pointer(&at) {
            Some(Value::Object(map)) => map.keys().cloned().collect(),
            Some(Value::Array(list)) => (0..list.len().min(1)).map(|n| n.to_string()).collect(),
            Some(_) | None => continue,
        };
        for key in keys {
            let mut smaller = smallest.clone();
            let removed = match smaller.pointer_mut(&at) {
                Some(Value::Object(map)) => map.shift_remove(&key),
                Some(_) | None => None,
            };
            if removed.is_some() && decode(&smaller).as_ref() == Some(expected) {
                smallest = smaller;
            } else {
                open.push(format!(
                    "{at}/{}",
                    key.replace('~', "~0").replace('/', "~1")
                ));
            }
        }
    }
    smallest
}

async fn post(sandbox: &Sandbox, path: &str, body: String) {
    let request = reqwest::Client::new().post(format!("{}{path}", sandbox.url()));
    let request = request.bearer_auth(sandbox.secret_key()).body(body);
    let answer = request.send().await.unwrap();
    assert!(answer.status().is_success(), "{path}: {}", answer.status());
}

/// File name and payload.
async fn seeds() -> BTreeMap<String, Value> {
    // Fails only if a provider is installed already, which serves as well.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let sandbox = Sandbox::start(SandboxConfig {
        clock: ClockStart::Fixed(1_790_000_000),
        auto_deliver: false,
        ..SandboxConfig::default()
    });
    let sandbox = sandbox.await.unwrap();
    for version in VERSIONS {
        let url = format!("url=http://127.0.0.1:9/{version}&enabled_events[]=*");
        let body = format!("{url}&api_version={version}");
        post(&sandbox, "/v1/webhook_endpoints", body).await;
    }
    for kind in TRIGGERS {
        post(&sandbox, &format!("/sandbox/trigger/{kind}"), String::new()).await;
    }
    sandbox.advance(std::time::Duration::from_hours(40 * 24));
    let mut seeds = BTreeMap::new();
    let mut told = BTreeSet::new();
    for delivery in sandbox.take_pending_deliveries().into_iter().rev() {
        let version = delivery.url.rsplit('/').next().unwrap().to_owned();
        let payload: Value = serde_json::from_str(&delivery.body).unwrap();
        let Some(event) = decode(&payload) else {
            continue;
        };
        let name = format!("{}-{version}.json", delivery.event_type);
        if seeds.contains_key(&name) {
            continue;
        }
        let mut smallest = minimised(&payload, &event);
        smallest["type"] = json!(delivery.event_type);
        // Versions that tell it in the same places need one seed.
        let shape = format!("{}{}", delivery.event_type, shape_of(&smallest));
        if told.insert(shape) {
            seeds.insert(name, smallest);
        }
    }
    sandbox.stop().await;
    seeds
}

/// The keys without the values.
fn shape_of(value: &Value) -> String {
    match value {
        Value::Object(map) => {
            let members = map.iter();
            let members = members.map(|(key, value)| format!("{key}:{}", shape_of(value)));
            format!("{{{}}}", members.collect::<Vec<_>>().join(","))
        }
        Value::Array(list) => format!("[{}]", list.iter().map(shape_of).collect::<String>()),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => String::new(),
    }
}

/// What is around the object, for the envelope's reader.
fn envelope(payload: &Value, version: &str) -> Value {
    json!({
        "id": "evt_1", "object": "event", "type": payload["type"], "livemode": false,
        "api_version": version, "created": 1_790_000_000, "account": "acct_1",
        "data": { "object": {} },
    })
}

#[tokio::test]
async fn fuzzing_begins_with_an_event_of_each_type_that_is_read() {
    let folder = corpus("decoder");
    if std::env::var_os("BILLING_REGENERATE_SEEDS").is_some() {
        for (name, payload) in seeds().await {
            std::fs::write(folder.join(name), payload.to_string()).unwrap();
        }
        for version in VERSIONS {
            let path = corpus("envelope").join(format!("snapshot-{version}.json"));
            let payload = json!({ "type": "invoice.paid" });
            std::fs::write(path, envelope(&payload, version).to_string()).unwrap();
        }
    }
    let mut types = BTreeSet::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let bytes = std::fs::read(entry.unwrap().path()).unwrap();
        let Ok(payload) = serde_json::from_slice::<Value>(&bytes) else {
            continue;
        };
        if decode(&payload).is_some() {
            types.insert(payload["type"].as_str().unwrap().to_owned());
        }
    }
    // Each family has its reader.
    for family in [
        "charge.dispute.",
        "charge.refunded",
        "checkout.session.",
        "customer.deleted",
        "customer.subscription.",
        "invoice.paid",
        "invoice.created",
        "payment_intent.",
        "payment_method.",
        "price.",
        "product.",
        "refund.",
        "setup_intent.",
    ] {
        let is_there = types.iter().any(|kind| kind.starts_with(family));
        assert!(is_there, "no seed of {family} among {types:?}");
    }
}
