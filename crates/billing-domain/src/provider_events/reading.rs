//! What the provider was asked while an event was decided, and what it answered: kept with the
//! event, so that the same decision can be taken again when the provider says something else.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;

use super::ports::PartyProvider;
use super::reports::{CatalogueItem, CatalogueReport, CustomerReport};
use crate::checkout::ports::{
    CheckoutOrder, CheckoutOutcome, CheckoutProvider, CustomerOrder, ProviderInvoice,
    ProviderSession,
};
use crate::kernel::provider::ProviderError;
use crate::kernel::text::ProviderRef;
use crate::subscriptions::subscription::SubscriptionReport;

/// One object as the provider had it at that moment; absent if it had none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reading {
    /// A session was read.
    Session(ProviderRef, Option<ProviderSession>),
    /// An invoice was read.
    Invoice(ProviderRef, Option<ProviderInvoice>),
    /// A subscription was read.
    Subscription(ProviderRef, Option<SubscriptionReport>),
    /// A customer was read. The address is personal and nothing is compared by it, so it MAY be lost.
    Customer(ProviderRef, Option<CustomerReport>),
    /// A product or a price was read.
    CatalogueItem(ProviderRef, Option<CatalogueReport>),
}

/// Whether a question goes to the provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Questions {
    /// They are asked.
    Asked,
    /// They are refused, and it is remembered that there was one.
    Refused,
}

/// Passes every call on and remembers what was read, or lets none pass and remembers that.
pub(super) struct Witness {
    provider: Arc<dyn CheckoutProvider>,
    parties: Arc<dyn PartyProvider>,
    questions: Questions,
    has_refused: AtomicBool,
    readings: Mutex<Vec<Reading>>,
}

impl Witness {
    pub(super) fn of(
        provider: Arc<dyn CheckoutProvider>,
        parties: Arc<dyn PartyProvider>,
        questions: Questions,
    ) -> Self {
        Self {
            provider,
            parties,
            questions,
            has_refused: AtomicBool::new(false),
            readings: Mutex::default(),
        }
    }

    /// Whether a question was refused: whatever was decided without its answer does not count.
    pub(super) fn has_refused(&self) -> bool {
        self.has_refused.load(Ordering::Acquire)
    }

    fn may_ask(&self) -> Result<(), ProviderError> {
        match self.questions {
            Questions::Asked => Ok(()),
            Questions::Refused => {
                self.has_refused.store(true, Ordering::Release);
                Err(ProviderError::Unreachable("nobody is asked yet".into()))
            }
        }
    }

    /// What was read, in the order in which it was asked for.
    pub(super) fn readings(&self) -> Vec<Reading> {
        let readings = self.readings.lock();
        readings.unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn keep(&self, reading: Reading) {
        let readings = self.readings.lock();
        readings
            .unwrap_or_else(PoisonError::into_inner)
            .push(reading);
    }
}

#[async_trait]
impl CheckoutProvider for Witness {
    async fn ensure_customer(&self, order: &CustomerOrder) -> Result<ProviderRef, ProviderError> {
        self.may_ask()?;
        self.provider.ensure_customer(order).await
    }

    async fn open_checkout(&self, order: &CheckoutOrder) -> Result<CheckoutOutcome, ProviderError> {
        self.may_ask()?;
        self.provider.open_checkout(order).await
    }

    async fn session(&self, id: &ProviderRef) -> Result<Option<ProviderSession>, ProviderError> {
        self.may_ask()?;
        let session = self.provider.session(id).await?;
        self.keep(Reading::Session(id.clone(), session.clone()));
        Ok(session)
    }

    async fn expire_session(&self, id: &ProviderRef) -> Result<(), ProviderError> {
        self.may_ask()?;
        self.provider.expire_session(id).await
    }

    async fn subscription(
        &self,
        id: &ProviderRef,
    ) -> Result<Option<SubscriptionReport>, ProviderError> {
        self.may_ask()?;
        let report = self.provider.subscription(id).await?;
        self.keep(Reading::Subscription(id.clone(), report.clone()));
        Ok(report)
    }

    async fn invoice(&self, id: &ProviderRef) -> Result<Option<ProviderInvoice>, ProviderError> {
        self.may_ask()?;
        let invoice = self.provider.invoice(id).await?;
        self.keep(Reading::Invoice(id.clone(), invoice.clone()));
        Ok(invoice)
    }

    async fn hold_changes_until_paid(
        &self,
        subscription: &ProviderRef,
    ) -> Result<(), ProviderError> {
        match self.may_ask() {
            Ok(()) => self.provider.hold_changes_until_paid(subscription).await,
            // Nobody waits for an answer.
            Err(_) => Ok(()),
        }
    }
}

#[async_trait]
impl PartyProvider for Witness {
    async fn customer(&self, id: &ProviderRef) -> Result<Option<CustomerReport>, ProviderError> {
        self.may_ask()?;
        let report = self.parties.customer(id).await?;
        self.keep(Reading::Customer(id.clone(), report.clone()));
        Ok(report)
    }

    async fn catalogue_item(
        &self,
        item: CatalogueItem,
        id: &ProviderRef,
    ) -> Result<Option<CatalogueReport>, ProviderError> {
        self.may_ask()?;
        let report = self.parties.catalogue_item(item, id).await?;
        self.keep(Reading::CatalogueItem(id.clone(), report.clone()));
        Ok(report)
    }
}
