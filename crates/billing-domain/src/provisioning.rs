//! From a paid intent to a customer with licences: a workflow whose steps are stored (spec A.8).

pub mod ports;
pub mod retry_provisioning;
pub mod run_provisioning;
pub mod workflow;
