//! Issues an API key, with its project and application if they do not exist; the key is shown once.

use std::sync::Arc;

use super::api_key::{ApiKey, ApiKeyState, KEY_PREFIX_CHARS};
use super::ports::{AccessReader, KeyHasher};
use super::project::{App, Project};
use crate::kernel::change_set::{Cause, ChangeSet};
use crate::kernel::event::DomainEvent;
use crate::kernel::failure::StoreFailure;
use crate::kernel::id::ProjectId;
use crate::kernel::ports::{ATTEMPTS_MAX, Core};
use crate::kernel::text::Title;
use crate::kernel::timestamp::Timestamp;

/// A key in the only moment in which it can be read.
#[derive(Clone, PartialEq, Eq)]
pub struct IssuedKey {
    /// What is kept of it.
    pub key: ApiKey,
    /// Its project.
    pub project_id: ProjectId,
    /// The key itself.
    pub secret: String,
}

/// The secret is not among what is printed.
impl std::fmt::Debug for IssuedKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("IssuedKey")
            .field("key", &self.key.id)
            .field("secret", &"***")
            .finish_non_exhaustive()
    }
}

/// Issues keys.
pub struct IssueApiKey {
    /// Write, time, ids and secrets.
    pub core: Core,
    /// Reads projects and applications.
    pub access: Arc<dyn AccessReader>,
    /// Digests keys.
    pub hasher: Arc<dyn KeyHasher>,
}

impl IssueApiKey {
    /// Issues a key of an application of a project; both are created if they do not exist. The
    /// application's other keys go on working, so that it can be rotated (E-014).
    ///
    /// # Errors
    /// [`StoreFailure`].
    pub async fn run(
        &self,
        project: &Title,
        app: &Title,
        expires_at: Option<Timestamp>,
    ) -> Result<IssuedKey, StoreFailure> {
        for _ in 0..ATTEMPTS_MAX {
            match self.run_once(project, app, expires_at).await {
                Err(failure) if failure.asks_to_decide_again() => {}
                decided => return decided,
            }
        }
        Err(StoreFailure::Conflict)
    }

    /// The project of that name; created if it does not exist.
    ///
    /// # Errors
    /// [`StoreFailure`].
    pub async fn ensure_project(&self, name: &Title) -> Result<ProjectId, StoreFailure> {
        for _ in 0..ATTEMPTS_MAX {
            if let Some(project) = self.access.project_by_name(name).await? {
                return Ok(project.value.id);
            }
            let (project, event) = Project::new(self.core.id(), name.clone());
            let id = project.id;
            let changes = self.changes().insert_project(project, event);
            match self
                .core
                .writer
                .commit(changes)
                .await
                .map_err(StoreFailure::from)
            {
                Ok(()) => return Ok(id),
                Err(failure) if failure.asks_to_decide_again() => {}
                Err(failure) => return Err(failure),
            }
        }
        Err(StoreFailure::Conflict)
    }

    async fn run_once(
        &self,
        project: &Title,
        app: &Title,
        expires_at: Option<Timestamp>,
    ) -> Result<IssuedKey, StoreFailure> {
        let project_id = self.ensure_project(project).await?;
        let mut changes = self.changes();
        let app_id = match self.access.app_by_name(project_id, app).await? {
            Some(app) => app.value.id,
            None => {
                let (app, event) = App::new(self.core.id(), project_id, app.clone());
                let id = app.id;
                changes = changes.insert_app(app, event);
                id
            }
        };
        let secret = format!("bk_{}", self.core.ids.secret());
        let key = ApiKey {
            id: self.core.id(),
            app_id,
            prefix: secret.chars().take(KEY_PREFIX_CHARS).collect(),
            hash: self.hasher.hash(&secret),
            expires_at,
            state: ApiKeyState::Active,
            created_at: self.core.now(),
        };
        let event = DomainEvent::ApiKeyIssued {
            key_id: key.id,
            app_id,
        };
        self.core
            .writer
            .commit(changes.insert_api_key(key.clone(), event))
            .await?;
        Ok(IssuedKey {
            key,
            project_id,
            secret,
        })
    }

    fn changes(&self) -> ChangeSet {
        ChangeSet::caused_by(Cause::Job("issue_api_key"), self.core.now())
    }
}

#[cfg(test)]
mod tests;
