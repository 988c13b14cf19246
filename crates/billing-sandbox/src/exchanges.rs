//! The last requests in full, with what was sent and what was answered, for those who look for a
//! mistake.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::sync::Mutex;

use serde::Serialize;

use crate::http::exchange::{Reply, Request};
use crate::http::keys;
use crate::world::RequestRecord;

/// How many are kept in full.
const KEPT_MAX: usize = 500;
/// Of a body; more than any ordinary answer has.
const BODY_BYTES_MAX: usize = 128 << 10;

/// One request and its answer.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Exchanged {
    #[serde(flatten)]
    pub(crate) record: RequestRecord,
    pub(crate) query: String,
    /// The secret key, for a command that repeats the request.
    #[serde(skip)]
    pub(crate) key: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
    pub(crate) answer_headers: Vec<(Cow<'static, str>, Cow<'static, str>)>,
    pub(crate) answer: String,
}

#[derive(Debug, Default)]
pub(crate) struct Exchanges {
    kept: Mutex<VecDeque<Exchanged>>,
}

impl Exchanges {
    pub(crate) fn keep(&self, record: RequestRecord, request: &Request, reply: Option<&Reply>) {
        let exchanged = Exchanged {
            record,
            query: request.query.clone(),
            key: keys::secret_key(request).unwrap_or_default(),
            headers: shown(request),
            body: cut(&request.body),
            answer_headers: reply
                .into_iter()
                .flat_map(|reply| &reply.headers)
                .cloned()
                .collect(),
            answer: reply.map_or(String::new(), |reply| cut(&reply.body)),
        };
        let mut kept = self.kept.lock().expect("no panic under the lock");
        kept.push_back(exchanged);
        if kept.len() > KEPT_MAX {
            kept.pop_front();
        }
    }

    pub(crate) fn find(&self, request_id: &str) -> Option<Exchanged> {
        let kept = self.kept.lock().expect("no panic under the lock");
        let found = kept.iter().find(|e| e.record.request_id == request_id);
        found.cloned()
    }
}

/// The headers of a request, its key masked.
fn shown(request: &Request) -> Vec<(String, String)> {
    let headers = request.headers.iter();
    headers
        .map(|(name, value)| match name.as_str() {
            "authorization" => {
                let (scheme, key) = value.split_once(' ').unwrap_or(("", value));
                (name.clone(), format!("{scheme} {}", keys::masked(key)))
            }
            _ => (name.clone(), value.clone()),
        })
        .collect()
}

fn cut(text: &str) -> String {
    let mut end = text.len().min(BODY_BYTES_MAX);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text[..end].to_owned()
}
