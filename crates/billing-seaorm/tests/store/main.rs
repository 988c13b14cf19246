//! What the store must do, on every database that can be had here.

mod claims;
mod commits;
mod connecting;
mod contract;
mod corrupt_rows;
mod fixtures;
mod round_trips;
mod store_down;
