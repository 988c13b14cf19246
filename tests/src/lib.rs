//! What the whole-system tests stand on: the service over a memory store and a fake provider whose
//! every port call can fail, and the service over real databases and the sandbox.

pub mod corpus;
pub mod house;
pub mod sandbox_client;
pub mod stage;
