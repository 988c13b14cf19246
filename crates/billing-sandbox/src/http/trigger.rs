//! `POST /sandbox/trigger/{type}`: makes an event happen, as `stripe trigger` does, by carrying out the
//! requests that lead to it; on fresh objects, or on yours.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::Arc;

use crate::json::{Text, Value, json};

use crate::account::Cause;
use crate::http::exchange::{Reply, Request};
use crate::http::form::{self, Node};
use crate::http::{conventions, hosted, keys, params, server};
use crate::shape::version::Version;
use crate::world::World;

const TABLE: &str = include_str!("../../tables/triggers.txt");

/// One line of the table: a step of this name.
#[derive(Debug, Clone, Copy)]
struct Step {
    name: &'static str,
    /// Whether it may be refused.
    may_fail: bool,
    verb: &'static str,
    /// Path and parameters, or what PAY and RAISE are told.
    rest: &'static str,
}

/// The steps of a type, those of the groups that it names included.
fn steps(kind: &str) -> Vec<Step> {
    let mut lines = TABLE.lines().skip_while(|line| *line != kind).skip(1);
    let mut out = Vec::new();
    while let Some(line) = lines.next().and_then(|line| line.strip_prefix("  ")) {
        if line.starts_with('@') {
            out.extend(steps(line));
            continue;
        }
        let mut words = line.splitn(3, ' ');
        let (name, verb) = (words.next().unwrap_or(""), words.next().unwrap_or(""));
        out.push(Step {
            name: name.trim_end_matches('?'),
            may_fail: name.ends_with('?'),
            verb,
            rest: words.next().unwrap_or(""),
        });
    }
    out
}

/// The types that can be triggered, by name.
pub(crate) fn types() -> Vec<&'static str> {
    let starts = |line: &&str| line.starts_with(|c: char| c.is_ascii_lowercase());
    let mut types: Vec<&str> = TABLE.lines().filter(starts).collect();
    types.sort_unstable();
    types
}

/// What the caller wants otherwise.
struct Wishes {
    /// Objects that exist already, by the name of the step that would make them.
    given: BTreeMap<String, String>,
    /// Parameters to send, by step: `customer` and `name=Jenny`.
    overrides: Vec<(String, String)>,
    /// Metadata for everything that is made.
    metadata: Vec<(String, String)>,
}

impl Wishes {
    /// `customer=cus_1`, `metadata[k]=v`, `override[customer][name]=v`; as a form or as JSON.
    fn of(request: &Request) -> Option<Self> {
        let tree = match crate::json::from_str::<Value>(&request.body) {
            Ok(value @ Value::Object(_)) => tree(&value),
            _ => form::parse(&format!("{}&{}", request.query, request.body)).ok()?,
        };
        let mut wishes = Self {
            given: BTreeMap::new(),
            overrides: Vec::new(),
            metadata: Vec::new(),
        };
        let Node::Tree(members) = tree else {
            return Some(wishes);
        };
        for (name, node) in members {
            match (name.as_str(), node) {
                ("metadata", node) => flatten(&node, "metadata", &mut wishes.metadata),
                ("override", Node::Tree(steps)) => {
                    for (step, node) in steps {
                        let Node::Tree(parameters) = node else {
                            continue;
                        };
                        for (name, node) in parameters {
                            let mut pairs = Vec::new();
                            flatten(&node, &name, &mut pairs);
                            let pairs = pairs.into_iter();
                            let pairs = pairs.map(|(name, value)| {
                                (
                                    step.clone(),
                                    format!("{}={}", encoded(&name), encoded(&value)),
                                )
                            });
                            wishes.overrides.extend(pairs);
                        }
                    }
                }
                (_, Node::Text(id)) => {
                    wishes.given.insert(name, id);
                }
                (_, Node::Tree(_)) => {}
            }
        }
        Some(wishes)
    }
}

fn tree(value: &Value) -> Node {
    match value {
        Value::Object(members) => Node::Tree(
            members
                .iter()
                .map(|(name, value)| (name.to_string(), tree(value)))
                .collect(),
        ),
        Value::Array(items) => Node::Tree(
            items
                .iter()
                .enumerate()
                .map(|(at, value)| (at.to_string(), tree(value)))
                .collect(),
        ),
        Value::String(text) => Node::Text(text.to_string()),
        Value::Null => Node::Text(String::new()),
        other => Node::Text(other.to_string()),
    }
}

fn flatten(node: &Node, path: &str, out: &mut Vec<(String, String)>) {
    match node {
        Node::Text(text) => out.push((path.to_owned(), text.clone())),
        Node::Tree(members) => {
            for (name, node) in members {
                flatten(node, &format!("{path}[{name}]"), out);
            }
        }
    }
}

/// Text for a form, brackets left as they are.
fn encoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"[]-_.".contains(&byte) {
            out.push(char::from(byte));
        } else {
            // Writing to a text cannot fail.
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

/// Makes an event of a type happen, and tells what was done and what was raised.
pub(crate) async fn run(world: &Arc<World>, kind: &str, request: &Request) -> Reply {
    let steps = steps(kind);
    if steps.is_empty() || kind.starts_with('@') {
        let text = format!("no way is known to trigger {kind}");
        return refused(400, &text, &json!({ "types": types() }));
    }
    let Some(wishes) = Wishes::of(request) else {
        return refused(400, "the body is neither a form nor JSON", &json!({}));
    };
    let key = keys::secret_key(request).unwrap_or_else(|_| world.secret_key.clone());
    let seen = count_events(world, &key);
    let mut answers: BTreeMap<&str, Value> = BTreeMap::new();
    for step in &steps {
        if let Some(id) = wishes.given.get(step.name) {
            answers.insert(step.name, json!({ "id": id }));
            continue;
        }
        match carry_out(world, &key, kind, step, &wishes, &answers).await {
            Ok(answer) => {
                answers.insert(step.name, answer);
            }
            Err(message) => {
                let done: Vec<&&str> = answers.keys().collect();
                let text = format!("the step {} of {kind} was refused: {message}", step.name);
                return refused(409, &text, &json!({ "done": done }));
            }
        }
    }
    let raised = raised_since(world, &key, seen);
    let objects: Value = (answers.iter())
        .filter_map(|(name, answer)| Some(((*name).to_owned(), json!(answer["id"].as_str()?))))
        .collect();
    if !raised.iter().any(|event| event["type"] == kind) {
        let text = format!("everything was done, and no {kind} came of it");
        return refused(409, &text, &json!({ "objects": objects, "raised": raised }));
    }
    Reply::json(
        200,
        &json!({ "type": kind, "objects": objects, "raised": raised }),
    )
}

fn refused(status: u16, message: &str, more: &Value) -> Reply {
    let mut error = json!({ "message": message });
    for (name, value) in more.as_object().into_iter().flatten() {
        error[name] = value.clone();
    }
    Reply::json(status, &json!({ "error": error }))
}

async fn carry_out(
    world: &Arc<World>,
    key: &str,
    kind: &str,
    step: &Step,
    wishes: &Wishes,
    answers: &BTreeMap<&str, Value>,
) -> Result<Value, String> {
    let words: Vec<String> = (step.rest.split(' '))
        .map(|word| filled(word, answers, world.clock.now()))
        .collect();
    let target = words.first().cloned().unwrap_or_default();
    match step.verb {
        "PAY" => {
            let pairs = words.iter().skip(1).filter_map(|word| word.split_once('='));
            let sent: Value = pairs
                .map(|(name, value)| match value {
                    "true" => (Text::copied(name), json!(true)),
                    text => (Text::copied(name), json!(text)),
                })
                .collect();
            let reply = hosted::checkout(world, &target, "pay", &sent);
            let reply = reply.ok_or("there is no such page")?;
            read(&reply, step.may_fail)
        }
        "RAISE" => {
            raise(world, key, kind, &target, words.get(1).map(String::as_str));
            Ok(json!({}))
        }
        verb => {
            let mut pairs: Vec<String> = words.iter().skip(1).cloned().collect();
            let own = wishes
                .overrides
                .iter()
                .filter(|(name, _)| name == step.name);
            for (_, pair) in own {
                let name = pair.split('=').next().unwrap_or_default();
                pairs.retain(|known| known.split('=').next() != Some(name));
                pairs.push(pair.clone());
            }
            if verb == "POST" && takes_metadata(step) {
                let metadata = wishes.metadata.iter();
                pairs.extend(metadata.map(|(n, v)| format!("{}={}", encoded(n), encoded(v))));
            }
            let sent = pairs.join("&");
            let (query, body) = if verb == "POST" {
                (String::new(), sent)
            } else {
                (sent, String::new())
            };
            let request = Request {
                method: verb.into(),
                path: target,
                query,
                headers: vec![
                    ("authorization".into(), format!("Bearer {key}")),
                    ("stripe-version".into(), Version::newest().as_str().into()),
                ],
                body,
            };
            let reply = conventions::answer(world, &request).await;
            server::log(world, &request, reply.as_ref());
            read(&reply.ok_or("a fault cut the connection")?, step.may_fail)
        }
    }
}

fn read(reply: &Reply, may_fail: bool) -> Result<Value, String> {
    let answer: Value = crate::json::from_str(&reply.body).unwrap_or_default();
    let message = answer["error"]["message"].as_str();
    match message.filter(|_| !may_fail) {
        None => Ok(answer),
        Some(message) => Err(message.to_owned()),
    }
}

/// Whether the endpoint of a step knows `metadata`: unknown names are refused before anything else.
fn takes_metadata(step: &Step) -> bool {
    let path = step.rest.split(' ').next().unwrap_or_default();
    let parts = path.split('/');
    let parts: Vec<&str> = parts
        .map(|part| {
            if part.starts_with(['{', 'p']) && part.contains(['{', '_']) && !is_word(part) {
                "{}"
            } else {
                part
            }
        })
        .collect();
    let endpoint = format!("POST {}", parts.join("/"));
    let sent = form::parse("metadata[a]=b").unwrap_or(Node::Tree(Vec::new()));
    match params::check(&endpoint, &sent, Version::newest()) {
        Ok(params) => params.has("metadata"),
        Err(error) => error.code.as_deref() != Some("parameter_unknown"),
    }
}

/// Words of paths that look like ids.
fn is_word(part: &str) -> bool {
    matches!(
        part,
        "payment_intents" | "payment_methods" | "promotion_codes"
    )
}

/// Puts what earlier steps answered into a word.
fn filled(word: &str, answers: &BTreeMap<&str, Value>, now: i64) -> String {
    let mut out = String::new();
    let mut rest = word;
    while let Some((before, after)) = rest.split_once('{') {
        let (name, after) = after.split_once('}').unwrap_or((after, ""));
        out.push_str(before);
        if let Some(more) = name.strip_prefix("now") {
            let seconds: i64 = more.trim_start_matches('+').parse().unwrap_or(0);
            out.push_str(&now.saturating_add(seconds).to_string());
        } else {
            let (step, member) = name.split_once('.').unwrap_or((name, "id"));
            let pointer = format!("/{}", member.replace('.', "/"));
            let value = answers
                .get(step)
                .and_then(|answer| answer.pointer(&pointer));
            out.push_str(value.and_then(Value::as_str).unwrap_or("missing"));
        }
        rest = after;
    }
    out.push_str(rest);
    out
}

/// Raises one of the thin events about meters, as if a batch of usage had been looked through.
fn raise(world: &World, key: &str, kind: &str, code: &str, meter: Option<&str>) {
    let account = world.account(key);
    world.act(&account, Cause::default(), |account| {
        let at = crate::events::thin::moment(account.now);
        let data = json!({
            "developer_message_summary": "There is 1 invalid event",
            "reason": {
                "error_count": 1,
                "error_types": [{
                    "code": code,
                    "error_count": 1,
                    "sample_errors": [{
                        "error_message": "This is a triggered error.",
                        "request": { "identifier": "triggered" },
                    }],
                }],
            },
            "validation_start": at,
            "validation_end": at,
        });
        account.raise_thin(kind, meter, data);
    });
}

fn count_events(world: &World, key: &str) -> u64 {
    let account = world.account(key);
    let account = account.lock().expect("no panic under the lock");
    account.events.end_number()
}

fn raised_since(world: &World, key: &str, seen: u64) -> Vec<Value> {
    let account = world.account(key);
    let account = account.lock().expect("no panic under the lock");
    (account.events.since(seen))
        .map(|event| json!({ "id": event.id, "type": event.kind }))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_has_the_types_of_stripes_own_command() {
        assert!(types().len() >= 40, "{}", types().len());
        for kind in types() {
            assert!(!steps(kind).is_empty(), "{kind}");
        }
        let names: Vec<&str> = steps("invoice.paid").iter().map(|step| step.name).collect();
        assert_eq!(
            names,
            [
                "customer",
                "payment_method",
                "default",
                "item",
                "invoice",
                "pay"
            ]
        );
    }

    #[test]
    fn answers_of_earlier_steps_are_filled_in() {
        let mut answers = BTreeMap::new();
        answers.insert("a", json!({ "id": "x_1", "data": [{ "id": "y_1" }] }));
        assert_eq!(filled("/v1/{a}/{a.data.0.id}", &answers, 0), "/v1/x_1/y_1");
        assert_eq!(filled("trial_end={now+60}", &answers, 10), "trial_end=70");
    }

    #[test]
    fn metadata_goes_where_it_is_known() {
        let takes = |kind: &str, name: &str| {
            let steps = steps(kind);
            takes_metadata(steps.iter().find(|step| step.name == name).unwrap())
        };
        assert!(takes("customer.updated", "update"));
        assert!(takes("invoice.paid", "invoice"));
        assert!(!takes("payment_method.attached", "payment_method"));
        assert!(!takes("invoice.paid", "pay"));
    }
}
