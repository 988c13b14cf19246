//! Webhook deliveries: what is to be sent where, how it went, and when it is tried again.

pub(crate) mod sender;
pub(crate) mod signature;

use std::collections::VecDeque;

use serde::Serialize;
use serde_json::Value;

/// How many deliveries are kept, done or not.
const DELIVERIES_MAX: usize = 10_000;

/// One try.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Attempt {
    /// Seconds since 1970 in the sandbox's time.
    pub at: i64,
    /// The status that was answered; absent when there was none.
    pub status: Option<u16>,
    /// What kept an answer from coming.
    pub error: Option<String>,
    pub duration_ms: u64,
}

/// How far a delivery is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum DeliveryState {
    Pending,
    Sending,
    Delivered,
    /// The schedule of retries is used up, or the endpoint is gone.
    GivenUp,
    /// Handed to a test, which delivers it itself.
    Taken,
}

/// An event on its way to an endpoint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Delivery {
    pub number: u64,
    pub event_id: String,
    pub event_type: String,
    pub endpoint_id: String,
    pub url: String,
    #[serde(skip)]
    pub body: String,
    #[serde(skip)]
    pub(crate) due_ms: i64,
    pub state: DeliveryState,
    pub attempts: Vec<Attempt>,
}

/// The deliveries of one account, oldest first.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    pub(crate) deliveries: VecDeque<Delivery>,
    count: u64,
}

impl Outbox {
    /// Queues a payload for an endpoint or a destination; retries send the same bytes.
    pub(crate) fn add(&mut self, receiver: &Value, payload: &Value, due_ms: i64) {
        self.count += 1;
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let url = match &receiver["webhook_endpoint"]["url"] {
            Value::Null => &receiver["url"],
            of_a_destination => of_a_destination,
        };
        self.deliveries.push_back(Delivery {
            number: self.count,
            event_id: text(&payload["id"]),
            event_type: text(&payload["type"]),
            endpoint_id: text(&receiver["id"]),
            url: text(url),
            body: serde_json::to_string_pretty(payload).unwrap_or_default(),
            due_ms,
            state: DeliveryState::Pending,
            attempts: Vec::new(),
        });
        while self.deliveries.len() > DELIVERIES_MAX {
            self.deliveries.pop_front();
        }
    }

    pub(crate) fn pending(&self) -> impl Iterator<Item = &Delivery> {
        self.deliveries
            .iter()
            .filter(|delivery| delivery.state == DeliveryState::Pending)
    }

    /// The next one that is due, marked as being sent.
    pub(crate) fn start_next(&mut self, now_ms: i64) -> Option<Delivery> {
        let next = self
            .deliveries
            .iter_mut()
            .find(|d| d.state == DeliveryState::Pending && d.due_ms <= now_ms)?;
        next.state = DeliveryState::Sending;
        Some(next.clone())
    }

    pub(crate) fn find_mut(&mut self, number: u64) -> Option<&mut Delivery> {
        self.deliveries
            .iter_mut()
            .find(|delivery| delivery.number == number)
    }
}
