//! Receives the payment provider's deliveries: raw bytes, stored once, then acknowledged (F.2).

use actix_web::web::Payload;
use actix_web::{HttpRequest, HttpResponse, post};
use billing_domain::provider_events::delivery::Delivery;
use billing_domain::provider_events::ports::Receipt;

use super::{ok, state_of};
use crate::dto::health::ReceivedBody;
use crate::problem::code::Code;
use crate::problem::{Problem, ProblemBody};
use crate::request_id::RequestId;
use crate::unverified_body::{UnverifiedBody, read_unverified};

const SIGNATURE: &str = "Stripe-Signature";

/// Stores a signed delivery. 200 means that it is durable; also while billing is switched off.
#[utoipa::path(
    tag = "webhooks",
    request_body(content = String, content_type = "application/json", description = "The event as Stripe sends it"),
    params(("Stripe-Signature" = String, Header, description = "As Stripe sends it")),
    responses(
        (status = 200, description = "Durable", body = ReceivedBody),
        (status = 400, description = "Not signed, or not an event; nothing was stored",
            body = ProblemBody, content_type = "application/problem+json"),
        (status = 408, description = "Sent too slowly", body = ProblemBody,
            content_type = "application/problem+json"),
        (status = 413, description = "More than 1 MiB", body = ProblemBody,
            content_type = "application/problem+json"),
        (status = 500, description = "No signing secret is configured", body = ProblemBody,
            content_type = "application/problem+json"),
        (status = 503, description = "Not durable, or no room to read it; deliver it again", body = ProblemBody,
            content_type = "application/problem+json"),
    )
)]
#[post("/api/v1/webhooks/stripe")]
pub(super) async fn receive_stripe_webhook(
    request: HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, Problem> {
    let state = state_of(&request);
    let receive = &state.use_cases.receive_webhook;
    let body = read_unverified(&request, payload).await;
    let body = body.inspect_err(|problem| {
        if problem.code() == Code::Overloaded {
            receive.turned_away();
        }
    })?;
    // A header that is not text matches no signature, like one that is missing; nor does one that
    // is sent twice, of which somebody would have to pick.
    let mut signatures = request.headers().get_all(SIGNATURE);
    let signature = match (signatures.next(), signatures.next()) {
        (Some(signature), None) => signature.to_str().ok(),
        (Some(_), Some(_)) | (None, _) => None,
    };
    let correlation_id = Some(RequestId::of(&request));
    // What the body holds is given back once this is answered.
    let UnverifiedBody { bytes, taken } = body;
    let receipt = receive.run(bytes, signature, carried(&request), correlation_id);
    let receipt = receipt.await?;
    drop(taken);
    let status = match receipt {
        // Its worker was woken when it was handed over.
        Receipt::Recorded => "received",
        Receipt::Duplicate => "duplicate",
    };
    Ok(ok(&ReceivedBody {
        received: true,
        status,
    }))
}

/// What came beside body and signature. The address is the peer's; what proxies say about who was
/// before them is among the headers, for nobody here to believe.
fn carried(request: &HttpRequest) -> Delivery {
    let peer = request.peer_addr().map(|peer| peer.ip().to_canonical());
    let mut carried = Delivery::from_peer(peer);
    // The signature is stored by itself.
    let mut headers: Vec<_> = request
        .headers()
        .iter()
        .filter(|(name, _)| !name.as_str().eq_ignore_ascii_case(SIGNATURE))
        .collect();
    // The framework forgets the order of names, and keeps that of one name's values.
    headers.sort_by_key(|(name, _)| name.as_str());
    for (name, value) in headers {
        carried.keep_header(name.as_str(), value.as_bytes());
    }
    carried
}
