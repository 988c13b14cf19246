//! Plans and licences for those who administer them, and the activation of one's own (A-168 to
//!

use actix_web::http::StatusCode;
use actix_web::web::Payload;
use actix_web::{HttpRequest, HttpResponse, get, post};
use billing_domain::kernel::id::{LicenseId, LicenseKind, PlanId, TenantId};
use billing_domain::kernel::text::ActivationKey;
use billing_domain::licensing::assign_licenses::Assignments;
use billing_domain::licensing::license::License;

use super::call::Call;
use super::{Problems, ok, state_of};
use crate::auth::authenticate;
use crate::dto::body::{parse_id, parse_query};
use crate::dto::intent::PageQuery;
use crate::dto::license::{
    ActivationQuery, AssignBody, AssignmentsBody, LicenseBody, LicensePageBody, PlanBody,
    PlanDetailBody, PlansBody,
};
use crate::idempotency::json_answer;
use crate::problem::Problem;
use crate::problem::code::Code;

/// The plans of a tenant.
#[utoipa::path(
    tag = "licensing",
    params(("tenant_id" = String, Path, description = "`ten_…` or a UUID")),
    responses((status = 200, description = "Oldest first", body = PlansBody), Problems),
    security(("bearer" = []), ("operator_key" = []))
)]
#[get("/api/v1/licensing/tenants/{tenant_id}/plans")]
pub(super) async fn list_plans(request: HttpRequest) -> Result<HttpResponse, Problem> {
    let state = state_of(&request);
    let principal = authenticate(state, &request).await?;
    let tenant: TenantId = parse_id(&request, "tenant_id")?;
    let read = &state.use_cases.read_licenses;
    let plans = read.plans(&principal, tenant).await?;
    let now = state.use_cases.clock.now();
    let items = plans.iter().map(|plan| PlanBody::new(plan, now)).collect();
    Ok(ok(&PlansBody { items }))
}

/// A plan with the number of its licences in each state.
#[utoipa::path(
    tag = "licensing",
    params(("id" = String, Path, description = "`plan_…` or a UUID")),
    responses((status = 200, description = "The plan", body = PlanDetailBody), Problems),
    security(("bearer" = []), ("operator_key" = []))
)]
#[get("/api/v1/licensing/plans/{id}")]
pub(super) async fn read_plan(request: HttpRequest) -> Result<HttpResponse, Problem> {
    let state = state_of(&request);
    let principal = authenticate(state, &request).await?;
    let id: PlanId = parse_id(&request, "id")?;
    let (plan, counts) = state.use_cases.read_licenses.run(&principal, id).await?;
    let now = state.use_cases.clock.now();
    Ok(ok(&PlanDetailBody::new(&plan, counts, now)))
}

/// The licences of a plan.
#[utoipa::path(
    tag = "licensing",
    params(("id" = String, Path, description = "`plan_…` or a UUID"), PageQuery),
    responses((status = 200, description = "One page", body = LicensePageBody), Problems),
    security(("bearer" = []), ("operator_key" = []))
)]
#[get("/api/v1/licensing/plans/{id}/licenses")]
pub(super) async fn list_licenses(request: HttpRequest) -> Result<HttpResponse, Problem> {
    let state = state_of(&request);
    let principal = authenticate(state, &request).await?;
    let id: PlanId = parse_id(&request, "id")?;
    let page = parse_query::<PageQuery>(&request)?.into_request::<LicenseKind>()?;
    let read = &state.use_cases.read_licenses;
    let page = read.list(&principal, id, &page).await?;
    Ok(ok(&LicensePageBody::from(page)))
}

/// Assigns one licence to each address that has none: all, or none.
#[utoipa::path(
    tag = "licensing",
    params(
        ("id" = String, Path, description = "`plan_…` or a UUID"),
        ("Idempotency-Key" = Option<String>, Header, description = "1 to 255 printable characters"),
    ),
    request_body = AssignBody,
    responses((status = 200, description = "What was assigned", body = AssignmentsBody), Problems),
    security(("bearer" = []), ("operator_key" = []))
)]
#[post("/api/v1/licensing/plans/{id}/licenses/assign")]
pub(super) async fn assign_licenses(
    request: HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, Problem> {
    let call = Call::read_if_billing(&request, payload).await?;
    let id: PlanId = parse_id(&request, "id")?;
    let emails = call.json::<AssignBody>()?.into_emails()?;
    call.answer_once(
        |assignments: &Assignments| {
            json_answer(StatusCode::OK, &AssignmentsBody::from(assignments))
        },
        async |request| {
            let assign = &call.use_cases().assign_licenses;
            assign.run(request, id, &emails).await
        },
    )
    .await
}

/// Takes a licence back; its plan gets a fresh one.
#[utoipa::path(
    tag = "licensing",
    params(
        ("id" = String, Path, description = "`lic_…` or a UUID"),
        ("Idempotency-Key" = Option<String>, Header, description = "1 to 255 printable characters"),
    ),
    responses((status = 200, description = "The licence as it now is", body = LicenseBody), Problems),
    security(("bearer" = []), ("operator_key" = []))
)]
#[post("/api/v1/licensing/licenses/{id}/revoke")]
pub(super) async fn revoke_license(
    request: HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, Problem> {
    let call = Call::read_if_billing(&request, payload).await?;
    let id: LicenseId = parse_id(&request, "id")?;
    call.answer_once(
        |license: &License| json_answer(StatusCode::OK, &LicenseBody::from(license)),
        async |request| call.use_cases().revoke_license.run(request, id).await,
    )
    .await
}

/// Activates the caller's own licence by the key of its invitation.
#[utoipa::path(
    tag = "licensing",
    params(
        ActivationQuery,
        ("Idempotency-Key" = Option<String>, Header, description = "1 to 255 printable characters"),
    ),
    responses((status = 200, description = "The licence as it now is", body = LicenseBody), Problems),
    security(("bearer" = []))
)]
#[post("/api/v1/licensing/license-activation")]
pub(super) async fn activate_license(
    request: HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, Problem> {
    let call = Call::read_if_billing(&request, payload).await?;
    let query: ActivationQuery = parse_query(&request)?;
    let key = ActivationKey::parse(&query.activation_key).map_err(|error| {
        Problem::new(Code::InvalidQuery)
            .field("activation_key", "invalid_format", error.to_string())
            .detail("activation_key is not valid")
    })?;
    call.answer_once(
        |license: &License| json_answer(StatusCode::OK, &LicenseBody::from(license)),
        async |request| call.use_cases().activate_license.run(request, &key).await,
    )
    .await
}
