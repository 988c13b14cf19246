//! Old payloads and answers: found by the page, replaced only at rest, forgotten by age.

use time::Duration;

use super::commit::{delivery, record};
use super::{Store, put, read};
use crate::kernel::change_set::{Cause, ChangeSet};
use crate::kernel::id::InboxEventId;
use crate::kernel::recorded_answer::{RecordedAnswer, RequestKey, RequestRecord};
use crate::provider_events::delivery::Delivery;
use crate::provider_events::event_filter::EventName;
use crate::provider_events::payload_retention::{PayloadRetention, ScrubbedBatch};
use crate::provider_events::ports::{ScrubbedPayload, Settled, Settlement};
use crate::provider_events::reading::Reading;
use crate::testing::fixtures::{World, provider_ref};

async fn event<S: Store>(store: &S, world: &World, name: &str) -> InboxEventId {
    world.clock.advance(Duration::seconds(1));
    record(store, delivery(world, name)).await
}

fn scrubbed(id: InboxEventId) -> ScrubbedPayload {
    ScrubbedPayload {
        id,
        payload: b"{}".to_vec(),
    }
}

pub(super) async fn only_what_rests_is_scrubbed_and_only_once<S: Store>(store: &S) {
    let world = World::new(3);
    let applied = event(store, &world, "evt_applied").await;
    let skipped = event(store, &world, "evt_skipped").await;
    let waiting = event(store, &world, "evt_waiting").await;
    let until = world.now().plus(Duration::seconds(1));
    world.clock.advance(Duration::hours(1));
    let young = event(store, &world, "evt_young").await;
    let readings = vec![Reading::Subscription(provider_ref("sub_1"), None)];
    let set = ChangeSet::caused_by(Cause::ProviderEvent(applied), world.now());
    put(store, set.having_read(readings)).await;
    let reason = "irrelevant".to_owned();
    read(
        store
            .settle(
                vec![Settled {
                    id: skipped,
                    hold: None,
                    settlement: Settlement::Skipped {
                        reason,
                        waiting_for: None,
                    },
                }],
                world.now(),
            )
            .await,
    );

    let aged = read(store.aged_events(None, until, 10).await);
    let seen: Vec<_> = aged
        .iter()
        .map(|e| (e.id, e.is_at_rest, e.is_scrubbed))
        .collect();
    assert_eq!(
        seen,
        [
            (applied, true, false),
            (skipped, true, false),
            (waiting, false, false)
        ]
    );
    assert!(!aged[0].payload.is_empty());
    let first = read(store.aged_events(None, until, 1).await);
    assert_eq!(first.len(), 1);
    let rest = read(store.aged_events(Some(first[0].id), until, 10).await);
    assert_eq!(
        rest.iter().map(|e| e.id).collect::<Vec<_>>(),
        [skipped, waiting]
    );

    let all = vec![scrubbed(applied), scrubbed(skipped), scrubbed(waiting)];
    read(store.replace_payloads(all, world.now()).await);
    let aged = read(store.aged_events(None, until, 10).await);
    let seen: Vec<_> = aged.iter().map(|e| e.is_scrubbed).collect();
    assert_eq!(seen, [true, true, false]);
    for (id, is_scrubbed) in [
        (applied, true),
        (skipped, true),
        (waiting, false),
        (young, false),
    ] {
        let record = read(store.event_record(&EventName::Id(id)).await);
        let record = record.expect("it is stored");
        assert_eq!(record.payload == b"{}", is_scrubbed);
        assert_eq!(record.signature.is_empty(), is_scrubbed);
        let carries_nothing = record.delivery == Delivery::default();
        assert_eq!(carries_nothing, is_scrubbed, "headers and address too");
        assert!(!record.is_found_by_scan(), "it was delivered all the same");
    }
}

pub(super) async fn old_answers_are_forgotten_and_young_ones_kept<S: Store>(store: &S) {
    let world = World::new(4);
    let remembered = |key: &str| {
        let key = RequestKey {
            principal: "user_1".to_owned(),
            route: "/licences".to_owned(),
            key: key.to_owned(),
            fingerprint: "same".to_owned(),
        };
        let answer = RecordedAnswer {
            code: 200,
            body: "{}".to_owned(),
        };
        let cause = Cause::Request {
            actor: "user_1".to_owned(),
            record: Some(RequestRecord {
                key: key.clone(),
                answer,
            }),
            request_id: None,
        };
        (key, cause)
    };
    let mut keys = Vec::new();
    for name in ["a", "b", "c"] {
        let (key, cause) = remembered(name);
        put(store, ChangeSet::caused_by(cause, world.now())).await;
        keys.push(key);
        world.clock.advance(Duration::hours(1));
    }
    let before = world.now().minus(Duration::minutes(90));
    assert_eq!(read(store.aged_answer_count(before).await), 2);
    assert_eq!(read(store.forget_answers(before, 1).await), 1);
    assert_eq!(read(store.forget_answers(before, 10).await), 1);
    assert_eq!(read(store.forget_answers(before, 10).await), 0);
    let mut left = 0;
    for key in &keys {
        left += usize::from(read(store.answer(key).await).is_some());
    }
    assert_eq!(left, 1);
    assert!(read(store.answer(&keys[2]).await).is_some());
}

pub(super) async fn the_progress_of_scrubbing_is_read_as_written<S: Store>(store: &S) {
    let world = World::new(5);
    assert_eq!(read(store.retention().await), None);
    let cause = Cause::Job("scrub_payloads");
    let (first, told) = PayloadRetention::new(world.now(), ScrubbedBatch::default());
    let set = ChangeSet::caused_by(cause.clone(), world.now());
    put(store, set.insert_retention(first, told)).await;
    let known = read(store.retention().await).expect("it was written");
    let batch = ScrubbedBatch {
        until: Some(event(store, &world, "evt_1").await),
        scrubbed_count: 2,
        kept_count: 1,
        answer_count: 3,
    };
    let transition = known.value.advance(world.now(), batch);
    let next = transition.outcome(&known.value).clone();
    let set = ChangeSet::caused_by(cause, world.now());
    put(store, set.change_retention(&known, transition)).await;
    let known = read(store.retention().await).expect("it was written");
    assert_eq!(known.value, next);
}
