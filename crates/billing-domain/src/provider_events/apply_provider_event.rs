//! Decides what one stored event changes: decode, find the sale, let the entities decide (F.2).
//!
//! The answer is a change set or a settlement; nothing is written here.

use std::sync::Arc;

use super::event::{Payload, ProviderEvent, SubscriptionChange};
use super::parent::Parent;
use super::ports::{ClaimedEvent, DecodeError, EventDecoder, PartyProvider, Settlement};
use super::reading::{Questions, Witness};
use crate::catalog::ports::CatalogReader;
use crate::checkout::intent::{CheckoutIntent, IntentCommand, IntentRefusal, ProviderLinks};
use crate::checkout::pay_intent::pay_intent;
use crate::checkout::ports::{CheckoutProvider, IntentReader, ProviderInvoice, ProviderSession};
use crate::checkout::sync_checkout::links;
use crate::customers::ports::CustomerReader;
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

mod parties;
mod subscription;

/// What an event leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// Commit this; it marks the event.
    Commit(Box<ChangeSet>),
    /// Settle the event without an effect.
    Settle(Settlement),
}

impl Decision {
    fn commit(changes: ChangeSet) -> Self {
        Self::Commit(Box::new(changes))
    }
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
    /// The provider has to be asked, and is slower than events come.
    #[error("too many events wait for an answer of the payment provider")]
    TooManyQuestions,
    /// Storage.
    #[error(transparent)]
    Store(#[from] StoreFailure),
}

impl ApplyError {
    /// Whether a later attempt may succeed.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Undecodable(_) | Self::Contradiction(_) | Self::ObjectGone(_) => false,
            Self::UnknownIntent(_) | Self::TooManyQuestions => true,
            // An event is not at fault for a key that was revoked: it waits as for an outage.
            Self::Provider(error) => error.is_retryable() || error.is_about_our_key(),
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
            | Self::TooManyQuestions
            | Self::Store(_) => None,
        }
    }
}

/// Decides what events change.
#[derive(Clone)]
pub struct ApplyProviderEvent {
    /// Time and ids.
    pub core: Core,
    /// Reads payloads.
    pub decoder: Arc<dyn EventDecoder>,
    /// Asked where a payload does not say enough.
    pub provider: Arc<dyn CheckoutProvider>,
    /// Asked for what an event beside a sale tells of.
    pub parties: Arc<dyn PartyProvider>,
    /// Reads customers.
    pub customers: Arc<dyn CustomerReader>,
    /// Reads the catalogue.
    pub catalog: Arc<dyn CatalogReader>,
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
    /// Decides, and keeps what the provider was asked for it. `reservation_is_free` is false after a
    /// commit found the slug of an expired intent taken.
    ///
    /// # Errors
    /// [`ApplyError`].
    pub async fn run(
        &self,
        event: &ClaimedEvent,
        reservation_is_free: bool,
    ) -> Result<Decision, ApplyError> {
        let (decision, witness) = self
            .decide_with(Questions::Asked, event, reservation_is_free)
            .await;
        Ok(match decision? {
            Decision::Commit(changes) => Decision::commit(changes.having_read(witness.readings())),
            settled @ Decision::Settle(_) => settled,
        })
    }

    /// Decides by what is known here, as [`Self::run`] does; `None` if the provider has to be asked
    /// or told something. Nothing leaves this service.
    ///
    /// # Errors
    /// [`ApplyError`].
    pub async fn run_without_asking(
        &self,
        event: &ClaimedEvent,
        reservation_is_free: bool,
    ) -> Result<Option<Decision>, ApplyError> {
        let (decision, witness) = self
            .decide_with(Questions::Refused, event, reservation_is_free)
            .await;
        if witness.has_refused() {
            return Ok(None);
        }
        decision.map(Some)
    }

    async fn decide_with(
        &self,
        questions: Questions,
        event: &ClaimedEvent,
        reservation_is_free: bool,
    ) -> (Result<Decision, ApplyError>, Arc<Witness>) {
        let witness = Witness::of(self.provider.clone(), self.parties.clone(), questions);
        let witness = Arc::new(witness);
        let watched = Self {
            provider: witness.clone(),
            parties: witness.clone(),
            ..self.clone()
        };
        (watched.decide(event, reservation_is_free).await, witness)
    }

    async fn decide(
        &self,
        event: &ClaimedEvent,
        reservation_is_free: bool,
    ) -> Result<Decision, ApplyError> {
        match self.decoder.decode(&event.event_type, &event.payload)? {
            ProviderEvent::OfConnectedAccount => Ok(of_connected_account()),
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
            ProviderEvent::CustomerChanged(customer) => {
                self.customer_changed(event, customer).await
            }
            ProviderEvent::CatalogueChanged(item, report) => {
                self.catalogue_changed(event, item, report).await
            }
            ProviderEvent::CheckoutCompleted(session) => {
                let session = read(
                    session,
                    |id| async move { self.provider.session(&id).await },
                )
                .await?;
                self.checkout_completed(event, &session, reservation_is_free)
                    .await
            }
            ProviderEvent::CheckoutExpired(session) => {
                let session = read(
                    session,
                    |id| async move { self.provider.session(&id).await },
                )
                .await?;
                self.checkout_expired(event, &session).await
            }
            ProviderEvent::InvoicePaid(invoice) => {
                let invoice = read(
                    invoice,
                    |id| async move { self.provider.invoice(&id).await },
                )
                .await?;
                self.invoice_paid(event, &invoice, reservation_is_free)
                    .await
            }
            ProviderEvent::InvoicePaymentFailed(invoice) => {
                let invoice = read(
                    invoice,
                    |id| async move { self.provider.invoice(&id).await },
                )
                .await?;
                self.invoice_failed(event, &invoice).await
            }
            ProviderEvent::SubscriptionChanged(change, report) => {
                let report = read(
                    report,
                    |id| async move { self.provider.subscription(&id).await },
                )
                .await?;
                self.subscription_changed(event, change, report).await
            }
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
            return Ok(foreign(None));
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
            return Ok(Decision::commit(changes));
        }
        let command = IntentCommand::LinkProvider {
            links: links(session),
        };
        let transition = intent.value.apply(command, changes.at())?;
        Ok(Decision::commit(changes.change_intent(&intent, transition)))
    }

    async fn checkout_expired(
        &self,
        event: &ClaimedEvent,
        session: &ProviderSession,
    ) -> Result<Decision, ApplyError> {
        let Some(intent_id) = session.intent_id else {
            return Ok(foreign(None));
        };
        let intent = self.intent(intent_id).await?;
        let command = IntentCommand::CloseCheckout {
            session: session.id.clone(),
        };
        let changes = self.changes(event);
        let transition = intent.value.apply(command, changes.at())?;
        Ok(Decision::commit(changes.change_intent(&intent, transition)))
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
            return Ok(foreign(invoice.subscription.as_ref()));
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
        Ok(Decision::commit(changes))
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
            return Ok(foreign(invoice.subscription.as_ref()));
        };
        let links = ProviderLinks {
            customer: invoice.customer.clone(),
            session: None,
            subscription: invoice.subscription.clone(),
        };
        let changes = self.changes(event);
        let transition = intent
            .value
            .apply(IntentCommand::LinkProvider { links }, changes.at())?;
        Ok(Decision::commit(changes.change_intent(&intent, transition)))
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

    async fn subscription_changed(
        &self,
        event: &ClaimedEvent,
        change: SubscriptionChange,
        report: SubscriptionReport,
    ) -> Result<Decision, ApplyError> {
        let provider_id = report.facts.provider_id.clone();
        let Some(intent) = self.intent_of(report.intent_id, Some(&provider_id)).await? else {
            return Ok(foreign(Some(&provider_id)));
        };
        let changes = self.changes(event);
        let observed = self.observe(changes, event, &intent, report.facts).await?;
        // The first event that arrives need not be the first that was made.
        if observed.is_first && change != SubscriptionChange::Deleted {
            self.hold_changes_until_paid(&provider_id).await;
        }
        self.follow_up(observed, &intent)
            .await
            .map(Decision::commit)
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

/// What the payload says, or the provider where the payload does not say enough.
async fn read<T, F>(
    payload: Payload<T>,
    ask: impl FnOnce(ProviderRef) -> F,
) -> Result<T, ApplyError>
where
    F: Future<Output = Result<Option<T>, ProviderError>>,
{
    match payload {
        Payload::Read(object) => Ok(object),
        Payload::Missing(id) => ask(id.clone()).await?.ok_or(ApplyError::ObjectGone(id)),
    }
}

/// Nothing of it counts here, and nobody should send it: our endpoint listens to too much.
fn of_connected_account() -> Decision {
    Decision::Settle(Settlement::Parked {
        reason: "the event is of a connected account; this service sells on its own only"
            .to_owned(),
        waiting_for: None,
    })
}

/// Stored, and nothing more.
fn skipped(reason: &str) -> Decision {
    Decision::Settle(Settlement::Skipped {
        reason: reason.to_owned(),
        waiting_for: None,
    })
}

/// The event is understood, and nothing here is built on it yet. It is applied when it is, by a
/// replay of what was skipped.
fn without_capability(of: &str) -> Decision {
    skipped(&format!("this service keeps nothing about {of} yet"))
}

/// An object without our metadata belongs to somebody else who shares the account, unless a
/// sale turns out to be linked to its subscription.
fn foreign(subscription: Option<&ProviderRef>) -> Decision {
    Decision::Settle(Settlement::Skipped {
        reason: "the object belongs to no sale of this service".to_owned(),
        waiting_for: subscription.cloned().map(Parent::SaleOf),
    })
}

#[cfg(test)]
mod tests;
