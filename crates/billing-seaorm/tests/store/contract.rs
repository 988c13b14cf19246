//! The suites that every store runs, on every database that can be had here.

use std::collections::VecDeque;
use std::sync::Mutex;

use billing_domain::testing::contract;
use billing_seaorm::SeaOrmStore;
use billing_seaorm::testing::TestDatabase;

/// No case works on more than two stores; each database holds connections of a server that has
/// a hundred.
const DATABASES_AT_ONCE: usize = 2;

/// Fresh databases that live as long as the case that asked for them.
#[derive(Default)]
struct Databases(Mutex<VecDeque<TestDatabase>>);

impl Databases {
    fn keep(&self, database: TestDatabase) -> SeaOrmStore {
        let store = database.store();
        let mut databases = self.0.lock().expect("no case panics while it holds this");
        databases.push_back(database);
        if databases.len() > DATABASES_AT_ONCE {
            databases.pop_front();
        }
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
