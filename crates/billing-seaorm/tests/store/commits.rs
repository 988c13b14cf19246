//! One transaction or nothing, whoever else writes.

use billing_domain::checkout::intent::IntentCommand;
use billing_domain::checkout::intent::ProviderLinks;
use billing_domain::checkout::ports::IntentReader;
use billing_domain::kernel::change_set::{Cause, ChangeSet, CommitError, UniqueRule};
use billing_domain::kernel::id::InboxEventId;
use billing_domain::kernel::ports::{AnswerReader, BillingWriter};
use billing_domain::kernel::recorded_answer::{RecordedAnswer, RequestKey, RequestRecord};
use billing_domain::licensing::license::License;
use billing_domain::licensing::ports::LicensingReader;
use billing_domain::provider_events::ports::{EventInbox, Settlement};
use billing_domain::tenants::ports::TenantReader;
use billing_domain::tenants::tenant::Tenant;
use billing_domain::testing::inbox_steps::{begin_due, settle_one};
use billing_seaorm::testing::TestDatabase;

use crate::claims::received;
use crate::fixtures::{
    World, at, changes, commit, company, id, inserted, intent_of, reservation, slug,
};

const TABLES: [&str; 5] = [
    "tenants",
    "checkout_intents",
    "audit_entries",
    "outbox_messages",
    "request_answers",
];

async fn row_counts(database: &TestDatabase) -> Vec<i64> {
    let mut counts = Vec::new();
    for table in TABLES {
        counts.push(database.row_count(table).await);
    }
    counts
}

fn tenant_set(set: ChangeSet, name: &str) -> ChangeSet {
    let (tenant, event) = Tenant::new(id(), company(name), slug(name), None, at(0));
    set.insert_tenant(tenant, event)
}

fn request(key: &str, fingerprint: &str) -> RequestRecord {
    RequestRecord {
        key: RequestKey {
            principal: "user_1".to_owned(),
            route: "POST /intents".to_owned(),
            key: key.to_owned(),
            fingerprint: fingerprint.to_owned(),
        },
        answer: RecordedAnswer {
            code: 201,
            body: r#"{"amount":1.10}"#.to_owned(),
        },
    }
}

fn asked(record: RequestRecord) -> ChangeSet {
    let cause = Cause::Request {
        actor: "user_1".to_owned(),
        record: Some(record),
        request_id: None,
    };
    ChangeSet::caused_by(cause, at(0))
}

#[tokio::test]
async fn a_commit_writes_an_audit_entry_and_a_message_for_each_change() {
    for database in TestDatabase::every().await {
        let store = database.store();
        let before = row_counts(&database).await;
        commit(&store, tenant_set(tenant_set(changes(), "one"), "two")).await;
        let after = row_counts(&database).await;
        assert_eq!(after[0] - before[0], 2);
        assert_eq!(after[2] - before[2], 2);
        assert_eq!(after[3] - before[3], 2);
    }
}

#[tokio::test]
async fn a_stale_version_is_a_conflict_and_writes_nothing() {
    for database in TestDatabase::every().await {
        let store = database.store();
        let world = World::stored_in(&store).await;
        let read = store.intent(world.intent.id()).await.unwrap().unwrap();
        let expire = || read.value.apply(IntentCommand::Expire, at(5)).unwrap();
        commit(&store, changes().change_intent(&read, expire())).await;
        let counts = row_counts(&database).await;
        let late = tenant_set(changes(), "late").change_intent(&read, expire());
        let outcome = store.commit(late).await;
        assert!(matches!(outcome, Err(CommitError::Conflict)), "{outcome:?}");
        assert_eq!(row_counts(&database).await, counts, "{}", database.name());
    }
}

#[tokio::test]
async fn a_refused_commit_leaves_nothing_not_even_its_cause() {
    for database in TestDatabase::every().await {
        let store = database.store();
        let world = World::stored_in(&store).await;
        let event = received("evt_1", at(0));
        let event_id = event.id;
        store.record(event).await.unwrap();
        let counts = row_counts(&database).await;

        let duplicate = |set| {
            let taken = Tenant {
                id: id(),
                ..world.tenant.clone()
            };
            let event = billing_domain::kernel::event::DomainEvent::TenantCreated {
                tenant_id: taken.id,
                slug: String::new(),
                name: String::new(),
            };
            tenant_set(set, "fine").insert_tenant(taken, event)
        };
        let told = ChangeSet::caused_by(Cause::ProviderEvent(event_id), at(1));
        for set in [duplicate(asked(request("k", "f"))), duplicate(told)] {
            let outcome = store.commit(set).await;
            assert!(
                matches!(outcome, Err(CommitError::Duplicate(UniqueRule::TenantSlug))),
                "{outcome:?}"
            );
        }
        assert_eq!(row_counts(&database).await, counts, "{}", database.name());
        let told = ChangeSet::caused_by(Cause::ProviderEvent(event_id), at(1));
        commit(&store, told).await;
    }
}

#[tokio::test]
async fn a_provider_event_is_applied_once() {
    for database in TestDatabase::every().await {
        let store = database.store();
        let event = received("evt_1", at(0));
        let event_id = event.id;
        store.record(event).await.unwrap();
        let told = || ChangeSet::caused_by(Cause::ProviderEvent(event_id), at(1));
        commit(&store, tenant_set(told(), "one")).await;
        for set in [
            tenant_set(told(), "two"),
            told(),
            ChangeSet::caused_by(Cause::ProviderEvent(id()), at(1)),
        ] {
            let outcome = store.commit(set).await;
            assert!(
                matches!(outcome, Err(CommitError::AlreadyApplied)),
                "{outcome:?}"
            );
        }
        assert_eq!(database.row_count("tenants").await, 1);
        // A settlement that comes late changes nothing, and nobody gets the event again.
        let late = Settlement::Retry {
            at: at(2),
            error: "late".to_owned(),
        };
        settle_one(&store, event_id, late, at(2)).await;
        assert!(begin_due(&store, at(99), at(100), 10).await.is_empty());
    }
}

#[tokio::test]
async fn a_request_is_answered_once_under_its_key() {
    for database in TestDatabase::every().await {
        let store = database.store();
        let record = request("key-1", "digest-1");
        assert_eq!(store.answer(&record.key).await.unwrap(), None);
        commit(&store, tenant_set(asked(record.clone()), "one")).await;
        for fingerprint in ["digest-1", "digest-2"] {
            let again = tenant_set(asked(request("key-1", fingerprint)), "two");
            let outcome = store.commit(again).await;
            assert!(
                matches!(outcome, Err(CommitError::AlreadyApplied)),
                "{outcome:?}"
            );
        }
        let stored = store
            .answer(&request("key-1", "digest-2").key)
            .await
            .unwrap()
            .unwrap();
        assert_eq!(stored.fingerprint, "digest-1");
        assert_eq!(stored.answer, record.answer);
        commit(
            &store,
            tenant_set(asked(request("key-2", "digest-1")), "two"),
        )
        .await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn fifty_callers_for_one_slug_have_one_winner() {
    for database in TestDatabase::every().await {
        let store = database.store();
        let world = World::stored_in(&store).await;
        let mut sets = Vec::new();
        for _ in 0..50 {
            let user = world.user(&store).await;
            let (intent, event) = intent_of(user.id, Some(reservation("wanted", "Wanted")));
            sets.push(changes().insert_intent(intent, event));
        }
        let callers: Vec<_> = sets
            .into_iter()
            .map(|set| {
                let store = database.store();
                tokio::spawn(async move { store.commit(set).await })
            })
            .collect();
        let mut winners = 0;
        for caller in callers {
            match caller.await.unwrap() {
                Ok(()) => winners += 1,
                Err(CommitError::Duplicate(UniqueRule::IntentSlug | UniqueRule::IntentName)) => {}
                Err(other) => panic!("{}: {other:?}", database.name()),
            }
        }
        assert_eq!(winners, 1, "{}", database.name());
        assert_eq!(database.row_count("checkout_intents").await, 2);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn parallel_deliveries_of_one_event_apply_it_once() {
    for database in TestDatabase::every().await {
        let store = database.store();
        let event = received("evt_1", at(0));
        let event_id: InboxEventId = event.id;
        store.record(event).await.unwrap();
        let workers: Vec<_> = (0..20)
            .map(|number| {
                let store = database.store();
                let told = ChangeSet::caused_by(Cause::ProviderEvent(event_id), at(1));
                let set = tenant_set(told, &format!("tenant-{number}"));
                tokio::spawn(async move { store.commit(set).await })
            })
            .collect();
        let mut applied = 0;
        for worker in workers {
            match worker.await.unwrap() {
                Ok(()) => applied += 1,
                Err(CommitError::AlreadyApplied) => {}
                Err(other) => panic!("{}: {other:?}", database.name()),
            }
        }
        assert_eq!(applied, 1);
        assert_eq!(database.row_count("tenants").await, 1);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn parallel_changes_of_one_row_have_one_winner_per_version() {
    for database in TestDatabase::every().await {
        let store = database.store();
        let world = World::stored_in(&store).await;
        let read = store.intent(world.intent.id()).await.unwrap().unwrap();
        let writers: Vec<_> = (0..20)
            .map(|_| {
                let (store, read) = (database.store(), read.clone());
                tokio::spawn(async move {
                    let links = ProviderLinks::default();
                    let paid = read.value.apply(IntentCommand::MarkPaid { links }, at(2));
                    store
                        .commit(changes().change_intent(&read, paid.unwrap()))
                        .await
                })
            })
            .collect();
        let mut winners = 0;
        for writer in writers {
            match writer.await.unwrap() {
                Ok(()) => winners += 1,
                Err(CommitError::Conflict) => {}
                Err(other) => panic!("{}: {other:?}", database.name()),
            }
        }
        assert_eq!(winners, 1, "{}", database.name());
    }
}

#[tokio::test]
async fn a_thousand_licenses_are_one_commit() {
    for database in TestDatabase::every().await {
        let store = database.store();
        let world = World::stored_in(&store).await;
        let set = (0..1_000).fold(changes(), |set, _| {
            let (license, event) = License::new(id(), world.plan.id, at(1));
            set.insert_license(license, event)
        });
        let messages = database.row_count("outbox_messages").await;
        commit(&store, set).await;
        let counts = store.license_counts(world.plan.id).await.unwrap();
        assert_eq!((counts.unassigned, counts.live()), (1_001, 1_001));
        assert_eq!(
            database.row_count("outbox_messages").await,
            messages + 1_000
        );
    }
}

#[tokio::test]
async fn several_sets_end_as_if_they_were_committed_one_by_one() {
    for database in TestDatabase::every().await {
        let store = database.store();
        let outcomes = store
            .commit_many(vec![
                tenant_set(changes(), "one"),
                tenant_set(changes(), "two"),
            ])
            .await;
        assert!(outcomes.iter().all(Result::is_ok));
        let outcomes = store
            .commit_many(vec![
                tenant_set(changes(), "three"),
                tenant_set(changes(), "one"),
                tenant_set(changes(), "four"),
            ])
            .await;
        assert!(outcomes[0].is_ok() && outcomes[2].is_ok());
        assert!(matches!(
            outcomes[1],
            Err(CommitError::Duplicate(UniqueRule::TenantSlug))
        ));
        assert_eq!(database.row_count("tenants").await, 4);
    }
}

#[tokio::test]
async fn a_row_may_be_inserted_and_changed_in_one_set() {
    for database in TestDatabase::every().await {
        let store = database.store();
        let world = World::stored_in(&store).await;
        let user = world.user(&store).await;
        let (intent, event) = intent_of(user.id, None);
        let first = inserted(intent.clone());
        let expired = intent.apply(IntentCommand::Expire, at(1)).unwrap();
        commit(
            &store,
            changes()
                .insert_intent(intent.clone(), event)
                .change_intent(&first, expired),
        )
        .await;
        let read = store.intent(intent.id()).await.unwrap().unwrap();
        assert_eq!(read.version.number(), 2);
        assert_eq!(read.value.state().name(), "expired");
    }
}

#[tokio::test]
async fn a_database_in_memory_works_as_well() {
    let config = billing_seaorm::StoreConfig::new("sqlite::memory:");
    let store = billing_seaorm::SeaOrmStore::connect(config).await.unwrap();
    store.migrate().await.unwrap();
    let world = World::stored_in(&store).await;
    let read = store.tenant_by_slug(&world.tenant.slug).await.unwrap();
    assert_eq!(read, Some(inserted(world.tenant)));
}

#[tokio::test]
async fn the_audit_trail_can_only_be_added_to() {
    for database in TestDatabase::every().await {
        commit(&database.store(), tenant_set(changes(), "one")).await;
        for sql in [
            "UPDATE audit_entries SET actor = 'nobody'",
            "DELETE FROM audit_entries",
        ] {
            assert!(database.refuses(sql).await, "{}: {sql}", database.name());
        }
    }
}
