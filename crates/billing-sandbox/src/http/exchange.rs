//! A request and its answer, free of any HTTP library.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

/// What came in; header names in lower case.
#[derive(Debug, Clone, Default)]
pub(crate) struct Request {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) query: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Request {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(n, _)| n == name)
            .map(|(_, value)| value.as_str())
    }
}

/// What goes out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(Cow<'static, str>, Cow<'static, str>)>,
    pub(crate) body: String,
}

impl Reply {
    pub(crate) fn json(status: u16, body: &crate::json::Value) -> Self {
        let body = serde_json::to_string_pretty(body).unwrap_or_default();
        Self {
            status,
            headers: vec![("content-type".into(), "application/json".into())],
            body,
        }
    }

    pub(crate) fn text(status: u16, kind: &'static str, body: String) -> Self {
        let headers = vec![
            ("content-type".into(), kind.into()),
            ("cache-control".into(), "no-store".into()),
        ];
        Self {
            status,
            headers,
            body,
        }
    }

    pub(crate) fn html(status: u16, body: String) -> Self {
        let headers = vec![
            ("content-type".into(), "text/html; charset=utf-8".into()),
            ("cache-control".into(), "no-store".into()),
        ];
        Self {
            status,
            headers,
            body,
        }
    }

    pub(crate) fn see_other(location: String) -> Self {
        Self {
            status: 303,
            headers: vec![("location".into(), location.into())],
            body: String::new(),
        }
    }

    pub(crate) fn header(
        mut self,
        name: &'static str,
        value: impl Into<Cow<'static, str>>,
    ) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }
}
