//! The service as its callers meet it, on SQLite and on PostgreSQL, with the sandbox as Stripe.

mod faults;
mod missing_events;
mod races;
mod sale;
