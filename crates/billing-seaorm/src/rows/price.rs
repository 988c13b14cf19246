//! Prices of products.

use billing_domain::catalog::price::{BillingPeriod, Price};
use billing_domain::kernel::currency::Currency;
use billing_domain::kernel::id::{PriceId, ProductId};
use billing_domain::kernel::money::Money;
use billing_domain::kernel::ports::StoreError;
use billing_domain::kernel::stored::{Stored, Version};
use billing_domain::kernel::text::{LookupKey, ProviderRef};
use sea_orm::entity::prelude::{
    ActiveModelBehavior, DeriveEntityModel, DerivePrimaryKey, DeriveRelation, EntityTrait,
    EnumIter, PrimaryKeyTrait,
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{Cells, Row, version_cell};

/// One row.
#[derive(Debug, Clone, PartialEq, Eq, DeriveEntityModel, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[sea_orm(table_name = "prices")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub version: i64,
    pub product_id: Uuid,
    pub provider_id: String,
    pub lookup_key: Option<String>,
    pub unit_amount_minor: i64,
    pub currency: String,
    pub period: String,
    pub is_active: bool,
}

/// Joins are not made through SeaORM.
#[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl Row for Entity {
    type Value = Price;
    const ID: Column = Column::Id;
    const VERSION: Column = Column::Version;

    fn encode(value: &Price, version: Version) -> Model {
        let Price {
            id,
            product_id,
            provider_id,
            lookup_key,
            unit_amount,
            period,
            is_active,
        } = value;
        Model {
            id: id.uuid(),
            version: version_cell(version),
            product_id: product_id.uuid(),
            provider_id: provider_id.to_string(),
            lookup_key: lookup_key.as_ref().map(ToString::to_string),
            unit_amount_minor: unit_amount.minor(),
            currency: unit_amount.currency().code().to_owned(),
            period: period.name().to_owned(),
            is_active: *is_active,
        }
    }

    fn decode(model: Model) -> Result<Stored<Price>, StoreError> {
        let cells = Cells::of("prices", model.id);
        let currency = cells.parsed("currency", Currency::parse(&model.currency))?;
        let price = Price {
            id: PriceId::from_uuid(model.id),
            product_id: ProductId::from_uuid(model.product_id),
            provider_id: cells.parsed("provider_id", ProviderRef::parse(&model.provider_id))?,
            lookup_key: cells.optional(
                "lookup_key",
                model.lookup_key.as_deref(),
                LookupKey::parse,
            )?,
            unit_amount: Money::from_minor(model.unit_amount_minor, currency),
            period: cells.present("period", BillingPeriod::parse(&model.period))?,
            is_active: model.is_active,
        };
        cells.stored(price, model.version)
    }
}
