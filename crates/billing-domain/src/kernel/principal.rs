//! Who is calling: every use case that a client can reach takes one.

use super::email::Email;
use super::id::{AppId, ProjectId, UserId};

/// The caller, after authentication (spec F.5 row 12).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Principal {
    /// A person with a bearer token, registered in the project that serves bearer tokens.
    User {
        /// Their row.
        user_id: UserId,
        /// Project of the token's issuer.
        project_id: ProjectId,
        /// The address that the issuer vouches for.
        email: Option<Email>,
    },
    /// An application with its API key: sees its own project and nothing else (E-011).
    App {
        /// The application.
        app_id: AppId,
        /// Its project.
        project_id: ProjectId,
    },
    /// Somebody who runs the service; an app's key never suffices (E-013).
    Operator {
        /// How they are named in the audit trail.
        name: String,
    },
}

impl Principal {
    /// The name under which the audit trail knows the caller; also the scope of idempotency keys.
    pub fn label(&self) -> String {
        match self {
            Self::User {
                user_id,
                project_id: _,
                email: _,
            } => user_id.to_string(),
            Self::App {
                app_id,
                project_id: _,
            } => app_id.to_string(),
            Self::Operator { name } => format!("operator:{name}"),
        }
    }

    /// Whether the caller runs the service.
    pub fn is_operator(&self) -> bool {
        match self {
            Self::Operator { .. } => true,
            Self::User { .. } | Self::App { .. } => false,
        }
    }

    /// Whether the caller is this user.
    pub fn is_user(&self, owner: UserId) -> bool {
        match self {
            Self::User {
                user_id,
                project_id: _,
                email: _,
            } => *user_id == owner,
            Self::App { .. } | Self::Operator { .. } => false,
        }
    }

    /// Whether the caller may look into a project: its own, or any for an operator.
    pub fn may_read_project(&self, project: ProjectId) -> bool {
        match self {
            Self::User { project_id, .. } | Self::App { project_id, .. } => *project_id == project,
            Self::Operator { .. } => true,
        }
    }
}
