//! What is told to the world after a commit: at least once, and never for what did not happen.

pub mod ports;
pub mod publish_messages;
