//! Implements the storage ports on PostgreSQL and SQLite with SeaORM.
//!
//! [`SeaOrmStore`] is every reader, the inbox, the outbox and the one writer of
//! `billing-domain`. Business rows are written by `commit` and by nothing else; the queues have
//! statements of their own.

mod bench;
mod commit;
mod config;
mod connect;
mod fault;
mod inbox;
mod many_rows;
mod migrate;
mod nodelay;
mod outbox;
mod point_reads;
mod readers;
mod rebuild;
#[expect(
    unreachable_pub,
    reason = "SeaORM's derives make public types, which stay inside this crate"
)]
mod rows;
mod scans;
mod store;
#[cfg(feature = "testing")]
pub mod testing;
mod together;

pub use bench::{BenchError, FreshDatabase};
pub use config::{SqliteSynchronous, StoreConfig, redacted_url};
pub use connect::ConnectError;
pub use migrate::{MigrateError, MigrationStatus};
pub use rebuild::{RebuildStore, Rows, commit_document, not_compared, read_commit};
pub use store::SeaOrmStore;
