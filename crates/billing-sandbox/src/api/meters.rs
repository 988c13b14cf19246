//! Meters, the events that they count, and what they come to.

use crate::json::{Value, json};
use sha2::Digest;

use crate::account::Account;
use crate::api::{Answer, Call, Route, list, route};
use crate::http::error::StripeError;
use crate::lives::meter::{self, Report};

pub(crate) static ROUTES: &[Route] = &[
    route("POST /v1/billing/meters", create),
    route("GET /v1/billing/meters", list),
    route("GET /v1/billing/meters/{}", retrieve),
    route("POST /v1/billing/meters/{}", update),
    route("POST /v1/billing/meters/{}/deactivate", deactivate),
    route("POST /v1/billing/meters/{}/reactivate", reactivate),
    route("GET /v1/billing/meters/{}/event_summaries", summaries),
    route("POST /v1/billing/meter_events", create_event),
    route("POST /v1/billing/meter_event_adjustments", adjust),
];

const KIND: &str = "billing.meter";
const EVENT_NAME_CHARS_MAX: usize = 100;
const MINUTE: i64 = 60;
const HOUR: i64 = 3_600;
const DAY: i64 = 86_400;

pub(crate) fn create(call: &mut Call<'_>) -> Answer {
    let event_name = call.params.require("event_name")?.to_owned();
    if event_name.chars().count() > EVENT_NAME_CHARS_MAX {
        return Err(too_long(&event_name, "event_name"));
    }
    refuse_taken(call.account, &event_name)?;
    let key =
        |pointer: &str, standard: &str| call.params.text(pointer).unwrap_or(standard).to_owned();
    let customer_key = key("/customer_mapping/event_payload_key", "stripe_customer_id");
    let value_key = key("/value_settings/event_payload_key", "value");
    let object = json!({
        "id": call.account.ids.next("mtr_test_"),
        "object": KIND,
        "created": call.account.now,
        "customer_mapping": { "event_payload_key": customer_key, "type": "by_id" },
        "default_aggregation": { "formula": call.params.or_null("/default_aggregation/formula") },
        "display_name": call.params.require("display_name")?,
        "event_name": event_name,
        "event_time_window": call.params.or_null("/event_time_window"),
        "livemode": false,
        "status": "active",
        "status_transitions": { "deactivated_at": null },
        "updated": call.account.now,
        "value_settings": { "event_payload_key": value_key },
    });
    let id = call.account.insert(object);
    call.account.raise("billing.meter.created", &id);
    Ok(call.account.get(&id).clone())
}

fn too_long(text: &str, param: &str) -> StripeError {
    let head: String = text.chars().take(4).collect();
    let tail: String = text
        .chars()
        .skip(text.chars().count().saturating_sub(4))
        .collect();
    StripeError::invalid(format!(
        "Invalid string: {head}...{tail}; must be at most {EVENT_NAME_CHARS_MAX} characters"
    ))
    .param(param)
}

fn refuse_taken(account: &Account, event_name: &str) -> Result<(), StripeError> {
    match meter::active(account, event_name) {
        None => Ok(()),
        Some(other) => Err(StripeError::coded(
            "resource_already_exists",
            format!(
                "An active meter (`{}`) already exists with the event name `{event_name}`.",
                other["id"].as_str().unwrap_or_default()
            ),
        )
        .param("event_name")),
    }
}

pub(crate) fn retrieve(call: &mut Call<'_>) -> Answer {
    fetch(call).cloned()
}

fn fetch<'a>(call: &'a Call<'_>) -> Result<&'a Value, StripeError> {
    let id = call.id();
    let found = call.account.get(&id);
    if found["object"] == KIND {
        return Ok(found);
    }
    Err(StripeError::no_such("meter", &id, "id"))
}

pub(crate) fn list(call: &mut Call<'_>) -> Answer {
    list::page(call, KIND, "/v1/billing/meters", |row| {
        list::is(call, "status", row, "status")
    })
}

/// Changes a meter and raises the event of that name.
fn change(call: &mut Call<'_>, event: &str, change: impl FnOnce(&mut Value)) -> Value {
    let id = call.id();
    let before = call.account.snapshot(&id);
    let now = call.account.now;
    let mut changed = Value::clone(&before);
    change(&mut changed);
    if changed != before {
        changed["updated"] = json!(now);
    }
    if let Some(stored) = call.account.edit(&id) {
        *stored = changed;
    }
    if event == "billing.meter.updated" {
        call.account.raise_update(event, &id, &before);
    } else {
        call.account.raise(event, &id);
    }
    call.account.get(&id).clone()
}

pub(crate) fn update(call: &mut Call<'_>) -> Answer {
    fetch(call)?;
    let name = call.params.or_null("/display_name");
    Ok(change(call, "billing.meter.updated", |object| {
        if !name.is_null() {
            object["display_name"] = name;
        }
    }))
}

pub(crate) fn deactivate(call: &mut Call<'_>) -> Answer {
    if fetch(call)?["status"] != "active" {
        return Err(StripeError::invalid(format!(
            "The meter {} is already inactive.",
            call.id()
        )));
    }
    let now = call.account.now;
    Ok(change(call, "billing.meter.deactivated", |object| {
        object["status"] = json!("inactive");
        object["status_transitions"]["deactivated_at"] = json!(now);
    }))
}

pub(crate) fn reactivate(call: &mut Call<'_>) -> Answer {
    let object = fetch(call)?;
    if object["status"] == "active" {
        return Err(StripeError::invalid(format!(
            "The meter {} is already active.",
            call.id()
        )));
    }
    let event_name = object["event_name"].as_str().unwrap_or_default();
    refuse_taken(call.account, event_name)?;
    Ok(change(call, "billing.meter.reactivated", |object| {
        object["status"] = json!("active");
        object["status_transitions"]["deactivated_at"] = Value::Null;
    }))
}

pub(crate) fn create_event(call: &mut Call<'_>) -> Answer {
    let event_name = call.params.require("event_name")?.to_owned();
    let Some(meter) = meter::active(call.account, &event_name) else {
        return Err(StripeError::coded(
            "resource_missing",
            format!("No active meter found with event_name `{event_name}`"),
        )
        .param("event_name"));
    };
    let meter = meter.clone();
    let payload = call.params.or_null("/payload");
    // The time is that of the customer's test clock.
    let key = meter["customer_mapping"]["event_payload_key"]
        .as_str()
        .unwrap_or_default();
    if let Some(customer) = payload[key].as_str() {
        call.account.enter_clock_of(customer);
    }
    let timestamp = timestamp(call)?;
    let identifier = match call.params.text("/identifier") {
        None => call.account.ids.letters(32),
        Some(identifier) if identifier.chars().count() > EVENT_NAME_CHARS_MAX => {
            return Err(too_long(identifier, "identifier"));
        }
        Some(identifier) => identifier.to_owned(),
    };
    if call.account.find(&meter::event_id(&identifier)).is_some() {
        return Err(StripeError::invalid(format!(
            "An event already exists with identifier {identifier}."
        ))
        .param("identifier"));
    }
    let report = Report {
        event_name,
        identifier,
        payload,
        timestamp,
    };
    let id = meter::take(
        call.account,
        meter["id"].as_str().unwrap_or_default(),
        &report,
    );
    Ok(call.account.get(&id).clone())
}

fn timestamp(call: &Call<'_>) -> Result<i64, StripeError> {
    let now = call.account.now;
    let at = call.params.int("/timestamp").unwrap_or(now);
    let text = match meter::out_of_time(now, at) {
        None => return Ok(at),
        Some("timestamp_in_future") => {
            "The timestamp must not be more than 5 minutes in the future."
        }
        Some(_) => "The timestamp must be within the past 35 calendar days.",
    };
    Err(StripeError::invalid(text).param("timestamp"))
}

/// Takes an event back; done by the time that it is answered, though the answer says `pending` as
/// Stripe's does.
pub(crate) fn adjust(call: &mut Call<'_>) -> Answer {
    let event_name = call.params.require("event_name")?.to_owned();
    let Some(identifier) = call.params.text("/cancel/identifier").map(str::to_owned) else {
        return Err(StripeError::missing("cancel[identifier]"));
    };
    meter::cancel(call.account, &event_name, &identifier)?;
    Ok(json!({
        "object": "billing.meter_event_adjustment",
        "cancel": { "identifier": identifier },
        "event_name": event_name,
        "livemode": false,
        "status": "pending",
        "type": "cancel",
    }))
}

/// What a customer's events came to, as a whole or by the hour or the day, the newest first.
pub(crate) fn summaries(call: &mut Call<'_>) -> Answer {
    let object = fetch(call)?.clone();
    let id = call.id();
    let customer = call.params.require("customer")?.to_owned();
    crate::api::customers::known(call.account, &customer, "customer")?;
    let start = call.params.int("/start_time").unwrap_or(0);
    let end = call.params.int("/end_time").unwrap_or(0);
    let (step, unit) = match call.params.text("/value_grouping_window") {
        Some("hour") => (HOUR, "hour"),
        Some("day") => (DAY, "day"),
        _ => (MINUTE, "minute"),
    };
    for (name, at) in [("start_time", start), ("end_time", end)] {
        if at.rem_euclid(step) != 0 {
            return Err(StripeError::invalid(format!(
                "`{name}` must be aligned with {unit} boundaries (UTC)."
            ))
            .param(name));
        }
    }
    if end <= start {
        return Err(
            StripeError::invalid("`end_time` must be after `start_time`.").param("end_time"),
        );
    }
    let events = meter::within(call.account, &object, &customer, start, end);
    let summary = |from: i64, until: i64, value: i64| {
        let digest = sha2::Sha256::digest(format!("{id} {customer} {from} {until}"));
        json!({
            "id": format!("mtrusg_test_{}", hex::encode(digest).get(..30).unwrap_or_default()),
            "object": "billing.meter_event_summary",
            "aggregated_value": value,
            "end_time": until,
            "livemode": false,
            "meter": id,
            "start_time": from,
        })
    };
    let mut rows = Vec::new();
    if step == MINUTE {
        rows.push(summary(start, end, meter::aggregate(&object, &events)));
    } else {
        // Windows without an event are left out.
        let window = |at: i64| at.div_euclid(step);
        for group in events.chunk_by(|one, next| window(one.0) == window(next.0)) {
            let from = group.first().map_or(start, |(at, _)| window(*at) * step);
            rows.push(summary(from, from + step, meter::aggregate(&object, group)));
        }
    }
    rows.reverse();
    let rows: Vec<&Value> = rows.iter().collect();
    let url = format!("/v1/billing/meters/{id}/event_summaries");
    list::cut(call, &rows, "billing.meter_event_summary", &url)
}
