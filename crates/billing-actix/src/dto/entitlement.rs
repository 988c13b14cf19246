//! Entitlements on the wire.

use billing_domain::entitlements::check_entitlement::Verdict;
use billing_domain::entitlements::entitlement::{Entitlement, EntitlementState};
use billing_domain::kernel::id::ProjectId;
use billing_domain::kernel::principal::Principal;
use billing_domain::kernel::text::{ExternalUserId, FeatureCode};
use billing_domain::kernel::timestamp::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::problem::Problem;
use crate::problem::code::Code;

/// Whose entitlements, and which.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct EntitlementQuery {
    /// What the project calls the user.
    user_id: String,
    /// The caller's own project if absent; an operator must say which.
    project_id: Option<String>,
    /// Only this feature.
    feature: Option<String>,
    /// An unknown user has no entitlements instead of being an error.
    #[param(value_type = Option<bool>)]
    allow_unknown: Option<String>,
}

/// A parsed [`EntitlementQuery`].
pub(crate) struct WantedEntitlements {
    pub(crate) user: ExternalUserId,
    pub(crate) project: ProjectId,
    pub(crate) feature: Option<FeatureCode>,
    pub(crate) allows_unknown: bool,
}

fn invalid(name: &str, error_code: &str, message: String) -> Problem {
    Problem::new(Code::InvalidQuery)
        .field(name, error_code, message.as_str())
        .detail(message)
}

impl EntitlementQuery {
    /// Parses the query of a caller.
    pub(crate) fn parse(&self, principal: &Principal) -> Result<WantedEntitlements, Problem> {
        let user = ExternalUserId::parse(&self.user_id)
            .map_err(|error| invalid("user_id", "invalid_format", error.to_string()))?;
        let project = match (&self.project_id, principal) {
            (Some(text), _) => ProjectId::parse(text)
                .map_err(|error| invalid("project_id", "invalid_format", error.to_string()))?,
            (
                None,
                Principal::App {
                    app_id: _,
                    project_id,
                }
                | Principal::User {
                    user_id: _,
                    project_id,
                    email: _,
                },
            ) => *project_id,
            (None, Principal::Operator { name: _ }) => {
                let message = "an operator must name a project".to_owned();
                return Err(invalid("project_id", "is_null", message));
            }
        };
        let feature = match &self.feature {
            Some(text) => Some(
                FeatureCode::parse(text)
                    .map_err(|error| invalid("feature", "invalid_format", error.to_string()))?,
            ),
            None => None,
        };
        let allows_unknown = match self.allow_unknown.as_deref() {
            None | Some("false") => false,
            Some("true") => true,
            Some(_) => {
                let message = "must be true or false".to_owned();
                return Err(invalid("allow_unknown", "invalid_format", message));
            }
        };
        Ok(WantedEntitlements {
            user,
            project,
            feature,
            allows_unknown,
        })
    }
}

/// One reason why a user may (or might) use a feature.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Entitlement)]
pub(crate) struct EntitlementBody {
    id: String,
    feature_code: String,
    /// Whether it counts now.
    active: bool,
    /// `active` or `revoked`; what is over in time is `active: false` with its `valid_to`.
    state: &'static str,
    /// What it comes from, for example `licence`.
    source: &'static str,
    source_id: String,
    valid_from: String,
    /// Absent means for life.
    valid_to: Option<String>,
    revoked_at: Option<String>,
}

impl EntitlementBody {
    fn new(entitlement: &Entitlement, now: Timestamp) -> Self {
        let Entitlement {
            id,
            user_id: _,
            project_id: _,
            feature_code,
            source,
            state,
            valid_from,
            valid_to,
        } = entitlement;
        let (state, revoked_at) = match state {
            EntitlementState::Active => ("active", None),
            EntitlementState::Revoked { revoked_at } => ("revoked", Some(revoked_at.to_string())),
        };
        Self {
            id: id.to_string(),
            feature_code: feature_code.to_string(),
            active: entitlement.is_effective_at(now),
            state,
            source: source.kind(),
            source_id: source.id_text(),
            valid_from: valid_from.to_string(),
            valid_to: valid_to.map(|at| at.to_string()),
            revoked_at,
        }
    }
}

/// Everything that a user has had, in a fixed order (E-045, E-046).
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct EntitlementsBody {
    entitlements: Vec<EntitlementBody>,
    checked_at: String,
}

impl EntitlementsBody {
    /// Renders rows as of a time.
    pub(crate) fn new(rows: &[Entitlement], now: Timestamp) -> Self {
        Self {
            entitlements: rows
                .iter()
                .map(|row| EntitlementBody::new(row, now))
                .collect(),
            checked_at: now.to_string(),
        }
    }
}

/// The paywall's answer.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct VerdictBody {
    entitled: bool,
    /// In a sentence.
    reason: String,
    /// The rows that the answer rests on.
    because: Vec<EntitlementBody>,
    checked_at: String,
}

impl From<&Verdict> for VerdictBody {
    fn from(verdict: &Verdict) -> Self {
        let Verdict {
            is_entitled,
            because,
            checked_at,
        } = verdict;
        Self {
            entitled: *is_entitled,
            reason: verdict.sentence(),
            because: because
                .iter()
                .map(|row| EntitlementBody::new(row, *checked_at))
                .collect(),
            checked_at: checked_at.to_string(),
        }
    }
}
