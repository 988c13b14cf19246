//! The service as its callers meet it, on SQLite and on PostgreSQL, with the sandbox as Stripe.

mod faults;
mod flight_recorder;
mod missing_events;
mod races;
mod rebuild;
mod retention;
mod rows;
mod sale;
mod thin_events;
