//! Who may call: projects, their applications and keys, their users.

pub mod api_key;
pub mod ports;
pub mod project;
pub mod user;
