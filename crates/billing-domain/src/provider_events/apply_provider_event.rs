//! Decides what one stored event changes: decode, find the sale, let the entities decide (F.2).
//!
//! The answer is a change set or a settlement; nothing is written here.

use std::sync::Arc;

use super::event::{Payload, ProviderEvent, SubscriptionChange};
use super::parent::Parent;
use super::ports::{ClaimedEvent, DecodeError, EventDecoder, Settlement};
use crate::checkout::intent::{CheckoutIntent, IntentCommand, IntentRefusal, ProviderLinks};
use crate::checkout::pay_intent::pay_intent;
use crate::checkout::ports::{CheckoutProvider, IntentReader, ProviderInvoice, ProviderSession};
use crate::checkout::sync_checkout::links;
use crate::entitlements::ports::EntitlementReader;
use crate::kernel::change_set::{Cause, ChangeSet};
use crate::kernel::failure::StoreFailure;
use crate::kernel::id::IntentId;
use crate::kernel::ports::Core;
use crate::kernel::provider::ProviderError;
use crate::kernel::stored::Stored;
use crate::kernel::text::ProviderRef;
use crate::licensing::ports::LicensingReader;
use crate::provisioning::ports::WorkflowReader;
use crate::subscriptions::ports::SubscriptionReader;
use crate::subscriptions::subscription::SubscriptionReport;

mod subscription;

/// What an event leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// Commit this; it marks the event.
    Commit(ChangeSet),
    /// Settle the event without an effect.
    Settle(Settlement),
}

/// Why no decision could be taken.
#[derive(Debug, thiserror::Error)]
pub enum ApplyError {
    /// The payload will never be understood.
    #[error(transparent)]
    Undecodable(#[from] DecodeError),
    /// A state machine refused: a later attempt would be refused as well.
    #[error("the event contradicts what is known")]
    Contradiction(#[from] IntentRefusal),
    /// The sale that the event names does not exist (yet).
    #[error("checkout intent {0} is not known")]
    UnknownIntent(IntentId),
    /// The object must be read from the provider, and it has none.
    #[error("the payment provider has no object {0}")]
    ObjectGone(ProviderRef),
    /// The provider could not be asked.
    #[error(transparent)]
    Provider(#[from] ProviderError),
    /// Storage.
    #[error(transparent)]
    Store(#[from] StoreFailure),
}

impl ApplyError {
    /// Whether a later attempt may succeed.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Undecodable(_) | Self::Contradiction(_) | Self::ObjectGone(_) => false,
            Self::UnknownIntent(_) => true,
            Self::Provider(error) => error.is_retryable(),
            Self::Store(failure) => failure.is_retryable() || failure.asks_to_decide_again(),
        }
    }

    /// What has to become known before another attempt makes sense.
    pub fn awaited_parent(&self) -> Option<Parent> {
        match self {
            Self::UnknownIntent(id) => Some(Parent::Intent(*id)),
            Self::Undecodable(_)
            | Self::Contradiction(_)
            | Self::ObjectGone(_)
            | Self::Provider(_)
            | Self::Store(_) => None,
        }
    }
}

/// Decides what events change.
pub struct ApplyProviderEvent {
    /// Time and ids.
    pub core: Core,
    /// Reads payloads.
    pub decoder: Arc<dyn EventDecoder>,
    /// Asked where a payload does not say enough.
    pub provider: Arc<dyn CheckoutProvider>,
    /// Reads intents.
    pub intents: Arc<dyn IntentReader>,
    /// Reads mirrors.
    pub subscriptions: Arc<dyn SubscriptionReader>,
    /// Reads workflows.
    pub workflows: Arc<dyn WorkflowReader>,
    /// Reads plans and the licences in use.
    pub licensing: Arc<dyn LicensingReader>,
    /// Reads entitlements.
    pub entitlements: Arc<dyn EntitlementReader>,
}

impl ApplyProviderEvent {
    /// Decides. `reservation_is_free` is false after a commit found the slug of an expired
    /// intent taken.
    ///
    /// # Errors
    /// [`ApplyError`].
    pub async fn run(
        &self,
        event: &ClaimedEvent,
        reservation_is_free: bool,
    ) -> Result<Decision, ApplyError> {
        match self.decoder.decode(&event.event_type, &event.payload)? {
            ProviderEvent::Irrelevant => Ok(skipped("this type of event has no effect")),
            ProviderEvent::CheckoutPaymentFailed(_) => Ok(without_capability("delayed payments")),
            ProviderEvent::InvoiceChanged(_, _) => Ok(without_capability("invoices")),
            ProviderEvent::PaymentChanged(_) => Ok(without_capability("single payments")),
            ProviderEvent::ChargeRefunded(_) | ProviderEvent::RefundChanged(_) => {
                Ok(without_capability("refunds"))
            }
            ProviderEvent::DisputeChanged(_) => Ok(without_capability("disputes")),
            ProviderEvent::SetupFinished(_) | ProviderEvent::PaymentMethodChanged(_) => {
                Ok(without_capability("payment methods"))
            }
            ProviderEvent::CustomerChanged(_) => Ok(without_capability("the provider's customers")),
            ProviderEvent::CatalogueChanged(_) => {
                Ok(without_capability("the provider's catalogue"))
            }
            ProviderEvent::CheckoutCompleted(session) => {
                let session = self.read_session(session).await?;
                self.checkout_completed(event, &session, reservation_is_free)
                    .await
            }
            ProviderEvent::CheckoutExpired(session) => {
                let session = self.read_session(session).await?;
                self.checkout_expired(event, &session).await
            }
            ProviderEvent::InvoicePaid(invoice) => {
                let invoice = self.read_invoice(invoice).await?;
                self.invoice_paid(event, &invoice, reservation_is_free)
                    .await
            }
            ProviderEvent::InvoicePaymentFailed(invoice) => {
                let invoice = self.read_invoice(invoice).await?;
                self.invoice_failed(event, &invoice).await
            }
            ProviderEvent::SubscriptionChanged(change, report) => {
                let report = self.read_subscription(report).await?;
                self.subscription_changed(event, change, report).await
            }
        }
    }

    /// Whether a parent is known by now.
    ///
    /// # Errors
    /// [`StoreFailure`].
    pub async fn is_known(&self, parent: &Parent) -> Result<bool, StoreFailure> {
        match parent {
            Parent::Intent(id) => Ok(self.intents.intent(*id).await?.is_some()),
        }
    }

    /// The page was gone through: ids are linked. A single payment is paid by it, a subscription
    /// by its invoice.
    async fn checkout_completed(
        &self,
        event: &ClaimedEvent,
        session: &ProviderSession,
        reservation_is_free: bool,
    ) -> Result<Decision, ApplyError> {
        let Some(intent_id) = session.intent_id else {
            return Ok(foreign());
        };
        let intent = self.intent(intent_id).await?;
        let changes = self.changes(event);
        if session.is_paid && session.subscription.is_none() {
            let changes = pay_intent(
                &self.core,
                changes,
                &intent,
                links(session),
                reservation_is_free,
            )?;
            return Ok(Decision::Commit(changes));
        }
        let command = IntentCommand::LinkProvider {
            links: links(session),
        };
        let transition = intent.value.apply(command, self.core.now())?;
        Ok(Decision::Commit(changes.change_intent(&intent, transition)))
    }

    async fn checkout_expired(
        &self,
        event: &ClaimedEvent,
        session: &ProviderSession,
    ) -> Result<Decision, ApplyError> {
        let Some(intent_id) = session.intent_id else {
            return Ok(foreign());
        };
        let intent = self.intent(intent_id).await?;
        let command = IntentCommand::CloseCheckout {
            session: session.id.clone(),
        };
        let transition = intent.value.apply(command, self.core.now())?;
        Ok(Decision::Commit(
            self.changes(event).change_intent(&intent, transition),
        ))
    }

    /// the first paid invoice pays the intent; later ones leave it alone.
    async fn invoice_paid(
        &self,
        event: &ClaimedEvent,
        invoice: &ProviderInvoice,
        reservation_is_free: bool,
    ) -> Result<Decision, ApplyError> {
        if !invoice.is_paid {
            return Ok(skipped("the invoice is not paid"));
        }
        let Some(intent) = self
            .intent_of(invoice.intent_id, invoice.subscription.as_ref())
            .await?
        else {
            return Ok(foreign());
        };
        let links = ProviderLinks {
            customer: invoice.customer.clone(),
            session: None,
            subscription: invoice.subscription.clone(),
        };
        let changes = pay_intent(
            &self.core,
            self.changes(event),
            &intent,
            links,
            reservation_is_free,
        )?;
        Ok(Decision::Commit(changes))
    }

    /// The status of the subscription tells the rest; here only ids are linked.
    async fn invoice_failed(
        &self,
        event: &ClaimedEvent,
        invoice: &ProviderInvoice,
    ) -> Result<Decision, ApplyError> {
        let Some(intent) = self
            .intent_of(invoice.intent_id, invoice.subscription.as_ref())
            .await?
        else {
            return Ok(foreign());
        };
        let links = ProviderLinks {
            customer: invoice.customer.clone(),
            session: None,
            subscription: invoice.subscription.clone(),
        };
        let transition = intent
            .value
            .apply(IntentCommand::LinkProvider { links }, self.core.now())?;
        Ok(Decision::Commit(
            self.changes(event).change_intent(&intent, transition),
        ))
    }

    fn changes(&self, event: &ClaimedEvent) -> ChangeSet {
        ChangeSet::caused_by(Cause::ProviderEvent(event.id), self.core.now())
    }

    async fn intent(&self, id: IntentId) -> Result<Stored<CheckoutIntent>, ApplyError> {
        let intent = self.intents.intent(id).await.map_err(StoreFailure::from)?;
        intent.ok_or(ApplyError::UnknownIntent(id))
    }

    /// The sale by the metadata, else by the subscription (F.2 step 8); `None` for what is not
    /// ours.
    async fn intent_of(
        &self,
        id: Option<IntentId>,
        subscription: Option<&ProviderRef>,
    ) -> Result<Option<Stored<CheckoutIntent>>, ApplyError> {
        match (id, subscription) {
            (Some(id), _) => self.intent(id).await.map(Some),
            (None, Some(subscription)) => Ok(self
                .intents
                .intent_by_provider_ref(subscription)
                .await
                .map_err(StoreFailure::from)?),
            (None, None) => Ok(None),
        }
    }

    async fn read_session(
        &self,
        payload: Payload<ProviderSession>,
    ) -> Result<ProviderSession, ApplyError> {
        match payload {
            Payload::Read(session) => Ok(session),
            Payload::Missing(id) => self
                .provider
                .session(&id)
                .await?
                .ok_or(ApplyError::ObjectGone(id)),
        }
    }

    async fn read_invoice(
        &self,
        payload: Payload<ProviderInvoice>,
    ) -> Result<ProviderInvoice, ApplyError> {
        match payload {
            Payload::Read(invoice) => Ok(invoice),
            Payload::Missing(id) => self
                .provider
                .invoice(&id)
                .await?
                .ok_or(ApplyError::ObjectGone(id)),
        }
    }

    async fn read_subscription(
        &self,
        payload: Payload<SubscriptionReport>,
    ) -> Result<SubscriptionReport, ApplyError> {
        match payload {
            Payload::Read(report) => Ok(report),
            Payload::Missing(id) => self
                .provider
                .subscription(&id)
                .await?
                .ok_or(ApplyError::ObjectGone(id)),
        }
    }

    async fn subscription_changed(
        &self,
        event: &ClaimedEvent,
        change: SubscriptionChange,
        report: SubscriptionReport,
    ) -> Result<Decision, ApplyError> {
        let provider_id = report.facts.provider_id.clone();
        let Some(intent) = self.intent_of(report.intent_id, Some(&provider_id)).await? else {
            return Ok(foreign());
        };
        let changes = self.changes(event);
        let observed = self.observe(changes, event, &intent, report.facts).await?;
        // The first event that arrives need not be the first that was made.
        if observed.is_first && change != SubscriptionChange::Deleted {
            self.hold_changes_until_paid(&provider_id).await;
        }
        self.follow_up(observed, &intent)
            .await
            .map(Decision::Commit)
    }

    /// a failure is logged and not fatal.
    async fn hold_changes_until_paid(&self, subscription: &ProviderRef) {
        if let Err(error) = self.provider.hold_changes_until_paid(subscription).await {
            tracing::warn!(
                subscription.id = %subscription,
                error = %error,
                "subscription {subscription} could not be told to wait for payments"
            );
        }
    }
}

/// Stored, and nothing more.
fn skipped(reason: &str) -> Decision {
    Decision::Settle(Settlement::Skipped {
        reason: reason.to_owned(),
    })
}

/// The event is understood, and nothing here is built on it yet. It is applied when it is, by a
/// replay of what was skipped.
fn without_capability(of: &str) -> Decision {
    skipped(&format!("this service keeps nothing about {of} yet"))
}

/// An object without our metadata belongs to somebody else who shares the account.
fn foreign() -> Decision {
    skipped("the object belongs to no sale of this service")
}

#[cfg(test)]
mod tests;
