//! The inbox for operators: list, look, replay, discard.

use actix_web::http::StatusCode;
use actix_web::web::Payload;
use actix_web::{HttpRequest, HttpResponse, get, post};
use billing_domain::kernel::id::InboxEventKind;
use billing_domain::kernel::recorded_answer::RecordedAnswer;
use billing_domain::provider_events::event_filter::EventName;
use billing_domain::provider_events::replay_provider_events::ReplayReport;
use billing_domain::provider_events::stored_event::StoredEvent;

use super::call::Call;
use super::{Problems, ok, state_of};
use crate::auth::authenticate;
use crate::dto::body::parse_query;
use crate::dto::intent::PageQuery;
use crate::dto::webhook_event::{
    DepthBody, EventBody, EventPageBody, EventRecordBody, ReplayReportBody,
};
use crate::dto::webhook_event_filter::{
    DiscardEventBody, EventQuery, ReplayEventBody, ReplayEventsBody,
};
use crate::idempotency::json_answer;
use crate::problem::Problem;
use crate::problem::code::Code;

/// The events that Stripe delivered, the last received first.
#[utoipa::path(
    tag = "operations",
    params(EventQuery, PageQuery),
    responses((status = 200, description = "One page", body = EventPageBody), Problems),
    security(("bearer" = []), ("operator_key" = []))
)]
#[get("/api/v1/admin/webhook-events")]
pub(super) async fn list_webhook_events(request: HttpRequest) -> Result<HttpResponse, Problem> {
    let state = state_of(&request);
    let principal = authenticate(state, &request).await?;
    let page = parse_query::<PageQuery>(&request)?.into_request::<InboxEventKind>()?;
    let filter = parse_query::<EventQuery>(&request)?.into_filter()?;
    let list = &state.use_cases.provider_events.list;
    let page = list.run(&principal, &filter, &page).await?;
    Ok(ok(&EventPageBody::from(page)))
}

/// How many events are in each status, and since when the oldest waits.
#[utoipa::path(
    tag = "operations",
    responses((status = 200, description = "How full the inbox is", body = DepthBody), Problems),
    security(("bearer" = []), ("operator_key" = []))
)]
#[get("/api/v1/admin/webhook-events/summary")]
pub(super) async fn summarise_webhook_events(
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let state = state_of(&request);
    let principal = authenticate(state, &request).await?;
    let list = &state.use_cases.provider_events.list;
    let depth = list.depth(&principal).await?;
    Ok(ok(&DepthBody::from(depth)))
}

/// One event: what came, each attempt, what it changed, what was decided about it.
#[utoipa::path(
    tag = "operations",
    params(("id" = String, Path, description = "`whe_…`, a UUID, or Stripe's `evt_…`")),
    responses((status = 200, description = "The event", body = EventRecordBody), Problems),
    security(("bearer" = []), ("operator_key" = []))
)]
#[get("/api/v1/admin/webhook-events/{id}")]
pub(super) async fn read_webhook_event(request: HttpRequest) -> Result<HttpResponse, Problem> {
    let state = state_of(&request);
    let principal = authenticate(state, &request).await?;
    let name = parse_name(&request)?;
    let show = &state.use_cases.provider_events.show;
    let record = show.run(&principal, &name).await?;
    Ok(ok(&EventRecordBody::from(record)))
}

/// Makes a parked, failed, skipped or discarded event due again.
#[utoipa::path(
    tag = "operations",
    params(
        ("id" = String, Path, description = "`whe_…`, a UUID, or Stripe's `evt_…`"),
        ("Idempotency-Key" = Option<String>, Header, description = "1 to 255 printable characters"),
    ),
    request_body = Option<ReplayEventBody>,
    responses((status = 202, description = "A worker applies it", body = EventBody), Problems),
    security(("bearer" = []), ("operator_key" = []))
)]
#[post("/api/v1/admin/webhook-events/{id}/replay")]
pub(super) async fn replay_webhook_event(
    request: HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, Problem> {
    let call = Call::read(&request, payload).await?;
    let name = parse_name(&request)?;
    let reason = if call.body.is_empty() {
        None
    } else {
        call.json::<ReplayEventBody>()?.into_reason()?
    };
    let replay = &call.use_cases().provider_events.replay_one;
    call.answer_once(
        |event: &StoredEvent| json_answer(StatusCode::ACCEPTED, &EventBody::from(event)),
        async |request| replay.run(request, &name, reason.as_ref()).await,
    )
    .await
}

/// Makes the events due again that match; with `dry_run` it only says which.
#[utoipa::path(
    tag = "operations",
    params(("Idempotency-Key" = Option<String>, Header, description = "1 to 255 printable characters")),
    request_body = ReplayEventsBody,
    responses(
        (status = 200, description = "A dry run: nothing was changed", body = ReplayReportBody),
        (status = 202, description = "Workers apply them", body = ReplayReportBody),
        Problems
    ),
    security(("bearer" = []), ("operator_key" = []))
)]
#[post("/api/v1/admin/webhook-events/replay")]
pub(super) async fn replay_webhook_events(
    request: HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, Problem> {
    let call = Call::read(&request, payload).await?;
    let order = call.json::<ReplayEventsBody>()?.into_order()?;
    let replay = &call.use_cases().provider_events.replay_many;
    call.answer_once(replayed_answer, async |request| {
        replay.run(request, &order).await
    })
    .await
}

fn replayed_answer(report: &ReplayReport) -> RecordedAnswer {
    let status = if report.is_rehearsal {
        StatusCode::OK
    } else {
        StatusCode::ACCEPTED
    };
    json_answer(status, &ReplayReportBody::from(report))
}

/// Decides that an event shall have no effect, until somebody replays it.
#[utoipa::path(
    tag = "operations",
    params(
        ("id" = String, Path, description = "`whe_…`, a UUID, or Stripe's `evt_…`"),
        ("Idempotency-Key" = Option<String>, Header, description = "1 to 255 printable characters"),
    ),
    request_body = DiscardEventBody,
    responses((status = 200, description = "The event as it now is", body = EventBody), Problems),
    security(("bearer" = []), ("operator_key" = []))
)]
#[post("/api/v1/admin/webhook-events/{id}/discard")]
pub(super) async fn discard_webhook_event(
    request: HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, Problem> {
    let call = Call::read(&request, payload).await?;
    let name = parse_name(&request)?;
    let reason = call.json::<DiscardEventBody>()?.into_reason()?;
    let discard = &call.use_cases().provider_events.discard;
    call.answer_once(
        |event: &StoredEvent| json_answer(StatusCode::OK, &EventBody::from(event)),
        async |request| discard.run(request, &name, &reason).await,
    )
    .await
}

fn parse_name(request: &HttpRequest) -> Result<EventName, Problem> {
    let text = request.match_info().get("id").unwrap_or_default();
    EventName::parse(text).map_err(|error| {
        let message = error.to_string();
        Problem::new(Code::InvalidId)
            .field("id", "invalid_format", message.as_str())
            .detail(message)
    })
}
