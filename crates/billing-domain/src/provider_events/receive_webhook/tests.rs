//! A delivery is acknowledged if, and only if, it is durable (F.2, F.5, A-065).

use super::*;
use crate::kernel::ports::StoreError;
use crate::provider_events::event::ProviderEvent;
use crate::provider_events::ports::MockEventInbox;
use crate::testing::Workbench;

fn delivery(bench: &Workbench) -> Vec<u8> {
    let event = ProviderEvent::Irrelevant;
    let sent = bench
        .webhooks
        .register("evt_1", "invoice.paid", bench.now(), event);
    sent.payload
}

#[tokio::test]
async fn a_065_a_repeated_delivery_is_acknowledged_and_stored_once() {
    let bench = Workbench::new().await;
    let payload = delivery(&bench);
    let receive = bench.receive_webhook();
    let mut receipts = Vec::new();
    for _ in 0..3 {
        let received = receive
            .run(payload.clone(), Some("right"), Delivery::default(), None)
            .await;
        receipts.push(received.unwrap());
    }
    let once = [Receipt::Recorded, Receipt::Duplicate, Receipt::Duplicate];
    assert_eq!(receipts, once);
    assert_eq!(bench.store.event_statuses().len(), 1);
}

#[tokio::test]
async fn f_2_nothing_is_stored_of_a_delivery_with_a_wrong_signature() {
    let bench = Workbench::new().await;
    let payload = delivery(&bench);
    for signature in [None, Some("wrong")] {
        let refused = bench
            .receive_webhook()
            .run(payload.clone(), signature, Delivery::default(), None)
            .await;
        assert!(matches!(refused, Err(ReceiveWebhookError::Refused(_))));
    }
    assert!(bench.store.event_statuses().is_empty());
}

#[tokio::test]
async fn f_2_a_delivery_that_is_not_durable_is_not_acknowledged() {
    let bench = Workbench::new().await;
    let payload = delivery(&bench);
    let mut inbox = MockEventInbox::new();
    inbox
        .expect_record()
        .returning(|_| Err(StoreError::Unavailable("no connection".into())));
    let receive = ReceiveWebhook {
        inbox: Arc::new(inbox),
        ..bench.receive_webhook()
    };
    let refused = receive
        .run(payload, Some("right"), Delivery::default(), None)
        .await;
    assert!(matches!(
        refused,
        Err(ReceiveWebhookError::Store(StoreFailure::Unavailable(_)))
    ));
}
