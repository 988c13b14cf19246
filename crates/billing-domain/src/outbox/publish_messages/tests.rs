//! What becomes of messages that cannot be delivered (yet).

use std::sync::Mutex;

use async_trait::async_trait;

use super::*;
use crate::outbox::ports::{OutboxMessage, PublishError};
use crate::testing::Workbench;

/// Delivers nothing while it is told so, and remembers every attempt.
#[derive(Default)]
struct Receiver {
    refuses: Mutex<Option<String>>,
    attempts: Mutex<Vec<String>>,
}

#[async_trait]
impl EventPublisher for Receiver {
    async fn publish(&self, message: &OutboxMessage) -> Result<(), PublishError> {
        self.attempts
            .lock()
            .unwrap()
            .push(message.dedup_key.clone());
        match &*self.refuses.lock().unwrap() {
            Some(topic) if message.topic.contains(topic.as_str()) => {
                Err(PublishError("no route".into()))
            }
            Some(_) | None => Ok(()),
        }
    }
}

impl Receiver {
    fn refuse(&self, topic: Option<&str>) {
        *self.refuses.lock().unwrap() = topic.map(str::to_owned);
    }

    fn attempts(&self) -> usize {
        self.attempts.lock().unwrap().len()
    }
}

fn publishing(bench: &Workbench, receiver: &Arc<Receiver>) -> PublishMessages {
    PublishMessages {
        clock: Arc::new(bench.world.clock.clone()),
        queue: Arc::new(bench.store.clone()),
        publisher: receiver.clone(),
        name: "a".to_owned(),
    }
}

#[tokio::test]
async fn every_message_is_delivered_once_when_nothing_fails() {
    let bench = Workbench::new().await;
    let receiver = Arc::new(Receiver::default());
    let publish = publishing(&bench, &receiver);
    let waiting = bench.store.undelivered_count();
    assert!(waiting > 0);
    assert_eq!(
        usize::try_from(publish.run().await.unwrap().count()).unwrap(),
        waiting
    );
    assert_eq!(bench.store.undelivered_count(), 0);
    bench.clock().advance(Duration::days(1));
    assert_eq!(publish.run().await.unwrap().count(), 0);
    assert_eq!(receiver.attempts(), waiting);
}

#[tokio::test]
async fn a_message_that_fails_waits_longer_each_time() {
    let bench = Workbench::new().await;
    let receiver = Arc::new(Receiver::default());
    let publish = publishing(&bench, &receiver);
    receiver.refuse(Some("price"));
    publish.run().await.unwrap();
    assert_eq!(
        bench.store.undelivered_count(),
        1,
        "the others are delivered"
    );
    let mut waits = Vec::new();
    for _ in 0..14 {
        let mut seconds: i64 = 0;
        while publish.run().await.unwrap().count() == 0 {
            bench.clock().advance(Duration::seconds(1));
            seconds += 1;
        }
        waits.push(seconds);
    }
    let expected = [
        1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1_024, 2_048, 3_600, 3_600,
    ];
    assert_eq!(waits, expected);
    receiver.refuse(None);
    bench.clock().advance(Duration::hours(1));
    assert_eq!(publish.run().await.unwrap().count(), 1);
    assert_eq!(bench.store.undelivered_count(), 0);
}

#[tokio::test]
async fn what_a_publisher_that_died_has_taken_goes_out_when_its_lease_ends() {
    let bench = Workbench::new().await;
    let receiver = Arc::new(Receiver::default());
    let now = bench.now();
    let until = now.plus(OUTBOX_LEASE);
    let taken = bench
        .store
        .take_messages("b", now, until, MESSAGE_BATCH_MAX);
    let waiting = taken.await.unwrap().unwrap().len();
    let publish = publishing(&bench, &receiver);
    assert_eq!(publish.run().await.unwrap(), Published::Elsewhere);
    bench.clock().advance(OUTBOX_LEASE);
    let published = publish.run().await.unwrap().count();
    assert_eq!(usize::try_from(published).unwrap(), waiting);
}

#[tokio::test]
async fn a_publisher_that_has_nothing_left_to_do_leaves_the_outbox_to_others() {
    let bench = Workbench::new().await;
    let receiver = Arc::new(Receiver::default());
    let first = publishing(&bench, &receiver);
    let second = PublishMessages {
        name: "b".to_owned(),
        ..publishing(&bench, &receiver)
    };
    assert!(first.run().await.unwrap().count() > 0);
    assert_eq!(second.run().await.unwrap(), Published::Here(0));
    assert_eq!(first.run().await.unwrap(), Published::Here(0));
}

/// Takes so long over a message that another replica takes the outbox meanwhile.
struct Overtaken {
    bench: Workbench,
    attempts: Mutex<u32>,
}

#[async_trait]
impl EventPublisher for Overtaken {
    async fn publish(&self, _message: &OutboxMessage) -> Result<(), PublishError> {
        *self.attempts.lock().unwrap() += 1;
        self.bench.clock().advance(OUTBOX_LEASE);
        let now = self.bench.now();
        let queue = &self.bench.store;
        let taken = queue.take_messages("b", now, now.plus(OUTBOX_LEASE), 1);
        assert!(taken.await.unwrap().is_some());
        Ok(())
    }
}

/// What it went on with would arrive behind what the other one sends.
#[tokio::test]
async fn a_publisher_that_has_lost_the_outbox_stops_in_the_middle_of_its_batch() {
    let bench = Workbench::new().await;
    let waiting = bench.store.undelivered_count();
    assert!(waiting > 1);
    let slow = Arc::new(Overtaken {
        bench,
        attempts: Mutex::default(),
    });
    let publish = PublishMessages {
        clock: Arc::new(slow.bench.world.clock.clone()),
        queue: Arc::new(slow.bench.store.clone()),
        publisher: slow.clone(),
        name: "a".to_owned(),
    };
    assert_eq!(publish.run().await.unwrap(), Published::Elsewhere);
    assert_eq!(*slow.attempts.lock().unwrap(), 1);
    assert_eq!(slow.bench.store.undelivered_count(), waiting - 1);
}
