//! The real program as a child process, with the sandbox as Stripe: killed, stopped, misconfigured,
//! and asked for each of its commands.

mod commands;
mod demo;
mod kill;
mod logs;
mod program;
mod readiness;
mod refusals;
mod shutdown;
mod stage;
mod switched_off;
