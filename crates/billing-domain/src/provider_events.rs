//! What the provider told us: received once, applied once, in any order.

pub mod apply_provider_event;
pub mod delivery;
pub mod discard_provider_event;
pub mod drain_inbox;
pub mod event;
pub mod event_filter;
pub mod handoff;
pub mod lane;
pub mod list_provider_events;
pub mod observer;
pub mod parent;
pub mod payload_retention;
pub mod ports;
pub mod reading;
pub mod receive_webhook;
pub mod replay_provider_event;
pub mod replay_provider_events;
pub mod reports;
pub mod scrub_payloads;
pub mod show_provider_event;
pub mod stored_event;
