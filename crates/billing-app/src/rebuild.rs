//! `billing-app rebuild --check`: replays the log into an empty database beside the live one and
//! compares. The live database is only read.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use billing_domain::kernel::ports::Core;
use billing_domain::kernel::timestamp::Timestamp;
use billing_domain::provider_events::apply_provider_event::ApplyProviderEvent;
use billing_domain::provider_events::ports::EventDecoder;
use billing_domain::provisioning::run_provisioning::RunProvisioning;
use billing_domain::rebuild::check_rebuild::{CheckProgress, CheckRebuild, RebuildReport};
use billing_domain::rebuild::replay_history::ReplayHistory;
use billing_domain::rebuild::script::Script;
use billing_seaorm::{RebuildStore, SeaOrmStore, SqliteSynchronous, StoreConfig};
use billing_stripe::StripeEventDecoder;
use clap::Args;

use crate::cli::{ConfigArgs, Failure};
use crate::commands::{load, must_be_migrated, production, say};
use crate::demo::temporary_folder;
use crate::service::{connect, migrate};

mod page;

const EXAMPLES: &str = "\
Examples:
  billing-app rebuild --check          does the record follow from the log? Names what does not
  billing-app rebuild --check --json   the same for a program

Exit codes: 0 the record is what the log leads to, 1 it is not or the check failed, 2 wrong usage or configuration.
";

/// How often progress is told.
const TOLD_EVERY: Duration = Duration::from_secs(1);

/// What to rebuild.
#[derive(Debug, Args)]
#[command(before_help = EXAMPLES)]
pub struct RebuildArgs {
    /// Configuration.
    #[command(flatten)]
    pub config: ConfigArgs,
    /// Compare and change nothing, which is all that can be asked.
    #[arg(long, required = true)]
    pub check: bool,
    /// Print one JSON object.
    #[arg(long)]
    pub json: bool,
}

/// Checks the configured database.
///
/// # Errors
/// [`Failure`]: a difference was found, or the check could not be made.
pub async fn run(args: RebuildArgs) -> Result<(), Failure> {
    let config = load(&args.config)?;
    let live = connect(&config.database, SqliteSynchronous::Full).await?;
    must_be_migrated(&live).await?;
    let folder = temporary_folder("rebuild")?;
    let now = production().clock.now();
    let told = Told::new(args.json);
    told.line("putting the log into order");
    let rebuilt = RebuiltHouse::beside(live, folder.path(), now).await?;
    let total = rebuilt.commit_count().await?;
    told.line(&format!("{total} commits and events to replay"));
    let report = rebuilt.check(now, &|at| told.progress(at, total)).await?;
    rebuilt.close().await?;
    if args.json {
        say(&page::json(&report).to_string())?;
    } else {
        say(&page::text(&report))?;
    }
    if report.is_proved() {
        return Ok(());
    }
    Err(Failure::because(
        "the record is not what the log leads to; what differs is named above",
    ))
}

/// Tells whoever waits how far the check is; no part of the answer.
struct Told {
    is_quiet: bool,
    last: Mutex<Instant>,
}

impl Told {
    fn new(is_quiet: bool) -> Self {
        Self {
            is_quiet,
            last: Mutex::new(Instant::now()),
        }
    }

    fn line(&self, text: &str) {
        if !self.is_quiet {
            eprintln!("{text}");
        }
    }

    /// Not more often than somebody reads.
    fn progress(&self, progress: CheckProgress, total: u64) {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if last.elapsed() < TOLD_EVERY {
            return;
        }
        *last = Instant::now();
        self.line(&match progress {
            CheckProgress::Replayed(done) => format!("{done} of {total} replayed"),
            CheckProgress::Compared(kind, rows) => {
                format!("{}: {rows} rows compared", kind.name())
            }
        });
    }
}

/// The use cases that decide again, over an empty store beside the live one.
pub struct RebuiltHouse {
    store: RebuildStore,
    script: Arc<Script>,
    decoder: Arc<dyn EventDecoder>,
}

impl RebuiltHouse {
    /// Makes the empty store in a folder of its own, and puts the log up to a time into order.
    ///
    /// # Errors
    /// [`Failure`].
    pub async fn beside(
        live: SeaOrmStore,
        folder: &Path,
        as_of: Timestamp,
    ) -> Result<Self, Failure> {
        let mut config =
            StoreConfig::new(format!("sqlite:{}", folder.join("rebuilt.db").display()));
        // Nobody misses it if the power is cut.
        config.sqlite_synchronous = SqliteSynchronous::Normal;
        config.connections_max = 2;
        let rebuilt = SeaOrmStore::connect(config)
            .await
            .map_err(|error| Failure::failed("the empty database cannot be made", &error))?;
        migrate(&rebuilt).await?;
        let store = RebuildStore::prepare(live, rebuilt, as_of)
            .await
            .map_err(|error| Failure::failed("the log cannot be read", &error))?;
        Ok(Self {
            store,
            script: Arc::new(Script::starting_at(as_of)),
            decoder: Arc::new(StripeEventDecoder),
        })
    }

    /// An empty store by itself, for a recorded case.
    ///
    /// # Errors
    /// [`Failure`].
    pub async fn alone(folder: &Path, at: Timestamp) -> Result<Self, Failure> {
        let nothing = StoreConfig::new("sqlite::memory:");
        let nothing = SeaOrmStore::connect(nothing)
            .await
            .map_err(|error| Failure::failed("no database in memory", &error))?;
        migrate(&nothing).await?;
        Self::beside(nothing, folder, at).await
    }

    /// Both stores.
    pub fn store(&self) -> &RebuildStore {
        &self.store
    }

    /// How many commits there are.
    ///
    /// # Errors
    /// [`Failure`].
    pub async fn commit_count(&self) -> Result<u64, Failure> {
        use billing_domain::rebuild::ports::History;
        let count = self.store.commit_count().await;
        count.map_err(|error| Failure::failed("the log cannot be read", &error))
    }

    /// Replays and compares.
    ///
    /// # Errors
    /// [`Failure`] if it cannot be done; a difference is in the report.
    pub async fn check(
        &self,
        as_of: Timestamp,
        progress: &(dyn Fn(CheckProgress) + Send + Sync),
    ) -> Result<RebuildReport, Failure> {
        let check = CheckRebuild {
            replay: self.replay(),
            projection: Arc::new(self.store.clone()),
        };
        let report = check.run(as_of, progress).await;
        report.map_err(|error| Failure::failed("the check could not be made", &error))
    }

    /// The use case that replays.
    pub fn replay(&self) -> ReplayHistory {
        let rebuilt = Arc::new(self.store.rebuilt());
        let core = Core {
            writer: rebuilt.clone(),
            clock: self.script.clone(),
            ids: self.script.clone(),
        };
        let events = ApplyProviderEvent {
            core: core.clone(),
            decoder: self.decoder.clone(),
            provider: self.script.clone(),
            parties: self.script.clone(),
            customers: rebuilt.clone(),
            catalog: rebuilt.clone(),
            intents: rebuilt.clone(),
            subscriptions: rebuilt.clone(),
            workflows: rebuilt.clone(),
            licensing: rebuilt.clone(),
            entitlements: rebuilt.clone(),
        };
        let provisioning = RunProvisioning {
            core: core.clone(),
            workflows: rebuilt.clone(),
            intents: rebuilt.clone(),
            tenants: rebuilt.clone(),
            licensing: rebuilt.clone(),
            catalog: rebuilt.clone(),
            subscriptions: rebuilt.clone(),
            users: rebuilt.clone(),
        };
        let store = Arc::new(self.store.clone());
        ReplayHistory {
            history: store.clone(),
            given: store,
            inbox: rebuilt.clone(),
            events: Arc::new(events),
            provisioning: Arc::new(provisioning),
            plans: rebuilt,
            core,
            script: self.script.clone(),
        }
    }

    /// Closes the empty store, so that its folder can go.
    ///
    /// # Errors
    /// [`Failure`].
    pub async fn close(&self) -> Result<(), Failure> {
        let closed = self.store.rebuilt().close().await;
        closed.map_err(|error| Failure::failed("the empty database cannot be closed", &error))
    }
}
