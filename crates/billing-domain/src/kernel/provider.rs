//! What can go wrong on the way to the payment provider (architecture: the outcome rule).

use time::Duration;

/// Why a call to the provider has no answer. A final "no" to a sale is not among these: it is
/// an outcome of the call.
#[derive(Debug, thiserror::Error)]
pub enum ProviderError {
    /// No answer, a broken one, or a 5xx: it is unknown whether the call had its effect. Retry
    /// with the same key.
    #[error("the payment provider cannot be reached")]
    Unreachable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// Too many calls. Retry with the same key, not before this time has passed.
    #[error("the payment provider asks to slow down")]
    RateLimited {
        /// What the provider asked for, if it said so.
        retry_after: Option<Duration>,
    },
    /// The provider understood and refused what we sent: our bug or our configuration. Never
    /// retried.
    #[error("the payment provider rejected the request ({code})")]
    Rejected {
        /// The provider's code, fit for a log and for a client.
        code: String,
        /// The provider's text, fit for a log only.
        message: String,
    },
    /// The provider does not accept our key, or the key may not do this: nothing is wrong with what
    /// was asked. Nobody who waits for an answer is helped by a retry; an event that was delivered is.
    #[error("the payment provider does not accept our key ({code})")]
    Unauthorized {
        /// The provider's code, fit for a log and for a client.
        code: String,
        /// The provider's text, fit for a log only.
        message: String,
    },
    /// No key is configured (C-058: there is no offline mode).
    #[error("the payment provider is not configured")]
    NotConfigured,
}

impl ProviderError {
    /// Whether the same call with the same key may succeed later.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Unreachable(_) | Self::RateLimited { .. } => true,
            Self::Rejected { .. } | Self::Unauthorized { .. } | Self::NotConfigured => false,
        }
    }

    /// Whether it is our key that failed, and the same call succeeds as soon as somebody mends that.
    pub fn is_about_our_key(&self) -> bool {
        match self {
            Self::Unauthorized { .. } | Self::NotConfigured => true,
            Self::Unreachable(_) | Self::RateLimited { .. } | Self::Rejected { .. } => false,
        }
    }
}
