//! Every event of the pipeline's table (F.2), made by the sandbox and delivered in ten API versions:
//! whatever version tells a fact, it is decoded to the same `ProviderEvent`, and what no place tells
//! is asked for.
#![expect(
    clippy::unwrap_used,
    reason = "an unwrap of a test is one of its assertions"
)]

use std::collections::{BTreeMap, BTreeSet};

use billing_domain::checkout::ports::{ProviderInvoice, ProviderSession};
use billing_domain::kernel::id::IntentId;
use billing_domain::provider_events::event::{Payload, ProviderEvent};
use billing_domain::provider_events::ports::{EventDecoder, PayloadScrubber};
use billing_domain::provider_events::reports::InvoiceLink;
use billing_stripe::{EVENT_TYPES, StripeEventDecoder, StripePayloadScrubber};
use billing_tests::corpus::{INTENT, THIN, Told, VERSIONS, corpus};
use serde_json::Value;
use tokio::sync::OnceCell;

/// The sandbox tells it once for all tests.
async fn everything_told() -> &'static [Told] {
    static TOLD: OnceCell<Vec<Told>> = OnceCell::const_new();
    TOLD.get_or_init(corpus).await
}

/// What has a version: snapshots of objects.
async fn snapshots() -> impl Iterator<Item = Told> {
    let told = everything_told().await.iter();
    told.filter(|delivery| delivery.version != THIN).cloned()
}

/// What a version may leave open: an object that is to be asked for, and the invoice of a payment,
/// which no payment has told since basil. Everything else must agree.
fn comparable(event: ProviderEvent) -> ProviderEvent {
    match event {
        ProviderEvent::PaymentChanged(Payload::Read(mut payment)) => {
            payment.invoice = InvoiceLink::NotTold;
            ProviderEvent::PaymentChanged(Payload::Read(payment))
        }
        other => other,
    }
}

/// The id of what an event says nothing more about.
fn is_asked_for(event: &ProviderEvent) -> bool {
    let session = |payload: &Payload<ProviderSession>| matches!(payload, Payload::Missing(_));
    let invoice = |payload: &Payload<ProviderInvoice>| matches!(payload, Payload::Missing(_));
    match event {
        ProviderEvent::CheckoutCompleted(payload)
        | ProviderEvent::CheckoutPaymentFailed(payload)
        | ProviderEvent::CheckoutExpired(payload) => session(payload),
        ProviderEvent::InvoicePaid(payload) | ProviderEvent::InvoicePaymentFailed(payload) => {
            invoice(payload)
        }
        ProviderEvent::InvoiceChanged(_, payload) => matches!(payload, Payload::Missing(_)),
        ProviderEvent::SubscriptionChanged(_, payload) => matches!(payload, Payload::Missing(_)),
        ProviderEvent::PaymentChanged(payload) => matches!(payload, Payload::Missing(_)),
        ProviderEvent::ChargeRefunded(payload) => matches!(payload, Payload::Missing(_)),
        ProviderEvent::RefundChanged(payload) => matches!(payload, Payload::Missing(_)),
        ProviderEvent::DisputeChanged(payload) => matches!(payload, Payload::Missing(_)),
        ProviderEvent::SetupFinished(payload) => matches!(payload, Payload::Missing(_)),
        ProviderEvent::PaymentMethodChanged(payload) => matches!(payload, Payload::Missing(_)),
        ProviderEvent::CustomerChanged(payload) => matches!(payload, Payload::Missing(_)),
        ProviderEvent::CatalogueChanged(_, payload) => matches!(payload, Payload::Missing(_)),
        ProviderEvent::OfConnectedAccount | ProviderEvent::Irrelevant => false,
    }
}

/// Retention must lose nothing that a decision rests on, in any version.
fn says_the_same_scrubbed(kind: &str, body: &str, event: &ProviderEvent) {
    let scrubbed = StripePayloadScrubber.scrub(body.as_bytes()).unwrap();
    let read = StripeEventDecoder.decode(kind, &scrubbed).unwrap();
    assert_eq!(
        read,
        event.clone().without_personal_data(),
        "{kind}: {body}"
    );
    let text = String::from_utf8(scrubbed).unwrap();
    for personal in [
        "@example.com",
        "last4",
        "fingerprint",
        "client_secret",
        "postal_code",
    ] {
        assert!(!text.contains(personal), "{kind} keeps {personal}: {text}");
    }
}

#[tokio::test]
async fn every_version_of_a_fact_is_decoded_to_the_same_event() {
    let mut told: BTreeMap<String, BTreeMap<String, (String, ProviderEvent)>> = BTreeMap::new();
    for delivery in snapshots().await {
        let version = delivery.version;
        let event = StripeEventDecoder.decode(&delivery.event_type, delivery.body.as_bytes());
        let event = event.unwrap_or_else(|error| {
            panic!(
                "{} in {version}: {error}\n{}",
                delivery.event_type, delivery.body
            )
        });
        says_the_same_scrubbed(&delivery.event_type, &delivery.body, &event);
        let versions = told.entry(delivery.event_id).or_default();
        versions.insert(version, (delivery.event_type, comparable(event)));
    }

    let mut seen = BTreeSet::new();
    for versions in told.values() {
        let (kind, fact) = &versions[*VERSIONS.last().unwrap()];
        if *fact == ProviderEvent::Irrelevant {
            continue;
        }
        assert!(!is_asked_for(fact), "{kind}: {fact:?}");
        seen.insert(kind.as_str());
        for (version, (_, other)) in versions {
            assert_eq!(other, fact, "{kind} in {version}");
        }
    }
    let known: BTreeSet<&str> = EVENT_TYPES.iter().copied().collect();
    assert_eq!(seen, known, "all that are known come, and no other");
}

/// Whose sale an event is of, which each version keeps in another place: told in all of them, and of
/// every type that pays, links or changes one.
#[tokio::test]
async fn every_version_tells_whose_sale_it_is() {
    let intent = format!("{:?}", IntentId::parse(INTENT).unwrap());
    let mut told: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for delivery in snapshots().await {
        let event = StripeEventDecoder.decode(&delivery.event_type, delivery.body.as_bytes());
        let text = format!("{:?}", event.unwrap());
        if text.contains(&intent) {
            let versions = told.entry(delivery.event_type).or_default();
            versions.insert(delivery.version);
        }
    }
    let versions: BTreeSet<String> = VERSIONS.map(ToOwned::to_owned).into();
    for kind in [
        "checkout.session.completed",
        "checkout.session.expired",
        "customer.subscription.created",
        "customer.subscription.deleted",
        "customer.subscription.paused",
        "customer.subscription.resumed",
        "customer.subscription.trial_will_end",
        "customer.subscription.updated",
        "invoice.paid",
        "invoice.payment_failed",
        "invoice.payment_succeeded",
    ] {
        assert_eq!(told.get(kind), Some(&versions), "{kind}");
    }
}

/// The keys of an object and of what stands in it, as paths from the top.
fn keys(value: &Value, path: &str, found: &mut Vec<String>) {
    match value {
        Value::Object(map) => {
            for (key, child) in map {
                let path = format!("{path}/{}", key.replace('~', "~0").replace('/', "~1"));
                keys(child, &path, found);
                found.push(path);
            }
        }
        Value::Array(items) => {
            for (place, child) in items.iter().enumerate() {
                keys(child, &format!("{path}/{place}"), found);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn without(event: &Value, path: &str) -> String {
    let mut event = event.clone();
    let (parent, key) = path.rsplit_once('/').unwrap();
    let key = key.replace("~1", "/").replace("~0", "~");
    let parent = event.pointer_mut(parent).unwrap();
    parent.as_object_mut().unwrap().remove(&key).unwrap();
    event.to_string()
}

/// Keys that Stripe itself leaves out where there is nothing to say.
const LEFT_OUT: [&str; 4] = [
    // Only of a refund that failed.
    "/data/object/failure_reason",
    // Only of a card's own refusal; the general code stands in for it, and neither decides.
    "/data/object/last_payment_error/decline_code",
    "/data/object/last_payment_error/code",
    // Our own key: metadata without it is that of somebody else's object.
    "/metadata/checkout_intent_id",
];

#[tokio::test]
async fn a_key_that_is_absent_is_asked_for_or_refused_and_never_a_default() {
    let mut seen: BTreeSet<(String, String)> = BTreeSet::new();
    let (mut asked, mut refused, mut untouched) = (0_u32, 0_u32, 0_u32);
    for delivery in snapshots().await {
        let kind = &delivery.event_type;
        let whole = StripeEventDecoder.decode(kind, delivery.body.as_bytes());
        let whole = comparable(whole.unwrap());
        // One of each type and version is enough: they have the same shape.
        if whole == ProviderEvent::Irrelevant
            || !seen.insert((kind.clone(), delivery.version.clone()))
        {
            continue;
        }
        let event: Value = serde_json::from_str(&delivery.body).unwrap();
        let mut paths = Vec::new();
        keys(&event["data"], "/data", &mut paths);
        for path in paths {
            let less = without(&event, &path);
            match StripeEventDecoder.decode(kind, less.as_bytes()) {
                Err(_) => refused += 1,
                Ok(read) => {
                    let read = comparable(read);
                    if is_asked_for(&read) {
                        asked += 1;
                    } else if read == whole {
                        untouched += 1;
                    } else {
                        let is_left_out = LEFT_OUT.iter().any(|known| path.ends_with(known))
                            // What is only announced may have no id yet.
                            || (kind == "invoice.upcoming" && path == "/data/object/id");
                        assert!(
                            is_left_out,
                            "{kind} in {} without {path}: {read:?}\ninstead of {whole:?}",
                            delivery.version
                        );
                    }
                }
            }
        }
    }
    println!("{asked} asked for, {refused} refused, {untouched} not needed");
    assert!(asked > 1_000, "{asked}");
}

/// Ids by their kind and the order in which they are named, so that other ids change nothing.
fn named(text: &str, names: &mut BTreeMap<String, String>) -> String {
    let mut parts = text.split("ProviderRef(\"");
    let mut named = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (id, rest) = part.split_once("\")").unwrap();
        let kind = id.split_once('_').map_or(id, |(kind, _)| kind);
        let next = names.len() + 1;
        let name = names
            .entry(id.to_owned())
            .or_insert_with(|| format!("{kind}#{next}"));
        named.push_str(name);
        named.push_str(rest);
    }
    named
}

/// `BILLING_REGENERATE_CORPUS=1` writes the file anew; read what changed before it is kept.
#[tokio::test]
async fn each_type_is_decoded_to_what_the_file_says() {
    let mut told: BTreeMap<String, String> = BTreeMap::new();
    for delivery in snapshots().await {
        if delivery.version != *VERSIONS.last().unwrap() {
            continue;
        }
        let event = StripeEventDecoder.decode(&delivery.event_type, delivery.body.as_bytes());
        let event = event.unwrap();
        if event != ProviderEvent::Irrelevant {
            let usd = "Currency { code: [117, 115, 100], exponent: 2 }";
            let line = format!("{event:?}").replace(usd, "usd");
            let line = named(&line, &mut BTreeMap::new());
            told.entry(delivery.event_type).or_insert(line);
        }
    }
    let lines = told
        .iter()
        .map(|(kind, line)| format!("{kind}\n    {line}\n"));
    let text: String = lines.collect();
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/event_corpus.txt");
    if std::env::var("BILLING_REGENERATE_CORPUS").is_ok() {
        std::fs::write(file, &text).unwrap();
    }
    let kept = std::fs::read_to_string(file).unwrap();
    for (new, old) in text.lines().zip(kept.lines()) {
        assert_eq!(new, old);
    }
    assert_eq!(text.lines().count(), kept.lines().count());
}

/// A thin event says what its snapshot says by being asked.
#[tokio::test]
async fn a_thin_event_is_the_same_event_and_everything_is_asked_for() {
    let newest: BTreeMap<String, ProviderEvent> = snapshots()
        .await
        .filter(|delivery| delivery.version == *VERSIONS.last().unwrap())
        .map(|delivery| {
            let event = StripeEventDecoder.decode(&delivery.event_type, delivery.body.as_bytes());
            (delivery.event_id, event.unwrap())
        })
        .collect();
    let mut seen = BTreeSet::new();
    let thin = everything_told().await.iter();
    for delivery in thin.filter(|delivery| delivery.version == THIN) {
        let body: Value = serde_json::from_str(&delivery.body).unwrap();
        let kind = body["type"].as_str().unwrap();
        let event = StripeEventDecoder.decode(kind, delivery.body.as_bytes());
        let event = event.unwrap_or_else(|error| panic!("{kind}: {error}\n{}", delivery.body));
        let Some(snapshot) = body["snapshot_event"].as_str() else {
            assert_eq!(event, ProviderEvent::Irrelevant, "{kind} has no other form");
            continue;
        };
        let fact = &newest[snapshot];
        let is_same = std::mem::discriminant(fact) == std::mem::discriminant(&event);
        assert!(is_same, "{kind}: {event:?} for {fact:?}");
        if event != ProviderEvent::Irrelevant {
            assert!(is_asked_for(&event), "{kind}: {event:?}");
            let id = body["related_object"]["id"].as_str().unwrap();
            assert!(format!("{event:?}").contains(id), "{kind}: {event:?}");
            seen.insert(kind.to_owned());
        }
    }
    for kind in EVENT_TYPES {
        assert!(seen.contains(&format!("v1.{kind}")), "never came: {kind}");
    }
}
