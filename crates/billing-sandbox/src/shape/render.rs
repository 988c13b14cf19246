//! Renders an object of the state for one API version: the moves are undone from the newest to the
//! requested one, private facts are dropped, and the keys are put in Stripe's order.

use serde_json::{Map, Value, json};

use crate::events::Event;
use crate::shape::moves::MOVES;
use crate::shape::version::Version;

/// Members of the state that no version shows begin with this.
pub(crate) const PRIVATE: char = '_';

pub(crate) fn render(object: &Value, version: Version) -> Value {
    match object {
        Value::Object(members) => {
            let mut members = members.clone();
            if let Some(kind) = members
                .get("object")
                .and_then(Value::as_str)
                .map(str::to_owned)
            {
                for change in MOVES
                    .iter()
                    .filter(|m| m.object == kind && version.is_before(m.since))
                {
                    change.undo.apply(&mut members);
                }
            }
            Value::Object(ordered(&members, version))
        }
        Value::Array(items) => items.iter().map(|item| render(item, version)).collect(),
        scalar => scalar.clone(),
    }
}

/// An object without its private facts, to be kept inside another one.
pub(crate) fn without_private(object: &Value) -> Value {
    let mut copy = object.clone();
    if let Some(members) = copy.as_object_mut() {
        members.retain(|name, _| !name.starts_with(PRIVATE));
    }
    copy
}

/// `id` and `object` first, the rest by name; maps of the caller keep their order.
fn ordered(members: &Map<String, Value>, version: Version) -> Map<String, Value> {
    let mut out = Map::new();
    let is_object = members.contains_key("object");
    if is_object {
        for first in ["id", "object"] {
            if let Some(value) = members.get(first) {
                out.insert(first.to_owned(), value.clone());
            }
        }
    }
    let mut names: Vec<&String> = members
        .keys()
        .filter(|name| !name.starts_with(PRIVATE))
        .collect();
    if is_object {
        names.sort();
    }
    for name in names {
        if out.contains_key(name) {
            continue;
        }
        let value = &members[name];
        let shown = if name == "metadata" {
            value.clone()
        } else {
            render(value, version)
        };
        out.insert(name.clone(), shown);
    }
    out
}

/// An event in a version: its object, and what changed, in that version's shape.
pub(crate) fn render_event(event: &Event, version: Version) -> Value {
    let object = render(&event.object, version);
    let mut data = json!({ "object": object });
    if let Some(before) = &event.before {
        let before = render(before, version);
        data["previous_attributes"] = changes(&before, &data["object"]);
    }
    json!({
        "id": event.id,
        "object": "event",
        "api_version": version.as_str(),
        "created": event.created,
        "data": data,
        "livemode": false,
        "pending_webhooks": event.pending_webhooks,
        "request": { "id": event.request_id, "idempotency_key": event.idempotency_key },
        "type": event.kind,
    })
}

/// The old values of what differs; hashes by their changed members, arrays and lists whole.
fn changes(before: &Value, after: &Value) -> Value {
    let (Some(old), Some(new)) = (before.as_object(), after.as_object()) else {
        return before.clone();
    };
    let mut out = Map::new();
    for (name, value) in old {
        match new.get(name) {
            Some(now) if now == value => {}
            Some(now) if now.is_object() && value.is_object() && value["object"] != "list" => {
                out.insert(name.clone(), changes(value, now));
            }
            _ if value["object"] == "list" => {
                out.insert(name.clone(), json!({ "data": value["data"] }));
            }
            _ => {
                out.insert(name.clone(), value.clone());
            }
        }
    }
    for name in new.keys().filter(|name| !old.contains_key(*name)) {
        out.insert(name.clone(), Value::Null);
    }
    Value::Object(out)
}
