//! What the provider told us: received once, applied once, in any order.

pub mod apply_provider_event;
pub mod drain_inbox;
pub mod event;
pub mod ports;
pub mod receive_webhook;
pub mod reports;
