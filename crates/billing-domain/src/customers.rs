//! Who is billed: one customer per owner, linked to one customer at the provider.

pub mod customer;
pub mod ports;
