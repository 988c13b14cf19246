//! Turns an invitation into use: the licence becomes the user's, and entitles them.

use std::sync::Arc;

use super::license::{License, LicenseCommand, LicenseState};
use super::plan::SubscriptionPlan;
use super::ports::LicenseReader;
use crate::catalog::ports::CatalogReader;
use crate::entitlements::entitlement::{Entitlement, EntitlementSource, EntitlementState};
use crate::kernel::change_set::ChangeSet;
use crate::kernel::email::Email;
use crate::kernel::failure::StoreFailure;
use crate::kernel::id::{ProjectId, UserId};
use crate::kernel::ports::{ATTEMPTS_MAX, Core};
use crate::kernel::principal::Principal;
use crate::kernel::request::Request;
use crate::kernel::text::{ActivationKey, FeatureCode};
use crate::kernel::timestamp::Timestamp;

/// Why nothing was activated.
#[derive(Debug, thiserror::Error)]
pub enum ActivateLicenseError {
    /// Only a user with an address can.
    #[error("only a signed-in user with an e-mail address can activate a licence")]
    NotAUser,
    /// No licence with this key for this address in a current plan.
    #[error("there is no such licence for this user")]
    NotFound,
    /// It was taken back.
    #[error("this licence was revoked")]
    Revoked,
    /// Storage.
    #[error(transparent)]
    Store(#[from] StoreFailure),
}

/// Activates licences.
pub struct ActivateLicense {
    /// Write, time and ids.
    pub core: Core,
    /// Reads plans and licences.
    pub licenses: Arc<dyn LicenseReader>,
    /// Reads products.
    pub catalog: Arc<dyn CatalogReader>,
}

struct User<'a> {
    id: UserId,
    project_id: ProjectId,
    email: &'a Email,
}

impl ActivateLicense {
    /// Activates the licence with this key; a repetition by the same user changes nothing.
    ///
    /// # Errors
    /// [`ActivateLicenseError`].
    pub async fn run(
        &self,
        request: &Request<'_, License>,
        key: &ActivationKey,
    ) -> Result<License, ActivateLicenseError> {
        let user = match request.principal() {
            Principal::User {
                user_id,
                project_id,
                email: Some(email),
            } => User {
                id: *user_id,
                project_id: *project_id,
                email,
            },
            Principal::User { .. } | Principal::App { .. } | Principal::Operator { .. } => {
                return Err(ActivateLicenseError::NotAUser);
            }
        };
        for _ in 0..ATTEMPTS_MAX {
            match self.run_once(request, &user, key).await {
                Err(ActivateLicenseError::Store(failure)) if failure.asks_to_decide_again() => {}
                decided => return decided,
            }
        }
        Err(StoreFailure::Conflict.into())
    }

    async fn run_once(
        &self,
        request: &Request<'_, License>,
        user: &User<'_>,
        key: &ActivationKey,
    ) -> Result<License, ActivateLicenseError> {
        let license = self
            .licenses
            .license_by_key(key)
            .await
            .map_err(StoreFailure::from)?;
        let license = license
            .filter(|license| license.value.email() == Some(user.email))
            .ok_or(ActivateLicenseError::NotFound)?;
        let plan = self
            .licenses
            .plan(license.value.plan_id)
            .await
            .map_err(StoreFailure::from)?;
        let now = self.core.now();
        let plan = plan
            .filter(|plan| plan.value.is_current_at(now))
            .ok_or(ActivateLicenseError::NotFound)?
            .value;
        if let LicenseState::Revoked { .. } = license.value.state {
            return Err(ActivateLicenseError::Revoked);
        }
        let command = LicenseCommand::Activate { user_id: user.id };
        // Another user with the same address has activated it.
        let transition = license
            .value
            .apply(command, now)
            .map_err(|_| ActivateLicenseError::NotFound)?;
        let next = transition.outcome(&license.value).clone();
        let is_new = transition.is_applied();
        let mut changes =
            ChangeSet::caused_by(request.answered(&next), now).change_license(&license, transition);
        if is_new {
            for feature_code in self.features(&plan).await? {
                let entitlement = self.entitlement(&next, &plan, user, feature_code, now);
                let event = entitlement.granted();
                changes = changes.insert_entitlement(entitlement, event);
            }
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

    async fn features(
        &self,
        plan: &SubscriptionPlan,
    ) -> Result<Vec<FeatureCode>, ActivateLicenseError> {
        let product = self
            .catalog
            .product(plan.product_id)
            .await
            .map_err(StoreFailure::from)?;
        Ok(product
            .map(|product| product.value.feature_codes)
            .unwrap_or_default())
    }

    fn entitlement(
        &self,
        license: &License,
        plan: &SubscriptionPlan,
        user: &User<'_>,
        feature_code: FeatureCode,
        now: Timestamp,
    ) -> Entitlement {
        Entitlement {
            id: self.core.id(),
            user_id: user.id,
            project_id: user.project_id,
            feature_code,
            source: EntitlementSource::License(license.id),
            state: EntitlementState::Active,
            valid_from: now,
            valid_to: Some(plan.ends_at),
        }
    }
}

#[cfg(test)]
mod tests;
