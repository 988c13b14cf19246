//! Health answers on the wire.

use serde::Serialize;
use utoipa::ToSchema;

/// The service runs.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct HealthBody {
    /// `ok`.
    pub(crate) status: &'static str,
    pub(crate) version: String,
    pub(crate) timestamp: String,
}

/// One check.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CheckBody {
    pub(crate) name: &'static str,
    pub(crate) ready: bool,
    pub(crate) detail: String,
}

/// Every check.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ReadyBody {
    /// `ready`.
    pub(crate) status: &'static str,
    pub(crate) checks: Vec<CheckBody>,
}

/// Whether billing is switched on (C-113).
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct BillingHealthBody {
    pub(crate) enabled: bool,
    pub(crate) stripe_configured: bool,
    pub(crate) checks: Vec<CheckBody>,
    pub(crate) timestamp: String,
}

/// A delivery that is durable.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ReceivedBody {
    pub(crate) received: bool,
    /// `received` or `duplicate`.
    pub(crate) status: &'static str,
}
