//! Who hears what happens to events, to count and to measure it; nobody decides by it.

use time::Duration;

use super::ports::{Receipt, VerifyError};
use super::stored_event::EventStatus;
use crate::kernel::timestamp::Timestamp;

/// How a delivery was answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeliveryOutcome {
    /// It is durable.
    Stored(Receipt),
    /// It was refused, and nothing of it was stored.
    Refused(VerifyError),
    /// It is not durable, or nobody waited until it was; the provider delivers it again.
    Failed,
    /// There was no room to read it; the provider delivers it again.
    TurnedAway,
}

/// An attempt to apply an event that has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Attempt<'a> {
    /// For example `invoice.paid`.
    pub event_type: &'a str,
    /// Where it left the event.
    pub status: EventStatus,
    /// When the provider made the event.
    pub created_at: Timestamp,
    /// When the attempt began.
    pub began_at: Timestamp,
    /// When it ended.
    pub ended_at: Timestamp,
}

/// Hears of events. MUST return at once, MUST NOT fail, and MAY miss something.
pub trait EventObserver: Send + Sync {
    /// A delivery was answered after this time.
    fn delivery_answered(&self, outcome: DeliveryOutcome, took: Duration);

    /// An attempt to apply an event ended.
    fn attempt_ended(&self, attempt: &Attempt<'_>);
}

/// Nobody hears.
#[derive(Debug, Clone, Copy, Default)]
pub struct Unobserved;

impl EventObserver for Unobserved {
    fn delivery_answered(&self, _outcome: DeliveryOutcome, _took: Duration) {}

    fn attempt_ended(&self, _attempt: &Attempt<'_>) {}
}
