//! The ports that every use case needs: time, ids, the one write, and remembered answers.

use std::sync::Arc;

use async_trait::async_trait;
use uuid::Uuid;

use super::change_set::{ChangeSet, CommitError};
use super::id::{Id, IdKind};
use super::recorded_answer::{RecordedAnswer, RequestKey};
use super::timestamp::Timestamp;

/// How often a use case reads and decides again after a conflict.
pub const ATTEMPTS_MAX: u32 = 8;

/// The current time.
#[cfg_attr(feature = "testing", mockall::automock)]
pub trait Clock: Send + Sync {
    /// Now. MUST NOT go backwards by more than the machine's clock does.
    fn now(&self) -> Timestamp;
}

/// New ids and secrets.
#[cfg_attr(feature = "testing", mockall::automock)]
pub trait IdGenerator: Send + Sync {
    /// A UUIDv7. MUST never repeat one.
    fn uuid(&self) -> Uuid;

    /// 43 characters of `A-Za-z0-9_-` with 256 random bits. MUST come from a cryptographic
    /// generator in production.
    fn secret(&self) -> String;
}

/// Makes a typed id.
pub fn new_id<K: IdKind>(ids: &dyn IdGenerator) -> Id<K> {
    Id::from_uuid(ids.uuid())
}

/// What nearly every use case holds: the write, the time, new ids.
#[derive(Clone)]
pub struct Core {
    /// Commits.
    pub writer: Arc<dyn BillingWriter>,
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
    /// Makes ids.
    pub ids: Arc<dyn IdGenerator>,
}

impl Core {
    /// Now.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// A new id.
    pub fn id<K: IdKind>(&self) -> Id<K> {
        new_id(self.ids.as_ref())
    }
}

/// The only write of the system.
#[cfg_attr(feature = "testing", mockall::automock)]
#[async_trait]
pub trait BillingWriter: Send + Sync {
    /// Writes everything in the set in one transaction, or nothing.
    ///
    /// MUST check a hold in the same transaction: [`CommitError::LeaseLost`] if the lane has another
    /// fence, and nobody can take the lane until the commit has ended.
    /// MUST mark the cause first: [`CommitError::AlreadyApplied`] if a provider event is marked
    /// already or discarded, or an answer is stored under the request's key already (with any fingerprint).
    /// MUST compare versions: [`CommitError::Conflict`] if a row is not at the version of
    /// `before`. MUST write [`ChangeSet::audit_entries`] and [`ChangeSet::outgoing_messages`]
    /// in the same transaction. MUST keep every [`super::change_set::UniqueRule`].
    async fn commit(&self, changes: ChangeSet) -> Result<(), CommitError>;

    /// Writes several sets; the result is the same as committing them one by one in order. An adapter
    /// writes them in one transaction; a set that fails costs the others one more attempt at most.
    async fn commit_many(&self, sets: Vec<ChangeSet>) -> Vec<Result<(), CommitError>> {
        let mut outcomes = Vec::with_capacity(sets.len());
        for set in sets {
            outcomes.push(self.commit(set).await);
        }
        outcomes
    }
}

/// The answers that were given to requests with a key.
#[cfg_attr(feature = "testing", mockall::automock)]
#[async_trait]
pub trait AnswerReader: Send + Sync {
    /// What the request under this key was answered, with the fingerprint that it had.
    async fn answer(&self, key: &RequestKey) -> Result<Option<StoredAnswer>, StoreError>;
}

/// A remembered answer and the fingerprint of the request that got it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredAnswer {
    /// The digest of the request that was answered.
    pub fingerprint: String,
    /// The answer.
    pub answer: RecordedAnswer,
}

/// Why a read gave nothing.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The store could not be reached or failed; the same read may succeed later.
    #[error("the store is unavailable")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// A row does not make sense: parsed, not trusted.
    #[error("the stored {table} row {row} is inconsistent in `{column}`")]
    Inconsistent {
        /// The table.
        table: &'static str,
        /// The column.
        column: &'static str,
        /// The row's key.
        row: String,
    },
}

impl StoreError {
    /// Whether the same read may succeed later.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Unavailable(_) => true,
            Self::Inconsistent { .. } => false,
        }
    }
}
