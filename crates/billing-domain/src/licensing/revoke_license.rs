//! Takes a licence back: its entitlements end at once, and the plan gets a fresh one.

use std::sync::Arc;

use super::license::{License, LicenseCommand};
use super::ports::LicenseReader;
use crate::entitlements::entitlement::EntitlementSource;
use crate::entitlements::ports::EntitlementReader;
use crate::kernel::change_set::ChangeSet;
use crate::kernel::failure::StoreFailure;
use crate::kernel::id::LicenseId;
use crate::kernel::ports::{ATTEMPTS_MAX, Core};
use crate::kernel::request::Request;
use crate::tenants::authority::administers;
use crate::tenants::ports::TenantReader;

/// Why nothing was revoked.
#[derive(Debug, thiserror::Error)]
pub enum RevokeLicenseError {
    /// No such licence, or it is another tenant's.
    #[error("there is no such licence")]
    NotFound,
    /// Nobody has it.
    #[error("only an assigned or activated licence can be revoked")]
    NotAssigned,
    /// Storage.
    #[error(transparent)]
    Store(#[from] StoreFailure),
}

/// Revokes licences.
pub struct RevokeLicense {
    /// Write, time and ids.
    pub core: Core,
    /// Reads plans and licences.
    pub licenses: Arc<dyn LicenseReader>,
    /// Reads admins.
    pub tenants: Arc<dyn TenantReader>,
    /// Reads entitlements.
    pub entitlements: Arc<dyn EntitlementReader>,
}

impl RevokeLicense {
    /// Revokes a licence; a repetition changes nothing.
    ///
    /// # Errors
    /// [`RevokeLicenseError`].
    pub async fn run(
        &self,
        request: &Request<'_, License>,
        id: LicenseId,
    ) -> Result<License, RevokeLicenseError> {
        for _ in 0..ATTEMPTS_MAX {
            match self.run_once(request, id).await {
                Err(RevokeLicenseError::Store(failure)) if failure.asks_to_decide_again() => {}
                decided => return decided,
            }
        }
        Err(StoreFailure::Conflict.into())
    }

    async fn run_once(
        &self,
        request: &Request<'_, License>,
        id: LicenseId,
    ) -> Result<License, RevokeLicenseError> {
        let license = self
            .licenses
            .license(id)
            .await
            .map_err(StoreFailure::from)?;
        let license = license.ok_or(RevokeLicenseError::NotFound)?;
        let plan = self
            .licenses
            .plan(license.value.plan_id)
            .await
            .map_err(StoreFailure::from)?;
        let plan = plan.ok_or(RevokeLicenseError::NotFound)?.value;
        let may = administers(self.tenants.as_ref(), request.principal(), plan.tenant_id);
        if !may.await.map_err(StoreFailure::from)? {
            return Err(RevokeLicenseError::NotFound);
        }
        let now = self.core.now();
        let transition = license
            .value
            .apply(LicenseCommand::Revoke, now)
            .map_err(|_| RevokeLicenseError::NotAssigned)?;
        let next = transition.outcome(&license.value).clone();
        let is_new = transition.is_applied();
        let mut changes =
            ChangeSet::caused_by(request.answered(&next), now).change_license(&license, transition);
        if is_new {
            let source = EntitlementSource::License(id);
            for row in self
                .entitlements
                .entitlements_from(source)
                .await
                .map_err(StoreFailure::from)?
            {
                let transition = row.value.revoke(now);
                changes = changes.change_entitlement(&row, transition);
            }
            let (fresh, event) = License::new(self.core.id(), plan.id, now);
            changes = changes.insert_license(fresh, event);
        }
        if !changes.is_empty() || request.is_remembered() {
            self.core
                .writer
                .commit(changes)
                .await
                .map_err(StoreFailure::from)?;
        }
        Ok(next)
    }
}

#[cfg(test)]
mod tests;
