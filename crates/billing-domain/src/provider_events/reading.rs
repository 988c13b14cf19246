//! What the provider was asked while an event was decided, and what it answered: kept with the
//! event, so that the same decision can be taken again when the provider says something else.

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

/// Passes every call on and remembers what was read.
pub(super) struct Witness {
    provider: Arc<dyn CheckoutProvider>,
    parties: Arc<dyn PartyProvider>,
    readings: Mutex<Vec<Reading>>,
}

impl Witness {
    pub(super) fn of(provider: Arc<dyn CheckoutProvider>, parties: Arc<dyn PartyProvider>) -> Self {
        Self {
            provider,
            parties,
            readings: Mutex::default(),
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
        self.provider.ensure_customer(order).await
    }

    async fn open_checkout(&self, order: &CheckoutOrder) -> Result<CheckoutOutcome, ProviderError> {
        self.provider.open_checkout(order).await
    }

    async fn session(&self, id: &ProviderRef) -> Result<Option<ProviderSession>, ProviderError> {
        let session = self.provider.session(id).await?;
        self.keep(Reading::Session(id.clone(), session.clone()));
        Ok(session)
    }

    async fn expire_session(&self, id: &ProviderRef) -> Result<(), ProviderError> {
        self.provider.expire_session(id).await
    }

    async fn subscription(
        &self,
        id: &ProviderRef,
    ) -> Result<Option<SubscriptionReport>, ProviderError> {
        let report = self.provider.subscription(id).await?;
        self.keep(Reading::Subscription(id.clone(), report.clone()));
        Ok(report)
    }

    async fn invoice(&self, id: &ProviderRef) -> Result<Option<ProviderInvoice>, ProviderError> {
        let invoice = self.provider.invoice(id).await?;
        self.keep(Reading::Invoice(id.clone(), invoice.clone()));
        Ok(invoice)
    }

    async fn hold_changes_until_paid(
        &self,
        subscription: &ProviderRef,
    ) -> Result<(), ProviderError> {
        self.provider.hold_changes_until_paid(subscription).await
    }
}

#[async_trait]
impl PartyProvider for Witness {
    async fn customer(&self, id: &ProviderRef) -> Result<Option<CustomerReport>, ProviderError> {
        let report = self.parties.customer(id).await?;
        self.keep(Reading::Customer(id.clone(), report.clone()));
        Ok(report)
    }

    async fn catalogue_item(
        &self,
        item: CatalogueItem,
        id: &ProviderRef,
    ) -> Result<Option<CatalogueReport>, ProviderError> {
        let report = self.parties.catalogue_item(item, id).await?;
        self.keep(Reading::CatalogueItem(id.clone(), report.clone()));
        Ok(report)
    }
}
