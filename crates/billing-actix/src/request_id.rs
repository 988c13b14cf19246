//! Around every request: its id, its log line, its time limit, its panic, and the last word on
//! the answer's headers.

use std::panic::AssertUnwindSafe;
use std::time::Instant;

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};
use actix_web::http::{Method, StatusCode};
use actix_web::middleware::Next;
use actix_web::web::Data;
use actix_web::{Error, HttpMessage, HttpRequest};
use futures_util::FutureExt;
use tracing::Instrument;

use crate::aliases::canonical_path;
use crate::inside;
use crate::problem::Problem;
use crate::problem::code::Code;
use crate::state::AppState;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The longest id that is taken over from a client.
const REQUEST_ID_CHARS_MAX: usize = 128;

/// The id under which the log knows a request.
#[derive(Debug, Clone)]
pub(crate) struct RequestId(String);

impl RequestId {
    /// The id of a request that came through the middleware.
    pub(crate) fn of(request: &HttpRequest) -> String {
        let extensions = request.extensions();
        extensions
            .get::<Self>()
            .map_or_else(String::new, |id| id.0.clone())
    }
}

/// The outermost layer.
pub(crate) async fn around<B: MessageBody + 'static>(
    mut request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let state = request
        .app_data::<Data<AppState>>()
        .expect("`app` registers the state")
        .clone();
    let id = accepted_id(&request)
        .unwrap_or_else(|| format!("req_{}", state.use_cases.ids.uuid().simple()));
    request.extensions_mut().insert(RequestId(id.clone()));
    let method = request.method().clone();
    // Never the query: it may carry an activation key.
    let path = request.path().to_owned();
    canonicalize(&mut request, state.config.has_legacy_aliases);
    // A HEAD is a GET whose body stays here; the connection knows that and sends none.
    if method == Method::HEAD {
        request.head_mut().method = Method::GET;
    }

    let span = tracing::info_span!(
        "request",
        request.id = id,
        http.method = method.as_str(),
        http.path = path,
    );
    let started = Instant::now();
    let answer = AssertUnwindSafe(next.call(request)).catch_unwind();
    let answer = inside::timeout(state.config.request_timeout, answer)
        .instrument(span.clone())
        .await;
    let _entered = span.entered();
    let answer = match answer {
        Ok(Ok(Ok(response))) => Ok(finish(response, &id)),
        Ok(Ok(Err(error))) => Err(as_problem(&error)),
        // The panic hook has printed what and where.
        Ok(Err(_panic)) => Err(Problem::new(Code::InternalError).because("a panic in a route")),
        Err(_elapsed) => Err(Problem::new(Code::RequestTimeout).retry_after(1)),
    };
    let answer = answer.map_err(|problem| {
        problem.log(&id);
        problem.in_request(&id)
    });
    let status = match &answer {
        Ok(response) => response.status(),
        Err(problem) => problem.status(),
    };
    let ms = started.elapsed().as_millis();
    tracing::info!(
        request.id = id,
        http.status = status.as_u16(),
        "{method} {path} answered {status} in {ms} ms (request {id})"
    );
    answer.map_err(Error::from)
}

fn accepted_id(request: &ServiceRequest) -> Option<String> {
    let text = request.headers().get(REQUEST_ID)?.to_str().ok()?;
    let is_sane = (1..=REQUEST_ID_CHARS_MAX).contains(&text.len())
        && text
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "._-".contains(c));
    is_sane.then(|| text.to_owned())
}

/// A trailing slash and a legacy path lead to the canonical route without a redirect, which a
/// POST would not survive (F.5 row 43).
fn canonicalize(request: &mut ServiceRequest, has_aliases: bool) {
    let Some(path) = canonical_path(request.path(), has_aliases) else {
        return;
    };
    let uri = request.uri();
    let path_and_query = match uri.query() {
        Some(query) => format!("{path}?{query}"),
        None => path,
    };
    let mut parts = uri.clone().into_parts();
    let Ok(path_and_query) = path_and_query.parse() else {
        return;
    };
    parts.path_and_query = Some(path_and_query);
    let Ok(uri) = actix_web::http::Uri::from_parts(parts) else {
        return;
    };
    request.match_info_mut().get_mut().update(&uri);
    request.head_mut().uri = uri;
}

/// Renders problems, those of the framework included, and sets the headers of every answer.
fn finish<B: MessageBody + 'static>(
    response: ServiceResponse<B>,
    id: &str,
) -> ServiceResponse<BoxBody> {
    let framework_problem;
    let problem = match response.response().error() {
        Some(error) => match error.as_error::<Problem>() {
            Some(problem) => Some(problem),
            None => {
                framework_problem = as_problem(error);
                Some(&framework_problem)
            }
        },
        None => None,
    };
    let mut response = match problem {
        Some(problem) => {
            problem.log(id);
            let rendered = problem.render(id);
            response.into_response(rendered)
        }
        None => response.map_into_boxed_body(),
    };
    set_headers(response.headers_mut(), id);
    response
}

/// Sets what every answer has.
pub(crate) fn set_headers(headers: &mut HeaderMap, id: &str) {
    if let Ok(value) = HeaderValue::from_str(id) {
        headers.insert(REQUEST_ID, value);
    }
    let fixed = [
        ("x-content-type-options", "nosniff"),
        ("x-frame-options", "DENY"),
        ("referrer-policy", "no-referrer"),
        ("cache-control", "no-store"),
    ];
    for (name, value) in fixed {
        let name = HeaderName::from_static(name);
        if !headers.contains_key(&name) {
            headers.insert(name, HeaderValue::from_static(value));
        }
    }
}

/// What the framework refused before a route saw it.
fn as_problem(error: &Error) -> Problem {
    let status = error.as_response_error().status_code();
    match status {
        StatusCode::NOT_FOUND => Problem::new(Code::NotFound),
        StatusCode::METHOD_NOT_ALLOWED => Problem::new(Code::MethodNotAllowed),
        StatusCode::PAYLOAD_TOO_LARGE => Problem::new(Code::PayloadTooLarge),
        StatusCode::UNSUPPORTED_MEDIA_TYPE => Problem::new(Code::UnsupportedMediaType),
        status if status.is_client_error() => Problem::new(Code::BadRequest).status_instead(status),
        _ => Problem::new(Code::InternalError).because(error.to_string()),
    }
}

/// For the answers that no layer sees again: a panic's and a time-out's.
pub(crate) fn with_headers(problem: &Problem, id: &str) -> actix_web::HttpResponse {
    let mut response = problem.render(id);
    set_headers(response.headers_mut(), id);
    response
}
