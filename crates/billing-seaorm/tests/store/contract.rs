//! The suites that every store runs, on every database that can be had here.

use std::sync::Mutex;

use billing_domain::testing::contract;
use billing_seaorm::SeaOrmStore;
use billing_seaorm::testing::TestDatabase;

/// Fresh databases that live as long as the suite.
#[derive(Default)]
struct Databases(Mutex<Vec<TestDatabase>>);

impl Databases {
    fn keep(&self, database: TestDatabase) -> SeaOrmStore {
        let store = database.store();
        self.0.lock().unwrap().push(database);
        store
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_store_keeps_every_promise_on_sqlite() {
    let databases = Databases::default();
    contract::run_store(async || databases.keep(TestDatabase::sqlite().await)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_store_keeps_every_promise_on_postgresql() {
    if TestDatabase::postgres().await.is_none() {
        return;
    }
    let databases = Databases::default();
    contract::run_store(async || {
        let database = TestDatabase::postgres().await;
        databases.keep(database.expect("there was a server a moment ago"))
    })
    .await;
}
