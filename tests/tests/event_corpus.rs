//! Every event of the pipeline's table (F.2), made by the sandbox and delivered in ten API versions:
//! whatever version tells a fact, it is decoded to the same `ProviderEvent`.
#![expect(
    clippy::unwrap_used,
    reason = "an unwrap of a test is one of its assertions"
)]

use std::collections::{BTreeMap, BTreeSet};

use billing_domain::checkout::ports::{ProviderInvoice, ProviderSession};
use billing_domain::provider_events::event::{Payload, ProviderEvent};
use billing_domain::provider_events::ports::{EventDecoder, PayloadScrubber};
use billing_domain::provider_events::reports::InvoiceLink;
use billing_sandbox::{ClockStart, Sandbox, SandboxConfig};
use billing_stripe::{StripeEventDecoder, StripePayloadScrubber};
use serde_json::Value;

/// One version of each generation, and both of those that were described twice.
const VERSIONS: [&str; 10] = [
    "2023-10-16",
    "2024-04-10",
    "2024-06-20",
    "2025-02-24.acacia",
    "2025-08-27.basil",
    "2025-10-29.clover",
    "2026-02-25.clover",
    "2026-03-25.dahlia",
    "2026-08-26.dahlia",
    "2026-10-28.endive",
];

/// What is asked of the sandbox, one after the other. Other events come along with them.
const TRIGGERS: [&str; 27] = [
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
    "customer.subscription.updated",
    "customer.updated",
    "invoice.marked_uncollectible",
    "invoice.paid",
    "invoice.payment_failed",
    "invoice.updated",
    "invoice.voided",
    "payment_intent.canceled",
    "payment_intent.payment_failed",
    "payment_intent.requires_action",
    "payment_intent.succeeded",
    "payment_method.detached",
    "price.updated",
    "product.deleted",
    "product.updated",
    "setup_intent.canceled",
    "setup_intent.succeeded",
];

/// The types of F.2 that must have come by the end.
const EXPECTED: [&str; 40] = [
    "charge.dispute.closed",
    "charge.dispute.created",
    "charge.refunded",
    "checkout.session.async_payment_failed",
    "checkout.session.async_payment_succeeded",
    "checkout.session.completed",
    "checkout.session.expired",
    "customer.deleted",
    "customer.subscription.created",
    "customer.subscription.deleted",
    "customer.subscription.paused",
    "customer.subscription.trial_will_end",
    "customer.subscription.updated",
    "customer.updated",
    "invoice.created",
    "invoice.finalized",
    "invoice.marked_uncollectible",
    "invoice.paid",
    "invoice.payment_action_required",
    "invoice.payment_failed",
    "invoice.payment_succeeded",
    "invoice.upcoming",
    "invoice.updated",
    "invoice.voided",
    "payment_intent.canceled",
    "payment_intent.payment_failed",
    "payment_intent.processing",
    "payment_intent.requires_action",
    "payment_intent.succeeded",
    "payment_method.attached",
    "payment_method.detached",
    "price.updated",
    "product.deleted",
    "product.updated",
    "refund.created",
    "refund.updated",
    "setup_intent.canceled",
    "setup_intent.succeeded",
    "charge.refund.updated",
    "charge.dispute.updated",
];

async fn post(sandbox: &Sandbox, path: &str, body: &str) -> Value {
    let answer = reqwest::Client::new()
        .post(format!("{}{path}", sandbox.url()))
        .bearer_auth(sandbox.secret_key())
        .body(body.to_owned())
        .send()
        .await
        .unwrap();
    let status = answer.status();
    let text = answer.text().await.unwrap();
    assert!(status.is_success(), "{path}: {status} {text}");
    serde_json::from_str(&text).unwrap()
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
        ProviderEvent::CustomerChanged(_)
        | ProviderEvent::CatalogueChanged(_)
        | ProviderEvent::Irrelevant => false,
    }
}

/// Its first invoice waits for the customer to confirm.
async fn subscribe_with_a_card_that_asks(sandbox: &Sandbox) {
    let id = |object: &Value| object["id"].as_str().unwrap().to_owned();
    let price = "currency=usd&unit_amount=500&recurring[interval]=month&product_data[name]=Pro";
    let price = id(&post(sandbox, "/v1/prices", price).await);
    let customer = id(&post(sandbox, "/v1/customers", "email=ada@example.com").await);
    let attach = "/v1/payment_methods/pm_card_threeDSecure2Required/attach";
    let card = id(&post(sandbox, attach, &format!("customer={customer}")).await);
    let body = format!(
        "customer={customer}&items[0][price]={price}&default_payment_method={card}&off_session=false"
    );
    post(sandbox, "/v1/subscriptions", &body).await;
}

/// A card whose payments are disputed, and evidence against that.
async fn contest_a_dispute(sandbox: &Sandbox) {
    let body = "amount=500&currency=usd&confirm=true&payment_method=pm_card_createDispute\
                &automatic_payment_methods[enabled]=true\
                &automatic_payment_methods[allow_redirects]=never";
    post(sandbox, "/v1/payment_intents", body).await;
    let event = (sandbox.events().into_iter().rev())
        .find(|event| event["type"] == "charge.dispute.created")
        .unwrap();
    let dispute = event["data"]["object"]["id"].as_str().unwrap();
    let evidence = "evidence[uncategorized_text]=winning_evidence";
    post(sandbox, &format!("/v1/disputes/{dispute}"), evidence).await;
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
    // Fails only if a provider is installed already, which serves as well.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let sandbox = Sandbox::start(SandboxConfig {
        clock: ClockStart::Fixed(1_790_000_000),
        auto_deliver: false,
        ..SandboxConfig::default()
    })
    .await
    .unwrap();
    for version in VERSIONS {
        let body =
            format!("url=http://127.0.0.1:9/{version}&enabled_events[]=*&api_version={version}");
        post(&sandbox, "/v1/webhook_endpoints", &body).await;
    }
    for kind in TRIGGERS {
        post(&sandbox, &format!("/sandbox/trigger/{kind}"), "").await;
        sandbox.advance(std::time::Duration::from_secs(10));
    }

    subscribe_with_a_card_that_asks(&sandbox).await;
    contest_a_dispute(&sandbox).await;
    // Everything that is still alive renews, and is announced before.
    sandbox.advance(std::time::Duration::from_hours(40 * 24));

    let mut told: BTreeMap<String, BTreeMap<String, (String, ProviderEvent)>> = BTreeMap::new();
    for delivery in sandbox.take_pending_deliveries() {
        let version = delivery.url.rsplit('/').next().unwrap().to_owned();
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
    let missing: Vec<&str> = EXPECTED
        .into_iter()
        .filter(|kind| !seen.contains(kind))
        .collect();
    assert!(missing.is_empty(), "never came: {missing:?}");
    sandbox.stop().await;
}
