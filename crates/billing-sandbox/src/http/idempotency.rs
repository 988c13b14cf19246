//! `Idempotency-Key`: the first answer is kept and replayed; another body under the key is refused,
//! and so is a second request while the first is still going on.

use crate::http::error::StripeError;
use crate::http::exchange::Reply;

const KEY_CHARS_MAX: usize = 255;

/// What is known about a key.
#[derive(Debug, Clone)]
pub(crate) struct Remembered {
    pub(crate) fingerprint: String,
    /// Absent while the first request is going on.
    pub(crate) reply: Option<Reply>,
}

/// Decides what a request with a key gets: `Ok(None)` means that it is the first.
pub(crate) fn recall(
    known: Option<&Remembered>,
    key: &str,
    fingerprint: &str,
) -> Result<Option<Reply>, StripeError> {
    if key.chars().count() > KEY_CHARS_MAX {
        return Err(StripeError::invalid(format!(
            "Idempotency keys can have up to {KEY_CHARS_MAX} characters."
        ))
        .validation());
    }
    let Some(known) = known else { return Ok(None) };
    if known.fingerprint != fingerprint {
        let mut error = StripeError::invalid(format!(
            "Keys for idempotent requests can only be used with the same parameters they were \
             first used with. Try using a key other than '{key}' if you meant to execute a \
             different request."
        ))
        .validation();
        error.kind = "idempotency_error";
        return Err(error);
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
