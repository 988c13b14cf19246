//! What each supported endpoint accepts: a compact table (names, types, the version that removed a
//! name) checked against a request, giving typed JSON or Stripe's refusal.
//!
//! The table `../../tables/params.txt` holds facts derived from the type definitions of the official
//! `stripe` npm packages (MIT License, Copyright Stripe, Inc.).
//! One line per endpoint; `!` required, `-` may be unset by an empty value, `>4<9` the columns of
//! versions in which a name or a value exists, `s i n b` scalars, `e(..)` enum, `m` map of strings,
//! `r` range, `[` array, `d` map of anything by name, `{..}` object, `*` anything.

#[cfg(test)]
pub(crate) mod sample;

use std::collections::HashMap;
use std::sync::OnceLock;

use crate::json::{Map, Text, Value, json};

use crate::http::error::StripeError;
use crate::http::form::Node;
use crate::shape::version::{Range, Version};

const TABLE: &str = include_str!("../../tables/params.txt");
const STRING_CHARS_MAX: usize = 5_000;

#[derive(Debug, Clone)]
enum Kind {
    Text,
    Integer,
    Number,
    Boolean,
    Any,
    StringMap,
    Range,
    Enum(Vec<(String, Range)>),
    Array(Box<Field>),
    Map(Box<Field>),
    Object(Vec<Field>),
}

#[derive(Debug, Clone)]
struct Field {
    name: String,
    is_required: bool,
    range: Range,
    can_unset: bool,
    kind: Kind,
}

fn table() -> &'static HashMap<String, Field> {
    static PARSED: OnceLock<HashMap<String, Field>> = OnceLock::new();
    PARSED.get_or_init(|| {
        TABLE
            .lines()
            .filter_map(|line| {
                let (verb, rest) = line.split_once(' ')?;
                let (path, rest) = rest.split_once(' ')?;
                let (range, fields) = rest.split_at(rest.find('{')?);
                let mut cursor = Cursor { text: fields };
                let (_, range) = Range::split(range);
                Some((
                    format!("{verb} {path}"),
                    cursor.field(String::new(), false, range),
                ))
            })
            .collect()
    })
}

/// Every endpoint that the table describes, with its method before its path.
pub(crate) fn endpoints() -> impl Iterator<Item = &'static str> {
    table().keys().map(AsRef::as_ref)
}

/// Whether a version has this endpoint; one that the table does not know is in all of them.
pub(crate) fn exists(endpoint: &str, version: Version) -> bool {
    table()
        .get(endpoint)
        .is_none_or(|field| field.range.holds(version))
}

/// Reads one line of the table.
struct Cursor<'a> {
    text: &'a str,
}

impl<'a> Cursor<'a> {
    fn eat(&mut self, c: char) -> bool {
        match self.text.strip_prefix(c) {
            Some(rest) => {
                self.text = rest;
                true
            }
            None => false,
        }
    }

    fn until(&mut self, stops: &[char]) -> &'a str {
        let end = self
            .text
            .find(|c| stops.contains(&c))
            .unwrap_or(self.text.len());
        let (head, rest) = self.text.split_at(end);
        self.text = rest;
        head
    }

    fn field(&mut self, name: String, is_required: bool, range: Range) -> Field {
        let can_unset = self.eat('-');
        let kind = self.kind();
        Field {
            name,
            is_required,
            range,
            can_unset,
            kind,
        }
    }

    fn kind(&mut self) -> Kind {
        if self.eat('{') {
            let mut fields = Vec::new();
            while !self.eat('}') && !self.text.is_empty() {
                self.eat(' ');
                if self.text.starts_with('}') {
                    continue;
                }
                let is_required = self.eat('!');
                let (name, range) = Range::split(self.until(&[':']));
                self.eat(':');
                fields.push(self.field(name.to_owned(), is_required, range));
            }
            return Kind::Object(fields);
        }
        if self.eat('[') {
            return Kind::Array(Box::new(self.field(String::new(), false, Range::ALWAYS)));
        }
        if self.eat('d') {
            return Kind::Map(Box::new(self.field(String::new(), false, Range::ALWAYS)));
        }
        let mut letters = self.text.chars();
        let letter = letters.next().unwrap_or('*');
        self.text = letters.as_str();
        match letter {
            's' => Kind::Text,
            'i' => Kind::Integer,
            'n' => Kind::Number,
            'b' => Kind::Boolean,
            'm' => Kind::StringMap,
            'r' => Kind::Range,
            'e' => {
                self.eat('(');
                let values = self
                    .until(&[')'])
                    .split('|')
                    .map(Range::split)
                    .map(|(value, range)| (value.to_owned(), range))
                    .collect();
                self.eat(')');
                Kind::Enum(values)
            }
            _ => Kind::Any,
        }
    }
}

/// Typed parameters of one request.
#[derive(Debug, Clone, Default)]
pub(crate) struct Params(pub(crate) Value);

impl Params {
    /// The value at a JSON pointer (`/subscription_data/metadata`), unless absent or unset.
    pub(crate) fn at(&self, pointer: &str) -> Option<&Value> {
        self.0.pointer(pointer).filter(|value| !value.is_null())
    }

    pub(crate) fn text(&self, pointer: &str) -> Option<&str> {
        self.at(pointer).and_then(Value::as_str)
    }

    pub(crate) fn int(&self, pointer: &str) -> Option<i64> {
        self.at(pointer).and_then(Value::as_i64)
    }

    pub(crate) fn flag(&self, pointer: &str) -> Option<bool> {
        self.at(pointer).and_then(Value::as_bool)
    }

    pub(crate) fn list(&self, pointer: &str) -> &[Value] {
        self.at(pointer)
            .and_then(Value::as_array)
            .map_or(&[], Vec::as_slice)
    }

    /// Whether the name was sent, be it with an empty value that unsets.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.0.get(name).is_some()
    }

    /// The value, or null.
    pub(crate) fn or_null(&self, pointer: &str) -> Value {
        self.at(pointer).cloned().unwrap_or(Value::Null)
    }

    pub(crate) fn require(&self, name: &str) -> Result<&str, StripeError> {
        self.text(&format!("/{name}"))
            .ok_or_else(|| StripeError::missing(name))
    }
}

/// Checks what was sent to an endpoint (`POST /v1/customers/{}`) in a version.
pub(crate) fn check(endpoint: &str, sent: &Node, version: Version) -> Result<Params, StripeError> {
    let Some(field) = table().get(endpoint) else {
        return Ok(Params(json!({})));
    };
    let Kind::Object(fields) = &field.kind else {
        return Ok(Params(json!({})));
    };
    let mut unknown = Vec::new();
    find_unknown(fields, sent, version, "", &mut unknown);
    if let Some(first) = unknown.first() {
        let plural = if unknown.len() > 1 { "s" } else { "" };
        let names = unknown.join(", ");
        return Err(StripeError::coded(
            "parameter_unknown",
            format!("Received unknown parameter{plural}: {names}"),
        )
        .param(first)
        .validation());
    }
    let is_update = endpoint.starts_with("POST") && endpoint.ends_with("{}");
    let value = object(fields, sent, version, "", is_update)?;
    Ok(Params(value))
}

fn path(prefix: &str, name: &str) -> String {
    if prefix.is_empty() {
        name.to_owned()
    } else {
        format!("{prefix}[{name}]")
    }
}

fn find_unknown(fields: &[Field], sent: &Node, version: Version, at: &str, out: &mut Vec<String>) {
    let Node::Tree(members) = sent else { return };
    for (name, node) in members {
        match fields
            .iter()
            .find(|f| f.name == *name && f.range.holds(version))
        {
            None => out.push(path(at, name)),
            Some(field) => match &field.kind {
                Kind::Object(inner) => {
                    find_unknown(inner, node, version, &path(at, name), out);
                }
                Kind::Array(item) | Kind::Map(item) => {
                    if let (Kind::Object(inner), Node::Tree(items)) = (&item.kind, node) {
                        for (index, child) in items {
                            find_unknown(inner, child, version, &path(&path(at, name), index), out);
                        }
                    }
                }
                _ => {}
            },
        }
    }
}

fn object(
    fields: &[Field],
    sent: &Node,
    version: Version,
    at: &str,
    is_update: bool,
) -> Result<Value, StripeError> {
    let mut out = Map::new();
    for field in fields.iter().filter(|field| field.range.holds(version)) {
        match sent.get(&field.name) {
            Some(node) => {
                let here = path(at, &field.name);
                let value = typed(field, node, version, &here, is_update && at.is_empty())?;
                out.insert(Text::copied(&field.name), value);
            }
            None if field.is_required => {
                return Err(StripeError::missing(&path(at, &field.name)));
            }
            None => {}
        }
    }
    Ok(Value::Object(out))
}

fn typed(
    field: &Field,
    node: &Node,
    version: Version,
    at: &str,
    is_update: bool,
) -> Result<Value, StripeError> {
    let invalid = |text: String| StripeError::invalid(text).param(at).validation();
    match (&field.kind, node) {
        (Kind::StringMap, Node::Text(text)) if text.is_empty() => Ok(Value::Null),
        (Kind::Text, Node::Text(text)) if text.is_empty() && is_update => Ok(Value::Null),
        (_, Node::Text(text)) if text.is_empty() && field.can_unset => Ok(Value::Null),
        (Kind::Array(_), Node::Text(text)) if text.is_empty() => Ok(json!([])),
        (Kind::Any, node) => Ok(untyped(node)),
        (_, Node::Text(text)) if text.is_empty() => Err(StripeError::coded(
            "parameter_invalid_empty",
            format!(
                "You passed an empty string for '{at}'. We assume empty values are an attempt to \
                 unset a parameter; however '{at}' cannot be unset. You should remove '{at}' from \
                 your request or supply a non-empty value."
            ),
        )
        .param(at)
        .validation()),
        (Kind::Object(fields), Node::Tree(_)) => object(fields, node, version, at, false),
        (Kind::Map(item), Node::Tree(members)) => members
            .iter()
            .map(|(name, child)| {
                let value = typed(item, child, version, &path(at, name), false)?;
                Ok((Text::copied(name), value))
            })
            .collect::<Result<Map, _>>()
            .map(Value::Object),
        (Kind::Object(_) | Kind::Map(_) | Kind::StringMap, Node::Text(_)) => {
            Err(invalid("Invalid object".into()))
        }
        (Kind::StringMap, Node::Tree(_)) => Ok(untyped(node)),
        (Kind::Array(item), Node::Tree(members)) => in_order(members)
            .ok_or_else(|| invalid("Invalid array".into()))?
            .iter()
            .map(|(index, child)| typed(item, child, version, &path(at, index), false))
            .collect::<Result<Vec<_>, _>>()
            .map(Value::from),
        (Kind::Array(_), Node::Text(_)) => Err(invalid("Invalid array".into())),
        (Kind::Range, Node::Tree(members)) => {
            let mut out = Map::new();
            for (name, child) in members {
                if !matches!(name.as_str(), "gt" | "gte" | "lt" | "lte") {
                    return Err(StripeError::coded(
                        "parameter_unknown",
                        format!("Received unknown parameter: {}", path(at, name)),
                    )
                    .param(&path(at, name))
                    .validation());
                }
                out.insert(
                    Text::copied(name),
                    scalar(&Kind::Integer, child, version, &path(at, name))?,
                );
            }
            Ok(Value::Object(out))
        }
        (Kind::Range, node) => scalar(&Kind::Integer, node, version, at),
        (kind, node) => scalar(kind, node, version, at),
    }
}

/// The items of an array by their positions; `None` if a name is not a position.
fn in_order(members: &[(String, Node)]) -> Option<Vec<&(String, Node)>> {
    let mut items = Vec::with_capacity(members.len());
    for member in members {
        items.push((member.0.parse::<u32>().ok()?, member));
    }
    items.sort_by_key(|(at, _)| *at);
    Some(items.into_iter().map(|(_, member)| member).collect())
}

fn scalar(kind: &Kind, node: &Node, version: Version, at: &str) -> Result<Value, StripeError> {
    let invalid = |text: String| StripeError::invalid(text).param(at).validation();
    let Node::Text(text) = node else {
        let sent = untyped(node);
        return Err(invalid(match kind {
            Kind::Integer => format!("Invalid integer: {sent}"),
            Kind::Boolean => format!("Invalid boolean: {sent}"),
            _ => format!("Invalid string: {sent}"),
        }));
    };
    match kind {
        Kind::Integer => text.parse::<i64>().map(Value::from).map_err(|_| {
            invalid(format!("Invalid integer: {text}")).code("parameter_invalid_integer")
        }),
        Kind::Number => match text.parse::<f64>() {
            Ok(number) if number.is_finite() => Ok(json!(number)),
            _ => Err(invalid(format!("Invalid decimal: {text}"))),
        },
        Kind::Boolean => match text.as_str() {
            // Python's SDKs of before 2024 send their language's own words.
            "true" | "True" => Ok(json!(true)),
            "false" | "False" => Ok(json!(false)),
            _ => Err(invalid(format!("Invalid boolean: {text}"))),
        },
        Kind::Enum(values) if !is_choice(values, text, version) => Err(invalid(format!(
            "Invalid {at}: must be one of {}",
            one_of(&choices(values, version))
        ))),
        _ if text.chars().count() > STRING_CHARS_MAX => {
            let head: String = text.chars().take(4).collect();
            let tail: String = text.chars().skip(text.chars().count() - 4).collect();
            Err(invalid(format!(
                "Invalid string: {head}...{tail}; must be at most {STRING_CHARS_MAX} characters"
            )))
        }
        _ => Ok(json!(text)),
    }
}

/// The order in which Stripe lists choices, where that is known and not the alphabet's.
const ORDERS: &[&[&str]] = &[
    &["month", "year", "week", "day"],
    &["draft", "open", "void", "paid", "uncollectible"],
    &["include", "exclude"],
    &[
        "allow_incomplete",
        "error_if_incomplete",
        "pending_if_incomplete",
        "default_incomplete",
    ],
];

fn is_choice(values: &[(String, Range)], text: &str, version: Version) -> bool {
    values
        .iter()
        .any(|(value, range)| value == text && range.holds(version))
}

fn choices(values: &[(String, Range)], version: Version) -> Vec<String> {
    let known = values.iter().filter(|(_, range)| range.holds(version));
    let mut names: Vec<String> = known.map(|(value, _)| value.clone()).collect();
    // Recorded: Stripe does not list every choice by the alphabet.
    let place = |order: &[&str], name: &str| order.iter().position(|known| *known == name);
    if let Some(order) = ORDERS
        .iter()
        .find(|order| names.iter().all(|name| place(order, name).is_some()))
    {
        names.sort_by_key(|name| place(order, name));
    }
    names
}

/// The values that an endpoint's parameter may have in a version, none if it is no choice.
pub(crate) fn choices_of(endpoint: &str, name: &str, version: Version) -> Vec<String> {
    let Some(Kind::Object(fields)) = table().get(endpoint).map(|field| &field.kind) else {
        return Vec::new();
    };
    let found = fields.iter().find(|field| field.name == name);
    match found.map(|field| &field.kind) {
        Some(Kind::Enum(values)) => choices(values, version),
        _ => Vec::new(),
    }
}

/// `a, b, or c`, as Stripe lists choices.
pub(crate) fn one_of(values: &[String]) -> String {
    match values {
        [] => String::new(),
        [only] => only.clone(),
        [first, second] => format!("{first} or {second}"),
        [head @ .., last] => format!("{}, or {last}", head.join(", ")),
    }
}

fn untyped(node: &Node) -> Value {
    match node {
        Node::Text(text) => json!(text),
        Node::Tree(members) => members
            .iter()
            .map(|(n, child)| (n.clone(), untyped(child)))
            .collect(),
    }
}

#[cfg(test)]
mod tests;
