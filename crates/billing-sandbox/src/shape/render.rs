//! Renders an object of the state for one API version: what that version shows differently is
//! derived, what it lacks is left out, what it always shows is there, in Stripe's order of keys.

use std::borrow::Cow;

use crate::json::{Map, Value, json};

use crate::events::Event;
use crate::shape::moves::MOVES;
use crate::shape::schema::{self, Member, Schema, Shape};
use crate::shape::version::Version;

/// Members of the state that no version shows begin with this.
pub(crate) const PRIVATE: char = '_';

pub(crate) fn render(object: &Value, version: Version) -> Value {
    match object {
        Value::Object(members) => match members.get("object").and_then(Value::as_str) {
            Some("list" | "search_result") => list(members, version),
            Some(kind) => match schema::of_kind(kind, object["deleted"] == true) {
                Some(schema) => Value::Object(by_schema(schema, members, version)),
                None => plain(object, version),
            },
            None => plain(object, version),
        },
        Value::Array(items) => items.iter().map(|item| render(item, version)).collect(),
        scalar => scalar.clone(),
    }
}

/// A list keeps its own members; what is in it is rendered by its kind.
fn list(members: &Map, version: Version) -> Value {
    let public = members
        .iter()
        .filter(|(name, _)| !name.starts_with(PRIVATE));
    public
        .map(|(name, value)| (name.clone(), render(value, version)))
        .collect()
}

/// What no table describes is shown as it is, without its private facts.
fn plain(value: &Value, version: Version) -> Value {
    match value {
        Value::Object(members) => list(members, version),
        other => render(other, version),
    }
}

fn by_schema(schema: &Schema, members: &Map, version: Version) -> Map {
    let mut members = Cow::Borrowed(members);
    for change in MOVES
        .iter()
        .filter(|change| change.object == schema.kind && version.is_before(change.since))
    {
        (change.undo)(members.to_mut());
    }
    let mut out = Map::new();
    for member in schema.members.iter().filter(|m| m.range.holds(version)) {
        if let Some(value) = shown(member, members.get(member.name), version) {
            out.insert(member.name.into(), value);
        }
    }
    out
}

/// A member as its version shows it; `None` where it is left out.
fn shown(member: &Member, value: Option<&Value>, version: Version) -> Option<Value> {
    match value {
        Some(value) if !value.is_null() => Some(by_shape(&member.shape, value, version)),
        _ if member.is_nullable && (member.is_required || value.is_some()) => Some(Value::Null),
        _ => None,
    }
}

fn by_shape(shape: &Shape, value: &Value, version: Version) -> Value {
    match (shape, value) {
        (Shape::Nested(names), Value::Object(members)) => match choose(names, value) {
            Some(schema) => Value::Object(by_schema(schema, members, version)),
            None => plain(value, version),
        },
        (Shape::Array(inner), Value::Array(items)) => items
            .iter()
            .map(|item| by_shape(inner, item, version))
            .collect(),
        (Shape::Map(inner), Value::Object(members)) => members
            .iter()
            .map(|(name, item)| (name.clone(), by_shape(inner, item, version)))
            .collect(),
        (Shape::Metadata | Shape::Anything, value) => value.clone(),
        (_, value) => render(value, version),
    }
}

/// The schema of a nested value: by its own kind if it has one, else the first of the names.
fn choose(names: &[&'static str], value: &Value) -> Option<&'static Schema> {
    let own = value["object"]
        .as_str()
        .and_then(|kind| schema::of_kind(kind, value["deleted"] == true));
    own.or_else(|| names.first().and_then(|name| schema::named(name)))
}

/// An object without its private facts, to be kept inside another one.
pub(crate) fn without_private(object: &Value) -> Value {
    let mut copy = object.clone();
    if let Some(members) = copy.as_object_mut() {
        members.retain(|name, _| !name.starts_with(PRIVATE));
    }
    copy
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
pub(crate) fn changes(before: &Value, after: &Value) -> Value {
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
