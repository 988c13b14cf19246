//! What Stripe sends to us: first the signature, then the envelope, and much later the content.

mod decoder;
mod envelope;
mod event_types;
mod scrubber;
mod signature;
mod verifier;

pub use decoder::{StripeEventDecoder, snapshot_type};
pub(crate) use envelope::read_envelope;
pub use event_types::EVENT_TYPES;
pub use scrubber::StripePayloadScrubber;
pub use verifier::{EmptyWebhookSecret, StripeWebhookVerifier};

#[cfg(test)]
mod tests;
