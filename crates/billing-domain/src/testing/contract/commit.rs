//! One commit: everything or nothing, once, on the version that was read.

use std::net::Ipv6Addr;

use super::{Store, put, read};
use crate::checkout::intent::{IntentCommand, Terms};
use crate::kernel::audit::AuditLine;
use crate::kernel::change_set::{Cause, ChangeSet, CommitError, UniqueRule};
use crate::kernel::id::InboxEventId;
use crate::kernel::recorded_answer::{RecordedAnswer, RequestKey, RequestRecord};
use crate::kernel::stored::{Stored, Version};
use crate::provider_events::delivery::Delivery;
use crate::provider_events::ports::{Envelope, Receipt, ReceivedEvent};
use crate::testing::contract::outbox::claim_all;
use crate::testing::fixtures::{World, links, provider_ref};

/// A delivery of an event with this provider's id.
pub(crate) fn delivery(world: &World, provider_id: &str) -> ReceivedEvent {
    ReceivedEvent {
        id: world.id(),
        envelope: Envelope {
            provider_event_id: provider_ref(provider_id),
            event_type: "invoice.paid".to_owned(),
            api_version: Some("2025-01-01".to_owned()),
            is_live: false,
            account: None,
            subject: Some(provider_ref("cus_1")),
            created_at: world.now(),
        },
        payload: b"{\"id\":1}".to_vec(),
        signature: "t=1,v1=00".to_owned(),
        correlation_id: Some(format!("req_{provider_id}")),
        delivery: carried(),
        received_at: world.now(),
    }
}

/// Headers that a database has to keep as they are: in order, twice, with quotes, and no text.
fn carried() -> Delivery {
    let mut carried = Delivery::from_peer(Some(Ipv6Addr::LOCALHOST.into()));
    carried.keep_header("user-agent", br#"Stripe/1.0 ("webhooks" \o/)"#);
    carried.keep_header("x-forwarded-for", b"192.0.2.1");
    carried.keep_header("x-odd", b"caf\xe9\0 {NULL}");
    carried.keep_header("x-forwarded-for", "192.0.2.2, \u{fc}".as_bytes());
    carried.keep_header("x-empty", b"");
    carried
}

/// Stores an event that is new.
pub(super) async fn record<S: Store>(store: &S, event: ReceivedEvent) -> InboxEventId {
    let id = event.id;
    assert_eq!(read(store.record(event).await), Receipt::Recorded);
    id
}

/// What an observer sees of the write: audit entries and undelivered messages.
async fn traces<S: Store>(store: &S, world: &World) -> (usize, usize) {
    let audit = store.audit_lines().await.len();
    (audit, claim_all(store, world).await.len())
}

pub(super) async fn writes_rows_audit_and_messages_together<S: Store>(store: &S) {
    let world = World::new(1);
    let set = world.insertion();
    let (intent, event) = world.intent(world.user.id, "acme");
    let set = set.insert_intent(intent.clone(), event);
    put(store, set.clone()).await;
    let before = Stored::restore(intent.clone(), Version::FIRST);
    let paid = intent
        .apply(
            IntentCommand::MarkPaid {
                links: links("acme", None),
            },
            world.now(),
        )
        .expect("a created intent can be paid");
    let change = world.changes().change_intent(&before, paid.clone());
    put(store, change.clone()).await;

    let stored = read(store.intent(intent.id()).await).expect("it was inserted");
    assert_eq!(
        stored.value,
        *paid.outcome(&intent),
        "the row is the next one"
    );
    assert_eq!(
        stored.version.number(),
        2,
        "a change raises the version by one"
    );

    let mut expected: Vec<AuditLine> = [&set, &change]
        .iter()
        .flat_map(|set| set.audit_entries())
        .map(|entry| AuditLine::from(&entry))
        .collect();
    let mut written = store.audit_lines().await;
    expected.sort();
    written.sort();
    assert_eq!(written, expected, "the audit trail is what the set derives");

    let mut expected: Vec<(String, String)> = [&set, &change]
        .iter()
        .flat_map(|set| set.outgoing_messages())
        .map(|message| (message.dedup_key, message.topic.to_owned()))
        .collect();
    let claimed = claim_all(store, &world).await;
    let mut written: Vec<(String, String)> = claimed
        .into_iter()
        .map(|message| (message.dedup_key, message.topic))
        .collect();
    expected.sort();
    written.sort();
    assert_eq!(written, expected, "the outbox is what the set derives");
}

pub(super) async fn a_failed_commit_leaves_nothing<S: Store>(store: &S) {
    let world = World::new(1);
    world.seed(store).await;
    let event_id = record(store, delivery(&world, "evt_1")).await;
    let audit_count = store.audit_lines().await.len();
    let before = claim_all(store, &world).await.len();

    // The user and the intent are fine; the project's name is taken.
    let (user, user_event) = world.another_user("bob");
    let (intent, intent_event) = world.intent(user.id, "acme");
    let mut project = world.project.clone();
    project.id = world.id();
    let project_event = crate::kernel::event::DomainEvent::ProjectCreated {
        project_id: project.id,
    };
    let set = ChangeSet::caused_by(Cause::ProviderEvent(event_id), world.now())
        .insert_user(user.clone(), user_event.clone())
        .insert_intent(intent.clone(), intent_event.clone())
        .insert_project(project, project_event);
    let outcome = store.commit(set).await;
    assert!(
        matches!(
            outcome,
            Err(CommitError::Duplicate(UniqueRule::ProjectName))
        ),
        "{outcome:?}"
    );
    assert!(read(store.user(user.id).await).is_none());
    assert!(read(store.intent(intent.id()).await).is_none());
    assert_eq!(store.audit_lines().await.len(), audit_count);
    assert!(claim_all(store, &world).await.is_empty(), "after {before}");

    // The cause was not marked and the unique values are free: the same event may try again.
    let set = ChangeSet::caused_by(Cause::ProviderEvent(event_id), world.now())
        .insert_user(user, user_event)
        .insert_intent(intent, intent_event);
    put(store, set).await;
}

pub(super) async fn a_stale_version_is_a_conflict<S: Store>(store: &S) {
    let world = World::new(1);
    world.seed(store).await;
    let (intent, event) = world.intent(world.user.id, "acme");
    let never_stored = Stored::restore(intent.clone(), Version::FIRST);
    let expire = intent
        .apply(IntentCommand::Expire, world.now())
        .expect("a created intent can expire");
    let outcome = store
        .commit(world.changes().change_intent(&never_stored, expire.clone()))
        .await;
    assert!(
        matches!(outcome, Err(CommitError::Conflict)),
        "a row that is not there has no version: {outcome:?}"
    );

    put(store, world.changes().insert_intent(intent.clone(), event)).await;
    let read_once = read(store.intent(intent.id()).await).expect("it was inserted");
    put(
        store,
        world.changes().change_intent(&read_once, expire.clone()),
    )
    .await;
    let traces_before = traces(store, &world).await;
    let outcome = store
        .commit(world.changes().change_intent(&read_once, expire))
        .await;
    assert!(matches!(outcome, Err(CommitError::Conflict)), "{outcome:?}");
    let stored = read(store.intent(intent.id()).await).expect("it is still there");
    assert_eq!(stored.version.number(), 2);
    assert_eq!(traces(store, &world).await, (traces_before.0, 0));
}

pub(super) async fn a_provider_event_is_applied_once<S: Store>(store: &S) {
    let world = World::new(1);
    world.seed(store).await;
    let event_id = record(store, delivery(&world, "evt_1")).await;
    let cause = || ChangeSet::caused_by(Cause::ProviderEvent(event_id), world.now());
    let (intent, event) = world.intent(world.user.id, "acme");
    put(store, cause().insert_intent(intent, event)).await;
    let audit_count = store.audit_lines().await.len();

    let (user, event) = world.another_user("bob");
    let outcome = store.commit(cause().insert_user(user.clone(), event)).await;
    assert!(
        matches!(outcome, Err(CommitError::AlreadyApplied)),
        "{outcome:?}"
    );
    assert!(read(store.user(user.id).await).is_none());
    assert_eq!(store.audit_lines().await.len(), audit_count);

    // The cause comes first: a set that would also clash is still a repetition.
    let clash = cause().insert_project(
        world.project.clone(),
        crate::kernel::event::DomainEvent::ProjectCreated {
            project_id: world.project.id,
        },
    );
    let outcome = store.commit(clash).await;
    assert!(
        matches!(outcome, Err(CommitError::AlreadyApplied)),
        "{outcome:?}"
    );

    // An empty set marks its cause as well.
    let second = record(store, delivery(&world, "evt_2")).await;
    let empty = || ChangeSet::caused_by(Cause::ProviderEvent(second), world.now());
    put(store, empty()).await;
    let outcome = store.commit(empty()).await;
    assert!(
        matches!(outcome, Err(CommitError::AlreadyApplied)),
        "{outcome:?}"
    );
}

pub(super) async fn a_request_key_is_answered_once<S: Store>(store: &S) {
    let world = World::new(1);
    world.seed(store).await;
    let key = RequestKey {
        principal: "user_1".to_owned(),
        route: "POST /checkout-intents".to_owned(),
        key: "abc".to_owned(),
        fingerprint: "one".to_owned(),
    };
    let answer = RecordedAnswer {
        code: 201,
        body: "{\"id\":\"ü\"}".to_owned(),
    };
    let request = |key: &RequestKey| {
        let record = RequestRecord {
            key: key.clone(),
            answer: answer.clone(),
        };
        let cause = Cause::Request {
            actor: key.principal.clone(),
            record: Some(record),
            request_id: None,
        };
        ChangeSet::caused_by(cause, world.now())
    };
    assert!(read(store.answer(&key).await).is_none());
    put(store, request(&key)).await;
    let stored = read(store.answer(&key).await).expect("the answer was stored");
    assert_eq!(
        (stored.fingerprint.as_str(), &stored.answer),
        ("one", &answer)
    );

    let other_body = RequestKey {
        fingerprint: "two".to_owned(),
        ..key.clone()
    };
    for repeated in [&key, &other_body] {
        let (user, event) = world.another_user("bob");
        let outcome = store
            .commit(request(repeated).insert_user(user.clone(), event))
            .await;
        assert!(
            matches!(outcome, Err(CommitError::AlreadyApplied)),
            "{outcome:?}"
        );
        assert!(read(store.user(user.id).await).is_none());
        let stored = read(store.answer(repeated).await).expect("it is still there");
        assert_eq!(stored.fingerprint, "one", "the first answer stays");
    }

    let other_caller = RequestKey {
        principal: "user_2".to_owned(),
        ..key.clone()
    };
    let other_route = RequestKey {
        route: "POST /refunds".to_owned(),
        ..key.clone()
    };
    for key in [other_caller, other_route] {
        assert!(read(store.answer(&key).await).is_none());
        put(store, request(&key)).await;
    }
}

/// The sets of a batch in which some succeed and some do not.
async fn batch<S: Store>(store: &S) -> (World, Vec<ChangeSet>) {
    let world = World::new(1);
    world.seed(store).await;
    let event_id = record(store, delivery(&world, "evt_1")).await;
    let (bob, bob_event) = world.another_user("bob");
    let (first, first_event) = world.intent(world.user.id, "acme");
    let (rival, rival_event) = world.intent(bob.id, "acme");
    let (own, own_event) = world.intent(bob.id, "bolt");
    let cause = || ChangeSet::caused_by(Cause::ProviderEvent(event_id), world.now());
    let stored = Stored::restore(first.clone(), Version::FIRST);
    let amend = first
        .apply(
            IntentCommand::Amend {
                country: None,
                terms: Terms([("a".to_owned(), "1".to_owned())].into()),
            },
            world.now(),
        )
        .expect("a created intent can be amended");
    let sets = vec![
        world.changes().insert_user(bob, bob_event),
        cause().insert_intent(first, first_event),
        world.changes().insert_intent(rival, rival_event),
        cause(),
        world.changes().change_intent(&stored, amend.clone()),
        world.changes().change_intent(&stored, amend),
        world.changes().insert_intent(own, own_event),
    ];
    (world, sets)
}

pub(super) async fn many_sets_are_as_one_by_one<S: Store>(together: &S, apart: &S) {
    let (world, sets) = batch(apart).await;
    let mut outcomes_apart = Vec::new();
    for set in sets {
        outcomes_apart.push(name_of(&apart.commit(set).await));
    }
    let (_, sets) = batch(together).await;
    let outcomes = together.commit_many(sets).await;
    let outcomes: Vec<&str> = outcomes.iter().map(name_of).collect();
    assert_eq!(outcomes, outcomes_apart);
    assert_eq!(
        outcomes,
        [
            "ok",
            "ok",
            "duplicate",
            "already applied",
            "ok",
            "conflict",
            "ok"
        ]
    );
    let (mut left, mut right) = (together.audit_lines().await, apart.audit_lines().await);
    left.sort();
    right.sort();
    assert_eq!(
        left, right,
        "one by one or together, the audit trail is the same"
    );
    let keys = |messages: Vec<crate::outbox::ports::OutboxMessage>| -> Vec<String> {
        let mut keys: Vec<String> = messages.into_iter().map(|m| m.dedup_key).collect();
        keys.sort();
        keys
    };
    assert_eq!(
        keys(claim_all(together, &world).await),
        keys(claim_all(apart, &world).await)
    );
}

fn name_of(outcome: &Result<(), CommitError>) -> &'static str {
    match outcome {
        Ok(()) => "ok",
        Err(CommitError::AlreadyApplied) => "already applied",
        Err(CommitError::LeaseLost) => "lease lost",
        Err(CommitError::Conflict) => "conflict",
        Err(CommitError::Duplicate(_)) => "duplicate",
        Err(CommitError::Unsupported(_)) => "unsupported",
        Err(CommitError::Unavailable(_)) => "unavailable",
    }
}
