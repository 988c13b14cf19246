//! Enterprise customers and who administers them.

pub mod authority;
pub mod ports;
pub mod tenant;
