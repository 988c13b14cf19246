//! One answer for one `Idempotency-Key`: the first is stored with its effect, others replay it.

use actix_web::http::StatusCode;
use actix_web::http::header::{HeaderName, HeaderValue};
use actix_web::{HttpRequest, HttpResponse};
use billing_domain::kernel::principal::Principal;
use billing_domain::kernel::recorded_answer::{RecordedAnswer, RequestKey};
use billing_domain::kernel::request::Request;
use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::problem::Problem;
use crate::problem::code::Code;
use crate::request_id::RequestId;
use crate::state::AppState;

const IDEMPOTENCY_KEY: &str = "Idempotency-Key";

const REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");

/// The longest key (as Stripe's own).
const KEY_CHARS_MAX: usize = 255;

/// Renders a result as the answer that is sent and, with a key, stored.
pub(crate) fn json_answer(status: StatusCode, body: &impl Serialize) -> RecordedAnswer {
    RecordedAnswer {
        code: status.as_u16(),
        body: serde_json::to_string(body).expect("answers are maps with text keys"),
    }
}

/// Runs a use case for a POST, at most once for each key of each caller and route.
///
/// A request with a key that was answered is answered the same again; one with the same key and
/// another path, query or body is refused (409). Errors are not remembered: nothing was done, and
/// the same request may succeed later.
pub(crate) async fn answer_once<T, E>(
    state: &AppState,
    request: &HttpRequest,
    principal: &Principal,
    body: &[u8],
    render: impl Fn(&T) -> RecordedAnswer + Send + Sync,
    run: impl AsyncFnOnce(&Request<'_, T>) -> Result<T, E>,
) -> Result<HttpResponse, Problem>
where
    E: Into<Problem>,
{
    let id = Some(RequestId::of(request));
    let Some(key) = request_key(request, principal, body)? else {
        let asked = Request::new(principal).identified_by(id);
        let result = run(&asked).await.map_err(Into::into)?;
        (state.use_cases.wake_workers)();
        return Ok(respond(&render(&result)));
    };
    if let Some(replay) = replay(state, &key).await? {
        return Ok(replay);
    }
    let asked = Request::remembered(principal, key.clone(), &render).identified_by(id);
    let outcome = run(&asked).await;
    match outcome {
        Ok(result) => {
            (state.use_cases.wake_workers)();
            Ok(respond(&render(&result)))
        }
        // A concurrent twin may have won meanwhile, and then its answer is the answer.
        Err(error) => match replay(state, &key).await? {
            Some(replay) => Ok(replay),
            None => Err(error.into()),
        },
    }
}

async fn replay(state: &AppState, key: &RequestKey) -> Result<Option<HttpResponse>, Problem> {
    let Some(stored) = state.use_cases.answers.answer(key).await? else {
        return Ok(None);
    };
    if stored.fingerprint != key.fingerprint {
        return Err(Problem::new(Code::IdempotencyKeyReused));
    }
    let mut response = respond(&stored.answer);
    response
        .headers_mut()
        .insert(REPLAYED, HeaderValue::from_static("true"));
    Ok(Some(response))
}

fn respond(answer: &RecordedAnswer) -> HttpResponse {
    let status = StatusCode::from_u16(answer.code).unwrap_or(StatusCode::OK);
    HttpResponse::build(status)
        .content_type("application/json")
        .body(answer.body.clone())
}

fn request_key(
    request: &HttpRequest,
    principal: &Principal,
    body: &[u8],
) -> Result<Option<RequestKey>, Problem> {
    let mut values = request.headers().get_all(IDEMPOTENCY_KEY);
    let Some(value) = values.next() else {
        return Ok(None);
    };
    let invalid = || {
        Problem::new(Code::InvalidIdempotencyKey).detail(format!(
            "{IDEMPOTENCY_KEY} must be 1 to {KEY_CHARS_MAX} printable ASCII characters, sent once"
        ))
    };
    let key = value.to_str().map_err(|_| invalid())?;
    let is_valid = (1..=KEY_CHARS_MAX).contains(&key.len())
        && key.chars().all(|c| c == ' ' || c.is_ascii_graphic())
        && values.next().is_none();
    if !is_valid {
        return Err(invalid());
    }
    Ok(Some(RequestKey {
        principal: principal.label(),
        route: request
            .match_pattern()
            .unwrap_or_else(|| request.path().to_owned()),
        key: key.to_owned(),
        fingerprint: fingerprint(request, body),
    }))
}

/// Lengths stand before the parts, so that no two requests have the same text.
fn fingerprint(request: &HttpRequest, body: &[u8]) -> String {
    let mut digest = Sha256::new();
    let parts: [&[u8]; 4] = [
        request.method().as_str().as_bytes(),
        request.path().as_bytes(),
        request.query_string().as_bytes(),
        body,
    ];
    for part in parts {
        digest.update(part.len().to_string().as_bytes());
        digest.update(b":");
        digest.update(part);
    }
    hex::encode(digest.finalize())
}
