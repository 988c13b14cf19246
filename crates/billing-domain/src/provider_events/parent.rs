//! What an event may have to wait for: the object of ours that it is about, not known yet.

use crate::kernel::id::IntentId;

/// An object of ours without which an event cannot be decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Parent {
    /// A sale, named by the metadata of the event's object.
    Intent(IntentId),
}

impl Parent {
    /// The name in storage: kind and id.
    pub fn key(&self) -> String {
        match self {
            Self::Intent(id) => format!("checkout_intent:{id}"),
        }
    }
}
