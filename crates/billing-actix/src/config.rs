//! How the HTTP side behaves; the wiring crate reads it from the environment.

use std::time::Duration;

use crate::auth::bearer::BearerConfig;

/// The largest body of a JSON request unless configured otherwise.
pub(crate) const JSON_BYTES_MAX: usize = 64 * 1024;

/// F.2: the largest delivery of the payment provider.
pub(crate) const WEBHOOK_BYTES_MAX: usize = 1024 * 1024;

/// What deliveries may hold together that nobody has verified: 64 of the largest.
pub(crate) const UNVERIFIED_BYTES_MAX: usize = 64 * 1024 * 1024;

/// How many connections are open at once: each may cost some 150 KiB before it is known.
pub(crate) const CONNECTIONS_MAX: usize = 4_096;

/// Configured once at start.
#[derive(Debug, Clone)]
pub struct HttpConfig {
    /// Largest body of a JSON request in bytes.
    pub json_bytes_max: usize,
    /// Largest body of a webhook delivery in bytes.
    pub webhook_bytes_max: usize,
    /// How many bytes deliveries may hold together that are not verified and stored; small ones are
    /// not counted. At least as much as the largest delivery has.
    pub unverified_bytes_max: usize,
    /// How long a client may take to send a body.
    pub body_timeout: Duration,
    /// How long a stranger may take to send a body that is not small.
    pub large_body_timeout: Duration,
    /// How long a request may take from its head to its answer.
    pub request_timeout: Duration,
    /// How long a client may take to send a request's head.
    pub head_timeout: Duration,
    /// How long a client may take to read an answer and to send the head of its next request.
    pub idle_timeout: Duration,
    /// How long requests may go on after the server was told to stop.
    pub shutdown_timeout: Duration,
    /// How many threads accept and answer; at least one.
    pub workers: usize,
    /// How many connections may be open at once; further ones wait until one ends.
    pub connections_max: usize,
    /// Whose tokens are believed; `None` refuses every token.
    pub bearer: Option<BearerConfig>,
    /// SHA-256 of the operator's static key in lower-case hexadecimal; `None` refuses every one.
    pub operator_key_hash: Option<String>,
    /// C-003: off refuses whatever sells or changes; the webhook goes on storing.
    pub is_billing_enabled: bool,
    /// Whether a provider's key is configured; shown by the health answer.
    pub is_stripe_configured: bool,
    /// Whether the original paths lead to the same routes (F.3).
    pub has_legacy_aliases: bool,
    /// Shown by the health answer and the OpenAPI document's reader.
    pub version: String,
}

impl Default for HttpConfig {
    fn default() -> Self {
        Self {
            json_bytes_max: JSON_BYTES_MAX,
            webhook_bytes_max: WEBHOOK_BYTES_MAX,
            unverified_bytes_max: UNVERIFIED_BYTES_MAX,
            body_timeout: Duration::from_secs(20),
            // 1 MiB at 2 Mbit/s; the provider sends it in a fraction of a second.
            large_body_timeout: Duration::from_secs(5),
            // Longer than the provider's time-out with its retries, shorter than most proxies'.
            request_timeout: Duration::from_secs(55),
            head_timeout: Duration::from_secs(5),
            // For the longest page of events over a slow line.
            idle_timeout: Duration::from_secs(20),
            shutdown_timeout: Duration::from_secs(30),
            workers: 2,
            connections_max: CONNECTIONS_MAX,
            bearer: None,
            operator_key_hash: None,
            is_billing_enabled: false,
            is_stripe_configured: false,
            has_legacy_aliases: true,
            version: env!("CARGO_PKG_VERSION").to_owned(),
        }
    }
}
