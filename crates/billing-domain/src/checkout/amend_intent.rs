//! Changes what an owner may change about an intent: country and terms, never its state.

use std::sync::Arc;

use super::intent::{CheckoutIntent, IntentCommand, Terms};
use super::policy::CheckoutPolicy;
use super::ports::IntentReader;
use crate::kernel::change_set::ChangeSet;
use crate::kernel::failure::StoreFailure;
use crate::kernel::id::IntentId;
use crate::kernel::ports::{ATTEMPTS_MAX, Core};
use crate::kernel::request::Request;
use crate::kernel::text::CountryCode;

/// The states that an operator may set by hand; a user may set none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OperatorState {
    /// The back office failed.
    ErroredBackoffice,
    /// The reservation is given up.
    Expired,
    /// Everything exists, made by hand.
    Fulfilled,
}

/// What to change.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct IntentAmendment {
    /// The new country.
    pub country: Option<CountryCode>,
    /// Merged over the old terms.
    pub terms: Terms,
    /// Operators only.
    pub state: Option<OperatorState>,
}

/// Why nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum AmendIntentError {
    /// No such intent, or it is somebody else's.
    #[error("there is no such checkout intent")]
    NotFound,
    /// Only operators change the state (A-112 TRAP).
    #[error("only an operator may change the state of a checkout intent")]
    StateIsForOperators,
    /// The state machine refused; it names both.
    #[error("{0}")]
    Illegal(String),
    /// The country is under embargo.
    #[error("this country is not supported")]
    CountryNotSupported,
    /// Storage.
    #[error(transparent)]
    Store(#[from] StoreFailure),
}

/// Amends intents.
pub struct AmendIntent {
    /// Write, time and ids.
    pub core: Core,
    /// Reads intents.
    pub intents: Arc<dyn IntentReader>,
    /// The operator's rules.
    pub policy: Arc<CheckoutPolicy>,
}

impl AmendIntent {
    /// Amends an intent of the caller, or any for an operator; gives it as it then is.
    ///
    /// # Errors
    /// [`AmendIntentError`]; nothing was written.
    pub async fn run(
        &self,
        request: &Request<'_, CheckoutIntent>,
        id: IntentId,
        amendment: &IntentAmendment,
    ) -> Result<CheckoutIntent, AmendIntentError> {
        for _ in 0..ATTEMPTS_MAX {
            match self.run_once(request, id, amendment).await {
                Err(AmendIntentError::Store(failure)) if failure.asks_to_decide_again() => {}
                decided => return decided,
            }
        }
        Err(StoreFailure::Conflict.into())
    }

    async fn run_once(
        &self,
        request: &Request<'_, CheckoutIntent>,
        id: IntentId,
        amendment: &IntentAmendment,
    ) -> Result<CheckoutIntent, AmendIntentError> {
        let principal = request.principal();
        let intent = self.intents.intent(id).await.map_err(StoreFailure::from)?;
        let intent = intent
            .filter(|intent| principal.is_operator() || principal.is_user(intent.value.user_id()))
            .ok_or(AmendIntentError::NotFound)?;
        if !self.policy.serves(amendment.country.as_ref()) {
            return Err(AmendIntentError::CountryNotSupported);
        }
        let command = match amendment.state {
            None => IntentCommand::Amend {
                country: amendment.country.clone(),
                terms: amendment.terms.clone(),
            },
            Some(_) if !principal.is_operator() => {
                return Err(AmendIntentError::StateIsForOperators);
            }
            Some(OperatorState::ErroredBackoffice) => IntentCommand::MarkBackofficeError {
                message: "set by an operator".to_owned(),
            },
            Some(OperatorState::Expired) => IntentCommand::Expire,
            Some(OperatorState::Fulfilled) => IntentCommand::MarkFulfilled,
        };
        let now = self.core.now();
        let transition = intent
            .value
            .apply(command, now)
            .map_err(|error| AmendIntentError::Illegal(error.to_string()))?;
        let next = transition.outcome(&intent.value).clone();
        let changes =
            ChangeSet::caused_by(request.underway(), now).change_intent(&intent, transition);
        if !changes.is_empty() {
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
