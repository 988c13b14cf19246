//! An application's key: only its hash is kept, and it is shown once (spec E-012, E-014).

use uuid::Uuid;

use crate::kernel::audit::{Entity, EntityKind};
use crate::kernel::event::DomainEvent;
use crate::kernel::id::{ApiKeyId, AppId};
use crate::kernel::timestamp::Timestamp;
use crate::kernel::transition::Transition;

/// How many characters of a key are its public prefix, by which it is looked up.
pub const KEY_PREFIX_CHARS: usize = 12;

/// Whether a key works.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ApiKeyState {
    /// It works until it expires.
    Active,
    /// It was taken back.
    Revoked {
        /// When.
        revoked_at: Timestamp,
    },
}

/// One key of one application. The secret itself is nowhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiKey {
    /// Its id.
    pub id: ApiKeyId,
    /// Whose.
    pub app_id: AppId,
    /// The public part.
    pub prefix: String,
    /// Digest of the whole key, as the hasher port makes it.
    pub hash: String,
    /// When it stops to work; absent means never.
    pub expires_at: Option<Timestamp>,
    /// Whether it works.
    pub state: ApiKeyState,
    /// When it was issued.
    pub created_at: Timestamp,
}

impl ApiKey {
    /// Whether the key opens anything at that time.
    pub fn works_at(&self, now: Timestamp) -> bool {
        match self.state {
            ApiKeyState::Active => self.expires_at.is_none_or(|expires_at| now < expires_at),
            ApiKeyState::Revoked { .. } => false,
        }
    }

    /// Takes the key back.
    pub fn revoke(&self, now: Timestamp) -> Transition<Self> {
        match self.state {
            ApiKeyState::Active => Transition::Applied {
                next: Self {
                    state: ApiKeyState::Revoked { revoked_at: now },
                    ..self.clone()
                },
                event: DomainEvent::ApiKeyRevoked {
                    key_id: self.id,
                    app_id: self.app_id,
                },
            },
            ApiKeyState::Revoked { .. } => Transition::AlreadyApplied,
        }
    }
}

impl Entity for ApiKey {
    const KIND: EntityKind = EntityKind::ApiKey;

    fn uuid(&self) -> Uuid {
        self.id.uuid()
    }

    fn state_name(&self) -> &'static str {
        match self.state {
            ApiKeyState::Active => "active",
            ApiKeyState::Revoked { .. } => "revoked",
        }
    }
}
