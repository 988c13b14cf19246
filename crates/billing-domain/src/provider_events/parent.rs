//! What an event may have to wait for: the object of ours that it is about, not known yet.

use crate::kernel::id::IntentId;
use crate::kernel::text::ProviderRef;

/// An object of ours without which an event cannot be decided.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Parent {
    /// A sale, named by the metadata of the event's object.
    Intent(IntentId),
    /// The sale that is linked to a subscription of the provider's. Nothing else tells whose an event
    /// is that names no sale, and most likely there is none: others sell on the same account.
    SaleOf(ProviderRef),
}

impl Parent {
    /// The name in storage: kind and id.
    pub fn key(&self) -> String {
        match self {
            Self::Intent(id) => format!("checkout_intent:{id}"),
            Self::SaleOf(subscription) => format!("subscription:{subscription}"),
        }
    }
}
