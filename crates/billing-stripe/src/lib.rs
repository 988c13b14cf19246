//! The payment ports over Stripe's HTTP API, and Stripe's webhooks of any API version.
//!
//! Stripe's words stop here: what leaves this crate is `billing-domain`'s. Requests are made by
//! async-stripe's typed builders and sent by our own transport; answers and events are read by
//! the same tolerant readers, whatever version they have (`docs/stripe.md`).

mod config;
mod fields;
mod objects;
mod provider;
#[cfg(test)]
mod stub_stripe;
mod transport;
mod webhook;

pub use config::{SetupError, StripeConfig, StripeMode};
pub use provider::StripeProvider;
pub use transport::{ApiError, CallError, StripeTransport};
pub use webhook::{
    EVENT_TYPES, EmptyWebhookSecret, StripeEventDecoder, StripePayloadScrubber,
    StripeWebhookVerifier, snapshot_type,
};
