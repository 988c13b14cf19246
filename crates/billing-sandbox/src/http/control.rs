//! The sandbox's own endpoints below `/sandbox/`: pay, clock, faults, deliveries; JSON or form in, JSON out.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::json::{Value, json, value_of};

use crate::account::Cause;
use crate::api::routes;
use crate::deliveries::courier;
use crate::faults::Fault;
use crate::http::exchange::{Reply, Request};
use crate::http::{form, hosted, keys, trigger};
use crate::lives::settings;
use crate::pages::{detail, index};
use crate::snapshot;
use crate::world::World;

const ENDPOINTS: &[&str] = &[
    "POST /sandbox/checkout/{session}/pay  number, exp_month, exp_year, cvc, email, name, promotion_code, quantities, optional_items, shipping_rate, phone, address, shipping, custom_fields, tax_id, payment_method (us_bank_account …), outcome (succeeded, failed), settle, authenticate (true, false)",
    "POST /sandbox/checkout/{session}/settle  outcome (succeeded, failed)",
    "POST /sandbox/portal/{session}/cancel  subscription, feedback, comment",
    "POST /sandbox/portal/{session}/renew  subscription",
    "POST /sandbox/portal/{session}/update  subscription, price, quantity",
    "POST /sandbox/portal/{session}/confirm",
    "POST /sandbox/portal/{session}/payment_method  number, exp_month, exp_year, cvc, name",
    "POST /sandbox/portal/{session}/customer  email, name, phone, address",
    "GET|POST /sandbox/clock, POST /sandbox/clock/advance  seconds",
    "GET|POST|DELETE /sandbox/faults  method, path, event, times, percent, kind (fail_before, fail_after, cut_before, cut_after, rate_limit, delay, webhook_duplicate, webhook_reorder, webhook_delay, webhook_drop, webhook_same_second), status, retry_after_s, delay_ms, copies",
    "GET /sandbox/deliveries, POST /sandbox/deliveries/deliver_due",
    "POST /sandbox/payment_intents/{id}/authenticate, POST /sandbox/setup_intents/{id}/authenticate  outcome (succeed, fail)",
    "GET /sandbox/deliveries/{account}/{number}, POST /sandbox/deliveries/{account}/{number}/resend",
    "POST /sandbox/events/{id}/resend",
    "POST /sandbox/webhook_endpoints/{id}/roll  overlap_seconds",
    "GET /sandbox/trigger, POST /sandbox/trigger/{type}  metadata[k], override[step][param], and ids of objects by step",
    "GET|POST /sandbox/settings  invoice_retries, invoice_retry_days, subscription_retries_exhausted (canceled, unpaid, past_due, paused), invoice_upcoming_days, finalization_waits_for_webhooks",
    "GET|POST /sandbox/snapshot",
    "GET /sandbox/requests, GET /sandbox/requests/{request}",
    "GET /sandbox/routes  what is simulated, and which parameters are not",
    "GET /sandbox/shapes  what --check-shapes found",
];

#[expect(
    clippy::too_many_lines,
    reason = "one table of addresses is easier to read than three"
)]
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
            Reply::json(200, &json!({ "data": value_of(&faults.list()) }))
        }
        ("DELETE", ["faults"]) => {
            world
                .faults
                .lock()
                .expect("no panic under the lock")
                .clear();
            Reply::json(200, &json!({ "data": [] }))
        }
        ("GET", ["board"]) => index::board(world),
        ("GET", ["routes"]) if wants_page(request) => detail::routes(),
        ("GET", ["routes"]) => Reply::json(200, &json!({ "data": routes::table() })),
        ("GET", ["requests", id]) if wants_page(request) => {
            detail::request(world, id).unwrap_or_else(unknown)
        }
        ("GET", ["requests", id]) => match world.exchanges.find(id) {
            Some(exchanged) => Reply::json(200, &value_of(&exchanged)),
            None => refused(404, "no such request, or not kept any more"),
        },
        ("GET", ["events", id]) => detail::event(world, id).unwrap_or_else(unknown),
        ("GET", ["objects", id]) => detail::object(world, id).unwrap_or_else(unknown),
        ("GET", ["deliveries", account, number]) if wants_page(request) => {
            detail::delivery(world, account, number).unwrap_or_else(unknown)
        }
        ("GET", ["deliveries", account, number]) => {
            match detail::find_delivery(world, account, number) {
                Some(delivery) => Reply::json(200, &value_of(&delivery)),
                None => refused(404, "no such delivery"),
            }
        }
        ("GET", ["deliveries"]) => Reply::json(200, &json!({ "data": deliveries(world) })),
        ("POST", ["deliveries", "deliver_due"]) => {
            let outcomes = courier::deliver_due(world).await;
            let data: Vec<Value> = outcomes.iter().map(|o| value_of(&o.delivery)).collect();
            Reply::json(200, &json!({ "data": data }))
        }
        ("POST", ["trigger", kind]) => trigger::run(world, kind, request).await,
        ("GET", ["trigger"]) => Reply::json(200, &json!({ "types": trigger::types() })),
        ("POST", ["events", id, "resend"]) => match resend_event(world, id) {
            Some(_) if wants_page(request) => Reply::see_other(format!("/sandbox/events/{id}")),
            Some(numbers) => Reply::json(200, &json!({ "data": numbers })),
            None => refused(404, "no delivery of such an event"),
        },
        ("POST", ["deliveries", account, number, "resend"]) => {
            match resend_delivery(world, account, number) {
                Some(number) if wants_page(request) => {
                    Reply::see_other(format!("/sandbox/deliveries/{account}/{number}"))
                }
                Some(number) => Reply::json(200, &json!({ "data": [number] })),
                None => refused(404, "no such delivery"),
            }
        }
        ("POST", ["webhook_endpoints", id, "roll"]) => match roll_secret(
            world,
            id,
            whole(&sent(request)["overlap_seconds"]).unwrap_or(OVERLAP_MAX),
        ) {
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
        ("POST", ["payment_intents" | "setup_intents", id, "authenticate"]) => {
            hosted::authenticate(world, id, &sent(request))
        }
        ("GET" | "POST", ["settings"]) => settings_of(world, request),
        ("GET", ["snapshot"]) => Reply::text(200, "application/json", snapshot::take(world)),
        ("POST", ["snapshot"]) => match snapshot::resume(world, &request.body) {
            Ok(()) => Reply::json(200, &json!({ "now": world.clock.now() })),
            Err(error) => refused(400, &error.to_string()),
        },
        ("GET", ["requests"]) => Reply::json(200, &json!({ "data": value_of(&world.requests()) })),
        _ => unknown(),
    }
}

fn unknown() -> Reply {
    Reply::json(
        404,
        &json!({ "error": { "message": "No such sandbox endpoint.", "endpoints": ENDPOINTS } }),
    )
}

/// Whether a browser asks, and not a program.
fn wants_page(request: &Request) -> bool {
    let accepted = request.header("accept").unwrap_or_default();
    accepted.contains("text/html")
}

fn refused(status: u16, message: &str) -> Reply {
    Reply::json(status, &json!({ "error": { "message": message } }))
}

/// The body, be it JSON or a form; members of a form are texts.
fn sent(request: &Request) -> Value {
    if let Ok(value) = crate::json::from_str::<Value>(&request.body) {
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
    for name in [
        "times",
        "percent",
        "copies",
        "status",
        "retry_after_s",
        "delay_ms",
    ] {
        if let Some(number) = whole(&sent[name]) {
            sent[name] = json!(number);
        }
    }
    if sent["times"].is_null() && !sent["percent"].is_null() {
        sent["times"] = json!(u32::MAX);
    }
    if let Some(members) = sent.as_object_mut() {
        members.retain(|_, value| !value.is_null());
    }
    match crate::json::from_value::<Fault>(&sent) {
        Ok(fault) => {
            let mut faults = world.faults.lock().expect("no panic under the lock");
            faults.add(fault);
            Reply::json(200, &json!({ "data": value_of(&faults.list()) }))
        }
        Err(error) => refused(400, &error.to_string()),
    }
}

/// Shows the settings of an account, changed first if something was sent.
fn settings_of(world: &World, request: &Request) -> Reply {
    let key = keys::sent(request);
    let key = if key.is_empty() {
        world.secret_key.clone()
    } else {
        key
    };
    let changes = sent(request);
    let changed = world.act(&world.account(&key), Cause::default(), |account| {
        if request.method == "POST" {
            settings::change(account, &changes)?;
        }
        Ok::<Value, String>(settings::all(account))
    });
    match changed {
        Ok(all) => Reply::json(200, &all),
        Err(message) => refused(400, &message),
    }
}

fn deliveries(world: &World) -> Vec<Value> {
    let mut all = Vec::new();
    for account in world.all_accounts() {
        let account = account.lock().expect("no panic under the lock");
        for delivery in &account.outbox.deliveries {
            let mut row = value_of(delivery);
            if let Some(members) = row.as_object_mut() {
                members.insert("account".into(), json!(account.id));
                // Its bytes are shown with the delivery itself; where it stands in line is our own.
                members.retain(|name, _| !["body", "due_ms", "place"].contains(&name.as_str()));
            }
            all.push(row);
        }
    }
    all
}

/// Sends an event again to every endpoint that it was for; the numbers of the new deliveries.
pub(crate) fn resend_event(world: &World, event_id: &str) -> Option<Vec<u64>> {
    let due_ms = world.retry_ms();
    for account in world.all_accounts() {
        let mut account = account.lock().expect("no panic under the lock");
        let mut endpoints = BTreeMap::new();
        for delivery in &account.outbox.deliveries {
            if delivery.event_id == event_id {
                endpoints.insert(delivery.endpoint_id.clone(), delivery.number);
            }
        }
        let numbers: Vec<u64> = (endpoints.values())
            .filter_map(|number| account.outbox.again(*number, due_ms))
            .collect();
        if !numbers.is_empty() {
            drop(account);
            world.wake.notify_one();
            return Some(numbers);
        }
    }
    None
}

/// Sends one delivery of an account again; the number of the new one.
pub(crate) fn resend_delivery(world: &World, account_id: &str, number: &str) -> Option<u64> {
    let number = number.parse().ok()?;
    for account in world.all_accounts() {
        let mut account = account.lock().expect("no panic under the lock");
        if account.id == account_id {
            let again = account.outbox.again(number, world.retry_ms());
            drop(account);
            world.wake.notify_one();
            return again;
        }
    }
    None
}

/// Stripe's longest overlap of an old and a new secret, in seconds.
const OVERLAP_MAX: i64 = 86_400;

/// Gives an endpoint a new secret; the one before signs beside it for as long as is said.
pub(crate) fn roll_secret(world: &World, endpoint_id: &str, overlap: i64) -> Option<String> {
    let account = world.account_holding(endpoint_id)?;
    let mut account = account.lock().expect("no panic under the lock");
    let secret = account.ids.webhook_secret();
    let newest = account.get(endpoint_id)["_secrets"][0].clone();
    let until = world
        .clock
        .now()
        .saturating_add(overlap.clamp(0, OVERLAP_MAX));
    let old = json!({ "secret": newest, "until": until });
    account.set(endpoint_id, "_secrets", json!([secret, old]));
    Some(secret)
}
