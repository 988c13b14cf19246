//! Turns an API key into a principal: found by its public prefix, compared by its digest (E-012).

use std::sync::Arc;

use super::api_key::KEY_PREFIX_CHARS;
use super::ports::{AccessReader, KeyHasher};
use crate::kernel::failure::StoreFailure;
use crate::kernel::ports::Clock;
use crate::kernel::principal::Principal;

/// Why the key opens nothing.
#[derive(Debug, thiserror::Error)]
pub enum AuthenticateAppError {
    /// Unknown, wrong, expired or revoked: the caller is told no more (E-010).
    #[error("this API key is not valid")]
    InvalidKey,
    /// Its application or project is switched off (E-011).
    #[error("the project of this API key is not active")]
    Inactive,
    /// Storage.
    #[error(transparent)]
    Store(#[from] StoreFailure),
}

/// Authenticates applications.
pub struct AuthenticateApp {
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Reads keys.
    pub access: Arc<dyn AccessReader>,
    /// Compares digests.
    pub hasher: Arc<dyn KeyHasher>,
}

impl AuthenticateApp {
    /// The application that a key belongs to.
    ///
    /// # Errors
    /// [`AuthenticateAppError`].
    pub async fn run(&self, presented: &str) -> Result<Principal, AuthenticateAppError> {
        let prefix: String = presented.chars().take(KEY_PREFIX_CHARS).collect();
        let owner = self
            .access
            .key_by_prefix(&prefix)
            .await
            .map_err(StoreFailure::from)?;
        let owner = owner.ok_or(AuthenticateAppError::InvalidKey)?;
        let is_valid =
            self.hasher.matches(presented, &owner.key.hash) && owner.key.works_at(self.clock.now());
        if !is_valid {
            return Err(AuthenticateAppError::InvalidKey);
        }
        if !owner.app.is_active || !owner.project.is_active {
            return Err(AuthenticateAppError::Inactive);
        }
        Ok(Principal::App {
            app_id: owner.app.id,
            project_id: owner.project.id,
        })
    }
}

#[cfg(test)]
mod tests;
