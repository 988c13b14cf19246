//! Checkout intents: create, read, amend, synchronise, repair.

use actix_web::http::StatusCode;
use actix_web::web::Payload;
use actix_web::{HttpRequest, HttpResponse, get, patch, post};
use billing_domain::checkout::intent::CheckoutIntent;
use billing_domain::kernel::id::{IntentId, IntentKind};
use billing_domain::kernel::recorded_answer::RecordedAnswer;
use billing_domain::provisioning::workflow::ProvisioningWorkflow;

use super::call::Call;
use super::{Problems, ok, state_of};
use crate::auth::authenticate;
use crate::dto::body::{parse_id, parse_query};
use crate::dto::intent::{
    AmendIntentBody, CreateIntentBody, IntentBody, IntentPageBody, PageQuery, RetryBody,
};
use crate::idempotency::json_answer;
use crate::problem::Problem;
use crate::problem::code::Code;

/// Creates or renews the caller's intent and reserves its slug and name.
#[utoipa::path(
    tag = "checkout",
    request_body = CreateIntentBody,
    params(("Idempotency-Key" = Option<String>, Header, description = "1 to 255 printable characters")),
    responses((status = 201, description = "The intent", body = IntentBody), Problems),
    security(("bearer" = []))
)]
#[post("/api/v1/checkout-intents")]
pub(super) async fn create_checkout_intent(
    request: HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, Problem> {
    let call = Call::read_if_billing(&request, payload).await?;
    let wanted = call.json::<CreateIntentBody>()?.into_request()?;
    call.answer_once(
        |intent: &CheckoutIntent| json_answer(StatusCode::CREATED, &IntentBody::from(intent)),
        async |request| call.use_cases().create_intent.run(request, &wanted).await,
    )
    .await
}

/// The caller's intents, newest first; all of them for an operator.
#[utoipa::path(
    tag = "checkout",
    params(PageQuery),
    responses((status = 200, description = "One page", body = IntentPageBody), Problems),
    security(("bearer" = []), ("operator_key" = []))
)]
#[get("/api/v1/checkout-intents")]
pub(super) async fn list_checkout_intents(request: HttpRequest) -> Result<HttpResponse, Problem> {
    let state = state_of(&request);
    let principal = authenticate(state, &request).await?;
    let page = parse_query::<PageQuery>(&request)?.into_request::<IntentKind>()?;
    let page = state.use_cases.read_intents.list(&principal, &page).await?;
    Ok(ok(&IntentPageBody::from(page)))
}

/// One intent; made for polling.
#[utoipa::path(
    tag = "checkout",
    params(("id" = String, Path, description = "`chk_…` or a UUID")),
    responses((status = 200, description = "The intent", body = IntentBody), Problems),
    security(("bearer" = []), ("operator_key" = []))
)]
#[get("/api/v1/checkout-intents/{id}")]
pub(super) async fn read_checkout_intent(request: HttpRequest) -> Result<HttpResponse, Problem> {
    let state = state_of(&request);
    let principal = authenticate(state, &request).await?;
    let id: IntentId = parse_id(&request, "id")?;
    let intent = state.use_cases.read_intents.run(&principal, id).await?;
    Ok(ok(&IntentBody::from(&intent)))
}

/// Changes country and terms; an operator may also set a state.
#[utoipa::path(
    tag = "checkout",
    params(("id" = String, Path, description = "`chk_…` or a UUID")),
    request_body = AmendIntentBody,
    responses((status = 200, description = "The intent as it now is", body = IntentBody), Problems),
    security(("bearer" = []), ("operator_key" = []))
)]
#[patch("/api/v1/checkout-intents/{id}")]
pub(super) async fn amend_checkout_intent(
    request: HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, Problem> {
    let call = Call::read_if_billing(&request, payload).await?;
    let id: IntentId = parse_id(&request, "id")?;
    let amendment = call.json::<AmendIntentBody>()?.into_amendment()?;
    let amend = &call.use_cases().amend_intent;
    let intent = amend.run(&call.request(), id, &amendment).await?;
    (call.use_cases().wake_workers)();
    Ok(ok(&IntentBody::from(&intent)))
}

/// Asks the payment provider what became of the intent's page and applies it.
#[utoipa::path(
    tag = "checkout",
    params(
        ("id" = String, Path, description = "`chk_…` or a UUID"),
        ("Idempotency-Key" = Option<String>, Header, description = "1 to 255 printable characters"),
    ),
    responses((status = 200, description = "The intent as it now is", body = IntentBody), Problems),
    security(("bearer" = []), ("operator_key" = []))
)]
#[post("/api/v1/checkout-intents/{id}/sync")]
pub(super) async fn sync_checkout_intent(
    request: HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, Problem> {
    let call = Call::read_if_billing(&request, payload).await?;
    let id: IntentId = parse_id(&request, "id")?;
    call.answer_once(
        |intent: &CheckoutIntent| json_answer(StatusCode::OK, &IntentBody::from(intent)),
        // Its effect is what the provider says, not what the caller asks for: repeating it is
        // harmless, so nothing is remembered.
        async |request| -> Result<CheckoutIntent, Problem> {
            let intent = call
                .use_cases()
                .read_intents
                .run(&call.principal, id)
                .await?;
            let sync = &call.use_cases().sync_checkout;
            Ok(sync.run_for(&intent, &request.underway()).await?)
        },
    )
    .await
}

/// Makes the intent's provisioning due at once.
#[utoipa::path(
    tag = "operations",
    params(
        ("id" = String, Path, description = "`chk_…` or a UUID"),
        ("Idempotency-Key" = Option<String>, Header, description = "1 to 255 printable characters"),
    ),
    responses((status = 202, description = "A worker runs it", body = RetryBody), Problems),
    security(("bearer" = []), ("operator_key" = []))
)]
#[post("/api/v1/checkout-intents/{id}/retry-provisioning")]
pub(super) async fn retry_provisioning(
    request: HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, Problem> {
    let call = Call::read_if_billing(&request, payload).await?;
    if !call.principal.is_operator() {
        return Err(Problem::new(Code::Forbidden).detail("only an operator may retry provisioning"));
    }
    let id: IntentId = parse_id(&request, "id")?;
    call.answer_once(retry_answer, async |request| {
        call.use_cases().retry_provisioning.run(request, id).await
    })
    .await
}

fn retry_answer(workflow: &ProvisioningWorkflow) -> RecordedAnswer {
    let body = RetryBody {
        workflow_id: workflow.id.to_string(),
        checkout_intent_id: workflow.intent_id.to_string(),
        state: "pending",
    };
    json_answer(StatusCode::ACCEPTED, &body)
}
