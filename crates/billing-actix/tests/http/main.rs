//! The HTTP adapter over the memory store and the fake provider, request by request.

mod aliases;
mod auth;
mod checkout;
mod documentation;
mod entitlements;
mod idempotency;
mod licensing;
mod malformed;
mod pages;
mod service;
mod surroundings;
mod tokens;
mod webhook;
