//! What a subscription's events change: the mirror, the number of licences, the end (A-071…A-074,
//!

use time::Duration;

use super::{invoice_of, paid, told};
use crate::checkout::ports::ProviderInvoice;
use crate::kernel::change_set::CommitError;
use crate::kernel::ports::BillingWriter;
use crate::kernel::request::Request;
use crate::kernel::text::FeatureCode;
use crate::provider_events::apply_provider_event::Decision;
use crate::provider_events::event::{Payload, ProviderEvent, SubscriptionChange};

use crate::subscriptions::subscription::{
    SubscriptionFacts, SubscriptionReport, SubscriptionStatus,
};
use crate::testing::Workbench;
use crate::testing::fake_provider::{Failure, FakePayment};
use crate::testing::fixtures::email;
use crate::testing::inbox_steps::begin_due;
use crate::testing::memory_store::InboxStatus;

use SubscriptionChange::{Created, Deleted, Paused, Resumed, TrialWillEnd, Updated};

fn report_of(payment: &FakePayment) -> SubscriptionReport {
    payment.subscription.clone().expect("the price recurs")
}

fn with(payment: &FakePayment, change: impl FnOnce(&mut SubscriptionFacts)) -> SubscriptionReport {
    let mut report = report_of(payment);
    change(&mut report.facts);
    report
}

fn grown(payment: &FakePayment, quantity: u32) -> SubscriptionReport {
    with(payment, |facts| facts.quantity = quantity)
}

fn canceled(payment: &FakePayment) -> SubscriptionReport {
    with(payment, |facts| facts.status = SubscriptionStatus::Canceled)
}

fn changed(change: SubscriptionChange, report: SubscriptionReport) -> ProviderEvent {
    ProviderEvent::SubscriptionChanged(change, Payload::Read(report))
}

fn mirror(bench: &Workbench) -> SubscriptionFacts {
    let mirrors = bench.store.subscriptions();
    assert_eq!(mirrors.len(), 1);
    mirrors[0].value.facts.clone()
}

/// Gives a licence of the only plan to the buyer, who uses it.
async fn activate(bench: &Workbench) {
    let plan = bench.store.plans()[0].value.id;
    let buyer = bench.buyer();
    let assigned = bench
        .assign_licenses()
        .run(
            &Request::new(&buyer),
            plan,
            &[email("ada@example.com")].into(),
        )
        .await
        .unwrap();
    let key = &assigned.assigned[0].activation_key;
    let (activate, request) = (bench.activate_license(), Request::new(&buyer));
    activate.run(&request, key).await.unwrap();
}

#[tokio::test]
async fn a_071_the_provider_is_told_to_hold_changes_until_they_are_paid() {
    let bench = Workbench::new().await;
    let payment = bench.pay_page("acme").await;
    told(&bench, "evt_1", changed(Created, report_of(&payment))).await;
    let subscription = report_of(&payment).facts.provider_id;
    assert_eq!(bench.provider.held_subscriptions(), [subscription]);
}

#[tokio::test]
async fn a_071_a_failure_to_hold_changes_is_not_fatal() {
    let bench = Workbench::new().await;
    let payment = bench.pay_page("acme").await;
    bench.provider.fail_next(Failure::UnreachableBeforeEffect);
    let status = told(&bench, "evt_1", changed(Created, report_of(&payment))).await;
    assert_eq!(status, InboxStatus::Applied);
    assert_eq!(mirror(&bench), report_of(&payment).facts);
    assert!(bench.provider.held_subscriptions().is_empty());
}

#[tokio::test]
async fn a_071_changes_are_held_whichever_event_is_the_first_to_arrive() {
    let bench = Workbench::new().await;
    let payment = bench.pay_page("acme").await;
    let made = bench.now();
    bench.clock().advance(Duration::seconds(5));
    told(&bench, "evt_2", changed(Updated, report_of(&payment))).await;
    let first = changed(Created, report_of(&payment));
    bench.receive_from("evt_1", first, made).await;
    bench.drain().await;
    assert_eq!(bench.provider.held_subscriptions().len(), 1);
}

#[tokio::test]
async fn a_073_an_older_event_changes_nothing() {
    let bench = Workbench::new().await;
    let payment = bench.sell("acme").await;
    let made = bench.now();
    bench.clock().advance(Duration::hours(1));
    let past_due = with(&payment, |facts| facts.status = SubscriptionStatus::PastDue);
    told(&bench, "evt_new", changed(Updated, past_due)).await;
    let before = bench.store.subscriptions();
    let old = changed(Updated, report_of(&payment));
    bench
        .receive_from("evt_old", old, made.plus(Duration::minutes(30)))
        .await;
    bench.drain().await;
    assert_eq!(bench.last_status(), InboxStatus::Applied);
    assert_eq!(bench.store.subscriptions(), before);
    assert_eq!(bench.store.licenses().len(), 10);
}

#[tokio::test]
async fn a_073_of_two_events_of_one_second_the_provider_tells_which_is_true() {
    let bench = Workbench::new().await;
    let payment = bench.sell("acme").await;
    bench.clock().advance(Duration::hours(1));
    let now_true = with(&payment, |facts| facts.status = SubscriptionStatus::PastDue);
    bench.provider.put_subscription(now_true.clone());
    told(&bench, "evt_a", changed(Updated, now_true.clone())).await;
    // Made before it within the same second, delivered after it.
    told(&bench, "evt_b", changed(Updated, report_of(&payment))).await;
    assert_eq!(mirror(&bench), now_true.facts);
}

#[tokio::test]
async fn a_073_an_event_of_the_same_second_waits_for_a_provider_that_is_away() {
    let bench = Workbench::new().await;
    let payment = bench.sell("acme").await;
    let before = bench.store.subscriptions();
    bench.provider.fail_next(Failure::UnreachableBeforeEffect);
    let status = told(&bench, "evt_b", changed(Updated, grown(&payment, 20))).await;
    assert!(matches!(status, InboxStatus::Retrying { .. }), "{status:?}");
    assert_eq!(bench.store.subscriptions(), before);
}

#[tokio::test]
async fn a_073_nothing_revives_a_subscription_that_is_over() {
    let bench = Workbench::new().await;
    let payment = bench.sell("acme").await;
    bench.clock().advance(Duration::hours(1));
    told(&bench, "evt_end", changed(Deleted, canceled(&payment))).await;
    bench.clock().advance(Duration::hours(1));
    told(&bench, "evt_up", changed(Updated, report_of(&payment))).await;
    assert_eq!(mirror(&bench).status, SubscriptionStatus::Canceled);
    assert_eq!(bench.store.licenses().len(), 10);
}

#[tokio::test]
async fn a_074_plan_and_entitlements_end_when_the_paid_period_ends() {
    let bench = Workbench::new().await;
    let payment = bench.sell("acme").await;
    activate(&bench).await;
    let period_end = bench.now().plus(Duration::days(30));
    bench.clock().advance(Duration::days(1));
    let ended = with(&payment, |facts| {
        facts.status = SubscriptionStatus::Canceled;
        facts.period_end = Some(period_end);
    });
    told(&bench, "evt_end", changed(Deleted, ended)).await;
    assert_eq!(bench.store.plans()[0].value.ends_at, period_end);
    let entitlements = bench.store.entitlements();
    let codes: Vec<&FeatureCode> = entitlements.iter().map(|e| &e.value.feature_code).collect();
    assert_eq!(
        codes,
        bench.world.product.feature_codes.iter().collect::<Vec<_>>()
    );
    for row in &entitlements {
        assert!(
            row.value.is_effective_at(bench.now()),
            "paid for until the period ends"
        );
        assert_eq!(row.value.valid_to, Some(period_end));
    }
}

#[tokio::test]
async fn a_074_an_end_that_is_heard_of_before_provisioning_bounds_the_plan() {
    let bench = Workbench::new().await;
    let payment = bench.buy("acme").await;
    let period_end = bench.now().plus(Duration::days(30));
    bench.clock().advance(Duration::hours(1));
    let ended = with(&payment, |facts| {
        facts.status = SubscriptionStatus::Canceled;
        facts.period_end = Some(period_end);
    });
    told(&bench, "evt_end", changed(Deleted, ended)).await;
    bench.run_provisioning().run_due().await.unwrap();
    assert_eq!(bench.intent().state().name(), "fulfilled");
    assert_eq!(bench.store.plans()[0].value.ends_at, period_end);
    activate(&bench).await;
    let end = bench.store.entitlements()[0].value.valid_to;
    assert_eq!(end, Some(period_end));
}

#[tokio::test]
async fn a_074_an_end_that_overtakes_every_other_event_still_ends_the_plan() {
    let bench = Workbench::new().await;
    let payment = bench.pay_page("acme").await;
    let made = bench.now();
    bench.clock().advance(Duration::hours(1));
    let period_end = bench.now().plus(Duration::days(30));
    let ended = with(&payment, |facts| {
        facts.status = SubscriptionStatus::Canceled;
        facts.period_end = Some(period_end);
    });
    told(&bench, "evt_3", changed(Deleted, ended)).await;
    let created = changed(Created, report_of(&payment));
    bench.receive_from("evt_2", created, made).await;
    let invoice = paid(invoice_of(&payment));
    bench.receive_from("evt_1", invoice, made).await;
    bench.drain().await;
    bench.run_provisioning().run_due().await.unwrap();
    assert_eq!(mirror(&bench).status, SubscriptionStatus::Canceled);
    assert_eq!(bench.store.plans()[0].value.ends_at, period_end);
}

/// The status that stands in the row after an event of this kind.
async fn status_after(
    bench: &Workbench,
    payment: &FakePayment,
    change: SubscriptionChange,
    status: SubscriptionStatus,
) -> SubscriptionStatus {
    bench.clock().advance(Duration::hours(1));
    let report = with(payment, |facts| facts.status = status);
    let name = format!("evt_{change:?}");
    let applied = told(bench, &name, changed(change, report)).await;
    assert_eq!(applied, InboxStatus::Applied);
    let observed = bench.store.subscriptions()[0].value.observed_at;
    assert_eq!(observed, bench.now());
    mirror(bench).status
}

#[tokio::test]
async fn d_090_a_subscription_that_is_paused_is_mirrored_as_paused_until_it_is_resumed() {
    let bench = Workbench::new().await;
    let payment = bench.sell("acme").await;
    told(&bench, "evt_1", changed(Created, report_of(&payment))).await;
    let (plan, licenses) = (bench.store.plans(), bench.store.licenses());
    let paused = status_after(&bench, &payment, Paused, SubscriptionStatus::Paused).await;
    assert_eq!(paused, SubscriptionStatus::Paused);
    let resumed = status_after(&bench, &payment, Resumed, SubscriptionStatus::Active).await;
    assert_eq!(resumed, SubscriptionStatus::Active);
    assert_eq!(
        (bench.store.plans(), bench.store.licenses()),
        (plan, licenses),
        "a pause takes nothing away"
    );
}

#[tokio::test]
async fn d_090_a_trial_that_will_end_has_its_end_in_the_mirror() {
    let mut bench = Workbench::new().await;
    bench.policy.trial_days = 14;
    let payment = bench.sell("acme").await;
    let sooner = bench.now().plus(Duration::days(3));
    bench.clock().advance(Duration::hours(1));
    let ending = with(&payment, |facts| facts.trial_end = Some(sooner));
    let status = told(&bench, "evt_1", changed(TrialWillEnd, ending)).await;
    assert_eq!(status, InboxStatus::Applied);
    let facts = mirror(&bench);
    assert_eq!(facts.trial_end, Some(sooner));
    assert_eq!(facts.status, SubscriptionStatus::Trialing);
}

#[tokio::test]
async fn d_090_an_invoice_that_fails_links_its_sale_and_pays_nothing() {
    let bench = Workbench::new().await;
    let payment = bench.pay_page("acme").await;
    let invoice = ProviderInvoice {
        is_paid: false,
        ..invoice_of(&payment)
    };
    let failed = ProviderEvent::InvoicePaymentFailed(Payload::Read(invoice));
    assert_eq!(told(&bench, "evt_1", failed).await, InboxStatus::Applied);
    let intent = bench.intent();
    assert_eq!(intent.state().name(), "created");
    assert!(bench.store.workflows().is_empty());
    assert_eq!(intent.parts().links.customer, payment.session.customer);
    assert_eq!(
        intent.parts().links.subscription,
        payment.session.subscription
    );
}

#[tokio::test]
async fn a_187_a_paid_increase_makes_more_licences() {
    let bench = Workbench::new().await;
    let payment = bench.sell("acme").await;
    assert_eq!(bench.store.licenses().len(), 10);
    bench.clock().advance(Duration::hours(1));
    told(&bench, "evt_up", changed(Updated, grown(&payment, 15))).await;
    assert_eq!(bench.store.licenses().len(), 15);
    assert_eq!(bench.store.plans()[0].value.license_count, 15);
}

#[tokio::test]
async fn a_187_an_increase_that_waits_for_its_payment_makes_none() {
    let bench = Workbench::new().await;
    let payment = bench.sell("acme").await;
    bench.clock().advance(Duration::hours(1));
    let pending = with(&payment, |facts| {
        facts.quantity = 15;
        facts.has_pending_update = true;
    });
    told(&bench, "evt_up", changed(Updated, pending)).await;
    assert_eq!(bench.store.licenses().len(), 10);
    bench.clock().advance(Duration::hours(1));
    told(&bench, "evt_paid_up", changed(Updated, grown(&payment, 15))).await;
    assert_eq!(bench.store.licenses().len(), 15);
}

#[tokio::test]
async fn a_187_a_decrease_takes_no_licence_away() {
    let bench = Workbench::new().await;
    let payment = bench.sell("acme").await;
    bench.clock().advance(Duration::hours(1));
    told(&bench, "evt_down", changed(Updated, grown(&payment, 5))).await;
    assert_eq!(bench.store.licenses().len(), 10);
    assert_eq!(mirror(&bench).quantity, 5);
}

#[tokio::test]
async fn a_187_an_increase_that_is_told_after_a_later_decrease_counts_all_the_same() {
    for is_provisioned in [true, false] {
        let bench = Workbench::new().await;
        let payment = if is_provisioned {
            bench.sell("acme").await
        } else {
            bench.buy("acme").await
        };
        bench.clock().advance(Duration::hours(1));
        let made = bench.now();
        bench.clock().advance(Duration::hours(1));
        told(&bench, "evt_less", changed(Updated, grown(&payment, 12))).await;
        let more = changed(Updated, grown(&payment, 20));
        bench.receive_from("evt_more", more, made).await;
        bench.drain().await;
        bench.run_provisioning().run_due().await.unwrap();
        assert_eq!(mirror(&bench).quantity, 12, "what is true now");
        assert_eq!(bench.store.licenses().len(), 20, "what was paid for");
    }
}

#[tokio::test]
async fn a_187_an_increase_that_is_told_after_the_end_counts_all_the_same() {
    let bench = Workbench::new().await;
    let payment = bench.sell("acme").await;
    bench.clock().advance(Duration::hours(1));
    let made = bench.now();
    bench.clock().advance(Duration::hours(1));
    told(&bench, "evt_end", changed(Deleted, canceled(&payment))).await;
    let ended = bench.store.plans()[0].value.ends_at;
    let more = changed(Updated, grown(&payment, 20));
    bench.receive_from("evt_more", more, made).await;
    bench.drain().await;
    assert_eq!(bench.store.licenses().len(), 20);
    assert_eq!(bench.store.plans()[0].value.ends_at, ended);
    assert_eq!(mirror(&bench).status, SubscriptionStatus::Canceled);
}

#[tokio::test]
async fn a_187_an_increase_before_provisioning_counts_when_the_plan_is_made() {
    let bench = Workbench::new().await;
    let payment = bench.buy("acme").await;
    bench.clock().advance(Duration::hours(1));
    told(&bench, "evt_up", changed(Updated, grown(&payment, 15))).await;
    bench.run_provisioning().run_due().await.unwrap();
    assert_eq!(bench.store.licenses().len(), 15);
}

#[tokio::test]
async fn a_187_an_increase_between_the_plan_and_its_licences_is_not_lost() {
    let bench = Workbench::new().await;
    let payment = bench.buy("acme").await;
    bench.run_provisioning_until_the_plan_exists().await;
    assert!(bench.store.licenses().is_empty());
    bench.clock().advance(Duration::hours(1));
    told(&bench, "evt_up", changed(Updated, grown(&payment, 15))).await;
    bench.run_provisioning().run_due().await.unwrap();
    assert_eq!(bench.store.licenses().len(), 15);
    assert_eq!(bench.store.plans()[0].value.created_license_count, 15);
}

/// The decision is taken before the plan exists and committed after everything does: it must be
/// taken again, or the end would be lost.
#[tokio::test]
async fn a_074_an_end_that_meets_provisioning_halfway_is_decided_again() {
    let bench = Workbench::new().await;
    let payment = bench.buy("acme").await;
    let period_end = bench.now().plus(Duration::days(30));
    bench.clock().advance(Duration::hours(1));
    let ended = with(&payment, |facts| {
        facts.status = SubscriptionStatus::Canceled;
        facts.period_end = Some(period_end);
    });
    bench.receive("evt_end", changed(Deleted, ended)).await;
    let lease = bench.now().plus(Duration::minutes(1));
    let event = begin_due(&bench.store, bench.now(), lease, 1)
        .await
        .remove(0);
    let apply = bench.drain_inbox().apply;
    let Decision::Commit(too_early) = apply.run(&event, true).await.unwrap() else {
        panic!("the end has an effect");
    };
    bench.run_provisioning().run_due().await.unwrap();
    assert_eq!(bench.intent().state().name(), "fulfilled");

    let refused = bench.store.commit(*too_early).await;
    assert!(matches!(refused, Err(CommitError::Conflict)), "{refused:?}");
    let Decision::Commit(again) = apply.run(&event, true).await.unwrap() else {
        panic!("the end has an effect");
    };
    bench.store.commit(*again).await.unwrap();
    assert_eq!(bench.store.plans()[0].value.ends_at, period_end);
}
