//! Opens checkout sessions, and finds them again where the key is too old to do so.

use std::collections::HashMap;

use billing_domain::checkout::intent::{CheckoutUi, OpenedSession};
use billing_domain::checkout::ports::{CheckoutOrder, CheckoutOutcome};
use billing_domain::kernel::provider::ProviderError;
use stripe_checkout::checkout_session::{
    CreateCheckoutSession, CreateCheckoutSessionAllowedPaymentMethodTypes,
    CreateCheckoutSessionLineItems, CreateCheckoutSessionPaymentIntentData,
    CreateCheckoutSessionPaymentMethodCollection, CreateCheckoutSessionSubscriptionData,
    CreateCheckoutSessionSubscriptionDataTrialSettings,
    CreateCheckoutSessionSubscriptionDataTrialSettingsEndBehavior,
    CreateCheckoutSessionSubscriptionDataTrialSettingsEndBehaviorMissingPaymentMethod as TrialEnd,
    ListCheckoutSession,
};
use stripe_client_core::{RequestBuilder, StripeRequest};
use stripe_shared::CheckoutSessionMode;
use stripe_types::RangeQueryTs;
use time::Duration;

use super::dialect::Dialect;
use super::{StripeProvider, outcome, read_answer};
use crate::objects::{
    ENTERPRISE_NAME_KEY, ENTERPRISE_SLUG_KEY, INTENT_KEY, REQUEST_KEY, USER_KEY, has_metadata,
    read_opened_session,
};
use crate::transport::{Answer, CallError};

/// Stripe may forget keys after 24 h; one hour less covers clocks and a request on its way.
const KEY_TRUSTED_FOR: Duration = Duration::hours(23);

/// How far Stripe's `created` may lie before our own time of the request.
const CLOCK_SKEW: Duration = Duration::minutes(10);

/// A customer who opened more sessions since then is not a customer of ours.
const PAGES_MAX: usize = 10;

/// Stripe replaces this in the address on the way back.
const SESSION_PLACEHOLDER: &str = "{CHECKOUT_SESSION_ID}";

impl StripeProvider {
    pub(super) async fn find_or_open_session(
        &self,
        order: &CheckoutOrder,
    ) -> Result<CheckoutOutcome, ProviderError> {
        if self.clock.now().since(order.requested_at) >= KEY_TRUSTED_FOR
            && let Some(session) = self.find_session(order).await?
        {
            return Ok(CheckoutOutcome::Opened(session));
        }
        match self.open_session(order, &order.idempotency_key).await {
            // What may change beside the request (a slug) is in the metadata. Then the key's
            // first use made a session, and that one counts.
            Err(error) if outcome::is_key_reused(&error) => match self.find_session(order).await? {
                Some(session) => Ok(CheckoutOutcome::Opened(session)),
                None => Err(outcome::failure(error)),
            },
            // The key is burnt for a day. Everybody who finds no session derives the same next
            // key, so there is at most one.
            Err(error) if outcome::is_remembered_failure(&error) => {
                if let Some(session) = self.find_session(order).await? {
                    return Ok(CheckoutOutcome::Opened(session));
                }
                let key = format!("{}:again", order.idempotency_key);
                judged(self.open_session(order, &key).await)
            }
            outcome => judged(outcome),
        }
    }

    async fn open_session(&self, order: &CheckoutOrder, key: &str) -> Result<Answer, CallError> {
        let request = session_request(order, Dialect(self.transport.version()));
        self.call_once(request, key).await
    }

    /// The session that carries the order's key, among its customer's since the request. Lists
    /// are up to date, unlike searches.
    async fn find_session(
        &self,
        order: &CheckoutOrder,
    ) -> Result<Option<OpenedSession>, ProviderError> {
        let since = order.requested_at.minus(CLOCK_SKEW).unix_seconds();
        let mut after: Option<String> = None;
        for _ in 0..PAGES_MAX {
            let mut list = ListCheckoutSession::new()
                .customer(order.customer.as_str())
                .created(RangeQueryTs::gte(since))
                .limit(100);
            if let Some(id) = after.take() {
                list = list.starting_after(id);
            }
            let answer = match self.call(list.build()).await {
                Ok(answer) => answer,
                Err(error) => return Err(outcome::failure(error)),
            };
            let page = read_answer(&answer, |list| {
                let sessions = list.needed("data", list.elements()?)?;
                for session in &sessions {
                    if has_metadata(session, REQUEST_KEY, &order.idempotency_key)? {
                        return Ok(Page::Found(read_opened_session(session)?));
                    }
                }
                let has_more = list.flag("has_more")? == Some(true);
                match sessions.last().filter(|_| has_more) {
                    None => Ok(Page::End),
                    Some(last) => last
                        .needed("id", last.text("id")?)
                        .map(|id| Page::More(id.to_owned())),
                }
            })?;
            match page {
                Page::Found(session) => return Ok(Some(session)),
                Page::More(id) => after = Some(id),
                Page::End => return Ok(None),
            }
        }
        Ok(None)
    }
}

/// Tells a session from a no, and both from an error.
fn judged(outcome: Result<Answer, CallError>) -> Result<CheckoutOutcome, ProviderError> {
    match outcome {
        Ok(answer) => read_answer(&answer, read_opened_session).map(CheckoutOutcome::Opened),
        Err(error) => match outcome::refusal(&error) {
            Some(reason) => Ok(CheckoutOutcome::Refused { reason }),
            None => Err(outcome::failure(error)),
        },
    }
}

enum Page {
    Found(OpenedSession),
    More(String),
    End,
}

/// The request for a session (A-103, B-046…B-048).
fn session_request(order: &CheckoutOrder, dialect: Dialect<'_>) -> RequestBuilder {
    let metadata = metadata(order);
    let mut item = CreateCheckoutSessionLineItems::new();
    item.price = Some(order.request.price.to_string());
    item.quantity = Some(u64::from(order.request.quantity.count()));
    let mut request = CreateCheckoutSession::new()
        .customer(order.customer.as_str())
        .client_reference_id(order.intent_id.to_string())
        .line_items([item])
        .metadata(metadata.clone())
        .ui_mode(dialect.ui_mode(order.request.ui));
    let back = with_placeholder(&order.request.success_url);
    request = match order.request.ui {
        CheckoutUi::Hosted => request
            .success_url(back)
            .cancel_url(order.request.cancel_url.as_str()),
        CheckoutUi::Custom => request.return_url(back),
    };
    if dialect.has_method_filter() {
        request = request
            .allowed_payment_method_types([CreateCheckoutSessionAllowedPaymentMethodTypes::Card]);
    }
    request = if order.request.is_recurring {
        request
            .mode(CheckoutSessionMode::Subscription)
            .payment_method_collection(CreateCheckoutSessionPaymentMethodCollection::Always)
            .subscription_data(subscription_data(order, metadata))
    } else {
        let mut payment = CreateCheckoutSessionPaymentIntentData::new();
        payment.metadata = Some(metadata);
        request
            .mode(CheckoutSessionMode::Payment)
            .payment_intent_data(payment)
    };
    dialect.with_card_only(request.build())
}

fn subscription_data(
    order: &CheckoutOrder,
    metadata: HashMap<String, String>,
) -> CreateCheckoutSessionSubscriptionData {
    let mut data = CreateCheckoutSessionSubscriptionData::new();
    data.metadata = Some(metadata);
    if order.request.trial_days > 0 {
        let at_end =
            CreateCheckoutSessionSubscriptionDataTrialSettingsEndBehavior::new(TrialEnd::Cancel);
        data.trial_period_days = Some(u32::from(order.request.trial_days));
        data.trial_settings = Some(CreateCheckoutSessionSubscriptionDataTrialSettings::new(
            at_end,
        ));
    }
    data
}

/// On the session and on what it makes, else later events could not be attributed (B-048, E-039).
fn metadata(order: &CheckoutOrder) -> HashMap<String, String> {
    let mut metadata = HashMap::from([
        (INTENT_KEY.to_owned(), order.intent_id.to_string()),
        (USER_KEY.to_owned(), order.user_id.to_string()),
        (REQUEST_KEY.to_owned(), order.idempotency_key.clone()),
    ]);
    if let Some(reservation) = &order.reservation {
        metadata.insert(ENTERPRISE_NAME_KEY.to_owned(), reservation.name.to_string());
        metadata.insert(ENTERPRISE_SLUG_KEY.to_owned(), reservation.slug.to_string());
    }
    metadata
}

/// The address with Stripe's placeholder, so that the return page knows which session to ask for.
fn with_placeholder(url: &str) -> String {
    if url.contains(SESSION_PLACEHOLDER) {
        return url.to_owned();
    }
    let (address, fragment) = match url.split_once('#') {
        Some((address, fragment)) => (address, format!("#{fragment}")),
        None => (url, String::new()),
    };
    let separator = if address.contains('?') { '&' } else { '?' };
    format!("{address}{separator}session_id={SESSION_PLACEHOLDER}{fragment}")
}
