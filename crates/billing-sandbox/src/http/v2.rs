//! What API v2 does in its own way: JSON bodies, the form of its errors, and its pages.

use crate::json::{Map, Value, json};

use crate::api::{Answer, Call};
use crate::http::error::StripeError;
use crate::http::form::{self, Node};
use crate::http::params::Params;

const LIMIT_DEFAULT: usize = 20;
const LIMIT_MAX: usize = 100;

/// Whether a path belongs to API v2.
pub(crate) fn is_path(path: &str) -> bool {
    path.starts_with("/v2/")
}

/// What was sent: a JSON object, or the query of a request without a body.
pub(crate) fn params(query: &str, body: &str) -> Result<Params, StripeError> {
    let mut members = match untyped(&form::parse(query)?) {
        Value::Object(members) => members,
        _ => Map::new(),
    };
    if body.trim().is_empty() {
        return Ok(Params(Value::Object(members)));
    }
    match crate::json::from_str::<Value>(body) {
        Ok(Value::Object(sent)) => {
            members.extend(sent);
            Ok(Params(Value::Object(members)))
        }
        _ => Err(
            StripeError::coded("invalid_json", "The request body is not a JSON object.")
                .validation(),
        ),
    }
}

/// Trees whose names count from zero are arrays.
fn untyped(node: &Node) -> Value {
    match node {
        Node::Text(text) => json!(text),
        Node::Tree(members) => {
            let is_array = !members.is_empty()
                && (members.iter().enumerate()).all(|(at, (name, _))| *name == at.to_string());
            if is_array {
                members.iter().map(|(_, node)| untyped(node)).collect()
            } else {
                members
                    .iter()
                    .map(|(name, node)| (name.clone(), untyped(node)))
                    .collect()
            }
        }
    }
}

/// An error as API v2 writes it: always a code, never a parameter.
pub(crate) fn error_body(error: &StripeError, request_id: &str, account_id: &str) -> Value {
    let code = error.code.as_deref().map_or_else(
        || match error.status {
            401 => "unauthenticated",
            403 => "forbidden",
            404 => "not_found",
            409 => "idempotency_error",
            429 => "rate_limit_exceeded",
            500.. => "internal_error",
            _ => "invalid_fields",
        },
        |code| match code {
            "resource_missing" => "not_found",
            other => other,
        },
    );
    let mut members = error.extra.clone();
    members.insert("code".into(), json!(code));
    members.insert("message".into(), json!(error.message));
    if error.kind != "invalid_request_error" {
        members.insert("type".into(), json!(error.kind));
    }
    if !matches!(error.status, 401 | 501) {
        members.insert(
            "request_log_url".into(),
            json!(format!(
                "https://dashboard.stripe.com/{account_id}/test/workbench/logs?object={request_id}"
            )),
        );
    }
    members.sort_keys();
    json!({ "error": members })
}

/// A 404 for an id in the path.
pub(crate) fn not_found(what: &str, id: &str) -> StripeError {
    StripeError::coded("not_found", format!("No such {what}: '{id}'")).status(404)
}

/// A text that has to be there.
pub(crate) fn required<'a>(params: &'a Params, pointer: &str) -> Result<&'a str, StripeError> {
    params.text(pointer).ok_or_else(|| {
        let name = pointer.trim_start_matches('/').replace('/', ".");
        StripeError::coded(
            "parameter_missing",
            format!("Missing required parameter: {name}."),
        )
        .validation()
    })
}

/// Refuses names that the endpoint does not have.
pub(crate) fn refuse_unknown(params: &Params, known: &[&str]) -> Result<(), StripeError> {
    let names = params.0.as_object().into_iter().flat_map(Map::keys);
    match names
        .into_iter()
        .find(|name| !known.contains(&name.as_str()))
    {
        None => Ok(()),
        Some(name) => Err(StripeError::coded(
            "parameter_unknown",
            format!("Received unknown parameter: {name}"),
        )
        .validation()),
    }
}

/// One page of rows in the order to be shown. `page` is the position that it begins at.
pub(crate) fn page(call: &Call<'_>, rows: Vec<Value>, path: &str, kept: &[&str]) -> Answer {
    let limit = match &call.params.0["limit"] {
        Value::Null => LIMIT_DEFAULT,
        value => value
            .as_u64()
            .or_else(|| value.as_str()?.parse().ok())
            .and_then(|limit| usize::try_from(limit).ok())
            .filter(|limit| (1..=LIMIT_MAX).contains(limit))
            .ok_or_else(|| {
                StripeError::coded("invalid_fields", "limit must be from 1 to 100.").validation()
            })?,
    };
    let start = match call.params.text("/page") {
        None => 0,
        Some(token) => token
            .strip_prefix("page_")
            .and_then(|digits| usize::from_str_radix(digits, 16).ok())
            .filter(|start| *start <= rows.len())
            .ok_or_else(|| {
                StripeError::coded("invalid_fields", format!("{token} is an invalid page."))
                    .validation()
            })?,
    };
    let address = |at: usize| {
        let mut query = vec![format!("page=page_{at:08x}"), format!("limit={limit}")];
        for name in kept {
            match call.params.at(&format!("/{name}")) {
                Some(Value::Array(items)) => query.extend(
                    items
                        .iter()
                        .filter_map(Value::as_str)
                        .enumerate()
                        .map(|(at, item)| format!("{name}[{at}]={item}")),
                ),
                Some(Value::String(text)) => query.push(format!("{name}={text}")),
                Some(Value::Object(bounds)) => query.extend(
                    bounds
                        .iter()
                        .filter_map(|(bound, at)| Some((bound, at.as_str()?)))
                        .map(|(bound, at)| format!("{name}[{bound}]={}", at.replace('+', "%2B"))),
                ),
                _ => {}
            }
        }
        json!(format!("{path}?{}", query.join("&")))
    };
    let total = rows.len();
    let end = total.min(start.saturating_add(limit));
    let data: Vec<Value> = rows.into_iter().skip(start).take(limit).collect();
    Ok(json!({
        "data": data,
        "next_page_url": if end < total { address(end) } else { Value::Null },
        "previous_page_url": if start > 0 { address(start.saturating_sub(limit)) } else { Value::Null },
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_gives_arrays_and_a_body_gives_json() {
        let asked = params("include[0]=a&include[1]=b&limit=2", "").unwrap();
        assert_eq!(asked.0, json!({ "include": ["a", "b"], "limit": "2" }));
        let sent = params("", "{\"name\": \"x\", \"metadata\": {}}").unwrap();
        assert_eq!(sent.0, json!({ "name": "x", "metadata": {} }));
        for body in ["[1]", "{", "1", "name=x"] {
            assert_eq!(params("", body).unwrap_err().status, 400);
        }
    }

    #[test]
    fn every_error_has_a_code() {
        let body = error_body(&StripeError::invalid("x"), "req_1", "acct_1");
        assert_eq!(body["error"]["code"], "invalid_fields");
        let body = error_body(&not_found("event", "evt_1"), "req_1", "acct_1");
        assert_eq!(body["error"]["message"], "No such event: 'evt_1'");
    }
}
