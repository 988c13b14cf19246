//! Asks the provider what became of a session and applies it, as the webhook would: so the return
//! page never shows "unpaid" to somebody who has paid.

use std::sync::Arc;

use super::intent::{Checkout, CheckoutIntent, IntentCommand, ProviderLinks};
use super::pay_intent::pay_intent;
use super::ports::{CheckoutProvider, IntentReader, ProviderSession, SessionStatus};
use crate::kernel::change_set::{Cause, ChangeSet, UniqueRule};
use crate::kernel::failure::StoreFailure;
use crate::kernel::id::IntentId;
use crate::kernel::ports::{ATTEMPTS_MAX, Core};
use crate::kernel::provider::ProviderError;
use crate::kernel::stored::Stored;
use crate::kernel::text::ProviderRef;

/// Why nothing is known about the session.
#[derive(Debug, thiserror::Error)]
pub enum SyncCheckoutError {
    /// No session or intent of ours has this id.
    #[error("there is no such checkout")]
    NotFound,
    /// The payment belongs to another sale than the intent knows.
    #[error("this payment belongs to another purchase")]
    LinkedElsewhere,
    /// The provider.
    #[error(transparent)]
    Provider(#[from] ProviderError),
    /// Storage.
    #[error(transparent)]
    Store(#[from] StoreFailure),
}

/// Brings intents up to date with the provider.
pub struct SyncCheckout {
    /// Write, time and ids.
    pub core: Core,
    /// Reads intents.
    pub intents: Arc<dyn IntentReader>,
    /// The provider.
    pub provider: Arc<dyn CheckoutProvider>,
}

impl SyncCheckout {
    /// Brings the intent of a session up to date; gives it as it then is.
    ///
    /// # Errors
    /// [`SyncCheckoutError`].
    pub async fn run(
        &self,
        session: &ProviderRef,
        cause: &Cause,
    ) -> Result<CheckoutIntent, SyncCheckoutError> {
        let known = self
            .intents
            .intent_by_provider_ref(session)
            .await
            .map_err(StoreFailure::from)?;
        // The page is reloaded until everything exists; the provider is asked only until it is paid.
        if let Some(known) = known.filter(|known| known.value.state().paid_at().is_some()) {
            return Ok(known.value);
        }
        let session = self
            .provider
            .session(session)
            .await?
            .ok_or(SyncCheckoutError::NotFound)?;
        let intent_id = session.intent_id.ok_or(SyncCheckoutError::NotFound)?;
        let is_paid = self.is_paid(&session).await?;
        let mut reservation_is_free = true;
        for _ in 0..ATTEMPTS_MAX {
            match self
                .apply(intent_id, &session, is_paid, reservation_is_free, cause)
                .await
            {
                Err(SyncCheckoutError::Store(StoreFailure::Duplicate(
                    UniqueRule::IntentSlug | UniqueRule::IntentName,
                ))) => {
                    reservation_is_free = false;
                }
                Err(SyncCheckoutError::Store(failure)) if failure.asks_to_decide_again() => {}
                decided => return decided,
            }
        }
        Err(StoreFailure::Conflict.into())
    }

    /// Brings an intent up to date by the session that it has open, if it has one.
    ///
    /// # Errors
    /// [`SyncCheckoutError`].
    pub async fn run_for(
        &self,
        intent: &CheckoutIntent,
        cause: &Cause,
    ) -> Result<CheckoutIntent, SyncCheckoutError> {
        match intent.checkout() {
            Checkout::Opened {
                attempt: _,
                request: _,
                session,
            } => self.run(&session.id, cause).await,
            Checkout::NotStarted | Checkout::Requested { .. } | Checkout::Closed { .. } => {
                Ok(intent.clone())
            }
        }
    }

    /// A subscription is paid when its invoice is, a single payment when the session says so.
    async fn is_paid(&self, session: &ProviderSession) -> Result<bool, ProviderError> {
        match (session.status, &session.invoice) {
            (SessionStatus::Open | SessionStatus::Expired, _) => Ok(false),
            (SessionStatus::Complete, Some(invoice)) => Ok(self
                .provider
                .invoice(invoice)
                .await?
                .is_some_and(|invoice| invoice.is_paid)),
            (SessionStatus::Complete, None) => {
                Ok(session.is_paid && session.subscription.is_none())
            }
        }
    }

    async fn apply(
        &self,
        intent_id: IntentId,
        session: &ProviderSession,
        is_paid: bool,
        reservation_is_free: bool,
        cause: &Cause,
    ) -> Result<CheckoutIntent, SyncCheckoutError> {
        let intent = self
            .intents
            .intent(intent_id)
            .await
            .map_err(StoreFailure::from)?;
        let intent = intent.ok_or(SyncCheckoutError::NotFound)?;
        let changes = ChangeSet::caused_by(cause.clone(), self.core.now());
        let changes = self.decide(changes, &intent, session, is_paid, reservation_is_free)?;
        if changes.is_empty() {
            return Ok(intent.value);
        }
        self.core
            .writer
            .commit(changes)
            .await
            .map_err(StoreFailure::from)?;
        let stored = self
            .intents
            .intent(intent_id)
            .await
            .map_err(StoreFailure::from)?;
        Ok(stored.map_or(intent.value, |stored| stored.value))
    }

    fn decide(
        &self,
        changes: ChangeSet,
        intent: &Stored<CheckoutIntent>,
        session: &ProviderSession,
        is_paid: bool,
        reservation_is_free: bool,
    ) -> Result<ChangeSet, SyncCheckoutError> {
        let elsewhere = |_| SyncCheckoutError::LinkedElsewhere;
        if is_paid {
            return pay_intent(
                &self.core,
                changes,
                intent,
                links(session),
                reservation_is_free,
            )
            .map_err(elsewhere);
        }
        let command = match session.status {
            SessionStatus::Complete => IntentCommand::LinkProvider {
                links: links(session),
            },
            SessionStatus::Expired => IntentCommand::CloseCheckout {
                session: session.id.clone(),
            },
            SessionStatus::Open => return Ok(changes),
        };
        let transition = intent
            .value
            .apply(command, self.core.now())
            .map_err(elsewhere)?;
        Ok(changes.change_intent(intent, transition))
    }
}

/// The ids of the sale that a completed session tells.
pub fn links(session: &ProviderSession) -> ProviderLinks {
    ProviderLinks {
        customer: session.customer.clone(),
        session: Some(session.id.clone()),
        subscription: session.subscription.clone(),
    }
}

#[cfg(test)]
mod tests;
