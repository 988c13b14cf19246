//! The provider ports over the fake's memory.

use async_trait::async_trait;
use time::Duration;

use super::{FakeProvider, SessionRow, State, rejected};
use crate::catalog::ports::{PriceProvider, ProviderPrice};
use crate::checkout::intent::{CheckoutUi, OpenedSession};
use crate::checkout::ports::{
    CheckoutOrder, CheckoutOutcome, CheckoutProvider, CustomerOrder, ProviderInvoice,
    ProviderSession, SessionStatus,
};
use crate::kernel::ports::Clock;
use crate::kernel::provider::ProviderError;
use crate::kernel::text::{LookupKey, ProviderRef};
use crate::kernel::timestamp::Timestamp;
use crate::provider_events::ports::PartyProvider;
use crate::provider_events::reports::{CatalogueItem, CatalogueReport, CustomerReport};
use crate::subscriptions::subscription::SubscriptionReport;

/// How long a session stays open, as at Stripe.
const SESSION_LIFE: Duration = Duration::hours(24);

#[async_trait]
impl CheckoutProvider for FakeProvider {
    async fn ensure_customer(&self, order: &CustomerOrder) -> Result<ProviderRef, ProviderError> {
        self.call("ensure_customer", |state| {
            if let Some((id, _)) = state.customers.get(&order.idempotency_key) {
                return Ok(id.clone());
            }
            let id = state.make_ref("cus");
            let row = (id.clone(), order.customer_id);
            state.customers.insert(order.idempotency_key.clone(), row);
            Ok(id)
        })
    }

    async fn open_checkout(&self, order: &CheckoutOrder) -> Result<CheckoutOutcome, ProviderError> {
        let now = self.clock.now();
        self.call("open_checkout", |state| open(state, order, now))
    }

    async fn session(&self, id: &ProviderRef) -> Result<Option<ProviderSession>, ProviderError> {
        self.call("session", |state| {
            let row = state.sessions.get(id.as_str());
            Ok(row.map(|row| row.session.clone()))
        })
    }

    async fn expire_session(&self, id: &ProviderRef) -> Result<(), ProviderError> {
        self.call("expire_session", |state| {
            if let Some(row) = state.sessions.get_mut(id.as_str())
                && row.session.status == SessionStatus::Open
            {
                row.session.status = SessionStatus::Expired;
            }
            Ok(())
        })
    }

    async fn subscription(
        &self,
        id: &ProviderRef,
    ) -> Result<Option<SubscriptionReport>, ProviderError> {
        self.call("subscription", |state| {
            Ok(state.subscriptions.get(id.as_str()).cloned())
        })
    }

    async fn invoice(&self, id: &ProviderRef) -> Result<Option<ProviderInvoice>, ProviderError> {
        self.call("invoice", |state| {
            Ok(state.invoices.get(id.as_str()).cloned())
        })
    }

    async fn hold_changes_until_paid(
        &self,
        subscription: &ProviderRef,
    ) -> Result<(), ProviderError> {
        self.call("hold_changes_until_paid", |state| {
            if !state.held.contains(subscription) {
                state.held.push(subscription.clone());
            }
            Ok(())
        })
    }
}

fn open(
    state: &mut State,
    order: &CheckoutOrder,
    now: Timestamp,
) -> Result<CheckoutOutcome, ProviderError> {
    let key = &order.idempotency_key;
    if let Some(reason) = state.refused_keys.get(key) {
        let reason = reason.clone();
        return Ok(CheckoutOutcome::Refused { reason });
    }
    if let Some(id) = state.session_keys.get(key)
        && let Some(row) = state.sessions.get(id.as_str())
    {
        // A key belongs to one request, at the fake as at Stripe.
        if row.order != *order {
            return Err(rejected("idempotency_error"));
        }
        return Ok(CheckoutOutcome::Opened(row.opened.clone()));
    }
    if let Some(reason) = state.refusal.clone() {
        state.refused_keys.insert(key.clone(), reason.clone());
        return Ok(CheckoutOutcome::Refused { reason });
    }
    let id = state.make_ref("cs");
    let (url, client_secret) = match order.request.ui {
        CheckoutUi::Hosted => (Some(format!("https://checkout.example/{id}")), None),
        CheckoutUi::Custom => (None, Some(format!("{id}_secret"))),
    };
    let opened = OpenedSession {
        id: id.clone(),
        url,
        client_secret,
        expires_at: now.plus(SESSION_LIFE),
    };
    let session = ProviderSession {
        id: id.clone(),
        intent_id: Some(order.intent_id),
        status: SessionStatus::Open,
        customer: Some(order.customer.clone()),
        subscription: None,
        invoice: None,
        is_paid: false,
    };
    let row = SessionRow {
        session,
        order: order.clone(),
        opened: opened.clone(),
    };
    state.sessions.insert(id.to_string(), row);
    state.session_keys.insert(key.clone(), id);
    Ok(CheckoutOutcome::Opened(opened))
}

#[async_trait]
impl PriceProvider for FakeProvider {
    async fn prices_by_lookup_key(
        &self,
        keys: &[LookupKey],
    ) -> Result<Vec<ProviderPrice>, ProviderError> {
        self.call("prices_by_lookup_key", |state| {
            let prices = state.prices.iter();
            let is_asked = |price: &&ProviderPrice| {
                price
                    .lookup_key
                    .as_ref()
                    .is_some_and(|key| keys.contains(key))
            };
            Ok(prices.filter(is_asked).cloned().collect())
        })
    }
}

#[async_trait]
impl PartyProvider for FakeProvider {
    async fn customer(&self, id: &ProviderRef) -> Result<Option<CustomerReport>, ProviderError> {
        self.call("customer", |state| {
            Ok(state.parties.get(id.as_str()).cloned())
        })
    }

    async fn catalogue_item(
        &self,
        item: CatalogueItem,
        id: &ProviderRef,
    ) -> Result<Option<CatalogueReport>, ProviderError> {
        self.call("catalogue_item", |state| {
            let items = state.catalogue.get(id.as_str());
            Ok(items.filter(|found| found.item == item).cloned())
        })
    }
}
