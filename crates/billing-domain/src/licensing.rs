//! What a customer holds: an agreement, plans under it, and licences of a plan (spec A.11).

pub mod agreement;
pub mod license;
pub mod plan;
pub mod ports;
