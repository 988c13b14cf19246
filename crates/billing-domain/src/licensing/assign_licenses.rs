//! Hands out licences of a plan by e-mail: all that were asked for, or none.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::license::{Assignment, License, LicenseCommand};
use super::ports::LicenseReader;
use crate::kernel::change_set::ChangeSet;
use crate::kernel::email::Email;
use crate::kernel::failure::StoreFailure;
use crate::kernel::id::{LicenseId, PlanId};
use crate::kernel::ports::{ATTEMPTS_MAX, Core};
use crate::kernel::request::Request;
use crate::kernel::stored::Stored;
use crate::kernel::text::ActivationKey;
use crate::tenants::authority::administers;
use crate::tenants::ports::TenantReader;

/// How many addresses one request may name.
pub const EMAILS_MAX: usize = 1_000;

/// Who got which licence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LicenseAssignment {
    /// Who.
    pub email: Email,
    /// Which.
    pub license_id: LicenseId,
    /// The secret for the invitation; shown to the admin who assigned it.
    pub activation_key: ActivationKey,
}

/// What a request did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Assignments {
    /// Newly assigned.
    pub assigned: Vec<LicenseAssignment>,
    /// How many of the addresses had a licence already.
    pub already_associated_count: u32,
}

/// Why nothing was assigned.
#[derive(Debug, thiserror::Error)]
pub enum AssignLicensesError {
    /// No such plan, or it is another tenant's.
    #[error("there is no such plan")]
    NotFound,
    /// The plan has not begun or is over.
    #[error("this plan is not current")]
    PlanNotCurrent,
    /// Fewer are free than were asked for; none was assigned.
    #[error("{wanted} licences were asked for and {available} are free")]
    NotEnoughLicenses {
        /// Asked for.
        wanted: u32,
        /// Free.
        available: u32,
    },
    /// Storage.
    #[error(transparent)]
    Store(#[from] StoreFailure),
}

/// Assigns licences.
pub struct AssignLicenses {
    /// Write, time, ids and keys.
    pub core: Core,
    /// Reads plans and licences.
    pub licenses: Arc<dyn LicenseReader>,
    /// Reads admins.
    pub tenants: Arc<dyn TenantReader>,
}

impl AssignLicenses {
    /// Assigns one licence to each address that has none. Two requests at once never give two
    /// licences to one address nor one licence to two.
    ///
    /// # Errors
    /// [`AssignLicensesError`]; nothing was assigned.
    pub async fn run(
        &self,
        request: &Request<'_, Assignments>,
        plan: PlanId,
        emails: &BTreeSet<Email>,
    ) -> Result<Assignments, AssignLicensesError> {
        for _ in 0..ATTEMPTS_MAX {
            match self.run_once(request, plan, emails).await {
                Err(AssignLicensesError::Store(failure)) if failure.asks_to_decide_again() => {}
                decided => return decided,
            }
        }
        Err(StoreFailure::Conflict.into())
    }

    async fn run_once(
        &self,
        request: &Request<'_, Assignments>,
        plan_id: PlanId,
        emails: &BTreeSet<Email>,
    ) -> Result<Assignments, AssignLicensesError> {
        let plan = self
            .licenses
            .plan(plan_id)
            .await
            .map_err(StoreFailure::from)?;
        let plan = plan.ok_or(AssignLicensesError::NotFound)?.value;
        let may = administers(self.tenants.as_ref(), request.principal(), plan.tenant_id);
        if !may.await.map_err(StoreFailure::from)? {
            return Err(AssignLicensesError::NotFound);
        }
        let now = self.core.now();
        if !plan.is_current_at(now) {
            return Err(AssignLicensesError::PlanNotCurrent);
        }
        let wanted: Vec<Email> = emails.iter().cloned().collect();
        let held = self
            .licenses
            .licenses_of_emails(plan_id, &wanted)
            .await
            .map_err(StoreFailure::from)?;
        let holders: BTreeSet<&Email> = held.iter().filter_map(|l| l.value.email()).collect();
        let missing: Vec<&Email> = wanted
            .iter()
            .filter(|email| !holders.contains(email))
            .collect();
        let free = self.free_licenses(plan_id, missing.len()).await?;

        let mut changes = Vec::with_capacity(missing.len());
        let mut assignments = Assignments {
            assigned: Vec::with_capacity(missing.len()),
            already_associated_count: count(wanted.len().saturating_sub(missing.len())),
        };
        for (license, email) in free.iter().zip(missing) {
            let activation_key = ActivationKey::parse(&self.core.ids.secret())
                .expect("the generator's secrets are keys by its contract");
            let assignment = Assignment {
                email: email.clone(),
                activation_key: activation_key.clone(),
                assigned_at: now,
            };
            let transition = license
                .value
                .apply(LicenseCommand::Assign(assignment), now)
                .map_err(|_| StoreFailure::Conflict)?;
            changes.push((license, transition));
            assignments.assigned.push(LicenseAssignment {
                email: email.clone(),
                license_id: license.value.id,
                activation_key,
            });
        }
        let mut set = ChangeSet::caused_by(request.answered(&assignments), now);
        for (license, transition) in changes {
            set = set.change_license(license, transition);
        }
        if !set.is_empty() || request.is_remembered() {
            self.core
                .writer
                .commit(set)
                .await
                .map_err(StoreFailure::from)?;
        }
        Ok(assignments)
    }

    async fn free_licenses(
        &self,
        plan: PlanId,
        wanted: usize,
    ) -> Result<Vec<Stored<License>>, AssignLicensesError> {
        if wanted == 0 {
            return Ok(Vec::new());
        }
        let free = self
            .licenses
            .unassigned_licenses(plan, count(wanted))
            .await
            .map_err(StoreFailure::from)?;
        if free.len() < wanted {
            let available = count(free.len());
            return Err(AssignLicensesError::NotEnoughLicenses {
                wanted: count(wanted),
                available,
            });
        }
        Ok(free)
    }
}

fn count(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests;
