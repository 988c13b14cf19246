//! Meter events by API v2: one by one, and many at once in a stream with a key of its own.

use crate::json::{Value, json};

use crate::api::{Answer, Call, Route, route};
use crate::events::thin;
use crate::http::error::StripeError;
use crate::http::keys;
use crate::http::v2;
use crate::lives::meter::{self, Report};

pub(crate) static ROUTES: &[Route] = &[
    route("POST /v2/billing/meter_events", create),
    route("POST /v2/billing/meter_event_adjustments", adjust),
    route("POST /v2/billing/meter_event_session", start_session),
    route("POST /v2/billing/meter_event_stream", stream),
];

const SESSION_SECONDS: i64 = 15 * 60;
const STREAM_EVENTS_MAX: usize = 100;
const IDENTIFIER_CHARS_MAX: usize = 100;

fn refused(code: &str, message: impl Into<String>) -> StripeError {
    StripeError::coded(code, message).validation()
}

/// One event as it was sent, or what is wrong with its form.
fn report_of(call: &mut Call<'_>, sent: &Value) -> Result<Report, StripeError> {
    let Some(event_name) = sent["event_name"].as_str() else {
        return Err(refused(
            "parameter_missing",
            "Missing required parameter: event_name.",
        ));
    };
    if !sent["payload"].is_object() {
        return Err(refused(
            "parameter_missing",
            "Missing required parameter: payload.",
        ));
    }
    let identifier = match sent["identifier"].as_str() {
        None => call.account.ids.letters(32),
        Some(own) if own.chars().count() > IDENTIFIER_CHARS_MAX => {
            return Err(refused(
                "invalid_fields",
                format!("identifier must be at most {IDENTIFIER_CHARS_MAX} characters."),
            ));
        }
        Some(own) => own.to_owned(),
    };
    let timestamp = match sent["timestamp"].as_str() {
        None => call.account.now,
        Some(text) => thin::unix(text)
            .ok_or_else(|| refused("invalid_fields", format!("timestamp is not a time: {text}")))?,
    };
    Ok(Report {
        event_name: event_name.to_owned(),
        identifier,
        payload: sent["payload"].clone(),
        timestamp,
    })
}

fn shown(event: &Value) -> Value {
    let moment = |name: &str| json!(thin::moment(event[name].as_i64().unwrap_or(0)));
    json!({
        "object": "v2.billing.meter_event",
        "created": moment("created"),
        "event_name": event["event_name"],
        "identifier": event["identifier"],
        "livemode": false,
        "payload": event["payload"],
        "timestamp": moment("timestamp"),
    })
}

/// The meter that an event is for, whatever its state; an active one before any other.
fn meter_of(call: &Call<'_>, event_name: &str) -> Option<Value> {
    let other = || {
        let mut meters = call.account.rows("billing.meter");
        meters.find(|meter| meter["event_name"] == event_name)
    };
    meter::active(call.account, event_name)
        .or_else(other)
        .cloned()
}

/// What is wrong with a report: the code by which API v2 refuses it, that by which a report of
/// errors tells it, and a text.
fn problem(
    call: &Call<'_>,
    meter: &Value,
    report: &Report,
) -> Option<(&'static str, &'static str, String)> {
    let name = &report.event_name;
    if meter["status"] != "active" {
        let text = format!("The meter of the event name `{name}` is inactive.");
        return Some(("archived_meter", "archived_meter", text));
    }
    if let Some(why) = meter::out_of_time(call.account.now, report.timestamp) {
        let text = match why {
            "timestamp_in_future" => "The timestamp is more than 5 minutes in the future.",
            _ => "The timestamp is more than 35 days in the past.",
        };
        return Some((why, why, text.to_owned()));
    }
    let value_key = meter["value_settings"]["event_payload_key"].as_str();
    let has_value = value_key.is_some_and(|key| !report.payload[key].is_null());
    match meter::read(call.account, meter, &report.payload) {
        Ok(_) => None,
        Err((code, text)) => {
            let refusal = match code {
                "meter_event_no_customer_defined" => "payload_no_customer_defined",
                "meter_event_customer_not_found" => "customer_not_found",
                _ if has_value => "payload_invalid_value",
                _ => "payload_no_value_defined",
            };
            Some((refusal, code, text))
        }
    }
}

fn create(call: &mut Call<'_>) -> Answer {
    v2::refuse_unknown(
        &call.params,
        &["event_name", "identifier", "payload", "timestamp"],
    )?;
    let sent = call.params.0.clone();
    let report = report_of(call, &sent)?;
    let Some(meter) = meter_of(call, &report.event_name) else {
        return Err(refused(
            "no_meter",
            format!("No meter found with event name `{}`.", report.event_name),
        ));
    };
    if call
        .account
        .find(&meter::event_id(&report.identifier))
        .is_some()
    {
        return Err(refused(
            "duplicate_meter_event",
            format!(
                "An event already exists with identifier {}.",
                report.identifier
            ),
        ));
    }
    match problem(call, &meter, &report) {
        // Whether the customer exists is found out later.
        None | Some(("customer_not_found", ..)) => {}
        Some((code, _, text)) => return Err(refused(code, text)),
    }
    let id = meter::take(
        call.account,
        meter["id"].as_str().unwrap_or_default(),
        &report,
    );
    Ok(shown(call.account.get(&id)))
}

fn adjust(call: &mut Call<'_>) -> Answer {
    v2::refuse_unknown(&call.params, &["cancel", "event_name", "type"])?;
    let event_name = v2::required(&call.params, "/event_name")?.to_owned();
    let identifier = v2::required(&call.params, "/cancel/identifier")?.to_owned();
    meter::cancel(call.account, &event_name, &identifier)?;
    Ok(json!({
        "id": format!("mtradj_test_{}", call.account.ids.letters(24)),
        "object": "v2.billing.meter_event_adjustment",
        "cancel": { "identifier": identifier },
        "created": thin::moment(call.account.now),
        "event_name": event_name,
        "livemode": false,
        "status": "pending",
        "type": "cancel",
    }))
}

/// Gives a key that opens the stream, and nothing else.
#[expect(
    clippy::unnecessary_wraps,
    reason = "an endpoint answers a result, this one always the good one"
)]
fn start_session(call: &mut Call<'_>) -> Answer {
    let now = call.account.now;
    Ok(json!({
        "id": format!("mes_test_{}", call.account.ids.letters(24)),
        "object": "v2.billing.meter_event_session",
        "authentication_token": keys::stream_token(&call.account.key),
        "created": thin::moment(now),
        "expires_at": thin::moment(now.saturating_add(SESSION_SECONDS)),
        "livemode": false,
    }))
}

/// Takes events without looking at them; what is wrong with them is told later.
fn stream(call: &mut Call<'_>) -> Answer {
    v2::refuse_unknown(&call.params, &["events"])?;
    let events = call.params.list("/events").to_vec();
    if events.is_empty() || events.len() > STREAM_EVENTS_MAX {
        return Err(refused(
            "invalid_fields",
            format!("events must have from 1 to {STREAM_EVENTS_MAX} elements."),
        ));
    }
    let mut reports = Vec::new();
    for event in &events {
        reports.push(report_of(call, event)?);
    }
    let mut strays = Vec::new();
    for report in reports {
        let Some(meter) = meter_of(call, &report.event_name) else {
            strays.push(json!({
                "code": "no_meter",
                "message": format!("No meter found with event name `{}`.", report.event_name),
                "identifier": report.identifier,
            }));
            continue;
        };
        let id = meter["id"].as_str().unwrap_or_default();
        match problem(call, &meter, &report) {
            Some((_, code, text)) => {
                meter::reject(call.account, id, code, &text, &report.identifier);
            }
            None => {
                // The same event again is the same event.
                if call
                    .account
                    .find(&meter::event_id(&report.identifier))
                    .is_none()
                {
                    meter::take(call.account, id, &report);
                }
            }
        }
    }
    if !strays.is_empty() {
        let now = call.account.now;
        let data = meter::error_report(&strays, now, now);
        call.account
            .raise_thin("v1.billing.meter.no_meter_found", None, data);
    }
    Ok(json!({}))
}
