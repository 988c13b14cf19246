//! What each event changes, in whatever order and however often it comes (A-035…A-074, F.2).

use time::Duration;

use super::*;
use crate::checkout::create_intent::CreateIntentError;
use crate::kernel::request::Request;
use crate::provider_events::delivery::Delivery;
use crate::testing::Workbench;
use crate::testing::fake_provider::FakePayment;
use crate::testing::fixtures::{intent_request, provider_ref};
use crate::testing::memory_store::InboxStatus;

mod parties;
mod payments;
mod subscriptions;

fn paid(invoice: ProviderInvoice) -> ProviderEvent {
    ProviderEvent::InvoicePaid(Payload::Read(invoice))
}

fn completed(session: ProviderSession) -> ProviderEvent {
    ProviderEvent::CheckoutCompleted(Payload::Read(session))
}

fn invoice_of(payment: &FakePayment) -> ProviderInvoice {
    payment.invoice.clone().expect("the price recurs")
}

/// Receives an event and applies it.
async fn told(bench: &Workbench, id: &str, event: ProviderEvent) -> InboxStatus {
    bench.receive(id, event).await;
    bench.drain().await;
    bench.last_status()
}

#[tokio::test]
async fn a_068_the_first_paid_invoice_pays_the_intent_and_enqueues_its_workflow() {
    let bench = Workbench::new().await;
    let payment = bench.pay_page("acme").await;
    let status = told(&bench, "evt_1", paid(invoice_of(&payment))).await;
    assert_eq!(status, InboxStatus::Applied);
    let intent = bench.intent();
    assert_eq!(intent.state().name(), "paid");
    assert_eq!(intent.parts().links.customer, payment.session.customer);
    assert_eq!(
        intent.parts().links.subscription,
        payment.session.subscription
    );
    assert_eq!(bench.store.workflows().len(), 1);
}

#[tokio::test]
async fn a_065_a_second_delivery_of_the_same_event_changes_nothing() {
    let bench = Workbench::new().await;
    let payment = bench.pay_page("acme").await;
    told(&bench, "evt_1", paid(invoice_of(&payment))).await;
    let (intents, messages) = (bench.store.intents(), bench.store.messages());
    told(&bench, "evt_1", paid(invoice_of(&payment))).await;
    assert_eq!(bench.store.intents(), intents);
    assert_eq!(bench.store.messages(), messages);
    assert_eq!(bench.store.event_statuses(), [InboxStatus::Applied]);
}

#[tokio::test]
async fn a_065_the_same_fact_under_another_event_changes_nothing() {
    let bench = Workbench::new().await;
    let payment = bench.pay_page("acme").await;
    told(&bench, "evt_1", paid(invoice_of(&payment))).await;
    let intents = bench.store.intents();
    let status = told(&bench, "evt_2", paid(invoice_of(&payment))).await;
    assert_eq!(status, InboxStatus::Applied);
    assert_eq!(bench.store.intents(), intents);
    assert_eq!(bench.store.workflows().len(), 1);
}

#[tokio::test]
async fn a_068_a_later_invoice_leaves_a_fulfilled_intent_alone() {
    let bench = Workbench::new().await;
    let payment = bench.sell("acme").await;
    let intents = bench.store.intents();
    bench.clock().advance(Duration::days(365));
    let renewal = ProviderInvoice {
        id: provider_ref("in_renewal"),
        ..invoice_of(&payment)
    };
    assert_eq!(
        told(&bench, "evt_renewal", paid(renewal)).await,
        InboxStatus::Applied
    );
    assert_eq!(bench.intent().state().name(), "fulfilled");
    assert_eq!(bench.store.intents(), intents);
    assert_eq!(bench.store.workflows().len(), 1);
}

#[tokio::test]
async fn a_069_the_invoice_of_a_trial_pays_although_nothing_was_due() {
    let mut bench = Workbench::new().await;
    bench.policy.trial_days = 14;
    let payment = bench.pay_page("acme").await;
    told(&bench, "evt_1", paid(invoice_of(&payment))).await;
    assert_eq!(bench.intent().state().name(), "paid");
}

#[tokio::test]
async fn an_invoice_that_is_not_paid_is_skipped() {
    let bench = Workbench::new().await;
    let payment = bench.pay_page("acme").await;
    let open = ProviderInvoice {
        is_paid: false,
        ..invoice_of(&payment)
    };
    let status = told(&bench, "evt_1", paid(open)).await;
    assert!(matches!(status, InboxStatus::Skipped { .. }), "{status:?}");
    assert_eq!(bench.intent().state().name(), "created");
}

#[tokio::test]
async fn a_070_an_invoice_without_our_metadata_is_acknowledged_and_changes_nothing() {
    let bench = Workbench::new().await;
    let payment = bench.pay_page("acme").await;
    let foreign = ProviderInvoice {
        intent_id: None,
        subscription: Some(provider_ref("sub_of_somebody_else")),
        ..invoice_of(&payment)
    };
    let status = told(&bench, "evt_1", paid(foreign)).await;
    assert!(matches!(status, InboxStatus::Skipped { .. }), "{status:?}");
    assert_eq!(bench.intent().state().name(), "created");
}

#[tokio::test]
async fn a_070_an_invoice_without_metadata_is_found_by_a_subscription_that_we_know() {
    let bench = Workbench::new().await;
    let payment = bench.pay_page("acme").await;
    told(&bench, "evt_1", completed(payment.session.clone())).await;
    let bare = ProviderInvoice {
        intent_id: None,
        ..invoice_of(&payment)
    };
    told(&bench, "evt_2", paid(bare)).await;
    assert_eq!(bench.intent().state().name(), "paid");
}

#[tokio::test]
async fn a_070_an_invoice_without_metadata_counts_also_when_it_comes_before_the_link() {
    let bench = Workbench::new().await;
    let payment = bench.pay_page("acme").await;
    let bare = ProviderInvoice {
        intent_id: None,
        ..invoice_of(&payment)
    };
    let status = told(&bench, "evt_2", paid(bare)).await;
    assert!(matches!(status, InboxStatus::Skipped { .. }), "{status:?}");
    bench.clock().advance(Duration::days(40));
    assert_eq!(bench.drain().await.claimed(), 0, "nobody tries meanwhile");
    told(&bench, "evt_1", completed(payment.session.clone())).await;
    bench.drain().await;
    assert_eq!(bench.intent().state().name(), "paid");
    let statuses = bench.store.event_statuses();
    assert_eq!(statuses, [InboxStatus::Applied, InboxStatus::Applied]);
}

#[tokio::test]
async fn a_063_an_event_that_was_parked_for_want_of_its_sale_is_woken_by_it() {
    let bench = Workbench::new().await;
    let (intent, created) = bench.world.intent(bench.world.user.id, "acme");
    let invoice = ProviderInvoice {
        id: provider_ref("in_1"),
        customer: None,
        subscription: None,
        intent_id: Some(intent.id()),
        is_paid: true,
    };
    bench.receive("evt_1", paid(invoice)).await;
    for _ in 0..5 {
        bench.drain().await;
        bench.clock().advance(Duration::days(1));
    }
    let status = bench.last_status();
    assert!(matches!(status, InboxStatus::Parked { .. }), "{status:?}");
    let sale = bench.world.changes().insert_intent(intent, created);
    crate::kernel::ports::BillingWriter::commit(&bench.store, sale)
        .await
        .unwrap();
    assert_eq!(bench.drain().await.applied, 1);
    assert_eq!(bench.intent().state().name(), "paid");
}

#[tokio::test]
async fn a_070_an_invoice_of_an_unknown_intent_waits_for_it() {
    let bench = Workbench::new().await;
    let payment = bench.pay_page("acme").await;
    let unknown = ProviderInvoice {
        intent_id: Some(bench.world.id()),
        ..invoice_of(&payment)
    };
    let status = told(&bench, "evt_1", paid(unknown)).await;
    assert!(matches!(status, InboxStatus::Retrying { .. }), "{status:?}");
    assert_eq!(bench.intent().state().name(), "created");
}

#[tokio::test]
async fn a_070_malformed_metadata_is_parked_at_once() {
    let bench = Workbench::new().await;
    let field = "metadata.checkout_intent_id";
    let sent = bench
        .webhooks
        .register_malformed("evt_1", "invoice.paid", bench.now(), field);
    let receive = bench.receive_webhook();
    let carried = Delivery::default();
    let received = receive.run(sent.payload, Some(&sent.signature), carried, None);
    received.await.unwrap();
    assert_eq!(bench.drain().await.parked, 1);
    let InboxStatus::Parked { reason } = bench.last_status() else {
        panic!("it will never be understood");
    };
    assert!(reason.contains(field), "{reason}");
}

#[tokio::test]
async fn f_2_a_completed_page_links_and_does_not_pay_a_subscription() {
    let bench = Workbench::new().await;
    let payment = bench.pay_page("acme").await;
    told(&bench, "evt_1", completed(payment.session.clone())).await;
    let intent = bench.intent();
    assert_eq!(intent.state().name(), "created");
    assert_eq!(
        intent.parts().links.subscription,
        payment.session.subscription
    );
}

#[tokio::test]
async fn f_2_a_completed_page_pays_what_is_bought_once() {
    let mut world = crate::testing::fixtures::World::new(1);
    world.price.period = crate::catalog::price::BillingPeriod::OneTime;
    let bench = Workbench::of(world).await;
    let payment = bench.pay_page("acme").await;
    told(&bench, "evt_1", completed(payment.session)).await;
    assert_eq!(bench.intent().state().name(), "paid");
    assert_eq!(bench.store.workflows().len(), 1);
}

#[tokio::test]
async fn f_2_what_a_payload_does_not_say_is_read_from_the_provider() {
    let bench = Workbench::new().await;
    let payment = bench.pay_page("acme").await;
    let thin = Payload::Missing(invoice_of(&payment).id);
    told(&bench, "evt_1", ProviderEvent::InvoicePaid(thin)).await;
    assert_eq!(bench.intent().state().name(), "paid");
    let gone = Payload::Missing(provider_ref("in_gone"));
    let status = told(&bench, "evt_2", ProviderEvent::InvoicePaid(gone)).await;
    assert!(matches!(status, InboxStatus::Parked { .. }), "{status:?}");
}

#[tokio::test]
async fn a_035_a_payment_of_another_sale_is_parked_whether_or_not_the_first_is_fulfilled() {
    for is_fulfilled in [false, true] {
        let bench = Workbench::new().await;
        let payment = if is_fulfilled {
            bench.sell("acme").await
        } else {
            bench.buy("acme").await
        };
        let intents = bench.store.intents();
        let other = ProviderInvoice {
            subscription: Some(provider_ref("sub_other")),
            ..invoice_of(&payment)
        };
        let status = told(&bench, "evt_other", paid(other)).await;
        assert!(matches!(status, InboxStatus::Parked { .. }), "{status:?}");
        assert_eq!(bench.store.intents(), intents);
    }
}

#[tokio::test]
async fn a_018_what_was_paid_is_what_the_page_was_opened_for() {
    let bench = Workbench::new().await;
    let payment = bench.pay_page("acme").await;
    // The buyer changes their mind in another tab, and pays on the page of the first.
    let buyer = bench.buyer();
    let more = crate::checkout::intent::IntentRequest {
        quantity: crate::checkout::intent::Quantity::parse(30).unwrap(),
        ..intent_request("acme")
    };
    let request = Request::new(&buyer);
    bench.create_intent().run(&request, &more).await.unwrap();
    told(&bench, "evt_1", paid(invoice_of(&payment))).await;
    assert_eq!(bench.intent().parts().quantity.count(), 10);
    bench.run_provisioning().run_due().await.unwrap();
    assert_eq!(bench.store.licenses().len(), 10);
}

#[tokio::test]
async fn a_page_that_ran_out_leaves_the_intent_created() {
    let bench = Workbench::new().await;
    let page = bench.open_page("acme").await;
    let session = bench.provider.time_out(&page).unwrap();
    let event = ProviderEvent::CheckoutExpired(Payload::Read(session));
    told(&bench, "evt_1", event).await;
    assert_eq!(bench.intent().state().name(), "created");
    assert_eq!(bench.intent().checkout().name(), "closed");
}

/// The reservation ran out, and then the buyer paid.
async fn paid_too_late() -> (Workbench, FakePayment) {
    let bench = Workbench::new().await;
    let page = bench.open_page("acme").await;
    bench.clock().advance(Duration::hours(24));
    bench.sweep_intents().run().await.unwrap();
    assert_eq!(bench.intent().state().name(), "expired");
    let payment = bench.provider.pay(&page).unwrap();
    (bench, payment)
}

#[tokio::test]
async fn a_038_a_payment_after_the_expiry_reserves_anew_when_the_slug_is_free() {
    let (bench, payment) = paid_too_late().await;
    told(&bench, "evt_1", paid(invoice_of(&payment))).await;
    assert_eq!(bench.intent().state().name(), "paid");
    bench.run_provisioning().run_due().await.unwrap();
    assert_eq!(bench.intent().state().name(), "fulfilled");
    let eve = bench.world.seed_user(&bench.store, "eve").await;
    let eve = bench.principal(&eve);
    let request = Request::new(&eve);
    let refused = bench
        .create_intent()
        .run(&request, &intent_request("acme"))
        .await;
    assert!(matches!(refused, Err(CreateIntentError::SlugReserved)));
}

#[tokio::test]
async fn a_038_a_payment_after_the_slug_was_taken_goes_to_the_back_office() {
    let (bench, payment) = paid_too_late().await;
    let late = bench.intent().id();
    let eve = bench.world.seed_user(&bench.store, "eve").await;
    let eve = bench.principal(&eve);
    let request = Request::new(&eve);
    let create = bench.create_intent();
    let taken = create.run(&request, &intent_request("acme")).await.unwrap();

    for event in ["evt_1", "evt_2"] {
        let status = told(&bench, event, paid(invoice_of(&payment))).await;
        assert_eq!(status, InboxStatus::Applied);
        let intent = bench.intent_with(late);
        assert_eq!(intent.state().name(), "errored_backoffice");
        assert_eq!(
            intent.state().paid_at(),
            Some(bench.now()),
            "the money is kept"
        );
        assert_eq!(intent.parts().reservation, None);
        assert_eq!(
            intent.parts().links.subscription,
            payment.session.subscription
        );
        let message = intent.parts().last_provisioning_error.clone().unwrap();
        assert!(message.contains("acme"), "{message}");
    }
    assert!(bench.store.workflows().is_empty());
    assert_eq!(
        bench.intent_with(taken.id()),
        taken,
        "the new owner notices nothing"
    );
}

#[tokio::test]
async fn a_009_a_payment_that_meets_another_writer_is_decided_again() {
    let bench = Workbench::new().await;
    let payment = bench.pay_page("acme").await;
    let stored = bench.store.intents()[0].clone();
    let amend = IntentCommand::Amend {
        country: crate::kernel::text::CountryCode::parse("FR").ok(),
        terms: crate::checkout::intent::Terms::default(),
    };
    let transition = stored.value.apply(amend, bench.now()).unwrap();
    let rival = bench.world.changes().change_intent(&stored, transition);
    bench.receive("evt_1", paid(invoice_of(&payment))).await;
    let report = bench.with_rivals(vec![rival]).drain().await;
    assert_eq!(report.applied, 1);
    let intent = bench.intent();
    assert_eq!(intent.state().name(), "paid");
    assert_eq!(intent.parts().country.as_ref().unwrap().as_str(), "FR");
}

#[tokio::test]
async fn e_072_a_payment_buys_nothing_by_itself() {
    let bench = Workbench::new().await;
    bench.pay_page("acme").await;
    let intents = bench.store.intents();
    let payment = ProviderEvent::PaymentChanged(Payload::Missing(provider_ref("pi_1")));
    let status = told(&bench, "evt_1", payment).await;
    assert!(matches!(status, InboxStatus::Skipped { .. }), "{status:?}");
    assert_eq!(bench.store.intents(), intents);
    assert!(bench.store.workflows().is_empty());
}

#[tokio::test]
async fn f_2_an_event_of_a_connected_account_is_parked_with_its_reason() {
    let bench = Workbench::new().await;
    let status = told(&bench, "evt_1", ProviderEvent::OfConnectedAccount).await;
    let InboxStatus::Parked { reason } = status else {
        panic!("somebody must look: {status:?}");
    };
    assert!(reason.contains("connected account"), "{reason}");
}
