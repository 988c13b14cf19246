//! What happens to intents that nobody moves (A-140, A-141, and requests left open by a crash).

use super::*;
use crate::checkout::intent::{Checkout, CheckoutRequest, IntentState, Quantity};
use crate::checkout::start_checkout::StartCheckoutRequest;
use crate::kernel::request::Request;
use crate::testing::Workbench;
use crate::testing::fake_provider::Failure;
use crate::testing::fixtures::links;

async fn store_intent(bench: &Workbench, commands: Vec<IntentCommand>) -> IntentId {
    let (intent, event) = bench.world.intent(bench.world.user.id, "acme");
    let intent = bench.world.after(&intent, commands);
    let id = intent.id();
    let changes = bench.world.changes().insert_intent(intent, event);
    bench.writer.commit(changes).await.unwrap();
    id
}

fn paid() -> IntentCommand {
    IntentCommand::MarkPaid {
        links: links("acme", Some("sub")),
    }
}

#[tokio::test]
async fn a_140_an_intent_expires_when_its_time_has_come_and_not_before() {
    let bench = Workbench::new().await;
    store_intent(&bench, vec![]).await;
    bench
        .clock()
        .advance(Duration::hours(24) - Duration::seconds(1));
    assert_eq!(bench.sweep_intents().run().await.unwrap().expired, 0);
    let now = bench.clock().advance(Duration::seconds(1));
    assert_eq!(bench.sweep_intents().run().await.unwrap().expired, 1);
    assert_eq!(
        *bench.intent().state(),
        IntentState::Expired { expired_at: now }
    );
    assert_eq!(
        bench.sweep_intents().run().await.unwrap(),
        SweepReport::default()
    );
}

#[tokio::test]
async fn a_141_a_payment_is_stalled_after_three_minutes_without_fulfilment() {
    let bench = Workbench::new().await;
    store_intent(&bench, vec![paid()]).await;
    bench.clock().advance(Duration::seconds(180));
    assert_eq!(bench.sweep_intents().run().await.unwrap().stalled, 0);
    bench.clock().advance(Duration::seconds(1));
    assert_eq!(bench.sweep_intents().run().await.unwrap().stalled, 1);
    let intent = bench.intent();
    assert_eq!(intent.state().name(), "errored_fulfillment_stalled");
    let message = intent.parts().last_provisioning_error.clone();
    assert!(message.unwrap().contains("180 seconds"));
}

#[tokio::test]
async fn a_037_a_fulfilled_intent_is_never_swept() {
    let bench = Workbench::new().await;
    store_intent(&bench, vec![paid(), IntentCommand::MarkFulfilled]).await;
    bench.clock().advance(Duration::days(30));
    assert_eq!(
        bench.sweep_intents().run().await.unwrap(),
        SweepReport::default()
    );
    assert_eq!(bench.intent().state().name(), "fulfilled");
}

#[tokio::test]
async fn a_payment_that_arrives_while_the_sweeper_looks_wins() {
    let bench = Workbench::new().await;
    store_intent(&bench, vec![]).await;
    bench.clock().advance(Duration::hours(24));
    let stored = bench.store.intents()[0].clone();
    let transition = stored.value.apply(paid(), bench.now()).unwrap();
    let rival = bench.world.changes().change_intent(&stored, transition);
    let report = bench.with_rivals(vec![rival]).sweep_intents().run().await;
    assert_eq!(report.unwrap(), SweepReport::default());
    assert_eq!(bench.intent().state().name(), "paid");
}

#[tokio::test]
async fn a_request_that_a_crash_left_open_is_resumed_with_the_same_key() {
    let bench = Workbench::new().await;
    bench.open_page("acme").await;
    let first = bench.provider.sessions();
    // The request for another quantity is stored, and then the program is gone.
    let quantity = Quantity::parse(20).unwrap();
    let wanted = StartCheckoutRequest {
        quantity,
        ..bench.wish("acme")
    };
    let asked = bench.intent().checkout().request().unwrap().clone();
    let command = IntentCommand::RequestCheckout {
        request: CheckoutRequest { quantity, ..asked },
    };
    bench.provider.time_out(&first[0].id);
    let stored = bench.store.intents()[0].clone();
    let transition = stored.value.apply(command, bench.now()).unwrap();
    let changes = bench.world.changes().change_intent(&stored, transition);
    bench.writer.commit(changes).await.unwrap();
    let key = bench.intent().provider_key();

    bench.clock().advance(REQUEST_RESUMED_AFTER);
    assert_eq!(bench.sweep_intents().run().await.unwrap().resumed, 0);
    bench.clock().advance(Duration::seconds(1));
    bench.provider.fail_next(Failure::AnswerLost);
    let report = bench.sweep_intents().run().await.unwrap();
    assert_eq!((report.resumed, report.failed), (0, 1));
    let report = bench.sweep_intents().run().await.unwrap();
    assert_eq!((report.resumed, report.failed), (1, 0));

    assert_eq!(
        bench.provider.sessions().len(),
        2,
        "one page for two attempts"
    );
    let intent = bench.intent();
    assert!(matches!(intent.checkout(), Checkout::Opened { .. }));
    let page = intent.parts().links.session.clone().unwrap();
    let order = bench.provider.order_of(&page).unwrap();
    assert_eq!(order.idempotency_key, key);
    // Whoever asks for the same gets the page that the sweeper opened.
    let buyer = bench.buyer();
    let request = Request::new(&buyer);
    let started = bench.start_checkout().run(&request, &wanted).await;
    assert_eq!(started.unwrap().parts().links.session, Some(page));
}

#[tokio::test]
async fn one_intent_that_cannot_be_moved_does_not_hold_up_the_others() {
    let bench = Workbench::new().await;
    let request = bench.world.checkout_request();
    let open = IntentCommand::RequestCheckout { request };
    store_intent(&bench, vec![open]).await;
    let eve = bench.world.seed_user(&bench.store, "eve").await;
    let (other, event) = bench.world.intent(eve.id, "other");
    let other = bench.world.after(&other, vec![paid()]);
    let id = other.id();
    let changes = bench.world.changes().insert_intent(other, event);
    bench.writer.commit(changes).await.unwrap();
    bench.clock().advance(Duration::minutes(10));
    bench.provider.fail_next(Failure::UnreachableBeforeEffect);
    let report = bench.sweep_intents().run().await.unwrap();
    assert_eq!((report.failed, report.stalled), (1, 1));
    assert_eq!(
        bench.intent_with(id).state().name(),
        "errored_fulfillment_stalled"
    );
}
