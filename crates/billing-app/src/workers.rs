//! What runs beside the requests: applying events, provisioning, publishing, sweeping. Each worker
//! takes turns; a bell wakes it at once, and it looks by itself now and then.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use billing_domain::checkout::sweep_intents::SweepIntents;
use billing_domain::deliveries::scan_for_missing_events::{
    ScanForMissingEvents, ScanForMissingEventsError,
};
use billing_domain::kernel::failure::StoreFailure;
use billing_domain::outbox::publish_messages::PublishMessages;
use billing_domain::provider_events::drain_inbox::DrainInbox;
use billing_domain::provisioning::run_provisioning::RunProvisioning;
use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;

use crate::config::JobsSection;

/// How many rounds [`Workers::drain`] takes before it says that something goes round in circles.
const DRAIN_ROUNDS_MAX: u32 = 10_000;

/// How many workers of one replica apply events, each in lanes of its own: one decides while the
/// other one waits for its commit.
pub const APPLIERS: u16 = 2;

/// Several times within a lease, so that one that is missed does no harm.
const RENEW_EVERY: Duration = Duration::from_secs(5);

/// After a turn that failed a worker rests, so that a store that is down is not hammered.
const REST_AFTER_FAILURE: Duration = Duration::from_secs(1);

/// How often it is looked whether a scan is due; when it is, stands in the database.
const SCAN_POLL: Duration = Duration::from_secs(15);

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
            let published = self.outbox.run().await?;
            if claimed == 0 && provisioned == 0 && published == 0 {
                return Ok(());
            }
        }
        Err(StoreFailure::Conflict)
    }

    /// Works until told to stop, then ends after the turn that is under way.
    pub async fn run(self, stop: watch::Receiver<bool>) {
        let mut tasks = JoinSet::new();
        let (poll, sweep) = (self.jobs.poll_interval, self.jobs.sweep_interval);
        let Self {
            inbox,
            provisioning,
            outbox,
            sweep: sweeper,
            scan,
            tidy,
            bells,
            jobs,
        } = self;
        if jobs.is_scanning {
            let scanning = work("scan", Arc::new(Notify::new()), SCAN_POLL, stop.clone(), {
                let bells = bells.clone();
                move || take_scan_turn(scan.clone(), bells.clone())
            });
            tasks.spawn(scanning);
        }
        tasks.spawn(work(
            "tidy",
            Arc::new(Notify::new()),
            TIDY_INTERVAL,
            stop.clone(),
            move || {
                tidy();
                std::future::ready(Ok(0))
            },
        ));
        for (applier, bell) in inbox.iter().zip(&bells.inbox) {
            tasks.spawn(apply(
                applier.clone(),
                bell.clone(),
                bells.clone(),
                poll,
                stop.clone(),
            ));
        }
        let after_provisioning = bells.clone();
        tasks.spawn(work(
            "provisioning",
            bells.provisioning.clone(),
            poll,
            stop.clone(),
            move || {
                let (provisioning, bells) = (provisioning.clone(), after_provisioning.clone());
                async move {
                    let count = provisioning.run_due().await?;
                    if count > 0 {
                        bells.outbox.notify_one();
                    }
                    Ok(count)
                }
            },
        ));
        tasks.spawn(work(
            "outbox",
            bells.outbox.clone(),
            poll,
            stop.clone(),
            move || {
                let outbox = outbox.clone();
                async move { outbox.run().await }
            },
        ));
        tasks.spawn(work(
            "sweep",
            Arc::new(Notify::new()),
            sweep,
            stop,
            move || {
                let sweeper = sweeper.clone();
                async move {
                    let report = sweeper.run().await?;
                    Ok(report.expired + report.resumed + report.stalled)
                }
            },
        ));
        while let Some(ended) = tasks.join_next().await {
            if let Err(error) = ended {
                tracing::error!(error = %error, "a worker ended by itself");
            }
        }
    }
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

/// Applies events, and gives a sign of life while a turn takes long.
async fn apply(
    applier: Arc<DrainInbox>,
    bell: Arc<Notify>,
    bells: Bells,
    poll: Duration,
    stop: watch::Receiver<bool>,
) {
    let working = work("inbox", bell, poll, stop, || async {
        let report = applier.turn().await?;
        if report.applied > 0 {
            bells.provisioning.notify_one();
            bells.outbox.notify_one();
        }
        Ok(report.claimed())
    });
    let renewing = async {
        loop {
            tokio::time::sleep(RENEW_EVERY).await;
            if let Err(error) = applier.renew().await {
                tracing::warn!(error = %error, "the lanes in hand could not be renewed");
            }
        }
    };
    tokio::select! {
        () = working => {}
        () = renewing => {}
    }
    if let Err(error) = applier.release().await {
        tracing::warn!(error = %error, "the lanes in hand are free when their lease ends");
    }
}

async fn work<F, T>(
    name: &'static str,
    bell: Arc<Notify>,
    interval: Duration,
    mut stop: watch::Receiver<bool>,
    turn: F,
) where
    F: Fn() -> T,
    T: Future<Output = Result<u32, StoreFailure>>,
{
    while !*stop.borrow() {
        let rest = match turn().await {
            Ok(0) => interval,
            Ok(_) => continue,
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
