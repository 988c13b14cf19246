//! The real program as a child process, with the sandbox as Stripe: killed, stopped, misconfigured,
//! and asked for each of its commands.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on fails; clippy knows only functions with #[test]"
)]

mod commands;
mod demo;
mod events;
mod kill;
mod logs;
mod program;
mod readiness;
mod refusals;
mod shutdown;
mod stage;
mod switched_off;
mod webhook;
