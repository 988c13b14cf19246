//! What a request was answered, kept so that its repetition gets the same answer.

/// Identifies one request of one caller, so that its repetition gets the same answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestKey {
    /// The caller's label: one caller's keys never meet another's.
    pub principal: String,
    /// The route, with its parameters' names and not their values.
    pub route: String,
    /// What the client sent as `Idempotency-Key`.
    pub key: String,
    /// A digest of path and body: another body under the same key is refused.
    pub fingerprint: String,
}

/// An answer as it was given; what is in it is the business of whoever answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordedAnswer {
    /// Opaque to the domain; HTTP keeps its status here.
    pub code: u16,
    /// Opaque to the domain; HTTP keeps its body here.
    pub body: String,
}

/// A request's key with the answer that is stored together with the change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestRecord {
    /// Which request.
    pub key: RequestKey,
    /// What it was answered.
    pub answer: RecordedAnswer,
}
