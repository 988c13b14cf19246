//! What the provider told us: received once, applied once, in any order.

pub mod event;
pub mod ports;
