//! The self-service sale: an intent that reserves, is paid through the provider and is fulfilled.

pub mod intent;
pub mod ports;
