//! What each command does, in the order in which it does it.

use std::io::Write;
use std::net::TcpListener;
use std::sync::Arc;

use billing_domain::kernel::text::Title;
use billing_domain::kernel::timestamp::Timestamp;
use billing_seaorm::{SeaOrmStore, SqliteSynchronous};
use time::Duration;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::bench::BenchCommand;
use crate::cli::{Command, ConfigArgs, CreateApiKeyArgs, Failure};
use crate::clock::{RandomIds, SystemClock};
use crate::config::Config;
use crate::service::{
    Service, Surroundings, assemble, connect, ensure_project, migrate, prepare, sync_catalog,
};
use crate::wiring::LogPublisher;
use crate::{bench, demo, events, open_files, rebuild, telemetry, webhook};

/// Runs a command to its end.
///
/// # Errors
/// [`Failure`]: the sentence to print and the exit code.
pub fn run(command: Command) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::failed("the runtime cannot be started", &error))?;
    let outcome = runtime.block_on(async {
        match command {
            Command::Serve(args) => serve(&args).await,
            Command::Migrate(args) => run_migrations(&args).await,
            Command::Demo(args) => demo::run(args).await,
            Command::Openapi => openapi(),
            Command::CreateApiKey(args) => create_api_key(&args).await,
            Command::SyncCatalog(args) => bring_catalog_in_line(&args).await,
            Command::Events(args) => events::run(*args).await,
            Command::Rebuild(args) => rebuild::run(args).await,
            Command::Webhook(args) => webhook::run(args).await,
            Command::Bench { what } => match what {
                None | Some(BenchCommand::Start) => bench::run(),
                Some(BenchCommand::Webhooks(args)) => bench::webhooks::run(*args).await,
                Some(BenchCommand::Rebuild(args)) => bench::rebuild::run(args).await,
                // It has a runtime of one thread, so that it costs little.
                Some(BenchCommand::Load(args)) => {
                    tokio::task::spawn_blocking(move || bench::load::run(&args))
                        .await
                        .map_err(|error| Failure::failed("the load ended", &error))?
                }
            },
        }
    });
    if outcome.is_err() {
        // Threads that are still in the middle of something need it until the process ends.
        std::mem::forget(runtime);
    }
    outcome
}

fn openapi() -> Result<(), Failure> {
    let document = billing_actix::openapi().to_pretty_json();
    say(&document.map_err(|error| Failure::failed("the document cannot be written", &error))?)
}

/// Prints a text for the caller.
///
/// # Errors
/// [`Failure`] if nobody reads any more.
pub fn say(text: &str) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{text}")
        .and_then(|()| out.flush())
        .map_err(|error| Failure::failed("the output cannot be written", &error))
}

/// The real world.
pub(crate) fn production() -> Surroundings {
    Surroundings {
        clock: Arc::new(SystemClock),
        ids: Arc::new(RandomIds),
        publisher: Arc::new(LogPublisher),
        sqlite_synchronous: SqliteSynchronous::Full,
        has_workers: true,
    }
}

pub(crate) fn load(args: &ConfigArgs) -> Result<Config, Failure> {
    Config::load(args.config.as_deref()).map_err(|error| Failure::usage(&error))
}

async fn serve(args: &ConfigArgs) -> Result<(), Failure> {
    let config = load(args)?;
    telemetry::init(&config.log, None)
        .map_err(|error| Failure::failed("logging cannot be started", &error))?;
    tracing::info!(config = ?config, "configured");
    open_files::allow(config.http.connections_max);
    let bind = config.http.bind;
    let listener = TcpListener::bind(bind).map_err(|error| {
        Failure::because(format!(
            "{bind} cannot be listened on ({error}); choose another with BIND_ADDR"
        ))
    })?;
    // One listener for the whole run: a signal that comes between two would be heard by neither.
    let mut signals = StopSignals::listen()?;
    let mut service = tokio::select! {
        started = Service::start(&config, production(), listener) => started?,
        // A start may wait for the database's tables for as long as it takes.
        () = signals.heard() => return Ok(()),
    };
    say(&format!(
        "ready on http://{} (Ctrl-C stops)",
        service.address
    ))?;
    tokio::select! {
        failure = service.ended() => Err(failure),
        () = signals.heard() => stop_unless_told_again(service, &mut signals).await,
    }
}

/// Waits for Ctrl-C or a terminate signal.
///
/// # Errors
/// [`Failure`] if signals cannot be heard.
pub(crate) async fn stop_signal() -> Result<(), Failure> {
    StopSignals::listen()?.heard().await;
    Ok(())
}

/// Ctrl-C and the terminate signal, kept from the moment of listening until they are asked for.
struct StopSignals {
    interrupt: Signal,
    terminate: Signal,
}

impl StopSignals {
    fn listen() -> Result<Self, Failure> {
        let to =
            |kind| signal(kind).map_err(|error| Failure::failed("signals cannot be heard", &error));
        Ok(Self {
            interrupt: to(SignalKind::interrupt())?,
            terminate: to(SignalKind::terminate())?,
        })
    }

    async fn heard(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

/// Stops in good order; a second signal ends at once.
async fn stop_unless_told_again(
    service: Service,
    signals: &mut StopSignals,
) -> Result<(), Failure> {
    tracing::info!("stopping: no new connections; requests and claimed work are finished");
    tokio::select! {
        stopped = service.stop() => stopped,
        () = signals.heard() => Err(Failure::because("stopped at once by a second signal")),
    }
}

/// A command that does not migrate says so instead of failing at the first missing table.
pub(crate) async fn must_be_migrated(store: &SeaOrmStore) -> Result<(), Failure> {
    let status = store.migration_status().await;
    let status =
        status.map_err(|error| Failure::failed("the migrations cannot be read", &error))?;
    if status.is_current() {
        return Ok(());
    }
    Err(Failure::because(format!(
        "the database lacks {} migrations; run `billing-app migrate` first",
        status.pending.len()
    )))
}

async fn run_migrations(args: &ConfigArgs) -> Result<(), Failure> {
    let config = load(args)?;
    let store = connect(&config.database, SqliteSynchronous::Full).await?;
    let status =
        |status: billing_seaorm::MigrationStatus| (status.applied.len(), status.pending.len());
    let before = store.migration_status().await;
    let (_, pending) = before
        .map(status)
        .map_err(|error| Failure::failed("the migrations cannot be read", &error))?;
    migrate(&store).await?;
    say(&format!(
        "{pending} migrations applied; the database is up to date. Next: billing-app serve"
    ))
}

async fn create_api_key(args: &CreateApiKeyArgs) -> Result<(), Failure> {
    let config = load(&args.config)?;
    let surroundings = production();
    let prepared = prepare(&config, &surroundings)?;
    let title = |flag: &str, text: &str| {
        Title::parse(text).map_err(|error| Failure {
            message: format!("{flag} {error}"),
            code: 2,
        })
    };
    let expires_at: Option<Timestamp> = args.expires_in_days.map(|days| {
        surroundings
            .clock
            .now()
            .plus(Duration::days(i64::from(days)))
    });
    let (project, app) = (
        title("--project", &args.project)?,
        title("--app", &args.app)?,
    );
    let store = connect(&config.database, SqliteSynchronous::Full).await?;
    if config.database.migrate_on_startup {
        migrate(&store).await?;
    }
    let application = assemble(&config, &surroundings, &prepared, &store);
    let issued = application
        .issue_api_key
        .run(&project, &app, expires_at)
        .await;
    let issued = issued.map_err(|error| Failure::failed("the key cannot be issued", &error))?;
    let expiry = expires_at.map_or_else(
        || "never expires".to_owned(),
        |at| format!("expires at {at}"),
    );
    say(&format!(
        "{}\n\nproject {} ({project}), application {app}, {expiry}.\n\
         It is shown this once and kept only as a hash. Send it as the header X-API-Key.",
        issued.secret, issued.project_id
    ))
}

async fn bring_catalog_in_line(args: &ConfigArgs) -> Result<(), Failure> {
    let config = load(args)?;
    if config.plan_catalog_file.is_none() {
        return Err(Failure {
            message:
                "PLAN_CATALOG_FILE is not set: name the TOML file of the products that are sold"
                    .to_owned(),
            code: 2,
        });
    }
    let surroundings = production();
    let prepared = prepare(&config, &surroundings)?;
    let store = connect(&config.database, SqliteSynchronous::Full).await?;
    must_be_migrated(&store).await?;
    let application = assemble(&config, &surroundings, &prepared, &store);
    let project = ensure_project(&config, &application).await?;
    let changed = sync_catalog(&prepared, &application, project).await?;
    say(&format!(
        "{changed} products and prices changed; the catalogue is in line"
    ))
}
