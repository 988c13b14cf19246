//! Who is billed: one customer per owner, linked to one customer at the provider.

pub mod customer;
pub mod ensure_customer;
pub mod ports;
