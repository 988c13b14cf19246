//! Opens the database, and says what to change when that fails.

use std::time::Duration;

use sea_orm::sqlx::postgres::PgConnectOptions;
use sea_orm::sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous as Synchronous,
};
use sea_orm::{ConnectOptions, Database, DatabaseConnection, DbErr, RuntimeErr, sqlx};

use crate::config::{SqliteSynchronous, StoreConfig, redacted_url};
use crate::fault::is_contention;
use crate::nodelay;

/// How often the switch to WAL is tried again: SQLite refuses it at once, without its busy
/// time-out, while another process switches.
const SQLITE_OPEN_ATTEMPTS_MAX: u32 = 50;
const SQLITE_OPEN_PAUSE: Duration = Duration::from_millis(20);

/// Why the database could not be opened, and what to change. No text contains a password.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The scheme is not one of ours.
    #[error(
        "the database URL `{url}` is not supported: write `sqlite:path/to/file.db`, \
         `sqlite::memory:` or `postgres://user:password@host:5432/name`"
    )]
    UnsupportedUrl {
        /// The URL without its password.
        url: String,
    },
    /// The scheme is known and the rest cannot be read.
    #[error("the database URL `{url}` cannot be read: check user, host, port, name and options")]
    MalformedUrl {
        /// The URL without its password.
        url: String,
        /// What is wrong. SeaORM's own error would quote the URL with its password.
        #[source]
        source: sqlx::Error,
    },
    /// SQLite's file can be neither opened nor created.
    #[error(
        "the SQLite file of `{url}` cannot be opened or created: check that its directory \
         exists and that this user may write to the file and to the directory"
    )]
    FileNotOpened {
        /// The URL.
        url: String,
        /// What SQLite says.
        #[source]
        source: DbErr,
    },
    /// Nobody answers.
    #[error("no database answers at `{url}`: check that it runs, and host, port and firewall")]
    Unreachable {
        /// The URL without its password.
        url: String,
        /// What the network says.
        #[source]
        source: DbErr,
    },
    /// The server answers and refuses.
    #[error(
        "the database at `{url}` refused the connection: check user, password, database name \
         and the number of connections that it allows"
    )]
    Refused {
        /// The URL without its password.
        url: String,
        /// What the server says.
        #[source]
        source: DbErr,
    },
}

/// The connections of a store.
#[derive(Debug, Clone)]
pub(crate) struct Connections {
    /// For reads, and on PostgreSQL for everything.
    pub(crate) reads: DatabaseConnection,
    /// For writes: one connection on SQLite, where writers queue for it.
    pub(crate) writes: DatabaseConnection,
}

/// Opens the database that the configuration names.
pub(crate) async fn connect(config: &StoreConfig) -> Result<Connections, ConnectError> {
    let malformed = |source| ConnectError::MalformedUrl {
        url: redacted_url(&config.url),
        source,
    };
    if config.url.starts_with("sqlite:") {
        config
            .url
            .parse::<SqliteConnectOptions>()
            .map_err(malformed)?;
        connect_sqlite(config).await
    } else if config.url.starts_with("postgres://") || config.url.starts_with("postgresql://") {
        let options = config.url.parse::<PgConnectOptions>().map_err(malformed)?;
        connect_postgres(config, nodelay::tcp_port(&options)).await
    } else {
        Err(ConnectError::UnsupportedUrl {
            url: redacted_url(&config.url),
        })
    }
}

async fn connect_postgres(
    config: &StoreConfig,
    tcp_port: Option<u16>,
) -> Result<Connections, ConnectError> {
    let timeout = config.statement_timeout.as_millis().to_string();
    let mut options = limits(config, config.connections_max);
    options.map_sqlx_postgres_opts(move |options| {
        options
            .application_name("billing")
            // A replica that freezes in a transaction must not hold its rows against all others.
            .options([
                ("statement_timeout", timeout.as_str()),
                ("idle_in_transaction_session_timeout", timeout.as_str()),
            ])
    });
    if let Some(port) = tcp_port {
        options.map_sqlx_postgres_pool_opts(move |options| {
            options.after_connect(move |_, _| {
                Box::pin(async move {
                    // Slower without, and nothing worse: a sandboxed process may not be allowed to.
                    if let Err(error) = nodelay::send_at_once(port).await {
                        tracing::debug!(error = %error, "connections to the database may wait");
                    }
                    Ok(())
                })
            })
        });
    }
    let reads = open(options)
        .await
        .map_err(|source| connect_error(config, source))?;
    let writes = reads.clone();
    Ok(Connections { reads, writes })
}

async fn connect_sqlite(config: &StoreConfig) -> Result<Connections, ConnectError> {
    let is_in_memory = config.url.contains(":memory:") || config.url.contains("mode=memory");
    let writes = open_sqlite(config, 1).await?;
    // A database in memory lives in its one connection.
    let reads = if is_in_memory {
        writes.clone()
    } else {
        open_sqlite(config, config.connections_max).await?
    };
    Ok(Connections { reads, writes })
}

async fn open_sqlite(
    config: &StoreConfig,
    connections_max: u32,
) -> Result<DatabaseConnection, ConnectError> {
    let mut attempt = 1;
    loop {
        match open(sqlite_options(config, connections_max)).await {
            Ok(connection) => return Ok(connection),
            Err(error) if is_contention(&error) && attempt < SQLITE_OPEN_ATTEMPTS_MAX => {
                attempt += 1;
                tokio::time::sleep(SQLITE_OPEN_PAUSE).await;
            }
            Err(error) => return Err(connect_error(config, error)),
        }
    }
}

fn sqlite_options(config: &StoreConfig, connections_max: u32) -> ConnectOptions {
    let synchronous = match config.sqlite_synchronous {
        SqliteSynchronous::Full => Synchronous::Full,
        SqliteSynchronous::Normal => Synchronous::Normal,
    };
    let busy_timeout = config.statement_timeout;
    let mut options = limits(config, connections_max);
    options
        .min_connections(1)
        .idle_timeout(None)
        .max_lifetime(None)
        .map_sqlx_sqlite_opts(move |options| {
            options
                .create_if_missing(true)
                .journal_mode(SqliteJournalMode::Wal)
                .synchronous(synchronous)
                .busy_timeout(busy_timeout)
                .foreign_keys(true)
        });
    options
}

fn limits(config: &StoreConfig, connections_max: u32) -> ConnectOptions {
    let mut options = ConnectOptions::new(config.url.clone());
    options
        .max_connections(connections_max.max(1))
        .min_connections(config.connections_min.min(connections_max))
        .connect_timeout(config.connect_timeout)
        .acquire_timeout(config.acquire_timeout)
        .sqlx_logging(false);
    options
}

async fn open(options: ConnectOptions) -> Result<DatabaseConnection, DbErr> {
    Database::connect(options).await
}

fn connect_error(config: &StoreConfig, source: DbErr) -> ConnectError {
    let url = redacted_url(&config.url);
    let is_sqlite = config.url.starts_with("sqlite:");
    match runtime_error(&source) {
        Some(_) | None if is_sqlite => ConnectError::FileNotOpened { url, source },
        Some(sqlx::Error::Database(_)) => ConnectError::Refused { url, source },
        Some(_) | None => ConnectError::Unreachable { url, source },
    }
}

fn runtime_error(error: &DbErr) -> Option<&sqlx::Error> {
    match error {
        DbErr::Conn(RuntimeErr::SqlxError(error))
        | DbErr::Exec(RuntimeErr::SqlxError(error))
        | DbErr::Query(RuntimeErr::SqlxError(error)) => Some(error),
        _ => None,
    }
}
