//! What is stored and not applied is not done, whatever is delivered again.

use super::*;
use crate::provider_events::delivery::Delivery;
use crate::provider_events::handoff::Handoff;
use crate::provider_events::ports::Receipt;

/// The same bytes once more.
async fn deliver_again(bench: &Workbench) -> Receipt {
    let receive = bench.receive_webhook();
    let again = receive
        .run(b"evt_1".to_vec(), Some("right"), Delivery::default(), None)
        .await;
    again.unwrap()
}

#[tokio::test]
async fn d_091_e_077_what_is_stored_and_not_applied_is_applied_after_a_second_delivery_and_stored_once()
 {
    // Whoever stored it died before it was tried, while it was tried, or could not apply it.
    for has_died in ["before", "while", "failed"] {
        let mut bench = with_thin_event().await;
        match has_died {
            "before" => {}
            "while" => {
                assert_eq!(slow_worker(&bench).await.len(), 1);
                bench.clock().advance(LEASE);
            }
            _ => {
                unreachable(&bench);
                assert_eq!(bench.drain().await.retried, 1);
                bench.clock().set(retry_time(&bench));
            }
        }
        bench.handoff = Arc::new(Handoff::new(1));
        assert_eq!(deliver_again(&bench).await, Receipt::Duplicate);
        assert_eq!(bench.drain().await.applied, 1, "{has_died}");
        assert_eq!(bench.intent().state().name(), "paid", "{has_died}");
        assert_eq!(bench.store.workflows().len(), 1, "{has_died}");
        assert_eq!(deliver_again(&bench).await, Receipt::Duplicate);
        assert_eq!(bench.drain().await, DrainReport::default(), "{has_died}");
        assert_eq!(bench.store.event_statuses(), [InboxStatus::Applied]);
    }
}
