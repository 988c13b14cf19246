//! One stored event as operators see it: what came, what became of it, and what they may decide.

use uuid::Uuid;

use super::ports::Envelope;
use crate::kernel::audit::{Entity, EntityKind};
use crate::kernel::event::DomainEvent;
use crate::kernel::id::InboxEventId;
use crate::kernel::text::Reason;
use crate::kernel::timestamp::Timestamp;
use crate::kernel::transition::Transition;

#[cfg(test)]
mod tests;

/// Where an event is between its delivery and its end (F.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EventStatus {
    /// Due: a worker takes it next.
    Received,
    /// A worker has it, or had it and ended before it told.
    Processing,
    /// An attempt failed, and another follows by itself.
    Failed,
    /// It had no effect.
    Skipped,
    /// It will never succeed by itself.
    Parked,
    /// It waits until billing is switched on.
    Deferred,
    /// Its effects are committed.
    Processed,
    /// An operator decided that it shall have no effect.
    Discarded,
}

impl EventStatus {
    /// Every status.
    pub const ALL: [Self; 8] = [
        Self::Received,
        Self::Processing,
        Self::Failed,
        Self::Skipped,
        Self::Parked,
        Self::Deferred,
        Self::Processed,
        Self::Discarded,
    ];

    /// The name on the wire and in storage.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Received => "received",
            Self::Processing => "processing",
            Self::Failed => "failed",
            Self::Skipped => "skipped",
            Self::Parked => "parked",
            Self::Deferred => "deferred",
            Self::Processed => "processed",
            Self::Discarded => "discarded",
        }
    }

    /// Reads the name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.name() == name)
    }

    /// Whether an operator's replay makes such an event due: it rests, and has had no effect.
    pub fn is_replayable(&self) -> bool {
        match self {
            Self::Failed | Self::Skipped | Self::Parked | Self::Discarded => true,
            Self::Received | Self::Processing | Self::Deferred | Self::Processed => false,
        }
    }
}

/// What became of an event so far.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EventState {
    /// It is due.
    Received,
    /// A worker has it.
    Processing {
        /// When its lease ends and the event is due again, if the worker has not told until then.
        leased_until: Timestamp,
    },
    /// The last attempt failed.
    Failed {
        /// When.
        at: Timestamp,
        /// Why.
        error: String,
        /// When it is due again.
        next_attempt_at: Timestamp,
    },
    /// It had no effect.
    Skipped {
        /// When that was decided.
        at: Timestamp,
        /// Why.
        reason: String,
    },
    /// An operator must look.
    Parked {
        /// When it was given up.
        at: Timestamp,
        /// Why.
        reason: String,
    },
    /// Billing is switched off.
    Deferred {
        /// When it was put aside.
        at: Timestamp,
    },
    /// Its effects are committed.
    Processed {
        /// When.
        at: Timestamp,
    },
    /// An operator put it aside.
    Discarded {
        /// When.
        at: Timestamp,
        /// Why.
        reason: String,
    },
}

impl EventState {
    /// The status without its facts.
    pub fn status(&self) -> EventStatus {
        match self {
            Self::Received => EventStatus::Received,
            Self::Processing { leased_until: _ } => EventStatus::Processing,
            Self::Failed { .. } => EventStatus::Failed,
            Self::Skipped { .. } => EventStatus::Skipped,
            Self::Parked { .. } => EventStatus::Parked,
            Self::Deferred { at: _ } => EventStatus::Deferred,
            Self::Processed { at: _ } => EventStatus::Processed,
            Self::Discarded { .. } => EventStatus::Discarded,
        }
    }

    /// Why the event rests where it is, where there is a reason.
    pub fn reason(&self) -> Option<&str> {
        match self {
            Self::Failed {
                at: _,
                error: reason,
                next_attempt_at: _,
            }
            | Self::Skipped { at: _, reason }
            | Self::Parked { at: _, reason }
            | Self::Discarded { at: _, reason } => Some(reason),
            Self::Received
            | Self::Processing { .. }
            | Self::Deferred { .. }
            | Self::Processed { .. } => None,
        }
    }
}

/// An event in the inbox, without its payload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredEvent {
    /// Our id.
    pub id: InboxEventId,
    /// What its envelope says.
    pub envelope: Envelope,
    /// Our id of the request that delivered it.
    pub correlation_id: Option<String>,
    /// When it came.
    pub received_at: Timestamp,
    /// How often a worker took it, since it came or was last replayed.
    pub attempts: u32,
    /// What became of it.
    pub state: EventState,
}

/// The event's effects are committed, so neither a replay nor a discard would change anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this event was applied at {at}")]
pub struct EventApplied {
    /// When.
    pub at: Timestamp,
}

impl StoredEvent {
    /// Makes a resting event due again, as if it had just come: its attempts are counted anew. One
    /// that is due by itself stays as it is.
    ///
    /// # Errors
    /// [`EventApplied`].
    pub fn replay(&self) -> Result<Transition<Self>, EventApplied> {
        match &self.state {
            EventState::Failed { .. }
            | EventState::Skipped { .. }
            | EventState::Parked { .. }
            | EventState::Discarded { .. } => {
                let mut next = self.in_state(EventState::Received);
                next.attempts = 0;
                let event = DomainEvent::ProviderEventReplayed {
                    event_id: self.id,
                    event_type: self.envelope.event_type.clone(),
                    previous_status: self.state.status().name(),
                };
                Ok(Transition::Applied { next, event })
            }
            EventState::Received | EventState::Processing { .. } | EventState::Deferred { .. } => {
                Ok(Transition::AlreadyApplied)
            }
            EventState::Processed { at } => Err(EventApplied { at: *at }),
        }
    }

    /// Decides that the event shall have no effect, until somebody replays it. A worker that has it
    /// at this moment commits nothing.
    ///
    /// # Errors
    /// [`EventApplied`].
    pub fn discard(
        &self,
        reason: &Reason,
        now: Timestamp,
    ) -> Result<Transition<Self>, EventApplied> {
        match &self.state {
            EventState::Discarded {
                at: _,
                reason: given,
            } if given == reason.as_str() => Ok(Transition::AlreadyApplied),
            EventState::Received
            | EventState::Processing { .. }
            | EventState::Failed { .. }
            | EventState::Skipped { .. }
            | EventState::Parked { .. }
            | EventState::Deferred { .. }
            | EventState::Discarded { .. } => {
                let next = self.in_state(EventState::Discarded {
                    at: now,
                    reason: reason.to_string(),
                });
                let event = DomainEvent::ProviderEventDiscarded {
                    event_id: self.id,
                    event_type: self.envelope.event_type.clone(),
                    previous_status: self.state.status().name(),
                };
                Ok(Transition::Applied { next, event })
            }
            EventState::Processed { at } => Err(EventApplied { at: *at }),
        }
    }

    /// The outcome that only the event itself tells: that of an attempt which did not fail. Attempts
    /// that failed are kept when they fail.
    pub fn last_outcome(&self) -> Option<AttemptOutcome> {
        match &self.state {
            EventState::Skipped { at, reason } => Some(AttemptOutcome {
                at: *at,
                status: EventStatus::Skipped,
                error: Some(reason.clone()),
            }),
            EventState::Processed { at } => Some(AttemptOutcome {
                at: *at,
                status: EventStatus::Processed,
                error: None,
            }),
            EventState::Received
            | EventState::Processing { .. }
            | EventState::Failed { .. }
            | EventState::Parked { .. }
            | EventState::Deferred { .. }
            | EventState::Discarded { .. } => None,
        }
    }

    fn in_state(&self, state: EventState) -> Self {
        Self {
            state,
            ..self.clone()
        }
    }
}

impl Entity for StoredEvent {
    const KIND: EntityKind = EntityKind::ProviderEvent;

    fn uuid(&self) -> Uuid {
        self.id.uuid()
    }

    fn state_name(&self) -> &'static str {
        self.state.status().name()
    }
}

/// How one attempt to apply an event ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttemptOutcome {
    /// When it ended.
    pub at: Timestamp,
    /// Failed, parked, skipped or processed.
    pub status: EventStatus,
    /// Why, unless it was applied.
    pub error: Option<String>,
}
