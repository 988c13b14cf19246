//! The self-service sale: an intent that reserves, is paid through the provider and is fulfilled.

pub mod amend_intent;
pub mod create_intent;
pub mod intent;
pub mod open_requested_checkout;
pub mod pay_intent;
pub mod policy;
pub mod ports;
pub mod read_intents;
pub mod start_checkout;
pub mod sweep_intents;
pub mod sync_checkout;
