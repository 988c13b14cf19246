//! Opening, migrating, and what a person reads when that fails.

use billing_seaorm::testing::TestDatabase;
use billing_seaorm::{ConnectError, SeaOrmStore, StoreConfig};

/// How many migrations there are.
const CHANGE_COUNT: usize = 13;

fn short(url: &str) -> StoreConfig {
    StoreConfig {
        connect_timeout: std::time::Duration::from_secs(2),
        acquire_timeout: std::time::Duration::from_secs(2),
        ..StoreConfig::new(url)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn four_replicas_that_start_at_once_migrate_once() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("new.db");
    let mut configs = vec![StoreConfig::new(format!("sqlite:{}", file.display()))];
    let postgres = TestDatabase::postgres().await;
    if let Some(database) = &postgres {
        database.unmigrate().await;
        configs.push(database.config());
    }
    for config in configs {
        let replicas: Vec<_> = (0..4)
            .map(|_| {
                let config = config.clone();
                tokio::spawn(async move {
                    let store = SeaOrmStore::connect(config).await.unwrap();
                    store.migrate().await.unwrap();
                    store.migration_status().await.unwrap()
                })
            })
            .collect();
        for replica in replicas {
            let status = replica.await.unwrap();
            assert!(status.is_current(), "{config:?}");
            assert_eq!(status.applied.len(), CHANGE_COUNT);
        }
    }
}

#[tokio::test]
async fn a_new_database_has_pending_migrations_and_answers_pings() {
    let store = SeaOrmStore::connect(StoreConfig::new("sqlite::memory:"))
        .await
        .unwrap();
    store.ping().await.unwrap();
    assert!(!store.migrations_applied().await.unwrap());
    let status = store.migration_status().await.unwrap();
    assert_eq!(
        (status.applied.len(), status.pending.len()),
        (0, CHANGE_COUNT)
    );
    store.migrate().await.unwrap();
    store.migrate().await.unwrap();
    assert!(store.migrations_applied().await.unwrap());
}

#[tokio::test]
async fn a_database_that_cannot_be_opened_says_what_to_change() {
    let cases = [
        (
            "mysql://ada:s3cret@db/billing",
            "postgres://user:password@host",
        ),
        ("billing.db", "sqlite:path/to/file.db"),
        ("sqlite:/nowhere/at/all/billing.db", "directory"),
        ("postgres://ada:s3cret@127.0.0.1:1/billing", "host, port"),
        (
            "postgres://ada:s3cret@127.0.0.1:port/billing",
            "cannot be read",
        ),
    ];
    for (url, hint) in cases {
        let error = SeaOrmStore::connect(short(url)).await.unwrap_err();
        assert!(error.to_string().contains(hint), "{url}: {error} {error:?}");
        assert!(
            !format!("{error} {error:?}").contains("s3cret"),
            "{error:?}"
        );
    }
}

#[tokio::test]
async fn a_server_that_refuses_is_told_apart_from_one_that_is_not_there() {
    let Some(database) = TestDatabase::postgres().await else {
        return;
    };
    let url = format!("{}&dbname=no_such_database", database.config().url);
    let error = SeaOrmStore::connect(short(&url)).await.unwrap_err();
    assert!(matches!(error, ConnectError::Refused { .. }), "{error:?}");
}
