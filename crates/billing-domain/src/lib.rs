//! The inside of the hexagon: the model, the state machines, the ports and the use cases of a
//! billing service on top of Stripe. No framework, no SQL, no HTTP, no Stripe types.
//!
//! A use case loads, decides, commits: it reads through the ports of its capability, lets the
//! entities decide (pure, synchronous, total), and writes one [`kernel::change_set::ChangeSet`]
//! through [`kernel::ports::BillingWriter`]. A call to the payment provider stands between two
//! commits, never inside one.
//!
//! To add a use case: put the decision into the entity, add what must be read to the
//! capability's `ports.rs`, write `verb_object.rs` beside it, name it in `docs/architecture.md`.
#![warn(missing_docs)]
#![deny(
    clippy::wildcard_enum_match_arm,
    clippy::as_conversions,
    clippy::float_arithmetic
)]

pub mod access;
pub mod catalog;
pub mod checkout;
pub mod customers;
pub mod deliveries;
pub mod entitlements;
pub mod kernel;
pub mod licensing;
pub mod orders;
pub mod outbox;
pub mod provider_events;
pub mod provisioning;
pub mod subscriptions;
pub mod tenants;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
