//! Sends deliveries over HTTP and writes down how each try went.

use std::time::{Duration, Instant};

use crate::json::Value;

use crate::account::Account;
use crate::deliveries::{Attempt, Delivery, DeliveryState, signature};
use crate::world::World;

const USER_AGENT: &str = "Stripe/1.0 (+https://stripe.com/docs/webhooks)";
/// Stripe does not publish its own; 20 s is what its users have measured.
const TIMEOUT: Duration = Duration::from_secs(20);
const ANSWER_BYTES_MAX: usize = 1_024;

/// How one delivery went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeliveryOutcome {
    pub delivery: Delivery,
    pub attempt: Attempt,
}

/// A delivery as it would be sent now: exact body and headers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedDelivery {
    pub event_id: String,
    pub event_type: String,
    pub url: String,
    pub body: String,
    pub headers: Vec<(String, String)>,
}

pub(crate) fn client() -> Result<reqwest::Client, reqwest::Error> {
    // Fails only if a provider is installed already, which serves as well.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder()
        .timeout(TIMEOUT)
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .build()
}

/// The secrets that an endpoint signs with, newest first: one that was rolled signs beside the new
/// one until its time is over.
fn secrets_of(account: &Account, endpoint_id: &str, now: i64) -> Vec<String> {
    let endpoint = account.get(endpoint_id);
    let secrets = endpoint["_secrets"].as_array().into_iter().flatten();
    let is_valid = |secret: &&Value| secret["until"].as_i64().is_none_or(|until| now < until);
    secrets
        .filter(is_valid)
        .filter_map(|secret| secret.as_str().or_else(|| secret["secret"].as_str()))
        .map(str::to_owned)
        .collect()
}

pub(crate) fn signed(account: &Account, delivery: &Delivery, now: i64) -> SignedDelivery {
    let secrets = secrets_of(account, &delivery.endpoint_id, now);
    let headers = [
        ("content-type", "application/json; charset=utf-8".to_owned()),
        ("user-agent", USER_AGENT.to_owned()),
        ("accept", "*/*; q=0.5, application/xml".to_owned()),
        ("cache-control", "no-cache".to_owned()),
        (
            "stripe-signature",
            signature::header(&secrets, now, &delivery.body),
        ),
    ];
    SignedDelivery {
        event_id: delivery.event_id.clone(),
        event_type: delivery.event_type.clone(),
        url: delivery.url.clone(),
        body: delivery.body.clone(),
        headers: headers
            .into_iter()
            .map(|(n, v)| (n.to_owned(), v))
            .collect(),
    }
}

/// The attempt at an endpoint that is not there any more.
pub(crate) fn gone(world: &World) -> Attempt {
    Attempt {
        at: world.clock.now(),
        status: None,
        error: Some("the endpoint is disabled or deleted".into()),
        duration_ms: 0,
        answer: String::new(),
    }
}

pub(crate) async fn try_once(world: &World, signed: &SignedDelivery) -> Attempt {
    let begun = Instant::now();
    let mut request = world.client.post(&signed.url).body(signed.body.clone());
    for (name, value) in &signed.headers {
        request = request.header(name, value);
    }
    let answer = request.send().await;
    let (status, error, answer) = match answer {
        Ok(response) => {
            let status = response.status().as_u16();
            (Some(status), None, beginning(response).await)
        }
        Err(error) => (None, Some(in_words(&error)), String::new()),
    };
    let duration_ms = if world.clock.stands_still() {
        0
    } else {
        u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX)
    };
    Attempt {
        at: world.clock.now(),
        status,
        error,
        duration_ms,
        answer,
    }
}

/// How an answer's body begins: enough to recognise an error page by.
async fn beginning(mut response: reqwest::Response) -> String {
    let mut bytes = Vec::new();
    while bytes.len() < ANSWER_BYTES_MAX
        && let Ok(Some(chunk)) = response.chunk().await
    {
        bytes.extend_from_slice(&chunk);
    }
    bytes.truncate(ANSWER_BYTES_MAX);
    String::from_utf8_lossy(&bytes).into_owned()
}

/// What went wrong, without the machine's own numbers, so that two runs read the same.
fn in_words(error: &reqwest::Error) -> String {
    if error.is_timeout() {
        "the endpoint did not answer in time".into()
    } else if error.is_connect() {
        "the endpoint refused the connection".into()
    } else {
        "the connection broke off".into()
    }
}

pub(crate) fn note(
    world: &World,
    account: &mut Account,
    number: u64,
    attempt: &Attempt,
    is_live: bool,
) -> Option<Delivery> {
    let is_accepted = attempt
        .status
        .is_some_and(|status| (200..300).contains(&status));
    let delivery = account.outbox.find_mut(number)?;
    delivery.attempts.push(attempt.clone());
    let wait = world.retry_schedule.get(delivery.attempts.len() - 1);
    let state = match wait {
        _ if is_accepted => DeliveryState::Delivered,
        Some(wait) if is_live => {
            let wait_ms = i64::try_from(wait.as_millis()).unwrap_or(i64::MAX);
            delivery.due_ms = world.retry_ms().saturating_add(wait_ms);
            DeliveryState::Pending
        }
        _ => DeliveryState::GivenUp,
    };
    let (event_id, endpoint_id) = (delivery.event_id.clone(), delivery.endpoint_id.clone());
    // An event counts once for each endpoint, however often it is sent there.
    if is_accepted && !account.outbox.was_accepted(&event_id, &endpoint_id) {
        account.events.note_delivered(&event_id);
    }
    account.outbox.set_state(number, state);
    let noted = account.outbox.find(number)?.clone();
    Some(noted)
}
