//! Stripe in a box: a stateful simulator of Stripe's HTTP API, with a hosted checkout page, signed
//! webhooks, a clock that can be moved, faults on demand, and every id drawn from a seed.
//!
//! It never moves money and refuses live keys. What it does not simulate it answers with 501 and the
//! list of what it does; it never makes up a success.
//!
//! ```
//! use billing_sandbox::{ClockStart, Sandbox, SandboxConfig};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let sandbox = Sandbox::start(SandboxConfig {
//!     clock: ClockStart::Fixed(1_790_000_000),
//!     auto_deliver: false,
//!     ..SandboxConfig::default()
//! })
//! .await?;
//! let customer = reqwest::Client::new()
//!     .post(format!("{}/v1/customers", sandbox.url()))
//!     .bearer_auth(sandbox.secret_key())
//!     .body("email=jenny@example.com")
//!     .send()
//!     .await?;
//! assert_eq!(customer.status(), 200);
//! assert_eq!(sandbox.events()[0]["type"], "customer.created");
//! sandbox.stop().await;
//! # Ok(())
//! # }
//! ```

// Stripe's objects have more members than `json!` unfolds by default.
#![recursion_limit = "512"]

mod account;
mod api;
mod clock;
mod config;
mod deliveries;
mod faults;
mod http;
mod ids;
mod lives;
mod pages;
mod sandbox;
mod shape;
mod world;

pub use clock::ClockStart;
pub use config::{SandboxConfig, StartError, WebhookConfig};
pub use deliveries::sender::{DeliveryOutcome, SignedDelivery};
pub use deliveries::{Attempt, Delivery, DeliveryState};
pub use faults::{Fault, FaultKind};
pub use sandbox::Sandbox;
pub use world::RequestRecord;
