//! Databases for tests: a temporary SQLite file, and a fresh PostgreSQL schema for each test.
//!
//! PostgreSQL is the server of `BILLING_TEST_POSTGRES_URL`, or a temporary cluster started from
//! the local binaries, which ends with the test program. Where there is neither, tests are
//! skipped with a message, except with `CI=true`, where that is a failure.

use std::sync::atomic::{AtomicU32, Ordering};

use sea_orm::{ConnectionTrait, Database};
use tempfile::TempDir;

use crate::config::{SqliteSynchronous, StoreConfig};
use crate::store::SeaOrmStore;

mod cluster;
mod inspection;

pub use cluster::Cluster;

/// A database of its own, migrated, gone when this is dropped.
#[derive(Debug)]
pub struct TestDatabase {
    name: &'static str,
    config: StoreConfig,
    store: SeaOrmStore,
    keeper: Keeper,
}

/// What must live as long as the database.
#[derive(Debug)]
enum Keeper {
    File(#[expect(dead_code, reason = "it is kept for what happens when it is dropped")] TempDir),
    Server(DroppedSchema),
    /// It goes away with its server.
    Nobody,
}

impl TestDatabase {
    /// An SQLite file in a temporary directory.
    pub async fn sqlite() -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory can be made");
        let file = directory.path().join("billing.db");
        let config = StoreConfig {
            connections_max: 4,
            // Nobody cuts the power of a test.
            sqlite_synchronous: SqliteSynchronous::Normal,
            ..StoreConfig::new(format!("sqlite:{}", file.display()))
        };
        Self::migrated("SQLite", config, Keeper::File(directory)).await
    }

    /// A fresh PostgreSQL schema, which is faster than a database; `None` after a message where there is no server.
    pub async fn postgres() -> Option<Self> {
        let server = cluster::server_url()?;
        let schema = DroppedSchema::create(server).await;
        let config = StoreConfig {
            connections_max: 6,
            connections_min: 0,
            ..StoreConfig::new(cluster::with_schema(server, &schema.name))
        };
        let keeper = Keeper::Server(schema);
        Some(Self::migrated("PostgreSQL", config, keeper).await)
    }

    /// The one database of a server that the test stops and starts.
    pub async fn of(cluster: &Cluster) -> Self {
        let config = StoreConfig {
            connections_max: 2,
            connections_min: 0,
            ..StoreConfig::new(cluster.url())
        };
        Self::migrated("PostgreSQL", config, Keeper::Nobody).await
    }

    /// One of each kind that can be had here.
    pub async fn every() -> Vec<Self> {
        let mut databases = vec![Self::sqlite().await];
        databases.extend(Self::postgres().await);
        databases
    }

    /// What to call it in a failed assertion.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// How it is reached: another store on it is another replica.
    pub fn config(&self) -> StoreConfig {
        self.config.clone()
    }

    /// The store on it.
    pub fn store(&self) -> SeaOrmStore {
        self.store.clone()
    }

    /// Runs SQL past the store, to bring about what the store never writes.
    pub async fn execute(&self, sql: &str) {
        self.store
            .writes()
            .execute_unprepared(sql)
            .await
            .expect("the test's own SQL is right");
    }

    /// Whether the database itself refuses a statement.
    pub async fn refuses(&self, sql: &str) -> bool {
        self.store.writes().execute_unprepared(sql).await.is_err()
    }

    /// Takes every table away, as if it had never been migrated.
    pub async fn unmigrate(&self) {
        if let Keeper::Server(schema) = &self.keeper {
            self.execute(&format!("DROP SCHEMA {} CASCADE", schema.name))
                .await;
            self.execute(&format!("CREATE SCHEMA {}", schema.name))
                .await;
        }
    }

    /// How many rows a table has.
    pub async fn row_count(&self, table: &str) -> i64 {
        let statement = sea_orm::Statement::from_string(
            self.store.backend(),
            format!("SELECT COUNT(*) AS row_count FROM {table}"),
        );
        self.store
            .writes()
            .query_one_raw(statement)
            .await
            .expect("the table exists")
            .expect("a count has one row")
            .try_get("", "row_count")
            .expect("a count is a number")
    }

    /// The rows of a query whose one column is a text named `line`.
    pub async fn lines(&self, sql: &str) -> Vec<String> {
        let statement = sea_orm::Statement::from_string(self.store.backend(), sql);
        let rows = self.store.reads().query_all_raw(statement).await;
        let rows = rows.expect("the test's own SQL is right");
        let lines = rows.iter().map(|row| row.try_get("", "line"));
        let lines: Result<_, _> = lines.collect();
        lines.expect("the column is a text")
    }

    async fn migrated(name: &'static str, config: StoreConfig, keeper: Keeper) -> Self {
        let store = SeaOrmStore::connect(config.clone())
            .await
            .expect("the test database can be opened");
        store
            .migrate()
            .await
            .expect("the test database can be migrated");
        Self {
            name,
            config,
            store,
            keeper,
        }
    }
}

/// A schema on a server that is dropped with this.
#[derive(Debug)]
struct DroppedSchema {
    server: &'static str,
    name: String,
}

impl DroppedSchema {
    async fn create(server: &'static str) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("billing_test_{}_{number}", std::process::id());
        let admin = Database::connect(server)
            .await
            .expect("the PostgreSQL server for tests answers");
        for statement in [
            // Left by a test program of the same number that was killed.
            format!("DROP SCHEMA IF EXISTS {name} CASCADE"),
            format!("CREATE SCHEMA {name}"),
        ] {
            admin
                .execute_unprepared(&statement)
                .await
                .expect("schemas can be made on the server for tests");
        }
        admin.close().await.expect("a connection can be closed");
        Self { server, name }
    }

    async fn drop_schema(server: &'static str, name: String) {
        let Ok(admin) = Database::connect(server).await else {
            return;
        };
        // A transaction that a failed test left open must not hold this up.
        let statement = format!("SET lock_timeout = '5s'; DROP SCHEMA IF EXISTS {name} CASCADE");
        // What stays behind is dropped by the next test program of the same number.
        let _dropped = admin.execute_unprepared(&statement).await;
        let _closed = admin.close().await;
    }
}

impl Drop for DroppedSchema {
    fn drop(&mut self) {
        let (server, name) = (self.server, self.name.clone());
        // A runtime of its own: the test's may be ending.
        let dropper = std::thread::spawn(move || {
            if let Ok(runtime) = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
            {
                runtime.block_on(Self::drop_schema(server, name));
            }
        });
        let _joined = dropper.join();
    }
}
