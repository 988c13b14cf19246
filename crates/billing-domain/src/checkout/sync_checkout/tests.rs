//! The return page knows what the webhook will say.

use time::Duration;

use super::*;
use crate::testing::Workbench;
use crate::testing::fixtures::provider_ref;

type Synced = Result<CheckoutIntent, SyncCheckoutError>;

async fn sync(bench: &Workbench, page: &ProviderRef) -> Synced {
    let cause = Cause::Job("return_page");
    bench.sync_checkout().run(page, &cause).await
}

#[tokio::test]
async fn a_009_a_payment_that_no_event_has_told_yet_is_seen_on_return() {
    let bench = Workbench::new().await;
    let payment = bench.pay_page("acme").await;
    let intent = sync(&bench, &payment.session.id).await.unwrap();
    assert_eq!(intent.state().name(), "paid");
    assert_eq!(bench.store.workflows().len(), 1);
    // The webhook comes afterwards and finds everything done.
    let invoice = crate::provider_events::event::Payload::Read(payment.invoice.unwrap());
    let told = crate::provider_events::event::ProviderEvent::InvoicePaid(invoice);
    bench.receive("evt_1", told).await;
    assert_eq!(bench.drain().await.applied, 1);
    assert_eq!(bench.store.workflows().len(), 1);
}

#[tokio::test]
async fn an_open_page_changes_nothing_and_one_that_ran_out_is_closed() {
    let bench = Workbench::new().await;
    let page = bench.open_page("acme").await;
    let before = bench.intent();
    assert_eq!(sync(&bench, &page).await.unwrap(), before);
    bench.provider.time_out(&page);
    let closed = sync(&bench, &page).await.unwrap();
    assert_eq!(closed.checkout().name(), "closed");
    assert_eq!(closed.state().name(), "created");
}

#[tokio::test]
async fn a_038_a_late_payment_that_lost_its_slug_is_kept_for_the_back_office() {
    let bench = Workbench::new().await;
    let page = bench.open_page("acme").await;
    let late = bench.intent().id();
    bench.clock().advance(Duration::hours(24));
    bench.sweep_intents().run().await.unwrap();
    let eve = bench.world.seed_user(&bench.store, "eve").await;
    let (taken, event) = bench.world.intent(eve.id, "acme");
    let changes = bench.world.changes().insert_intent(taken, event);
    bench.core().writer.commit(changes).await.unwrap();
    bench.provider.pay(&page).unwrap();
    let intent = sync(&bench, &page).await.unwrap();
    assert_eq!(intent.id(), late);
    assert_eq!(intent.state().name(), "errored_backoffice");
    assert_eq!(intent.parts().reservation, None);
    assert!(bench.store.workflows().is_empty());
}

#[tokio::test]
async fn a_page_that_nobody_knows_is_not_found() {
    let bench = Workbench::new().await;
    let unknown = sync(&bench, &provider_ref("cs_unknown")).await;
    assert!(matches!(unknown, Err(SyncCheckoutError::NotFound)));
}
