//! The mirror of the provider's subscriptions.

pub mod ports;
pub mod subscription;
