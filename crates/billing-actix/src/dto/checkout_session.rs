//! A request for a checkout page on the wire.

use billing_domain::catalog::ports::PriceName;
use billing_domain::checkout::intent::{Checkout, CheckoutIntent, CheckoutUi, Quantity};
use billing_domain::checkout::start_checkout::{StartCheckoutError, StartCheckoutRequest};
use billing_domain::kernel::email::Email;
use billing_domain::kernel::text::{LookupKey, ProviderRef};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;
use validator::Validate;

use super::fields::Fields;
use super::intent::{IntentBody, country, reservation, terms};
use crate::problem::Problem;
use crate::problem::code::Code;

/// How the page is shown.
#[derive(Debug, Clone, Copy, Default, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum UiModeBody {
    /// The provider's page, by URL.
    #[default]
    Hosted,
    /// The caller's page, by client secret.
    Custom,
}

/// A request for a checkout page.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CheckoutSessionBody {
    /// Who will administer the customer; the caller's own address.
    #[schema(min_length = 6, max_length = 253)]
    admin_email: String,
    #[schema(max_length = 255, pattern = "^[a-z0-9-]+$")]
    enterprise_slug: String,
    #[schema(max_length = 255)]
    company_name: String,
    /// How many licences, within the product's range.
    #[schema(minimum = 1, maximum = 1000)]
    quantity: i64,
    /// Either this or `lookup_key`.
    stripe_price_id: Option<String>,
    /// Either this or `stripe_price_id`.
    lookup_key: Option<String>,
    /// ISO 3166 alpha-2.
    #[schema(pattern = "^[A-Z]{2}$")]
    country: Option<String>,
    /// What the buyer accepted.
    #[schema(value_type = Option<Object>)]
    terms_metadata: Option<Map<String, Value>>,
    /// `hosted` if absent.
    #[serde(default)]
    ui_mode: UiModeBody,
    /// On the allow-list; the configured page if absent.
    #[validate(length(min = 1, max = 2048, message = "must have 1 to 2048 characters"))]
    success_url: Option<String>,
    /// On the allow-list; the configured page if absent.
    #[validate(length(min = 1, max = 2048, message = "must have 1 to 2048 characters"))]
    cancel_url: Option<String>,
}

/// Under which names a request sent what the use case judges as a whole.
#[derive(Debug)]
pub(crate) struct SentNames {
    price: &'static str,
    redirects: Vec<&'static str>,
}

impl SentNames {
    /// The problem of a request, with the field at fault under the name that the caller used.
    pub(crate) fn problem(&self, error: StartCheckoutError) -> Problem {
        let names = match &error {
            StartCheckoutError::UnknownPrice => vec![self.price],
            StartCheckoutError::RedirectNotAllowed => self.redirects.clone(),
            StartCheckoutError::NotAUser
            | StartCheckoutError::AdminEmailMismatch
            | StartCheckoutError::QuantityOutOfRange { .. }
            | StartCheckoutError::CountryNotSupported
            | StartCheckoutError::SlugReserved
            | StartCheckoutError::EarlierPurchaseFailed
            | StartCheckoutError::AlreadyPaid
            | StartCheckoutError::Refused { .. }
            | StartCheckoutError::Provider(_)
            | StartCheckoutError::Store(_) => Vec::new(),
        };
        let message = error.to_string();
        let problem = Problem::from(error);
        let error_code = problem.code().text();
        names.into_iter().fold(problem, |problem, name| {
            problem.field(name, error_code, message.as_str())
        })
    }
}

impl CheckoutSessionBody {
    /// Which of the alternative and optional fields were sent.
    pub(crate) fn sent_names(&self) -> SentNames {
        let urls = [
            ("success_url", &self.success_url),
            ("cancel_url", &self.cancel_url),
        ];
        SentNames {
            price: if self.lookup_key.is_some() {
                "lookup_key"
            } else {
                "stripe_price_id"
            },
            redirects: urls
                .into_iter()
                .filter(|(_, url)| url.is_some())
                .map(|(name, _)| name)
                .collect(),
        }
    }

    /// Parses every field.
    pub(crate) fn into_request(self) -> Result<StartCheckoutRequest, Problem> {
        let mut fields = Fields::of(&self);
        let admin_email = fields.parse(
            "admin_email",
            "invalid_format",
            Email::parse(&self.admin_email),
        );
        let reservation = reservation(
            &mut fields,
            "company_name",
            &self.enterprise_slug,
            &self.company_name,
        );
        let quantity = fields.parse("quantity", "range_exceeded", Quantity::parse(self.quantity));
        let price = match (self.stripe_price_id, self.lookup_key) {
            (Some(id), None) => fields
                .parse("stripe_price_id", "invalid_format", ProviderRef::parse(&id))
                .map(PriceName::Provider),
            (None, Some(key)) => fields
                .parse("lookup_key", "invalid_format", LookupKey::parse(&key))
                .map(PriceName::LookupKey),
            (Some(_), Some(_)) | (None, None) => return Err(one_price()),
        };
        let country = country(&mut fields, self.country.as_deref());
        let terms = terms(&mut fields, self.terms_metadata);
        let ui = match self.ui_mode {
            UiModeBody::Hosted => CheckoutUi::Hosted,
            UiModeBody::Custom => CheckoutUi::Custom,
        };
        let (success_url, cancel_url) = (self.success_url, self.cancel_url);
        let built = (|| {
            Some(StartCheckoutRequest {
                admin_email: admin_email?,
                reservation: reservation?,
                quantity: quantity?,
                price: price?,
                country,
                terms,
                ui,
                success_url,
                cancel_url,
            })
        })();
        fields.finish(built)
    }
}

fn one_price() -> Problem {
    let message = "send exactly one of stripe_price_id and lookup_key";
    Problem::new(Code::IncompleteData)
        .field("stripe_price_id", "is_null", message)
        .detail(message)
}

/// The page, and the intent that it is for.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CheckoutSessionAnswer {
    /// With `ui_mode: custom`.
    checkout_session_client_secret: Option<String>,
    /// With `ui_mode: hosted`.
    checkout_session_url: Option<String>,
    checkout_session_id: Option<String>,
    /// When the page closes.
    expires_at: Option<String>,
    checkout_intent: IntentBody,
}

impl From<&CheckoutIntent> for CheckoutSessionAnswer {
    fn from(intent: &CheckoutIntent) -> Self {
        let session = match intent.checkout() {
            Checkout::Opened {
                attempt: _,
                request: _,
                session,
            } => Some(session),
            Checkout::NotStarted | Checkout::Requested { .. } | Checkout::Closed { .. } => None,
        };
        Self {
            checkout_session_client_secret: session.and_then(|open| open.client_secret.clone()),
            checkout_session_url: session.and_then(|open| open.url.clone()),
            checkout_session_id: session.map(|open| open.id.to_string()),
            expires_at: session.map(|open| open.expires_at.to_string()),
            checkout_intent: intent.into(),
        }
    }
}
