//! How to reach the database, and the limits of every wait.

use std::fmt;
use std::time::Duration;

/// How much SQLite does before it says that a commit is durable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SqliteSynchronous {
    /// Every commit reaches the disk before it is answered: a webhook's 200 means durable.
    #[default]
    Full,
    /// A power cut may lose the last commits; the file stays sound. For tests.
    Normal,
}

/// Where the database is and how long anything may take.
#[derive(Clone, PartialEq, Eq)]
pub struct StoreConfig {
    /// `sqlite:path/to/file.db`, `sqlite::memory:` or `postgres://user:password@host:port/name`.
    pub url: String,
    /// Connections at most. SQLite has one more, for its one writer.
    pub connections_max: u32,
    /// Connections that are kept open.
    pub connections_min: u32,
    /// How long a connection may take to be made.
    pub connect_timeout: Duration,
    /// How long a caller waits for a free connection.
    pub acquire_timeout: Duration,
    /// How long PostgreSQL works on one statement, and how long SQLite waits for the lock of
    /// another process.
    pub statement_timeout: Duration,
    /// What SQLite's commit waits for.
    pub sqlite_synchronous: SqliteSynchronous,
}

impl StoreConfig {
    /// The defaults of a service on one machine.
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            // A PostgreSQL of default size takes 100: room for several replicas.
            connections_max: 16,
            connections_min: 1,
            connect_timeout: Duration::from_secs(5),
            acquire_timeout: Duration::from_secs(5),
            statement_timeout: Duration::from_secs(10),
            sqlite_synchronous: SqliteSynchronous::Full,
        }
    }
}

/// Never shows the password.
impl fmt::Debug for StoreConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            url,
            connections_max,
            connections_min,
            connect_timeout,
            acquire_timeout,
            statement_timeout,
            sqlite_synchronous,
        } = self;
        f.debug_struct("StoreConfig")
            .field("url", &redacted_url(url))
            .field("connections_max", connections_max)
            .field("connections_min", connections_min)
            .field("connect_timeout", connect_timeout)
            .field("acquire_timeout", acquire_timeout)
            .field("statement_timeout", statement_timeout)
            .field("sqlite_synchronous", sqlite_synchronous)
            .finish()
    }
}

/// The URL with `***` where its password is, in the user part or in the query.
pub fn redacted_url(url: &str) -> String {
    let (main, query) = match url.split_once('?') {
        Some((main, query)) => (main, Some(query)),
        None => (url, None),
    };
    let main = match (main.find("://"), main.rfind('@')) {
        (Some(scheme), Some(at)) if scheme + 3 <= at => {
            let user = &main[scheme + 3..at];
            match user.split_once(':') {
                Some((name, _)) => format!("{}{name}:***{}", &main[..scheme + 3], &main[at..]),
                None => main.to_owned(),
            }
        }
        (Some(_) | None, Some(_) | None) => main.to_owned(),
    };
    let Some(query) = query else { return main };
    let pairs: Vec<String> = query
        .split('&')
        .map(|pair| match pair.split_once('=') {
            Some((key, _)) if key.contains("pass") => format!("{key}=***"),
            Some(_) | None => pair.to_owned(),
        })
        .collect();
    format!("{main}?{}", pairs.join("&"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_form_of_a_url_shows_its_password() {
        for (url, redacted) in [
            (
                "postgres://ada:s3cret@db:5432/billing",
                "postgres://ada:***@db:5432/billing",
            ),
            (
                "postgres://ada:s3@cret@db/billing",
                "postgres://ada:***@db/billing",
            ),
            (
                "postgres://db/billing?user=ada&password=s3cret",
                "postgres://db/billing?user=ada&password=***",
            ),
            ("postgres://ada@db/billing", "postgres://ada@db/billing"),
            ("sqlite:billing.db?mode=rwc", "sqlite:billing.db?mode=rwc"),
        ] {
            assert_eq!(redacted_url(url), redacted);
            assert!(!format!("{:?}", StoreConfig::new(url)).contains("cret"));
        }
    }
}
