//! One running service: connected, migrated, wired, serving and working until it is told to stop.

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use actix_web::dev::ServerHandle;
use async_trait::async_trait;
use billing_actix::{
    BearerConfig, BearerKey, HttpConfig, Readiness, ReadinessCheck, Sha256KeyHasher,
};
use billing_domain::catalog::sync_catalog::PlannedProduct;
use billing_domain::deliveries::ports::EndpointRegistry;
use billing_domain::kernel::id::ProjectId;
use billing_domain::kernel::ports::{Clock, IdGenerator};
use billing_domain::outbox::ports::EventPublisher;
use billing_seaorm::{SeaOrmStore, SqliteSynchronous, StoreConfig};
use billing_stripe::{
    EVENT_TYPES, StripeConfig, StripeEventDecoder, StripePayloadScrubber, StripeProvider,
    StripeWebhookVerifier,
};
use secrecy::ExposeSecret;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use uuid::Uuid;

use crate::cli::Failure;
use crate::config::{AccessSection, Config, DatabaseSection, StripeMode, StripeSection, plan_file};
use crate::metrics::{LiveMetrics, Metrics};
use crate::wiring::{Application, Observers, Provider, Rules, Storage, build};

mod waiting;

/// What differs between production, demo and tests.
pub struct Surroundings {
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
    /// Makes ids.
    pub ids: Arc<dyn IdGenerator>,
    /// Where outbox messages go.
    pub publisher: Arc<dyn EventPublisher>,
    /// What a commit on SQLite waits for.
    pub sqlite_synchronous: SqliteSynchronous,
    /// Whether workers run by themselves; a test drains by a call instead.
    pub has_workers: bool,
}

/// A service that is running.
pub struct Service {
    /// Use cases and workers.
    pub application: Application,
    /// The project whose users have bearer tokens.
    pub default_project: ProjectId,
    /// Where it listens.
    pub address: SocketAddr,
    store: SeaOrmStore,
    server: ServerHandle,
    serving: JoinHandle<std::io::Result<()>>,
    /// Where metrics are open, if they are.
    pub metrics_address: Option<SocketAddr>,
    metrics_server: Option<ServerHandle>,
    working: Option<JoinHandle<()>>,
    stop_workers: watch::Sender<bool>,
    shutdown_timeout: Duration,
}

/// Connects to the configured database.
///
/// # Errors
/// [`Failure`] with what to change.
pub async fn connect(
    section: &DatabaseSection,
    synchronous: SqliteSynchronous,
) -> Result<SeaOrmStore, Failure> {
    let mut config = StoreConfig::new(section.url.expose_secret());
    config.connections_max = section.connections_max;
    config.sqlite_synchronous = synchronous;
    SeaOrmStore::connect(config)
        .await
        .map_err(|error| Failure::failed("the database cannot be opened", &error))
}

/// Applies pending migrations, under a lock.
///
/// # Errors
/// [`Failure`].
pub async fn migrate(store: &SeaOrmStore) -> Result<(), Failure> {
    store
        .migrate()
        .await
        .map_err(|error| Failure::failed("the database cannot be migrated", &error))
}

/// What the configuration amounts to, checked before the first connection is made.
pub struct Prepared {
    provider: Provider,
    plan: Option<Vec<PlannedProduct>>,
    http: HttpConfig,
    metrics: Arc<Metrics>,
}

impl Prepared {
    /// The webhook endpoints at Stripe, which need no database.
    pub fn endpoints(&self) -> Arc<dyn EndpointRegistry> {
        self.provider.endpoints.clone()
    }
}

/// Checks what needs more than one key, or a file.
///
/// # Errors
/// [`Failure`] for a configuration that contradicts itself.
pub fn prepare(config: &Config, surroundings: &Surroundings) -> Result<Prepared, Failure> {
    let plan = config.plan_catalog_file.as_deref().map(plan_file::load);
    let metrics = Metrics::new(EVENT_TYPES)
        .map_err(|error| Failure::failed("metrics cannot be counted", &error))?;
    Ok(Prepared {
        provider: provider(&config.stripe, surroundings.clock.clone())?,
        plan: plan.transpose().map_err(|error| Failure::usage(&error))?,
        // The project is known once the database is open; until then it is one that nobody has.
        http: http_config(config, ProjectId::from_uuid(Uuid::nil()))?,
        metrics: Arc::new(metrics),
    })
}

/// Builds the use cases over a database and Stripe.
pub fn assemble(
    config: &Config,
    surroundings: &Surroundings,
    prepared: &Prepared,
    store: &SeaOrmStore,
) -> Application {
    let storage = Storage::of(store.clone(), Arc::new(StoreReadiness(store.clone())));
    let rules = Rules {
        policy: Arc::new(config.checkout.clone()),
        billing_enabled: config.billing_enabled,
        jobs: config.jobs,
        publisher: surroundings.publisher.clone(),
        scan: config.scan,
        observers: observers(&prepared.metrics, surroundings, &storage),
    };
    build(
        &rules,
        surroundings.clock.clone(),
        surroundings.ids.clone(),
        Arc::new(Sha256KeyHasher),
        &prepared.provider,
        &storage,
    )
}

fn observers(metrics: &Arc<Metrics>, surroundings: &Surroundings, storage: &Storage) -> Observers {
    let tidied = metrics.clone();
    Observers {
        events: metrics.clone(),
        scans: metrics.clone(),
        page: Arc::new(LiveMetrics::new(
            metrics.clone(),
            surroundings.clock.clone(),
            storage.events.clone(),
            storage.scans.clone(),
            storage.outbox.clone(),
        )),
        tidy: Arc::new(move || tidied.tidy()),
    }
}

fn provider(section: &StripeSection, clock: Arc<dyn Clock>) -> Result<Provider, Failure> {
    let mode = match section.mode {
        StripeMode::Live => billing_stripe::StripeMode::Live,
        StripeMode::Test => billing_stripe::StripeMode::Test,
    };
    let mut config = StripeConfig::new(mode, section.secret_key.clone());
    config.api_base.clone_from(&section.api_base);
    config.api_version.clone_from(&section.api_version);
    config.timeout = section.timeout;
    config.retries_max = section.retries_max;
    let stripe =
        Arc::new(StripeProvider::new(&config, clock).map_err(|error| Failure::usage(&error))?);
    let tolerance = section.webhook_tolerance.unsigned_abs();
    let verifier = StripeWebhookVerifier::try_new(section.webhook_secrets.clone(), mode, tolerance)
        .map_err(|error| Failure::usage(&error))?;
    Ok(Provider {
        checkout: stripe.clone(),
        prices: stripe.clone(),
        parties: stripe.clone(),
        verifier: Arc::new(verifier),
        decoder: Arc::new(StripeEventDecoder),
        scrubber: Arc::new(StripePayloadScrubber),
        event_source: stripe.clone(),
        endpoints: stripe,
    })
}

impl Service {
    /// Starts everything; requests are answered when this returns.
    ///
    /// # Errors
    /// [`Failure`] with what to change.
    pub async fn start(
        config: &Config,
        surroundings: Surroundings,
        listener: TcpListener,
    ) -> Result<Self, Failure> {
        let prepared = prepare(config, &surroundings)?;
        let store = connect(&config.database, surroundings.sqlite_synchronous).await?;
        let application = assemble(config, &surroundings, &prepared, &store);
        if config.database.migrate_on_startup {
            migrate(&store).await?;
        } else {
            let http = prepared.http.clone();
            waiting::until_migrated(&store, &listener, http, &application.use_cases).await?;
        }
        let default_project = ensure_project(config, &application).await?;
        sync_catalog(&prepared, &application, default_project).await?;
        let mut http = prepared.http;
        if let Some(bearer) = &mut http.bearer {
            bearer.project = default_project;
        }
        let address = listener
            .local_addr()
            .map_err(|error| Failure::failed("the address cannot be read", &error))?;
        let server = billing_actix::server(listener, http, application.use_cases.clone())
            .map_err(|error| Failure::failed("the server cannot be started", &error))?;
        let handle = server.handle();
        let serving = tokio::spawn(server);
        let open = config.http.metrics_bind;
        let open = open.map(|at| open_metrics(at, &application)).transpose()?;
        let (metrics_address, metrics_server) = open.unzip();
        let (stop_workers, stopped) = watch::channel(false);
        let has_workers = surroundings.has_workers && config.jobs.is_working;
        let working = has_workers.then(|| tokio::spawn(application.workers.clone().run(stopped)));
        tracing::info!(server.address = %address, billing.enabled = config.billing_enabled, "listening on {address}");
        Ok(Self {
            application,
            default_project,
            address,
            store,
            server: handle,
            serving,
            metrics_address,
            metrics_server,
            working,
            stop_workers,
            shutdown_timeout: config.http.shutdown_timeout,
        })
    }

    /// Waits until the server ends by itself, which is a failure.
    pub async fn ended(&mut self) -> Failure {
        match (&mut self.serving).await {
            Ok(Err(error)) => Failure::failed("the server ended", &error),
            Ok(Ok(())) => Failure::because("the server ended by itself"),
            Err(error) => Failure::failed("the server crashed", &error),
        }
    }

    /// Stops: no new connections, requests and claimed work end, bounded by the time-out.
    ///
    /// # Errors
    /// [`Failure`] if something had to be cut off.
    pub async fn stop(self) -> Result<(), Failure> {
        let finish = async {
            self.server.stop(true).await;
            if let Some(metrics) = self.metrics_server {
                metrics.stop(false).await;
            }
            // Nobody listens any more when the workers have ended by themselves.
            let _ = self.stop_workers.send(true);
            if let Some(working) = self.working {
                let _ = working.await;
            }
            let _ = self.store.close().await;
        };
        tokio::time::timeout(self.shutdown_timeout, finish)
            .await
            .map_err(|_| {
                Failure::because(format!(
                    "work was cut off after {} s; it is taken up again at the next start",
                    self.shutdown_timeout.as_secs()
                ))
            })
    }
}

/// Serves the metrics on an address of their own.
fn open_metrics(
    bind: SocketAddr,
    application: &Application,
) -> Result<(SocketAddr, ServerHandle), Failure> {
    let failed = |error: std::io::Error| {
        Failure::because(format!(
            "{bind} cannot be listened on ({error}); choose another with METRICS_BIND_ADDR"
        ))
    };
    let listener = TcpListener::bind(bind).map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    let page = application.use_cases.metrics.clone();
    let server = billing_actix::metrics_server(listener, page).map_err(failed)?;
    let handle = server.handle();
    tokio::spawn(server);
    tracing::info!(metrics.address = %address, "metrics are open on {address}");
    Ok((address, handle))
}

/// The project of the users with bearer tokens; created at the first start.
///
/// # Errors
/// [`Failure`].
pub async fn ensure_project(
    config: &Config,
    application: &Application,
) -> Result<ProjectId, Failure> {
    let name = &config.access.default_project;
    let project = application.issue_api_key.ensure_project(name).await;
    project.map_err(|error| Failure::failed("the default project cannot be read", &error))
}

/// Brings the plan file's products in line, where there is one; gives how many rows changed.
///
/// # Errors
/// [`Failure`].
pub async fn sync_catalog(
    prepared: &Prepared,
    application: &Application,
    project: ProjectId,
) -> Result<u32, Failure> {
    let Some(plan) = &prepared.plan else {
        return Ok(0);
    };
    let changed = application.sync_catalog.run(project, plan).await;
    changed.map_err(|error| Failure::failed("the catalogue cannot be brought in line", &error))
}

fn http_config(config: &Config, default_project: ProjectId) -> Result<HttpConfig, Failure> {
    Ok(HttpConfig {
        shutdown_timeout: config.http.shutdown_timeout,
        workers: config.http.workers,
        connections_max: config.http.connections_max,
        unverified_bytes_max: config.http.unverified_bytes_max,
        bearer: bearer(&config.access, default_project)?,
        operator_key_hash: config.access.operator_key_hash.clone(),
        is_billing_enabled: config.billing_enabled,
        is_stripe_configured: config.stripe.secret_key.is_some(),
        has_legacy_aliases: config.http.legacy_aliases,
        ..HttpConfig::default()
    })
}

/// Whether the database answers and has every migration.
struct StoreReadiness(SeaOrmStore);

#[async_trait]
impl Readiness for StoreReadiness {
    async fn checks(&self) -> Vec<ReadinessCheck> {
        let database = match self.0.ping().await {
            Ok(()) => ReadinessCheck {
                name: "database",
                is_ready: true,
                detail: "answers".to_owned(),
            },
            Err(_) => {
                return vec![ReadinessCheck {
                    name: "database",
                    is_ready: false,
                    detail: "does not answer".to_owned(),
                }];
            }
        };
        let (is_ready, detail) = match self.0.migration_status().await {
            Ok(status) if status.is_current() => {
                (true, format!("{} applied", status.applied.len()))
            }
            Ok(status) => (
                false,
                format!(
                    "{} pending; run `billing-app migrate`",
                    status.pending.len()
                ),
            ),
            Err(_) => (false, "cannot be read".to_owned()),
        };
        vec![
            database,
            ReadinessCheck {
                name: "migrations",
                is_ready,
                detail,
            },
        ]
    }
}

/// Issuer, audience and a key belong together: some of them without the others is a mistake.
fn bearer(section: &AccessSection, project: ProjectId) -> Result<Option<BearerConfig>, Failure> {
    let mut keys = Vec::new();
    if let Some(secret) = &section.bearer_hs256_secret {
        keys.push(BearerKey::hs256(secret).map_err(|error| Failure::usage(&error))?);
    }
    if let Some(pem) = &section.bearer_public_key_pem {
        let key =
            BearerKey::rs256_pem(pem.as_bytes()).or_else(|_| BearerKey::es256_pem(pem.as_bytes()));
        keys.push(key.map_err(|error| Failure::usage(&error))?);
    }
    match (&section.bearer_issuer, &section.bearer_audience, keys.is_empty()) {
        (None, None, true) => Ok(None),
        (Some(issuer), Some(audience), false) => Ok(Some(BearerConfig {
            issuer: issuer.clone(),
            audience: audience.clone(),
            keys,
            leeway_seconds: 30,
            project,
        })),
        _ => Err(Failure {
            message: "BEARER_ISSUER, BEARER_AUDIENCE and one of BEARER_HS256_SECRET and BEARER_PUBLIC_KEY_FILE \
                      belong together: set all three or none"
                .to_owned(),
            code: 2,
        }),
    }
}
