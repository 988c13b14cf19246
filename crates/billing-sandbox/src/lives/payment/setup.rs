//! Setup intents: a payment method is saved, after a challenge if its card asks for one.
