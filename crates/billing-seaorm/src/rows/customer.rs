//! The parties that are billed.

use billing_domain::customers::customer::{BillingCustomer, CustomerLink, CustomerOwner};
use billing_domain::kernel::email::Email;
use billing_domain::kernel::id::{CustomerId, TenantId, UserId};
use billing_domain::kernel::ports::StoreError;
use billing_domain::kernel::stored::{Stored, Version};
use billing_domain::kernel::text::{CompanyName, ProviderRef};
use sea_orm::entity::prelude::{
    ActiveModelBehavior, DeriveEntityModel, DerivePrimaryKey, DeriveRelation, EntityTrait,
    EnumIter, PrimaryKeyTrait,
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{Cells, Row, micros, version_cell};

/// One row.
#[derive(Debug, Clone, PartialEq, Eq, DeriveEntityModel, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[sea_orm(table_name = "customers")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub version: i64,
    pub owner_kind: String,
    pub owner_id: Uuid,
    pub email: String,
    pub name: Option<String>,
    pub provider_id: Option<String>,
    pub linked_at: Option<i64>,
    pub created_at: i64,
}

/// Joins are not made through SeaORM.
#[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl Row for Entity {
    type Value = BillingCustomer;
    const ID: Column = Column::Id;
    const VERSION: Column = Column::Version;

    fn encode(value: &BillingCustomer, version: Version) -> Model {
        let BillingCustomer {
            id,
            owner,
            email,
            name,
            link,
            created_at,
        } = value;
        let (provider_id, linked_at) = match link {
            CustomerLink::Requested => (None, None),
            CustomerLink::Linked {
                provider_id,
                linked_at,
            } => (Some(provider_id.to_string()), Some(*linked_at)),
        };
        let (owner_kind, owner_id) = owner_cells(*owner);
        Model {
            id: id.uuid(),
            version: version_cell(version),
            owner_kind: owner_kind.to_owned(),
            owner_id,
            email: email.to_string(),
            name: name.as_ref().map(ToString::to_string),
            provider_id,
            linked_at: micros(linked_at),
            created_at: created_at.unix_micros(),
        }
    }

    fn decode(model: Model) -> Result<Stored<BillingCustomer>, StoreError> {
        let cells = Cells::of("customers", model.id);
        let owner = match model.owner_kind.as_str() {
            OWNER_USER => CustomerOwner::User(UserId::from_uuid(model.owner_id)),
            OWNER_TENANT => CustomerOwner::Tenant(TenantId::from_uuid(model.owner_id)),
            _ => return Err(cells.inconsistent("owner_kind")),
        };
        let link = match &model.provider_id {
            None => {
                cells.absent("linked_at", model.linked_at.as_ref())?;
                CustomerLink::Requested
            }
            Some(provider_id) => CustomerLink::Linked {
                provider_id: cells.parsed("provider_id", ProviderRef::parse(provider_id))?,
                linked_at: cells.present_time("linked_at", model.linked_at)?,
            },
        };
        let customer = BillingCustomer {
            id: CustomerId::from_uuid(model.id),
            owner,
            email: cells.parsed("email", Email::parse(&model.email))?,
            name: cells.optional("name", model.name.as_deref(), CompanyName::parse)?,
            link,
            created_at: cells.time("created_at", model.created_at)?,
        };
        cells.stored(customer, model.version)
    }
}

const OWNER_USER: &str = "user";
const OWNER_TENANT: &str = "tenant";

/// An owner as its two columns.
pub(crate) fn owner_cells(owner: CustomerOwner) -> (&'static str, Uuid) {
    match owner {
        CustomerOwner::User(id) => (OWNER_USER, id.uuid()),
        CustomerOwner::Tenant(id) => (OWNER_TENANT, id.uuid()),
    }
}
