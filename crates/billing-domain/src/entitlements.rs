//! Who may use what, why, since and until when (spec E.5).

pub mod check_entitlement;
pub mod entitlement;
pub mod ports;
