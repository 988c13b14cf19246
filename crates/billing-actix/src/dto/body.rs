//! Reads a request's body, query and path: limited, and with the field at fault in the answer.

use actix_web::http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use actix_web::web::{Bytes, Payload, Query};
use actix_web::{HttpRequest, error};
use billing_domain::kernel::id::{Id, IdKind};
use serde::de::DeserializeOwned;

use crate::inside;
use crate::problem::Problem;
use crate::problem::code::Code;
use crate::routes::state_of;

/// Reads at most `limit` bytes of somebody who is known, for as long as a body may take.
pub(crate) async fn read(
    request: &HttpRequest,
    payload: Payload,
    limit: usize,
) -> Result<Bytes, Problem> {
    if declared_length(request).is_some_and(|length| length > limit) {
        return Err(too_large(limit));
    }
    let patience = state_of(request).config.body_timeout;
    let whole = inside::timeout(patience, payload.to_bytes_limited(limit));
    // Whoever sends drop by drop holds a connection, and nothing else.
    let Ok(read) = whole.await else {
        return Err(Problem::new(Code::BodyTimeout));
    };
    match read {
        Ok(Ok(bytes)) => Ok(bytes),
        Ok(Err(error)) => Err(broken(&error)),
        Err(_over) => Err(too_large(limit)),
    }
}

/// What the sender says; a length beyond any memory is the largest one.
pub(crate) fn declared_length(request: &HttpRequest) -> Option<usize> {
    let declared = request.headers().get(CONTENT_LENGTH)?.to_str().ok()?;
    let length: u64 = declared.parse().ok()?;
    Some(usize::try_from(length).unwrap_or(usize::MAX))
}

pub(crate) fn too_large(limit: usize) -> Problem {
    Problem::new(Code::PayloadTooLarge).detail(format!("the body may have at most {limit} bytes"))
}

pub(crate) fn broken(error: &dyn std::fmt::Display) -> Problem {
    Problem::new(Code::BadRequest)
        .detail("the body could not be read to its end")
        .because(error.to_string())
}

/// Reads the shape of a JSON body; a wrong type, a missing and an unknown field are named.
pub(crate) fn parse_json<T: DeserializeOwned>(
    request: &HttpRequest,
    body: &[u8],
) -> Result<T, Problem> {
    require_json(request)?;
    // Serde would fill a struct from an array by position: fields nobody named.
    if body.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'[') {
        return Err(Problem::new(Code::InvalidRequest)
            .detail("the body must be a JSON object, and is an array"));
    }
    let mut deserializer = serde_json::Deserializer::from_slice(body);
    let parsed: T = serde_path_to_error::deserialize(&mut deserializer).map_err(|error| {
        let path = error.path().to_string();
        let error = error.into_inner();
        if error.is_syntax() || error.is_eof() || error.is_io() {
            return Problem::new(Code::InvalidJson).detail(error.to_string());
        }
        misshapen(&path, &error.to_string())
    })?;
    deserializer
        .end()
        .map_err(|error| Problem::new(Code::InvalidJson).detail(error.to_string()))?;
    Ok(parsed)
}

fn require_json(request: &HttpRequest) -> Result<(), Problem> {
    let Some(declared) = request.headers().get(CONTENT_TYPE) else {
        return Ok(());
    };
    let is_json = declared.to_str().is_ok_and(|text| {
        let essence = text.split(';').next().unwrap_or_default().trim();
        essence.eq_ignore_ascii_case("application/json")
            || essence.to_ascii_lowercase().ends_with("+json")
    });
    if is_json {
        Ok(())
    } else {
        Err(Problem::new(Code::UnsupportedMediaType))
    }
}

/// Serde names a missing or unknown field in its text only, between backquotes.
fn misshapen(path: &str, message: &str) -> Problem {
    let message = &in_words_of_json(message);
    let quoted = message.split('`').nth(1).unwrap_or_default();
    let at = |name: &str| match path {
        "." | "" => name.to_owned(),
        parent if parent == name || parent.ends_with(&format!(".{name}")) => parent.to_owned(),
        parent => format!("{parent}.{name}"),
    };
    let (field, error_code) = if message.starts_with("missing field") {
        (at(quoted), "is_null")
    } else if message.starts_with("unknown field") {
        (at(quoted), "unknown_field")
    } else if message.starts_with("duplicate field") {
        (at(quoted), "duplicate_field")
    } else {
        (path.to_owned(), "invalid_format")
    };
    let problem = Problem::new(Code::InvalidRequest).detail(message.as_str());
    if field == "." || field.is_empty() {
        problem
    } else {
        problem.field(&field, error_code, message)
    }
}

/// Serde names our types where it means those of JSON.
fn in_words_of_json(message: &str) -> String {
    let Some((before, after)) = message.split_once(", expected ") else {
        return message.to_owned();
    };
    let (expected, place) = after.split_once(" at line ").unwrap_or((after, ""));
    let expected = match expected {
        "i64" | "u32" | "u16" => "a whole number",
        "a map" => "an object",
        "a sequence" => "an array",
        name if name.starts_with("struct ") => "an object",
        other => other,
    };
    let place = if place.is_empty() {
        String::new()
    } else {
        format!(" at line {place}")
    };
    format!("{before}, expected {expected}{place}")
}

/// Reads the query; unknown parameters are ignored.
pub(crate) fn parse_query<T: DeserializeOwned>(request: &HttpRequest) -> Result<T, Problem> {
    match Query::<T>::from_query(request.query_string()) {
        Ok(query) => Ok(query.into_inner()),
        Err(error::QueryPayloadError::Deserialize(error)) => {
            // A body does not help here, so the answer says where the value is missing.
            let message = error
                .to_string()
                .replace("missing field", "missing query parameter")
                .replace("duplicate field", "duplicate query parameter");
            let field = message.split('`').nth(1).map(ToOwned::to_owned);
            let error_code = if message.starts_with("duplicate") {
                "duplicate_field"
            } else {
                "is_null"
            };
            let problem = Problem::new(Code::InvalidQuery).detail(message.as_str());
            Err(match field {
                Some(field) => problem.field(&field, error_code, message),
                None => problem,
            })
        }
        Err(_) => Err(Problem::new(Code::InvalidQuery)),
    }
}

/// Reads an id from the path: prefixed, or a bare UUID.
pub(crate) fn parse_id<K: IdKind>(request: &HttpRequest, name: &str) -> Result<Id<K>, Problem> {
    let text = request.match_info().get(name).unwrap_or_default();
    Id::parse(text).map_err(|error| {
        let message = error.to_string();
        Problem::new(Code::InvalidId)
            .field(name, "invalid_format", message.as_str())
            .detail(message)
    })
}
