//! Self-service sales.

use billing_domain::checkout::intent::{
    Checkout, CheckoutIntent, IntentParts, IntentState, ProviderLinks, Quantity, Reservation, Terms,
};
use billing_domain::kernel::id::{IntentId, TenantId, UserId};
use billing_domain::kernel::ports::StoreError;
use billing_domain::kernel::stored::{Stored, Version};
use billing_domain::kernel::text::{CompanyName, CountryCode, ProviderRef, Slug};
use sea_orm::entity::prelude::{
    ActiveModelBehavior, DeriveEntityModel, DerivePrimaryKey, DeriveRelation, EntityTrait,
    EnumIter, PrimaryKeyTrait,
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::checkout_document::{CheckoutCells, checkout_cells, read_request, read_session};
use super::{Cells, Row, json_text, micros, version_cell};

/// One row.
#[derive(Debug, Clone, PartialEq, Eq, DeriveEntityModel, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[sea_orm(table_name = "checkout_intents")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub version: i64,
    pub user_id: Uuid,
    pub state: String,
    pub paid_at: Option<i64>,
    pub fulfilled_at: Option<i64>,
    pub expired_at: Option<i64>,
    pub slug: Option<String>,
    pub name: Option<String>,
    pub name_folded: Option<String>,
    pub country: Option<String>,
    pub quantity: i64,
    pub terms: String,
    pub expires_at: i64,
    pub checkout_state: String,
    pub checkout_attempt: i64,
    pub checkout_request: Option<String>,
    pub checkout_requested_at: Option<i64>,
    pub opened_session: Option<String>,
    pub customer_ref: Option<String>,
    pub session_ref: Option<String>,
    pub subscription_ref: Option<String>,
    pub tenant_id: Option<Uuid>,
    pub last_checkout_error: Option<String>,
    pub last_provisioning_error: Option<String>,
    pub created_at: i64,
    pub updated_at: i64,
}

/// Joins are not made through SeaORM.
#[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl Row for Entity {
    type Value = CheckoutIntent;
    const ID: Column = Column::Id;
    const VERSION: Column = Column::Version;

    fn encode(value: &CheckoutIntent, version: Version) -> Model {
        let IntentParts {
            id,
            user_id,
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
        } = value.parts();
        let fulfilled_at = match state {
            IntentState::Fulfilled {
                paid_at: _,
                fulfilled_at,
            } => Some(*fulfilled_at),
            IntentState::Created
            | IntentState::Paid { .. }
            | IntentState::ErroredBackoffice { .. }
            | IntentState::ErroredFulfillmentStalled { .. }
            | IntentState::ErroredProvisioning { .. }
            | IntentState::Expired { .. } => None,
        };
        let expired_at = match state {
            IntentState::Expired { expired_at } => Some(*expired_at),
            IntentState::Created
            | IntentState::Paid { .. }
            | IntentState::Fulfilled { .. }
            | IntentState::ErroredBackoffice { .. }
            | IntentState::ErroredFulfillmentStalled { .. }
            | IntentState::ErroredProvisioning { .. } => None,
        };
        let ProviderLinks {
            customer,
            session,
            subscription,
        } = links;
        let CheckoutCells {
            request,
            requested_at,
            session: opened_session,
        } = checkout_cells(checkout);
        Model {
            id: id.uuid(),
            version: version_cell(version),
            user_id: user_id.uuid(),
            state: state.name().to_owned(),
            paid_at: micros(state.paid_at()),
            fulfilled_at: micros(fulfilled_at),
            expired_at: micros(expired_at),
            slug: reservation
                .as_ref()
                .map(|reserved| reserved.slug.to_string()),
            name: reservation
                .as_ref()
                .map(|reserved| reserved.name.to_string()),
            name_folded: reservation.as_ref().map(|reserved| reserved.name.folded()),
            country: country.as_ref().map(ToString::to_string),
            quantity: i64::from(quantity.count()),
            terms: json_text(&terms.0),
            expires_at: expires_at.unix_micros(),
            checkout_state: checkout.name().to_owned(),
            checkout_attempt: i64::from(checkout.attempt()),
            checkout_request: request,
            checkout_requested_at: micros(requested_at),
            opened_session,
            customer_ref: customer.as_ref().map(ToString::to_string),
            session_ref: session.as_ref().map(ToString::to_string),
            subscription_ref: subscription.as_ref().map(ToString::to_string),
            tenant_id: tenant_id.map(|id| id.uuid()),
            last_checkout_error: last_checkout_error.clone(),
            last_provisioning_error: last_provisioning_error.clone(),
            created_at: created_at.unix_micros(),
            updated_at: updated_at.unix_micros(),
        }
    }

    fn decode(model: Model) -> Result<Stored<CheckoutIntent>, StoreError> {
        let cells = Cells::of("checkout_intents", model.id);
        let parts = IntentParts {
            id: IntentId::from_uuid(model.id),
            user_id: UserId::from_uuid(model.user_id),
            state: state(&cells, &model)?,
            reservation: reservation(&cells, &model)?,
            country: cells.optional("country", model.country.as_deref(), CountryCode::parse)?,
            quantity: cells.parsed("quantity", Quantity::parse(model.quantity))?,
            terms: Terms(cells.json("terms", &model.terms)?),
            expires_at: cells.time("expires_at", model.expires_at)?,
            checkout: checkout(&cells, &model)?,
            links: ProviderLinks {
                customer: cells.optional(
                    "customer_ref",
                    model.customer_ref.as_deref(),
                    ProviderRef::parse,
                )?,
                session: cells.optional(
                    "session_ref",
                    model.session_ref.as_deref(),
                    ProviderRef::parse,
                )?,
                subscription: cells.optional(
                    "subscription_ref",
                    model.subscription_ref.as_deref(),
                    ProviderRef::parse,
                )?,
            },
            tenant_id: model.tenant_id.map(TenantId::from_uuid),
            last_checkout_error: model.last_checkout_error,
            last_provisioning_error: model.last_provisioning_error,
            created_at: cells.time("created_at", model.created_at)?,
            updated_at: cells.time("updated_at", model.updated_at)?,
        };
        cells.stored(CheckoutIntent::restore(parts), model.version)
    }
}

fn state(cells: &Cells, model: &Model) -> Result<IntentState, StoreError> {
    let paid_at = || cells.present_time("paid_at", model.paid_at);
    let unpaid = || cells.absent("paid_at", model.paid_at.as_ref());
    match model.state.as_str() {
        "created" => unpaid().map(|()| IntentState::Created),
        "paid" => Ok(IntentState::Paid {
            paid_at: paid_at()?,
        }),
        "fulfilled" => Ok(IntentState::Fulfilled {
            paid_at: paid_at()?,
            fulfilled_at: cells.present_time("fulfilled_at", model.fulfilled_at)?,
        }),
        "errored_backoffice" => Ok(IntentState::ErroredBackoffice {
            paid_at: paid_at()?,
        }),
        "errored_fulfillment_stalled" => Ok(IntentState::ErroredFulfillmentStalled {
            paid_at: paid_at()?,
        }),
        "errored_provisioning" => Ok(IntentState::ErroredProvisioning {
            paid_at: paid_at()?,
        }),
        "expired" => {
            unpaid()?;
            Ok(IntentState::Expired {
                expired_at: cells.present_time("expired_at", model.expired_at)?,
            })
        }
        _ => Err(cells.inconsistent("state")),
    }
}

fn reservation(cells: &Cells, model: &Model) -> Result<Option<Reservation>, StoreError> {
    let slug = cells.optional("slug", model.slug.as_deref(), Slug::parse)?;
    let name = cells.optional("name", model.name.as_deref(), CompanyName::parse)?;
    let reserved = match (slug, name) {
        (None, None) => None,
        (Some(slug), Some(name)) => Some(Reservation { slug, name }),
        (None, Some(_)) => return Err(cells.inconsistent("slug")),
        (Some(_), None) => return Err(cells.inconsistent("name")),
    };
    // The folded name is what the unique index sees: it must be that of the name.
    if model.name_folded != reserved.as_ref().map(|reserved| reserved.name.folded()) {
        return Err(cells.inconsistent("name_folded"));
    }
    Ok(reserved)
}

fn checkout(cells: &Cells, model: &Model) -> Result<Checkout, StoreError> {
    let attempt = cells.count("checkout_attempt", model.checkout_attempt)?;
    let request = || {
        let text = cells.present("checkout_request", model.checkout_request.as_deref())?;
        read_request(cells, text)
    };
    match model.checkout_state.as_str() {
        "not_started" if attempt == 0 => Ok(Checkout::NotStarted),
        "not_started" => Err(cells.inconsistent("checkout_attempt")),
        "requested" => Ok(Checkout::Requested {
            attempt,
            request: request()?,
            requested_at: cells
                .present_time("checkout_requested_at", model.checkout_requested_at)?,
        }),
        "opened" => {
            let text = cells.present("opened_session", model.opened_session.as_deref())?;
            Ok(Checkout::Opened {
                attempt,
                request: request()?,
                session: read_session(cells, text)?,
            })
        }
        "closed" => Ok(Checkout::Closed {
            attempt,
            request: request()?,
        }),
        _ => Err(cells.inconsistent("checkout_state")),
    }
}
