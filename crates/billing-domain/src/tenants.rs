//! Enterprise customers and who administers them.

pub mod ports;
pub mod tenant;
