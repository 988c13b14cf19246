//! Proves that a delivery comes from Stripe, before anything in it is read.

use std::fmt;
use std::time::Duration;

use billing_domain::kernel::timestamp::Timestamp;
use billing_domain::provider_events::ports::{Envelope, VerifyError, WebhookVerifier};
use secrecy::{ExposeSecret, SecretString};

use super::envelope::read_envelope;
use super::signature::SignatureHeader;
use crate::config::StripeMode;

/// A configured secret is empty: everybody could sign with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a webhook secret is empty")]
pub struct EmptyWebhookSecret;

/// Checks signatures against every configured secret, so that secrets can be rotated and several
/// endpoints can deliver here.
pub struct StripeWebhookVerifier {
    secrets: Vec<SecretString>,
    mode: StripeMode,
    tolerance: Duration,
}

/// Never shows a secret (B-096).
impl fmt::Debug for StripeWebhookVerifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StripeWebhookVerifier")
            .field("secrets", &vec!["***"; self.secrets.len()])
            .field("mode", &self.mode)
            .field("tolerance", &self.tolerance)
            .finish()
    }
}

impl StripeWebhookVerifier {
    /// How far a signature's time may be from ours, unless configured (Stripe's own default).
    pub const TOLERANCE_DEFAULT: Duration = Duration::from_mins(5);

    /// Takes the secrets of all endpoints, old and new ones; none at all means that every
    /// delivery is `NotConfigured`.
    ///
    /// # Errors
    /// [`EmptyWebhookSecret`].
    pub fn try_new(
        secrets: Vec<SecretString>,
        mode: StripeMode,
        tolerance: Duration,
    ) -> Result<Self, EmptyWebhookSecret> {
        let is_empty = |secret: &SecretString| secret.expose_secret().trim().is_empty();
        if secrets.iter().any(is_empty) {
            return Err(EmptyWebhookSecret);
        }
        Ok(Self {
            secrets,
            mode,
            tolerance,
        })
    }
}

impl WebhookVerifier for StripeWebhookVerifier {
    fn verify<'a>(
        &self,
        payload: &'a [u8],
        signature: Option<&'a str>,
        now: Timestamp,
    ) -> Result<Envelope, VerifyError> {
        if self.secrets.is_empty() {
            return Err(VerifyError::NotConfigured);
        }
        let header = signature
            .filter(|header| !header.trim().is_empty())
            .ok_or(VerifyError::MissingSignature)?;
        let header = SignatureHeader::parse(header).ok_or(VerifyError::WrongSignature)?;
        let secrets = self.secrets.iter().map(ExposeSecret::expose_secret);
        if !header.matches(payload, secrets) {
            return Err(VerifyError::WrongSignature);
        }
        let distance = now.unix_seconds().abs_diff(header.signed_at);
        if distance > self.tolerance.as_secs() {
            return Err(VerifyError::OutsideTolerance);
        }
        let envelope = read_envelope(payload).ok_or(VerifyError::MalformedEnvelope)?;
        if envelope.is_live != self.mode.is_live() {
            return Err(VerifyError::WrongMode);
        }
        Ok(envelope)
    }
}
