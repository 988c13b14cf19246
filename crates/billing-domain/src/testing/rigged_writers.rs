//! Writers that always lose the race, or are always gone, at the same commit.

use std::sync::Mutex;

use async_trait::async_trait;

use super::memory_store::MemoryStore;
use crate::kernel::change_set::{ChangeSet, CommitError};
use crate::kernel::ports::BillingWriter;

/// A writer before whom somebody else commits: a race that always ends the same way.
pub(super) struct RivalWriter {
    store: MemoryStore,
    rivals: Mutex<Vec<ChangeSet>>,
}

impl RivalWriter {
    pub(super) fn new(store: MemoryStore, rivals: Vec<ChangeSet>) -> Self {
        Self {
            store,
            rivals: Mutex::new(rivals),
        }
    }
}

#[async_trait]
impl BillingWriter for RivalWriter {
    async fn commit(&self, changes: ChangeSet) -> Result<(), CommitError> {
        let rivals = std::mem::take(&mut *self.rivals.lock().expect("no holder panics"));
        for rival in rivals {
            self.store.commit(rival).await?;
        }
        self.store.commit(changes).await
    }
}

/// A writer that is gone after some commits.
pub(super) struct StoppingWriter {
    store: MemoryStore,
    commits_left: Mutex<u32>,
}

impl StoppingWriter {
    pub(super) fn new(store: MemoryStore, commits: u32) -> Self {
        Self {
            store,
            commits_left: Mutex::new(commits),
        }
    }
}

#[async_trait]
impl BillingWriter for StoppingWriter {
    async fn commit(&self, changes: ChangeSet) -> Result<(), CommitError> {
        let is_gone = {
            let mut left = self.commits_left.lock().expect("no holder panics");
            let is_gone = *left == 0;
            *left = left.saturating_sub(1);
            is_gone
        };
        if is_gone {
            return Err(CommitError::Unavailable("the program is gone".into()));
        }
        self.store.commit(changes).await
    }
}
