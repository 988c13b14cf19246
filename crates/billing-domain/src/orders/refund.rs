//! A refund: asked for by us or by the provider, then done or failed (C-039, C-080).

use crate::kernel::event::DomainEvent;
use crate::kernel::id::{OrderId, RefundId};
use crate::kernel::money::Money;
use crate::kernel::text::ProviderRef;
use crate::kernel::timestamp::Timestamp;
use crate::kernel::transition::Transition;

/// Where a refund is. States carry their facts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RefundState {
    /// The provider may or may not know of it.
    Requested,
    /// The buyer has the money.
    Succeeded {
        /// When we learnt it.
        succeeded_at: Timestamp,
    },
    /// The buyer does not have the money; a bank may send it back even after a success.
    Failed {
        /// When we learnt it.
        failed_at: Timestamp,
        /// The provider's reason, for people.
        reason: String,
    },
}

impl RefundState {
    /// The name on the wire and in storage.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Requested => "requested",
            Self::Succeeded { .. } => "succeeded",
            Self::Failed { .. } => "failed",
        }
    }
}

/// One refund of one order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refund {
    /// Its id.
    pub id: RefundId,
    /// Of what.
    pub order_id: OrderId,
    /// How much.
    pub amount: Money,
    /// The provider's id, the key of its events (C-083): `re_…`, never a charge's.
    pub provider_id: Option<ProviderRef>,
    /// What tells two equal refunds of one order apart (C-081); absent for the only one.
    pub request_key: Option<String>,
    /// Where it is.
    pub state: RefundState,
    /// When it was asked for.
    pub created_at: Timestamp,
}

/// What happened to a refund.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RefundCommand {
    /// The provider knows of it under this id.
    Link {
        /// `re_…`.
        provider_id: ProviderRef,
    },
    /// It arrived.
    Succeed,
    /// It did not.
    Fail {
        /// Why.
        reason: String,
    },
}

impl RefundCommand {
    /// The command's name in errors and in the table.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Link { .. } => "link",
            Self::Succeed => "succeed",
            Self::Fail { .. } => "fail",
        }
    }
}

/// The command cannot be done in this state.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a refund that is {from} cannot {command}")]
pub struct IllegalRefundTransition {
    /// The state that it is in.
    pub from: &'static str,
    /// The command that was refused.
    pub command: &'static str,
}

impl Refund {
    /// The idempotency key under which the provider is asked (C-081): amount and, for a second
    /// equal refund, the caller's key.
    pub fn provider_key(&self) -> String {
        let amount = self.amount.minor();
        match &self.request_key {
            None => format!("refund:{}:{amount}", self.order_id),
            Some(key) => format!("refund:{}:{amount}:{key}", self.order_id),
        }
    }

    /// Decides what a command does.
    ///
    /// # Errors
    /// [`IllegalRefundTransition`].
    pub fn apply(
        &self,
        command: RefundCommand,
        now: Timestamp,
    ) -> Result<Transition<Self>, IllegalRefundTransition> {
        let illegal = IllegalRefundTransition {
            from: self.state.name(),
            command: command.name(),
        };
        match (&self.state, command) {
            (
                RefundState::Requested | RefundState::Succeeded { .. } | RefundState::Failed { .. },
                RefundCommand::Link { provider_id },
            ) => match &self.provider_id {
                None => Ok(changed(Self {
                    provider_id: Some(provider_id),
                    ..self.clone()
                })),
                Some(known) if *known == provider_id => Ok(Transition::AlreadyApplied),
                Some(_) => Err(illegal),
            },
            (RefundState::Requested, RefundCommand::Succeed) => Ok(changed(Self {
                state: RefundState::Succeeded { succeeded_at: now },
                ..self.clone()
            })),
            (
                RefundState::Requested | RefundState::Succeeded { .. },
                RefundCommand::Fail { reason },
            ) => Ok(changed(Self {
                state: RefundState::Failed {
                    failed_at: now,
                    reason,
                },
                ..self.clone()
            })),
            (RefundState::Succeeded { .. }, RefundCommand::Succeed)
            | (RefundState::Failed { .. }, RefundCommand::Fail { .. }) => {
                Ok(Transition::AlreadyApplied)
            }
            (RefundState::Failed { .. }, RefundCommand::Succeed) => Err(illegal),
        }
    }
}

fn changed(next: Refund) -> Transition<Refund> {
    let event = DomainEvent::RefundChanged {
        refund_id: next.id,
        order_id: next.order_id,
        status: next.state.name(),
        amount: next.amount,
    };
    Transition::Applied { next, event }
}
