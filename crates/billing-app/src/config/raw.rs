//! The keys as they are written, with their defaults; nothing here is checked yet.

use serde::{Deserialize, Serialize};

/// Declares the keys once: field, type and default; the environment's names are the same in upper
/// case.
macro_rules! keys {
    ($($(#[$doc:meta])* $field:ident / $name:literal : $type:ty = $default:expr;)*) => {
        /// Every key. A file uses these names; the environment uses them in upper case.
        #[derive(Clone, Serialize, Deserialize)]
        #[serde(deny_unknown_fields)]
        pub struct RawConfig {
            $($(#[$doc])* pub $field: $type,)*
        }

        impl RawConfig {
            /// The environment's names.
            pub const KEYS: &'static [&'static str] = &[$($name),*];
        }

        impl Default for RawConfig {
            fn default() -> Self {
                Self { $($field: $default,)* }
            }
        }
    };
}

keys! {
    /// `sqlite://path` or `postgres://…`.
    database_url / "DATABASE_URL": String = "sqlite://billing.db".to_owned();
    /// At most so many connections.
    database_connections_max / "DATABASE_CONNECTIONS_MAX": u32 = 16;
    /// Whether `serve` migrates first.
    run_migrations_on_startup / "RUN_MIGRATIONS_ON_STARTUP": bool = true;
    /// Where to listen.
    bind_addr / "BIND_ADDR": String = "127.0.0.1:8080".to_owned();
    /// Where metrics are served without credentials.
    metrics_bind_addr / "METRICS_BIND_ADDR": Option<String> = None;
    /// Under which address payers reach the service.
    public_url / "PUBLIC_URL": String = "http://127.0.0.1:8080".to_owned();
    /// Threads that serve requests.
    http_workers / "HTTP_WORKERS": u16 = 2;
    /// At most so many open connections.
    http_connections_max / "HTTP_CONNECTIONS_MAX": u32 = 4_096;
    /// At most so many bytes of large deliveries that are not verified and stored.
    webhook_unverified_bytes_max / "WEBHOOK_UNVERIFIED_BYTES_MAX": u32 = 67_108_864;
    /// Whether this replica applies events, provisions, publishes and sweeps.
    run_workers / "RUN_WORKERS": bool = true;
    /// How long a shutdown waits.
    shutdown_timeout_seconds / "SHUTDOWN_TIMEOUT_SECONDS": u64 = 20;
    /// Whether the original paths are mounted.
    legacy_aliases / "LEGACY_ALIASES": bool = true;
    /// Whether anything is sold.
    billing_enabled / "BILLING_ENABLED": bool = false;
    /// `live` or `test`.
    stripe_mode / "STRIPE_MODE": String = "test".to_owned();
    /// `sk_…` or `rk_…`.
    stripe_secret_key / "STRIPE_SECRET_KEY": Option<String> = None;
    /// `whsec_…`, several with commas.
    stripe_webhook_secret / "STRIPE_WEBHOOK_SECRET": Option<String> = None;
    /// The version of outgoing calls.
    stripe_api_version / "STRIPE_API_VERSION": Option<String> = None;
    /// Stripe, or the sandbox.
    stripe_api_base / "STRIPE_API_BASE": String = "https://api.stripe.com".to_owned();
    /// Seconds for one attempt.
    stripe_http_timeout / "STRIPE_HTTP_TIMEOUT": u64 = 10;
    /// Attempts after the first.
    stripe_max_retries / "STRIPE_MAX_RETRIES": u32 = 2;
    /// How old a signature may be.
    webhook_tolerance_seconds / "WEBHOOK_TOLERANCE_SECONDS": i64 = 300;
    /// How often Stripe's list of events is looked through; 0 for never.
    event_scan_interval_seconds / "EVENT_SCAN_INTERVAL_SECONDS": i64 = 300;
    /// How old an event is before it can be missing.
    event_scan_delay_seconds / "EVENT_SCAN_DELAY_SECONDS": i64 = 120;
    /// How long slug and name are reserved.
    intent_reservation_duration_minutes / "INTENT_RESERVATION_DURATION_MINUTES": i64 = 1_440;
    /// After how long a paid intent is stalled.
    stalled_threshold_seconds / "STALLED_THRESHOLD_SECONDS": i64 = 180;
    /// After how many days stored payloads lose what is personal in them; 0 keeps them.
    payload_retention_days / "PAYLOAD_RETENTION_DAYS": i64 = 0;
    /// Days before the first charge.
    trial_period_days / "TRIAL_PERIOD_DAYS": u16 = 14;
    /// Where nobody may buy from.
    embargoed_country_codes / "EMBARGOED_COUNTRY_CODES": String = "RU,IR,KP,SY,CU,BY".to_owned();
    /// Where payers may be sent, besides our own pages.
    redirect_url_allowlist / "REDIRECT_URL_ALLOWLIST": String = String::new();
    /// Products that are brought in line at start.
    plan_catalog_file / "PLAN_CATALOG_FILE": Option<String> = None;
    /// SHA-256 of the operator's key.
    admin_api_key_hash / "ADMIN_API_KEY_HASH": Option<String> = None;
    /// `iss` of bearer tokens.
    bearer_issuer / "BEARER_ISSUER": Option<String> = None;
    /// `aud` of bearer tokens.
    bearer_audience / "BEARER_AUDIENCE": Option<String> = None;
    /// Secret of HS256 tokens.
    bearer_hs256_secret / "BEARER_HS256_SECRET": Option<String> = None;
    /// PEM file for RS256 or ES256 tokens.
    bearer_public_key_file / "BEARER_PUBLIC_KEY_FILE": Option<String> = None;
    /// The project whose users have bearer tokens.
    default_project / "DEFAULT_PROJECT": String = "default".to_owned();
    /// `json` or `text`.
    log_format / "LOG_FORMAT": String = "json".to_owned();
    /// A `tracing` filter.
    log_filter / "LOG_FILTER": String = "info,sqlx=warn,sea_orm=warn".to_owned();
}
