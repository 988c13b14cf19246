//! The readers, one file per capability.

mod access;
mod archive;
mod catalog;
mod checkout;
mod customers;
mod entitlements;
pub(crate) mod event_log;
mod licensing;
mod provisioning;
mod subscriptions;
mod tenants;
