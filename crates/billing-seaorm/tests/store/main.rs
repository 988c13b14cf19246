//! What the store must do, on every database that can be had here.

mod claims;
mod commits;
mod connecting;
mod contract;
mod corrupt_rows;
mod fixtures;
mod readers;
mod round_trips;
mod unique_rules;
