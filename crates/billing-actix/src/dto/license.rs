//! Plans and licences on the wire.

use std::collections::BTreeSet;

use billing_domain::kernel::email::Email;
use billing_domain::kernel::page::Page;
use billing_domain::kernel::timestamp::Timestamp;
use billing_domain::licensing::assign_licenses::{Assignments, LicenseAssignment};
use billing_domain::licensing::license::{License, LicenseState};
use billing_domain::licensing::plan::SubscriptionPlan;
use billing_domain::licensing::ports::LicenseCounts;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use validator::Validate;

use super::fields::Fields;
use crate::problem::Problem;

/// A plan.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SubscriptionPlan)]
pub(crate) struct PlanBody {
    id: String,
    tenant_id: String,
    agreement_id: String,
    catalog_id: String,
    product_id: String,
    title: String,
    starts_at: String,
    ends_at: String,
    is_current: bool,
    /// How many licences it should have.
    license_count: u32,
    created_at: String,
}

impl PlanBody {
    /// Renders a plan as of a time.
    pub(crate) fn new(plan: &SubscriptionPlan, now: Timestamp) -> Self {
        let SubscriptionPlan {
            id,
            agreement_id,
            tenant_id,
            catalog_id,
            product_id,
            workflow_id: _,
            title,
            starts_at,
            ends_at,
            license_count,
            created_license_count: _,
            created_at,
        } = plan;
        Self {
            id: id.to_string(),
            tenant_id: tenant_id.to_string(),
            agreement_id: agreement_id.to_string(),
            catalog_id: catalog_id.to_string(),
            product_id: product_id.to_string(),
            title: title.to_string(),
            starts_at: starts_at.to_string(),
            ends_at: ends_at.to_string(),
            is_current: plan.is_current_at(now),
            license_count: *license_count,
            created_at: created_at.to_string(),
        }
    }
}

/// How many licences are in each state.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct LicenseCountsBody {
    unassigned: u32,
    assigned: u32,
    activated: u32,
    revoked: u32,
    /// All but the revoked ones.
    total: u32,
}

/// A plan with its counts.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PlanDetailBody {
    #[serde(flatten)]
    plan: PlanBody,
    licenses: LicenseCountsBody,
}

impl PlanDetailBody {
    /// Renders a plan as of a time.
    pub(crate) fn new(plan: &SubscriptionPlan, counts: LicenseCounts, now: Timestamp) -> Self {
        let total = counts.live();
        let LicenseCounts {
            unassigned,
            assigned,
            activated,
            revoked,
        } = counts;
        Self {
            plan: PlanBody::new(plan, now),
            licenses: LicenseCountsBody {
                unassigned,
                assigned,
                activated,
                revoked,
                total,
            },
        }
    }
}

/// The plans of a tenant, oldest first.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PlansBody {
    pub(crate) items: Vec<PlanBody>,
}

/// A licence. Its activation key is shown only to whoever assigns it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = License)]
pub(crate) struct LicenseBody {
    id: String,
    plan_id: String,
    /// `unassigned`, `assigned`, `activated` or `revoked`.
    status: &'static str,
    user_email: Option<String>,
    user_id: Option<String>,
    assigned_at: Option<String>,
    activated_at: Option<String>,
    revoked_at: Option<String>,
    created_at: String,
}

impl From<&License> for LicenseBody {
    fn from(license: &License) -> Self {
        let License {
            id,
            plan_id,
            state,
            created_at,
        } = license;
        let mut body = Self {
            id: id.to_string(),
            plan_id: plan_id.to_string(),
            status: state.name(),
            user_email: license.email().map(ToString::to_string),
            user_id: None,
            assigned_at: None,
            activated_at: None,
            revoked_at: None,
            created_at: created_at.to_string(),
        };
        match state {
            LicenseState::Unassigned => {}
            LicenseState::Assigned(assignment) => {
                body.assigned_at = Some(assignment.assigned_at.to_string());
            }
            LicenseState::Activated {
                assignment,
                user_id,
                activated_at,
            } => {
                body.assigned_at = Some(assignment.assigned_at.to_string());
                body.user_id = Some(user_id.to_string());
                body.activated_at = Some(activated_at.to_string());
            }
            LicenseState::Revoked {
                assignment,
                revoked_at,
            } => {
                body.assigned_at = assignment.as_ref().map(|a| a.assigned_at.to_string());
                body.revoked_at = Some(revoked_at.to_string());
            }
        }
        body
    }
}

/// One page of licences.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct LicensePageBody {
    items: Vec<LicenseBody>,
    /// Where the next page begins; absent on the last.
    next: Option<String>,
}

impl From<Page<License>> for LicensePageBody {
    fn from(page: Page<License>) -> Self {
        let Page { items, next } = page;
        Self {
            items: items.iter().map(LicenseBody::from).collect(),
            next,
        }
    }
}

/// Who gets a licence.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AssignBody {
    /// 1 to 1000 addresses.
    #[validate(length(min = 1, max = 1000, message = "must name 1 to 1000 addresses"))]
    #[schema(min_items = 1, max_items = 1000)]
    user_emails: Vec<String>,
}

impl AssignBody {
    /// Parses every address; each that is at fault is named by its place.
    pub(crate) fn into_emails(self) -> Result<BTreeSet<Email>, Problem> {
        let mut fields = Fields::of(&self);
        let mut emails = BTreeSet::new();
        for (index, text) in self.user_emails.iter().enumerate() {
            let name = format!("user_emails[{index}]");
            emails.extend(fields.parse(&name, "invalid_format", Email::parse(text)));
        }
        fields.finish(Some(emails))
    }
}

/// One assignment.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AssignmentBody {
    user_email: String,
    /// The licence's id.
    license: String,
    /// For the invitation; shown here and nowhere else.
    activation_key: String,
}

/// What was assigned.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AssignmentsBody {
    num_successful_assignments: usize,
    num_already_associated: u32,
    license_assignments: Vec<AssignmentBody>,
}

impl From<&Assignments> for AssignmentsBody {
    fn from(assignments: &Assignments) -> Self {
        let Assignments {
            assigned,
            already_associated_count,
        } = assignments;
        let body = |assignment: &LicenseAssignment| {
            let LicenseAssignment {
                email,
                license_id,
                activation_key,
            } = assignment;
            AssignmentBody {
                user_email: email.to_string(),
                license: license_id.to_string(),
                activation_key: activation_key.to_string(),
            }
        };
        Self {
            num_successful_assignments: assigned.len(),
            num_already_associated: *already_associated_count,
            license_assignments: assigned.iter().map(body).collect(),
        }
    }
}

/// The secret of an invitation.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct ActivationQuery {
    /// As it was handed out.
    pub(crate) activation_key: String,
}
