//! The billing service: configuration, wiring, workers and the command line. The only crate that
//! knows all the others.

pub mod bench;
pub mod cli;
pub mod clock;
pub mod commands;
pub mod config;
pub mod demo;
pub mod events;
pub mod flight_recorder;
pub mod metrics;
mod open_files;
pub mod rebuild;
pub mod service;
pub mod telemetry;
pub mod webhook;
pub mod wiring;
pub mod workers;
