//! Events of one subject are decided in their order, by whatever way they come to the worker: handed
//! over in memory, read from the inbox, or both (ADR 0013).

use std::sync::Mutex;

use super::*;
use crate::provider_events::handoff::{FreshEvent, Handoff};
use crate::provider_events::lane::LaneHold;
use crate::provider_events::observer::{DeliveryOutcome, EventObserver};
use crate::provider_events::ports::{DecodeError, EventDecoder};
use crate::testing::FakeWebhooks;

/// As in the hand-off: so many events wait for one worker at most.
const QUEUE_MAX: usize = 2_048;

/// Writes down which event is decided and which attempt has ended, in that order.
#[derive(Clone, Default)]
pub(super) struct Diary {
    entries: Arc<Mutex<Vec<(Entry, String)>>>,
    webhooks: FakeWebhooks,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Entry {
    Decided,
    Ended,
}

impl Diary {
    fn write(&self, entry: Entry, event: &str) {
        let entry = (entry, event.to_owned());
        self.entries.lock().unwrap().push(entry);
    }

    pub(super) fn entries(&self) -> Vec<(Entry, String)> {
        self.entries.lock().unwrap().clone()
    }

    /// Which events were decided since the last time.
    pub(super) fn decided(&self) -> Vec<String> {
        let entries = std::mem::take(&mut *self.entries.lock().unwrap());
        let decided = entries
            .into_iter()
            .filter(|(kind, _)| *kind == Entry::Decided);
        decided.map(|(_, event)| event).collect()
    }
}

impl EventDecoder for Diary {
    fn decode(&self, event_type: &str, payload: &[u8]) -> Result<ProviderEvent, DecodeError> {
        self.write(Entry::Decided, event_type);
        self.webhooks.decode(event_type, payload)
    }
}

impl EventObserver for Diary {
    fn delivery_answered(&self, _outcome: DeliveryOutcome, _took: Duration) {}

    fn attempt_ended(&self, attempt: &Attempt<'_>) {
        self.write(Entry::Ended, attempt.event_type);
    }
}

/// A replica with one worker.
pub(super) struct Replica {
    pub(super) bench: Workbench,
    pub(super) drain: DrainInbox,
    pub(super) diary: Diary,
}

impl Replica {
    /// One more on the record of this bench.
    pub(super) fn beside(bench: &Workbench) -> Self {
        let bench = Workbench {
            handoff: Arc::new(Handoff::new(1)),
            ..bench.clone()
        };
        let diary = Diary {
            webhooks: bench.webhooks.clone(),
            ..Diary::default()
        };
        let mut drain = bench.drain_inbox();
        let mut apply = Arc::into_inner(drain.apply).unwrap();
        apply.decoder = Arc::new(diary.clone());
        drain.apply = Arc::new(apply);
        drain.observer = Arc::new(diary.clone());
        Self {
            bench,
            drain,
            diary,
        }
    }

    pub(super) async fn alone() -> Self {
        Self::beside(&Workbench::new().await)
    }

    /// Receives an event of that subject without an effect; the later one has the greater number.
    pub(super) async fn receives(&self, subject: &str, number: i64) {
        self.hears(subject, number, ProviderEvent::Irrelevant).await;
    }

    /// Receives an event of that subject.
    pub(super) async fn hears(&self, subject: &str, number: i64, event: ProviderEvent) {
        let (bench, id) = (&self.bench, name(subject, number));
        let made = bench.world.now().minus(Duration::days(1));
        let made = made.plus(Duration::seconds(number));
        let sent = bench.webhooks.register(&id, &id, made, event);
        bench.webhooks.concern(&id, subject);
        bench.receive_sent(sent).await;
    }

    /// What the worker decides in one turn.
    pub(super) async fn turn(&self) -> Vec<String> {
        self.drain.turn().await.unwrap();
        self.diary.decided()
    }

    /// Holds the lanes of these subjects, with nothing left to do in them.
    pub(super) async fn holds_lanes_of(&self, subjects: &[&str]) {
        for subject in subjects {
            self.receives(subject, 0).await;
        }
        assert_eq!(self.turn().await.len(), subjects.len());
    }

    /// Takes every lane in which something is due, and does nothing.
    pub(super) async fn takes_lanes(&self) -> Vec<LaneHold> {
        self.takes_lanes_at(self.bench.now()).await
    }

    /// The same by a clock of its own.
    pub(super) async fn takes_lanes_at(&self, now: Timestamp) -> Vec<LaneHold> {
        let until = now.plus(LEASE);
        let store = &self.bench.store;
        let taken = store.take_lanes("other", LaneShare::WHOLE, now, until, 64);
        taken.await.unwrap()
    }
}

pub(super) fn name(subject: &str, number: i64) -> String {
    format!("evt_{subject}_{number:04}")
}

pub(super) fn names(subject: &str, numbers: impl IntoIterator<Item = i64>) -> Vec<String> {
    let numbers = numbers.into_iter();
    numbers.map(|number| name(subject, number)).collect()
}

#[tokio::test]
async fn what_only_the_inbox_has_comes_before_what_is_newer_in_memory() {
    let here = Replica::alone().await;
    let elsewhere = Replica::beside(&here.bench);
    // Nobody holds the lane.
    here.receives("cus_1", 3).await;
    elsewhere.receives("cus_1", 2).await;
    here.receives("cus_1", 1).await;
    assert_eq!(here.turn().await, names("cus_1", [1, 2, 3]));
    // It is held, and time to look into the inbox.
    here.bench.clock().advance(Duration::milliseconds(500));
    here.receives("cus_1", 6).await;
    elsewhere.receives("cus_1", 5).await;
    here.receives("cus_1", 4).await;
    assert_eq!(here.turn().await, names("cus_1", [4, 5, 6]));
    assert!(elsewhere.turn().await.is_empty(), "here has the lane");
}

#[tokio::test]
async fn a_batch_from_memory_alone_is_in_the_providers_order() {
    let here = Replica::alone().await;
    here.holds_lanes_of(&["cus_1"]).await;
    for number in [3, 1, 2] {
        here.receives("cus_1", number).await;
    }
    assert_eq!(here.turn().await, names("cus_1", [1, 2, 3]));
}

#[tokio::test]
async fn an_event_is_decided_when_its_predecessor_has_ended() {
    let here = Replica::alone().await;
    for number in 1..=3 {
        here.receives("cus_1", number).await;
        here.receives("cus_2", number).await;
    }
    here.drain.turn().await.unwrap();
    let entries = here.diary.entries();
    for subject in ["cus_1", "cus_2"] {
        let of_subject = entries.iter().filter(|(_, event)| event.contains(subject));
        let expected = names(subject, 1..=3)
            .into_iter()
            .flat_map(|event| [(Entry::Decided, event.clone()), (Entry::Ended, event)]);
        assert!(of_subject.cloned().eq(expected), "{entries:?}");
    }
    let both = [name("cus_1", 1), name("cus_2", 1)].map(|event| (Entry::Decided, event));
    assert_eq!(entries[..2], both, "two subjects go side by side");
}

#[tokio::test]
async fn what_found_no_room_in_memory_comes_before_what_found_room_later() {
    let here = Replica::alone().await;
    here.holds_lanes_of(&["cus_1"]).await;
    let mut number: i64 = 0;
    let mut decided = Vec::new();
    // Always a few more than the worker takes, so that its queue is full all the time.
    for _ in 0..8 {
        let more = if number == 0 { QUEUE_MAX + 1 } else { WAVE_MAX };
        for _ in 0..more {
            number += 1;
            here.receives("cus_1", number).await;
        }
        decided.extend(here.turn().await);
    }
    while decided.len() < usize::try_from(number).unwrap() {
        let more = here.turn().await;
        assert!(!more.is_empty(), "some are forgotten");
        decided.extend(more);
    }
    let first_jump = decided.windows(2).find(|pair| pair[0] > pair[1]);
    assert_eq!(first_jump, None, "an event was overtaken");
    assert_eq!(decided, names("cus_1", 1..=number));
}

#[tokio::test]
async fn while_a_lane_has_more_than_one_turn_reads_nothing_newer_comes_from_memory() {
    let here = Replica::alone().await;
    let elsewhere = Replica::beside(&here.bench);
    here.holds_lanes_of(&["cus_1"]).await;
    let many = i64::try_from(WAVE_MAX).unwrap() + 44;
    for number in 1..=many {
        elsewhere.receives("cus_1", number).await;
    }
    here.bench.clock().advance(Duration::milliseconds(500));
    here.receives("cus_1", many + 1).await;
    let mut decided = here.turn().await;
    assert_eq!(decided.len(), WAVE_MAX, "one turn does not read all of it");
    here.receives("cus_1", many + 2).await;
    decided.extend(here.turn().await);
    assert_eq!(decided, names("cus_1", 1..=many + 2));
}

#[tokio::test]
async fn a_lane_of_somebody_else_is_left_alone_until_its_lease_ends() {
    let here = Replica::alone().await;
    let elsewhere = Replica::beside(&here.bench);
    elsewhere.receives("cus_1", 1).await;
    assert_eq!(elsewhere.takes_lanes().await.len(), 1);
    here.receives("cus_1", 3).await;
    here.receives("cus_2", 1).await;
    assert_eq!(here.turn().await, names("cus_2", [1]), "the others go on");
    elsewhere.receives("cus_1", 2).await;
    here.bench.clock().advance(LEASE - Duration::seconds(1));
    here.receives("cus_1", 4).await;
    assert!(
        here.turn().await.is_empty(),
        "the other may still come back"
    );
    here.bench.clock().advance(Duration::seconds(1));
    here.receives("cus_1", 5).await;
    assert_eq!(here.turn().await, names("cus_1", 1..=5));
}

#[tokio::test]
async fn a_lane_that_was_lost_and_taken_back_goes_on_in_order() {
    let here = Replica::alone().await;
    let elsewhere = Replica::beside(&here.bench);
    here.holds_lanes_of(&["cus_1"]).await;
    // It sleeps past its lease; another one takes the lane, and gives it back undone.
    here.bench.clock().advance(LEASE);
    elsewhere.receives("cus_1", 1).await;
    let taken = elsewhere.takes_lanes().await;
    assert_eq!(taken.len(), 1);
    here.bench.store.release_lanes(&taken).await.unwrap();
    // Handed over under the hold of before.
    here.receives("cus_1", 2).await;
    assert_eq!(here.turn().await, names("cus_1", [1, 2]));
    here.receives("cus_1", 3).await;
    assert_eq!(here.turn().await, names("cus_1", [3]));
    let statuses = here.bench.store.event_statuses();
    let all_ended = statuses
        .iter()
        .all(|status| matches!(status, InboxStatus::Skipped { .. }));
    assert!(all_ended, "{statuses:?}");
}

#[tokio::test]
async fn after_a_turn_that_failed_the_inbox_is_read_before_anything_newer_is_applied() {
    let here = Replica::alone().await;
    here.holds_lanes_of(&["cus_1"]).await;
    here.receives("cus_1", 1).await;
    here.bench.faults.restart();
    here.bench.faults.fail_nth(1, FaultPoint::BeforeEffect);
    assert!(here.drain.turn().await.is_err(), "it cannot settle");
    here.bench.faults.restart();
    assert_eq!(here.diary.decided(), names("cus_1", [1]));
    here.receives("cus_1", 2).await;
    assert_eq!(here.turn().await, names("cus_1", [1, 2]), "1 did not end");
}

#[tokio::test]
async fn what_was_read_before_it_was_handed_over_is_decided_once() {
    let here = Replica::alone().await;
    let elsewhere = Replica::beside(&here.bench);
    // Stored, and about to be handed over: the worker's look into the inbox is faster.
    elsewhere.receives("cus_1", 1).await;
    assert_eq!(here.turn().await, names("cus_1", [1]));
    let late = elsewhere.bench.handoff.take(LaneShare::WHOLE, 9).events;
    let [late]: [FreshEvent; 1] = late.try_into().unwrap();
    here.bench.handoff.offer(late);
    here.receives("cus_1", 2).await;
    assert_eq!(here.turn().await, names("cus_1", [2]));
}

#[tokio::test]
async fn two_workers_at_once_decide_nothing_twice_and_nothing_out_of_order() {
    let first = Replica::alone().await;
    let second = Replica::beside(&first.bench);
    let mut all = Vec::new();
    let mut number = 0;
    for round in 0..12 {
        for _ in 0..3 {
            number += 1;
            // Stripe delivers to whichever answers.
            let replica = [&first, &second][usize::from(number % 2 == 0)];
            replica.receives("cus_1", number).await;
        }
        let (one, other) = tokio::join!(first.turn(), second.turn());
        assert!(one.is_empty() || other.is_empty(), "one holds the lane");
        all.extend(one);
        all.extend(other);
        if round == 5 {
            // Whoever has it goes, in good order.
            first.drain.release().await.unwrap();
            second.drain.release().await.unwrap();
        }
        first.bench.clock().advance(Duration::milliseconds(500));
    }
    assert_eq!(all, names("cus_1", 1..=number));
}
