//! Thin events, and the destinations that events are sent to.

use crate::json::{Map, Value, json};

use crate::api::notifications::checked_url;
use crate::api::{Answer, Call, Route, route};
use crate::events::thin;
use crate::http::error::StripeError;
use crate::http::v2;
use crate::shape::schema;
use crate::shape::version::Version;

pub(crate) static ROUTES: &[Route] = &[
    route("GET /v2/core/events", list_events),
    route("GET /v2/core/events/{}", retrieve_event),
    route("POST /v2/core/event_destinations", create),
    route("GET /v2/core/event_destinations", list),
    route("GET /v2/core/event_destinations/{}", retrieve),
    route("POST /v2/core/event_destinations/{}", update),
    route("DELETE /v2/core/event_destinations/{}", delete),
    route("POST /v2/core/event_destinations/{}/disable", disable),
    route("POST /v2/core/event_destinations/{}/enable", enable),
    route("POST /v2/core/event_destinations/{}/ping", ping),
];

pub(crate) const DESTINATION: &str = "v2.core.event_destination";
const DESTINATIONS_MAX: usize = 16;
const TYPES_MAX: usize = 20;

fn list_events(call: &mut Call<'_>) -> Answer {
    let known = ["created", "limit", "object_id", "page", "types"];
    v2::refuse_unknown(&call.params, &known)?;
    let types = call.params.list("/types");
    if types.len() > TYPES_MAX {
        return Err(invalid("types can have at most 20 items."));
    }
    let mut bounds = Vec::new();
    for (name, value) in call
        .params
        .at("/created")
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
    {
        let at = value.as_str().and_then(thin::unix);
        let at = at.ok_or_else(|| invalid("created must hold RFC 3339 times."))?;
        if !["gt", "gte", "lt", "lte"].contains(&name.as_str()) {
            return Err(invalid("created can have gt, gte, lt and lte."));
        }
        bounds.push((name.as_str(), at));
    }
    let is_within = |created: i64| {
        bounds.iter().all(|(name, at)| match *name {
            "gt" => created > *at,
            "gte" => created >= *at,
            "lt" => created < *at,
            _ => created <= *at,
        })
    };
    let object_id = call.params.text("/object_id");
    let rows: Vec<Value> = (call.account.events.all().rev())
        .filter(|event| {
            is_within(event.created)
                && (types.is_empty() || types.contains(&json!(thin::kind(event))))
                && object_id.is_none_or(|id| event.object["id"] == id)
        })
        .map(|event| json!(event.id))
        .collect();
    let mut page = v2::page(
        call,
        rows,
        "/v2/core/events",
        &["types", "object_id", "created"],
    )?;
    for row in page["data"].as_array_mut().into_iter().flatten() {
        if let Some(event) = row.as_str().and_then(|id| call.account.events.find(id)) {
            *row = thin::retrieved(event);
        }
    }
    Ok(page)
}

fn retrieve_event(call: &mut Call<'_>) -> Answer {
    let id = call.id();
    let event = call.account.events.find(&id);
    // The id of a snapshot event is not that of its thin form.
    let event = event.filter(|event| thin::id(event) == id);
    event
        .map(thin::retrieved)
        .ok_or_else(|| v2::not_found("event", &id))
}

fn create(call: &mut Call<'_>) -> Answer {
    const KNOWN: &[&str] = &[
        "amazon_eventbridge",
        "azure_event_grid",
        "description",
        "enabled_events",
        "event_payload",
        "events_from",
        "include",
        "metadata",
        "name",
        "snapshot_api_version",
        "type",
        "webhook_endpoint",
    ];
    v2::refuse_unknown(&call.params, KNOWN)?;
    let name = v2::required(&call.params, "/name")?.to_owned();
    let payload = v2::required(&call.params, "/event_payload")?.to_owned();
    if !["snapshot", "thin"].contains(&payload.as_str()) {
        return Err(invalid("event_payload must be one of snapshot or thin."));
    }
    match v2::required(&call.params, "/type")? {
        "webhook_endpoint" => {}
        kind @ ("amazon_eventbridge" | "azure_event_grid") => {
            return Err(StripeError::not_simulated(&format!(
                "destinations of type {kind}"
            )));
        }
        _ => {
            return Err(invalid(
                "type must be one of amazon_eventbridge, azure_event_grid, or webhook_endpoint.",
            ));
        }
    }
    let url = checked_url(v2::required(&call.params, "/webhook_endpoint/url")?)?.to_owned();
    let version = match call.params.text("/snapshot_api_version") {
        Some(_) if payload == "thin" => {
            return Err(invalid("snapshot_api_version is for snapshot events only."));
        }
        Some(text) => Version::parse(text)
            .ok_or_else(|| invalid(&format!("Invalid Stripe API version: {text}")))?,
        None => call.version,
    };
    let events = checked_events(call, &payload)?;
    let from = match call.params.list("/events_from") {
        [] => json!(["@self"]),
        some => json!(some),
    };
    if call.account.rows(DESTINATION).count() >= DESTINATIONS_MAX {
        return Err(invalid(&format!(
            "You have reached the maximum of {DESTINATIONS_MAX} event destinations."
        )));
    }
    let secret = call.account.ids.webhook_secret();
    let now = thin::moment(call.account.now);
    let mut destination = json!({
        "id": format!("ed_test_61{}", call.account.ids.letters(44)),
        "object": DESTINATION,
        "created": now,
        "description": call.params.text("/description").unwrap_or_default(),
        "enabled_events": events,
        "event_payload": payload,
        "events_from": from,
        "livemode": false,
        "metadata": merged(&Value::Null, call.params.at("/metadata"))?,
        "name": name,
        "status": "enabled",
        "type": "webhook_endpoint",
        "updated": now,
        "webhook_endpoint": { "url": url },
        "_secrets": [secret],
    });
    if payload == "snapshot" {
        destination["snapshot_api_version"] = json!(version.as_str());
    }
    let id = call.account.insert(destination);
    let mut shown = shown(call, &id);
    if included(call, "webhook_endpoint.signing_secret") {
        shown["webhook_endpoint"]["signing_secret"] = json!(secret);
    }
    Ok(shown)
}

fn invalid(message: &str) -> StripeError {
    StripeError::coded("invalid_fields", message).validation()
}

/// The types that were asked for, each of them one that exists in this form.
fn checked_events(call: &Call<'_>, payload: &str) -> Result<Value, StripeError> {
    let wanted = call.params.list("/enabled_events");
    if wanted.is_empty() {
        return Err(StripeError::coded(
            "parameter_missing",
            "Missing required parameter: enabled_events.",
        )
        .validation());
    }
    for kind in wanted {
        let text = kind.as_str().unwrap_or_default();
        let is_known = match payload {
            "thin" => {
                let snapshot = text.strip_prefix("v1.").unwrap_or_default();
                text == "*"
                    || text.starts_with("v2.")
                    || text.starts_with("v1.billing.meter.")
                    || schema::has_event_type(snapshot, Version::newest())
            }
            _ => text == "*" || schema::has_event_type(text, Version::newest()),
        };
        if !is_known {
            return Err(invalid(&format!(
                "Invalid enabled_events: {text} is not a type of {payload} events."
            )));
        }
    }
    Ok(json!(wanted))
}

/// Metadata of API v2: a null deletes a key.
fn merged(old: &Value, sent: Option<&Value>) -> Result<Value, StripeError> {
    let mut merged: Map = old.as_object().cloned().unwrap_or_default();
    for (key, value) in sent.and_then(Value::as_object).into_iter().flatten() {
        match value {
            Value::Null => {
                merged.shift_remove(key);
            }
            Value::String(_) => {
                merged.insert(key.clone(), value.clone());
            }
            _ => return Err(invalid("metadata must hold texts.")),
        }
    }
    Ok(Value::Object(merged))
}

fn included(call: &Call<'_>, name: &str) -> bool {
    call.params.list("/include").iter().any(|item| item == name)
}

/// A destination as it is answered: its address only if that was asked for.
fn shown(call: &Call<'_>, id: &str) -> Value {
    let mut destination = call.account.get(id).clone();
    if !included(call, "webhook_endpoint.url") {
        destination["webhook_endpoint"] = json!({});
    }
    destination
}

fn fetch(call: &Call<'_>) -> Result<String, StripeError> {
    let id = call.id();
    if call.account.get(&id)["object"] == DESTINATION {
        Ok(id)
    } else {
        Err(v2::not_found("event destination", &id))
    }
}

fn list(call: &mut Call<'_>) -> Answer {
    v2::refuse_unknown(&call.params, &["include", "limit", "page"])?;
    let ids = call.account.rows(DESTINATION).rev();
    let rows = ids
        .filter_map(|row| row["id"].as_str())
        .map(|id| shown(call, id))
        .collect();
    v2::page(call, rows, "/v2/core/event_destinations", &["include"])
}

fn retrieve(call: &mut Call<'_>) -> Answer {
    v2::refuse_unknown(&call.params, &["include"])?;
    let id = fetch(call)?;
    Ok(shown(call, &id))
}

fn update(call: &mut Call<'_>) -> Answer {
    const KNOWN: &[&str] = &[
        "description",
        "enabled_events",
        "include",
        "metadata",
        "name",
        "webhook_endpoint",
    ];
    v2::refuse_unknown(&call.params, KNOWN)?;
    let id = fetch(call)?;
    let mut destination = call.account.get(&id).clone();
    for name in ["description", "name"] {
        if let Some(text) = call.params.text(&format!("/{name}")) {
            destination[name] = json!(text);
        }
    }
    if call.params.has("enabled_events") {
        let payload = destination["event_payload"].as_str().unwrap_or_default();
        destination["enabled_events"] = checked_events(call, payload)?;
    }
    if let Some(url) = call.params.text("/webhook_endpoint/url") {
        destination["webhook_endpoint"]["url"] = json!(checked_url(url)?);
    }
    destination["metadata"] = merged(&destination["metadata"], call.params.at("/metadata"))?;
    destination["updated"] = json!(thin::moment(call.account.now));
    if let Some(stored) = call.account.edit(&id) {
        *stored = destination;
    }
    Ok(shown(call, &id))
}

fn delete(call: &mut Call<'_>) -> Answer {
    let id = fetch(call)?;
    call.account.delete(DESTINATION, &id, None);
    Ok(json!({ "id": id, "object": DESTINATION }))
}

fn disable(call: &mut Call<'_>) -> Answer {
    let details = json!({ "disabled": { "reason": "user" } });
    switch(call, "disabled", details)
}

fn enable(call: &mut Call<'_>) -> Answer {
    switch(call, "enabled", json!({}))
}

fn switch(call: &mut Call<'_>, status: &str, details: Value) -> Answer {
    let id = fetch(call)?;
    call.account.set(&id, "status", json!(status));
    call.account.set(&id, "status_details", details);
    let now = thin::moment(call.account.now);
    call.account.set(&id, "updated", json!(now));
    Ok(shown(call, &id))
}

fn ping(call: &mut Call<'_>) -> Answer {
    let id = fetch(call)?;
    let event_id = call.account.raise_ping(&id);
    let event = call.account.events.find(&event_id);
    Ok(event.map(thin::retrieved).unwrap_or_default())
}
