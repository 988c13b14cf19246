//! The events of an account: what changed, as it was and as it became, kept for 30 days.

pub(crate) mod raising;
pub(crate) mod thin;

use std::collections::VecDeque;

use crate::hashing::QuickMap;
use crate::json::{Text, Value};
use serde::{Deserialize, Serialize};

use crate::events::thin::Thin;

const KEPT_SECONDS: i64 = 30 * 86_400;

/// A bound on memory for a sandbox whose clock never moves.
const EVENTS_MAX: usize = 200_000;

/// One change, before it is rendered for anybody.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Event {
    pub(crate) id: Text,
    /// `invoice.paid`.
    pub(crate) kind: Text,
    /// Seconds since 1970, in the time of the object's test clock if it has one.
    pub(crate) created: i64,
    /// Seconds since 1970 in the sandbox's own time: what the 30 days are counted from.
    pub(crate) raised_at: i64,
    pub(crate) object: Value,
    pub(crate) before: Option<Value>,
    pub(crate) request_id: Option<String>,
    pub(crate) idempotency_key: Option<String>,
    /// Endpoints that have not accepted it yet.
    pub(crate) pending_webhooks: i64,
    /// Present if it exists in the thin form only.
    pub(crate) thin: Option<Box<Thin>>,
}

/// Oldest first.
#[derive(Debug, Default)]
pub(crate) struct Events {
    rows: VecDeque<Event>,
    /// The number of the first row; numbers grow by one and are never given twice.
    first: u64,
    numbers: QuickMap<Text, u64>,
}

impl Events {
    pub(crate) fn push(&mut self, event: Event) {
        let now = event.raised_at;
        let number = self.first + self.rows.len() as u64;
        self.numbers.insert(event.id.clone(), number);
        self.rows.push_back(event);
        while self.rows.len() > EVENTS_MAX
            || self
                .rows
                .front()
                .is_some_and(|oldest| oldest.raised_at < now.saturating_sub(KEPT_SECONDS))
        {
            if let Some(oldest) = self.rows.pop_front() {
                self.numbers.remove(&oldest.id);
                self.first += 1;
            }
        }
    }

    pub(crate) fn first_number(&self) -> u64 {
        self.first
    }

    /// The number that the next event will have.
    pub(crate) fn end_number(&self) -> u64 {
        self.first + self.rows.len() as u64
    }

    /// The events from a number on, oldest first.
    pub(crate) fn since(&self, number: u64) -> impl Iterator<Item = &Event> {
        let skipped = usize::try_from(number.saturating_sub(self.first)).unwrap_or(usize::MAX);
        self.rows.iter().skip(skipped)
    }

    /// Takes events back that were kept elsewhere, under the numbers that they had.
    pub(crate) fn restored(rows: Vec<Event>, first: u64) -> Self {
        let numbers = (first..).zip(&rows);
        let numbers = numbers
            .map(|(number, event)| (event.id.clone(), number))
            .collect();
        Self {
            rows: rows.into(),
            first,
            numbers,
        }
    }

    /// What `/v1/events` has.
    pub(crate) fn iter(&self) -> impl DoubleEndedIterator<Item = &Event> {
        self.rows.iter().filter(|event| event.thin.is_none())
    }

    /// What `/v2/core/events` has: each of those in its thin form, and what is thin only.
    pub(crate) fn all(&self) -> impl DoubleEndedIterator<Item = &Event> {
        self.rows.iter()
    }

    fn position(&self, id: &str) -> Option<usize> {
        let number = match self.numbers.get(id) {
            Some(number) => number,
            // The thin form of an event is the same event.
            None => self.numbers.get(thin::snapshot_id(id)?.as_str())?,
        };
        usize::try_from(number - self.first).ok()
    }

    pub(crate) fn find(&self, id: &str) -> Option<&Event> {
        self.rows.get(self.position(id)?)
    }

    /// Counts a delivery that its endpoint accepted.
    pub(crate) fn note_delivered(&mut self, id: &str) {
        if let Some(event) = self.position(id).and_then(|at| self.rows.get_mut(at)) {
            event.pending_webhooks = (event.pending_webhooks - 1).max(0);
        }
    }
}
