//! The one shape of every error (RFC 9457); its cause is logged once and never shown.

use std::collections::BTreeMap;
use std::error::Error;
use std::fmt;

use actix_web::http::StatusCode;
use actix_web::http::header::{ALLOW, RETRY_AFTER, WWW_AUTHENTICATE};
use actix_web::{HttpResponse, ResponseError};
use serde::Serialize;
use utoipa::ToSchema;

use self::code::Code;
use crate::request_id::with_headers;

pub(crate) mod code;
mod provider_events;
mod use_cases;

/// What is wrong with one field.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct FieldProblem {
    /// For a program: `invalid_format`, `range_exceeded`, `is_null`, `does_not_exist` …
    pub(crate) error_code: String,
    /// For a developer.
    pub(crate) developer_message: String,
}

/// The body of every error.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = Problem)]
pub(crate) struct ProblemBody {
    /// Stable, relative to the service; says which kind of problem it is.
    #[serde(rename = "type")]
    pub(crate) type_uri: String,
    /// Fixed for the type.
    pub(crate) title: &'static str,
    /// The HTTP status again.
    pub(crate) status: u16,
    /// What happened in this case.
    pub(crate) detail: String,
    /// The type for a program.
    pub(crate) code: &'static str,
    /// Under which the service's log knows this request.
    pub(crate) request_id: String,
    /// What is wrong with which field, where fields are at fault.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) fields: BTreeMap<String, FieldProblem>,
}

/// An answer that is not a success. Boxed, because every handler returns it.
#[derive(Debug)]
pub struct Problem(Box<Parts>);

#[derive(Debug)]
struct Parts {
    code: Code,
    status: StatusCode,
    detail: String,
    fields: BTreeMap<String, FieldProblem>,
    retry_after_seconds: Option<u64>,
    allow: Option<String>,
    cause: Option<Box<dyn Error + Send + Sync>>,
    request_id: Option<String>,
}

impl Problem {
    /// A problem with the title's words as its detail.
    pub fn new(code: Code) -> Self {
        Self(Box::new(Parts {
            code,
            status: code.status(),
            detail: code.title().to_owned(),
            fields: BTreeMap::new(),
            retry_after_seconds: None,
            allow: None,
            cause: None,
            request_id: None,
        }))
    }

    /// Says what happened in this case; fit for a client.
    #[must_use]
    pub fn detail(mut self, detail: impl Into<String>) -> Self {
        self.0.detail = detail.into();
        self
    }

    /// Names a field at fault.
    #[must_use]
    pub fn field(mut self, name: &str, error_code: &str, message: impl Into<String>) -> Self {
        let problem = FieldProblem {
            error_code: error_code.to_owned(),
            developer_message: message.into(),
        };
        self.0.fields.insert(name.to_owned(), problem);
        self
    }

    pub(crate) fn fields(mut self, fields: BTreeMap<String, FieldProblem>) -> Self {
        self.0.fields = fields;
        self
    }

    pub(crate) fn status_instead(mut self, status: StatusCode) -> Self {
        self.0.status = status;
        self
    }

    pub(crate) fn retry_after(mut self, seconds: u64) -> Self {
        self.0.retry_after_seconds = Some(seconds);
        self
    }

    pub(crate) fn allow(mut self, methods: String) -> Self {
        self.0.allow = Some(methods);
        self
    }

    /// Keeps the cause for the log.
    pub(crate) fn because(mut self, cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        self.0.cause = Some(cause.into());
        self
    }

    pub(crate) fn in_request(mut self, id: &str) -> Self {
        self.0.request_id = Some(id.to_owned());
        self
    }

    /// The code.
    pub fn code(&self) -> Code {
        self.0.code
    }

    pub(crate) fn status(&self) -> StatusCode {
        self.0.status
    }

    /// Logs what a client is not told, with the chain of causes.
    pub(crate) fn log(&self, request_id: &str) {
        let Some(cause) = &self.0.cause else {
            return;
        };
        let mut chain = cause.to_string();
        let mut source = cause.source();
        while let Some(error) = source {
            chain.push_str(": ");
            chain.push_str(&error.to_string());
            source = error.source();
        }
        let code = self.0.code.text();
        tracing::error!(
            request.id = request_id,
            problem.code = code,
            "request {request_id} failed ({code}): {chain}"
        );
    }

    /// The answer to a request.
    pub(crate) fn render(&self, request_id: &str) -> HttpResponse {
        let parts = &self.0;
        let mut response = HttpResponse::build(parts.status);
        if parts.status == StatusCode::UNAUTHORIZED {
            // RFC 6750, section 3.1.
            let challenge = if parts.code == Code::InvalidToken {
                "Bearer error=\"invalid_token\""
            } else {
                "Bearer"
            };
            response.insert_header((WWW_AUTHENTICATE, challenge));
        }
        if let Some(seconds) = parts.retry_after_seconds {
            response.insert_header((RETRY_AFTER, seconds.to_string()));
        }
        if let Some(methods) = &parts.allow {
            response.insert_header((ALLOW, methods.clone()));
        }
        let body = ProblemBody {
            type_uri: parts.code.type_uri(),
            title: parts.code.title(),
            status: parts.status.as_u16(),
            detail: parts.detail.clone(),
            code: parts.code.text(),
            request_id: request_id.to_owned(),
            fields: parts.fields.clone(),
        };
        let body = serde_json::to_string(&body).expect("a problem is texts and a number");
        response.content_type("application/problem+json").body(body)
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.code.text())
    }
}

impl ResponseError for Problem {
    fn status_code(&self) -> StatusCode {
        self.0.status
    }

    fn error_response(&self) -> HttpResponse {
        with_headers(self, self.0.request_id.as_deref().unwrap_or_default())
    }
}
