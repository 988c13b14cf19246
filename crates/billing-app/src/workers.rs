//! What runs beside the requests: applying events, provisioning, publishing, sweeping. Each worker
//! takes turns; a bell wakes it at once, and it looks by itself now and then.

use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant};

use billing_domain::checkout::sweep_intents::SweepIntents;
use billing_domain::deliveries::scan_for_missing_events::{
    ScanForMissingEvents, ScanForMissingEventsError,
};
use billing_domain::kernel::change_set::Cause;
use billing_domain::kernel::failure::StoreFailure;
use billing_domain::outbox::publish_messages::{PublishMessages, Published};
use billing_domain::provider_events::drain_inbox::DrainInbox;
use billing_domain::provider_events::scrub_payloads::{ScrubOrder, ScrubPayloads};
use billing_domain::provisioning::run_provisioning::RunProvisioning;
use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;

use crate::config::JobsSection;

/// How many rounds [`Workers::drain`] takes before it says that something goes round in circles.
const DRAIN_ROUNDS_MAX: u32 = 10_000;

/// How many workers of one replica apply events, each in lanes of its own: one decides while the
/// other one waits for its commit.
pub const APPLIERS: u16 = 2;

/// After a turn that failed a worker rests, so that a store that is down is not hammered.
const REST_AFTER_FAILURE: Duration = Duration::from_secs(1);

/// How often it is looked whether a scan is due; when it is, stands in the database.
const SCAN_POLL: Duration = Duration::from_secs(15);

/// How soon one turn follows another in a stream.
const PACE: Duration = Duration::from_millis(50);

/// How soon a replica looks again into an outbox that another one has.
const OUTBOX_LOOK: Duration = Duration::from_millis(250);

/// How often measurements are tidied.
const TIDY_INTERVAL: Duration = Duration::from_secs(5);

/// Wakes workers. Ringing for one that is busy is remembered.
#[derive(Debug, Clone)]
pub struct Bells {
    inbox: Vec<Arc<Notify>>,
    provisioning: Arc<Notify>,
    outbox: Arc<Notify>,
}

impl Default for Bells {
    fn default() -> Self {
        Self {
            inbox: (0..APPLIERS).map(|_| Arc::default()).collect(),
            provisioning: Arc::default(),
            outbox: Arc::default(),
        }
    }
}

impl Bells {
    /// Something was handed to one of those who apply events.
    pub fn ring_applier(&self, applier: usize) {
        if let Some(bell) = self.inbox.get(applier) {
            bell.notify_one();
        }
    }

    /// Something was stored or committed: everybody looks.
    pub fn ring(&self) {
        for applier in &self.inbox {
            applier.notify_one();
        }
        self.provisioning.notify_one();
        self.outbox.notify_one();
    }
}

/// The workers of one replica.
#[derive(Clone)]
pub struct Workers {
    /// Apply events, each in its share of the lanes.
    pub inbox: Vec<Arc<DrainInbox>>,
    /// Provisions.
    pub provisioning: Arc<RunProvisioning>,
    /// Publishes.
    pub outbox: Arc<PublishMessages>,
    /// Sweeps.
    pub sweep: Arc<SweepIntents>,
    /// Reduces old payloads.
    pub retention: Arc<ScrubPayloads>,
    /// Looks for events that never came.
    pub scan: Arc<ScanForMissingEvents>,
    /// Tidies what was measured.
    pub tidy: Arc<dyn Fn() + Send + Sync>,
    /// Wakes them.
    pub bells: Bells,
    /// How often they look by themselves.
    pub jobs: JobsSection,
}

impl Workers {
    /// Takes turns until nothing is due: for tests and commands, which never sleep.
    ///
    /// # Errors
    /// [`StoreFailure`] of the first turn that fails.
    pub async fn drain(&self) -> Result<(), StoreFailure> {
        for _ in 0..DRAIN_ROUNDS_MAX {
            let mut claimed = 0;
            for applier in &self.inbox {
                claimed += applier.run().await?.claimed();
            }
            let provisioned = self.provisioning.run_due().await?;
            let published = self.outbox.run().await?.count();
            if claimed == 0 && provisioned == 0 && published == 0 {
                return Ok(());
            }
        }
        Err(StoreFailure::Conflict)
    }

    /// Works until told to stop, then ends after the turn that is under way.
    pub async fn run(self, stop: watch::Receiver<bool>) {
        let mut crew = Crew::new(stop);
        let (poll, jobs, bells) = (self.jobs.poll_interval, self.jobs, self.bells);
        let never = || Arc::new(Notify::new());
        if jobs.is_scanning {
            let (scan, bells) = (self.scan, bells.clone());
            crew.add("scan", never(), SCAN_POLL, move || {
                take_scan_turn(scan.clone(), bells.clone())
            });
        }
        let tidy = self.tidy;
        crew.add("tidy", never(), TIDY_INTERVAL, move || {
            tidy();
            std::future::ready(Ok(0_u32))
        });
        for (applier, bell) in self.inbox.into_iter().zip(bells.inbox.clone()) {
            let (bells, stop) = (bells.clone(), crew.stop.clone());
            crew.keep("inbox", move || {
                let parts = (applier.clone(), bell.clone(), bells.clone());
                appliers::apply(parts.0, parts.1, parts.2, poll, stop.clone())
            });
        }
        let (provisioning, outbox_bell) = (self.provisioning, bells.outbox.clone());
        crew.add("provisioning", bells.provisioning, poll, move || {
            let (provisioning, outbox_bell) = (provisioning.clone(), outbox_bell.clone());
            async move {
                let count = provisioning.run_due().await?;
                if count > 0 {
                    outbox_bell.notify_one();
                }
                Ok(count)
            }
        });
        let outbox = self.outbox;
        crew.add("outbox", bells.outbox, poll, move || {
            let outbox = outbox.clone();
            async move { outbox.run().await.map(Turn::from) }
        });
        let sweeper = self.sweep;
        crew.add("sweep", never(), jobs.sweep_interval, move || {
            let sweeper = sweeper.clone();
            async move {
                let report = sweeper.run().await?;
                Ok(report.expired + report.resumed + report.stalled)
            }
        });
        if let Some(kept_for) = jobs.payload_retention {
            let retention = self.retention;
            crew.add("retention", never(), jobs.retention_interval, move || {
                let retention = retention.clone();
                async move { scrub(&retention, kept_for).await }
            });
        }
        while let Some(ended) = crew.tasks.join_next().await {
            if let Err(error) = ended {
                tracing::error!(error = %error, "a worker ended by itself");
            }
        }
    }
}

/// The workers at work.
struct Crew {
    tasks: JoinSet<()>,
    stop: watch::Receiver<bool>,
}

impl Crew {
    fn new(stop: watch::Receiver<bool>) -> Self {
        Self {
            tasks: JoinSet::new(),
            stop,
        }
    }

    /// Adds a worker that takes turns.
    fn add<F, T, R>(&mut self, name: &'static str, bell: Arc<Notify>, interval: Duration, turn: F)
    where
        F: Fn() -> T + Send + Sync + 'static,
        T: Future<Output = Result<R, StoreFailure>> + Send,
        R: Into<Turn> + Send,
    {
        let (turn, stop) = (Arc::new(turn), self.stop.clone());
        self.keep(name, move || {
            let (turn, bell, stop) = (turn.clone(), bell.clone(), stop.clone());
            async move { work(name, bell, PACE, interval, stop, &*turn).await }
        });
    }

    /// Adds a worker, and begins it again if it panics: what one event or one row does to it must not
    /// end the work on all others.
    fn keep<F, T>(&mut self, name: &'static str, begin: F)
    where
        F: Fn() -> T + Send + 'static,
        T: Future<Output = ()> + Send + 'static,
    {
        let stop = self.stop.clone();
        self.tasks.spawn(async move {
            loop {
                // A set, because it takes the worker along when it is dropped.
                let mut life = JoinSet::new();
                life.spawn(begin());
                match life.join_next().await {
                    Some(Err(error)) if error.is_panic() && !*stop.borrow() => {
                        tracing::error!(
                            worker = name,
                            error = %error,
                            "worker {name} panicked and begins again; please report this"
                        );
                        tokio::time::sleep(REST_AFTER_FAILURE).await;
                    }
                    Some(_) | None => return,
                }
            }
        });
    }
}

/// One run over everything that became old since the last one.
async fn scrub(retention: &ScrubPayloads, kept_for: time::Duration) -> Result<u32, StoreFailure> {
    let order = ScrubOrder {
        received_before: retention.core.now().minus(kept_for),
        is_rehearsal: false,
        from_the_first: false,
        cause: Cause::Job("scrub_payloads"),
    };
    let report = retention.run(&order, &|_| {}).await?;
    if report.scrubbed_count > 0 || report.answer_count > 0 {
        tracing::info!(
            scrubbed = report.scrubbed_count,
            forgotten = report.answer_count,
            "payloads were reduced to their facts"
        );
    }
    Ok(0)
}

/// A turn of the scan. A provider that does not answer is its own business: the scan rests by
/// itself, and says why.
async fn take_scan_turn(
    scan: Arc<ScanForMissingEvents>,
    bells: Bells,
) -> Result<u32, StoreFailure> {
    let turns = match scan.run().await {
        Ok(turns) => turns,
        Err(ScanForMissingEventsError::Provider(error)) => {
            let error = &error as &dyn std::error::Error;
            tracing::warn!(error, "the scan of Stripe's events is tried again later");
            return Ok(0);
        }
        Err(ScanForMissingEventsError::Store(failure)) => return Err(failure),
    };
    if turns.iter().any(|turn| turn.found_count > 0) {
        bells.ring();
    }
    let has_more = turns.iter().any(|turn| !turn.is_finished);
    Ok(u32::from(has_more))
}

/// What a worker does after a turn.
enum Turn {
    /// Takes the next one.
    Busy,
    /// Looks again after its interval.
    Idle,
    /// Looks again sooner.
    IdleFor(Duration),
}

/// How much a turn did.
impl From<u32> for Turn {
    fn from(count: u32) -> Self {
        if count > 0 { Self::Busy } else { Self::Idle }
    }
}

/// While another replica publishes, what it has not seen before it rests is published here soon.
impl From<Published> for Turn {
    fn from(published: Published) -> Self {
        match published {
            Published::Here(count) => count.into(),
            Published::Elsewhere => Self::IdleFor(OUTBOX_LOOK),
        }
    }
}

async fn work<F, T, R>(
    name: &'static str,
    bell: Arc<Notify>,
    pace: Duration,
    interval: Duration,
    mut stop: watch::Receiver<bool>,
    turn: &F,
) where
    F: Fn() -> T,
    T: Future<Output = Result<R, StoreFailure>>,
    R: Into<Turn>,
{
    while !*stop.borrow() {
        let began = Instant::now();
        let rest = match turn().await.map(Into::into) {
            // The first turn comes at once; in a stream, what arrives meanwhile goes together.
            Ok(Turn::Busy) => match pace.checked_sub(began.elapsed()) {
                None => continue,
                Some(rest) => {
                    tokio::time::sleep(rest).await;
                    continue;
                }
            },
            Ok(Turn::Idle) => interval,
            Ok(Turn::IdleFor(rest)) => rest.min(interval),
            Err(error) => {
                tracing::warn!(worker = name, error = %error, "worker {name} rests after a failure");
                REST_AFTER_FAILURE
            }
        };
        tokio::select! {
            () = bell.notified() => {}
            () = tokio::time::sleep(rest) => {}
            // A closed channel means that whoever could say stop is gone.
            changed = stop.changed() => if changed.is_err() { return },
        }
    }
}

mod appliers;
#[cfg(test)]
mod tests;
