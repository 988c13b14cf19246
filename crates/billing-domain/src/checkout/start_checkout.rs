//! Starts the sale: reserves, makes the request durable, opens the provider's page (A-100…A-105).

use std::sync::Arc;

use super::create_intent::{CreateIntent, CreateIntentError};
use super::intent::{
    Checkout, CheckoutIntent, CheckoutRequest, CheckoutUi, IntentCommand, IntentRequest,
    IntentState, Quantity, Reservation, Terms,
};
use super::open_requested_checkout::{OpenCheckoutError, OpenRequestedCheckout};
use super::policy::CheckoutPolicy;
use super::ports::{CheckoutProvider, IntentReader, SessionStatus};
use crate::catalog::ports::{CatalogReader, PriceName};
use crate::catalog::price::Price;
use crate::kernel::change_set::ChangeSet;
use crate::kernel::email::Email;
use crate::kernel::failure::StoreFailure;
use crate::kernel::id::{IntentId, UserId};
use crate::kernel::ports::{ATTEMPTS_MAX, Core};
use crate::kernel::principal::Principal;
use crate::kernel::provider::ProviderError;
use crate::kernel::request::Request;
use crate::kernel::text::{CountryCode, ProviderRef};

/// What a buyer asks for; every part is parsed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StartCheckoutRequest {
    /// Who will administer the customer; the caller's own address.
    pub admin_email: Email,
    /// What to reserve.
    pub reservation: Reservation,
    /// How many licences.
    pub quantity: Quantity,
    /// Of what; by the provider's price id or by lookup key.
    pub price: PriceName,
    /// Where the buyer is.
    pub country: Option<CountryCode>,
    /// What the buyer accepted.
    pub terms: Terms,
    /// How the page is shown.
    pub ui: CheckoutUi,
    /// Where the payer goes afterwards; the configured page if absent.
    pub success_url: Option<String>,
    /// Where the payer goes who gives up; the configured page if absent.
    pub cancel_url: Option<String>,
}

/// Why there is no page.
#[derive(Debug, thiserror::Error)]
pub enum StartCheckoutError {
    /// Only a user can buy for themselves.
    #[error("only a user can start a checkout")]
    NotAUser,
    /// The address is not the caller's.
    #[error("the admin's address is not the address of the signed-in user")]
    AdminEmailMismatch,
    /// No active price has this name.
    #[error("this price does not exist or is not sold any more")]
    UnknownPrice,
    /// Outside the product's range.
    #[error("the quantity must be between {min} and {max}")]
    QuantityOutOfRange {
        /// At least.
        min: u32,
        /// At most.
        max: u32,
    },
    /// A URL of the request is not on the allow-list.
    #[error("this return address is not allowed")]
    RedirectNotAllowed,
    /// The country is under embargo.
    #[error("this country is not supported")]
    CountryNotSupported,
    /// Somebody else holds the slug or the name.
    #[error("this slug or name is already taken; choose another one")]
    SlugReserved,
    /// An earlier sale failed after its payment.
    #[error("an earlier purchase of this user needs attention first")]
    EarlierPurchaseFailed,
    /// The intent is paid: no second session.
    #[error("this checkout is already paid")]
    AlreadyPaid,
    /// The provider said no, for good.
    #[error("the payment provider refused this checkout ({reason})")]
    Refused {
        /// The provider's code.
        reason: String,
    },
    /// The provider; the intent is kept and resumed.
    #[error(transparent)]
    Provider(#[from] ProviderError),
    /// Storage.
    #[error(transparent)]
    Store(#[from] StoreFailure),
}

impl From<CreateIntentError> for StartCheckoutError {
    fn from(error: CreateIntentError) -> Self {
        match error {
            CreateIntentError::NotAUser => Self::NotAUser,
            CreateIntentError::CountryNotSupported => Self::CountryNotSupported,
            CreateIntentError::SlugReserved => Self::SlugReserved,
            CreateIntentError::EarlierPurchaseFailed => Self::EarlierPurchaseFailed,
            CreateIntentError::Store(failure) => Self::Store(failure),
        }
    }
}

impl From<OpenCheckoutError> for StartCheckoutError {
    fn from(error: OpenCheckoutError) -> Self {
        match error {
            OpenCheckoutError::Refused { reason } => Self::Refused { reason },
            OpenCheckoutError::Provider(error) => Self::Provider(error),
            OpenCheckoutError::Store(failure) => Self::Store(failure),
        }
    }
}

/// Starts checkouts.
pub struct StartCheckout {
    /// Write, time and ids.
    pub core: Core,
    /// Reads intents.
    pub intents: Arc<dyn IntentReader>,
    /// Reads prices.
    pub catalog: Arc<dyn CatalogReader>,
    /// Reserves.
    pub create_intent: Arc<CreateIntent>,
    /// Opens.
    pub open_requested: Arc<OpenRequestedCheckout>,
    /// The provider.
    pub provider: Arc<dyn CheckoutProvider>,
    /// The operator's rules.
    pub policy: Arc<CheckoutPolicy>,
}

impl StartCheckout {
    /// Gives the caller's intent with an open page. The same request again gives the same page
    /// while it is open.
    ///
    /// # Errors
    /// [`StartCheckoutError`]. For a provider that cannot be reached the intent is kept: the same
    /// request continues it, or the sweeper does.
    pub async fn run(
        &self,
        request: &Request<'_, CheckoutIntent>,
        wanted: &StartCheckoutRequest,
    ) -> Result<CheckoutIntent, StartCheckoutError> {
        let user_id = self.buyer(request.principal(), wanted)?;
        let checkout = self.parse(wanted).await?;
        let intent_request = IntentRequest {
            quantity: wanted.quantity,
            reservation: Some(wanted.reservation.clone()),
            country: wanted.country.clone(),
            terms: wanted.terms.clone(),
        };
        let intent = self
            .create_intent
            .ensure(user_id, &intent_request, &|_| request.underway())
            .await?;
        match self.request(intent.value.id(), &checkout, request).await? {
            Requested::Already(intent) => Ok(intent),
            Requested::Durable => {
                let opened = self
                    .open_requested
                    .run(intent.value.id(), &request.underway(), &|intent| {
                        request.answered(intent)
                    })
                    .await?;
                let opened = opened.ok_or(StoreFailure::Conflict)?;
                if !opened.is_ours {
                    self.remember(&opened.intent, request).await?;
                }
                Ok(opened.intent)
            }
        }
    }

    fn buyer(
        &self,
        principal: &Principal,
        wanted: &StartCheckoutRequest,
    ) -> Result<UserId, StartCheckoutError> {
        let (user_id, email) = match principal {
            Principal::User {
                user_id,
                project_id: _,
                email,
            } => (*user_id, email),
            Principal::App { .. } | Principal::Operator { .. } => {
                return Err(StartCheckoutError::NotAUser);
            }
        };
        // An address that nobody vouches for is nobody's: the token must carry a verified one.
        if email.as_ref() != Some(&wanted.admin_email) {
            return Err(StartCheckoutError::AdminEmailMismatch);
        }
        let urls = [&wanted.success_url, &wanted.cancel_url];
        if urls
            .into_iter()
            .flatten()
            .any(|url| !self.policy.allows_redirect(url))
        {
            return Err(StartCheckoutError::RedirectNotAllowed);
        }
        if !self.policy.serves(wanted.country.as_ref()) {
            return Err(StartCheckoutError::CountryNotSupported);
        }
        Ok(user_id)
    }

    async fn parse(
        &self,
        wanted: &StartCheckoutRequest,
    ) -> Result<CheckoutRequest, StartCheckoutError> {
        let price = self
            .catalog
            .price(&wanted.price)
            .await
            .map_err(StoreFailure::from)?;
        let price: Price = match price {
            Some(price) if price.value.is_active => price.value,
            Some(_) | None => return Err(StartCheckoutError::UnknownPrice),
        };
        let product = self
            .catalog
            .product(price.product_id)
            .await
            .map_err(StoreFailure::from)?;
        let product = match product {
            Some(product) if product.value.is_active => product.value,
            Some(_) | None => return Err(StartCheckoutError::UnknownPrice),
        };
        if !product.quantity.contains(wanted.quantity.count()) {
            let range = product.quantity;
            return Err(StartCheckoutError::QuantityOutOfRange {
                min: range.min,
                max: range.max,
            });
        }
        let is_recurring = price.period.is_recurring();
        Ok(CheckoutRequest {
            price_id: price.id,
            price: price.provider_id,
            is_recurring,
            quantity: wanted.quantity,
            admin_email: wanted.admin_email.clone(),
            ui: wanted.ui,
            success_url: wanted
                .success_url
                .clone()
                .unwrap_or_else(|| self.policy.success_url.clone()),
            cancel_url: wanted
                .cancel_url
                .clone()
                .unwrap_or_else(|| self.policy.cancel_url.clone()),
            trial_days: if is_recurring {
                self.policy.trial_days
            } else {
                0
            },
        })
    }

    /// Makes the request durable, unless the page that is wanted is open already.
    async fn request(
        &self,
        intent_id: IntentId,
        checkout: &CheckoutRequest,
        request: &Request<'_, CheckoutIntent>,
    ) -> Result<Requested, StartCheckoutError> {
        for _ in 0..ATTEMPTS_MAX {
            match self.request_once(intent_id, checkout, request).await {
                Err(StartCheckoutError::Store(failure)) if failure.asks_to_decide_again() => {}
                decided => return decided,
            }
        }
        Err(StoreFailure::Conflict.into())
    }

    async fn request_once(
        &self,
        intent_id: IntentId,
        checkout: &CheckoutRequest,
        request: &Request<'_, CheckoutIntent>,
    ) -> Result<Requested, StartCheckoutError> {
        let intent = self
            .intents
            .intent(intent_id)
            .await
            .map_err(StoreFailure::from)?;
        let intent = intent.ok_or(StoreFailure::Conflict)?;
        match intent.value.state() {
            IntentState::Created => {}
            IntentState::Expired { .. } => return Err(StoreFailure::Conflict.into()),
            IntentState::Paid { .. } | IntentState::Fulfilled { .. } => {
                return Err(StartCheckoutError::AlreadyPaid);
            }
            IntentState::ErroredBackoffice { .. }
            | IntentState::ErroredFulfillmentStalled { .. }
            | IntentState::ErroredProvisioning { .. } => {
                return Err(StartCheckoutError::EarlierPurchaseFailed);
            }
        }
        let now = self.core.now();
        match intent.value.checkout() {
            Checkout::Opened {
                attempt: _,
                request: open,
                session,
            } if open == checkout && now < session.expires_at => {
                self.remember(&intent.value, request).await?;
                return Ok(Requested::Already(intent.value));
            }
            Checkout::Opened {
                attempt: _,
                request: _,
                session,
            } => self.give_up(&session.id).await?,
            // The earlier request may have reached the provider: learn its page, then replace it.
            Checkout::Requested {
                attempt: _,
                request: pending,
                requested_at: _,
            } if pending != checkout => {
                self.open_requested
                    .run(intent_id, &request.underway(), &|_| request.underway())
                    .await?;
                return Err(StoreFailure::Conflict.into());
            }
            Checkout::Requested { .. } => return Ok(Requested::Durable),
            Checkout::NotStarted | Checkout::Closed { .. } => {}
        }
        let command = IntentCommand::RequestCheckout {
            request: checkout.clone(),
        };
        let transition = intent
            .value
            .apply(command, now)
            .map_err(|_| StoreFailure::Conflict)?;
        let changes =
            ChangeSet::caused_by(request.underway(), now).change_intent(&intent, transition);
        self.core
            .writer
            .commit(changes)
            .await
            .map_err(StoreFailure::from)?;
        Ok(Requested::Durable)
    }

    /// Stores the answer of a request whose page somebody else had opened.
    async fn remember(
        &self,
        intent: &CheckoutIntent,
        request: &Request<'_, CheckoutIntent>,
    ) -> Result<(), StartCheckoutError> {
        if request.is_remembered() {
            let changes = ChangeSet::caused_by(request.answered(intent), self.core.now());
            self.core
                .writer
                .commit(changes)
                .await
                .map_err(StoreFailure::from)?;
        }
        Ok(())
    }

    /// Closes a page that is to be replaced, unless somebody has just paid on it.
    async fn give_up(&self, session: &ProviderRef) -> Result<(), StartCheckoutError> {
        self.provider.expire_session(session).await?;
        // It was closed, or somebody paid before it could be: only the provider knows.
        let closed = self.provider.session(session).await?;
        match closed.map(|session| session.status) {
            Some(SessionStatus::Complete) => Err(StartCheckoutError::AlreadyPaid),
            Some(SessionStatus::Open) => Err(StoreFailure::Conflict.into()),
            Some(SessionStatus::Expired) | None => Ok(()),
        }
    }
}

/// Whether the provider must be asked.
#[expect(
    clippy::large_enum_variant,
    reason = "it is taken apart at once and never kept in bulk"
)]
enum Requested {
    /// The page is open: it was answered before.
    Already(CheckoutIntent),
    /// The request is stored.
    Durable,
}

#[cfg(test)]
mod tests;
