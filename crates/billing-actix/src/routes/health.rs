//! Whether the service runs, and whether it can do its work (F.3, C-113). Needs no credentials.

use actix_web::{HttpRequest, HttpResponse, get};

use super::{ok, state_of};
use crate::dto::health::{BillingHealthBody, CheckBody, HealthBody, ReadyBody};
use crate::problem::code::Code;
use crate::problem::{Problem, ProblemBody};
use crate::state::{AppState, ReadinessCheck};

/// The service runs.
#[utoipa::path(tag = "health", responses((status = 200, description = "It runs", body = HealthBody)))]
#[get("/health")]
pub(super) async fn health(request: HttpRequest) -> HttpResponse {
    alive(state_of(&request))
}

/// The service runs.
#[utoipa::path(tag = "health", responses((status = 200, description = "It runs", body = HealthBody)))]
#[get("/live")]
pub(super) async fn live(request: HttpRequest) -> HttpResponse {
    alive(state_of(&request))
}

fn alive(state: &AppState) -> HttpResponse {
    ok(&HealthBody {
        status: "ok",
        version: state.config.version.clone(),
        timestamp: state.use_cases.clock.now().to_string(),
    })
}

/// The service can do its work: its store answers and has the expected shape.
#[utoipa::path(
    tag = "health",
    responses(
        (status = 200, description = "It can", body = ReadyBody),
        (status = 503, description = "It cannot; `fields` says why", body = ProblemBody,
            content_type = "application/problem+json"),
    )
)]
#[get("/ready")]
pub(super) async fn ready(request: HttpRequest) -> Result<HttpResponse, Problem> {
    let checks = state_of(&request).use_cases.readiness.checks().await;
    if checks.iter().all(|check| check.is_ready) {
        return Ok(ok(&ReadyBody {
            status: "ready",
            checks: checks.into_iter().map(body).collect(),
        }));
    }
    let mut problem = Problem::new(Code::NotReady).retry_after(1);
    for check in checks.into_iter().filter(|check| !check.is_ready) {
        problem = problem.field(check.name, "not_ready", check.detail);
    }
    Err(problem)
}

fn body(check: ReadinessCheck) -> CheckBody {
    let ReadinessCheck {
        name,
        is_ready,
        detail,
    } = check;
    CheckBody {
        name,
        ready: is_ready,
        detail,
    }
}

/// Whether billing is switched on; says no secret.
#[utoipa::path(tag = "health", responses((status = 200, description = "The switch", body = BillingHealthBody)))]
#[get("/billing/health")]
pub(super) async fn billing_health(request: HttpRequest) -> HttpResponse {
    let state = state_of(&request);
    let checks = state.use_cases.readiness.checks().await;
    ok(&BillingHealthBody {
        enabled: state.config.is_billing_enabled,
        stripe_configured: state.config.is_stripe_configured,
        checks: checks.into_iter().map(body).collect(),
        timestamp: state.use_cases.clock.now().to_string(),
    })
}
