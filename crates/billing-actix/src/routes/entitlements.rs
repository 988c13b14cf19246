//! The paywall's questions: what may this user use, and may they use this (E-045, E-046).

use actix_web::{HttpRequest, HttpResponse, get};
use billing_domain::entitlements::check_entitlement::{CheckEntitlementError, Verdict};

use super::{Problems, ok, state_of};
use crate::auth::authenticate;
use crate::dto::body::parse_query;
use crate::dto::entitlement::{EntitlementQuery, EntitlementsBody, VerdictBody};
use crate::problem::Problem;
use crate::problem::code::Code;

/// Everything that a user has had, in a fixed order.
#[utoipa::path(
    tag = "entitlements",
    params(EntitlementQuery),
    responses((status = 200, description = "The rows", body = EntitlementsBody), Problems),
    security(("api_key" = []), ("bearer" = []), ("operator_key" = []))
)]
#[get("/api/v1/entitlements")]
pub(super) async fn list_entitlements(request: HttpRequest) -> Result<HttpResponse, Problem> {
    let state = state_of(&request);
    let principal = authenticate(state, &request).await?;
    let wanted = parse_query::<EntitlementQuery>(&request)?.parse(&principal)?;
    let check = &state.use_cases.check_entitlement;
    let feature = wanted.feature.as_ref();
    let listed = check
        .list(&principal, wanted.project, &wanted.user, feature)
        .await;
    let (rows, now) = match listed {
        Err(CheckEntitlementError::UserNotFound) if wanted.allows_unknown => {
            (Vec::new(), state.use_cases.clock.now())
        }
        listed => listed?,
    };
    Ok(ok(&EntitlementsBody::new(&rows, now)))
}

/// Whether a user may use a feature now, and why.
#[utoipa::path(
    tag = "entitlements",
    params(EntitlementQuery),
    responses((status = 200, description = "The answer with its reason", body = VerdictBody), Problems),
    security(("api_key" = []), ("bearer" = []), ("operator_key" = []))
)]
#[get("/api/v1/entitlements/check")]
pub(super) async fn check_entitlement(request: HttpRequest) -> Result<HttpResponse, Problem> {
    let state = state_of(&request);
    let principal = authenticate(state, &request).await?;
    let wanted = parse_query::<EntitlementQuery>(&request)?.parse(&principal)?;
    let feature = wanted.feature.as_ref().ok_or_else(|| {
        let message = "name the feature that is asked about";
        Problem::new(Code::InvalidQuery)
            .field("feature", "is_null", message)
            .detail(message)
    })?;
    let check = &state.use_cases.check_entitlement;
    let verdict = check
        .run(&principal, wanted.project, &wanted.user, feature)
        .await;
    let verdict = match verdict {
        Err(CheckEntitlementError::UserNotFound) if wanted.allows_unknown => Verdict {
            is_entitled: false,
            because: Vec::new(),
            checked_at: state.use_cases.clock.now(),
        },
        verdict => verdict?,
    };
    Ok(ok(&VerdictBody::from(&verdict)))
}
