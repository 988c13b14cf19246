//! Applies the schema's changes under a lock, so that replicas that start at once do no harm.

use billing_migrations::Migrator;
use sea_orm::{
    ConnectionTrait, DatabaseTransaction, DbBackend, DbErr, SqliteTransactionMode,
    TransactionOptions, TransactionTrait,
};
use sea_orm_migration::MigratorTrait;

use crate::store::SeaOrmStore;

/// The key of the advisory lock: "billing" in ASCII, so that it is recognised in `pg_locks`.
const ADVISORY_LOCK: i64 = 0x0062_696c_6c69_6e67;

/// The schema could not be brought up to date.
#[derive(Debug, thiserror::Error)]
#[error(
    "the database schema could not be migrated: check that this user may create tables, and \
     that the database was not migrated by a newer version of the service"
)]
pub struct MigrateError(#[source] DbErr);

/// How far the schema is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MigrationStatus {
    /// Changes that were applied, in order.
    pub applied: Vec<String>,
    /// Changes that this version of the service has and the database does not.
    pub pending: Vec<String>,
}

impl MigrationStatus {
    /// Whether the schema is the one that this version works with.
    pub fn is_current(&self) -> bool {
        self.pending.is_empty()
    }
}

impl SeaOrmStore {
    /// Applies every pending change in one transaction under a lock; nothing if there is none.
    pub async fn migrate(&self) -> Result<(), MigrateError> {
        self.migrate_under_lock().await.map_err(MigrateError)
    }

    /// Which changes were applied and which are pending. Changes nothing.
    pub async fn migration_status(&self) -> Result<MigrationStatus, MigrateError> {
        let files = Migrator::get_migration_with_status_read_only(self.reads())
            .await
            .map_err(MigrateError)?;
        let names = |wanted: sea_orm_migration::MigrationStatus| {
            files
                .iter()
                .filter(|file| file.status() == wanted)
                .map(|file| file.name().to_owned())
                .collect()
        };
        Ok(MigrationStatus {
            applied: names(sea_orm_migration::MigrationStatus::Applied),
            pending: names(sea_orm_migration::MigrationStatus::Pending),
        })
    }

    /// Whether the schema is the one that this version works with.
    pub async fn migrations_applied(&self) -> Result<bool, MigrateError> {
        self.migration_status()
            .await
            .map(|status| status.is_current())
    }

    async fn migrate_under_lock(&self) -> Result<(), DbErr> {
        let transaction = begin(self.writes()).await?;
        if self.backend() == DbBackend::Postgres {
            // Waiting for another replica's migration is not a slow statement.
            transaction
                .execute_unprepared("SET LOCAL statement_timeout = 0")
                .await?;
            transaction
                .execute_unprepared(&format!("SELECT pg_advisory_xact_lock({ADVISORY_LOCK})"))
                .await?;
        }
        Migrator::up(&transaction, None).await?;
        transaction.commit().await
    }
}

/// Begins a transaction that writes. On SQLite it takes the write lock at once: one that began
/// with a read could not get it later if somebody else wrote in between.
pub(crate) async fn begin(
    connection: &sea_orm::DatabaseConnection,
) -> Result<DatabaseTransaction, DbErr> {
    connection
        .begin_with_options(TransactionOptions {
            sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
            ..TransactionOptions::default()
        })
        .await
}
