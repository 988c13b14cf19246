//! A licence and its state machine: unassigned → assigned → activated → revoked.

use uuid::Uuid;

use crate::kernel::audit::{Entity, EntityKind};
use crate::kernel::email::Email;
use crate::kernel::event::{DomainEvent, LicenseFacts};
use crate::kernel::id::{LicenseId, PlanId, UserId};
use crate::kernel::text::ActivationKey;
use crate::kernel::timestamp::Timestamp;
use crate::kernel::transition::Transition;

#[cfg(test)]
mod tests;

/// Who a licence was given to, and how they prove it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assignment {
    /// Whose.
    pub email: Email,
    /// The secret in the invitation.
    pub activation_key: ActivationKey,
    /// When.
    pub assigned_at: Timestamp,
}

/// Where in its life a licence is. States carry their facts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LicenseState {
    /// Nobody has it.
    Unassigned,
    /// Somebody was invited.
    Assigned(Assignment),
    /// Somebody uses it.
    Activated {
        /// Who was invited.
        assignment: Assignment,
        /// Who came.
        user_id: UserId,
        /// When.
        activated_at: Timestamp,
    },
    /// It was taken back; it never returns.
    Revoked {
        /// Who had been invited; cleared on retirement.
        assignment: Option<Assignment>,
        /// When.
        revoked_at: Timestamp,
    },
}

impl LicenseState {
    /// The name on the wire and in storage.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Unassigned => "unassigned",
            Self::Assigned(_) => "assigned",
            Self::Activated { .. } => "activated",
            Self::Revoked { .. } => "revoked",
        }
    }
}

/// One licence of a plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct License {
    /// Its id.
    pub id: LicenseId,
    /// Of which plan.
    pub plan_id: PlanId,
    /// Where in its life it is.
    pub state: LicenseState,
    /// When it was created.
    pub created_at: Timestamp,
}

/// What somebody wants to do with a licence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LicenseCommand {
    /// Invites somebody.
    Assign(Assignment),
    /// The invited person comes.
    Activate {
        /// Who.
        user_id: UserId,
    },
    /// Takes it back.
    Revoke,
    /// An invitation that nobody used is withdrawn and the licence is free again.
    Unassign,
}

impl LicenseCommand {
    /// The command's name in errors and in the table.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Assign(_) => "assign",
            Self::Activate { .. } => "activate",
            Self::Revoke => "revoke",
            Self::Unassign => "unassign",
        }
    }
}

/// The command cannot be done in this state.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a licence that is {from} cannot {command}")]
pub struct IllegalLicenseTransition {
    /// The state that it is in.
    pub from: &'static str,
    /// The command that was refused.
    pub command: &'static str,
}

impl License {
    /// Creates an unassigned licence.
    pub fn new(id: LicenseId, plan_id: PlanId, now: Timestamp) -> (Self, DomainEvent) {
        let license = Self {
            id,
            plan_id,
            state: LicenseState::Unassigned,
            created_at: now,
        };
        let event = DomainEvent::LicenseCreated(license.facts());
        (license, event)
    }

    /// Whose it is, where it has somebody.
    pub fn email(&self) -> Option<&Email> {
        match &self.state {
            LicenseState::Unassigned => None,
            LicenseState::Assigned(assignment) => Some(&assignment.email),
            LicenseState::Activated {
                assignment,
                user_id: _,
                activated_at: _,
            } => Some(&assignment.email),
            LicenseState::Revoked {
                assignment,
                revoked_at: _,
            } => assignment.as_ref().map(|a| &a.email),
        }
    }

    /// Decides what a command does.
    ///
    /// # Errors
    /// [`IllegalLicenseTransition`].
    pub fn apply(
        &self,
        command: LicenseCommand,
        now: Timestamp,
    ) -> Result<Transition<Self>, IllegalLicenseTransition> {
        let illegal = IllegalLicenseTransition {
            from: self.state.name(),
            command: command.name(),
        };
        match (&self.state, command) {
            (LicenseState::Unassigned, LicenseCommand::Assign(assignment)) => Ok(self.changed(
                LicenseState::Assigned(assignment),
                DomainEvent::LicenseAssigned,
            )),
            (
                LicenseState::Assigned(known)
                | LicenseState::Activated {
                    assignment: known, ..
                },
                LicenseCommand::Assign(told),
            ) => {
                if known.email == told.email {
                    Ok(Transition::AlreadyApplied)
                } else {
                    Err(illegal)
                }
            }
            (LicenseState::Assigned(assignment), LicenseCommand::Activate { user_id }) => {
                let assignment = assignment.clone();
                let state = LicenseState::Activated {
                    assignment,
                    user_id,
                    activated_at: now,
                };
                Ok(self.changed(state, DomainEvent::LicenseActivated))
            }
            (
                LicenseState::Activated { user_id: known, .. },
                LicenseCommand::Activate { user_id },
            ) => {
                if *known == user_id {
                    Ok(Transition::AlreadyApplied)
                } else {
                    Err(illegal)
                }
            }
            (
                LicenseState::Assigned(assignment) | LicenseState::Activated { assignment, .. },
                LicenseCommand::Revoke,
            ) => {
                let state = LicenseState::Revoked {
                    assignment: Some(assignment.clone()),
                    revoked_at: now,
                };
                Ok(self.changed(state, DomainEvent::LicenseRevoked))
            }
            (LicenseState::Assigned(_), LicenseCommand::Unassign) => {
                Ok(self.changed(LicenseState::Unassigned, DomainEvent::LicenseUnassigned))
            }
            (LicenseState::Revoked { .. }, LicenseCommand::Revoke)
            | (LicenseState::Unassigned, LicenseCommand::Unassign) => {
                Ok(Transition::AlreadyApplied)
            }
            (
                LicenseState::Unassigned,
                LicenseCommand::Activate { .. } | LicenseCommand::Revoke,
            )
            | (LicenseState::Activated { .. }, LicenseCommand::Unassign)
            | (
                LicenseState::Revoked { .. },
                LicenseCommand::Assign(_)
                | LicenseCommand::Activate { .. }
                | LicenseCommand::Unassign,
            ) => Err(illegal),
        }
    }

    fn changed(
        &self,
        state: LicenseState,
        event: fn(LicenseFacts) -> DomainEvent,
    ) -> Transition<Self> {
        let next = Self {
            state,
            ..self.clone()
        };
        let event = event(next.facts());
        Transition::Applied { next, event }
    }

    fn facts(&self) -> LicenseFacts {
        LicenseFacts {
            license_id: self.id,
            plan_id: self.plan_id,
            status: self.state.name(),
            email: self.email().map(ToString::to_string),
        }
    }
}

impl Entity for License {
    const KIND: EntityKind = EntityKind::License;

    fn uuid(&self) -> Uuid {
        self.id.uuid()
    }

    fn state_name(&self) -> &'static str {
        self.state.name()
    }
}
