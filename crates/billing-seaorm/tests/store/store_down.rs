//! A database that does not answer: whoever delivers hears of it soon, and not too many wait.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use billing_domain::kernel::ports::{Core, StoreError};
use billing_domain::provider_events::delivery::Delivery;
use billing_domain::provider_events::event::ProviderEvent;
use billing_domain::provider_events::handoff::Handoff;
use billing_domain::provider_events::observer::{Attempt, DeliveryOutcome, EventObserver};
use billing_domain::provider_events::ports::EventInbox;
use billing_domain::provider_events::receive_webhook::ReceiveWebhook;
use billing_domain::testing::FakeWebhooks;
use billing_domain::testing::fixtures::World;
use billing_seaorm::SeaOrmStore;
use billing_seaorm::testing::TestDatabase;
use futures_util::future::join_all;
use sea_orm::{ConnectOptions, ConnectionTrait, Database, DatabaseTransaction, TransactionTrait};

use crate::claims::received;
use crate::fixtures::at;

/// How long a statement takes that is not answered.
const STATEMENT: Duration = Duration::from_millis(400);

/// How many deliveries wait at most (docs/operations.md).
const WAITING_MAX: usize = 4_096;

/// Another program that keeps every event from being stored, until this is dropped or ended.
async fn locked(database: &TestDatabase) -> DatabaseTransaction {
    let mut options = ConnectOptions::new(database.config().url);
    options.max_connections(1).sqlx_logging(false);
    let other = Database::connect(options)
        .await
        .expect("the test's own database");
    let transaction = other.begin().await.expect("nobody else is there");
    let lock = match database.name() {
        "SQLite" => "UPDATE provider_event_lanes SET owner = owner",
        _ => "LOCK TABLE provider_events IN EXCLUSIVE MODE",
    };
    transaction
        .execute_unprepared(lock)
        .await
        .expect("nobody else is there");
    transaction
}

async fn store_with(database: &TestDatabase, statement_timeout: Duration) -> SeaOrmStore {
    let mut config = database.config();
    config.statement_timeout = statement_timeout;
    SeaOrmStore::connect(config)
        .await
        .expect("the test's own database")
}

/// One after the other they would wait for forty seconds.
#[tokio::test]
async fn deliveries_that_cannot_be_stored_are_refused_together() {
    const DELIVERIES: usize = 100;
    for database in TestDatabase::every().await {
        let store = store_with(&database, STATEMENT).await;
        let lock = locked(&database).await;
        let began = Instant::now();
        let recording = (0..DELIVERIES).map(|number| {
            let event = received(&format!("evt_{number}"), at(0));
            store.record(event)
        });
        for recorded in join_all(recording).await {
            assert!(matches!(recorded, Err(StoreError::Unavailable(_))));
        }
        let took = began.elapsed();
        assert!(took < STATEMENT * 50, "{}: {took:?}", database.name());
        lock.rollback().await.unwrap();
        let event = received("evt_0", at(0));
        assert!(store.record(event).await.is_ok(), "{}", database.name());
    }
}

#[tokio::test]
async fn more_deliveries_than_can_wait_are_refused_at_once() {
    const TOO_MANY: usize = 9;
    for database in TestDatabase::every().await {
        let store = store_with(&database, Duration::from_mins(1)).await;
        let lock = Mutex::new(Some(locked(&database).await));
        let refused = Mutex::new(0);
        let recording = (0..WAITING_MAX + TOO_MANY).map(async |number| {
            let event = received(&format!("evt_{number}"), at(0));
            if store.record(event).await.is_ok() {
                return;
            }
            let count = {
                let mut refused = refused.lock().unwrap();
                *refused += 1;
                *refused
            };
            // The others are stored as soon as the last of those has its answer.
            if count == TOO_MANY {
                let lock = lock.lock().unwrap().take();
                lock.unwrap().rollback().await.unwrap();
            }
        });
        let all = join_all(recording);
        let all = tokio::time::timeout(Duration::from_mins(1), all).await;
        assert!(all.is_ok(), "{}: nobody is refused", database.name());
        assert_eq!(*refused.lock().unwrap(), TOO_MANY, "{}", database.name());
        let stored = database.row_count("provider_events").await;
        assert_eq!(stored, i64::try_from(WAITING_MAX).unwrap());
    }
}

/// Remembers how deliveries were answered.
#[derive(Default)]
struct Heard(Mutex<Vec<DeliveryOutcome>>);

impl EventObserver for Heard {
    fn delivery_answered(&self, outcome: DeliveryOutcome, _took: time::Duration) {
        self.0
            .lock()
            .expect("nobody panics while holding it")
            .push(outcome);
    }

    fn attempt_ended(&self, _attempt: &Attempt<'_>) {}
}

/// A store that hangs makes senders hang up, and their requests end where they stand: that has to be
/// seen like any other failure.
#[tokio::test]
async fn a_delivery_that_nobody_waits_for_any_more_counts_as_failed() {
    let database = TestDatabase::sqlite().await;
    let store = Arc::new(store_with(&database, Duration::from_mins(1)).await);
    let (world, webhooks) = (World::new(1), FakeWebhooks::new());
    let heard = Arc::new(Heard::default());
    let receive = ReceiveWebhook {
        core: Core {
            writer: store.clone(),
            clock: Arc::new(world.clock.clone()),
            ids: Arc::new(world.ids.clone()),
        },
        verifier: Arc::new(webhooks.clone()),
        inbox: store,
        observer: heard.clone(),
        handoff: Arc::new(Handoff::new(0)),
    };
    let now = world.now();
    let sent = webhooks.register("evt_1", "invoice.paid", now, ProviderEvent::Irrelevant);
    let lock = locked(&database).await;
    let delivery = Delivery::default();
    let answered = receive.run(sent.payload, Some(&sent.signature), delivery, None);
    let patience = Duration::from_millis(50);
    assert!(tokio::time::timeout(patience, answered).await.is_err());
    assert_eq!(*heard.0.lock().unwrap(), [DeliveryOutcome::Failed]);
    lock.rollback().await.unwrap();
}
