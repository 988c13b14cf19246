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
//! - **Break**: [`Sandbox::faults`] with a [`FaultKind`] before or after the effect,
//!   [`Sandbox::set_offline`].
//!
//! # What is simulated
//!
//! Customers, products, prices, Checkout Sessions in all three modes, payment intents, card payment
//! methods, charges, subscriptions (trial, quantities with proration, pending updates, cancellation),
//! invoices, invoice payments, events, webhook endpoints, the account; in every API version from
//! 2023-10-16 to 2026-10-28.endive.
//!
//! # What is not
//!
//! Renewals and the end of trials, dunning, 3-D Secure, refunds, disputes, coupons, tax, tiers, meters,
//! invoice items, price changes, the billing portal, test clocks, thin events. Their endpoints and
//! parameters answer 501. Prorations of `create_prorations` are kept, but no renewal bills them yet.

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
mod http;
mod ids;
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
