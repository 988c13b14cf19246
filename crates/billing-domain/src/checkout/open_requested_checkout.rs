//! Carries a durable request for a checkout page to the provider and its answer home: the second
//! half of starting a checkout, and what resumes one after a crash.

use std::sync::Arc;

use super::intent::{Checkout, CheckoutIntent, CheckoutRequest, IntentCommand};
use super::ports::{CheckoutOrder, CheckoutOutcome, CheckoutProvider, IntentReader};
use crate::customers::customer::CustomerOwner;
use crate::customers::ensure_customer::{EnsureCustomer, EnsureCustomerError};
use crate::kernel::change_set::{Cause, ChangeSet};
use crate::kernel::failure::StoreFailure;
use crate::kernel::id::IntentId;
use crate::kernel::ports::{ATTEMPTS_MAX, Core};
use crate::kernel::provider::ProviderError;
use crate::kernel::stored::Stored;
use crate::kernel::text::ProviderRef;
use crate::kernel::timestamp::Timestamp;

/// Why the page is not open (yet).
#[derive(Debug, thiserror::Error)]
pub enum OpenCheckoutError {
    /// The provider said no, for good; the intent remembers why.
    #[error("the payment provider refused this checkout ({reason})")]
    Refused {
        /// The provider's code.
        reason: String,
    },
    /// The provider.
    #[error(transparent)]
    Provider(#[from] ProviderError),
    /// Storage.
    #[error(transparent)]
    Store(#[from] StoreFailure),
}

impl From<EnsureCustomerError> for OpenCheckoutError {
    fn from(error: EnsureCustomerError) -> Self {
        match error {
            EnsureCustomerError::Provider(error) => Self::Provider(error),
            EnsureCustomerError::Store(failure) => Self::Store(failure),
        }
    }
}

/// Opens pages that were requested.
pub struct OpenRequestedCheckout {
    /// Write, time and ids.
    pub core: Core,
    /// Reads intents.
    pub intents: Arc<dyn IntentReader>,
    /// Gives the owner a customer.
    pub customers: Arc<EnsureCustomer>,
    /// The provider.
    pub provider: Arc<dyn CheckoutProvider>,
}

/// An intent whose request was carried home.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenedCheckout {
    /// The intent as it is now.
    pub intent: CheckoutIntent,
    /// Whether this call committed it, with its answer; else somebody else had done so before.
    pub is_ours: bool,
}

/// What is asked of the provider, taken from an intent that is waiting for it.
struct Pending {
    request: CheckoutRequest,
    requested_at: Timestamp,
}

impl OpenRequestedCheckout {
    /// Opens the page of an intent that requested one; gives the intent as it then is. An intent
    /// that requests nothing (any more) is given as it is.
    ///
    /// # Errors
    /// [`OpenCheckoutError`]; unless the provider refused, the request stays and is resumed.
    pub async fn run(
        &self,
        intent_id: IntentId,
        underway: &Cause,
        answered: &(dyn Fn(&CheckoutIntent) -> Cause + Send + Sync),
    ) -> Result<Option<OpenedCheckout>, OpenCheckoutError> {
        for _ in 0..ATTEMPTS_MAX {
            match self.run_once(intent_id, underway, answered).await {
                Err(OpenCheckoutError::Store(failure)) if failure.asks_to_decide_again() => {}
                decided => return decided,
            }
        }
        Err(StoreFailure::Conflict.into())
    }

    async fn run_once(
        &self,
        intent_id: IntentId,
        underway: &Cause,
        answered: &(dyn Fn(&CheckoutIntent) -> Cause + Send + Sync),
    ) -> Result<Option<OpenedCheckout>, OpenCheckoutError> {
        let Some(intent) = self
            .intents
            .intent(intent_id)
            .await
            .map_err(StoreFailure::from)?
        else {
            return Ok(None);
        };
        let Some(pending) = pending(&intent.value) else {
            return Ok(Some(OpenedCheckout {
                intent: intent.value,
                is_ours: false,
            }));
        };
        let name = intent
            .value
            .parts()
            .reservation
            .as_ref()
            .map(|reservation| &reservation.name);
        let owner = CustomerOwner::User(intent.value.user_id());
        let customer = self
            .customers
            .run(owner, &pending.request.admin_email, name, underway)
            .await?;
        let order = order(&intent.value, &pending, customer.clone());
        match self.provider.open_checkout(&order).await? {
            CheckoutOutcome::Opened(session) => {
                let command = IntentCommand::OpenCheckout { session, customer };
                let intent = self.commit(&intent, command, answered).await?;
                Ok(Some(OpenedCheckout {
                    intent,
                    is_ours: true,
                }))
            }
            CheckoutOutcome::Refused { reason } => {
                let command = IntentCommand::RefuseCheckout {
                    reason: reason.clone(),
                };
                self.commit(&intent, command, &|_| underway.clone()).await?;
                Err(OpenCheckoutError::Refused { reason })
            }
        }
    }

    async fn commit(
        &self,
        intent: &Stored<CheckoutIntent>,
        command: IntentCommand,
        cause: &(dyn Fn(&CheckoutIntent) -> Cause + Send + Sync),
    ) -> Result<CheckoutIntent, OpenCheckoutError> {
        let now = self.core.now();
        // A pending request always allows its answer, so a refusal means that somebody answered
        // it in the meantime: read again.
        let transition = intent
            .value
            .apply(command, now)
            .map_err(|_| StoreFailure::Conflict)?;
        let next = transition.outcome(&intent.value).clone();
        let changes = ChangeSet::caused_by(cause(&next), now).change_intent(intent, transition);
        self.core
            .writer
            .commit(changes)
            .await
            .map_err(StoreFailure::from)?;
        Ok(next)
    }
}

fn pending(intent: &CheckoutIntent) -> Option<Pending> {
    match intent.checkout() {
        Checkout::Requested {
            attempt: _,
            request,
            requested_at,
        } => Some(Pending {
            request: request.clone(),
            requested_at: *requested_at,
        }),
        Checkout::NotStarted | Checkout::Opened { .. } | Checkout::Closed { .. } => None,
    }
}

fn order(intent: &CheckoutIntent, pending: &Pending, customer: ProviderRef) -> CheckoutOrder {
    CheckoutOrder {
        intent_id: intent.id(),
        user_id: intent.user_id(),
        reservation: intent.parts().reservation.clone(),
        customer,
        request: pending.request.clone(),
        idempotency_key: intent.provider_key(),
        requested_at: pending.requested_at,
    }
}
