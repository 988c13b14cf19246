//! The real program as a child process, with the sandbox as Stripe: killed, stopped, misconfigured,
//! and asked for each of its commands.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on fails; clippy knows only functions with #[test]"
)]

mod bad_input;
mod bad_payloads;
mod commands;
mod database_faults;
mod demo;
mod effects;
mod events;
mod kill;
mod load;
mod logs;
mod operators;
mod order;
mod program;
mod readiness;
mod refusals;
mod replicas;
mod shutdown;
mod slow_stripe;
mod stage;
mod strangers;
mod switched_off;
mod webhook;
