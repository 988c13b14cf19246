//! Looks after intents that nobody moves: expired reservations, requests that a crash left
//! open, payments whose fulfilment stalls.

use std::sync::Arc;

use time::Duration;

use super::intent::{CheckoutIntent, IntentCommand};
use super::open_requested_checkout::OpenRequestedCheckout;
use super::ports::{IntentReader, IntentSweep};
use crate::kernel::change_set::{Cause, ChangeSet};
use crate::kernel::failure::StoreFailure;
use crate::kernel::id::IntentId;
use crate::kernel::ports::Core;
use crate::kernel::stored::Stored;

/// How many intents one sweep takes of each kind.
pub const SWEEP_LIMIT: u32 = 100;

/// After how long a request without an answer is taken up by the sweeper: longer than the
/// provider's time-out with its retries, so that it rarely meets the request itself.
pub const REQUEST_RESUMED_AFTER: Duration = Duration::seconds(60);

/// What a sweep did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SweepReport {
    /// Reservations released.
    pub expired: u32,
    /// Pages opened (or refused) for requests that were left open.
    pub resumed: u32,
    /// Payments marked as stalled.
    pub stalled: u32,
    /// Intents that could not be moved; they are tried again by the next sweep.
    pub failed: u32,
}

/// Sweeps.
pub struct SweepIntents {
    /// Write, time and ids.
    pub core: Core,
    /// Reads intents.
    pub intents: Arc<dyn IntentReader>,
    /// Finds intents.
    pub sweep: Arc<dyn IntentSweep>,
    /// Opens pages.
    pub open_requested: Arc<OpenRequestedCheckout>,
    /// After how long a payment without fulfilment is stalled (default 180 s).
    pub stalled_after: Duration,
}

impl SweepIntents {
    /// Moves what is due. One intent that cannot be moved does not hold up the others.
    ///
    /// # Errors
    /// [`StoreFailure`] if the intents cannot be found.
    pub async fn run(&self) -> Result<SweepReport, StoreFailure> {
        let now = self.core.now();
        let mut report = SweepReport::default();
        for id in self.sweep.intents_to_expire(now, SWEEP_LIMIT).await? {
            let done = self.change(id, "expire_intents", |intent| {
                intent.is_expired_at(now).then_some(IntentCommand::Expire)
            });
            count(done.await, &mut report.expired, &mut report.failed, id);
        }
        let before = now.minus(REQUEST_RESUMED_AFTER);
        for id in self
            .sweep
            .intents_with_open_request(before, SWEEP_LIMIT)
            .await?
        {
            let cause = Cause::Job("resume_checkouts");
            let done = self
                .open_requested
                .run(id, &cause, &|_| cause.clone())
                .await;
            count(
                done.map(|_| true),
                &mut report.resumed,
                &mut report.failed,
                id,
            );
        }
        let before = now.minus(self.stalled_after);
        for id in self.sweep.intents_stalled(before, SWEEP_LIMIT).await? {
            let seconds = self.stalled_after.whole_seconds();
            let done = self.change(id, "mark_stalled", |_| {
                let message = format!("paid, and nothing happened for {seconds} seconds");
                Some(IntentCommand::MarkStalled { message })
            });
            count(done.await, &mut report.stalled, &mut report.failed, id);
        }
        Ok(report)
    }

    async fn change(
        &self,
        id: IntentId,
        job: &'static str,
        command: impl Fn(&CheckoutIntent) -> Option<IntentCommand> + Send,
    ) -> Result<bool, StoreFailure> {
        let Some(intent) = self.intents.intent(id).await? else {
            return Ok(false);
        };
        let intent: Stored<CheckoutIntent> = intent;
        let Some(command) = command(&intent.value) else {
            return Ok(false);
        };
        let now = self.core.now();
        // Somebody moved it since it was found: it needs no sweep any more.
        let Ok(transition) = intent.value.apply(command, now) else {
            return Ok(false);
        };
        let is_applied = transition.is_applied();
        let changes = ChangeSet::caused_by(Cause::Job(job), now).change_intent(&intent, transition);
        match self
            .core
            .writer
            .commit(changes)
            .await
            .map_err(StoreFailure::from)
        {
            Ok(()) => Ok(is_applied),
            Err(StoreFailure::Conflict) => Ok(false),
            Err(failure) => Err(failure),
        }
    }
}

fn count<E: std::error::Error>(
    done: Result<bool, E>,
    moved: &mut u32,
    failed: &mut u32,
    id: IntentId,
) {
    match done {
        Ok(true) => *moved = moved.saturating_add(1),
        Ok(false) => {}
        Err(error) => {
            *failed = failed.saturating_add(1);
            tracing::warn!(intent.id = %id, error = %error, "checkout intent {id} could not be swept");
        }
    }
}

#[cfg(test)]
mod tests;
