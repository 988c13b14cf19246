//! Products.

use billing_domain::catalog::product::{Product, ProductKind, QuantityRange};
use billing_domain::kernel::id::{ProductId, ProjectId};
use billing_domain::kernel::ports::StoreError;
use billing_domain::kernel::stored::{Stored, Version};
use billing_domain::kernel::text::{FeatureCode, ProviderRef, Title};
use sea_orm::entity::prelude::{
    ActiveModelBehavior, DeriveEntityModel, DerivePrimaryKey, DeriveRelation, EntityTrait,
    EnumIter, PrimaryKeyTrait,
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{Cells, Row, json_text, version_cell};

/// One row.
#[derive(Debug, Clone, PartialEq, Eq, DeriveEntityModel, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[sea_orm(table_name = "products")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub version: i64,
    pub project_id: Uuid,
    pub kind: String,
    pub name: String,
    pub provider_id: String,
    pub feature_codes: String,
    pub quantity_min: i64,
    pub quantity_max: i64,
    pub is_active: bool,
}

/// Joins are not made through SeaORM.
#[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl Row for Entity {
    type Value = Product;
    const ID: Column = Column::Id;
    const VERSION: Column = Column::Version;

    fn encode(value: &Product, version: Version) -> Model {
        let Product {
            id,
            project_id,
            kind,
            name,
            provider_id,
            feature_codes,
            quantity,
            is_active,
        } = value;
        let codes: Vec<&str> = feature_codes.iter().map(FeatureCode::as_str).collect();
        Model {
            id: id.uuid(),
            version: version_cell(version),
            project_id: project_id.uuid(),
            kind: kind.name().to_owned(),
            name: name.to_string(),
            provider_id: provider_id.to_string(),
            feature_codes: json_text(&codes),
            quantity_min: i64::from(quantity.min),
            quantity_max: i64::from(quantity.max),
            is_active: *is_active,
        }
    }

    fn decode(model: Model) -> Result<Stored<Product>, StoreError> {
        let cells = Cells::of("products", model.id);
        let codes: Vec<String> = cells.json("feature_codes", &model.feature_codes)?;
        let feature_codes = codes
            .iter()
            .map(|code| FeatureCode::parse(code))
            .collect::<Result<_, _>>();
        let product = Product {
            id: ProductId::from_uuid(model.id),
            project_id: ProjectId::from_uuid(model.project_id),
            kind: cells.present("kind", ProductKind::parse(&model.kind))?,
            name: cells.parsed("name", Title::parse(&model.name))?,
            provider_id: cells.parsed("provider_id", ProviderRef::parse(&model.provider_id))?,
            feature_codes: cells.parsed("feature_codes", feature_codes)?,
            quantity: QuantityRange {
                min: cells.count("quantity_min", model.quantity_min)?,
                max: cells.count("quantity_max", model.quantity_max)?,
            },
            is_active: model.is_active,
        };
        cells.stored(product, model.version)
    }
}
