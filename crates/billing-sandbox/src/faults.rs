//! Faults on demand: what goes wrong with the next requests that match.

use serde::{Deserialize, Serialize};

/// What happens to a matching request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum FaultKind {
    /// Answers this status; nothing has happened.
    FailBefore { status: u16 },
    /// Answers this status although the effect has happened. As at Stripe, a 500 is what the
    /// idempotency key replays from then on; with 502 or above the key replays the true answer.
    FailAfter { status: u16 },
    /// Closes the connection without a byte; nothing has happened.
    CutBefore,
    /// Closes the connection without a byte although the effect has happened.
    CutAfter,
    /// Answers 429 with `Retry-After`; nothing has happened.
    RateLimit { retry_after_s: u64 },
    /// Waits before the request is carried out; its idempotency key is in use meanwhile.
    Delay { delay_ms: u64 },
}

/// A fault for the next requests with a method and a path prefix.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fault {
    /// `POST`, `GET`, `DELETE`; empty for any.
    #[serde(default)]
    pub method: String,
    /// `/v1/checkout/sessions`; empty for any.
    #[serde(default)]
    pub path: String,
    /// How many requests it hits.
    #[serde(default = "once")]
    pub times: u32,
    #[serde(flatten)]
    pub kind: FaultKind,
}

fn once() -> u32 {
    1
}

impl Fault {
    /// Hits the next request with this method and path prefix.
    pub fn once(method: &str, path: &str, kind: FaultKind) -> Self {
        Self {
            method: method.to_owned(),
            path: path.to_owned(),
            times: 1,
            kind,
        }
    }
}

/// The first matching fault is used up by one, and taken.
pub(crate) fn take(faults: &mut Vec<Fault>, method: &str, path: &str) -> Option<FaultKind> {
    let at = faults.iter().position(|fault| {
        fault.times > 0
            && (fault.method.is_empty() || fault.method.eq_ignore_ascii_case(method))
            && path.starts_with(&fault.path)
    })?;
    let kind = faults[at].kind.clone();
    faults[at].times -= 1;
    if faults[at].times == 0 {
        faults.remove(at);
    }
    Some(kind)
}
