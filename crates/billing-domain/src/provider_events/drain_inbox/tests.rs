//! What becomes of events that cannot be applied (yet): F.2, F.4, C-003, C-005.

use super::*;
use crate::checkout::intent::{CheckoutIntent, Reservation};
use crate::checkout::ports::{IntentReader, ProviderInvoice};
use crate::kernel::change_set::ChangeSet;
use crate::kernel::id::{IntentId, UserId};
use crate::kernel::ports::{BillingWriter, StoreError};
use crate::kernel::stored::Stored;
use crate::kernel::text::ProviderRef;
use crate::provider_events::event::{Payload, ProviderEvent};
use crate::provider_events::lane::LaneShare;
use crate::provider_events::ports::{EventInbox, MockEventInbox};
use crate::testing::fake_provider::Failure;
use crate::testing::faults::FaultPoint;
use crate::testing::memory_store::InboxStatus;
use crate::testing::{MemoryStore, Workbench};

mod abandoned;
mod aside;
mod delivered_again;
mod order;
mod rows;
mod takeover;

/// A payment whose invoice must be read from the provider.
async fn with_thin_event() -> Workbench {
    let bench = Workbench::new().await;
    let payment = bench.pay_page("acme").await;
    let thin = Payload::Missing(payment.invoice.unwrap().id);
    bench
        .receive("evt_1", ProviderEvent::InvoicePaid(thin))
        .await;
    bench
}

fn retry_time(bench: &Workbench) -> Timestamp {
    let status = bench.last_status();
    let InboxStatus::Retrying { at, error: _ } = status else {
        panic!("it is to be tried again: {status:?}");
    };
    at
}

fn unreachable(bench: &Workbench) {
    bench.provider.fail_next(Failure::UnreachableBeforeEffect);
}

#[tokio::test]
async fn f_2_a_failure_that_may_pass_is_tried_again_later_and_later() {
    let bench = with_thin_event().await;
    let mut waits = Vec::new();
    for _ in 0..12 {
        unreachable(&bench);
        assert_eq!(bench.drain().await.retried, 1);
        let at = retry_time(&bench);
        waits.push(at.since(bench.now()));
        assert_eq!(
            bench.drain().await,
            DrainReport::default(),
            "not before its time"
        );
        bench.clock().set(at);
    }
    assert!(waits[0] <= Duration::seconds(2), "the first is quick");
    assert!(waits.is_sorted(), "{waits:?}");
    let hour_and_spread = Duration::minutes(75);
    assert!(
        waits.iter().all(|wait| *wait <= hour_and_spread),
        "{waits:?}"
    );
    assert_eq!(bench.drain().await.applied, 1);
    assert_eq!(bench.intent().state().name(), "paid");
}

#[tokio::test]
async fn f_2_what_still_fails_after_three_days_is_parked_and_not_dropped() {
    let bench = with_thin_event().await;
    bench.clock().advance(RETRIED_FOR + Duration::seconds(1));
    for _ in 0..FAST_ATTEMPTS {
        unreachable(&bench);
        let report = bench.drain().await;
        assert_eq!(
            report.retried, 1,
            "an old event has its fast attempts as well"
        );
        bench.clock().set(retry_time(&bench));
    }
    unreachable(&bench);
    assert_eq!(bench.drain().await.parked, 1);
    let status = bench.last_status();
    assert!(
        matches!(&status, InboxStatus::Parked { reason } if reason.contains("injected")),
        "{status:?}"
    );
    bench.clock().advance(Duration::days(1));
    assert_eq!(bench.drain().await, DrainReport::default());
}

#[tokio::test]
async fn f_2_a_rejected_call_is_parked_without_another_attempt() {
    let bench = with_thin_event().await;
    let code = "resource_missing".to_owned();
    bench.provider.fail_next(Failure::Rejected { code });
    assert_eq!(bench.drain().await.parked, 1);
}

#[tokio::test]
async fn f_2_an_event_outlasts_a_key_that_is_refused_or_missing() {
    let expired = || Failure::Unauthorized {
        code: "api_key_expired".to_owned(),
    };
    let bench = with_thin_event().await;
    for failure in [expired(), Failure::NotConfigured, expired()] {
        bench.provider.fail_next(failure);
        assert_eq!(bench.drain().await.retried, 1);
        bench.clock().set(retry_time(&bench));
    }
    assert_eq!(bench.drain().await.applied, 1);
    assert_eq!(bench.intent().state().name(), "paid");

    let bench = with_thin_event().await;
    bench.clock().advance(RETRIED_FOR + Duration::seconds(1));
    for _ in 0..FAST_ATTEMPTS {
        bench.provider.fail_next(expired());
        assert_eq!(bench.drain().await.retried, 1);
        bench.clock().set(retry_time(&bench));
    }
    bench.provider.fail_next(expired());
    assert_eq!(
        bench.drain().await.parked,
        1,
        "an operator hears of it in time"
    );
}

#[tokio::test]
async fn f_2_an_event_without_an_effect_is_skipped() {
    let bench = Workbench::new().await;
    bench.receive("evt_1", ProviderEvent::Irrelevant).await;
    let report = bench.drain().await;
    assert_eq!((report.skipped, report.claimed()), (1, 1));
}

#[tokio::test]
async fn f_2_one_event_that_fails_does_not_hold_up_the_others() {
    let bench = with_thin_event().await;
    bench.receive("evt_2", ProviderEvent::Irrelevant).await;
    unreachable(&bench);
    let report = bench.drain().await;
    assert_eq!((report.retried, report.skipped), (1, 1));
}

#[tokio::test]
async fn c_005_with_billing_off_events_are_deferred_and_applied_when_it_is_on_again() {
    let mut bench = with_thin_event().await;
    bench.billing_enabled = false;
    assert_eq!(bench.drain().await.deferred, 1);
    assert_eq!(bench.last_status(), InboxStatus::Deferred);
    assert_eq!(
        bench.drain().await,
        DrainReport::default(),
        "C-003: nothing is taken up"
    );
    assert_eq!(bench.intent().state().name(), "created");
    bench.billing_enabled = true;
    assert_eq!(bench.drain().await.applied, 1);
    assert_eq!(bench.intent().state().name(), "paid");
}

#[tokio::test]
async fn c_005_events_that_were_deferred_for_long_keep_their_attempts() {
    let mut bench = with_thin_event().await;
    bench.billing_enabled = false;
    bench.drain().await;
    bench.clock().advance(RETRIED_FOR + Duration::days(1));
    bench.billing_enabled = true;
    assert_eq!(bench.drain().await.applied, 1);
}

#[tokio::test]
async fn f_2_a_store_that_is_down_leaves_the_events_where_they_are() {
    let bench = with_thin_event().await;
    let mut inbox = MockEventInbox::new();
    inbox.expect_release_deferred().returning(|_| Ok(0));
    inbox
        .expect_take_lanes()
        .returning(|_, _, _, _, _| Err(StoreError::Unavailable("no connection".into())));
    let drain = DrainInbox {
        inbox: Arc::new(inbox),
        ..bench.drain_inbox()
    };
    assert!(matches!(
        drain.run().await,
        Err(StoreFailure::Unavailable(_))
    ));
    assert_eq!(bench.drain().await.applied, 1);
}

/// A worker that has taken every lane and read what is due, and does nothing more.
async fn slow_worker(bench: &Workbench) -> Vec<ClaimedEvent> {
    let (now, until) = (bench.now(), bench.now().plus(LEASE));
    let held = bench
        .store
        .take_lanes("slow", LaneShare::WHOLE, now, until, 64)
        .await
        .unwrap();
    let due = bench.store.due_events(&held, &[], now, 64).await.unwrap();
    let attempts: Vec<_> = due.iter().map(|event| (event.id, event.hold)).collect();
    let begun = bench.store.begin_attempts(&attempts, until).await;
    assert_eq!(begun.unwrap().len(), due.len());
    due
}

#[tokio::test]
async fn f_2_an_event_whose_worker_died_is_taken_up_when_its_lease_ends() {
    let bench = with_thin_event().await;
    assert_eq!(slow_worker(&bench).await.len(), 1);
    assert_eq!(bench.drain().await, DrainReport::default());
    bench.clock().advance(LEASE);
    assert_eq!(bench.drain().await.applied, 1);
}

#[tokio::test]
async fn a_065_a_worker_that_wakes_after_its_lease_changes_nothing() {
    let bench = with_thin_event().await;
    let claimed = slow_worker(&bench).await;
    // It was so slow that another one has taken its lanes over and is done with them.
    bench.clock().advance(LEASE);
    assert_eq!(bench.drain().await.applied, 1);
    let intents = bench.store.intents();
    let mut report = DrainReport::default();
    let late = bench.drain_inbox();
    let lines = late.lines_of(claimed, &mut report).await.unwrap();
    late.apply_in_waves(lines, Asking::AtOnce, &mut report)
        .await
        .unwrap();
    assert_eq!(report.applied, 0, "A-065");
    assert_eq!(bench.store.intents(), intents);
}

#[tokio::test]
async fn a_070_an_event_of_an_unknown_sale_is_parked_after_three_days() {
    let bench = Workbench::new().await;
    let invoice = ProviderInvoice {
        id: crate::testing::fixtures::provider_ref("in_1"),
        customer: None,
        subscription: None,
        intent_id: Some(bench.world.id()),
        is_paid: true,
    };
    let event = ProviderEvent::InvoicePaid(Payload::Read(invoice));
    bench.receive("evt_1", event).await;
    for _ in 0..FAST_ATTEMPTS {
        assert_eq!(bench.drain().await.retried, 1);
        assert_eq!(retry_time(&bench), bench.now().plus(WAITING_LOOK));
        bench.clock().set(retry_time(&bench));
    }
    bench.clock().advance(RETRIED_FOR + Duration::seconds(1));
    assert_eq!(bench.drain().await.parked, 1);
}

#[tokio::test]
async fn a_063_an_event_that_came_before_its_sale_is_woken_by_the_sale() {
    let bench = Workbench::new().await;
    let (intent, created) = bench.world.intent(bench.world.user.id, "acme");
    let invoice = |id: &str| ProviderInvoice {
        id: crate::testing::fixtures::provider_ref(id),
        customer: None,
        subscription: None,
        intent_id: Some(intent.id()),
        is_paid: true,
    };
    for id in ["in_1", "in_2"] {
        let event = ProviderEvent::InvoicePaid(Payload::Read(invoice(id)));
        bench.receive(id, event).await;
    }
    assert_eq!(bench.drain().await.retried, 2);
    assert_eq!(bench.drain().await.claimed(), 0, "nobody tries in between");
    let sale = bench.world.changes().insert_intent(intent.clone(), created);
    bench.store.commit(sale).await.unwrap();
    assert_eq!(bench.drain().await.applied, 2, "without any time passing");
    assert_eq!(bench.intent().state().name(), "paid");
}

/// Knows no sale at the first question; the sale is committed right after it.
struct LateSale {
    store: MemoryStore,
    sale: std::sync::Mutex<Option<ChangeSet>>,
}

#[async_trait::async_trait]
impl IntentReader for LateSale {
    async fn intent(&self, id: IntentId) -> Result<Option<Stored<CheckoutIntent>>, StoreError> {
        let found = self.store.intent(id).await;
        let sale = self.sale.lock().unwrap().take();
        if let Some(sale) = sale {
            self.store.commit(sale).await.unwrap();
        }
        found
    }

    async fn unfulfilled_intent_of(
        &self,
        user: UserId,
    ) -> Result<Option<Stored<CheckoutIntent>>, StoreError> {
        self.store.unfulfilled_intent_of(user).await
    }

    async fn intent_by_provider_ref(
        &self,
        reference: &ProviderRef,
    ) -> Result<Option<Stored<CheckoutIntent>>, StoreError> {
        self.store.intent_by_provider_ref(reference).await
    }

    async fn reservation_holder(
        &self,
        reservation: &Reservation,
        user: UserId,
    ) -> Result<Option<Stored<CheckoutIntent>>, StoreError> {
        self.store.reservation_holder(reservation, user).await
    }
}

#[tokio::test]
async fn a_063_a_sale_that_is_stored_while_its_event_is_put_aside_is_not_missed() {
    let bench = Workbench::new().await;
    let (intent, created) = bench.world.intent(bench.world.user.id, "acme");
    let invoice = ProviderInvoice {
        id: crate::testing::fixtures::provider_ref("in_1"),
        customer: None,
        subscription: None,
        intent_id: Some(intent.id()),
        is_paid: true,
    };
    let event = ProviderEvent::InvoicePaid(Payload::Read(invoice));
    bench.receive("evt_1", event).await;
    let sale = bench.world.changes().insert_intent(intent, created);
    let late = LateSale {
        store: bench.store.clone(),
        sale: std::sync::Mutex::new(Some(sale)),
    };
    let mut drain = bench.drain_inbox();
    let mut apply = Arc::into_inner(drain.apply).unwrap();
    apply.intents = Arc::new(late);
    drain.apply = Arc::new(apply);
    assert_eq!(drain.run().await.unwrap().retried, 1);
    assert_eq!(drain.run().await.unwrap().applied, 1);
    assert_eq!(bench.intent().state().name(), "paid");
}

#[tokio::test]
async fn f_2_an_answer_that_is_lost_anywhere_pays_once_all_the_same() {
    let bench = with_thin_event().await;
    bench.faults.restart();
    bench.drain().await;
    let calls = bench.faults.call_count();
    assert!(calls > 3);
    for point in [FaultPoint::BeforeEffect, FaultPoint::AfterEffect] {
        for n in 1..=calls {
            let bench = with_thin_event().await;
            bench.faults.fail_nth(n, point);
            // Whether this turn succeeds depends on which call it was.
            let _ = bench.drain_inbox().run().await;
            bench.faults.restart();
            bench.clock().advance(LEASE);
            bench.drain().await;
            assert_eq!(bench.intent().state().name(), "paid", "call {n} {point:?}");
            assert_eq!(bench.store.workflows().len(), 1, "call {n} {point:?}");
            assert_eq!(
                bench.last_status(),
                InboxStatus::Applied,
                "call {n} {point:?}"
            );
        }
    }
}
