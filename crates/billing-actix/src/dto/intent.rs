//! Checkout intents on the wire.

use billing_domain::checkout::amend_intent::{IntentAmendment, OperatorState};
use billing_domain::checkout::intent::{
    Checkout, CheckoutIntent, IntentParts, IntentRequest, IntentState, Quantity, Reservation, Terms,
};
use billing_domain::kernel::id::{Id, IdKind};
use billing_domain::kernel::page::{InvalidPageLimit, PAGE_LIMIT_DEFAULT, Page, PageRequest};
use billing_domain::kernel::text::{CompanyName, CountryCode, Slug};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::{IntoParams, ToSchema};
use validator::Validate;

use super::fields::Fields;
use crate::problem::Problem;
use crate::problem::code::Code;

/// How many keys the accepted terms may have.
const TERMS_KEYS_MAX: usize = 100;

/// A request for an intent.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CreateIntentBody {
    /// How many licences, 1 to 1000.
    #[schema(minimum = 1, maximum = 1000)]
    quantity: i64,
    /// Reserved together with `enterprise_name`.
    #[schema(max_length = 255, pattern = "^[a-z0-9-]+$")]
    enterprise_slug: Option<String>,
    /// Reserved together with `enterprise_slug`.
    #[schema(max_length = 255)]
    enterprise_name: Option<String>,
    /// ISO 3166 alpha-2.
    #[schema(pattern = "^[A-Z]{2}$")]
    country: Option<String>,
    /// What the buyer accepted.
    #[schema(value_type = Option<Object>)]
    terms_metadata: Option<Map<String, Value>>,
}

impl CreateIntentBody {
    /// Parses every field.
    pub(crate) fn into_request(self) -> Result<IntentRequest, Problem> {
        let mut fields = Fields::of(&self);
        let quantity = fields.parse("quantity", "range_exceeded", Quantity::parse(self.quantity));
        let reservation = match (self.enterprise_slug, self.enterprise_name) {
            (None, None) => None,
            (Some(_), None) => return Err(half_a_reservation("enterprise_name")),
            (None, Some(_)) => return Err(half_a_reservation("enterprise_slug")),
            (Some(slug), Some(name)) => reservation(&mut fields, "enterprise_name", &slug, &name),
        };
        let country = country(&mut fields, self.country.as_deref());
        let terms = terms(&mut fields, self.terms_metadata);
        fields.finish(quantity.map(|quantity| IntentRequest {
            quantity,
            reservation,
            country,
            terms,
        }))
    }
}

/// both or neither, and the missing one is named.
fn half_a_reservation(missing: &str) -> Problem {
    let message = "enterprise_slug and enterprise_name are reserved together: send both or neither";
    Problem::new(Code::IncompleteData)
        .field(missing, "is_null", message)
        .detail(message)
}

/// Parses a reservation; nothing if a part of it is at fault.
pub(crate) fn reservation(
    fields: &mut Fields,
    name_field: &str,
    slug: &str,
    name: &str,
) -> Option<Reservation> {
    let slug = fields.parse("enterprise_slug", "invalid_format", Slug::parse(slug));
    let name = fields.parse(name_field, "invalid_format", CompanyName::parse(name));
    Some(Reservation {
        slug: slug?,
        name: name?,
    })
}

/// Parses a country; nothing if it is absent or at fault.
pub(crate) fn country(fields: &mut Fields, text: Option<&str>) -> Option<CountryCode> {
    fields.parse("country", "invalid_format", CountryCode::parse(text?))
}

/// Takes the terms over as JSON texts. NUL has no place in a database's text.
pub(crate) fn terms(fields: &mut Fields, terms: Option<Map<String, Value>>) -> Terms {
    let terms = terms.unwrap_or_default();
    if terms.len() > TERMS_KEYS_MAX {
        let message = format!("must have at most {TERMS_KEYS_MAX} keys");
        fields.refuse("terms_metadata", "invalid_format", message);
    }
    let mut texts = Terms::default();
    for (key, value) in terms {
        let text = value.to_string();
        if key.chars().any(char::is_control) || text.contains("\\u0000") {
            let message = "must not contain control characters in keys, nor NUL";
            fields.refuse("terms_metadata", "invalid_format", message);
        }
        texts.0.insert(key, text);
    }
    texts
}

/// The states that an operator may set.
#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum StateBody {
    ErroredBackoffice,
    Expired,
    Fulfilled,
}

/// What may be changed of an intent.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AmendIntentBody {
    /// Operators only, and alone.
    state: Option<StateBody>,
    /// ISO 3166 alpha-2.
    #[schema(pattern = "^[A-Z]{2}$")]
    country: Option<String>,
    /// Merged over the earlier terms.
    #[schema(value_type = Option<Object>)]
    terms_metadata: Option<Map<String, Value>>,
}

impl AmendIntentBody {
    /// Parses every field.
    pub(crate) fn into_amendment(self) -> Result<IntentAmendment, Problem> {
        let mut fields = Fields::of(&self);
        if self.state.is_some() && (self.country.is_some() || self.terms_metadata.is_some()) {
            let message =
                "a state is set alone: send country and terms_metadata in a PATCH of their own";
            fields.refuse("state", "invalid_format", message);
        }
        let amendment = IntentAmendment {
            country: country(&mut fields, self.country.as_deref()),
            terms: terms(&mut fields, self.terms_metadata),
            state: self.state.map(|state| match state {
                StateBody::ErroredBackoffice => OperatorState::ErroredBackoffice,
                StateBody::Expired => OperatorState::Expired,
                StateBody::Fulfilled => OperatorState::Fulfilled,
            }),
        };
        fields.finish(Some(amendment))
    }
}

/// Which page of a list.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct PageQuery {
    /// At most so many, 1 to 100; 20 if absent.
    #[param(value_type = Option<u16>, minimum = 1, maximum = 100)]
    limit: Option<String>,
    /// The `next` of the page before.
    after: Option<String>,
}

impl PageQuery {
    /// Parses the query of a list whose rows have this kind of id.
    pub(crate) fn into_request<K: IdKind>(self) -> Result<PageRequest, Problem> {
        let is_a_cursor = self
            .after
            .as_ref()
            .is_none_or(|after| Id::<K>::parse(after).is_ok());
        if !is_a_cursor {
            let message = "after must be the `next` of an earlier page";
            return Err(Problem::new(Code::InvalidQuery)
                .field("after", "invalid_format", message)
                .detail(message));
        }
        let out_of_range = || {
            let message = InvalidPageLimit.to_string();
            Problem::new(Code::InvalidQuery)
                .field("limit", "range_exceeded", message.as_str())
                .detail(message)
        };
        let limit = match self.limit.as_deref().map(str::parse) {
            None => PAGE_LIMIT_DEFAULT,
            Some(Ok(limit)) => limit,
            Some(Err(_)) => return Err(out_of_range()),
        };
        PageRequest::try_new(limit, self.after).map_err(|InvalidPageLimit| out_of_range())
    }
}

/// One intent.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = CheckoutIntent)]
pub(crate) struct IntentBody {
    /// `chk_` and 32 digits.
    id: String,
    /// `created`, `paid`, `fulfilled`, `errored_backoffice`, `errored_fulfillment_stalled`,
    /// `errored_provisioning` or `expired`.
    state: &'static str,
    enterprise_name: Option<String>,
    enterprise_slug: Option<String>,
    /// How many licences.
    quantity: u32,
    country: Option<String>,
    #[schema(value_type = Object)]
    terms_metadata: Map<String, Value>,
    /// End of the reservation.
    expires_at: String,
    /// The page to pay on, while it can be paid.
    checkout_url: Option<String>,
    checkout_session_id: Option<String>,
    stripe_customer_id: Option<String>,
    stripe_subscription_id: Option<String>,
    /// The provisioned customer, once there is one.
    tenant_id: Option<String>,
    /// The same as a bare UUID.
    enterprise_uuid: Option<String>,
    last_checkout_error: Option<String>,
    last_provisioning_error: Option<String>,
    paid_at: Option<String>,
    fulfilled_at: Option<String>,
    created_at: String,
    updated_at: String,
}

impl From<&CheckoutIntent> for IntentBody {
    fn from(intent: &CheckoutIntent) -> Self {
        let IntentParts {
            id,
            user_id: _,
            state,
            reservation,
            country,
            quantity,
            terms,
            expires_at,
            checkout,
            links,
            tenant_id,
            last_checkout_error,
            last_provisioning_error,
            created_at,
            updated_at,
        } = intent.parts();
        Self {
            id: id.to_string(),
            state: state.name(),
            enterprise_name: reservation.as_ref().map(|held| held.name.to_string()),
            enterprise_slug: reservation.as_ref().map(|held| held.slug.to_string()),
            quantity: quantity.count(),
            country: country.as_ref().map(ToString::to_string),
            terms_metadata: terms_as_json(terms),
            expires_at: expires_at.to_string(),
            checkout_url: payable_url(state, checkout),
            checkout_session_id: links.session.as_ref().map(ToString::to_string),
            stripe_customer_id: links.customer.as_ref().map(ToString::to_string),
            stripe_subscription_id: links.subscription.as_ref().map(ToString::to_string),
            tenant_id: tenant_id.map(|id| id.to_string()),
            enterprise_uuid: tenant_id.map(|id| id.uuid().to_string()),
            last_checkout_error: last_checkout_error.clone(),
            last_provisioning_error: last_provisioning_error.clone(),
            paid_at: state.paid_at().map(|at| at.to_string()),
            fulfilled_at: fulfilled_at(state),
            created_at: created_at.to_string(),
            updated_at: updated_at.to_string(),
        }
    }
}

fn terms_as_json(terms: &Terms) -> Map<String, Value> {
    let values = terms.0.iter().map(|(key, text)| {
        // Terms were written as JSON; a text that is not is shown as a text.
        let value = serde_json::from_str(text).unwrap_or_else(|_| Value::String(text.clone()));
        (key.clone(), value)
    });
    values.collect()
}

fn payable_url(state: &IntentState, checkout: &Checkout) -> Option<String> {
    match (state, checkout) {
        (
            IntentState::Created,
            Checkout::Opened {
                attempt: _,
                request: _,
                session,
            },
        ) => session.url.clone(),
        (
            IntentState::Created
            | IntentState::Paid { .. }
            | IntentState::Fulfilled { .. }
            | IntentState::ErroredBackoffice { .. }
            | IntentState::ErroredFulfillmentStalled { .. }
            | IntentState::ErroredProvisioning { .. }
            | IntentState::Expired { .. },
            Checkout::NotStarted
            | Checkout::Requested { .. }
            | Checkout::Opened { .. }
            | Checkout::Closed { .. },
        ) => None,
    }
}

fn fulfilled_at(state: &IntentState) -> Option<String> {
    match state {
        IntentState::Fulfilled {
            paid_at: _,
            fulfilled_at,
        } => Some(fulfilled_at.to_string()),
        IntentState::Created
        | IntentState::Paid { .. }
        | IntentState::ErroredBackoffice { .. }
        | IntentState::ErroredFulfillmentStalled { .. }
        | IntentState::ErroredProvisioning { .. }
        | IntentState::Expired { .. } => None,
    }
}

/// One page of intents, newest first.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct IntentPageBody {
    items: Vec<IntentBody>,
    /// Where the next page begins; absent on the last.
    next: Option<String>,
}

impl From<Page<CheckoutIntent>> for IntentPageBody {
    fn from(page: Page<CheckoutIntent>) -> Self {
        let Page { items, next } = page;
        Self {
            items: items.iter().map(IntentBody::from).collect(),
            next,
        }
    }
}

/// What a retry was answered.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RetryBody {
    pub(crate) workflow_id: String,
    pub(crate) checkout_intent_id: String,
    /// `pending`: a worker runs it.
    pub(crate) state: &'static str,
}
