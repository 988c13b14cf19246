//! The key of a request: where it is, which ones are taken, and how a refused one is shown.

use crate::http::error::StripeError;
use crate::http::exchange::Request;

const NO_KEY: &str = "You did not provide an API key. You need to provide your API key in the \
    Authorization header, using Bearer auth (e.g. 'Authorization: Bearer YOUR_SECRET_KEY'). See \
    https://stripe.com/docs/api#authentication for details, or we can help at \
    https://support.stripe.com/.";

/// The one address that a token of a meter event session opens.
const STREAM_PATH: &str = "/v2/billing/meter_event_stream";
const STREAM_PREFIX: &str = "token_test_";

/// The key that was sent, whatever it is; empty if there is none.
pub(crate) fn sent(request: &Request) -> String {
    let authorization = request.header("authorization").unwrap_or_default();
    match authorization.split_once(' ') {
        Some((scheme, rest)) if scheme.eq_ignore_ascii_case("bearer") => rest.trim().to_owned(),
        Some((scheme, rest)) if scheme.eq_ignore_ascii_case("basic") => basic_user(rest.trim()),
        _ => String::new(),
    }
}

/// The secret key of the request. Test keys of any value are taken; a live key never is.
pub(crate) fn secret_key(request: &Request) -> Result<String, StripeError> {
    let key = sent(request);
    if key.is_empty() {
        return Err(StripeError::authentication(NO_KEY));
    }
    if is_live_key(&key) {
        return Err(StripeError::authentication(
            "This is a sandbox without real money: it refuses live keys. Use a key that begins \
             with sk_test_, and treat the live key that was just sent as seen by others.",
        ));
    }
    if key.starts_with("pk_") {
        return Err(StripeError::authentication(
            "This API call cannot be made with a publishable API key. Please use a secret API \
             key. You can find a list of your API keys at \
             https://dashboard.stripe.com/account/apikeys.",
        )
        .code("secret_key_required")
        .status(403));
    }
    if request.path == STREAM_PATH
        && let Some(owner) = stream_owner(&key)
    {
        return Ok(owner);
    }
    let is_test = ["sk_test_", "rk_test_"].iter().any(|prefix| {
        key.strip_prefix(prefix)
            .is_some_and(|rest| !rest.is_empty())
    });
    if is_test {
        return Ok(key);
    }
    Err(StripeError::authentication(format!(
        "Invalid API Key provided: {}",
        masked(&key)
    )))
}

/// The token that opens the stream of meter events of the account with this key.
pub(crate) fn stream_token(key: &str) -> String {
    format!("{STREAM_PREFIX}{}", hex::encode(key))
}

/// The key of the account whose stream a token opens.
fn stream_owner(token: &str) -> Option<String> {
    let bytes = hex::decode(token.strip_prefix(STREAM_PREFIX)?).ok()?;
    let key = String::from_utf8(bytes).ok()?;
    (!is_live_key(&key)).then_some(key)
}

pub(crate) fn is_live_key(key: &str) -> bool {
    ["sk_live_", "rk_live_"]
        .iter()
        .any(|prefix| key.starts_with(prefix))
}

/// Keeps the first and the last characters, as Stripe's text does.
pub(crate) fn masked(key: &str) -> String {
    let count = key.chars().count();
    let head: String = key.chars().take(count.min(8)).collect();
    let tail: String = key.chars().skip(count.saturating_sub(4).max(8)).collect();
    format!("{head}{}{tail}", "*".repeat(count.saturating_sub(12)))
}

/// The user of `Basic` credentials (RFC 7617); Stripe's password is empty.
fn basic_user(encoded: &str) -> String {
    let mut bits = 0_u32;
    let mut held = 0_u32;
    let mut out = Vec::new();
    for byte in encoded.bytes() {
        let value = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => break,
        };
        held = (held << 6) | u32::from(value);
        bits += 6;
        if bits >= 8 {
            bits -= 8;
            out.push(u8::try_from((held >> bits) & 0xff).unwrap_or_default());
        }
    }
    let text = String::from_utf8_lossy(&out).into_owned();
    text.split(':').next().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn basic_credentials_carry_the_key_as_user() {
        assert_eq!(basic_user("c2tfdGVzdF9hYmM6"), "sk_test_abc");
    }

    #[test]
    fn a_bad_key_is_shown_masked() {
        assert_eq!(masked("sk_wrong_1234567890"), "sk_wrong*******7890");
        assert_eq!(masked("abc"), "abc");
    }
}
