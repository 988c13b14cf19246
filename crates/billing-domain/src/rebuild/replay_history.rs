//! Takes every recorded decision once more, over an empty store: events and provisioning by the
//! use cases that took them, the rest as it is recorded.

use std::collections::BTreeSet;
use std::sync::Arc;

use uuid::Uuid;

use super::ports::{GivenFacts, History, RecordedCause, RecordedCommit};
use super::script::Script;
use crate::kernel::audit::{AuditLine, EntityKind};
use crate::kernel::failure::StoreFailure;
use crate::kernel::id::{InboxEventId, PlanId, WorkflowId};
use crate::kernel::ports::Core;
use crate::kernel::timestamp::Timestamp;
use crate::licensing::ports::LicenseReader;
use crate::provider_events::apply_provider_event::{ApplyError, ApplyProviderEvent, Decision};
use crate::provider_events::lane::{Fence, Lane, LaneHold};
use crate::provider_events::ports::{ClaimedEvent, EventInbox, ReceivedEvent, Settlement};
use crate::provider_events::stored_event::EventStatus;
use crate::provisioning::run_provisioning::RunProvisioning;

/// How many commits are in memory at a time, each with a payload of at most one MiB.
pub const REPLAY_PAGE: u32 = 64;

/// How many events that were not applied again are named.
pub const REFUSALS_MAX: usize = 100;

/// An event that was applied then and is not now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// Which.
    pub event: InboxEventId,
    /// What was decided instead.
    pub reason: String,
}

/// An event that had no effect then and would have one now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LateEffect {
    /// Which.
    pub event: InboxEventId,
    /// Of which type.
    pub event_type: String,
    /// How it rests.
    pub status: EventStatus,
}

/// What a replay did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ReplayedHistory {
    /// Events that were decided again.
    pub events: u64,
    /// Commits of provisioning that were decided again.
    pub steps: u64,
    /// Commits that were taken over as they are recorded.
    pub given: u64,
    /// Events that had no effect and were decided again.
    pub resting: u64,
    /// Those of them that the provider would have to be asked about: what it said then is not kept.
    pub unanswered: u64,
    /// Those of them that would have an effect now; the first [`REFUSALS_MAX`].
    pub late: Vec<LateEffect>,
    /// How many there are of those.
    pub late_count: u64,
    /// Events that are not applied any more; the first [`REFUSALS_MAX`] of them.
    pub refusals: Vec<Refusal>,
    /// How many there are of those.
    pub refused: u64,
}

impl ReplayedHistory {
    /// Whether each event had an effect again, or again none.
    pub fn is_as_recorded(&self) -> bool {
        self.refused == 0 && self.late_count == 0
    }
}

/// Replays a history.
pub struct ReplayHistory {
    /// The recorded commits.
    pub history: Arc<dyn History>,
    /// Brings over what no event tells.
    pub given: Arc<dyn GivenFacts>,
    /// The inbox of the store that is rebuilt.
    pub inbox: Arc<dyn EventInbox>,
    /// Decides events over the store that is rebuilt, with the script's time, ids and provider.
    pub events: Arc<ApplyProviderEvent>,
    /// Takes provisioning's steps over it.
    pub provisioning: Arc<RunProvisioning>,
    /// Finds the workflow of a plan in it.
    pub plans: Arc<dyn LicenseReader>,
    /// Writes to it.
    pub core: Core,
    /// Tells each decision what it was told then.
    pub script: Arc<Script>,
}

impl ReplayHistory {
    /// Replays the whole history, or what stands before a place; tells how far it is after each
    /// page.
    ///
    /// # Errors
    /// [`StoreFailure`].
    pub async fn run(
        &self,
        before: Option<u64>,
        progress: &(dyn Fn(u64) + Send + Sync),
    ) -> Result<ReplayedHistory, StoreFailure> {
        let mut done = ReplayedHistory::default();
        let mut after = 0;
        loop {
            let page = self.history.commits(after, REPLAY_PAGE).await?;
            let Some(last) = page.last() else {
                return Ok(done);
            };
            after = last.place;
            for commit in page {
                if before.is_some_and(|before| commit.place >= before) {
                    return Ok(done);
                }
                self.replay(&commit, &mut done).await?;
            }
            progress(after);
        }
    }

    /// Takes one decision again.
    ///
    /// # Errors
    /// [`StoreFailure`].
    pub async fn replay(
        &self,
        commit: &RecordedCommit,
        done: &mut ReplayedHistory,
    ) -> Result<(), StoreFailure> {
        match &commit.cause {
            RecordedCause::Event { event, readings } => {
                self.script
                    .turn_to(commit.at, new_ids(&commit.lines), readings.clone());
                done.events = done.events.saturating_add(1);
                if let Some(reason) = self.event(event, &commit.lines).await? {
                    done.refused = done.refused.saturating_add(1);
                    if done.refusals.len() < REFUSALS_MAX {
                        let event = event.id;
                        done.refusals.push(Refusal { event, reason });
                    }
                }
                Ok(())
            }
            RecordedCause::Resting { event, status } => match status {
                EventStatus::Skipped | EventStatus::Parked => {
                    self.resting(commit.at, event, *status, done).await
                }
                // It moved on since, or an operator decided.
                EventStatus::Received
                | EventStatus::Processing
                | EventStatus::Processed
                | EventStatus::Failed
                | EventStatus::Deferred
                | EventStatus::Discarded => Ok(()),
            },
            RecordedCause::Other(cause) if is_step(cause, &commit.lines) => {
                self.script
                    .turn_to(commit.at, new_ids(&commit.lines), Vec::new());
                done.steps = done.steps.saturating_add(1);
                for workflow in self.workflows(&commit.lines).await? {
                    self.provisioning.run_next_step(workflow).await?;
                }
                Ok(())
            }
            RecordedCause::Other(_) => {
                done.given = done.given.saturating_add(1);
                Ok(self.given.take_over(commit).await?)
            }
        }
    }

    /// Decides an event again that had no effect, and writes nothing: the record has none of it.
    async fn resting(
        &self,
        at: Timestamp,
        event: &ReceivedEvent,
        status: EventStatus,
        done: &mut ReplayedHistory,
    ) -> Result<(), StoreFailure> {
        self.script.turn_to(at, Vec::new(), Vec::new());
        done.resting = done.resting.saturating_add(1);
        let decision = self.events.run(&claimed(event), true).await;
        if self.script.has_no_answer() {
            done.unanswered = done.unanswered.saturating_add(1);
            return Ok(());
        }
        let has_effect = match decision {
            Ok(Decision::Commit(changes)) => !changes.is_empty(),
            Ok(Decision::Settle(_)) => false,
            Err(ApplyError::Store(failure)) => return Err(failure),
            // What cannot be decided has no effect.
            Err(_) => false,
        };
        if has_effect {
            done.late_count = done.late_count.saturating_add(1);
            if done.late.len() < REFUSALS_MAX {
                done.late.push(LateEffect {
                    event: event.id,
                    event_type: event.envelope.event_type.clone(),
                    status,
                });
            }
        }
        Ok(())
    }

    /// Decides an event again; says why it was not applied this time.
    async fn event(
        &self,
        event: &ReceivedEvent,
        lines: &[AuditLine],
    ) -> Result<Option<String>, StoreFailure> {
        let claimed = claimed(event);
        let arrived = ReceivedEvent {
            payload: Vec::new(),
            ..event.clone()
        };
        self.inbox.record(arrived).await?;
        // Who got a slug was settled by the database then; the audit trail tells who did.
        let has_lost = lines.iter().any(|line| {
            line.entity_kind == EntityKind::Intent.name() && line.after == "errored_backoffice"
        });
        match self.events.run(&claimed, !has_lost).await {
            Ok(Decision::Commit(changes)) => match self.core.writer.commit(*changes).await {
                Ok(()) => Ok(None),
                Err(error) if error.is_retryable() => Err(error.into()),
                Err(error) => Ok(Some(error.to_string())),
            },
            Ok(Decision::Settle(settlement)) => Ok(Some(named(settlement))),
            Err(error) => Ok(Some(error.to_string())),
        }
    }

    /// Whose step it is: a batch of licences names its plan only.
    async fn workflows(&self, lines: &[AuditLine]) -> Result<BTreeSet<WorkflowId>, StoreFailure> {
        let mut found = BTreeSet::new();
        for line in lines {
            if line.entity_kind == EntityKind::Workflow.name() {
                found.insert(WorkflowId::from_uuid(line.entity_id));
            }
        }
        for line in lines {
            if found.is_empty() && line.entity_kind == EntityKind::Plan.name() {
                let plan = self.plans.plan(PlanId::from_uuid(line.entity_id)).await?;
                found.extend(plan.and_then(|plan| plan.value.workflow_id));
            }
        }
        Ok(found)
    }
}

/// As a worker would have it.
fn claimed(event: &ReceivedEvent) -> ClaimedEvent {
    ClaimedEvent {
        id: event.id,
        provider_event_id: event.envelope.provider_event_id.clone(),
        event_type: event.envelope.event_type.clone(),
        subject: event.envelope.subject.clone(),
        payload: event.payload.clone(),
        created_at: event.envelope.created_at,
        correlation_id: event.correlation_id.clone(),
        attempts: 0,
        abandoned: 0,
        // Nobody else writes to the rebuilt record, and no commit here names a lane.
        hold: LaneHold {
            lane: Lane::of(event.envelope.subject.as_ref()),
            fence: Fence::restore(0),
        },
    }
}

/// The ids that the commit gave out, in the order in which they were made: they rise with time.
fn new_ids(lines: &[AuditLine]) -> Vec<Uuid> {
    let new = lines.iter().filter(|line| line.version == 1);
    let mut ids: Vec<Uuid> = new.map(|line| line.entity_id).collect();
    ids.sort_unstable();
    ids
}

/// Whether a step was done. That one failed is a fact: what it lacked then may be there now.
fn is_step(cause: &str, lines: &[AuditLine]) -> bool {
    cause == "job:run_provisioning"
        && !lines
            .iter()
            .any(|line| line.action == "provisioning_step_failed")
}

fn named(settlement: Settlement) -> String {
    match settlement {
        Settlement::Skipped { reason, .. } => format!("skipped: {reason}"),
        Settlement::Retry { at: _, error } => format!("failed: {error}"),
        Settlement::Parked { reason, .. } => format!("parked: {reason}"),
        Settlement::Waiting { .. } => "waits for its parent".to_owned(),
        Settlement::Deferred => "deferred".to_owned(),
    }
}
