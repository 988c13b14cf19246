//! How storage can fail a use case; the part that every use case's own error shares.

use super::change_set::{CommitError, UniqueRule};
use super::ports::StoreError;

/// The error with its causes, for an operator.
pub fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}

/// Why a use case could not read or commit, apart from the rules that it knows by name.
#[derive(Debug, thiserror::Error)]
pub enum StoreFailure {
    /// The store could not be reached; nothing was decided.
    #[error("the store is unavailable")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// A row does not make sense, or a rule broke that this use case does not expect.
    #[error("the store is inconsistent")]
    Inconsistent(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// Somebody else changed a row; the use case reads and decides again, so that a caller sees
    /// this only after [`super::ports::ATTEMPTS_MAX`] attempts.
    #[error("too many others are changing the same record")]
    Conflict,
    /// A rule over several rows said no (by name). Use cases turn those that they expect into
    /// errors of their own and read again on the others.
    #[error("another record already holds this value: {0:?}")]
    Duplicate(UniqueRule),
    /// The cause was marked before: the stored answer is the answer.
    #[error("this was done before")]
    AlreadyApplied,
}

impl StoreFailure {
    /// Whether reading and deciding again is the thing to do: after a conflict, and after a
    /// duplicate, since a fresh read shows the row that was in the way.
    pub fn asks_to_decide_again(&self) -> bool {
        match self {
            Self::Conflict | Self::Duplicate(_) => true,
            Self::Unavailable(_) | Self::Inconsistent(_) | Self::AlreadyApplied => false,
        }
    }

    /// Whether the same request may succeed later.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Unavailable(_) | Self::Conflict => true,
            Self::Inconsistent(_) | Self::Duplicate(_) | Self::AlreadyApplied => false,
        }
    }
}

impl From<StoreError> for StoreFailure {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Unavailable(source) => Self::Unavailable(source),
            StoreError::Inconsistent { .. } => Self::Inconsistent(Box::new(error)),
        }
    }
}

impl From<CommitError> for StoreFailure {
    fn from(error: CommitError) -> Self {
        match error {
            CommitError::AlreadyApplied => Self::AlreadyApplied,
            // Whoever has the lane now decides again.
            CommitError::Conflict | CommitError::LeaseLost => Self::Conflict,
            CommitError::Duplicate(rule) => Self::Duplicate(rule),
            CommitError::Unsupported(_) => Self::Inconsistent(Box::new(error)),
            CommitError::Unavailable(source) => Self::Unavailable(source),
        }
    }
}
