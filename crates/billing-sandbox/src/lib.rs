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
//!
//! # In a test
//!
//! - **Pay**: [`Sandbox::pay_checkout`], or `POST /sandbox/checkout/{session}/pay`, or the form of the
//!   hosted page that `session.url` points at. 4242 4242 4242 4242 pays; each decline card declines.
//! - **Deliver**: with `auto_deliver: false`, [`Sandbox::deliver_due`] sends what is due and tells how
//!   it went; [`Sandbox::advance`] makes retries due. [`Sandbox::take_pending_deliveries`] hands out
//!   exact bodies and headers, to be sent twice or in another order.
//! - **Break**: [`Sandbox::faults`] with a [`FaultKind`] before or after the effect, or one that
//!   disturbs webhooks; [`Sandbox::set_offline`].
//!
//! - **Go on**: [`Sandbox::snapshot`] is the whole state as one document, [`Sandbox::resume`] goes on
//!   from it as if nothing had happened since.
//! - **Repeat**: the same seed, clock and requests give the same bytes. Addresses of hosted pages are
//!   in bodies, so runs on free ports want a `public_url` that stays.
//!
//! # What is simulated
//!
//! What `docs/sandbox.md` says and `GET /sandbox/routes` lists: each endpoint with the parameters that it
//! knows and does not simulate. They answer 501, and so does everything else of Stripe's.

// Stripe's objects have more members than `json!` unfolds by default.
#![recursion_limit = "512"]

mod account;
mod api;
mod clock;
mod config;
mod deliveries;
mod due;
mod events;
mod exchanges;
mod faults;
mod hashing;
mod http;
mod ids;
mod json;
mod lives;
mod pages;
mod sandbox;
mod shape;
mod snapshot;
mod world;

pub use clock::ClockStart;
pub use config::{SandboxConfig, StartError, WebhookConfig};
pub use deliveries::sender::{DeliveryOutcome, SignedDelivery};
pub use deliveries::{Attempt, Delivery, DeliveryState};
pub use faults::{Fault, FaultKind};
pub use sandbox::Sandbox;
pub use snapshot::{SnapshotError, SnapshotOwner};
pub use world::RequestRecord;
