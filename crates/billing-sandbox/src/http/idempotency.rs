//! `Idempotency-Key`: the first answer is kept and replayed; another body under the key is refused,
//! and so is a second request while the first is still going on.

use serde::{Deserialize, Serialize};

use crate::http::error::StripeError;
use crate::http::exchange::Reply;

const KEY_CHARS_MAX: usize = 255;

/// How long a key is known, in seconds of the sandbox's time: Stripe forgets it after a day.
const KEPT_SECONDS: i64 = 86_400;

/// What is known about a key.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Remembered {
    /// When the key was first used.
    pub(crate) at: i64,
    /// Method and path.
    pub(crate) endpoint: String,
    pub(crate) fingerprint: String,
    /// Absent while the first request is going on.
    pub(crate) reply: Option<Reply>,
}

/// Decides what a request with a key gets: `Ok(None)` means that it is the first.
pub(crate) fn recall(
    known: Option<&Remembered>,
    key: &str,
    sent: &Remembered,
) -> Result<Option<Reply>, StripeError> {
    if key.chars().count() > KEY_CHARS_MAX {
        return Err(StripeError::invalid(format!(
            "Idempotency keys can have up to {KEY_CHARS_MAX} characters."
        ))
        .validation());
    }
    let fresh = known.filter(|known| sent.at < known.at.saturating_add(KEPT_SECONDS));
    let Some(known) = fresh else { return Ok(None) };
    let refused = |message: String| {
        let mut error = StripeError::invalid(message).validation();
        error.kind = "idempotency_error";
        Err(error)
    };
    if known.endpoint != sent.endpoint {
        let path = |endpoint: &str| endpoint.split(' ').nth(1).unwrap_or_default().to_owned();
        return refused(format!(
            "Keys for idempotent requests can only be used for the same endpoint they were first \
             used for ('{}' vs. '{}'). Try using a key other than '{key}' if you meant to execute \
             a different request.",
            path(&sent.endpoint),
            path(&known.endpoint)
        ));
    }
    if known.fingerprint != sent.fingerprint {
        return refused(format!(
            "Keys for idempotent requests can only be used with the same parameters they were \
             first used with. Try using a key other than '{key}' if you meant to execute a \
             different request."
        ));
    }
    match &known.reply {
        Some(reply) => Ok(Some(reply.clone())),
        None => Err(StripeError::coded(
            "idempotency_key_in_use",
            format!(
                "There is currently another in-progress request using this Idempotent Key (that \
                 probably means you submitted twice, and the other request is still going \
                 through): {key}. Please try again later."
            ),
        )
        .status(409)
        .validation()),
    }
}
