//! The queues: stored once, leased to one, due again in time.

use std::collections::HashSet;

use billing_domain::kernel::change_set::{Cause, ChangeSet, CommitError};
use billing_domain::kernel::id::MessageId;
use billing_domain::kernel::ports::BillingWriter;
use billing_domain::kernel::timestamp::Timestamp;
use billing_domain::outbox::ports::OutboxQueue;
use billing_domain::provider_events::delivery::Delivery;
use billing_domain::provider_events::lane::LaneShare;
use billing_domain::provider_events::ports::{
    Envelope, EventInbox, Receipt, ReceivedEvent, Settlement,
};
use billing_domain::tenants::tenant::Tenant;
use billing_domain::testing::inbox_steps::{begin_due, settle_one};
use billing_seaorm::testing::TestDatabase;

use crate::fixtures::{at, changes, commit, company, id, reference, slug};

pub(crate) fn received(provider_event_id: &str, created_at: Timestamp) -> ReceivedEvent {
    ReceivedEvent {
        id: id(),
        envelope: Envelope {
            provider_event_id: reference(provider_event_id),
            event_type: "invoice.paid".to_owned(),
            api_version: Some("2026-09-30.endive".to_owned()),
            is_live: false,
            account: None,
            subject: Some(reference("cus_1")),
            created_at,
        },
        // Bytes that neither a text nor a JSON column would give back.
        payload: b"{\"a\": 1.10, \"a\":2}\x00\xff".to_vec(),
        signature: "t=1,v1=ab".to_owned(),
        correlation_id: Some("req_1".to_owned()),
        delivery: Delivery::default(),
        received_at: at(0),
    }
}

#[tokio::test]
async fn a_delivery_that_the_database_refuses_costs_the_others_nothing() {
    const DELIVERIES: usize = 20;
    for database in TestDatabase::every().await {
        let store = database.store();
        let mut running = tokio::task::JoinSet::new();
        for number in 0..DELIVERIES {
            let store = store.clone();
            let mut event = received(&format!("evt_{number}"), at(0));
            if number == DELIVERIES / 2 {
                // PostgreSQL keeps no NUL in a text; SQLite does not mind.
                event.correlation_id = Some("req_\0".to_owned());
            }
            running.spawn(async move { store.record(event).await.is_ok() });
        }
        let stored = running
            .join_all()
            .await
            .into_iter()
            .filter(|ok| *ok)
            .count();
        let claimed = begin_due(&store, at(1), at(60), 100).await.len();
        assert_eq!(stored, claimed, "what is answered is what is stored");
        assert!(claimed >= DELIVERIES - 1);
    }
}

#[tokio::test]
async fn an_event_is_stored_once_byte_by_byte() {
    for database in TestDatabase::every().await {
        let store = database.store();
        let event = received("evt_1", at(0));
        assert_eq!(
            store.record(event.clone()).await.unwrap(),
            Receipt::Recorded
        );
        let again = received("evt_1", at(0));
        assert_eq!(store.record(again).await.unwrap(), Receipt::Duplicate);
        let claimed = begin_due(&store, at(1), at(60), 10).await;
        assert_eq!(claimed.len(), 1);
        assert_eq!(claimed[0].id, event.id);
        assert_eq!(claimed[0].payload, event.payload);
        assert_eq!(claimed[0].created_at, at(0));
        assert_eq!(claimed[0].attempts, 0);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn parallel_deliveries_are_recorded_once() {
    for database in TestDatabase::every().await {
        let deliveries: Vec<_> = (0..50)
            .map(|_| {
                let store = database.store();
                tokio::spawn(async move { store.record(received("evt_1", at(0))).await.unwrap() })
            })
            .collect();
        let mut recorded = 0;
        for delivery in deliveries {
            if delivery.await.unwrap() == Receipt::Recorded {
                recorded += 1;
            }
        }
        assert_eq!(recorded, 1);
        assert_eq!(database.row_count("provider_events").await, 1);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn parallel_takers_never_share_a_lane() {
    for database in TestDatabase::every().await {
        let store = database.store();
        for number in 0..60 {
            let mut event = received(&format!("evt_{number}"), at(number));
            event.envelope.subject = Some(reference(&format!("cus_{number}")));
            store.record(event).await.unwrap();
        }
        let takers: Vec<_> = (0..12)
            .map(|_| {
                let store = database.store();
                tokio::spawn(async move {
                    let taken = store.take_lanes("test", LaneShare::WHOLE, at(99), at(200), 7);
                    taken.await.unwrap()
                })
            })
            .collect();
        let mut held = Vec::new();
        for taker in takers {
            held.extend(taker.await.unwrap());
        }
        let rest = store.take_lanes("test", LaneShare::WHOLE, at(99), at(200), 64);
        held.extend(rest.await.unwrap());
        let lanes: HashSet<_> = held.iter().map(|hold| hold.lane).collect();
        assert_eq!(lanes.len(), held.len(), "{}: taken twice", database.name());
        let due = store.due_events(&held, &[], at(99), 60).await.unwrap();
        assert_eq!(due.len(), 60, "{}", database.name());
    }
}

#[tokio::test]
async fn a_lane_cannot_be_taken_while_a_commit_under_it_runs() {
    for database in TestDatabase::every().await {
        let store = database.store();
        let event = received("evt_1", at(0));
        let event_id = event.id;
        store.record(event).await.unwrap();
        let take = |now, until| store.take_lanes("test", LaneShare::WHOLE, at(now), at(until), 9);
        let first = take(1, 10).await.unwrap()[0];
        // Both at once: whichever is first, the other one sees it.
        let told = ChangeSet::caused_by(Cause::ProviderEvent(event_id), at(11)).under(first);
        let (committed, second) = tokio::join!(store.commit(told), take(11, 20));
        match committed {
            Ok(()) => {
                let late = store.begin_attempts(&[(event_id, first)], at(30)).await;
                assert!(late.unwrap().is_empty(), "it is marked");
            }
            Err(error) => {
                assert!(matches!(error, CommitError::LeaseLost), "{error:?}");
                assert_eq!(second.unwrap().len(), 1, "{}", database.name());
            }
        }
    }
}

#[tokio::test]
async fn a_settlement_decides_when_an_event_is_due_again() {
    for database in TestDatabase::every().await {
        let store = database.store();
        let settlements = [
            Settlement::Skipped {
                reason: "irrelevant".to_owned(),
                waiting_for: None,
            },
            Settlement::Parked {
                reason: "undecodable".to_owned(),
                waiting_for: None,
            },
            Settlement::Retry {
                at: at(30),
                error: "not known yet".to_owned(),
            },
            Settlement::Deferred,
        ];
        for (settlement, name) in settlements
            .into_iter()
            .zip(["skip", "park", "retry", "defer"])
        {
            let event = received(name, at(0));
            store.record(event.clone()).await.unwrap();
            assert_eq!(begin_due(&store, at(1), at(9), 9).await.len(), 1);
            settle_one(&store, event.id, settlement, at(2)).await;
        }
        assert!(begin_due(&store, at(29), at(40), 9).await.is_empty());
        let due = begin_due(&store, at(30), at(40), 9).await;
        assert_eq!(due.len(), 1);
        assert_eq!(due[0].provider_event_id, reference("retry"));
        let parked = Settlement::Parked {
            reason: "enough".to_owned(),
            waiting_for: None,
        };
        settle_one(&store, due[0].id, parked, at(30)).await;
        assert_eq!(store.release_deferred(at(31)).await.unwrap(), 1);
        assert_eq!(store.release_deferred(at(31)).await.unwrap(), 0);
        let due = begin_due(&store, at(31), at(40), 9).await;
        assert_eq!(due.len(), 1);
        assert_eq!(due[0].provider_event_id, reference("defer"));
    }
}

fn tenant(name: &str) -> (Tenant, billing_domain::kernel::event::DomainEvent) {
    Tenant::new(id(), company(name), slug(name), None, at(0))
}

#[tokio::test]
async fn a_message_is_taken_tried_again_and_delivered_once() {
    for database in TestDatabase::every().await {
        let store = database.store();
        let (tenant, event) = tenant("acme");
        let expected = serde_json::to_string(&event).unwrap();
        commit(&store, changes().insert_tenant(tenant.clone(), event)).await;

        let take = |name, now, until| {
            let store = store.clone();
            async move { store.take_messages(name, now, until, 5).await.unwrap() }
        };
        let taken = take("first", at(1), at(10)).await.unwrap();
        assert_eq!(taken.len(), 1);
        assert_eq!(taken[0].topic, "tenant_created");
        assert_eq!(taken[0].payload, expected);
        assert_eq!(
            taken[0].dedup_key,
            format!("tenant:{}:1", tenant.id.uuid().simple())
        );
        assert_eq!((taken[0].attempts, taken[0].created_at), (0, at(0)));
        let message: MessageId = taken[0].id;
        assert_eq!(take("second", at(9), at(20)).await, None);

        store
            .retry_message(message, at(15), "refused")
            .await
            .unwrap();
        // The lease ends without a word: somebody else may try.
        assert_eq!(take("second", at(14), at(20)).await.unwrap().len(), 0);
        let again = take("second", at(15), at(20)).await.unwrap();
        assert_eq!((again.len(), again[0].attempts), (1, 1));

        store.mark_delivered(&[message], at(21)).await.unwrap();
        store.retry_message(message, at(22), "late").await.unwrap();
        assert_eq!(take("first", at(99), at(100)).await.unwrap().len(), 0);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn one_of_many_publishers_has_the_outbox() {
    for database in TestDatabase::every().await {
        let store = database.store();
        let set = (0..40).fold(changes(), |set, number| {
            let (tenant, event) = tenant(&format!("tenant-{number}"));
            set.insert_tenant(tenant, event)
        });
        commit(&store, set).await;
        let takers: Vec<_> = (0..10)
            .map(|number| {
                let store = database.store();
                tokio::spawn(async move {
                    let name = format!("publisher {number}");
                    store.take_messages(&name, at(1), at(9), 99).await.unwrap()
                })
            })
            .collect();
        let mut taken = Vec::new();
        for taker in takers {
            taken.extend(taker.await.unwrap());
        }
        assert_eq!(taken.len(), 1, "{}", database.name());
        let seen: HashSet<_> = taken[0].iter().map(|message| message.id).collect();
        assert_eq!(seen.len(), 40);
    }
}
