//! The schema as a list of changes, one file each, forward only, the same text for both databases.
//!
//! The statements are plain SQL that PostgreSQL and SQLite both understand, but for triggers. SQLite takes a
//! column's type name as a hint: `UUID` and `BYTEA` hold the bytes that are bound, `BIGINT` an
//! integer. Points in time are `BIGINT` microseconds since 1970 in UTC, because SQLite would
//! compare times as text, and because that is exactly what the domain keeps. Money is a
//! `BIGINT` of minor units beside its currency. Documents are `TEXT`, never `jsonb`, which
//! would reorder and renumber them.

use sea_orm_migration::sea_orm::{ConnectionTrait, DbBackend};
use sea_orm_migration::{
    DbErr, MigrationName, MigrationTrait, MigratorTrait, SchemaManager, async_trait,
};

mod m20260301_000001_access;
mod m20260301_000002_catalog;
mod m20260301_000003_tenants_and_customers;
mod m20260301_000004_checkout;
mod m20260301_000005_subscriptions;
mod m20260301_000006_provisioning;
mod m20260301_000007_licensing;
mod m20260301_000008_entitlements;
mod m20260301_000009_provider_events;
mod m20260301_000010_audit_outbox_and_answers;
mod m20260301_000011_append_only_audit;
mod m20260701_000012_event_log;
mod m20260801_000014_order_of_events;
mod m20261121_000013_event_lanes;
mod m20261121_000015_event_scans;
mod m20261121_000016_readings_and_retention;
mod m20261121_000017_payload_compression;
mod m20261122_000018_subjects_at_rest;
mod m20261122_000019_outbox_lease;
mod m20261122_000020_request_ids;

/// Every change in its order.
#[derive(Debug, Clone, Copy)]
pub struct Migrator;

/// One change: applied once, never edited afterwards, never taken back.
#[derive(Debug, Clone, Copy)]
struct Change {
    /// The file's name, under which the database remembers it.
    name: &'static str,
    /// Plain SQL for both databases.
    statements: &'static [&'static str],
    /// What only PostgreSQL understands, afterwards.
    on_postgres: &'static [&'static str],
    /// What only SQLite understands, afterwards.
    on_sqlite: &'static [&'static str],
}

impl Change {
    /// A change that both databases understand.
    const fn portable(name: &'static str, statements: &'static [&'static str]) -> Self {
        Self {
            name,
            statements,
            on_postgres: &[],
            on_sqlite: &[],
        }
    }
}

const CHANGES: &[Change] = &[
    m20260301_000001_access::CHANGE,
    m20260301_000002_catalog::CHANGE,
    m20260301_000003_tenants_and_customers::CHANGE,
    m20260301_000004_checkout::CHANGE,
    m20260301_000005_subscriptions::CHANGE,
    m20260301_000006_provisioning::CHANGE,
    m20260301_000007_licensing::CHANGE,
    m20260301_000008_entitlements::CHANGE,
    m20260301_000009_provider_events::CHANGE,
    m20260301_000010_audit_outbox_and_answers::CHANGE,
    m20260301_000011_append_only_audit::CHANGE,
    m20260701_000012_event_log::CHANGE,
    m20261121_000013_event_lanes::CHANGE,
    m20260801_000014_order_of_events::CHANGE,
    m20261121_000015_event_scans::CHANGE,
    m20261121_000016_readings_and_retention::CHANGE,
    m20261121_000017_payload_compression::CHANGE,
    m20261122_000018_subjects_at_rest::CHANGE,
    m20261122_000019_outbox_lease::CHANGE,
    m20261122_000020_request_ids::CHANGE,
];

impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        CHANGES
            .iter()
            .map(|change| Box::new(*change) as Box<dyn MigrationTrait>)
            .collect()
    }
}

impl MigrationName for Change {
    fn name(&self) -> &str {
        self.name
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Change {
    #[expect(
        elided_lifetimes_in_paths,
        reason = "the trait elides it, and `async_trait` makes the two forms differ"
    )]
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let connection = manager.get_connection();
        let own = match connection.get_database_backend() {
            DbBackend::Postgres => self.on_postgres,
            DbBackend::Sqlite => self.on_sqlite,
            other => {
                return Err(DbErr::BackendNotSupported {
                    db: other.as_str(),
                    ctx: "migrations",
                });
            }
        };
        for statement in self.statements.iter().chain(own) {
            connection.execute_unprepared(statement).await?;
        }
        Ok(())
    }
}
