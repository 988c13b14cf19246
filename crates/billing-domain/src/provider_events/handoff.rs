//! What was just stored, handed in memory to the worker of the same replica, so that it need not be
//! read back. Bounded: whatever does not fit is in the inbox all the same.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::lane::{Lane, LaneHold, LaneShare};
use super::ports::{ClaimedEvent, ReceivedEvent};
use crate::kernel::id::InboxEventId;
use crate::kernel::text::ProviderRef;
use crate::kernel::timestamp::Timestamp;

/// How many events wait for one worker at most, and the bytes of their payloads: eight batches.
const EVENTS_MAX: usize = 2_048;
const BYTES_MAX: usize = 8 << 20;

/// An event that was stored a moment ago.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FreshEvent {
    /// Our id.
    pub id: InboxEventId,
    /// The provider's id.
    pub provider_event_id: ProviderRef,
    /// For example `invoice.paid`.
    pub event_type: String,
    /// Whom it concerns.
    pub subject: Option<ProviderRef>,
    /// The bytes as they came.
    pub payload: Vec<u8>,
    /// When the provider made it.
    pub created_at: Timestamp,
    /// Our id of the request that brought it.
    pub correlation_id: Option<String>,
}

impl From<&ReceivedEvent> for FreshEvent {
    fn from(event: &ReceivedEvent) -> Self {
        let envelope = &event.envelope;
        Self {
            id: event.id,
            provider_event_id: envelope.provider_event_id.clone(),
            event_type: envelope.event_type.clone(),
            subject: envelope.subject.clone(),
            payload: event.payload.clone(),
            created_at: envelope.created_at,
            correlation_id: event.correlation_id.clone(),
        }
    }
}

impl FreshEvent {
    /// The lane that it is in.
    pub fn lane(&self) -> Lane {
        Lane::of(self.subject.as_ref())
    }

    /// The event as whoever holds its lane has it.
    pub fn held(self, hold: LaneHold) -> ClaimedEvent {
        ClaimedEvent {
            id: self.id,
            provider_event_id: self.provider_event_id,
            event_type: self.event_type,
            subject: self.subject,
            payload: self.payload,
            created_at: self.created_at,
            attempts: 0,
            abandoned: 0,
            hold,
            correlation_id: self.correlation_id,
        }
    }
}

/// What a worker is handed.
#[derive(Debug, Default)]
pub struct Handed {
    /// In the order in which they were stored.
    pub events: Vec<FreshEvent>,
    /// Whether something was stored that found no room: the inbox has to be read.
    pub has_missed: bool,
}

#[derive(Debug, Default)]
struct Queue {
    events: VecDeque<FreshEvent>,
    bytes: usize,
    has_missed: bool,
}

/// One queue for each worker of this replica.
pub struct Handoff {
    queues: Vec<Mutex<Queue>>,
    /// Wakes the worker with this number.
    ring: Box<dyn Fn(usize) + Send + Sync>,
}

impl fmt::Debug for Handoff {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_tuple("Handoff")
            .field(&self.queues)
            .finish()
    }
}

impl Handoff {
    /// Empty queues for a number of workers that share the lanes; without workers everything goes
    /// by the inbox.
    pub fn new(workers: u16) -> Self {
        Self::ringing(workers, |_| {})
    }

    /// The same, and wakes the worker to whom something is handed, by its number: nobody else has
    /// anything to do with it.
    pub fn ringing(workers: u16, ring: impl Fn(usize) + Send + Sync + 'static) -> Self {
        Self {
            queues: (0..workers).map(|_| Mutex::default()).collect(),
            ring: Box::new(ring),
        }
    }

    /// Hands an event over, if there is room; if not, its worker is told to read the inbox.
    pub fn offer(&self, event: FreshEvent) {
        let shares = u16::try_from(self.queues.len()).unwrap_or(u16::MAX);
        let Some(index) = event.lane().number().checked_rem(shares).map(usize::from) else {
            return;
        };
        if let Some(queue) = self.queues.get(index) {
            Self::put(queue, event);
            (self.ring)(index);
        }
    }

    fn put(queue: &Mutex<Queue>, event: FreshEvent) {
        let mut queue = lock(queue);
        let bytes = queue.bytes.saturating_add(event.payload.len());
        // Once one was missed, what comes after it is missed as well until the worker knows:
        // otherwise it would be applied before it.
        if queue.has_missed || queue.events.len() >= EVENTS_MAX || bytes > BYTES_MAX {
            queue.has_missed = true;
            return;
        }
        queue.bytes = bytes;
        queue.events.push_back(event);
    }

    /// At most `limit` of a worker's events.
    pub fn take(&self, share: LaneShare, limit: usize) -> Handed {
        let Some(queue) = self.queues.get(usize::from(share.index)) else {
            return Handed::default();
        };
        let mut queue = lock(queue);
        let count = queue.events.len().min(limit);
        let events: Vec<FreshEvent> = queue.events.drain(..count).collect();
        let taken = events.iter().map(|event| event.payload.len()).sum();
        queue.bytes = queue.bytes.saturating_sub(taken);
        // What was missed is behind what waits.
        let has_missed = queue.has_missed && queue.events.is_empty();
        if has_missed {
            queue.has_missed = false;
        }
        Handed { events, has_missed }
    }
}

fn lock(queue: &Mutex<Queue>) -> MutexGuard<'_, Queue> {
    queue.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::fixtures::{World, provider_ref};

    fn event(world: &World, subject: &str, bytes: usize) -> FreshEvent {
        FreshEvent {
            id: world.id(),
            provider_event_id: provider_ref("evt_1"),
            event_type: "test.event".to_owned(),
            subject: Some(provider_ref(subject)),
            payload: vec![0; bytes],
            created_at: world.now(),
            correlation_id: None,
        }
    }

    #[test]
    fn events_come_in_order_to_the_worker_of_their_lane() {
        let world = World::new(1);
        let handoff = Handoff::new(2);
        let mut expected = [Vec::new(), Vec::new()];
        for number in 0..20 {
            let event = event(&world, &format!("cus_{number}"), 1);
            expected[usize::from(event.lane().number() % 2)].push(event.id);
            handoff.offer(event);
        }
        for (index, expected) in (0..).zip(expected) {
            let share = LaneShare { index, of: 2 };
            let mut ids = Vec::new();
            loop {
                let handed = handoff.take(share, 3);
                if handed.events.is_empty() {
                    break;
                }
                ids.extend(handed.events.iter().map(|event| event.id));
                assert!(!handed.has_missed);
            }
            assert_eq!(ids, expected);
        }
    }

    #[test]
    fn what_finds_no_room_is_missed_and_said_so_once() {
        let world = World::new(1);
        for (count, bytes) in [(EVENTS_MAX + 1, 1), (3, BYTES_MAX / 2)] {
            let handoff = Handoff::new(1);
            for _ in 0..count {
                handoff.offer(event(&world, "cus_1", bytes));
            }
            let some = handoff.take(LaneShare::WHOLE, 1);
            assert_eq!((some.events.len(), some.has_missed), (1, false));
            let rest = handoff.take(LaneShare::WHOLE, usize::MAX);
            assert_eq!((rest.events.len(), rest.has_missed), (count - 2, true));
            assert!(!handoff.take(LaneShare::WHOLE, 1).has_missed);
            handoff.offer(event(&world, "cus_1", bytes));
            assert_eq!(handoff.take(LaneShare::WHOLE, 1).events.len(), 1);
        }
    }

    #[test]
    fn nothing_passes_what_was_missed() {
        let world = World::new(1);
        let handoff = Handoff::new(1);
        for _ in 0..=EVENTS_MAX {
            handoff.offer(event(&world, "cus_1", 1));
        }
        // There is room again, and the worker has not been told yet.
        assert!(!handoff.take(LaneShare::WHOLE, 9).has_missed);
        handoff.offer(event(&world, "cus_1", 1));
        let rest = handoff.take(LaneShare::WHOLE, usize::MAX);
        assert_eq!((rest.events.len(), rest.has_missed), (EVENTS_MAX - 9, true));
    }

    #[test]
    fn whoever_is_handed_something_is_woken_and_nobody_else() {
        let world = World::new(1);
        let rung = std::sync::Arc::new(Mutex::new(Vec::new()));
        let heard = rung.clone();
        let handoff = Handoff::ringing(2, move |worker| heard.lock().unwrap().push(worker));
        let mut expected = Vec::new();
        for number in 0..20 {
            // The last ones find no room: their worker has to read them.
            let event = event(&world, &format!("cus_{number}"), BYTES_MAX / 4);
            expected.push(usize::from(event.lane().number() % 2));
            handoff.offer(event);
        }
        assert_eq!(*rung.lock().unwrap(), expected);
    }

    #[test]
    fn without_workers_nothing_is_kept() {
        let world = World::new(1);
        let handoff = Handoff::new(0);
        handoff.offer(event(&world, "cus_1", 1));
        assert!(handoff.take(LaneShare::WHOLE, 9).events.is_empty());
    }
}
