//! Where the payer comes back to: asks the provider first, so that whoever has paid never reads
//! "unpaid".

use actix_web::http::header::{ACCEPT, CONTENT_SECURITY_POLICY};
use actix_web::{HttpRequest, HttpResponse, get};
use billing_domain::checkout::intent::{CheckoutIntent, IntentState};
use billing_domain::kernel::change_set::Cause;
use billing_domain::kernel::text::ProviderRef;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::html::Page;
use crate::dto::body::parse_query;
use crate::problem::code::Code;
use crate::problem::{Problem, ProblemBody};
use crate::request_id::RequestId;
use crate::routes::state_of;

/// How soon the page looks again while everything is being set up, which takes a moment.
const REFRESH_SECONDS: u32 = 2;

/// How soon it does while the provider has to be asked each time.
const REFRESH_ASKING_SECONDS: u32 = 5;

/// How soon it does when people are needed.
const REFRESH_WAITING_SECONDS: u32 = 30;

/// Nothing but the page's own style and its empty icon.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; \
                      base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// The provider does not tell this page which checkout was left, so there is nothing to link to.
const WAY_BACK: &str = "Changed your mind? The back button of your browser brings you back to the \
                        checkout, which stays open for a while; or start again where you began.";

/// Which page of the provider the payer comes from.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct ResultQuery {
    /// The provider puts its id here.
    session_id: String,
}

/// What anybody who holds the session's id may know.
#[derive(Debug, Serialize, ToSchema)]
struct CheckoutResultBody {
    checkout_intent_id: Option<String>,
    /// The intent's state, or `canceled`.
    state: &'static str,
    /// The heading of the page.
    #[serde(skip)]
    title: &'static str,
    /// In words.
    message: String,
    /// Whether it is worth asking again soon.
    pending: bool,
    /// How soon the page asks again by itself.
    #[serde(skip)]
    refresh_seconds: Option<u32>,
}

/// What became of the sale that this session paid for.
#[utoipa::path(
    tag = "checkout",
    params(ResultQuery),
    responses(
        (status = 200, description = "A page, or JSON where `Accept` asks for it", content(
            (CheckoutResultBody = "application/json"),
            (String = "text/html"),
        )),
        (status = 400, description = "No session's id", body = ProblemBody,
            content_type = "application/problem+json"),
        (status = 404, description = "No checkout of ours", body = ProblemBody,
            content_type = "application/problem+json"),
        (status = 502, description = "The payment provider cannot be reached", body = ProblemBody,
            content_type = "application/problem+json"),
        (status = 503, description = "Try again", body = ProblemBody,
            content_type = "application/problem+json"),
    )
)]
#[get("/checkout/success")]
pub(crate) async fn checkout_success(request: HttpRequest) -> Result<HttpResponse, Problem> {
    match result_of(&request).await {
        Ok(body) => Ok(show(&request, &body, None)),
        Err(problem) if wants_json(&request) => Err(problem),
        Err(problem) => Ok(show_problem(&request, &problem)),
    }
}

async fn result_of(request: &HttpRequest) -> Result<CheckoutResultBody, Problem> {
    let state = state_of(request);
    state.require_billing()?;
    let query: ResultQuery = parse_query(request)?;
    let session = ProviderRef::parse(&query.session_id).map_err(|error| {
        Problem::new(Code::InvalidQuery)
            .field("session_id", "invalid_format", error.to_string())
            .detail("session_id is not valid")
    })?;
    let sync = &state.use_cases.sync_checkout;
    let intent = sync.run(&session, &Cause::Job("return_page")).await?;
    (state.use_cases.wake_workers)();
    Ok(told(&intent))
}

fn told(intent: &CheckoutIntent) -> CheckoutResultBody {
    let (title, message, refresh_seconds) = match intent.state() {
        // Right after paying, the provider may need a moment to say so itself.
        IntentState::Created => (
            "Confirming your payment",
            "We are waiting for the payment provider to confirm your payment.",
            Some(REFRESH_ASKING_SECONDS),
        ),
        IntentState::Paid { .. } => (
            "Thank you, you have paid",
            "Your payment has arrived. We are setting everything up.",
            Some(REFRESH_SECONDS),
        ),
        IntentState::Fulfilled { .. } => (
            "Thank you, all is ready",
            "Your payment has arrived and everything is ready.",
            None,
        ),
        IntentState::ErroredBackoffice { .. }
        | IntentState::ErroredFulfillmentStalled { .. }
        | IntentState::ErroredProvisioning { .. } => (
            "Thank you, you have paid",
            "Your payment has arrived. Setting everything up takes longer than usual; \
             we have been notified and you need not do anything.",
            Some(REFRESH_WAITING_SECONDS),
        ),
        IntentState::Expired { .. } => (
            "This checkout has expired",
            "This checkout has expired. If you have paid, your payment is safe: it is being \
             matched to your purchase.",
            None,
        ),
    };
    CheckoutResultBody {
        checkout_intent_id: Some(intent.id().to_string()),
        state: intent.state().name(),
        title,
        message: message.to_owned(),
        pending: refresh_seconds.is_some(),
        refresh_seconds,
    }
}

/// Where the payer comes back to who gave up.
#[utoipa::path(
    tag = "checkout",
    responses((status = 200, description = "A page, or JSON where `Accept` asks for it", content(
        (CheckoutResultBody = "application/json"),
        (String = "text/html"),
    )))
)]
#[get("/checkout/cancel")]
pub(crate) async fn checkout_cancel(request: HttpRequest) -> HttpResponse {
    let body = CheckoutResultBody {
        checkout_intent_id: None,
        state: "canceled",
        title: "You left the checkout",
        message: "Nothing was charged, and you can start again at any time.".to_owned(),
        pending: false,
        refresh_seconds: None,
    };
    show(&request, &body, Some(WAY_BACK))
}

fn wants_json(request: &HttpRequest) -> bool {
    let accept = request.headers().get(ACCEPT);
    accept
        .and_then(|value| value.to_str().ok())
        .is_some_and(|accept| accept.contains("json") && !accept.contains("text/html"))
}

fn show(
    request: &HttpRequest,
    body: &CheckoutResultBody,
    advice: Option<&'static str>,
) -> HttpResponse {
    if wants_json(request) {
        return HttpResponse::Ok().json(body);
    }
    let page = Page {
        title: body.title,
        message: &body.message,
        advice,
        reference: body.checkout_intent_id.as_deref(),
        refresh_seconds: body.refresh_seconds,
    };
    html(HttpResponse::Ok(), &page)
}

/// Somebody may have paid, so a problem never claims the opposite.
fn show_problem(request: &HttpRequest, problem: &Problem) -> HttpResponse {
    let id = RequestId::of(request);
    problem.log(&id);
    let status = problem.status();
    let is_passing = status.is_server_error();
    let (title, message) = if is_passing {
        (
            "One moment, please",
            "We cannot look up your purchase right now. If you have paid, your payment is safe.",
        )
    } else {
        (
            "We do not know this checkout",
            "If you have paid, your payment is safe: please come back by the link of your purchase.",
        )
    };
    let page = Page {
        title,
        message,
        advice: None,
        reference: Some(&id),
        refresh_seconds: is_passing.then_some(REFRESH_SECONDS * 2),
    };
    html(HttpResponse::build(status), &page)
}

fn html(mut response: actix_web::HttpResponseBuilder, page: &Page<'_>) -> HttpResponse {
    response
        .insert_header((CONTENT_SECURITY_POLICY, POLICY))
        .content_type("text/html; charset=utf-8")
        .body(page.html())
}
