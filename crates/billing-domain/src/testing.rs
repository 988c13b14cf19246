//! What tests of use cases and of adapters stand on: a memory store, a fake provider, a clock.
//!
//! Every port also has a mock, `Mock…` beside its trait (by `mockall`, behind the same feature).
//! Prefer the memory store and the fake provider; take a mock only to inject what they cannot
//! do, such as a conflict that comes twice.

pub mod clock;
pub mod contract;
pub mod fake_event_list;
pub mod fake_provider;
pub mod fake_webhooks;
pub mod faults;
pub mod fixtures;
pub mod ids;
pub mod inbox_steps;
pub mod memory_store;
pub mod plain_hasher;
mod rigged_writers;
pub mod tables;
pub mod workbench;

pub use clock::ManualClock;
pub use fake_event_list::FakeEventList;
pub use fake_provider::FakeProvider;
pub use fake_webhooks::FakeWebhooks;
pub use faults::Faults;
pub use ids::SequentialIds;
pub use memory_store::MemoryStore;
pub use plain_hasher::PlainHasher;
pub use workbench::Workbench;
