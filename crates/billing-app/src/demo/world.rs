//! The demo's world: a sandbox with one product, and the service pointed at it by base URL, as it
//! would be at Stripe.

use std::fmt::Write;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use billing_domain::kernel::ports::{Clock, IdGenerator};
use billing_domain::kernel::text::Title;
use billing_sandbox::{Sandbox, SandboxConfig, WebhookConfig};
use billing_seaorm::SqliteSynchronous;
use serde_json::Value;

use super::credentials::{AUDIENCE, Credentials, ISSUER, token};
use super::ids::SeededIds;
use super::timeline::Recorder;
use super::{DemoArgs, STEP_TIMEOUT};
use crate::cli::Failure;
use crate::clock::{RandomIds, SystemClock};
use crate::config::{Config, RawConfig};
use crate::service::{Service, Surroundings};
use crate::telemetry;

/// The price of the one product.
pub const LOOKUP_KEY: &str = "team_yearly";

/// What its licences open.
pub const FEATURE: &str = "reports.export";

const PLAN_FILE: &str = r#"# Written by `billing-app demo`: what is sold, by the lookup key of its price.
[[product]]
kind = "licence_pack"
name = "Team licences"
lookup_key = "team_yearly"
feature_codes = ["reports.export", "reports.share"]
quantity_min = 5
quantity_max = 30
"#;

/// Everything that runs.
pub struct World {
    pub sandbox: Sandbox,
    pub service: Service,
    pub service_url: String,
    pub credentials: Credentials,
    pub recorder: Arc<Recorder>,
    pub database: String,
    pub log_file: PathBuf,
    pub http: reqwest::Client,
    /// With it a test makes tokens for further people.
    pub bearer_secret: String,
    config: Config,
    ids: Arc<dyn IdGenerator>,
}

impl World {
    pub async fn start(args: &DemoArgs, data: &Path) -> Result<Self, Failure> {
        std::fs::create_dir_all(data).map_err(|error| {
            Failure::because(format!(
                "the folder {} cannot be made ({error}); choose another one with --data",
                data.display()
            ))
        })?;
        let log_file = data.join("demo.log");
        let database = database(args, data)?;
        let listener = listen(args)?;
        let address = listener
            .local_addr()
            .map_err(|error| Failure::failed("no address", &error))?;
        let service_url = format!("http://{address}");
        let sandbox = sandbox(args, &service_url).await?;
        let http = reqwest::Client::builder()
            .timeout(STEP_TIMEOUT)
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .build()
            .map_err(|error| Failure::failed("no HTTP client", &error))?;
        stock(&http, &sandbox).await?;

        let ids: Arc<dyn IdGenerator> = if args.auto {
            Arc::new(SeededIds::new(args.seed))
        } else {
            Arc::new(RandomIds)
        };
        let bearer_secret = RandomIds.secret();
        let plan_file = data.join("products.toml");
        std::fs::write(&plan_file, PLAN_FILE)
            .map_err(|error| Failure::failed("the plan file cannot be written", &error))?;
        let config = config(
            &service_url,
            &sandbox,
            &database,
            &bearer_secret,
            &plan_file,
        )?;
        telemetry::init(&config.log, Some(&log_file))
            .map_err(|error| Failure::failed("no log file", &error))?;
        let recorder = Arc::new(Recorder::default());
        // By itself the story is told step by step, so that it is the same every time.
        let surroundings = surroundings(&ids, &recorder, !args.auto);
        let service = Service::start(&config, surroundings, listener).await?;
        let credentials = credentials(&service, &bearer_secret).await?;
        Ok(Self {
            sandbox,
            service,
            service_url,
            credentials,
            recorder,
            database,
            log_file,
            http,
            bearer_secret,
            config,
            ids,
        })
    }

    /// Starts the service once more, at its old address and without workers, with another webhook
    /// secret to believe: what an operator does after registering a second destination.
    pub async fn believing(mut self, secret: String) -> Result<Self, Failure> {
        let address = self.service.address;
        self.service.stop().await?;
        let listener = TcpListener::bind(address)
            .map_err(|error| Failure::failed("the address is taken", &error))?;
        self.config.stripe.webhook_secrets.push(secret.into());
        let surroundings = surroundings(&self.ids, &self.recorder, false);
        let service = Service::start(&self.config, surroundings, listener).await?;
        Ok(Self { service, ..self })
    }

    pub async fn stop(self) -> Result<(), Failure> {
        let stopped = self.service.stop().await;
        self.sandbox.stop().await;
        stopped
    }
}

fn surroundings(
    ids: &Arc<dyn IdGenerator>,
    recorder: &Arc<Recorder>,
    has_workers: bool,
) -> Surroundings {
    Surroundings {
        clock: Arc::new(SystemClock),
        ids: ids.clone(),
        publisher: recorder.clone(),
        sqlite_synchronous: SqliteSynchronous::Full,
        has_workers,
    }
}

/// A new database for every run: the sandbox forgets, so the record of an earlier run would speak
/// of objects that are gone.
fn database(args: &DemoArgs, data: &Path) -> Result<String, Failure> {
    if let Some(url) = &args.database_url {
        return Ok(url.clone());
    }
    let file = data.join("demo.db");
    for name in ["demo.db", "demo.db-wal", "demo.db-shm"] {
        let old = data.join(name);
        if old.exists() {
            std::fs::remove_file(&old).map_err(|error| {
                Failure::because(format!(
                    "the database {} of an earlier run cannot be removed ({error}); is a demo still running? \
                     Choose another folder with --data",
                    old.display()
                ))
            })?;
        }
    }
    Ok(format!("sqlite://{}", file.display()))
}

fn listen(args: &DemoArgs) -> Result<TcpListener, Failure> {
    let port = if args.auto { 0 } else { args.port };
    TcpListener::bind(("127.0.0.1", port)).map_err(|error| {
        Failure::because(format!("port {port} cannot be listened on ({error}); choose another one with --port, or 0 for any"))
    })
}

async fn sandbox(args: &DemoArgs, service_url: &str) -> Result<Sandbox, Failure> {
    let config = SandboxConfig {
        port: if args.auto { 0 } else { args.sandbox_port },
        seed: u64::from(args.seed),
        auto_deliver: !args.auto,
        webhook: Some(WebhookConfig {
            url: format!("{service_url}/api/v1/webhooks/stripe"),
            secret: None,
            api_version: None,
        }),
        ..SandboxConfig::default()
    };
    Sandbox::start(config).await.map_err(|error| {
        let text = error.to_string().replace("--port", "--sandbox-port");
        Failure::because(format!("the sandbox does not start: {text}"))
    })
}

/// Makes the product and its price at the sandbox, as somebody would at Stripe.
async fn stock(http: &reqwest::Client, sandbox: &Sandbox) -> Result<(), Failure> {
    let product = post(http, sandbox, "/v1/products", &[("name", "Team licences")]).await?;
    let id = product["id"].as_str().unwrap_or_default();
    let price = [
        ("product", id),
        ("currency", "usd"),
        ("unit_amount", "12000"),
        ("recurring[interval]", "year"),
        ("lookup_key", LOOKUP_KEY),
    ];
    post(http, sandbox, "/v1/prices", &price).await.map(|_| ())
}

async fn post(
    http: &reqwest::Client,
    sandbox: &Sandbox,
    path: &str,
    form: &[(&str, &str)],
) -> Result<Value, Failure> {
    let body = form_encoded(form);
    let answer = http
        .post(format!("{}{path}", sandbox.url()))
        .bearer_auth(sandbox.secret_key())
        .header("Content-Type", "application/x-www-form-urlencoded")
        .body(body)
        .send()
        .await
        .map_err(|error| Failure::failed("the sandbox does not answer", &error))?;
    let status = answer.status();
    let value: Value = answer
        .json()
        .await
        .map_err(|error| Failure::failed("the sandbox's answer", &error))?;
    if status.is_success() {
        Ok(value)
    } else {
        Err(Failure::because(format!(
            "POST {path} was answered {status}: {value}"
        )))
    }
}

/// Writes a form; every byte but letters and digits is escaped, which any reader undoes.
pub fn form_encoded(form: &[(&str, &str)]) -> String {
    let escaped = |text: &str| {
        text.bytes().fold(String::new(), |mut out, byte| {
            if byte.is_ascii_alphanumeric() {
                out.push(char::from(byte));
            } else {
                // Writing to a text cannot fail.
                let _ = write!(out, "%{byte:02X}");
            }
            out
        })
    };
    form.iter()
        .map(|(key, value)| format!("{}={}", escaped(key), escaped(value)))
        .collect::<Vec<_>>()
        .join("&")
}

fn config(
    service_url: &str,
    sandbox: &Sandbox,
    database: &str,
    bearer_secret: &str,
    plan_file: &Path,
) -> Result<Config, Failure> {
    let raw = RawConfig {
        database_url: database.to_owned(),
        public_url: service_url.to_owned(),
        billing_enabled: true,
        stripe_secret_key: Some(sandbox.secret_key().to_owned()),
        stripe_webhook_secret: sandbox.webhook_secret().map(str::to_owned),
        stripe_api_base: sandbox.url().to_owned(),
        // The customer pays at once, so that there is money to see.
        trial_period_days: 0,
        plan_catalog_file: Some(plan_file.display().to_string()),
        bearer_issuer: Some(ISSUER.to_owned()),
        bearer_audience: Some(AUDIENCE.to_owned()),
        bearer_hs256_secret: Some(bearer_secret.to_owned()),
        log_format: "text".to_owned(),
        shutdown_timeout_seconds: 5,
        ..RawConfig::default()
    };
    Config::parse(&raw).map_err(|error| Failure::usage(&error))
}

async fn credentials(service: &Service, bearer_secret: &str) -> Result<Credentials, Failure> {
    let now = SystemClock.now();
    let title = |text: &str| Title::parse(text).map_err(|error| Failure::usage(&error));
    let (project, app) = (title("default")?, title("demo app")?);
    let key = service
        .application
        .issue_api_key
        .run(&project, &app, None)
        .await;
    let key = key.map_err(|error| Failure::failed("the app's key cannot be issued", &error))?;
    Ok(Credentials {
        buyer: token(bearer_secret, "ada", "ada@acme.example", &[], now)?,
        learner: token(bearer_secret, "grace", "grace@acme.example", &[], now)?,
        operator: token(
            bearer_secret,
            "olga",
            "olga@billing.example",
            &["operator"],
            now,
        )?,
        app_key: key.secret,
        project_id: key.project_id,
    })
}
