//! The payment ports over Stripe's HTTP API.

use std::sync::Arc;

use async_trait::async_trait;
use billing_domain::catalog::ports::{PriceProvider, ProviderPrice};
use billing_domain::checkout::ports::{
    CheckoutOrder, CheckoutOutcome, CheckoutProvider, CustomerOrder, ProviderInvoice,
    ProviderSession, SessionStatus,
};
use billing_domain::kernel::ports::Clock;
use billing_domain::kernel::provider::ProviderError;
use billing_domain::kernel::text::{LookupKey, ProviderRef};
use billing_domain::subscriptions::subscription::SubscriptionReport;
use stripe_billing::invoice::RetrieveInvoice;
use stripe_billing::subscription::{
    RetrieveSubscription, UpdateSubscription, UpdateSubscriptionPaymentBehavior,
};
use stripe_checkout::checkout_session::{ExpireCheckoutSession, RetrieveCheckoutSession};
use stripe_client_core::{RequestBuilder, StripeRequest};

use crate::config::{SetupError, StripeConfig, StripeMode};
use crate::fields::{Fields, ReadError};
use crate::objects::{read_invoice, read_session, read_subscription};
use crate::transport::{Answer, CallError, CallOptions, StripeTransport};

mod customers;
mod dialect;
mod endpoints;
mod events;
mod outcome;
mod parties;
mod prices;
mod sessions;

/// Speaks to Stripe, or to the sandbox that pretends to be Stripe.
pub struct StripeProvider {
    transport: StripeTransport,
    clock: Arc<dyn Clock>,
    mode: StripeMode,
}

impl std::fmt::Debug for StripeProvider {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StripeProvider")
            .field("transport", &self.transport)
            .finish_non_exhaustive()
    }
}

impl StripeProvider {
    /// Builds the adapter. The clock tells when an idempotency key is too old to be trusted.
    ///
    /// # Errors
    /// [`SetupError`].
    pub fn new(config: &StripeConfig, clock: Arc<dyn Clock>) -> Result<Self, SetupError> {
        Ok(Self {
            transport: StripeTransport::new(config)?,
            clock,
            mode: config.mode,
        })
    }

    /// A GET, or a POST under a generated key.
    async fn call(&self, request: RequestBuilder) -> Result<Answer, CallError> {
        self.transport.send(request, CallOptions::default()).await
    }

    /// A POST under the caller's key.
    async fn call_once(&self, request: RequestBuilder, key: &str) -> Result<Answer, CallError> {
        let options = CallOptions {
            idempotency_key: Some(key.to_owned()),
            ..CallOptions::default()
        };
        self.transport.send(request, options).await
    }

    /// Reads one object; `None` if Stripe has none of that id.
    async fn retrieve<T>(
        &self,
        request: RequestBuilder,
        read: impl FnOnce(&Fields<'_>) -> Result<T, ReadError>,
    ) -> Result<Option<T>, ProviderError> {
        match self.call(request).await {
            Ok(answer) => read_answer(&answer, read).map(Some),
            Err(error) if outcome::is_missing(&error) => Ok(None),
            Err(error) => Err(outcome::failure(error)),
        }
    }
}

/// Reads an answer of the pinned version. One that lacks what it must have will lack it again.
fn read_answer<T>(
    answer: &Answer,
    read: impl FnOnce(&Fields<'_>) -> Result<T, ReadError>,
) -> Result<T, ProviderError> {
    let unreadable = |field: &str| ProviderError::Rejected {
        code: "unreadable_answer".to_owned(),
        message: format!(
            "the answer of {:?} has no usable `{field}`",
            answer.request_id
        ),
    };
    let value: serde_json_borrow::Value<'_> =
        serde_json::from_slice(&answer.body).map_err(|_| unreadable("body"))?;
    Fields::root(&value)
        .and_then(|object| read(&object))
        .map_err(|error| unreadable(error.field()))
}

/// Whether the text can be a segment of a path. Session ids come back through the payer's
/// browser, so nothing else may reach the URL.
fn is_plain(id: &ProviderRef) -> bool {
    let mut bytes = id.as_str().bytes();
    bytes.all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-')
}

#[async_trait]
impl CheckoutProvider for StripeProvider {
    async fn ensure_customer(&self, order: &CustomerOrder) -> Result<ProviderRef, ProviderError> {
        self.find_or_create_customer(order).await
    }

    async fn open_checkout(&self, order: &CheckoutOrder) -> Result<CheckoutOutcome, ProviderError> {
        self.find_or_open_session(order).await
    }

    async fn session(&self, id: &ProviderRef) -> Result<Option<ProviderSession>, ProviderError> {
        if !is_plain(id) {
            return Ok(None);
        }
        let request = RetrieveCheckoutSession::new(id.as_str()).build();
        self.retrieve(request, read_session).await
    }

    async fn expire_session(&self, id: &ProviderRef) -> Result<(), ProviderError> {
        if !is_plain(id) {
            return Ok(());
        }
        let request = ExpireCheckoutSession::new(id.as_str()).build();
        match self.call(request).await {
            Ok(_) => Ok(()),
            Err(error) if outcome::is_missing(&error) => Ok(()),
            // Stripe says "only open ones" without a code, so the session itself is asked.
            Err(error) if outcome::is_invalid_request(&error) => match self.session(id).await? {
                Some(session) if session.status == SessionStatus::Open => {
                    Err(outcome::failure(error))
                }
                Some(_) | None => Ok(()),
            },
            Err(error) => Err(outcome::failure(error)),
        }
    }

    async fn subscription(
        &self,
        id: &ProviderRef,
    ) -> Result<Option<SubscriptionReport>, ProviderError> {
        if !is_plain(id) {
            return Ok(None);
        }
        let request = RetrieveSubscription::new(id.as_str()).build();
        self.retrieve(request, read_subscription).await
    }

    async fn invoice(&self, id: &ProviderRef) -> Result<Option<ProviderInvoice>, ProviderError> {
        if !is_plain(id) {
            return Ok(None);
        }
        let request = RetrieveInvoice::new(id.as_str()).build();
        let reading = self.retrieve(request, read_invoice).await?;
        Ok(reading.map(|reading| reading.value))
    }

    /// Stripe takes the parameter alone and answers 200, but keeps it for that one request: each
    /// later change of a quantity or a price must carry it again (`docs/stripe.md`).
    async fn hold_changes_until_paid(
        &self,
        subscription: &ProviderRef,
    ) -> Result<(), ProviderError> {
        if !is_plain(subscription) {
            return Err(outcome::rejected("resource_missing", "not an id"));
        }
        let request = UpdateSubscription::new(subscription.as_str())
            .payment_behavior(UpdateSubscriptionPaymentBehavior::PendingIfIncomplete)
            .build();
        let key = format!("hold:{subscription}");
        match self.call_once(request, &key).await {
            Ok(_) => Ok(()),
            Err(error) => Err(outcome::failure(error)),
        }
    }
}

#[async_trait]
impl PriceProvider for StripeProvider {
    async fn prices_by_lookup_key(
        &self,
        keys: &[LookupKey],
    ) -> Result<Vec<ProviderPrice>, ProviderError> {
        self.list_prices(keys).await
    }
}

#[cfg(test)]
mod tests;
