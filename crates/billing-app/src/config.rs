//! Configuration: from the environment and a file, parsed into one struct per section before the
//! first connection is made. Secrets never reach a log.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use billing_domain::checkout::policy::CheckoutPolicy;
use billing_domain::deliveries::scan::ScanPolicy;
use billing_domain::kernel::text::Title;
use figment::Figment;
use figment::providers::{Env, Format, Serialized, Toml};
use secrecy::SecretString;
use time::Duration;

pub mod plan_file;
mod raw;
mod sections;

use sections::{access, checkout, database, http, jobs, log, present, scan, stripe};

pub use raw::RawConfig;

/// The whole configuration, valid.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where and how HTTP is served.
    pub http: HttpSection,
    /// Where the data is.
    pub database: DatabaseSection,
    /// How Stripe is reached.
    pub stripe: StripeSection,
    /// The rules of a checkout.
    pub checkout: CheckoutPolicy,
    /// Who may call.
    pub access: AccessSection,
    /// What runs beside the requests.
    pub jobs: JobsSection,
    /// When Stripe's list of events is looked through.
    pub scan: ScanPolicy,
    /// How logs are written.
    pub log: LogSection,
    /// C-003: deployment and activation are separate; off by default.
    pub billing_enabled: bool,
    /// Products that are brought in line at start.
    pub plan_catalog_file: Option<PathBuf>,
}

/// Where and how HTTP is served.
#[derive(Debug, Clone)]
pub struct HttpSection {
    /// The address to listen on.
    pub bind: SocketAddr,
    /// Where metrics are served without credentials.
    pub metrics_bind: Option<SocketAddr>,
    /// The address under which Stripe and payers reach the service, without a slash at its end.
    pub public_url: String,
    /// Whether the original paths of the five parts are mounted as aliases.
    pub legacy_aliases: bool,
    /// How long a shutdown waits for requests and workers.
    pub shutdown_timeout: std::time::Duration,
    /// How many threads serve requests.
    pub workers: usize,
    /// How many connections may be open at once.
    pub connections_max: usize,
    /// How many bytes large deliveries may hold that are not verified and stored.
    pub unverified_bytes_max: usize,
}

/// Where the data is.
#[derive(Clone)]
pub struct DatabaseSection {
    /// `sqlite://…` or `postgres://…`.
    pub url: SecretString,
    /// Whether `serve` applies pending migrations (under a lock).
    pub migrate_on_startup: bool,
    /// How many connections at most.
    pub connections_max: u32,
}

impl std::fmt::Debug for DatabaseSection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DatabaseSection")
            .field("url", &"***")
            .field("migrate_on_startup", &self.migrate_on_startup)
            .field("connections_max", &self.connections_max)
            .finish()
    }
}

/// Whether real money moves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StripeMode {
    /// It does.
    Live,
    /// It does not; the sandbox is test mode with its own address.
    Test,
}

/// How Stripe is reached.
#[derive(Debug, Clone)]
pub struct StripeSection {
    /// Whether real money moves.
    pub mode: StripeMode,
    /// Absent: every call is answered `stripe_not_configured`.
    pub secret_key: Option<SecretString>,
    /// Any of them may have signed; several during a rotation.
    pub webhook_secrets: Vec<SecretString>,
    /// How old a signature may be.
    pub webhook_tolerance: Duration,
    /// `https://api.stripe.com`, or the sandbox.
    pub api_base: String,
    /// The version of outgoing calls; the adapter's own if absent.
    pub api_version: Option<String>,
    /// For one attempt of a call.
    pub timeout: std::time::Duration,
    /// Attempts after the first.
    pub retries_max: u32,
}

/// Who may call.
#[derive(Debug, Clone)]
pub struct AccessSection {
    /// Who issues bearer tokens: the `iss` claim.
    pub bearer_issuer: Option<String>,
    /// For whom: the `aud` claim.
    pub bearer_audience: Option<String>,
    /// The shared secret of HS256 tokens.
    pub bearer_hs256_secret: Option<SecretString>,
    /// The public key (PEM) of RS256 or ES256 tokens.
    pub bearer_public_key_pem: Option<String>,
    /// SHA-256 of the operator's key, in hexadecimal.
    pub operator_key_hash: Option<String>,
    /// The project whose users have bearer tokens.
    pub default_project: Title,
}

/// What runs beside the requests.
#[derive(Debug, Clone, Copy)]
pub struct JobsSection {
    /// How often an idle worker looks for work that nobody announced.
    pub poll_interval: std::time::Duration,
    /// How often intents are swept.
    pub sweep_interval: std::time::Duration,
    /// After how long a paid intent is stalled.
    pub stalled_after: Duration,
    /// After how long payloads are reduced to their facts; never if absent.
    pub payload_retention: Option<Duration>,
    /// How often it is looked for such payloads.
    pub retention_interval: std::time::Duration,
    /// Whether Stripe's list of events is looked through for those that never came.
    pub is_scanning: bool,
    /// Whether this replica works beside answering requests; others do if it does not.
    pub is_working: bool,
}

/// How logs are written.
#[derive(Debug, Clone)]
pub struct LogSection {
    /// One JSON object a line, or text.
    pub json: bool,
    /// A `tracing` filter.
    pub filter: String,
}

/// What must be changed before the service can start.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// A key is unknown or has the wrong type.
    #[error("the configuration cannot be read: {0}")]
    Unreadable(String),
    /// A value is not valid.
    #[error("{key} {problem}")]
    Invalid {
        /// The key.
        key: &'static str,
        /// What is wrong, and what to change.
        problem: String,
    },
}

/// Figment writes a line for each error and for each source, and for an unknown key all known ones.
fn in_one_line(error: &figment::Error) -> String {
    if let figment::error::Kind::UnknownField(key, _) = &error.kind {
        let source = error
            .metadata
            .as_ref()
            .and_then(|known| known.source.as_ref());
        let source = source.map_or_else(|| "the file".to_owned(), ToString::to_string);
        return format!("`{key}` in {source} is not a key; .env.example lists them all");
    }
    let text = error.to_string();
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn invalid(key: &'static str, problem: impl Into<String>) -> ConfigError {
    ConfigError::Invalid {
        key,
        problem: problem.into(),
    }
}

impl Config {
    /// Reads the environment over a file over the defaults. Keys are the names in `.env.example`;
    /// in a file they are written in lower case. An unknown key in the file is refused.
    ///
    /// # Errors
    /// [`ConfigError`] with the key at fault.
    pub fn load(file: Option<&Path>) -> Result<Self, ConfigError> {
        let mut figment = Figment::from(Serialized::defaults(RawConfig::default()));
        if let Some(file) = file {
            std::fs::File::open(file).map_err(|error| {
                ConfigError::Unreadable(format!("--config {}: {error}", file.display()))
            })?;
            figment = figment.merge(Toml::file_exact(file));
        }
        let figment = figment.merge(Env::raw().only(RawConfig::KEYS).lowercase(true));
        let raw: RawConfig = figment
            .extract()
            .map_err(|error| ConfigError::Unreadable(in_one_line(&error)))?;
        Self::parse(&raw)
    }

    /// Checks every value.
    ///
    /// # Errors
    /// [`ConfigError`] with the key at fault.
    pub fn parse(raw: &RawConfig) -> Result<Self, ConfigError> {
        let stripe = stripe(raw)?;
        if raw.billing_enabled && stripe.secret_key.is_some() && stripe.webhook_secrets.is_empty() {
            // C-123: without it every webhook would be refused.
            return Err(invalid(
                "STRIPE_WEBHOOK_SECRET",
                "is missing while BILLING_ENABLED=true: copy the endpoint's signing secret (whsec_…)",
            ));
        }
        Ok(Self {
            http: http(raw)?,
            database: database(raw)?,
            checkout: checkout(raw)?,
            access: access(raw)?,
            jobs: jobs(raw)?,
            scan: scan(raw)?,
            log: log(raw)?,
            billing_enabled: raw.billing_enabled,
            plan_catalog_file: present(raw.plan_catalog_file.as_deref()).map(PathBuf::from),
            stripe,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(change: impl FnOnce(&mut RawConfig)) -> String {
        let mut raw = RawConfig::default();
        change(&mut raw);
        Config::parse(&raw).unwrap_err().to_string()
    }

    #[test]
    fn the_defaults_are_valid_and_billing_is_off() {
        let config = Config::parse(&RawConfig::default()).unwrap();
        assert!(!config.billing_enabled, "C-003: the default is off");
        assert_eq!(config.checkout.trial_days, 14);
    }

    #[test]
    fn an_invalid_value_names_its_key_and_what_to_change() {
        assert_eq!(
            problem(|raw| raw.bind_addr = "8080".to_owned()),
            "BIND_ADDR must be an address with a port, such as 127.0.0.1:8080"
        );
        assert!(
            problem(|raw| raw.database_url = "mysql://x".to_owned()).starts_with("DATABASE_URL")
        );
        assert!(problem(|raw| raw.embargoed_country_codes = "RU,xx".to_owned()).contains("`xx`"));
    }

    #[test]
    fn c_058_the_sandbox_is_refused_in_live_mode() {
        let message = problem(|raw| {
            raw.stripe_mode = "live".to_owned();
            raw.stripe_secret_key = Some("sk_live_1".to_owned());
            raw.stripe_api_base = "http://127.0.0.1:12111".to_owned();
        });
        assert!(message.starts_with("STRIPE_API_BASE"), "{message}");
        let message = problem(|raw| raw.stripe_secret_key = Some("sk_live_1".to_owned()));
        assert!(message.starts_with("STRIPE_SECRET_KEY"), "{message}");
    }

    #[test]
    fn c_123_billing_without_a_webhook_secret_is_refused() {
        let message = problem(|raw| {
            raw.billing_enabled = true;
            raw.stripe_secret_key = Some("sk_test_1".to_owned());
        });
        assert!(message.starts_with("STRIPE_WEBHOOK_SECRET"), "{message}");
    }

    #[test]
    fn a_scan_is_switched_off_by_its_interval_and_never_hasty() {
        let off = RawConfig {
            event_scan_interval_seconds: 0,
            ..RawConfig::default()
        };
        assert!(!Config::parse(&off).unwrap().jobs.is_scanning);
        assert!(
            Config::parse(&RawConfig::default())
                .unwrap()
                .jobs
                .is_scanning
        );
        assert!(
            problem(|raw| raw.event_scan_interval_seconds = 5)
                .starts_with("EVENT_SCAN_INTERVAL_SECONDS")
        );
        assert!(
            problem(|raw| raw.event_scan_delay_seconds = 7_200)
                .starts_with("EVENT_SCAN_DELAY_SECONDS")
        );
        assert!(
            problem(|raw| raw.metrics_bind_addr = Some("9464".to_owned()))
                .starts_with("METRICS_BIND_ADDR")
        );
    }

    #[test]
    fn the_largest_delivery_finds_room_and_somebody_can_connect() {
        let message = problem(|raw| raw.webhook_unverified_bytes_max = 1_048_576);
        assert!(message.starts_with("WEBHOOK_UNVERIFIED_BYTES_MAX"));
        let message = problem(|raw| raw.http_connections_max = 0);
        assert!(message.starts_with("HTTP_CONNECTIONS_MAX"));
    }

    #[test]
    fn b_096_no_secret_is_printed() {
        let raw = RawConfig {
            stripe_secret_key: Some("sk_test_verysecret".to_owned()),
            stripe_webhook_secret: Some("whsec_verysecret,whsec_verysecret2".to_owned()),
            database_url: "postgres://u:verysecret@h/d".to_owned(),
            bearer_hs256_secret: Some("verysecretverysecretverysecretverysecret".to_owned()),
            ..RawConfig::default()
        };
        let config = Config::parse(&raw).unwrap();
        assert_eq!(config.stripe.webhook_secrets.len(), 2);
        assert!(!format!("{config:?}").contains("verysecret"));
    }

    #[test]
    fn an_unknown_key_in_the_file_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("billing.toml");
        std::fs::write(&file, "bind_adr = \"127.0.0.1:1\"\n").unwrap();
        let error = Config::load(Some(&file)).unwrap_err().to_string();
        assert!(error.contains("bind_adr"), "{error}");
    }

    #[test]
    fn every_key_is_documented_in_the_example() {
        let example = include_str!("../../../.env.example");
        for key in RawConfig::KEYS {
            assert!(
                example.contains(&format!("{key}=")),
                "{key} is not in .env.example"
            );
        }
    }
}
