//! What every adapter of a port must do, as suites that any adapter can run.
//!
//! ```text
//! contract::run_store(async || MyStore::empty().await).await;
//! ```
//! Each case asks for a store of its own. A suite panics at the first broken promise.

use std::future::Future;
use std::pin::Pin;
use std::task::Poll;

use async_trait::async_trait;

use crate::access::ports::{AccessReader, UserReader};
use crate::catalog::ports::CatalogReader;
use crate::checkout::ports::{IntentListing, IntentReader, IntentSweep};
use crate::customers::ports::CustomerReader;
use crate::deliveries::ports::ScanLog;
use crate::entitlements::ports::EntitlementReader;
use crate::kernel::audit::AuditLine;
use crate::kernel::ports::{AnswerReader, BillingWriter};
use crate::licensing::ports::{LicenseReader, LicensingReader};
use crate::outbox::ports::OutboxQueue;
use crate::provider_events::ports::{EventInbox, EventLog, PayloadArchive};
use crate::provisioning::ports::WorkflowReader;
use crate::subscriptions::ports::SubscriptionReader;
use crate::tenants::ports::TenantReader;

pub(crate) mod commit;
mod concurrency;
mod event_log;
mod inbox;
mod lanes;
mod listing;
mod outbox;
pub mod provider;
mod reading;
mod retention;
mod scans;
mod sweeps;
mod unique;

pub use provider::run_checkout_provider;

/// What the suites must see and no use case reads.
#[async_trait]
pub trait Inspect: Send + Sync {
    /// Every audit entry, in any order.
    async fn audit_lines(&self) -> Vec<AuditLine>;
}

#[async_trait]
impl Inspect for super::MemoryStore {
    async fn audit_lines(&self) -> Vec<AuditLine> {
        self.audit().iter().map(AuditLine::from).collect()
    }
}

/// Every storage port at once.
pub trait Store:
    BillingWriter
    + AnswerReader
    + IntentReader
    + IntentListing
    + IntentSweep
    + CustomerReader
    + SubscriptionReader
    + CatalogReader
    + AccessReader
    + UserReader
    + TenantReader
    + LicensingReader
    + LicenseReader
    + WorkflowReader
    + EntitlementReader
    + EventInbox
    + EventLog
    + PayloadArchive
    + ScanLog
    + OutboxQueue
    + Inspect
{
}

impl<S> Store for S where
    S: BillingWriter
        + AnswerReader
        + IntentReader
        + IntentListing
        + IntentSweep
        + CustomerReader
        + SubscriptionReader
        + CatalogReader
        + AccessReader
        + UserReader
        + TenantReader
        + LicensingReader
        + LicenseReader
        + WorkflowReader
        + EntitlementReader
        + EventInbox
        + EventLog
        + PayloadArchive
        + ScanLog
        + OutboxQueue
        + Inspect
{
}

/// Runs every suite of the storage ports. `new_store` gives an empty store on each call.
pub async fn run_store<S: Store>(new_store: impl AsyncFn() -> S) {
    run_commits(&new_store).await;
    run_concurrency(&new_store).await;
    run_queues(&new_store).await;
    run_readers(&new_store).await;
}

/// The write port: all or nothing, once, on the version that was read, unique.
pub async fn run_commits<S: Store>(new_store: impl AsyncFn() -> S) {
    commit::writes_rows_audit_and_messages_together(&new_store().await).await;
    commit::a_failed_commit_leaves_nothing(&new_store().await).await;
    commit::a_stale_version_is_a_conflict(&new_store().await).await;
    commit::a_provider_event_is_applied_once(&new_store().await).await;
    commit::a_request_key_is_answered_once(&new_store().await).await;
    commit::many_sets_are_as_one_by_one(&new_store().await, &new_store().await).await;
    unique::every_unique_rule_is_kept(&new_store).await;
    unique::what_is_released_can_be_taken_again(&new_store().await).await;
}

/// Parallel writers.
pub async fn run_concurrency<S: Store>(new_store: impl AsyncFn() -> S) {
    concurrency::no_update_is_lost(&new_store().await).await;
    concurrency::one_of_fifty_gets_the_slug(&new_store().await).await;
    concurrency::one_of_many_deliveries_is_applied(&new_store().await).await;
    concurrency::no_event_misses_the_sale_that_it_waits_for(&new_store().await).await;
}

/// The inbox and the outbox.
pub async fn run_queues<S: Store>(new_store: impl AsyncFn() -> S) {
    inbox::an_event_is_recorded_once(&new_store().await).await;
    inbox::deliveries_at_the_same_time_are_each_recorded_once(&new_store().await).await;
    inbox::each_settlement_does_what_it_says(&new_store().await).await;
    inbox::an_applied_event_cannot_be_settled(&new_store().await).await;
    inbox::c_073_a_failure_is_kept_although_its_attempt_was_rolled_back(&new_store().await).await;
    lanes::a_lane_is_one_takers_until_its_lease_ends(&new_store().await).await;
    lanes::two_takers_never_share_a_lane(&new_store().await).await;
    lanes::a_stale_hold_changes_nothing(&new_store().await).await;
    lanes::due_events_come_in_order_and_by_the_lane(&new_store().await).await;
    lanes::attempts_without_a_word_are_counted(&new_store().await).await;
    lanes::an_attempt_begins_only_at_what_is_open(&new_store().await).await;
    lanes::an_event_in_work_is_shown_with_the_lease_of_its_lane(&new_store().await).await;
    lanes::a_share_keeps_to_its_lanes(&new_store().await).await;
    lanes::one_that_fails_in_a_batch_costs_the_others_nothing(&new_store().await).await;
    inbox::an_event_that_waits_is_woken_by_its_parent(&new_store().await).await;
    inbox::an_event_of_no_sale_is_woken_when_a_sale_is_linked(&new_store().await).await;
    event_log::a_list_has_what_its_filter_means_page_by_page(&new_store().await).await;
    event_log::an_owners_events_are_those_that_changed_their_sale(&new_store().await).await;
    event_log::an_owners_events_are_also_those_that_wait_for_somebody(&new_store().await).await;
    event_log::an_event_is_shown_with_all_that_became_of_it(&new_store().await).await;
    event_log::a_decision_meets_no_event_that_moved_on(&new_store().await).await;
    event_log::a_discarded_event_has_no_effect_until_it_is_replayed(&new_store().await).await;
    event_log::the_depth_of_the_inbox_is_counted_by_status(&new_store().await).await;
    retention::only_what_rests_is_scrubbed_and_only_once(&new_store().await).await;
    retention::old_answers_are_forgotten_and_young_ones_kept(&new_store().await).await;
    retention::the_progress_of_scrubbing_is_read_as_written(&new_store().await).await;
    scans::one_holder_has_a_scan_until_its_lease_ends(&new_store().await).await;
    scans::a_scan_is_read_as_written(&new_store().await).await;
    scans::of_many_holders_one_gets_the_scan(&new_store().await).await;
    scans::a_scan_is_hurried_and_set_back(&new_store().await).await;
    scans::what_is_not_in_the_inbox_is_unknown(&new_store().await).await;
    outbox::messages_come_in_order_to_one_publisher(&new_store().await).await;
    outbox::a_message_comes_back_until_it_is_delivered(&new_store().await).await;
    outbox::a_message_has_the_correlation_id_of_its_cause(&new_store().await).await;
    outbox::the_outbox_is_one_publishers_at_a_time(&new_store().await).await;
    outbox::what_is_not_delivered_is_counted(&new_store().await).await;
    outbox::a_change_has_the_id_of_the_request_that_asked_for_it(&new_store().await).await;
}

/// The readers, the listings and the sweeps.
pub async fn run_readers<S: Store>(new_store: impl AsyncFn() -> S) {
    reading::access_and_catalogue_are_read_as_written(&new_store().await).await;
    reading::an_intent_is_read_as_written_in_every_state(&new_store().await).await;
    reading::each_phase_of_the_checkout_is_read_as_written(&new_store().await).await;
    reading::customers_and_subscriptions_are_read_as_written(&new_store().await).await;
    reading::a_workflow_is_read_as_written_in_every_state(&new_store().await).await;
    reading::licensing_is_read_as_written(&new_store().await).await;
    reading::entitlements_are_read_by_user_and_by_source(&new_store().await).await;
    listing::pages_of_intents_are_complete_while_rows_arrive(&new_store().await).await;
    listing::pages_of_licences_are_complete(&new_store().await).await;
    sweeps::each_sweep_finds_its_intents_and_no_other(&new_store().await).await;
    sweeps::a_reservation_stands_against_others_only(&new_store().await).await;
}

/// Drives many futures at the same time on one task.
pub async fn join_all<T>(futures: Vec<Pin<Box<dyn Future<Output = T> + '_>>>) -> Vec<T> {
    let mut slots: Vec<_> = futures.into_iter().map(|f| (Some(f), None)).collect();
    std::future::poll_fn(|context| {
        let mut is_pending = false;
        for (future, output) in &mut slots {
            if let Some(running) = future {
                match running.as_mut().poll(context) {
                    Poll::Ready(value) => {
                        *output = Some(value);
                        *future = None;
                    }
                    Poll::Pending => is_pending = true,
                }
            }
        }
        if is_pending {
            Poll::Pending
        } else {
            Poll::Ready(())
        }
    })
    .await;
    slots.into_iter().filter_map(|(_, output)| output).collect()
}

/// Commits what must succeed.
async fn put<S: BillingWriter>(store: &S, set: crate::kernel::change_set::ChangeSet) {
    let outcome = store.commit(set).await;
    outcome.expect("this commit breaks no rule");
}

/// Unwraps a read that must succeed.
fn read<T>(answer: Result<T, crate::kernel::ports::StoreError>) -> T {
    answer.expect("this read succeeds")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{FakeProvider, ManualClock, MemoryStore};

    #[tokio::test]
    async fn the_memory_store_keeps_every_promise_of_the_storage_ports() {
        run_store(async || MemoryStore::new()).await;
    }

    #[tokio::test]
    async fn the_fake_provider_keeps_every_promise_of_the_checkout_port() {
        let new = async || {
            let provider = FakeProvider::new(ManualClock::new());
            provider::Subject {
                lose_next_answer: Box::new({
                    let provider = provider.clone();
                    move || {
                        provider.fail_next(crate::testing::fake_provider::Failure::AnswerLost);
                    }
                }),
                provider,
            }
        };
        run_checkout_provider(new).await;
    }
}
