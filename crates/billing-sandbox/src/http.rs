//! Stripe's HTTP conventions: form bodies, typed parameters, errors, idempotency, keys, and the listener.

pub(crate) mod control;
pub(crate) mod conventions;
pub(crate) mod endpoint;
pub(crate) mod error;
pub(crate) mod exchange;
pub(crate) mod form;
#[cfg(test)]
mod fuzz;
pub(crate) mod hosted;
pub(crate) mod idempotency;
pub(crate) mod keys;
pub(crate) mod params;
pub(crate) mod publishable;
pub(crate) mod server;
pub(crate) mod trigger;
pub(crate) mod v2;
