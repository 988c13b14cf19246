//! One function for each operation: parse, call one use case, render.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use serde::Serialize;
use utoipa::IntoResponses;
use utoipa_actix_web::service_config::ServiceConfig;

use crate::pages;
use crate::problem::ProblemBody;
use crate::state::AppState;

mod call;
mod checkout_intents;
mod checkout_session;
mod entitlements;
mod health;
mod licensing;
pub(crate) mod metrics;
pub(crate) mod no_route;
mod stripe_webhook;
mod webhook_events;

/// Every operation, for the server and for the OpenAPI document alike.
pub(crate) fn operations(config: &mut ServiceConfig<'_>) {
    config
        // Routes are tried in this order, and this is where most requests go.
        .service(stripe_webhook::receive_stripe_webhook)
        .service(entitlements::check_entitlement)
        .service(checkout_intents::create_checkout_intent)
        .service(checkout_intents::list_checkout_intents)
        .service(checkout_intents::read_checkout_intent)
        .service(checkout_intents::amend_checkout_intent)
        .service(checkout_intents::sync_checkout_intent)
        .service(checkout_intents::retry_provisioning)
        .service(checkout_session::start_checkout)
        .service(webhook_events::list_webhook_events)
        // Before the routes with an id, which these words are not.
        .service(webhook_events::summarise_webhook_events)
        .service(webhook_events::replay_webhook_events)
        .service(webhook_events::read_webhook_event)
        .service(webhook_events::replay_webhook_event)
        .service(webhook_events::discard_webhook_event)
        .service(licensing::list_plans)
        .service(licensing::read_plan)
        .service(licensing::list_licenses)
        .service(licensing::assign_licenses)
        .service(licensing::revoke_license)
        .service(licensing::activate_license)
        .service(entitlements::list_entitlements)
        .service(pages::checkout_result::checkout_success)
        .service(pages::checkout_result::checkout_cancel)
        .service(health::health)
        .service(health::live)
        .service(health::ready)
        .service(health::billing_health)
        .service(metrics::read_metrics);
}

/// The state of the application that a request came to.
pub(crate) fn state_of(request: &HttpRequest) -> &AppState {
    request
        .app_data::<Data<AppState>>()
        .expect("`app` registers the state")
}

/// An answer that needs no remembering.
fn ok(body: &impl Serialize) -> HttpResponse {
    HttpResponse::Ok().json(body)
}

/// The problems that any operation with credentials may answer.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "only its derived documentation is used")]
pub(crate) enum Problems {
    /// Malformed.
    #[response(status = 400, content_type = "application/problem+json")]
    Malformed(ProblemBody),
    /// No or wrong credentials.
    #[response(status = 401, content_type = "application/problem+json")]
    Unauthenticated(ProblemBody),
    /// Not for this caller.
    #[response(status = 403, content_type = "application/problem+json")]
    Forbidden(ProblemBody),
    /// No such object, or somebody else's.
    #[response(status = 404, content_type = "application/problem+json")]
    NotFound(ProblemBody),
    /// In conflict with the state, or with an earlier request under the same idempotency key.
    #[response(status = 409, content_type = "application/problem+json")]
    Conflict(ProblemBody),
    /// A larger body than the operation takes.
    #[response(status = 413, content_type = "application/problem+json")]
    TooLarge(ProblemBody),
    /// Well-formed, and breaks a rule.
    #[response(status = 422, content_type = "application/problem+json")]
    Invalid(ProblemBody),
    /// The payment provider is not configured, or something went wrong on our side.
    #[response(status = 500, content_type = "application/problem+json")]
    Broken(ProblemBody),
    /// The payment provider cannot be reached.
    #[response(status = 502, content_type = "application/problem+json")]
    Unreachable(ProblemBody),
    /// Our own dependency is down, or billing is switched off.
    #[response(status = 503, content_type = "application/problem+json")]
    Unavailable(ProblemBody),
}
