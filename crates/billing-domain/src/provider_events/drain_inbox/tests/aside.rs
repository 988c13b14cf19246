//! Events about which the provider has to be asked: they hold up their subject and nobody else.

use super::order::{Replica, name, names};
use super::*;
use crate::provider_events::drain_inbox::aside::ASIDE_MAX;
use crate::provider_events::event::SubscriptionChange;
use crate::provider_events::reports::CatalogueItem;
use crate::testing::fixtures::provider_ref;

/// An event that tells nothing but an id, under which the provider has an invoice without effect.
fn question(bench: &Workbench) -> ProviderEvent {
    let id = provider_ref("in_asked");
    bench.provider.put_invoice(ProviderInvoice {
        id: id.clone(),
        customer: None,
        subscription: None,
        intent_id: None,
        is_paid: false,
    });
    ProviderEvent::InvoicePaid(Payload::Missing(id))
}

impl Replica {
    async fn hears_question(&self, subject: &str, number: i64) {
        self.hears(subject, number, question(&self.bench)).await;
    }

    /// What is decided by one question.
    async fn ask(&self) -> Vec<String> {
        self.drain.ask().await.unwrap();
        self.diary.decided()
    }

    fn statuses(&self) -> Vec<InboxStatus> {
        self.bench.store.event_statuses()
    }
}

#[tokio::test]
async fn a_question_holds_up_its_subject_and_nobody_else() {
    let here = Replica::alone().await;
    here.holds_lanes_of(&["cus_1", "cus_2"]).await;
    here.bench.faults.restart();
    here.hears_question("cus_1", 1).await;
    here.receives("cus_1", 2).await;
    here.receives("cus_2", 1).await;
    let [first_look, other] = [name("cus_1", 1), name("cus_2", 1)];
    assert_eq!(here.turn().await, [first_look, other]);
    let calls = here.bench.faults.calls();
    assert!(!calls.contains(&"invoice"), "a turn asks nobody: {calls:?}");
    assert!(here.drain.has_questions());
    // What comes meanwhile follows it in its order, whether it is handed over or read.
    here.receives("cus_1", 4).await;
    here.receives("cus_2", 2).await;
    assert_eq!(here.turn().await, names("cus_2", [2]));
    Replica::beside(&here.bench).receives("cus_1", 3).await;
    here.bench.clock().advance(Duration::milliseconds(500));
    assert!(here.turn().await.is_empty());
    assert_eq!(here.ask().await, names("cus_1", [1, 2, 3, 4]));
    assert!(!here.drain.has_questions());
    here.receives("cus_1", 5).await;
    assert_eq!(here.turn().await, names("cus_1", [5]), "it is the turn's");
    assert!(here.ask().await.is_empty());
    let is_skipped = |status| matches!(status, InboxStatus::Skipped { .. });
    assert!(here.statuses().into_iter().all(is_skipped));
}

#[tokio::test]
async fn what_is_asked_about_is_not_taken_for_new_or_for_abandoned() {
    let here = Replica::alone().await;
    let elsewhere = Replica::beside(&here.bench);
    // It is read, and so its attempt is written down.
    elsewhere.hears_question("cus_1", 1).await;
    let late = elsewhere.bench.handoff.take(LaneShare::WHOLE, 9).events;
    assert_eq!(here.turn().await, names("cus_1", [1]));
    for _ in 0..3 {
        here.bench.clock().advance(Duration::seconds(7));
        here.drain.renew().await.unwrap();
        assert!(here.turn().await.is_empty(), "it is in hand");
        assert!(elsewhere.turn().await.is_empty(), "and its lane is held");
    }
    // What was read is handed over late.
    let [late] = late.try_into().unwrap();
    here.bench.handoff.offer(late);
    assert!(here.turn().await.is_empty(), "it is in hand all the same");
    assert_eq!(here.ask().await, names("cus_1", [1]));
    here.bench.clock().advance(LINGER);
    let report = here.drain.turn().await.unwrap();
    assert_eq!(report, DrainReport::default());
    elsewhere.receives("cus_1", 2).await;
    let decided = elsewhere.turn().await;
    assert_eq!(decided, names("cus_1", [2]), "the lane was given back");
}

/// The first one was handed over and never begun; the second one was read, and began.
#[tokio::test]
async fn what_was_left_behind_a_question_does_not_pass_it_at_the_next_start() {
    let here = Replica::alone().await;
    here.hears_question("cus_1", 1).await;
    assert_eq!(here.turn().await, names("cus_1", [1]));
    Replica::beside(&here.bench).receives("cus_1", 2).await;
    here.bench.clock().advance(Duration::milliseconds(500));
    assert!(here.turn().await.is_empty(), "it waits behind the question");
    here.drain.release().await.unwrap();
    assert!(
        !here.drain.has_questions(),
        "it is not this worker's any more"
    );
    let next = Replica::beside(&here.bench);
    assert_eq!(next.turn().await, names("cus_1", [1, 2]));
}

#[tokio::test]
async fn an_answer_that_comes_after_the_lane_was_taken_over_changes_nothing() {
    let here = Replica::alone().await;
    let elsewhere = Replica::beside(&here.bench);
    let payment = here.bench.pay_page("acme").await;
    let invoice = payment.invoice.unwrap();
    let paid = || ProviderEvent::InvoicePaid(Payload::Missing(invoice.id.clone()));
    here.hears("cus_1", 1, paid()).await;
    here.receives("cus_1", 2).await;
    assert_eq!(here.turn().await, names("cus_1", [1]));
    // Its clock goes before ours, and so it believes that our lease has ended.
    let taken = elsewhere.takes_lanes_at(here.bench.now().plus(LEASE)).await;
    assert_eq!(taken.len(), 1);
    let intents = here.bench.store.intents();
    assert_eq!(here.ask().await, names("cus_1", [1]), "nothing follows it");
    assert_eq!(here.bench.store.intents(), intents);
    assert!(here.drain.lanes.aside.lanes().is_empty(), "nothing waits");
    here.receives("cus_1", 3).await;
    assert!(here.turn().await.is_empty(), "it knows whose the lane is");
    here.bench.store.release_lanes(&taken).await.unwrap();
    here.turn().await;
    here.ask().await;
    assert_ne!(here.bench.store.intents(), intents, "the inbox had it all");
    assert!(
        here.statuses()
            .iter()
            .all(|status| *status != InboxStatus::New)
    );
}

#[tokio::test]
async fn what_is_asked_about_under_a_hold_that_was_lost_is_asked_about_again() {
    let here = Replica::alone().await;
    let elsewhere = Replica::beside(&here.bench);
    here.hears_question("cus_1", 1).await;
    assert_eq!(here.turn().await, names("cus_1", [1]));
    let taken = elsewhere.takes_lanes_at(here.bench.now().plus(LEASE)).await;
    here.bench.store.release_lanes(&taken).await.unwrap();
    // It is time to renew, and so it is found out.
    here.bench.clock().advance(LEASE / 2 + Duration::seconds(1));
    assert_eq!(here.turn().await, names("cus_1", [1]));
    here.ask().await;
    assert_eq!(here.ask().await, names("cus_1", [1]));
    let is_skipped = |status| matches!(status, InboxStatus::Skipped { .. });
    assert!(here.statuses().into_iter().all(is_skipped));
}

#[tokio::test]
async fn more_questions_than_there_is_room_for_are_asked_later() {
    let here = Replica::alone().await;
    let asked = i64::try_from(ASIDE_MAX).unwrap();
    for number in 0..=asked {
        here.hears_question(&format!("cus_{number}"), 1).await;
    }
    let (mut set_aside, mut retried) = (0, 0);
    loop {
        let report = here.drain.turn().await.unwrap();
        if report.claimed() == 0 {
            break;
        }
        set_aside += report.set_aside;
        retried += report.retried;
    }
    assert_eq!((i64::from(set_aside), retried), (asked, 1));
    // What belongs behind one of them finds no room either.
    here.receives("cus_0", 2).await;
    assert_eq!(here.drain.turn().await.unwrap().retried, 1);
    let late = |status: &InboxStatus| matches!(status, InboxStatus::Retrying { error, .. } if error.contains("too many events wait"));
    assert_eq!(
        here.statuses().iter().filter(|status| late(status)).count(),
        2
    );
    while here.drain.has_questions() {
        here.drain.ask().await.unwrap();
    }
    here.bench.clock().advance(Duration::seconds(2));
    while here.drain.run().await.unwrap() != DrainReport::default() {}
    let is_skipped = |status: &InboxStatus| matches!(status, InboxStatus::Skipped { .. });
    assert!(here.statuses().iter().all(is_skipped));
}

#[tokio::test]
async fn what_could_not_be_settled_after_a_question_is_read_again_before_what_follows() {
    let here = Replica::alone().await;
    here.hears_question("cus_1", 1).await;
    here.receives("cus_1", 2).await;
    assert_eq!(here.turn().await, names("cus_1", [1]));
    here.bench.faults.restart();
    // The question is the first call, and the settlement the second one.
    here.bench.faults.fail_nth(2, FaultPoint::BeforeEffect);
    assert!(here.drain.ask().await.is_err());
    assert_eq!(here.diary.decided(), names("cus_1", [1]));
    here.receives("cus_1", 3).await;
    assert_eq!(here.turn().await, names("cus_1", [1]), "it is asked again");
    assert_eq!(here.ask().await, names("cus_1", [1, 2, 3]));
}

#[tokio::test]
async fn every_call_of_the_provider_is_made_beside_the_turn() {
    let bench = Workbench::new().await;
    let payment = bench.pay_page("acme").await;
    let product = bench.world.product.provider_id.clone();
    let (session, invoice) = (payment.session.clone(), payment.invoice.unwrap());
    let customer = invoice.customer.clone();
    let report = payment.subscription.unwrap();
    let subscription = report.facts.provider_id.clone();
    let change = SubscriptionChange::Updated;
    let missing = [
        ProviderEvent::CheckoutCompleted(Payload::Missing(session.id.clone())),
        ProviderEvent::CheckoutExpired(Payload::Missing(session.id)),
        ProviderEvent::InvoicePaid(Payload::Missing(invoice.id.clone())),
        ProviderEvent::InvoicePaymentFailed(Payload::Missing(invoice.id)),
        ProviderEvent::SubscriptionChanged(change, Payload::Missing(subscription)),
        ProviderEvent::CustomerChanged(Payload::Missing(customer.unwrap())),
        ProviderEvent::CatalogueChanged(CatalogueItem::Product, Payload::Missing(product)),
        // Not asked, but told: the first one of its subscription.
        ProviderEvent::SubscriptionChanged(SubscriptionChange::Created, Payload::Read(report)),
    ];
    let here = Replica::beside(&bench);
    let count = u32::try_from(missing.len()).unwrap();
    for (number, event) in missing.into_iter().enumerate() {
        here.hears(&format!("cus_{number}"), 1, event).await;
    }
    bench.faults.restart();
    let report = here.drain.turn().await.unwrap();
    assert_eq!((report.set_aside, report.claimed()), (count, count));
    let asks = [
        "session",
        "invoice",
        "subscription",
        "customer",
        "catalogue_item",
    ];
    let told = "hold_changes_until_paid";
    let has_called = |port: &str| bench.faults.calls().contains(&port);
    assert!(!asks.into_iter().chain([told]).any(has_called));
    while here.drain.has_questions() {
        here.drain.ask().await.unwrap();
    }
    let calls = bench.faults.calls();
    assert!(asks.into_iter().chain([told]).all(has_called), "{calls:?}");
}
