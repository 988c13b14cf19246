//! What authentication and the issue of keys need from outside.

use async_trait::async_trait;

use super::api_key::ApiKey;
use super::project::{App, Project};
use super::user::User;
use crate::kernel::id::{ProjectId, UserId};
use crate::kernel::ports::StoreError;
use crate::kernel::stored::Stored;
use crate::kernel::text::{ExternalUserId, Title};

/// A key with the application and project that it opens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyOwner {
    /// The key.
    pub key: ApiKey,
    /// Its application.
    pub app: App,
    /// Its project.
    pub project: Project,
}

/// Reads projects, applications and keys.
#[cfg_attr(feature = "testing", mockall::automock)]
#[async_trait]
pub trait AccessReader: Send + Sync {
    /// The key with this public prefix.
    async fn key_by_prefix(&self, prefix: &str) -> Result<Option<KeyOwner>, StoreError>;

    /// A project by its name.
    async fn project_by_name(&self, name: &Title) -> Result<Option<Stored<Project>>, StoreError>;

    /// An application of a project by its name.
    async fn app_by_name(
        &self,
        project: ProjectId,
        name: &Title,
    ) -> Result<Option<Stored<App>>, StoreError>;
}

/// Reads users.
#[cfg_attr(feature = "testing", mockall::automock)]
#[async_trait]
pub trait UserReader: Send + Sync {
    /// A user by what the project calls them.
    async fn user_by_external_id(
        &self,
        project: ProjectId,
        external_id: &ExternalUserId,
    ) -> Result<Option<Stored<User>>, StoreError>;

    /// A user.
    async fn user(&self, id: UserId) -> Result<Option<Stored<User>>, StoreError>;
}

/// Digests and compares API keys.
#[cfg_attr(feature = "testing", mockall::automock)]
pub trait KeyHasher: Send + Sync {
    /// The digest under which a key is stored. A fast hash is right: keys have 256 random bits.
    fn hash(&self, key: &str) -> String;

    /// Whether a key has this digest. MUST take the same time whatever the first difference.
    fn matches(&self, key: &str, hash: &str) -> bool;
}
