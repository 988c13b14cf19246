//! Opens the page on which a sale is paid.

use actix_web::http::StatusCode;
use actix_web::web::Payload;
use actix_web::{HttpRequest, HttpResponse, post};
use billing_domain::checkout::intent::CheckoutIntent;

use super::Problems;
use super::call::Call;
use crate::dto::checkout_session::{CheckoutSessionAnswer, CheckoutSessionBody};
use crate::idempotency::json_answer;
use crate::problem::Problem;

/// Reserves, and opens the payment provider's page.
///
/// The same request again gives the same page while it is open. When the provider cannot be
/// reached the intent is kept, and the same request continues it.
#[utoipa::path(
    tag = "checkout",
    request_body = CheckoutSessionBody,
    params(("Idempotency-Key" = Option<String>, Header, description = "1 to 255 printable characters")),
    responses(
        (status = 201, description = "The page", body = CheckoutSessionAnswer),
        Problems,
    ),
    security(("bearer" = []))
)]
#[post("/api/v1/customer-billing/checkout-session")]
pub(super) async fn start_checkout(
    request: HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, Problem> {
    let call = Call::read_if_billing(&request, payload).await?;
    let sent = call.json::<CheckoutSessionBody>()?;
    let names = sent.sent_names();
    let wanted = sent.into_request()?;
    call.answer_once(
        |intent: &CheckoutIntent| {
            json_answer(StatusCode::CREATED, &CheckoutSessionAnswer::from(intent))
        },
        async |request| {
            let start = &call.use_cases().start_checkout;
            let started = start.run(request, &wanted).await;
            started.map_err(|error| names.problem(error))
        },
    )
    .await
}
