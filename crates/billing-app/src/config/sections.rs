//! Each section's rules: what a key may be, and what to change if it is something else.

use std::collections::BTreeSet;

use billing_domain::checkout::policy::CheckoutPolicy;
use billing_domain::deliveries::scan::ScanPolicy;
use billing_domain::kernel::text::{CountryCode, Title};
use secrecy::SecretString;
use time::Duration;
use tracing_subscriber::EnvFilter;

use super::{
    AccessSection, ConfigError, DatabaseSection, HttpSection, JobsSection, LogSection, RawConfig,
    StripeMode, StripeSection, invalid,
};

pub(super) fn present(value: Option<&str>) -> Option<&str> {
    value.map(str::trim).filter(|value| !value.is_empty())
}

fn secret(value: Option<&str>) -> Option<SecretString> {
    present(value).map(SecretString::from)
}

/// A number of 32 bits is one of memory on every machine that this runs on.
fn size(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

pub(super) fn http(raw: &RawConfig) -> Result<HttpSection, ConfigError> {
    let bind = raw.bind_addr.parse().map_err(|_| {
        invalid(
            "BIND_ADDR",
            "must be an address with a port, such as 127.0.0.1:8080",
        )
    })?;
    if !(1..=300).contains(&raw.shutdown_timeout_seconds) {
        return Err(invalid(
            "SHUTDOWN_TIMEOUT_SECONDS",
            "must be between 1 and 300",
        ));
    }
    if !(1..=256).contains(&raw.http_workers) {
        return Err(invalid("HTTP_WORKERS", "must be between 1 and 256"));
    }
    if !(16..=65_536).contains(&raw.http_connections_max) {
        return Err(invalid(
            "HTTP_CONNECTIONS_MAX",
            "must be between 16 and 65536",
        ));
    }
    // The largest delivery, and what the framework may need beside it, must find room.
    if raw.webhook_unverified_bytes_max < 2 * 1024 * 1024 {
        return Err(invalid(
            "WEBHOOK_UNVERIFIED_BYTES_MAX",
            "must be at least 2097152 (2 MiB)",
        ));
    }
    let metrics_bind = present(raw.metrics_bind_addr.as_deref()).map(|text| {
        text.parse().map_err(|_| {
            invalid(
                "METRICS_BIND_ADDR",
                "must be an address with a port, such as 127.0.0.1:9464, or empty",
            )
        })
    });
    Ok(HttpSection {
        bind,
        metrics_bind: metrics_bind.transpose()?,
        public_url: raw.public_url.trim().trim_end_matches('/').to_owned(),
        legacy_aliases: raw.legacy_aliases,
        shutdown_timeout: std::time::Duration::from_secs(raw.shutdown_timeout_seconds),
        workers: usize::from(raw.http_workers),
        connections_max: size(raw.http_connections_max),
        unverified_bytes_max: size(raw.webhook_unverified_bytes_max),
    })
}

pub(super) fn database(raw: &RawConfig) -> Result<DatabaseSection, ConfigError> {
    let url = raw.database_url.trim();
    if !["sqlite:", "postgres://", "postgresql://"]
        .iter()
        .any(|scheme| url.starts_with(scheme))
    {
        return Err(invalid(
            "DATABASE_URL",
            "must begin with sqlite:// or postgres://, for example sqlite://billing.db",
        ));
    }
    if !(1..=1_000).contains(&raw.database_connections_max) {
        return Err(invalid(
            "DATABASE_CONNECTIONS_MAX",
            "must be between 1 and 1000",
        ));
    }
    Ok(DatabaseSection {
        url: SecretString::from(url),
        migrate_on_startup: raw.run_migrations_on_startup,
        connections_max: raw.database_connections_max,
    })
}

pub(super) fn stripe(raw: &RawConfig) -> Result<StripeSection, ConfigError> {
    let mode = match raw.stripe_mode.as_str() {
        "live" => StripeMode::Live,
        "test" => StripeMode::Test,
        _ => return Err(invalid("STRIPE_MODE", "must be `live` or `test`")),
    };
    let key = present(raw.stripe_secret_key.as_deref());
    let is_live_key =
        key.is_some_and(|key| key.starts_with("sk_live_") || key.starts_with("rk_live_"));
    if key.is_some() && is_live_key != (mode == StripeMode::Live) {
        return Err(invalid(
            "STRIPE_SECRET_KEY",
            "is a key of the other mode than STRIPE_MODE",
        ));
    }
    let api_base = raw.stripe_api_base.trim().trim_end_matches('/').to_owned();
    if mode == StripeMode::Live && api_base != "https://api.stripe.com" {
        // C-058: the sandbox is refused where real money moves.
        return Err(invalid(
            "STRIPE_API_BASE",
            "must be https://api.stripe.com when STRIPE_MODE=live",
        ));
    }
    if !api_base.starts_with("https://") && !api_base.starts_with("http://") {
        return Err(invalid(
            "STRIPE_API_BASE",
            "must begin with https:// (or http:// for the sandbox)",
        ));
    }
    let api_version = present(raw.stripe_api_version.as_deref());
    if api_version.is_some_and(|version| !is_api_version(version)) {
        return Err(invalid(
            "STRIPE_API_VERSION",
            "must be a version of Stripe's API, such as 2026-10-28.endive",
        ));
    }
    let webhook_secrets: Vec<SecretString> = raw
        .stripe_webhook_secret
        .as_deref()
        .unwrap_or_default()
        .split(',')
        .map(str::trim)
        .filter(|secret| !secret.is_empty())
        .map(SecretString::from)
        .collect();
    if !(1..=3_600).contains(&raw.webhook_tolerance_seconds) {
        return Err(invalid(
            "WEBHOOK_TOLERANCE_SECONDS",
            "must be between 1 and 3600",
        ));
    }
    if !(1..=80).contains(&raw.stripe_http_timeout) {
        return Err(invalid(
            "STRIPE_HTTP_TIMEOUT",
            "must be between 1 and 80 seconds",
        ));
    }
    if raw.stripe_max_retries > 10 {
        return Err(invalid("STRIPE_MAX_RETRIES", "must be at most 10"));
    }
    Ok(StripeSection {
        mode,
        secret_key: secret(raw.stripe_secret_key.as_deref()),
        webhook_secrets,
        webhook_tolerance: Duration::seconds(raw.webhook_tolerance_seconds),
        api_base,
        api_version: api_version.map(str::to_owned),
        timeout: std::time::Duration::from_secs(raw.stripe_http_timeout),
        retries_max: raw.stripe_max_retries,
    })
}

/// A date, and since 2024-09-30 a name after a dot.
fn is_api_version(text: &str) -> bool {
    let (date, name) = text.split_once('.').unwrap_or((text, "none"));
    let is_date = date.len() == 10
        && date.bytes().enumerate().all(|(at, byte)| match at {
            4 | 7 => byte == b'-',
            _ => byte.is_ascii_digit(),
        });
    is_date && !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_lowercase())
}

pub(super) fn checkout(raw: &RawConfig) -> Result<CheckoutPolicy, ConfigError> {
    let embargoed_countries: Result<BTreeSet<CountryCode>, ConfigError> = raw
        .embargoed_country_codes
        .split(',')
        .map(str::trim)
        .filter(|code| !code.is_empty())
        .map(|code| {
            CountryCode::parse(code).map_err(|error| {
                invalid(
                    "EMBARGOED_COUNTRY_CODES",
                    format!("has `{code}`: each {error}"),
                )
            })
        })
        .collect();
    // A shorter reservation would end while the provider's page can still be paid.
    if !(30..=10_080).contains(&raw.intent_reservation_duration_minutes) {
        return Err(invalid(
            "INTENT_RESERVATION_DURATION_MINUTES",
            "must be between 30 and 10080",
        ));
    }
    if raw.trial_period_days > 730 {
        return Err(invalid("TRIAL_PERIOD_DAYS", "must be at most 730"));
    }
    let public = raw.public_url.trim().trim_end_matches('/');
    if !public.starts_with("http://") && !public.starts_with("https://") {
        return Err(invalid("PUBLIC_URL", "must begin with https:// or http://"));
    }
    let mut redirect_allowlist: Vec<String> = vec![format!("{public}/checkout/")];
    redirect_allowlist.extend(
        raw.redirect_url_allowlist
            .split(',')
            .map(str::trim)
            .filter(|prefix| !prefix.is_empty())
            .map(str::to_owned),
    );
    Ok(CheckoutPolicy {
        embargoed_countries: embargoed_countries?,
        reservation: Duration::minutes(raw.intent_reservation_duration_minutes),
        trial_days: raw.trial_period_days,
        success_url: format!("{public}/checkout/success?session_id={{CHECKOUT_SESSION_ID}}"),
        cancel_url: format!("{public}/checkout/cancel"),
        redirect_allowlist,
    })
}

pub(super) fn access(raw: &RawConfig) -> Result<AccessSection, ConfigError> {
    let operator_key_hash = present(raw.admin_api_key_hash.as_deref()).map(str::to_lowercase);
    if operator_key_hash
        .as_ref()
        .is_some_and(|hash| hash.len() != 64 || !hash.chars().all(|c| c.is_ascii_hexdigit()))
    {
        return Err(invalid(
            "ADMIN_API_KEY_HASH",
            "must be the SHA-256 of the key: 64 hexadecimal digits",
        ));
    }
    if present(raw.bearer_hs256_secret.as_deref()).is_some_and(|secret| secret.len() < 32) {
        return Err(invalid(
            "BEARER_HS256_SECRET",
            "must have at least 32 characters",
        ));
    }
    let bearer_public_key_pem = match present(raw.bearer_public_key_file.as_deref()) {
        None => None,
        Some(path) => Some(std::fs::read_to_string(path).map_err(|error| {
            invalid(
                "BEARER_PUBLIC_KEY_FILE",
                format!("cannot be read ({path}): {error}"),
            )
        })?),
    };
    Ok(AccessSection {
        bearer_issuer: present(raw.bearer_issuer.as_deref()).map(str::to_owned),
        bearer_audience: present(raw.bearer_audience.as_deref()).map(str::to_owned),
        bearer_hs256_secret: secret(raw.bearer_hs256_secret.as_deref()),
        bearer_public_key_pem,
        operator_key_hash,
        default_project: Title::parse(&raw.default_project)
            .map_err(|error| invalid("DEFAULT_PROJECT", error.to_string()))?,
    })
}

pub(super) fn jobs(raw: &RawConfig) -> Result<JobsSection, ConfigError> {
    if !(1..=86_400).contains(&raw.stalled_threshold_seconds) {
        return Err(invalid(
            "STALLED_THRESHOLD_SECONDS",
            "must be between 1 and 86400",
        ));
    }
    if !(0..=3_650).contains(&raw.payload_retention_days) {
        return Err(invalid(
            "PAYLOAD_RETENTION_DAYS",
            "must be between 1 and 3650, or 0 to keep payloads as they were delivered",
        ));
    }
    let retention = Duration::days(raw.payload_retention_days);
    Ok(JobsSection {
        poll_interval: std::time::Duration::from_secs(1),
        sweep_interval: std::time::Duration::from_secs(30),
        stalled_after: Duration::seconds(raw.stalled_threshold_seconds),
        payload_retention: retention.is_positive().then_some(retention),
        retention_interval: std::time::Duration::from_hours(1),
        is_scanning: raw.event_scan_interval_seconds > 0,
        is_working: raw.run_workers,
    })
}

/// How far each look reaches back into the one before: longer than any event was seen to be late,
/// and than clocks differ.
const SCAN_OVERLAP: Duration = Duration::hours(1);

pub(super) fn scan(raw: &RawConfig) -> Result<ScanPolicy, ConfigError> {
    let interval = raw.event_scan_interval_seconds;
    if interval != 0 && !(30..=86_400).contains(&interval) {
        return Err(invalid(
            "EVENT_SCAN_INTERVAL_SECONDS",
            "must be between 30 and 86400, or 0 for no scan",
        ));
    }
    if !(0..=3_600).contains(&raw.event_scan_delay_seconds) {
        return Err(invalid(
            "EVENT_SCAN_DELAY_SECONDS",
            "must be between 0 and 3600",
        ));
    }
    Ok(ScanPolicy {
        interval: Duration::seconds(interval),
        delay: Duration::seconds(raw.event_scan_delay_seconds),
        overlap: SCAN_OVERLAP,
    })
}

pub(super) fn log(raw: &RawConfig) -> Result<LogSection, ConfigError> {
    let json = match raw.log_format.as_str() {
        "json" => true,
        "text" => false,
        _ => return Err(invalid("LOG_FORMAT", "must be `json` or `text`")),
    };
    EnvFilter::try_new(&raw.log_filter)
        .map_err(|error| invalid("LOG_FILTER", format!("is not a filter: {error}")))?;
    Ok(LogSection {
        json,
        filter: raw.log_filter.clone(),
    })
}
