//! Who asks, and how the answer is remembered for a repetition of the same request.

use super::change_set::Cause;
use super::principal::Principal;
use super::recorded_answer::{RecordedAnswer, RequestKey, RequestRecord};

/// Renders a use case's result as the answer to be remembered.
pub type Render<'a, T> = &'a (dyn Fn(&T) -> RecordedAnswer + Send + Sync);

/// A client's request whose use case gives a `T`.
pub struct Request<'a, T> {
    principal: &'a Principal,
    memory: Option<(RequestKey, Render<'a, T>)>,
    id: Option<String>,
}

impl<'a, T> Request<'a, T> {
    /// A request without an idempotency key.
    pub fn new(principal: &'a Principal) -> Self {
        Self {
            principal,
            memory: None,
            id: None,
        }
    }

    /// A request whose answer is stored under a key, in the same commit as its effect.
    pub fn remembered(principal: &'a Principal, key: RequestKey, render: Render<'a, T>) -> Self {
        Self {
            principal,
            memory: Some((key, render)),
            id: None,
        }
    }

    /// Adds our id of the request, which goes on to the audit trail and to the messages.
    #[must_use]
    pub fn identified_by(mut self, id: Option<String>) -> Self {
        self.id = id;
        self
    }

    /// Who asks.
    pub fn principal(&self) -> &'a Principal {
        self.principal
    }

    /// The cause of the commit that ends the request: with the answer, if it has a key.
    pub fn answered(&self, result: &T) -> Cause {
        let record = self.memory.as_ref().map(|(key, render)| RequestRecord {
            key: key.clone(),
            answer: render(result),
        });
        Cause::Request {
            actor: self.principal.label(),
            record,
            request_id: self.id.clone(),
        }
    }

    /// The cause of a commit on the way to the answer.
    pub fn underway(&self) -> Cause {
        Cause::Request {
            actor: self.principal.label(),
            record: None,
            request_id: self.id.clone(),
        }
    }

    /// Whether an answer is to be remembered, so that even a request that changes nothing commits.
    pub fn is_remembered(&self) -> bool {
        self.memory.is_some()
    }
}
