//! Stripe's error envelope: every refusal is built here, so that type, code, param and text agree.

use std::ops::{Deref, DerefMut};

use crate::json::{Map, Text, Value, json};

use crate::shape::render::render;
use crate::shape::version::Version;

/// A refusal, kept behind a pointer so that results stay small.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct StripeError(Box<Refusal>);

impl Deref for StripeError {
    type Target = Refusal;

    fn deref(&self) -> &Refusal {
        &self.0
    }
}

impl DerefMut for StripeError {
    fn deref_mut(&mut self) -> &mut Refusal {
        &mut self.0
    }
}

/// A refusal as Stripe words it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Refusal {
    pub(crate) status: u16,
    pub(crate) kind: &'static str,
    pub(crate) code: Option<String>,
    pub(crate) param: Option<String>,
    pub(crate) message: String,
    /// Further members: `decline_code`, `payment_intent`, `supported`.
    pub(crate) extra: Map,
    /// Whether the request was refused before its endpoint began, so that its key stays free.
    pub(crate) is_validation: bool,
    /// Whether the endpoint had begun, although what it missed was asked for by the request.
    pub(crate) is_executed: bool,
    /// Whether it names no log, as for an address that does not exist.
    pub(crate) is_unlogged: bool,
}

impl StripeError {
    pub(crate) fn invalid(message: impl Into<String>) -> Self {
        Self(Box::new(Refusal {
            status: 400,
            kind: "invalid_request_error",
            code: None,
            param: None,
            message: message.into(),
            extra: Map::new(),
            is_validation: false,
            is_executed: false,
            is_unlogged: false,
        }))
    }

    pub(crate) fn coded(code: &str, message: impl Into<String>) -> Self {
        Self::invalid(message).code(code)
    }

    pub(crate) fn code(mut self, code: &str) -> Self {
        self.code = Some(code.to_owned());
        self
    }

    pub(crate) fn param(mut self, param: &str) -> Self {
        self.param = Some(param.to_owned());
        self
    }

    pub(crate) fn status(mut self, status: u16) -> Self {
        self.status = status;
        self
    }

    pub(crate) fn with(mut self, name: impl Into<Text>, value: Value) -> Self {
        self.extra.insert(name.into(), value);
        self
    }

    pub(crate) fn validation(mut self) -> Self {
        self.is_validation = true;
        self
    }

    pub(crate) fn executed(mut self) -> Self {
        self.is_executed = true;
        self
    }

    pub(crate) fn unlogged(mut self) -> Self {
        self.is_unlogged = true;
        self
    }

    pub(crate) fn missing(param: &str) -> Self {
        Self::coded(
            "parameter_missing",
            format!("Missing required param: {param}."),
        )
        .param(param)
        .validation()
    }

    /// A 404 for the id in the path.
    pub(crate) fn no_such(what: &str, id: &str, param: &str) -> Self {
        // Recorded without quotes and without a parameter.
        if what == "checkout.session" {
            let message = format!("No such checkout.session: {id}");
            return Self::coded("resource_missing", message).status(404);
        }
        Self::coded("resource_missing", format!("No such {what}: '{id}'"))
            .param(param)
            .status(404)
    }

    /// A 400 for an id inside the request.
    pub(crate) fn no_such_param(what: &str, id: &str, param: &str) -> Self {
        Self::no_such(what, id, param).status(400)
    }

    /// Something of Stripe's that this sandbox does not simulate; never answered by a made-up success.
    pub(crate) fn not_simulated(what: &str) -> Self {
        Self::coded(
            "sandbox_not_simulated",
            format!("This sandbox does not simulate {what}."),
        )
        .status(501)
        .validation()
    }

    pub(crate) fn authentication(message: impl Into<String>) -> Self {
        Self::invalid(message).status(401).validation()
    }

    /// The refusal as a version shows it: its objects in that version's shape, and without the advice
    /// on declines that came with acacia.
    pub(crate) fn in_version(mut self, version: Version) -> Self {
        if version.is_before("2024-09-30") {
            let code = self.code.clone().unwrap_or_default();
            let is_named_by_code = matches!(
                code.as_str(),
                "expired_card" | "incorrect_cvc" | "incorrect_zip" | "incorrect_number"
            );
            self.extra.retain(|name, _| match name.as_str() {
                "advice_code" | "network_advice_code" | "network_decline_code" => false,
                "decline_code" => !is_named_by_code,
                _ => true,
            });
        }
        for value in self.extra.values_mut().filter(|value| value.is_object()) {
            *value = render(value, version);
        }
        self
    }

    /// The body, keys in alphabetical order as Stripe writes them.
    pub(crate) fn body(&self, request_id: &str, account_id: &str) -> Value {
        let mut members = self.extra.clone();
        members.insert("message".into(), json!(self.message));
        members.insert("type".into(), json!(self.kind));
        if let Some(code) = &self.code {
            members.insert("code".into(), json!(code));
            if self.status != 501 && code != "property_expansion_max_depth" {
                let page = code.replace('_', "-");
                members.insert(
                    "doc_url".into(),
                    json!(format!("https://stripe.com/docs/error-codes/{page}")),
                );
            }
        }
        if let Some(param) = &self.param {
            members.insert("param".into(), json!(param));
        }
        if self.status != 401 && !self.is_unlogged {
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
}
