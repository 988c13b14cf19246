//! How to reach Stripe, checked before the first call; a live key never leaves for elsewhere.

use std::fmt;
use std::time::Duration;

use reqwest::Url;
use secrecy::{ExposeSecret, SecretString};

/// Where Stripe is.
pub(crate) const STRIPE_BASE: &str = "https://api.stripe.com";

/// Whether real money moves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StripeMode {
    /// Real money.
    Live,
    /// Stripe's test mode, its sandboxes, or our own.
    Test,
}

impl StripeMode {
    /// What Stripe calls `livemode`.
    pub fn is_live(self) -> bool {
        match self {
            Self::Live => true,
            Self::Test => false,
        }
    }
}

/// The adapter's configuration.
#[derive(Clone)]
pub struct StripeConfig {
    /// The secret or restricted key; without one every call is `NotConfigured`.
    pub secret_key: Option<SecretString>,
    /// Where the API is, without `/v1`; `http` is allowed in test mode.
    pub api_base: String,
    /// The `Stripe-Version` of every request; the one of the request builders by default.
    pub api_version: Option<String>,
    /// How long one attempt may take, its body included.
    pub timeout: Duration,
    /// How many further attempts follow a first one that failed in passing.
    pub retries_max: u32,
    /// The longest first pause between two attempts; it doubles, and the actual pause is drawn
    /// at random below it.
    pub backoff_base: Duration,
    /// Whether real money moves.
    pub mode: StripeMode,
}

impl StripeConfig {
    /// Stripe itself with the default limits.
    pub fn new(mode: StripeMode, secret_key: Option<SecretString>) -> Self {
        Self {
            secret_key,
            api_base: STRIPE_BASE.to_owned(),
            api_version: None,
            timeout: Duration::from_secs(10),
            retries_max: 2,
            backoff_base: Duration::from_millis(500),
            mode,
        }
    }

    /// The key, if there is one; an empty one is none.
    pub(crate) fn key(&self) -> Option<&str> {
        let key = self.secret_key.as_ref()?.expose_secret().trim();
        (!key.is_empty()).then_some(key)
    }

    /// Checks the parts against each other and gives the base without its last slash.
    pub(crate) fn checked_base(&self) -> Result<Url, SetupError> {
        let base = Url::parse(&self.api_base).map_err(|_| SetupError::InvalidBase)?;
        let has_scheme = matches!(base.scheme(), "http" | "https");
        if !has_scheme || base.host_str().is_none() || base.query().is_some() {
            return Err(SetupError::InvalidBase);
        }
        let is_stripe = base.as_str() == format!("{STRIPE_BASE}/");
        let key = self.key().unwrap_or_default();
        if key.starts_with("pk_") {
            return Err(SetupError::PublishableKey);
        }
        // Secret, restricted and organisation keys all name their mode between underscores.
        let is_live_key = key.contains("_live_");
        let is_test_key = key.contains("_test_");
        if is_live_key && !is_stripe {
            return Err(SetupError::LiveKeyElsewhere);
        }
        match self.mode {
            StripeMode::Live if !is_stripe => Err(SetupError::LiveModeElsewhere),
            StripeMode::Live if is_test_key => Err(SetupError::KeyOfOtherMode),
            StripeMode::Test if is_live_key => Err(SetupError::KeyOfOtherMode),
            StripeMode::Live | StripeMode::Test => Ok(base),
        }
    }
}

/// Never shows the key (B-096).
impl fmt::Debug for StripeConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StripeConfig")
            .field("secret_key", &self.key().map(|_| "***"))
            .field("api_base", &self.api_base)
            .field("api_version", &self.api_version)
            .field("timeout", &self.timeout)
            .field("retries_max", &self.retries_max)
            .field("backoff_base", &self.backoff_base)
            .field("mode", &self.mode)
            .finish()
    }
}

/// Why the adapter cannot be built.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// The base is not an `http` or `https` address.
    #[error("the base of Stripe's API is not an http(s) address")]
    InvalidBase,
    /// A live key would be sent to somebody else.
    #[error("a live key is only ever sent to {STRIPE_BASE}")]
    LiveKeyElsewhere,
    /// Live mode talks to Stripe and to nobody else (F.5 row 9).
    #[error("live mode needs {STRIPE_BASE}")]
    LiveModeElsewhere,
    /// A test key in live mode, or the other way round.
    #[error("the key is of the other mode")]
    KeyOfOtherMode,
    /// Such a key cannot make these calls.
    #[error("a publishable key is not a secret key")]
    PublishableKey,
    /// Key or version hold characters that no header can.
    #[error("the {0} cannot be sent in a header")]
    InvalidHeader(&'static str),
    /// TLS or the HTTP client could not be set up.
    #[error("the HTTP client cannot be built")]
    HttpClient(#[source] Box<dyn std::error::Error + Send + Sync>),
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(mode: StripeMode, key: &str, base: &str) -> StripeConfig {
        StripeConfig {
            api_base: base.to_owned(),
            ..StripeConfig::new(mode, Some(SecretString::from(key.to_owned())))
        }
    }

    #[test]
    fn a_live_key_is_refused_for_every_other_address() {
        for base in [
            "http://127.0.0.1:12111",
            "http://api.stripe.com",
            "https://api.stripe.com.example.org",
            "https://api.stripe.com:8443",
            "https://api.stripe.com/other",
            "https://user@api.stripe.com",
        ] {
            let error = config(StripeMode::Live, "rk_live_1", base).checked_base();
            assert!(
                matches!(error, Err(SetupError::LiveKeyElsewhere)),
                "{base}: {error:?}"
            );
        }
        for base in ["https://api.stripe.com", "https://api.stripe.com/"] {
            assert!(
                config(StripeMode::Live, "sk_live_1", base)
                    .checked_base()
                    .is_ok()
            );
        }
    }

    #[test]
    fn live_mode_refuses_a_sandbox_and_a_test_key() {
        let elsewhere = config(StripeMode::Live, "", "http://127.0.0.1:1").checked_base();
        assert!(matches!(elsewhere, Err(SetupError::LiveModeElsewhere)));
        let other = config(StripeMode::Live, "sk_test_1", STRIPE_BASE).checked_base();
        assert!(matches!(other, Err(SetupError::KeyOfOtherMode)));
        let other = config(StripeMode::Test, "sk_live_1", STRIPE_BASE).checked_base();
        assert!(matches!(other, Err(SetupError::KeyOfOtherMode)));
        let publishable = config(StripeMode::Test, "pk_test_1", STRIPE_BASE).checked_base();
        assert!(matches!(publishable, Err(SetupError::PublishableKey)));
        let not_http = config(StripeMode::Test, "", "ftp://localhost").checked_base();
        assert!(matches!(not_http, Err(SetupError::InvalidBase)));
    }

    #[test]
    fn no_key_is_printed() {
        let text = format!(
            "{:?}",
            config(StripeMode::Test, "sk_test_hidden", STRIPE_BASE)
        );
        assert!(!text.contains("sk_test"), "{text}");
        assert!(text.contains("***"), "{text}");
    }
}
