//! The answer of a state machine: the next state with what happened, or "this happened before".

use super::event::DomainEvent;

/// What a command did to an entity.
///
/// A repeat is a value, not an error: `AlreadyApplied` means that *this exact thing happened
/// before*; an impossible command is the entity's error.
#[must_use = "an uncommitted transition never happened"]
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(
    clippy::large_enum_variant,
    reason = "it is taken apart at once and never kept in bulk"
)]
pub enum Transition<T> {
    /// The entity changes, and this is what to say about it.
    Applied {
        /// The entity after the command.
        next: T,
        /// What happened.
        event: DomainEvent,
    },
    /// Nothing changes.
    AlreadyApplied,
}

impl<T> Transition<T> {
    /// The entity after the command: the next one, or the one that it was.
    pub fn outcome<'a>(&'a self, before: &'a T) -> &'a T {
        match self {
            Self::Applied { next, event: _ } => next,
            Self::AlreadyApplied => before,
        }
    }

    /// Whether the command changed something.
    pub fn is_applied(&self) -> bool {
        match self {
            Self::Applied { .. } => true,
            Self::AlreadyApplied => false,
        }
    }
}
