//! The inbox as operators see it: lists, one event in full, decisions, how full it is.

use time::Duration;

use super::commit::{delivery, record};
use super::{Store, put, read};
use crate::checkout::intent::{IntentCommand, ProviderLinks};
use crate::kernel::change_set::{Cause, ChangeSet, CommitError, EVENT_CAUSE};
use crate::kernel::id::InboxEventId;
use crate::kernel::page::PageRequest;
use crate::kernel::principal::Principal;
use crate::kernel::stored::Stored;
use crate::kernel::text::{ProviderRef, Reason};
use crate::provider_events::event_filter::{EventFilter, EventName, TimeRange, TypeFilter};
use crate::provider_events::ports::Settlement;
use crate::provider_events::stored_event::{AttemptOutcome, EventState, EventStatus, StoredEvent};
use crate::testing::fixtures::{World, provider_ref};
use crate::testing::inbox_steps::{begin_due, settle_one};

/// The types of the events of a full inbox, in turn.
const TYPES: [&str; 4] = [
    "customer.subscription.updated",
    "invoice.paid",
    "invoice.voided",
    "invoiceitem.created",
];

fn operator() -> Cause {
    Cause::request(&Principal::Operator {
        name: "grace".to_owned(),
    })
}

fn why(text: &str) -> Reason {
    Reason::parse(text).expect("a short reason")
}

async fn claim<S: Store>(store: &S, world: &World) -> Vec<InboxEventId> {
    let (now, until) = (world.now(), world.now().plus(Duration::minutes(1)));
    let claimed = begin_due(store, now, until, 100).await;
    claimed.into_iter().map(|event| event.id).collect()
}

/// An event of a type, brought to a status as a worker or an operator would.
async fn event_in<S: Store>(
    store: &S,
    world: &World,
    number: usize,
    status: EventStatus,
) -> InboxEventId {
    event_about(store, world, number, status, Some(provider_ref("cus_1"))).await
}

/// The same, about somebody.
async fn event_about<S: Store>(
    store: &S,
    world: &World,
    number: usize,
    status: EventStatus,
    subject: Option<ProviderRef>,
) -> InboxEventId {
    world.clock.advance(Duration::seconds(1));
    let mut event = delivery(world, &format!("evt_{number}"));
    event.envelope.subject = subject;
    TYPES[number % TYPES.len()].clone_into(&mut event.envelope.event_type);
    event.envelope.created_at = world.now().minus(Duration::seconds(100));
    let id = record(store, event).await;
    let settlement = match status {
        EventStatus::Received | EventStatus::Processing => None,
        EventStatus::Failed => Some(Settlement::Retry {
            at: world.now().plus(Duration::days(1)),
            error: "not yet".to_owned(),
        }),
        EventStatus::Skipped => Some(Settlement::Skipped {
            reason: "irrelevant".to_owned(),
            waiting_for: None,
        }),
        EventStatus::Parked => Some(Settlement::Parked {
            reason: "malformed".to_owned(),
            waiting_for: None,
        }),
        EventStatus::Deferred => Some(Settlement::Deferred),
        EventStatus::Processed => {
            let set = ChangeSet::caused_by(Cause::ProviderEvent(id), world.now());
            put(store, set).await;
            None
        }
        EventStatus::Discarded => {
            let before = event_of(store, id).await;
            let reason = why("not ours");
            let transition = before.value.discard(&reason, world.now());
            let transition = transition.expect("it was not applied");
            let set = ChangeSet::caused_by(operator(), world.now()).because(Some(&reason));
            put(store, set.change_provider_event(&before, transition)).await;
            None
        }
    };
    if let Some(settlement) = settlement {
        settle_one(store, id, settlement, world.now()).await;
    }
    id
}

async fn event_of<S: Store>(store: &S, id: InboxEventId) -> Stored<StoredEvent> {
    let event = read(store.event(&EventName::Id(id)).await);
    event.expect("it was recorded")
}

/// Five rounds of one event in each status; a claim at the end is what makes some processing.
async fn full_inbox<S: Store>(store: &S, world: &World) -> Vec<StoredEvent> {
    let mut ids = Vec::new();
    for round in 0..5 {
        for (place, status) in EventStatus::ALL.into_iter().enumerate() {
            // Another type for each status in each round.
            let number = round * 9 + place;
            ids.push(event_in(store, world, number, status).await);
        }
    }
    let (now, until) = (world.now(), world.now().plus(Duration::minutes(1)));
    begin_due(store, now, until, 5).await;
    let mut events = Vec::new();
    for id in ids {
        events.push(event_of(store, id).await.value);
    }
    events
}

fn filters(world: &World) -> Vec<EventFilter> {
    let any = EventFilter::default();
    let of = |statuses: &[EventStatus]| EventFilter {
        statuses: statuses.to_vec(),
        ..any.clone()
    };
    let typed = |text: &str, filter: EventFilter| EventFilter {
        event_type: Some(TypeFilter::parse(text).expect("a type or a family")),
        ..filter
    };
    let parked_or_waiting = [
        EventStatus::Parked,
        EventStatus::Received,
        EventStatus::Failed,
    ];
    let mut filters: Vec<EventFilter> = EventStatus::ALL.map(|status| of(&[status])).into();
    for text in ["invoice.paid", "invoice.*", "customer.*", "nobody.*"] {
        filters.push(typed(text, any.clone()));
        filters.push(typed(text, of(&[EventStatus::Processed])));
        filters.push(typed(text, of(&[EventStatus::Skipped])));
        filters.push(typed(text, of(&parked_or_waiting)));
    }
    filters.push(of(&parked_or_waiting));
    filters.push(of(&EventStatus::ALL));
    let range = TimeRange {
        from: Some(world.now().minus(Duration::seconds(20))),
        until: Some(world.now().minus(Duration::seconds(5))),
    };
    filters.push(EventFilter {
        received: range,
        ..any.clone()
    });
    filters.push(EventFilter {
        created: TimeRange {
            from: None,
            until: range.until.map(|at| at.minus(Duration::seconds(100))),
        },
        ..of(&parked_or_waiting)
    });
    filters.push(EventFilter {
        provider_event_id: Some(provider_ref("evt_12")),
        ..any.clone()
    });
    filters.push(any);
    filters
}

pub(super) async fn a_list_has_what_its_filter_means_page_by_page<S: Store>(store: &S) {
    let world = World::new(1);
    let events = full_inbox(store, &world).await;
    for filter in filters(&world) {
        let meant = events.iter().filter(|event| filter.matches(event));
        let mut expected: Vec<InboxEventId> = meant.map(|event| event.id).collect();
        let oldest = read(store.oldest_events(&filter, 7).await);
        let oldest: Vec<InboxEventId> = oldest.iter().map(|event| event.value.id).collect();
        let first = &expected[..expected.len().min(7)];
        assert_eq!(oldest, first, "the first received first: {filter:?}");
        let count = u32::try_from(expected.len()).expect("few");
        assert_eq!(read(store.event_count(&filter, 1_000).await), count);
        assert_eq!(read(store.event_count(&filter, 3).await), count.min(3));
        expected.reverse();
        let mut seen = Vec::new();
        let mut cursor = None;
        loop {
            let request = PageRequest::try_new(3, cursor).expect("3 is a limit");
            let page = read(store.events(&filter, &request).await);
            assert!(page.items.len() <= 3);
            for event in &page.items {
                assert!(events.contains(&event.value), "as it is read alone");
            }
            seen.extend(page.items.iter().map(|event| event.value.id));
            match page.next {
                Some(next) => cursor = Some(next),
                None => break,
            }
        }
        assert_eq!(seen, expected, "the last received first: {filter:?}");
    }
    let nonsense = PageRequest::try_new(3, Some("nonsense".to_owned())).expect("3 is a limit");
    let page = read(store.events(&EventFilter::default(), &nonsense).await);
    assert!(page.items.is_empty() && page.next.is_none());
}

pub(super) async fn an_owners_events_are_those_that_changed_their_sale<S: Store>(store: &S) {
    let world = World::new(1);
    world.seed(store).await;
    let bob = world.seed_user(store, "bob").await;
    let mut own = Vec::new();
    for (number, user) in [(0, world.user.id), (1, bob.id)] {
        let id = record(store, delivery(&world, &format!("evt_{number}"))).await;
        let (intent, event) = world.intent(user, &format!("word{number}"));
        let set = ChangeSet::caused_by(Cause::ProviderEvent(id), world.now());
        put(store, set.insert_intent(intent, event)).await;
        own.push(id);
    }
    record(store, delivery(&world, "evt_2")).await;
    for (user, id) in [(world.user.id, own[0]), (bob.id, own[1])] {
        let mut filter = EventFilter {
            owner: Some(user),
            ..EventFilter::default()
        };
        let page = read(store.events(&filter, &PageRequest::first()).await);
        let ids: Vec<InboxEventId> = page.items.iter().map(|event| event.value.id).collect();
        assert_eq!(ids, [id]);
        filter.statuses.push(EventStatus::Parked);
        assert_eq!(read(store.event_count(&filter, 10).await), 0);
    }
}

pub(super) async fn an_owners_events_are_also_those_that_wait_for_somebody<S: Store>(store: &S) {
    let world = World::new(1);
    world.seed(store).await;
    let bob = world.seed_user(store, "bob").await;
    let mut names = Vec::new();
    for (word, user) in [("ada", world.user.id), ("bob", bob.id)] {
        let (intent, created) = world.intent(user, word);
        let id = intent.id();
        put(store, world.changes().insert_intent(intent, created)).await;
        let named = |prefix: &str| Some(provider_ref(&format!("{prefix}_{word}")));
        let links = ProviderLinks {
            customer: named("cus"),
            session: named("cs"),
            subscription: named("sub"),
        };
        names.extend(
            [named("cus"), named("cs"), named("sub")]
                .into_iter()
                .flatten(),
        );
        let known = read(store.intent(id).await).expect("it is stored");
        let linked = known
            .value
            .apply(IntentCommand::LinkProvider { links }, world.now());
        let linked = linked.expect("an open sale can be linked");
        put(store, world.changes().change_intent(&known, linked)).await;
    }
    names.push(provider_ref("cus_somebody_else"));
    let settled = [
        EventStatus::Failed,
        EventStatus::Skipped,
        EventStatus::Parked,
        EventStatus::Deferred,
        EventStatus::Discarded,
        EventStatus::Received,
    ];
    let mut events = Vec::new();
    for (number, name) in names.iter().enumerate() {
        for (place, status) in settled.into_iter().enumerate() {
            let number = number * settled.len() + place;
            let id = event_about(store, &world, number, status, Some(name.clone())).await;
            events.push((id, name.clone(), status));
        }
    }
    for (word, user) in [("ada", world.user.id), ("bob", bob.id)] {
        for wanted in [&settled[..], &settled[2..3], &settled[5..], &[]] {
            let filter = EventFilter {
                owner: Some(user),
                statuses: wanted.to_vec(),
                ..EventFilter::default()
            };
            let is_meant = |(_, name, status): &&(InboxEventId, ProviderRef, EventStatus)| {
                name.as_str().ends_with(word) && (wanted.is_empty() || wanted.contains(status))
            };
            let meant = events.iter().filter(is_meant);
            let expected: Vec<InboxEventId> = meant.map(|(id, _, _)| *id).collect();
            assert!(!expected.is_empty());
            let found = read(store.oldest_events(&filter, 100).await);
            let found: Vec<InboxEventId> = found.iter().map(|event| event.value.id).collect();
            assert_eq!(found, expected, "{word}: {wanted:?}");
            let count = u32::try_from(expected.len()).expect("few");
            assert_eq!(read(store.event_count(&filter, 100).await), count);
        }
    }
}

pub(super) async fn an_event_is_shown_with_all_that_became_of_it<S: Store>(store: &S) {
    let world = World::new(1);
    world.seed(store).await;
    let delivered = delivery(&world, "evt_1");
    let id = record(store, delivered.clone()).await;
    let mut expected = Vec::new();
    let mut end = |at, status, error: Option<&str>| {
        expected.push(AttemptOutcome {
            at,
            status,
            error: error.map(ToOwned::to_owned),
        });
    };
    let retry = |at| Settlement::Retry {
        at,
        error: "not yet".to_owned(),
    };
    let park = Settlement::Parked {
        reason: "malformed".to_owned(),
        waiting_for: None,
    };
    let skip = Settlement::Skipped {
        reason: "irrelevant".to_owned(),
        waiting_for: None,
    };
    for (settlement, status, error) in [
        (retry(world.now()), EventStatus::Failed, "not yet"),
        (park, EventStatus::Parked, "malformed"),
    ] {
        assert_eq!(claim(store, &world).await, [id]);
        world.clock.advance(Duration::seconds(1));
        settle_one(store, id, settlement, world.now()).await;
        end(world.now(), status, Some(error));
    }
    replay(store, &world, id, Some("repaired")).await;
    assert_eq!(event_of(store, id).await.value.attempts, 0, "counted anew");
    assert_eq!(claim(store, &world).await, [id], "it is due at once");
    settle_one(store, id, skip, world.now()).await;
    end(world.now(), EventStatus::Skipped, Some("irrelevant"));
    replay(store, &world, id, None).await;
    assert_eq!(claim(store, &world).await, [id]);
    world.clock.advance(Duration::seconds(1));
    let (intent, happened) = world.intent(world.user.id, "acme");
    let set = ChangeSet::caused_by(Cause::ProviderEvent(id), world.now());
    let set = set.insert_intent(intent.clone(), happened);
    put(store, set).await;
    end(world.now(), EventStatus::Processed, None);

    let by_provider = EventName::Provider(delivered.envelope.provider_event_id.clone());
    let record = read(store.event_record(&by_provider).await).expect("it was recorded");
    assert_eq!(record.attempts, expected);
    assert_eq!(record.payload, delivered.payload, "the bytes as they came");
    assert_eq!(record.signature, delivered.signature);
    assert_eq!(record.delivery, delivered.delivery, "in order and complete");
    assert_eq!(record.event.envelope, delivered.envelope);
    let at = world.now();
    assert_eq!(record.event.state, EventState::Processed { at });
    let effects: Vec<(&str, &str)> = record
        .effects
        .iter()
        .map(|line| (line.entity_kind.as_str(), line.action.as_str()))
        .collect();
    assert_eq!(effects, [("checkout_intent", "checkout_intent_created")]);
    assert_eq!(record.effects[0].cause, format!("{EVENT_CAUSE}{id}"));
    let decisions: Vec<(&str, Option<&str>, Option<&str>)> = record
        .decisions
        .iter()
        .map(|line| {
            let (before, reason) = (line.before.as_deref(), line.reason.as_deref());
            (line.actor.as_str(), before, reason)
        })
        .collect();
    let expected = [
        ("operator:grace", Some("parked"), Some("repaired")),
        ("operator:grace", Some("skipped"), None),
    ];
    assert_eq!(decisions, expected, "who, from which state, why");
    let unknown = EventName::Provider(provider_ref("evt_unknown"));
    assert_eq!(read(store.event_record(&unknown).await), None);
    assert_eq!(read(store.event(&unknown).await), None);
}

async fn replay<S: Store>(store: &S, world: &World, id: InboxEventId, reason: Option<&str>) {
    let before = event_of(store, id).await;
    let transition = before.value.replay().expect("it was not applied");
    let reason = reason.map(why);
    let set = ChangeSet::caused_by(operator(), world.now()).because(reason.as_ref());
    put(store, set.change_provider_event(&before, transition)).await;
}

pub(super) async fn a_decision_meets_no_event_that_moved_on<S: Store>(store: &S) {
    let world = World::new(1);
    let id = record(store, delivery(&world, "evt_1")).await;
    let discarding = |before: &Stored<StoredEvent>| {
        let transition = before.value.discard(&why("not ours"), world.now());
        let transition = transition.expect("it was not applied");
        ChangeSet::caused_by(operator(), world.now()).change_provider_event(before, transition)
    };
    let received = event_of(store, id).await;
    claim(store, &world).await;
    let processing = event_of(store, id).await;
    let retry = Settlement::Retry {
        at: world.now(),
        error: "not yet".to_owned(),
    };
    settle_one(store, id, retry, world.now()).await;
    let failed = event_of(store, id).await;
    let cause = || ChangeSet::caused_by(Cause::ProviderEvent(id), world.now());
    put(store, cause()).await;
    for stale in [received, processing, failed] {
        let outcome = store.commit(discarding(&stale)).await;
        assert!(matches!(outcome, Err(CommitError::Conflict)), "{outcome:?}");
    }
    let processed = event_of(store, id).await;
    assert_eq!(processed.value.state.status(), EventStatus::Processed);
}

pub(super) async fn a_discarded_event_has_no_effect_until_it_is_replayed<S: Store>(store: &S) {
    let world = World::new(1);
    world.seed(store).await;
    let id = record(store, delivery(&world, "evt_1")).await;
    claim(store, &world).await;
    let before = event_of(store, id).await;
    let transition = before.value.discard(&why("not ours"), world.now());
    let transition = transition.expect("it was not applied");
    let set = ChangeSet::caused_by(operator(), world.now());
    put(store, set.change_provider_event(&before, transition)).await;

    // The worker that had it at that moment.
    let (intent, happened) = world.intent(world.user.id, "acme");
    let set = ChangeSet::caused_by(Cause::ProviderEvent(id), world.now());
    let set = set.insert_intent(intent.clone(), happened);
    let outcome = store.commit(set.clone()).await;
    let is_refused = matches!(outcome, Err(CommitError::AlreadyApplied));
    assert!(is_refused, "{outcome:?}");
    assert_eq!(read(store.intent(intent.id()).await), None);
    let retry = Settlement::Retry {
        at: world.now(),
        error: "late".to_owned(),
    };
    settle_one(store, id, retry, world.now()).await;
    world.clock.advance(Duration::days(1));
    assert!(claim(store, &world).await.is_empty(), "nobody gets it");
    let state = event_of(store, id).await.value.state;
    assert_eq!(state.reason(), Some("not ours"));

    replay(store, &world, id, None).await;
    assert_eq!(claim(store, &world).await, [id]);
    put(store, set).await;
}

pub(super) async fn the_depth_of_the_inbox_is_counted_by_status<S: Store>(store: &S) {
    let world = World::new(1);
    let empty = read(store.inbox_depth().await);
    assert!(empty.counts.iter().all(|(_, count)| *count == 0));
    assert_eq!(empty.oldest_unapplied_at, None);
    let events = full_inbox(store, &world).await;
    let depth = read(store.inbox_depth().await);
    let counted: Vec<EventStatus> = depth.counts.iter().map(|(status, _)| *status).collect();
    let expected: Vec<EventStatus> = EventStatus::ALL
        .into_iter()
        .filter(|status| *status != EventStatus::Processed)
        .collect();
    assert_eq!(counted, expected);
    for (status, count) in depth.counts {
        let in_status = events.iter().filter(|event| event.state.status() == status);
        let expected = u64::try_from(in_status.count()).expect("few");
        assert_eq!(count, expected, "{}", status.name());
    }
    assert_eq!(depth.oldest_unapplied_at, Some(events[0].received_at));
}
