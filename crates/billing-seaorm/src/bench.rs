//! What the benchmark needs of the bare database: one of its own, the floor, and an inbox that is full
//! already. Nothing of the service calls this.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use sea_orm::sqlx::postgres::PgConnectOptions;
use sea_orm::{ConnectionTrait, Database, DatabaseConnection, DbBackend, DbErr, Statement};
use tokio::task::JoinSet;
use uuid::Uuid;

use crate::connect::ConnectError;
use crate::store::SeaOrmStore;

/// A benchmark that the database did not let go through.
#[derive(Debug, thiserror::Error)]
pub enum BenchError {
    /// A statement failed.
    #[error("the database refused a statement of the benchmark")]
    Statement(#[from] DbErr),
    /// It cannot be opened.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// The URL is not PostgreSQL's.
    #[error("the URL of the benchmark's server cannot be read")]
    Url,
}

/// How much a rebuild has to read.
#[derive(Debug, Clone, Copy)]
pub struct LogLength {
    /// Events that were applied.
    pub applied_events: u64,
    /// Lines of the audit trail.
    pub audit_entries: u64,
}

/// A PostgreSQL database that exists for one run.
#[derive(Debug)]
pub struct FreshDatabase {
    server: DatabaseConnection,
    name: String,
    /// Where it is.
    pub url: String,
}

impl FreshDatabase {
    /// Creates it beside the one that the URL names.
    ///
    /// # Errors
    /// [`BenchError`].
    pub async fn create(server_url: &str) -> Result<Self, BenchError> {
        let options: PgConnectOptions = server_url.parse().map_err(|_| BenchError::Url)?;
        let server = Database::connect(server_url).await?;
        let name = format!("billing_bench_{}", std::process::id());
        server
            .execute_unprepared(&format!("DROP DATABASE IF EXISTS {name}"))
            .await?;
        server
            .execute_unprepared(&format!("CREATE DATABASE {name}"))
            .await?;
        let current = options.get_database().unwrap_or_default();
        let (before, query) = match server_url.split_once('?') {
            Some((before, query)) => (before, format!("?{query}")),
            None => (server_url, String::new()),
        };
        let root = before.strip_suffix(current).ok_or(BenchError::Url)?;
        let url = format!("{root}{name}{query}");
        Ok(Self { server, name, url })
    }

    /// Removes it.
    ///
    /// # Errors
    /// [`BenchError`].
    pub async fn remove(self) -> Result<(), BenchError> {
        let sql = format!("DROP DATABASE {} WITH (FORCE)", self.name);
        self.server.execute_unprepared(&sql).await?;
        Ok(())
    }
}

impl SeaOrmStore {
    /// The floor: how many rows of this size a bare client inserts in a second, one in a
    /// transaction, into a table with a key and a text.
    ///
    /// # Errors
    /// [`BenchError`].
    pub async fn floor(
        &self,
        connections: usize,
        payload: &str,
        lasting: Duration,
    ) -> Result<f64, BenchError> {
        self.writes()
            .execute_unprepared("CREATE TABLE IF NOT EXISTS bench_floor (id UUID PRIMARY KEY, payload TEXT NOT NULL)")
            .await?;
        let count = Arc::new(AtomicU64::new(0));
        let mut clients = JoinSet::new();
        let begun = Instant::now();
        for client in 0..connections {
            let (store, count, payload) = (self.clone(), Arc::clone(&count), payload.to_owned());
            clients.spawn(async move {
                let mut number = 0_u64;
                while begun.elapsed() < lasting {
                    // Ids grow like the inbox's.
                    let id = Uuid::from_u64_pair(
                        u64::try_from(begun.elapsed().as_nanos()).unwrap_or(u64::MAX),
                        (u64::try_from(client).unwrap_or_default() << 40) + number,
                    );
                    number += 1;
                    let statement = Statement::from_sql_and_values(
                        store.backend(),
                        "INSERT INTO bench_floor (id, payload) VALUES ($1, $2)",
                        [id.into(), payload.clone().into()],
                    );
                    store.writes().execute_raw(statement).await?;
                    count.fetch_add(1, Ordering::Relaxed);
                }
                Ok::<_, DbErr>(())
            });
        }
        while let Some(ended) = clients.join_next().await {
            ended.map_err(|error| DbErr::Custom(error.to_string()))??;
        }
        let seconds = begun.elapsed().as_secs_f64();
        self.writes()
            .execute_unprepared("DROP TABLE bench_floor")
            .await?;
        let count = u32::try_from(count.load(Ordering::Relaxed)).unwrap_or(u32::MAX);
        Ok(f64::from(count) / seconds)
    }

    /// Fills the inbox with events that were applied long ago.
    ///
    /// # Errors
    /// [`BenchError`].
    pub async fn fill_inbox(&self, rows: u32, payload: &[u8]) -> Result<(), BenchError> {
        let id = match self.backend() {
            DbBackend::Postgres => "lpad(to_hex(number), 32, '0')::uuid",
            _ => "unhex(printf('%032x', number))",
        };
        let sql = format!(
            "INSERT INTO provider_events
                 (id, provider_event_id, event_type, is_live, payload, signature, created_at,
                  received_at, status, attempts, applied_at, settled_at, version, lane)
             WITH RECURSIVE numbers (number) AS (
                 SELECT 1 UNION ALL SELECT number + 1 FROM numbers WHERE number < $1
             )
             SELECT {id}, 'evt_past_' || number, 'customer.subscription.updated', FALSE, $2, 't=1',
                    number, number, 'processed', 1, number, number, 2, number % 64
             FROM numbers"
        );
        let values = [i64::from(rows).into(), payload.to_vec().into()];
        let statement = Statement::from_sql_and_values(self.backend(), sql, values);
        let transaction = crate::migrate::begin(self.writes()).await?;
        if self.backend() == DbBackend::Postgres {
            transaction
                .execute_unprepared("SET LOCAL statement_timeout = 0")
                .await?;
        }
        transaction.execute_raw(statement).await?;
        transaction.commit().await?;
        self.settle_statistics().await
    }

    /// Whether every message was published.
    ///
    /// # Errors
    /// [`BenchError`].
    pub async fn is_outbox_drained(&self) -> Result<bool, BenchError> {
        let open = "SELECT 1 FROM outbox_messages WHERE delivered_at IS NULL LIMIT 1";
        let statement = Statement::from_string(self.backend(), open);
        Ok(self.reads().query_one_raw(statement).await?.is_none())
    }

    /// Whether every event that was received had its turn. It looks no further than the first that had
    /// not, so that looking often takes nothing from what is measured.
    ///
    /// # Errors
    /// [`BenchError`].
    pub async fn is_inbox_drained(&self) -> Result<bool, BenchError> {
        let open =
            "SELECT 1 FROM provider_events WHERE status IN ('received', 'processing') LIMIT 1";
        let statement = Statement::from_string(self.backend(), open);
        Ok(self.reads().query_one_raw(statement).await?.is_none())
    }

    /// How long the log is.
    ///
    /// # Errors
    /// [`BenchError`].
    pub async fn log_length(&self) -> Result<LogLength, BenchError> {
        let count = async |sql: &str| -> Result<u64, BenchError> {
            let statement = Statement::from_string(self.backend(), sql);
            let row = self.reads().query_one_raw(statement).await?;
            let found = row.map(|row| row.try_get::<i64>("", "found")).transpose()?;
            Ok(u64::try_from(found.unwrap_or_default()).unwrap_or_default())
        };
        Ok(LogLength {
            applied_events: count(
                "SELECT COUNT(*) AS found FROM provider_events WHERE applied_at IS NOT NULL",
            )
            .await?,
            audit_entries: count("SELECT COUNT(*) AS found FROM audit_entries").await?,
        })
    }

    /// Has the database write out now what was measured before, and not while something else is. Where
    /// that is not allowed, it writes when it likes.
    pub async fn settle_disk(&self) {
        let sql = match self.backend() {
            DbBackend::Postgres => "CHECKPOINT",
            _ => "PRAGMA wal_checkpoint(TRUNCATE)",
        };
        if let Err(error) = self.writes().execute_unprepared(sql).await {
            tracing::warn!(error = %error, "the database was not told to write out what it holds");
        }
    }

    /// Lets the database learn what is in its tables, as it does by itself after a while.
    ///
    /// # Errors
    /// [`BenchError`].
    pub async fn settle_statistics(&self) -> Result<(), BenchError> {
        if self.backend() == DbBackend::Postgres {
            self.writes().execute_unprepared("ANALYZE").await?;
        }
        Ok(())
    }
}
