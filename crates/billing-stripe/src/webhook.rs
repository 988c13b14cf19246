//! What Stripe sends to us: first the signature, then the envelope, and much later the content.

mod decoder;
mod envelope;
mod event_types;
mod signature;
mod verifier;

pub use decoder::StripeEventDecoder;
pub(crate) use envelope::read_envelope;
pub use event_types::EVENT_TYPES;
pub use verifier::{EmptyWebhookSecret, StripeWebhookVerifier};

#[cfg(test)]
mod tests;
