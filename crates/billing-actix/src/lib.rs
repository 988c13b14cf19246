//! HTTP in front of the use cases: routes, DTOs, authentication, problem+json and OpenAPI.
//!
//! A route parses, calls one use case and renders; it decides nothing. What a client sees of an
//! error is decided in `problem/use_cases.rs` and nowhere else.

mod aliases;
mod auth;
mod config;
mod connections;
mod dto;
mod idempotency;
mod inside;
mod openapi;
mod pages;
mod problem;
mod request_id;
mod routes;
mod server;
mod state;
mod unverified_body;

pub use auth::api_key::Sha256KeyHasher;
pub use auth::bearer::{BearerConfig, BearerKey, InvalidBearerKey};
pub use config::HttpConfig;
pub use dto::webhook_event::{
    webhook_event_json, webhook_event_record_json, webhook_events_replayed_json,
    webhook_events_summary_json,
};
pub use openapi::openapi;
pub use problem::Problem;
pub use problem::code::Code;
pub use server::{app, metrics_server, server};
pub use state::{
    AppState, EventUseCases, MetricsPage, Readiness, ReadinessCheck, UseCases, WakeWorkers,
};
