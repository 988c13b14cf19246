//! Answers the paywall's question from the record: may this user use this feature, and why (E.5).

use std::sync::Arc;

use super::entitlement::{Entitlement, EntitlementState};
use super::ports::EntitlementReader;
use crate::access::ports::UserReader;
use crate::kernel::failure::StoreFailure;
use crate::kernel::id::ProjectId;
use crate::kernel::ports::Clock;
use crate::kernel::principal::Principal;
use crate::kernel::text::{ExternalUserId, FeatureCode};
use crate::kernel::timestamp::Timestamp;

/// An answer that can say why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// Whether the user may.
    pub is_entitled: bool,
    /// The rows that the answer rests on: those that count, else those that no longer (or not
    /// yet) do; in a fixed order (E-046).
    pub because: Vec<Entitlement>,
    /// As of when.
    pub checked_at: Timestamp,
}

impl Verdict {
    /// The answer in a sentence.
    pub fn sentence(&self) -> String {
        let Some(row) = self.because.first() else {
            return "no, because nothing grants this feature to this user".to_owned();
        };
        let source = format!("{} {}", row.source.kind(), row.source.id_text());
        match (self.is_entitled, row.state, row.valid_to) {
            (true, _, Some(end)) => format!("yes, because of {source}, valid until {end}"),
            (true, _, None) => format!("yes, because of {source}, for life"),
            (false, EntitlementState::Revoked { revoked_at }, _) => {
                format!("no, because {source} was revoked at {revoked_at}")
            }
            (false, EntitlementState::Active, Some(end)) if end <= self.checked_at => {
                format!("no, because {source} ended at {end}")
            }
            (false, EntitlementState::Active, _) => {
                format!("no, because {source} begins at {}", row.valid_from)
            }
        }
    }
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum CheckEntitlementError {
    /// The project is not the caller's (E-011).
    #[error("this key belongs to another project")]
    OtherProject,
    /// The project has no such user (F.5 row 36).
    #[error("this project has no such user")]
    UserNotFound,
    /// Only applications, operators and the user themselves may ask.
    #[error("a user may only ask about themselves")]
    NotAllowed,
    /// Storage.
    #[error(transparent)]
    Store(#[from] StoreFailure),
}

/// Answers about entitlements.
pub struct CheckEntitlement {
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Reads users.
    pub users: Arc<dyn UserReader>,
    /// Reads entitlements.
    pub entitlements: Arc<dyn EntitlementReader>,
}

impl CheckEntitlement {
    /// Whether a user may use a feature now.
    ///
    /// # Errors
    /// [`CheckEntitlementError`].
    pub async fn run(
        &self,
        principal: &Principal,
        project: ProjectId,
        user: &ExternalUserId,
        feature: &FeatureCode,
    ) -> Result<Verdict, CheckEntitlementError> {
        let now = self.clock.now();
        let rows: Vec<Entitlement> = self
            .rows(principal, project, user)
            .await?
            .into_iter()
            .filter(|row| row.feature_code == *feature)
            .collect();
        let (effective, others): (Vec<_>, Vec<_>) =
            rows.into_iter().partition(|row| row.is_effective_at(now));
        let is_entitled = !effective.is_empty();
        let because = if is_entitled { effective } else { others };
        Ok(Verdict {
            is_entitled,
            because,
            checked_at: now,
        })
    }

    /// Everything that a user has had, the effective rows marked by `is_effective_at`, in a fixed
    /// order: by feature, then source, then id (E-046).
    ///
    /// # Errors
    /// [`CheckEntitlementError`].
    pub async fn list(
        &self,
        principal: &Principal,
        project: ProjectId,
        user: &ExternalUserId,
        feature: Option<&FeatureCode>,
    ) -> Result<(Vec<Entitlement>, Timestamp), CheckEntitlementError> {
        let now = self.clock.now();
        let rows = self.rows(principal, project, user).await?;
        let rows = rows
            .into_iter()
            .filter(|row| feature.is_none_or(|feature| row.feature_code == *feature));
        Ok((rows.collect(), now))
    }

    async fn rows(
        &self,
        principal: &Principal,
        project: ProjectId,
        external_id: &ExternalUserId,
    ) -> Result<Vec<Entitlement>, CheckEntitlementError> {
        if !principal.may_read_project(project) {
            return Err(CheckEntitlementError::OtherProject);
        }
        let user = self
            .users
            .user_by_external_id(project, external_id)
            .await
            .map_err(StoreFailure::from)?;
        match (principal, &user) {
            (Principal::User { user_id, .. }, Some(user)) if *user_id == user.value.id => {}
            (Principal::User { .. }, _) => return Err(CheckEntitlementError::NotAllowed),
            (Principal::App { .. } | Principal::Operator { .. }, _) => {}
        }
        let user = user.ok_or(CheckEntitlementError::UserNotFound)?;
        let rows = self
            .entitlements
            .entitlements_of(user.value.id)
            .await
            .map_err(StoreFailure::from)?;
        let mut rows: Vec<Entitlement> = rows.into_iter().map(|stored| stored.value).collect();
        rows.sort_by(|a, b| {
            (&a.feature_code, a.source, a.id).cmp(&(&b.feature_code, b.source, b.id))
        });
        Ok(rows)
    }
}

#[cfg(test)]
mod tests;
