//! Published events as JSON, without a JSON library in the domain's manifest.

use crate::kernel::event::DomainEvent;

/// The event's name as a JSON object; facts stay out.
pub(super) fn to_json(event: &DomainEvent) -> String {
    format!(r#"{{"type":"{}"}}"#, event.name())
}
