//! The provider as it is when everything has happened: whoever reads, and whenever, is told the end.

use std::collections::BTreeMap;

use async_trait::async_trait;
use billing_domain::catalog::ports::{PriceProvider, ProviderPrice};
use billing_domain::checkout::ports::{
    CheckoutOrder, CheckoutOutcome, CheckoutProvider, CustomerOrder, ProviderInvoice,
    ProviderSession,
};
use billing_domain::kernel::provider::ProviderError;
use billing_domain::kernel::text::{LookupKey, ProviderRef};
use billing_domain::subscriptions::subscription::SubscriptionReport;

/// Objects by the provider's id.
#[derive(Debug, Clone, Default)]
pub(crate) struct Frozen {
    pub(crate) sessions: BTreeMap<String, ProviderSession>,
    pub(crate) subscriptions: BTreeMap<String, SubscriptionReport>,
    pub(crate) invoices: BTreeMap<String, ProviderInvoice>,
}

/// Events are applied without anybody opening a page.
fn never() -> ProviderError {
    ProviderError::Rejected {
        code: "frozen".to_owned(),
        message: "an event opens no page".to_owned(),
    }
}

#[async_trait]
impl CheckoutProvider for Frozen {
    async fn ensure_customer(&self, _: &CustomerOrder) -> Result<ProviderRef, ProviderError> {
        Err(never())
    }

    async fn open_checkout(&self, _: &CheckoutOrder) -> Result<CheckoutOutcome, ProviderError> {
        Err(never())
    }

    async fn session(&self, id: &ProviderRef) -> Result<Option<ProviderSession>, ProviderError> {
        Ok(self.sessions.get(id.as_str()).cloned())
    }

    async fn expire_session(&self, _: &ProviderRef) -> Result<(), ProviderError> {
        Err(never())
    }

    async fn subscription(
        &self,
        id: &ProviderRef,
    ) -> Result<Option<SubscriptionReport>, ProviderError> {
        Ok(self.subscriptions.get(id.as_str()).cloned())
    }

    async fn invoice(&self, id: &ProviderRef) -> Result<Option<ProviderInvoice>, ProviderError> {
        Ok(self.invoices.get(id.as_str()).cloned())
    }

    async fn hold_changes_until_paid(&self, _: &ProviderRef) -> Result<(), ProviderError> {
        Ok(())
    }
}

#[async_trait]
impl PriceProvider for Frozen {
    async fn prices_by_lookup_key(
        &self,
        _: &[LookupKey],
    ) -> Result<Vec<ProviderPrice>, ProviderError> {
        Err(never())
    }
}
