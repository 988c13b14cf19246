//! Every handled type in every generation: the same fact is the same event.

use billing_domain::checkout::ports::{ProviderInvoice, ProviderSession, SessionStatus};
use billing_domain::kernel::id::IntentId;
use billing_domain::kernel::text::ProviderRef;
use billing_domain::kernel::timestamp::Timestamp;
use billing_domain::provider_events::event::{Payload, ProviderEvent, SubscriptionChange};
use billing_domain::provider_events::ports::{DecodeError, EventDecoder};
use billing_domain::subscriptions::subscription::{
    SubscriptionFacts, SubscriptionReport, SubscriptionStatus,
};
use serde_json::{Value, json};

use super::payloads::{GENERATIONS, INTENT};
use crate::webhook::StripeEventDecoder;

fn decode(event_type: &str, payload: &[u8]) -> Result<ProviderEvent, DecodeError> {
    StripeEventDecoder.decode(event_type, payload)
}

fn id(text: &str) -> ProviderRef {
    ProviderRef::parse(text).unwrap()
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_unix_seconds(seconds).unwrap()
}

fn our_intent() -> IntentId {
    IntentId::parse(INTENT).unwrap()
}

fn session(status: SessionStatus, is_paid: bool) -> Payload<ProviderSession> {
    Payload::Read(ProviderSession {
        id: id("cs_test_1"),
        intent_id: Some(our_intent()),
        status,
        customer: Some(id("cus_1")),
        subscription: Some(id("sub_1")),
        invoice: Some(id("in_1")),
        is_paid,
    })
}

fn invoice(is_paid: bool) -> ProviderInvoice {
    ProviderInvoice {
        id: id("in_1"),
        customer: Some(id("cus_1")),
        subscription: Some(id("sub_1")),
        intent_id: Some(our_intent()),
        is_paid,
    }
}

fn report(status: SubscriptionStatus) -> SubscriptionReport {
    SubscriptionReport {
        intent_id: Some(our_intent()),
        facts: SubscriptionFacts {
            provider_id: id("sub_1"),
            customer: id("cus_1"),
            status,
            quantity: 3,
            price: Some(id("price_1")),
            period_start: Some(at(1_790_000_000)),
            period_end: Some(at(1_792_592_000)),
            trial_end: Some(at(1_791_000_000)),
            cancel_at: None,
            canceled_at: None,
            ended_at: None,
            has_pending_update: false,
        },
    }
}

/// Decodes one object in all its spellings and expects the same event each time.
fn assert_everywhere(
    event_type: &str,
    object: impl Fn(super::payloads::Generation) -> Value,
    expected: &ProviderEvent,
) {
    for generation in GENERATIONS {
        let payload = generation.event(event_type, &object(generation));
        let decoded = decode(event_type, &payload).unwrap();
        assert_eq!(&decoded, expected, "{event_type} of {}", generation.version);
    }
}

#[test]
fn a_checkout_is_read_from_every_version() {
    let completed = ProviderEvent::CheckoutCompleted(session(SessionStatus::Complete, true));
    for name in [
        "checkout.session.completed",
        "checkout.session.async_payment_succeeded",
    ] {
        assert_everywhere(name, |g| g.session("complete", "paid"), &completed);
        assert_everywhere(
            name,
            |g| g.session("complete", "no_payment_required"),
            &completed,
        );
    }
    let unpaid = ProviderEvent::CheckoutCompleted(session(SessionStatus::Complete, false));
    assert_everywhere(
        "checkout.session.completed",
        |g| g.session("complete", "unpaid"),
        &unpaid,
    );
    let expired = ProviderEvent::CheckoutExpired(session(SessionStatus::Expired, false));
    assert_everywhere(
        "checkout.session.expired",
        |g| g.session("expired", "unpaid"),
        &expired,
    );
}

#[test]
fn an_invoice_is_read_from_every_version() {
    let paid = ProviderEvent::InvoicePaid(Payload::Read(invoice(true)));
    for name in ["invoice.paid", "invoice.payment_succeeded"] {
        assert_everywhere(name, |g| g.invoice("paid"), &paid);
    }
    let failed = ProviderEvent::InvoicePaymentFailed(Payload::Read(invoice(false)));
    assert_everywhere("invoice.payment_failed", |g| g.invoice("open"), &failed);
}

#[test]
fn a_subscription_is_read_from_every_version() {
    let event =
        |change, status| ProviderEvent::SubscriptionChanged(change, Payload::Read(report(status)));
    let cases = [
        (
            "created",
            "trialing",
            SubscriptionChange::Created,
            SubscriptionStatus::Trialing,
        ),
        (
            "updated",
            "past_due",
            SubscriptionChange::Updated,
            SubscriptionStatus::PastDue,
        ),
        (
            "paused",
            "paused",
            SubscriptionChange::Paused,
            SubscriptionStatus::Paused,
        ),
        (
            "resumed",
            "active",
            SubscriptionChange::Resumed,
            SubscriptionStatus::Active,
        ),
        (
            "trial_will_end",
            "trialing",
            SubscriptionChange::TrialWillEnd,
            SubscriptionStatus::Trialing,
        ),
        (
            "deleted",
            "canceled",
            SubscriptionChange::Deleted,
            SubscriptionStatus::Canceled,
        ),
    ];
    for (name, status, change, expected) in cases {
        let name = format!("customer.subscription.{name}");
        assert_everywhere(&name, |g| g.subscription(status), &event(change, expected));
    }
}

#[test]
fn a_cancellation_at_the_end_of_the_period_is_a_date_in_every_version() {
    let mut ending = report(SubscriptionStatus::Active);
    ending.facts.cancel_at = Some(at(1_792_592_000));
    ending.facts.canceled_at = Some(at(1_790_500_000));
    let event =
        ProviderEvent::SubscriptionChanged(SubscriptionChange::Updated, Payload::Read(ending));
    assert_everywhere(
        "customer.subscription.updated",
        super::payloads::Generation::ending_subscription,
        &event,
    );
}

#[test]
fn expanded_objects_are_as_good_as_ids() {
    for generation in GENERATIONS {
        let mut object = generation.invoice("paid");
        object["customer"] = json!({ "id": "cus_1", "object": "customer", "deleted": true });
        let expanded = json!({ "id": "sub_1", "object": "subscription" });
        if object.get("parent").is_some() {
            object["parent"]["subscription_details"]["subscription"] = expanded;
        } else {
            object["subscription"] = expanded;
        }
        let decoded = decode("invoice.paid", &generation.event("invoice.paid", &object)).unwrap();
        let expected = ProviderEvent::InvoicePaid(Payload::Read(invoice(true)));
        assert_eq!(decoded, expected, "{}", generation.version);
    }
}

#[test]
fn the_period_is_that_of_the_item_that_ends_last_and_an_update_may_be_pending() {
    let generation = GENERATIONS[7];
    let mut object = generation.subscription("active");
    let mut second = object["items"]["data"][0].clone();
    second["quantity"] = json!(9);
    second["current_period_start"] = json!(1_790_100_000);
    second["current_period_end"] = json!(1_800_000_000);
    object["items"]["data"].as_array_mut().unwrap().push(second);
    object["pending_update"] = json!({ "expires_at": 1 });
    let name = "customer.subscription.updated";
    let decoded = decode(name, &generation.event(name, &object)).unwrap();
    let mut expected = report(SubscriptionStatus::Active);
    expected.facts.period_start = Some(at(1_790_100_000));
    expected.facts.period_end = Some(at(1_800_000_000));
    expected.facts.has_pending_update = true;
    let expected =
        ProviderEvent::SubscriptionChanged(SubscriptionChange::Updated, Payload::Read(expected));
    assert_eq!(decoded, expected);
}

/// Decodes an object without the field at this pointer.
fn without(
    event_type: &str,
    mut object: Value,
    pointers: &[&str],
) -> Result<ProviderEvent, DecodeError> {
    for pointer in pointers {
        let (parent, key) = pointer.rsplit_once('/').unwrap();
        let parent = object.pointer_mut(parent).unwrap();
        parent.as_object_mut().unwrap().remove(key).unwrap();
    }
    decode(event_type, &GENERATIONS[7].event(event_type, &object))
}

#[test]
fn a_fact_that_is_nowhere_is_asked_for_and_never_assumed() {
    let generation = GENERATIONS[7];
    let missing = |event| match event {
        ProviderEvent::CheckoutCompleted(Payload::Missing(id))
        | ProviderEvent::InvoicePaid(Payload::Missing(id))
        | ProviderEvent::SubscriptionChanged(_, Payload::Missing(id)) => id.to_string(),
        other => panic!("{other:?}"),
    };
    let name = "customer.subscription.updated";
    let period = "/items/data/0/current_period_end";
    for pointer in [
        period,
        "/items",
        "/status",
        "/customer",
        "/items/data/0/quantity",
    ] {
        let event = without(name, generation.subscription("active"), &[pointer]).unwrap();
        assert_eq!(missing(event), "sub_1", "{pointer}");
    }
    let empty = {
        let mut object = generation.subscription("active");
        object["items"]["data"] = json!([]);
        decode(name, &generation.event(name, &object)).unwrap()
    };
    assert_eq!(missing(empty), "sub_1");

    let paid = generation.invoice("paid");
    let event = without("invoice.paid", paid.clone(), &["/status"]).unwrap();
    assert_eq!(missing(event), "in_1");
    let places = ["/parent/subscription_details/metadata", "/lines"];
    let event = without("invoice.paid", paid, &places).unwrap();
    assert_eq!(missing(event), "in_1");

    let name = "checkout.session.completed";
    let event = without(
        name,
        generation.session("complete", "paid"),
        &["/payment_status"],
    )
    .unwrap();
    assert_eq!(missing(event), "cs_test_1");
}

#[test]
fn the_line_names_the_sale_where_the_invoice_does_not() {
    let places = ["/parent/subscription_details/metadata"];
    let event = without("invoice.paid", GENERATIONS[7].invoice("paid"), &places).unwrap();
    assert_eq!(
        event,
        ProviderEvent::InvoicePaid(Payload::Read(invoice(true)))
    );
}

#[test]
fn an_old_invoice_without_status_is_paid_if_it_says_so() {
    let generation = GENERATIONS[0];
    let mut object = generation.invoice("paid");
    object["status"] = Value::Null;
    let decoded = decode("invoice.paid", &generation.event("invoice.paid", &object)).unwrap();
    assert_eq!(
        decoded,
        ProviderEvent::InvoicePaid(Payload::Read(invoice(true)))
    );
}

#[test]
fn what_is_not_ours_has_no_intent_and_what_is_malformed_is_an_error_a_070() {
    for generation in GENERATIONS {
        let mut object = generation.session("complete", "paid");
        object["metadata"] = json!({ "other": "1" });
        let name = "checkout.session.completed";
        match decode(name, &generation.event(name, &object)).unwrap() {
            ProviderEvent::CheckoutCompleted(Payload::Read(session)) => {
                assert_eq!(session.intent_id, None);
            }
            other => panic!("{other:?}"),
        }
        for bad in [json!("12"), json!("chk_"), json!(12), json!("")] {
            object["metadata"] = json!({ "checkout_intent_id": bad });
            let error = decode(name, &generation.event(name, &object)).unwrap_err();
            assert_eq!(error.field, "data.object.metadata.checkout_intent_id");
        }
    }
}

#[test]
fn an_invoice_of_no_subscription_is_complete_without_metadata() {
    let generation = GENERATIONS[7];
    let mut object = generation.invoice("paid");
    object["parent"] = Value::Null;
    object["lines"]["data"] = json!([]);
    let decoded = decode("invoice.paid", &generation.event("invoice.paid", &object)).unwrap();
    let mut expected = invoice(true);
    expected.subscription = None;
    expected.intent_id = None;
    assert_eq!(decoded, ProviderEvent::InvoicePaid(Payload::Read(expected)));
}

#[test]
fn a_metered_item_has_no_units_and_that_is_not_an_omission() {
    let generation = GENERATIONS[7];
    let name = "customer.subscription.updated";
    let mut object = generation.subscription("active");
    object["items"]["data"][0]["price"]["recurring"]["usage_type"] = json!("metered");
    object["items"]["data"][0]["quantity"] = Value::Null;
    match decode(name, &generation.event(name, &object)).unwrap() {
        ProviderEvent::SubscriptionChanged(_, Payload::Read(report)) => {
            assert_eq!(report.facts.quantity, 0);
        }
        other => panic!("{other:?}"),
    }
}

/// The values of the three newest descriptions of Stripe's API (dahlia of March and August 2026, and
/// endive); what the sandbox does not bring about is here all the same.
#[test]
fn every_status_that_the_newest_versions_name_is_understood() {
    let money = json!({ "id": "x_1", "currency": "usd", "amount": 5, "amount_received": 0 });
    let with = |kind: &str, status: &str, more: Value| {
        let mut object = money.clone();
        let fields = object.as_object_mut().unwrap();
        fields.extend(more.as_object().unwrap().clone());
        object["object"] = json!(kind);
        object["status"] = json!(status);
        object
    };
    let dispute = json!({
        "charge": "ch_1", "payment_intent": null, "reason": "general",
        "evidence_details": { "due_by": null, "submission_method": "manual" },
    });
    let refund = json!({ "charge": "ch_1", "payment_intent": null });
    let payment = json!({ "customer": null, "metadata": {}, "last_payment_error": null });
    let cases = [
        (
            "charge.dispute.updated",
            "dispute",
            dispute,
            "appeal_needs_response appeal_under_review lost needs_response prevented under_review \
             warning_closed warning_needs_response warning_under_review won",
        ),
        (
            "refund.updated",
            "refund",
            refund,
            "pending requires_action succeeded failed canceled",
        ),
        (
            "payment_intent.succeeded",
            "payment_intent",
            payment,
            "canceled processing requires_action requires_capture requires_confirmation \
             requires_payment_method succeeded",
        ),
    ];
    for generation in &GENERATIONS[6..] {
        for (name, kind, more, statuses) in &cases {
            for status in statuses.split_whitespace() {
                let object = with(kind, status, more.clone());
                let read = decode(name, &generation.event(name, &object));
                let read = read.unwrap_or_else(|error| panic!("{name} {status}: {error}"));
                assert!(!format!("{read:?}").contains("Missing"), "{read:?}");
            }
        }
        for status in
            "active canceled incomplete incomplete_expired past_due paused trialing unpaid"
                .split_whitespace()
        {
            let name = "customer.subscription.updated";
            let event = generation.event(name, &generation.subscription(status));
            let read = decode(name, &event).unwrap();
            assert!(!format!("{read:?}").contains("Missing"), "{read:?}");
        }
        for status in ["draft", "open", "paid", "uncollectible", "void"] {
            let mut object = generation.invoice(status);
            let more = json!({
                "currency": "usd", "billing_reason": "manual", "total": 5, "amount_due": 5,
                "due_date": null,
            });
            object
                .as_object_mut()
                .unwrap()
                .extend(more.as_object().unwrap().clone());
            let read = decode(
                "invoice.updated",
                &generation.event("invoice.updated", &object),
            );
            let read = read.unwrap_or_else(|error| panic!("{status}: {error}"));
            assert!(!format!("{read:?}").contains("Missing"), "{read:?}");
        }
    }
}

#[test]
fn every_other_type_is_irrelevant_whatever_is_in_it() {
    for name in [
        "",
        "charge.succeeded",
        "invoice.deleted",
        "payment_intent.created",
        "customer.subscription.pending_update_applied",
        "some.type.of.2031",
    ] {
        assert_eq!(
            decode(name, b"\xff"),
            Ok(ProviderEvent::Irrelevant),
            "{name}"
        );
    }
}
