//! Who may call: projects, their applications and keys, their users.

pub mod api_key;
pub mod authenticate_app;
pub mod issue_api_key;
pub mod ports;
pub mod project;
pub mod register_user;
pub mod user;
