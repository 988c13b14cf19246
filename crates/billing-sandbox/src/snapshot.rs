//! A whole sandbox as one JSON document, and back: objects, ids to come, what is due, events,
//! deliveries, remembered answers, faults, the clock and the log of requests.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::account::state::AccountState;
use crate::faults::Faults;
use crate::world::{RequestRecord, World};

/// The form of the document; another one is not read.
const FORMAT: u32 = 1;

#[derive(Debug, Serialize, Deserialize)]
struct Snapshot {
    format: u32,
    seed: u64,
    secret_key: String,
    now_ms: i64,
    stands_still: bool,
    advanced_ms: i64,
    faults: Faults,
    requests: Vec<RequestRecord>,
    /// By secret key.
    accounts: BTreeMap<String, AccountState>,
}

/// Why a snapshot was not taken up. The sandbox is as it was.
#[derive(Debug, thiserror::Error)]
pub enum SnapshotError {
    #[error("this is not a snapshot of a sandbox: {0}")]
    NotASnapshot(String),
    #[error("this snapshot has the form {found}, and only {FORMAT} can be read")]
    OtherFormat { found: u32 },
    #[error("this snapshot was made with --seed {found}; start with the same seed")]
    OtherSeed { found: u64 },
}

/// Whose snapshot a document is, for those who start a sandbox with it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct SnapshotOwner {
    pub seed: u64,
    /// The key of the first account.
    pub secret_key: String,
}

impl SnapshotOwner {
    /// Reads it from a document.
    pub fn of(document: &str) -> Result<Self, SnapshotError> {
        crate::json::from_str(document)
            .map_err(|error| SnapshotError::NotASnapshot(error.to_string()))
    }
}

pub(crate) fn take(world: &World) -> String {
    let accounts = world.keyed_accounts().into_iter();
    let faults = world.faults.lock().expect("no panic under the lock").copy();
    let snapshot = Snapshot {
        format: FORMAT,
        seed: world.seed,
        secret_key: world.secret_key.clone(),
        now_ms: world.clock.now_ms(),
        stands_still: world.clock.stands_still(),
        advanced_ms: world.clock.advanced_ms(),
        faults,
        requests: world.requests(),
        accounts: accounts
            .map(|(key, account)| {
                let account = account.lock().expect("no panic under the lock");
                (key, account.state())
            })
            .collect(),
    };
    serde_json::to_string(&snapshot).unwrap_or_default()
}

/// Replaces everything by what a document says.
pub(crate) fn resume(world: &World, document: &str) -> Result<(), SnapshotError> {
    let not_one = |error: serde_json::Error| SnapshotError::NotASnapshot(error.to_string());
    let snapshot: Snapshot = crate::json::from_str(document).map_err(not_one)?;
    if snapshot.format != FORMAT {
        return Err(SnapshotError::OtherFormat {
            found: snapshot.format,
        });
    }
    if snapshot.seed != world.seed {
        return Err(SnapshotError::OtherSeed {
            found: snapshot.seed,
        });
    }
    let mut accounts = BTreeMap::new();
    for (key, state) in snapshot.accounts {
        let mut account = world.new_account(&key);
        account
            .resume(state)
            .ok_or_else(|| SnapshotError::NotASnapshot("an account in it cannot be read".into()))?;
        accounts.insert(key, account);
    }
    if snapshot.stands_still || world.clock.stands_still() {
        world.clock.set_now_ms(snapshot.now_ms);
    } else {
        world.clock.set_advanced_ms(snapshot.advanced_ms);
    }
    *world.faults.lock().expect("no panic under the lock") = snapshot.faults;
    world.replace(accounts, snapshot.requests);
    world.wake.notify_one();
    Ok(())
}
