//! Whether the provider's events reach us: the endpoint's registration, and the scan of the
//! provider's own list for events that never came.

pub mod check_webhook;
pub mod endpoint;
pub mod ports;
pub mod register_webhook;
pub mod scan;
pub mod scan_for_missing_events;
