//! What a customer holds: an agreement, plans under it, and licences of a plan (spec A.11).

pub mod activate_license;
pub mod agreement;
pub mod assign_licenses;
pub mod license;
pub mod plan;
pub mod ports;
pub mod read_licenses;
pub mod revoke_license;
