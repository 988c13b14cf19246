//! Applies a batch in waves: of each subject the next event, all of them decided side by side and
//! committed together. An event is decided on the state that its subject's previous one left.

use std::collections::{HashMap, HashSet, VecDeque};
use std::pin::Pin;

use tracing::{Instrument, Span};

use super::aside::Admission;
use super::side_by_side::side_by_side;
use super::{DrainInbox, DrainReport, count};
use crate::kernel::change_set::{ChangeSet, CommitError, UniqueRule};
use crate::kernel::failure::StoreFailure;
use crate::kernel::ports::ATTEMPTS_MAX;
use crate::kernel::timestamp::Timestamp;
use crate::provider_events::apply_provider_event::{ApplyError, Decision};
use crate::provider_events::lane::LaneHold;
use crate::provider_events::ports::{ClaimedEvent, Settled, Settlement};
use crate::provider_events::stored_event::EventStatus;

/// How many events are committed together: more gain nothing (docs/performance.md), and hold rows
/// for longer.
pub(super) const WAVE_MAX: usize = 256;

/// Whether the provider is asked where it has to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Asking {
    /// At once: nobody else waits for this.
    AtOnce,
    /// Beside the turn.
    Aside,
}

/// An event on its way.
#[derive(Debug)]
pub(super) struct Job {
    pub(super) event: ClaimedEvent,
    /// Decisions that were taken in vain.
    conflicts: u32,
    /// False after a commit found the slug of an expired intent taken.
    reservation_is_free: bool,
    span: Span,
}

/// Everything that is decided and written about an event is inside, under the id of the request
/// that delivered it.
fn span_of(event: &ClaimedEvent) -> tracing::Span {
    tracing::info_span!(
        "provider_event.apply",
        provider_event.id = %event.provider_event_id,
        correlation.id = event.correlation_id,
    )
}

impl From<ClaimedEvent> for Job {
    fn from(event: ClaimedEvent) -> Self {
        Self {
            conflicts: 0,
            reservation_is_free: true,
            span: span_of(&event),
            event,
        }
    }
}

/// `None` if the provider has to be asked.
type Deciding<'a> = Pin<Box<dyn Future<Output = Result<Option<Decision>, ApplyError>> + Send + 'a>>;

/// What waits, in a line for each subject.
#[derive(Default)]
pub(super) struct Lines(VecDeque<VecDeque<Job>>);

impl Lines {
    fn of(jobs: impl IntoIterator<Item = Job>) -> Self {
        let mut lines: Vec<VecDeque<Job>> = Vec::new();
        let mut places = HashMap::new();
        for job in jobs {
            let key = (job.event.hold.lane, job.event.subject.clone());
            let place = *places.entry(key).or_insert_with(|| {
                lines.push(VecDeque::new());
                lines.len().saturating_sub(1)
            });
            if let Some(line) = lines.get_mut(place) {
                line.push_back(job);
            }
        }
        Self(lines.into())
    }

    /// Of one subject.
    pub(super) fn one(line: VecDeque<Job>) -> Self {
        Self(VecDeque::from([line]))
    }

    /// The first of each line, with the rest of its line.
    fn next_wave(&mut self) -> Vec<(Job, VecDeque<Job>)> {
        let mut wave = Vec::new();
        while wave.len() < WAVE_MAX {
            let Some(mut line) = self.0.pop_front() else {
                break;
            };
            if let Some(job) = line.pop_front() {
                wave.push((job, line));
            }
        }
        wave
    }

    fn go_on(&mut self, line: VecDeque<Job>) {
        if !line.is_empty() {
            self.0.push_back(line);
        }
    }

    fn again(&mut self, job: Job, mut line: VecDeque<Job>) {
        line.push_front(job);
        self.0.push_back(line);
    }
}

impl DrainInbox {
    /// In lines, but for those whose subjects' events are beside the turns: they go there.
    pub(super) async fn lines_of(
        &self,
        events: Vec<ClaimedEvent>,
        report: &mut DrainReport,
    ) -> Result<Lines, StoreFailure> {
        let (mut jobs, mut settled, began_at) = (Vec::new(), Vec::new(), self.core.now());
        for event in events {
            match self.lanes.aside.admit(event.into()) {
                Admission::Free(job) => jobs.push(job),
                Admission::Waits => {}
                Admission::NoRoom(job) => settled.push(self.come_later(&job, began_at)),
            }
        }
        self.settle_counted(settled, report).await?;
        Ok(Lines::of(jobs))
    }

    /// Applies events that stand in the order of their lanes; gives the holds that turned out to be
    /// somebody else's.
    pub(super) async fn apply_in_waves(
        &self,
        mut lines: Lines,
        asking: Asking,
        report: &mut DrainReport,
    ) -> Result<Vec<LaneHold>, StoreFailure> {
        let mut lost = Vec::new();
        loop {
            let wave = lines.next_wave();
            if wave.is_empty() {
                return Ok(lost);
            }
            let began_at = self.core.now();
            let decisions = self.decide(&wave, asking).await;
            let mut settled = Vec::new();
            let mut to_commit = Vec::new();
            let mut sets: Vec<ChangeSet> = Vec::new();
            let mut rows = HashSet::new();
            for ((job, mut line), decision) in wave.into_iter().zip(decisions) {
                match decision {
                    Ok(None) => {
                        line.push_front(job);
                        match self.lanes.aside.open(line) {
                            Ok(()) => report.set_aside = report.set_aside.saturating_add(1),
                            Err(mut line) => {
                                let job = line.pop_front();
                                settled.extend(job.map(|job| self.come_later(&job, began_at)));
                                lines.go_on(line);
                            }
                        }
                    }
                    Ok(Some(Decision::Settle(settlement))) => {
                        self.observe(&job.event, settlement.status(), began_at);
                        settled.push(settle(&job.event, settlement));
                        lines.go_on(line);
                    }
                    // Two subjects that write one row follow each other.
                    Ok(Some(Decision::Commit(set)))
                        if set.rows().any(|row| rows.contains(&row)) =>
                    {
                        lines.again(job, line);
                    }
                    Ok(Some(Decision::Commit(set))) => {
                        rows.extend(set.rows());
                        let correlation_id = job.event.correlation_id.clone();
                        sets.push(set.under(job.event.hold).correlated_with(correlation_id));
                        to_commit.push((job, line));
                    }
                    Err(error) => {
                        self.stumble(job, line, error, began_at, &mut lines, &mut settled);
                    }
                }
            }
            let outcomes = self.commit(sets).await;
            for ((job, line), outcome) in to_commit.into_iter().zip(outcomes) {
                match outcome {
                    Ok(()) | Err(CommitError::AlreadyApplied) => {
                        self.observe(&job.event, EventStatus::Processed, began_at);
                        job.span.in_scope(|| {
                            tracing::debug!(
                                "provider event {} is applied",
                                job.event.provider_event_id
                            );
                        });
                        report.applied = report.applied.saturating_add(1);
                        lines.go_on(line);
                    }
                    // Whoever has the lane now has its events as well.
                    Err(CommitError::LeaseLost) => lost.push(job.event.hold),
                    Err(error) => {
                        let error = StoreFailure::from(error).into();
                        self.stumble(job, line, error, began_at, &mut lines, &mut settled);
                    }
                }
            }
            self.settle_counted(settled, report).await?;
        }
    }

    /// There is no room beside the turns.
    fn come_later(&self, job: &Job, began_at: Timestamp) -> Settled {
        let failed = || self.failed(&job.event, &ApplyError::TooManyQuestions);
        let settlement = job.span.in_scope(failed);
        self.observe(&job.event, settlement.status(), began_at);
        settle(&job.event, settlement)
    }

    async fn settle_counted(
        &self,
        settled: Vec<Settled>,
        report: &mut DrainReport,
    ) -> Result<(), StoreFailure> {
        for each in &settled {
            count(&each.settlement, report);
        }
        self.settle(settled).await
    }

    pub(super) async fn settle(&self, settled: Vec<Settled>) -> Result<(), StoreFailure> {
        if settled.is_empty() {
            return Ok(());
        }
        Ok(self.inbox.settle(settled, self.core.now()).await?)
    }

    async fn decide(
        &self,
        wave: &[(Job, VecDeque<Job>)],
        asking: Asking,
    ) -> Vec<Result<Option<Decision>, ApplyError>> {
        if !self.billing_enabled {
            let deferred = || Ok(Some(Decision::Settle(Settlement::Deferred)));
            return wave.iter().map(|_| deferred()).collect();
        }
        let deciding = wave.iter().map(|(job, _)| -> Deciding<'_> {
            let (event, is_free) = (&job.event, job.reservation_is_free);
            let span = job.span.clone();
            match asking {
                Asking::Aside => Box::pin(
                    self.apply
                        .run_without_asking(event, is_free)
                        .instrument(span),
                ),
                Asking::AtOnce => {
                    let run = self.apply.run(event, is_free).instrument(span);
                    Box::pin(async { run.await.map(Some) })
                }
            }
        });
        side_by_side(deciding.collect()).await
    }

    async fn commit(&self, sets: Vec<ChangeSet>) -> Vec<Result<(), CommitError>> {
        match <[ChangeSet; 1]>::try_from(sets) {
            Ok([set]) => vec![self.core.writer.commit(set).await],
            Err(sets) if sets.is_empty() => Vec::new(),
            Err(sets) => self.core.writer.commit_many(sets).await,
        }
    }

    /// Decides again what somebody else was faster with, and gives up the rest for now.
    fn stumble(
        &self,
        mut job: Job,
        line: VecDeque<Job>,
        error: ApplyError,
        began_at: Timestamp,
        lines: &mut Lines,
        settled: &mut Vec<Settled>,
    ) {
        let is_slug_taken = matches!(
            error,
            ApplyError::Store(StoreFailure::Duplicate(
                UniqueRule::IntentSlug | UniqueRule::IntentName
            ))
        );
        let asks_again =
            matches!(&error, ApplyError::Store(failure) if failure.asks_to_decide_again());
        job.conflicts = job.conflicts.saturating_add(1);
        if asks_again && job.conflicts < ATTEMPTS_MAX {
            job.reservation_is_free &= !is_slug_taken;
            lines.again(job, line);
            return;
        }
        let error = if asks_again {
            StoreFailure::Conflict.into()
        } else {
            error
        };
        let settlement = job.span.in_scope(|| self.failed(&job.event, &error));
        self.observe(&job.event, settlement.status(), began_at);
        settled.push(settle(&job.event, settlement));
        lines.go_on(line);
    }
}

pub(super) fn settle(event: &ClaimedEvent, settlement: Settlement) -> Settled {
    Settled {
        id: event.id,
        hold: Some(event.hold),
        settlement,
    }
}
