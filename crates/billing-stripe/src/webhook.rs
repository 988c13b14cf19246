//! What Stripe sends to us: first the signature, then the envelope, and much later the content.

mod decoder;
mod envelope;
mod scrubber;
mod signature;
mod verifier;

pub use decoder::StripeEventDecoder;
pub use scrubber::StripePayloadScrubber;
pub use verifier::{EmptyWebhookSecret, StripeWebhookVerifier};

#[cfg(test)]
mod tests;
