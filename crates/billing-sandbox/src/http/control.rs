//! The sandbox's own endpoints below `/sandbox/`: pay, clock, faults, deliveries; JSON or form in, JSON out.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::deliveries::sender;
use crate::faults::Fault;
use crate::http::exchange::{Reply, Request};
use crate::http::{form, hosted};
use crate::world::World;

const ENDPOINTS: &[&str] = &[
    "POST /sandbox/checkout/{session}/pay  number, exp_month, exp_year, cvc, email, name, promotion_code, quantities, shipping_rate, phone, address, shipping, custom_fields, tax_id, payment_method (us_bank_account …), outcome (succeeded, failed), settle",
    "POST /sandbox/checkout/{session}/settle  outcome (succeeded, failed)",
    "POST /sandbox/portal/{session}/cancel  subscription, feedback, comment",
    "POST /sandbox/portal/{session}/renew  subscription",
    "POST /sandbox/portal/{session}/update  subscription, price, quantity",
    "POST /sandbox/portal/{session}/confirm",
    "POST /sandbox/portal/{session}/payment_method  number, exp_month, exp_year, cvc, name",
    "POST /sandbox/portal/{session}/customer  email, name, phone, address",
    "GET|POST /sandbox/clock, POST /sandbox/clock/advance  seconds",
    "GET|POST|DELETE /sandbox/faults  method, path, times, kind (fail_before, fail_after, cut_before, cut_after, rate_limit, delay), status, retry_after_s, delay_ms",
    "GET /sandbox/deliveries, POST /sandbox/deliveries/deliver_due",
    "POST /sandbox/webhook_endpoints/{id}/roll",
    "GET /sandbox/requests",
    "GET /sandbox/shapes  what --check-shapes found",
];

pub(crate) async fn answer(world: &Arc<World>, request: &Request) -> Reply {
    let segments: Vec<&str> = request.path.trim_matches('/').split('/').skip(1).collect();
    match (request.method.as_str(), segments.as_slice()) {
        ("POST", ["portal", id, what]) => {
            hosted::portal(world, id, what, &sent(request)).unwrap_or_else(unknown)
        }
        ("POST", ["checkout", id, what]) => {
            hosted::checkout(world, id, what, &sent(request)).unwrap_or_else(unknown)
        }
        ("POST", ["clock", "advance"]) => match whole(&sent(request)["seconds"]) {
            Some(seconds) if seconds >= 0 => {
                world.advance(seconds);
                Reply::json(200, &json!({ "now": world.clock.now() }))
            }
            _ => refused(400, "seconds must be a whole number, zero or more"),
        },
        ("GET", ["clock"]) => Reply::json(200, &json!({ "now": world.clock.now() })),
        ("POST", ["faults"]) => add_fault(world, sent(request)),
        ("GET", ["faults"]) => {
            let faults = world.faults.lock().expect("no panic under the lock");
            Reply::json(200, &json!({ "data": *faults }))
        }
        ("DELETE", ["faults"]) => {
            world
                .faults
                .lock()
                .expect("no panic under the lock")
                .clear();
            Reply::json(200, &json!({ "data": [] }))
        }
        ("GET", ["deliveries"]) => Reply::json(200, &json!({ "data": deliveries(world) })),
        ("POST", ["deliveries", "deliver_due"]) => {
            let outcomes = sender::deliver_due(world).await;
            let data: Vec<Value> = outcomes.iter().map(|o| json!(o.delivery)).collect();
            Reply::json(200, &json!({ "data": data }))
        }
        ("POST", ["webhook_endpoints", id, "roll"]) => match roll_secret(world, id) {
            Some(secret) => Reply::json(200, &json!({ "id": id, "secret": secret })),
            None => refused(404, "no such webhook endpoint"),
        },
        ("GET", ["shapes"]) => {
            let findings = world.findings();
            Reply::json(
                200,
                &json!({
                    "is_checking": world.checks_shapes,
                    "seen": findings.seen,
                    "violations": findings.violations,
                }),
            )
        }
        ("GET", ["requests"]) => Reply::json(200, &json!({ "data": world.requests() })),
        _ => unknown(),
    }
}

fn unknown() -> Reply {
    Reply::json(
        404,
        &json!({ "error": { "message": "No such sandbox endpoint.", "endpoints": ENDPOINTS } }),
    )
}

fn refused(status: u16, message: &str) -> Reply {
    Reply::json(status, &json!({ "error": { "message": message } }))
}

/// The body, be it JSON or a form; members of a form are texts.
fn sent(request: &Request) -> Value {
    if let Ok(value) = serde_json::from_str::<Value>(&request.body) {
        return value;
    }
    match form::parse(&request.body) {
        Ok(form::Node::Tree(members)) => members
            .into_iter()
            .filter_map(|(name, node)| match node {
                form::Node::Text(text) => Some((name, json!(text))),
                form::Node::Tree(_) => None,
            })
            .collect(),
        _ => json!({}),
    }
}

fn whole(value: &Value) -> Option<i64> {
    value
        .as_i64()
        .or_else(|| value.as_str().and_then(|text| text.parse().ok()))
}

fn add_fault(world: &World, mut sent: Value) -> Reply {
    for name in ["times", "status", "retry_after_s", "delay_ms"] {
        if let Some(number) = whole(&sent[name]) {
            sent[name] = json!(number);
        }
    }
    if let Some(members) = sent.as_object_mut() {
        members.retain(|_, value| !value.is_null());
    }
    match serde_json::from_value::<Fault>(sent) {
        Ok(fault) => {
            let mut faults = world.faults.lock().expect("no panic under the lock");
            faults.push(fault);
            Reply::json(200, &json!({ "data": *faults }))
        }
        Err(error) => refused(400, &error.to_string()),
    }
}

fn deliveries(world: &World) -> Vec<Value> {
    let mut all = Vec::new();
    for account in world.all_accounts() {
        let account = account.lock().expect("no panic under the lock");
        all.extend(
            account
                .outbox
                .deliveries
                .iter()
                .map(|delivery| json!(delivery)),
        );
    }
    all
}

/// Gives an endpoint a new secret; the one before stays valid beside it, as during Stripe's overlap.
pub(crate) fn roll_secret(world: &World, endpoint_id: &str) -> Option<String> {
    let account = world.account_holding(endpoint_id)?;
    let mut account = account.lock().expect("no panic under the lock");
    let secret = account.ids.webhook_secret();
    let old = account.get(endpoint_id)["_secrets"][0].clone();
    account.set(endpoint_id, "_secrets", json!([secret, old]));
    Some(secret)
}
