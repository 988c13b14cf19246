//! Subjects that write one row follow each other; none of them has to try over and over.

use super::*;
use crate::kernel::ports::ATTEMPTS_MAX;
use crate::provider_events::event::SubscriptionChange;

#[tokio::test]
async fn more_subjects_than_attempts_write_one_row_in_one_turn_and_in_order() {
    let bench = Workbench::new().await;
    let payment = bench.sell("acme").await;
    let report = payment.subscription.unwrap();
    let first_version = bench.store.subscriptions()[0].version;
    let count = ATTEMPTS_MAX + 4;
    for number in 1..=count {
        bench.clock().advance(Duration::seconds(1));
        let mut report = report.clone();
        report.facts.quantity += number;
        let event =
            ProviderEvent::SubscriptionChanged(SubscriptionChange::Updated, Payload::Read(report));
        let id = format!("evt_{number}");
        let sent = bench
            .webhooks
            .register(&id, "test.event", bench.now(), event);
        // As if each named another customer, and all of them this subscription.
        bench.webhooks.concern(&id, &format!("cus_{number}"));
        bench.receive_sent(sent).await;
    }
    let report_of_turn = bench.drain().await;
    assert_eq!(
        (report_of_turn.applied, report_of_turn.claimed()),
        (count, count),
        "nobody gave up: {report_of_turn:?}"
    );
    let mirror = bench.store.subscriptions().remove(0);
    assert_eq!(mirror.value.facts.quantity, report.facts.quantity + count);
    let mut version = first_version;
    for _ in 0..count {
        version = version.next();
    }
    assert_eq!(mirror.version, version, "each one changed it in its turn");
}
