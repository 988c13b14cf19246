//! The HTTP adapter over the memory store and the fake provider, request by request.
#![expect(
    clippy::unwrap_used,
    reason = "every function here is a part of a test, whether or not the lint can see it"
)]

mod aliases;
mod auth;
mod checkout;
mod documentation;
mod entitlements;
mod idempotency;
mod licensing;
mod logs;
mod malformed;
mod metrics;
mod over_tcp;
mod pages;
mod problems;
mod service;
mod shutdown;
mod strangers;
mod surroundings;
mod tokens;
mod webhook;
mod webhook_events;
