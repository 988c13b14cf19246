//! The shapes of requests and answers, and how they become domain values and back.

pub(crate) mod body;
pub(crate) mod checkout_session;
pub(crate) mod entitlement;
pub(crate) mod fields;
pub(crate) mod health;
pub(crate) mod intent;
pub(crate) mod license;
pub(crate) mod webhook_event;
pub(crate) mod webhook_event_filter;
