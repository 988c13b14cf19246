//! How a sandbox is set up, and what keeps it from starting.

use std::time::Duration;

use crate::clock::ClockStart;

/// What a sandbox is started with. `Default` is a real clock, seed 42, a free port on 127.0.0.1,
/// and deliveries that run by themselves.
#[derive(Debug, Clone)]
pub struct SandboxConfig {
    pub host: String,
    /// 0 for any free port.
    pub port: u16,
    /// Same seed, same clock, same requests: same ids and same bodies.
    pub seed: u64,
    pub clock: ClockStart,
    /// The API version of requests without a `Stripe-Version` header and of endpoints without one.
    pub default_api_version: String,
    /// Whether webhooks are sent by a background task. Otherwise only by `deliver_due`.
    pub auto_deliver: bool,
    /// The pauses after the first, second, … failed attempt; then the delivery is given up.
    pub retry_schedule: Vec<Duration>,
    /// What hosted pages' addresses begin with; by default the address that is listened on.
    pub public_url: Option<String>,
    /// The key of the first account; by default one made from the seed. Never a live key.
    pub secret_key: Option<String>,
    /// Whether everything that is answered and sent is held against the shapes of all versions, for
    /// the sandbox's own tests: see [`Sandbox::shape_violations`](crate::Sandbox::shape_violations).
    pub check_shapes: bool,
    /// An endpoint of the first account that exists from the start.
    pub webhook: Option<WebhookConfig>,
}

/// A webhook endpoint that exists from the start and receives every event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebhookConfig {
    pub url: String,
    /// Made from the seed if absent.
    pub secret: Option<String>,
    /// The version that its payloads are pinned to; the account's default if absent.
    pub api_version: Option<String>,
}

impl Default for SandboxConfig {
    fn default() -> Self {
        Self {
            host: "127.0.0.1".into(),
            port: 0,
            seed: 42,
            clock: ClockStart::Real,
            default_api_version: "2026-10-28.endive".into(),
            auto_deliver: true,
            retry_schedule: [200, 1_000, 5_000, 15_000, 60_000, 300_000]
                .map(Duration::from_millis)
                .to_vec(),
            public_url: None,
            secret_key: None,
            check_shapes: false,
            webhook: None,
        }
    }
}

/// Why a sandbox did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error(
        "port {port} is taken by another program: choose another one with --port, or 0 for any"
    )]
    PortTaken { port: u16 },
    #[error("cannot listen on {address}")]
    CannotListen {
        address: String,
        #[source]
        source: std::io::Error,
    },
    #[error(
        "the key is a live key: a sandbox takes only keys that begin with sk_test_ or rk_test_"
    )]
    LiveKey,
    #[error("the key is not a test key: it has to begin with sk_test_ or rk_test_")]
    NotATestKey,
    #[error("there is no Stripe API version {version}: the newest is 2026-10-28.endive")]
    UnknownVersion { version: String },
    #[error("the webhook address {url} is not an http or https URL")]
    WebhookUrl { url: String },
    #[error("the HTTP client for webhooks cannot be made")]
    Client(#[source] reqwest::Error),
}
