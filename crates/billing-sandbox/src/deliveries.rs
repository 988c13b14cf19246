//! Webhook deliveries: what is to be sent where, how it went, and when it is tried again.

pub(crate) mod courier;
pub(crate) mod sender;
pub(crate) mod signature;

use std::collections::{BTreeSet, VecDeque};

use crate::json::Value;
use serde::{Deserialize, Serialize};

use crate::faults::Disturbance;

/// How many deliveries are kept that are done with.
const DELIVERIES_MAX: usize = 5_000;
/// How many may wait; a queue that grows beyond this loses its oldest.
const WAITING_MAX: usize = 200_000;
/// Between the places of two deliveries in the queue, so that one can be put between them.
const PLACE: u64 = 4;
/// How long a background delivery is held back for those that are to overtake it, in milliseconds.
const HELD_BACK_MS: i64 = 500;

/// One try.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    /// Seconds since 1970 in the sandbox's time.
    pub at: i64,
    /// The status that was answered; absent when there was none.
    pub status: Option<u16>,
    /// What kept an answer from coming.
    pub error: Option<String>,
    /// The machine's time; zero on a clock that stands still, so that two runs are the same.
    pub duration_ms: u64,
    /// How the answer's body begins.
    #[serde(default)]
    pub answer: String,
}

/// How far a delivery is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeliveryState {
    Pending,
    Sending,
    Delivered,
    /// The schedule of retries is used up, or the endpoint is gone.
    GivenUp,
    /// Handed to a test, which delivers it itself.
    Taken,
    /// Lost by a fault.
    Dropped,
}

/// An event on its way to an endpoint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delivery {
    pub number: u64,
    pub event_id: String,
    pub event_type: String,
    pub endpoint_id: String,
    pub url: String,
    pub body: String,
    pub(crate) due_ms: i64,
    /// Its place in the queue.
    pub(crate) place: u64,
    /// Sent beside another one of the same event: a duplicate, or again by hand.
    pub is_extra: bool,
    pub state: DeliveryState,
    pub attempts: Vec<Attempt>,
}

/// The deliveries of one account, oldest first.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    /// Their numbers follow each other.
    pub(crate) deliveries: VecDeque<Delivery>,
    pub(crate) count: u64,
    /// Place and number of what is pending.
    waiting: BTreeSet<(u64, u64)>,
}

impl Outbox {
    /// Puts deliveries back that were kept elsewhere; what was being sent is pending again.
    pub(crate) fn restored(mut deliveries: VecDeque<Delivery>, count: u64) -> Self {
        let mut waiting = BTreeSet::new();
        for delivery in &mut deliveries {
            if delivery.state == DeliveryState::Sending {
                delivery.state = DeliveryState::Pending;
            }
            if delivery.state == DeliveryState::Pending {
                waiting.insert((delivery.place, delivery.number));
            }
        }
        Self {
            deliveries,
            count,
            waiting,
        }
    }

    /// Whether an endpoint has yet to take an event of a type about an object.
    pub(crate) fn owes(&self, event_type: &str, object_id: &str) -> bool {
        let about = format!("\"{object_id}\"");
        let all: Vec<&Delivery> = (self.deliveries.iter())
            .filter(|delivery| delivery.event_type == event_type && delivery.body.contains(&about))
            .collect();
        let is_taken = |delivery: &&&Delivery| {
            !matches!(
                delivery.state,
                DeliveryState::Pending | DeliveryState::Sending | DeliveryState::GivenUp
            )
        };
        let mut endpoints = all.iter().map(|delivery| &delivery.endpoint_id);
        endpoints.any(|endpoint| {
            let mut own = all
                .iter()
                .filter(|delivery| delivery.endpoint_id == *endpoint);
            !own.any(|delivery| is_taken(&delivery))
        })
    }

    /// Queues a payload for an endpoint or a destination; retries send the same bytes.
    pub(crate) fn add(
        &mut self,
        receiver: &Value,
        payload: &Value,
        due_ms: i64,
        disturbance: Disturbance,
        is_automatic: bool,
    ) {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let url = match &receiver["webhook_endpoint"]["url"] {
            Value::Null => &receiver["url"],
            of_a_destination => of_a_destination,
        };
        let mut due_ms =
            due_ms.saturating_add(i64::try_from(disturbance.delay_ms).unwrap_or(i64::MAX));
        if disturbance.overtaken_by > 0 && is_automatic {
            due_ms = due_ms.saturating_add(HELD_BACK_MS);
        }
        let number = self.count + 1;
        let behind = number.saturating_add(disturbance.overtaken_by) * PLACE;
        let delivery = Delivery {
            number,
            event_id: text(&payload["id"]),
            event_type: text(&payload["type"]),
            endpoint_id: text(&receiver["id"]),
            url: text(url),
            body: serde_json::to_string_pretty(payload).unwrap_or_default(),
            due_ms,
            place: behind + u64::from(disturbance.overtaken_by > 0),
            is_extra: false,
            state: if disturbance.is_dropped {
                DeliveryState::Dropped
            } else {
                DeliveryState::Pending
            },
            attempts: Vec::new(),
        };
        let copies: Vec<Delivery> = (0..disturbance.copies)
            .map(|_| Delivery {
                is_extra: true,
                ..delivery.clone()
            })
            .collect();
        self.queue(delivery);
        for copy in copies {
            self.queue(copy);
        }
    }

    fn queue(&mut self, mut delivery: Delivery) {
        self.count += 1;
        delivery.number = self.count;
        if delivery.state == DeliveryState::Pending {
            self.waiting.insert((delivery.place, delivery.number));
        }
        self.deliveries.push_back(delivery);
        while let Some(oldest) = self.deliveries.front() {
            let is_open = matches!(
                oldest.state,
                DeliveryState::Pending | DeliveryState::Sending
            );
            let max = if is_open { WAITING_MAX } else { DELIVERIES_MAX };
            if self.deliveries.len() <= max {
                break;
            }
            self.waiting.remove(&(oldest.place, oldest.number));
            self.deliveries.pop_front();
        }
    }

    /// Queues the same bytes for the same endpoint again; `None` if there is no such delivery.
    pub(crate) fn again(&mut self, number: u64, due_ms: i64) -> Option<u64> {
        let known = self.find(number)?;
        let again = Delivery {
            due_ms,
            place: (self.count + 1) * PLACE,
            is_extra: true,
            state: DeliveryState::Pending,
            attempts: Vec::new(),
            ..known.clone()
        };
        self.queue(again);
        Some(self.count)
    }

    /// What waits, in the order in which it will be sent.
    pub(crate) fn pending(&self) -> impl Iterator<Item = &Delivery> {
        self.waiting
            .iter()
            .filter_map(|(_, number)| self.find(*number))
    }

    /// The next one that is due and whose endpoint can take one, marked as being sent.
    pub(crate) fn start_next(
        &mut self,
        now_ms: i64,
        is_free: impl Fn(&str) -> bool,
    ) -> Option<Delivery> {
        let number = self
            .pending()
            .find(|delivery| delivery.due_ms <= now_ms && is_free(&delivery.endpoint_id))?
            .number;
        self.set_state(number, DeliveryState::Sending);
        self.find(number).cloned()
    }

    pub(crate) fn set_state(&mut self, number: u64, state: DeliveryState) {
        let Some(delivery) = self.find_mut(number) else {
            return;
        };
        delivery.state = state;
        let key = (delivery.place, number);
        if state == DeliveryState::Pending {
            self.waiting.insert(key);
        } else {
            self.waiting.remove(&key);
        }
    }

    fn position(&self, number: u64) -> Option<usize> {
        let first = self.deliveries.front()?.number;
        usize::try_from(number.checked_sub(first)?).ok()
    }

    pub(crate) fn find(&self, number: u64) -> Option<&Delivery> {
        self.deliveries.get(self.position(number)?)
    }

    pub(crate) fn find_mut(&mut self, number: u64) -> Option<&mut Delivery> {
        let at = self.position(number)?;
        self.deliveries.get_mut(at)
    }

    /// Whether an endpoint accepted an event already.
    pub(crate) fn was_accepted(&self, event_id: &str, endpoint_id: &str) -> bool {
        self.deliveries.iter().any(|delivery| {
            delivery.state == DeliveryState::Delivered
                && delivery.event_id == event_id
                && delivery.endpoint_id == endpoint_id
        })
    }
}

#[cfg(test)]
mod tests {
    use crate::json::json;

    use super::*;

    fn add(outbox: &mut Outbox, id: &str, disturbance: Disturbance) {
        let receiver = json!({ "id": "we_1", "url": "http://a.test" });
        let payload = json!({ "id": id, "type": "x" });
        outbox.add(&receiver, &payload, 0, disturbance, false);
    }

    fn order(outbox: &mut Outbox) -> Vec<String> {
        std::iter::from_fn(|| outbox.start_next(0, |_| true))
            .map(|delivery| delivery.event_id)
            .collect()
    }

    #[test]
    fn an_overtaken_delivery_goes_behind_those_that_follow_it() {
        let mut outbox = Outbox::default();
        let behind_two = Disturbance {
            overtaken_by: 2,
            ..Disturbance::default()
        };
        add(&mut outbox, "1", behind_two);
        for id in ["2", "3", "4"] {
            add(&mut outbox, id, Disturbance::default());
        }
        assert_eq!(order(&mut outbox), ["2", "3", "1", "4"]);
    }

    #[test]
    fn a_duplicate_is_sent_twice_and_a_dropped_one_never() {
        let mut outbox = Outbox::default();
        let twice = Disturbance {
            copies: 1,
            ..Disturbance::default()
        };
        let lost = Disturbance {
            is_dropped: true,
            ..Disturbance::default()
        };
        add(&mut outbox, "1", twice);
        add(&mut outbox, "2", lost);
        assert_eq!(order(&mut outbox), ["1", "1"]);
        assert_eq!(outbox.deliveries[2].state, DeliveryState::Dropped);
    }

    #[test]
    fn what_is_done_with_is_forgotten_in_the_end() {
        let mut outbox = Outbox::default();
        for n in 0..DELIVERIES_MAX + 10 {
            add(&mut outbox, &n.to_string(), Disturbance::default());
            if let Some(sent) = outbox.start_next(0, |_| true) {
                outbox.set_state(sent.number, DeliveryState::Delivered);
            }
        }
        assert_eq!(outbox.deliveries.len(), DELIVERIES_MAX);
        assert_eq!(outbox.find(11).map(|delivery| delivery.number), Some(11));
        assert!(outbox.find(10).is_none());
    }
}
