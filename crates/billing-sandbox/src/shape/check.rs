//! Holds what is answered and sent against the table of shapes: no unknown member, none missing,
//! the right types, nulls and choices, in every version.

use std::collections::{BTreeMap, BTreeSet};

use crate::json::{Map, Value};

use crate::shape::schema::{self, Schema, Shape};
use crate::shape::version::Version;

/// What was checked so far, and what was found wrong.
#[derive(Debug, Default, Clone)]
pub(crate) struct Findings {
    /// How often each kind of object was seen, by the value of `object`.
    pub(crate) seen: BTreeMap<&'static str, u64>,
    /// `2023-10-16 Invoice.lines.data[0].amount: not an integer: "5"`.
    pub(crate) violations: BTreeSet<String>,
}

impl Findings {
    /// Checks an answer or a payload that was rendered for the version that it was made in.
    pub(crate) fn check(&mut self, value: &Value, version: Version) {
        self.walk(value, version, true);
    }

    /// Checks what was made in one version as another one shows it: a choice may be newer than that.
    pub(crate) fn check_elsewhere(&mut self, value: &Value, version: Version) {
        self.walk(value, version, false);
    }

    fn walk(&mut self, value: &Value, version: Version, is_strict: bool) {
        let mut walk = Walk {
            findings: self,
            version,
            is_strict,
        };
        walk.value(value, "");
    }
}

struct Walk<'a> {
    findings: &'a mut Findings,
    version: Version,
    /// Whether choices have to be those of this very version.
    is_strict: bool,
}

impl Walk<'_> {
    fn wrong(&mut self, at: &str, what: &str) {
        let version = self.version.as_str();
        self.findings
            .violations
            .insert(format!("{version} {at}: {what}"));
    }

    fn value(&mut self, value: &Value, at: &str) {
        let Some(kind) = value["object"].as_str() else {
            return;
        };
        if matches!(kind, "list" | "search_result") {
            self.list(value, &format!("{at}{kind}"));
            return;
        }
        let is_deleted = value["deleted"] == true;
        match (schema::of_kind(kind, is_deleted), value.as_object()) {
            (Some(schema), Some(members)) => {
                let at = if at.is_empty() { schema.name } else { at };
                // An event has the shape of its own version, whoever asks for it.
                let asked = self.version;
                let own = value["api_version"].as_str().and_then(Version::parse);
                self.version = own.filter(|_| kind == "event").unwrap_or(asked);
                self.object(schema, members, at);
                if kind == "event" {
                    // The table lets an event carry any object; that object has a shape as well.
                    let object = &value["data"]["object"];
                    self.value(object, "");
                    self.changes(object, &value["data"]["previous_attributes"]);
                }
                self.version = asked;
            }
            _ => self.wrong(at, &format!("no shape is known of an object `{kind}`")),
        }
    }

    /// What an object was before: some of its members, each with a value that fits, or null where
    /// there was none.
    fn changes(&mut self, object: &Value, before: &Value) {
        let kind = object["object"].as_str().unwrap_or_default();
        if let (Some(schema), Some(members)) = (schema::of_kind(kind, false), before.as_object()) {
            self.part(schema, members, &format!("{}(before)", schema.name));
        }
    }

    fn part(&mut self, schema: &'static Schema, members: &Map, at: &str) {
        for (name, value) in members {
            let here = format!("{at}.{name}");
            let known = (schema.members.iter())
                .find(|member| member.name == name && member.range.holds(self.version));
            let Some(member) = known else {
                self.wrong(at, &format!("{name} is unknown"));
                continue;
            };
            match (&member.shape, value) {
                (_, Value::Null) | (Shape::Metadata | Shape::Map(_), Value::Object(_)) => {}
                (Shape::Nested(names), Value::Object(inner)) if value["object"].is_null() => {
                    let fits = |name: &&&'static str| {
                        schema::named(name).is_some_and(|schema| {
                            (inner.keys())
                                .all(|key| schema.members.iter().any(|known| known.name == key))
                        })
                    };
                    match names.iter().find(fits).and_then(|name| schema::named(name)) {
                        Some(schema) => self.part(schema, inner, &here),
                        None => self.wrong(&here, &format!("{value} fits none of its hashes")),
                    }
                }
                (Shape::List(_), Value::Object(inner)) => {
                    for row in inner
                        .get("data")
                        .and_then(Value::as_array)
                        .into_iter()
                        .flatten()
                    {
                        self.value(row, "");
                    }
                }
                (shape, value) => self.shape(shape, value, &here),
            }
        }
    }

    fn list(&mut self, value: &Value, at: &str) {
        for name in ["data", "has_more", "url"] {
            if value[name].is_null() {
                self.wrong(at, &format!("{name} is missing"));
            }
        }
        for row in value["data"].as_array().into_iter().flatten() {
            self.value(row, "");
        }
    }

    fn object(&mut self, schema: &'static Schema, members: &Map, at: &str) {
        if schema.kind != "-" {
            *self.findings.seen.entry(schema.kind).or_default() += 1;
        }
        let known: Vec<_> = (schema.members.iter())
            .filter(|member| member.range.holds(self.version))
            .collect();
        for name in members.keys() {
            if !known.iter().any(|member| member.name == name) {
                self.wrong(at, &format!("{name} is unknown"));
            }
        }
        for member in known {
            let here = format!("{at}.{}", member.name);
            match members.get(member.name) {
                None if member.is_required => self.wrong(&here, "is missing"),
                None => {}
                Some(Value::Null) if member.is_nullable => {}
                Some(Value::Null) => self.wrong(&here, "must not be null"),
                Some(value) => self.shape(&member.shape, value, &here),
            }
        }
    }

    fn shape(&mut self, shape: &'static Shape, value: &Value, at: &str) {
        let is_right = match shape {
            Shape::Text => value.is_string(),
            Shape::Integer => value.is_i64() || value.is_u64(),
            Shape::Number => value.is_number(),
            Shape::Boolean => value.is_boolean(),
            Shape::Metadata => {
                (value.as_object()).is_some_and(|members| members.values().all(Value::is_string))
            }
            Shape::Anything => true,
            Shape::Enum(values) => (values.iter()).any(|(choice, range)| {
                value == choice && (!self.is_strict || range.holds(self.version))
            }),
            Shape::Expandable(_) if value.is_string() => true,
            Shape::Expandable(names) | Shape::Nested(names) => self.nested(names, value, at),
            Shape::List(_) => {
                self.list(value, at);
                value["object"] == "list"
            }
            Shape::Array(inner) => {
                for (index, item) in value.as_array().into_iter().flatten().enumerate() {
                    self.shape(inner, item, &format!("{at}[{index}]"));
                }
                value.is_array()
            }
            Shape::Map(inner) => {
                for (name, item) in value.as_object().into_iter().flatten() {
                    self.shape(inner, item, &format!("{at}.{name}"));
                }
                value.is_object()
            }
        };
        if !is_right {
            self.wrong(at, &format!("{value} does not fit {}", spoken(shape)));
        }
    }

    fn nested(&mut self, names: &[&'static str], value: &Value, at: &str) -> bool {
        let Some(members) = value.as_object() else {
            return false;
        };
        let own = value["object"].as_str().and_then(|kind| {
            let schema = schema::of_kind(kind, value["deleted"] == true)?;
            names.contains(&schema.name).then_some(schema)
        });
        let Some(schema) = own.or_else(|| names.first().and_then(|name| schema::named(name)))
        else {
            return false;
        };
        self.object(schema, members, at);
        true
    }
}

fn spoken(shape: &Shape) -> String {
    match shape {
        Shape::Enum(values) => {
            let names: Vec<&str> = values.iter().map(|(name, _)| *name).take(12).collect();
            format!("one of {}", names.join(", "))
        }
        Shape::Expandable(names) | Shape::Nested(names) => names.join(" or "),
        other => format!("{other:?}").to_lowercase(),
    }
}

#[cfg(test)]
mod tests {
    use crate::json::json;

    use super::*;
    use crate::shape::render::render;

    fn found(value: &Value, version: &str) -> Vec<String> {
        let mut findings = Findings::default();
        findings.check(value, Version::parse(version).unwrap());
        findings.violations.into_iter().collect()
    }

    fn tax_id() -> Value {
        json!({
            "id": "txi_1", "object": "tax_id", "created": 1, "livemode": false, "type": "eu_vat",
            "value": "DE123456789", "customer": "cus_1", "owner": { "type": "self" },
        })
    }

    #[test]
    fn what_is_rendered_fits_and_what_is_left_out_is_found() {
        let version = Version::parse("2025-08-27.basil").unwrap();
        let whole = render(&tax_id(), version);
        assert_eq!(found(&whole, "2025-08-27.basil"), Vec::<String>::new());
        let mut without = whole.clone();
        without.as_object_mut().unwrap().shift_remove("created");
        assert_eq!(
            found(&without, "2025-08-27.basil"),
            ["2025-08-27.basil TaxId.created: is missing"]
        );
    }

    #[test]
    fn the_object_of_an_event_is_held_against_its_own_shape() {
        let version = Version::newest();
        let mut object = render(&tax_id(), version);
        object.as_object_mut().unwrap().shift_remove("value");
        let event = json!({
            "id": "evt_1", "object": "event", "api_version": version.as_str(), "created": 1,
            "data": { "object": object }, "livemode": false, "pending_webhooks": 0,
            "request": { "id": null, "idempotency_key": null }, "type": "customer.tax_id.created",
        });
        assert_eq!(
            found(&event, version.as_str()),
            [format!("{} TaxId.value: is missing", version.as_str())]
        );
    }

    #[test]
    fn what_was_before_is_held_against_the_shape_too() {
        let version = Version::newest();
        let event = |before: Value| {
            json!({
                "id": "evt_1", "object": "event", "api_version": version.as_str(), "created": 1,
                "data": { "object": render(&tax_id(), version), "previous_attributes": before },
                "livemode": false, "pending_webhooks": 0,
                "request": { "id": null, "idempotency_key": null }, "type": "customer.updated",
            })
        };
        let right =
            json!({ "value": "DE1", "verification": null, "owner": { "type": "customer" } });
        assert_eq!(found(&event(right), version.as_str()), Vec::<String>::new());
        for wrong in [
            json!({ "shoe_size": 43 }),
            json!({ "created": "yesterday" }),
            json!({ "owner": { "shoe_size": 43 } }),
            json!({ "type": "moon_vat" }),
        ] {
            assert_eq!(
                found(&event(wrong.clone()), version.as_str()).len(),
                1,
                "{wrong}"
            );
        }
    }

    #[test]
    fn unknown_members_wrong_types_nulls_and_choices_are_found() {
        let version = Version::newest();
        let mut value = render(&tax_id(), version);
        value["surprise"] = json!(1);
        value["created"] = json!("1");
        value["livemode"] = Value::Null;
        value["type"] = json!("moon_vat");
        let found = found(&value, version.as_str());
        let starts = ["created", "livemode", "surprise", "type"];
        assert_eq!(found.len(), starts.len(), "{found:?}");
        for name in starts {
            assert!(found.iter().any(|text| text.contains(name)), "{name}");
        }
    }
}
