//! Sends deliveries over HTTP and writes down how each try went.

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::account::Account;
use crate::deliveries::{Attempt, Delivery, DeliveryState, signature};
use crate::world::World;

const USER_AGENT: &str = "Stripe/1.0 (+https://stripe.com/docs/webhooks)";
const TIMEOUT: Duration = Duration::from_secs(20);

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

/// The secrets that an endpoint signs with, newest first.
fn secrets_of(account: &Account, endpoint_id: &str) -> Vec<String> {
    let secrets = account.get(endpoint_id)["_secrets"].as_array();
    secrets
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .map(str::to_owned)
        .collect()
}

pub(crate) fn signed(account: &Account, delivery: &Delivery, now: i64) -> SignedDelivery {
    let secrets = secrets_of(account, &delivery.endpoint_id);
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

/// Sends everything that is due, one after the other in the order in which it was raised.
pub(crate) async fn deliver_due(world: &Arc<World>) -> Vec<DeliveryOutcome> {
    let mut outcomes = Vec::new();
    for account in world.all_accounts() {
        loop {
            let now_ms = world.retry_ms();
            let next = {
                let mut account = account.lock().expect("no panic under the lock");
                account.outbox.start_next(now_ms).map(|delivery| {
                    let signed = signed(&account, &delivery, world.clock.now());
                    let is_live = account.get(&delivery.endpoint_id)["status"] == "enabled";
                    (delivery, signed, is_live)
                })
            };
            let Some((delivery, signed, is_live)) = next else {
                break;
            };
            let attempt = if is_live {
                try_once(world, &signed).await
            } else {
                Attempt {
                    at: world.clock.now(),
                    status: None,
                    error: Some("the endpoint is disabled or deleted".into()),
                    duration_ms: 0,
                }
            };
            let mut account = account.lock().expect("no panic under the lock");
            let delivery = note(world, &mut account, delivery.number, &attempt, is_live);
            outcomes.extend(delivery.map(|delivery| DeliveryOutcome { delivery, attempt }));
        }
    }
    outcomes
}

async fn try_once(world: &World, signed: &SignedDelivery) -> Attempt {
    let begun = Instant::now();
    let mut request = world.client.post(&signed.url).body(signed.body.clone());
    for (name, value) in &signed.headers {
        request = request.header(name, value);
    }
    let answer = request.send().await;
    let duration_ms = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
    let (status, error) = match answer {
        Ok(response) => (Some(response.status().as_u16()), None),
        Err(error) => (None, Some(error.to_string())),
    };
    Attempt {
        at: world.clock.now(),
        status,
        error,
        duration_ms,
    }
}

fn note(
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
    delivery.state = match wait {
        _ if is_accepted => DeliveryState::Delivered,
        Some(wait) if is_live => {
            let wait_ms = i64::try_from(wait.as_millis()).unwrap_or(i64::MAX);
            delivery.due_ms = world.retry_ms().saturating_add(wait_ms);
            DeliveryState::Pending
        }
        _ => DeliveryState::GivenUp,
    };
    let noted = delivery.clone();
    if is_accepted {
        account.events.note_delivered(&noted.event_id);
    }
    Some(noted)
}
