//! What came back: an answer, Stripe's refusal with its headers, or nothing that can be trusted.

use std::fmt::Display;
use std::time::Duration;

use bytes::Bytes;
use reqwest::StatusCode;
use reqwest::header::HeaderMap;
use serde_json::Value;
use stripe_client_core::StripeClientErr;

/// A 2xx answer.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    /// The body as it came.
    pub(crate) body: Bytes,
    /// Stripe's id of the request, for its support.
    pub(crate) request_id: Option<String>,
    /// Whether an earlier request with the same key got this answer.
    pub(crate) is_replay: bool,
}

/// Stripe's error with what its headers said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiError {
    /// The HTTP status.
    pub status: u16,
    /// For example `invalid_request_error`; empty if the body was not Stripe's.
    pub kind: String,
    /// For example `resource_missing`.
    pub code: Option<String>,
    /// The parameter that it is about.
    pub param: Option<String>,
    /// Stripe's sentence; only for logs.
    pub message: String,
    /// Stripe's id of the request.
    pub request_id: Option<String>,
    /// What `Retry-After` asked for.
    pub retry_after: Option<Duration>,
    /// What `Stripe-Should-Retry` said.
    pub should_retry: Option<bool>,
    /// Whether an earlier request with the same key got this error.
    pub is_replay: bool,
}

/// Why a call has no answer to read.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// There is no key.
    #[error("no Stripe key is configured")]
    NotConfigured,
    /// No answer, or one that is not Stripe's.
    #[error("stripe gave no usable answer")]
    Unreachable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// Stripe answered with an error.
    #[error("stripe answered {} ({})", .0.status, .0.code.as_deref().unwrap_or(&.0.kind))]
    Refused(Box<ApiError>),
}

impl CallError {
    pub(crate) fn unreachable(error: reqwest::Error) -> Self {
        Self::Unreachable(Box::new(error))
    }

    pub(crate) fn broken(what: &str) -> Self {
        Self::Unreachable(what.into())
    }
}

impl StripeClientErr for CallError {
    fn deserialize_err(msg: impl Display) -> Self {
        Self::broken(&msg.to_string())
    }
}

/// Tells an answer from a refusal. A body that is not JSON is nobody's word: a proxy's page with
/// a 5xx, or a 200 that was cut, says nothing about what Stripe did.
pub(super) fn judge(
    status: StatusCode,
    headers: &HeaderMap,
    body: Bytes,
) -> Result<Answer, CallError> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let request_id = text("request-id").map(str::to_owned);
    let is_replay = text("idempotent-replayed") == Some("true");
    let json = serde_json::from_slice::<Value>(&body);
    if status.is_success() {
        return match json {
            Ok(_) => Ok(Answer {
                body,
                request_id,
                is_replay,
            }),
            Err(_) => Err(CallError::broken("a successful answer that is not JSON")),
        };
    }
    let error = json
        .ok()
        .and_then(|mut json| json.get_mut("error").map(Value::take));
    if error.is_none() && (status.is_server_error() || status == StatusCode::REQUEST_TIMEOUT) {
        return Err(CallError::Unreachable(
            format!("status {} without an error of Stripe", status.as_u16()).into(),
        ));
    }
    let field = |name: &str| {
        let value = error.as_ref()?.get(name)?;
        value.as_str().map(str::to_owned)
    };
    Err(CallError::Refused(Box::new(ApiError {
        status: status.as_u16(),
        kind: field("type").unwrap_or_default(),
        code: field("code"),
        param: field("param"),
        message: field("message").unwrap_or_default(),
        request_id,
        retry_after: text("retry-after")
            .and_then(|seconds| seconds.trim().parse().ok())
            .map(Duration::from_secs),
        should_retry: match text("stripe-should-retry") {
            Some("true") => Some(true),
            Some("false") => Some(false),
            Some(_) | None => None,
        },
        is_replay,
    })))
}
