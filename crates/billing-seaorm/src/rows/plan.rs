//! Licence plans.

use billing_domain::kernel::id::{AgreementId, CatalogId, PlanId, ProductId, TenantId, WorkflowId};
use billing_domain::kernel::ports::StoreError;
use billing_domain::kernel::stored::{Stored, Version};
use billing_domain::kernel::text::Title;
use billing_domain::licensing::plan::SubscriptionPlan;
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
#[sea_orm(table_name = "plans")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub version: i64,
    pub agreement_id: Uuid,
    pub tenant_id: Uuid,
    pub catalog_id: Uuid,
    pub product_id: Uuid,
    pub workflow_id: Option<Uuid>,
    pub title: String,
    pub starts_at: i64,
    pub ends_at: i64,
    pub license_count: i64,
    pub created_license_count: i64,
    pub created_at: i64,
}

/// Joins are not made through SeaORM.
#[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl Row for Entity {
    type Value = SubscriptionPlan;
    const ID: Column = Column::Id;
    const VERSION: Column = Column::Version;

    fn encode(value: &SubscriptionPlan, version: Version) -> Model {
        let SubscriptionPlan {
            id,
            agreement_id,
            tenant_id,
            catalog_id,
            product_id,
            workflow_id,
            title,
            starts_at,
            ends_at,
            license_count,
            created_license_count,
            created_at,
        } = value;
        Model {
            id: id.uuid(),
            version: version_cell(version),
            agreement_id: agreement_id.uuid(),
            tenant_id: tenant_id.uuid(),
            catalog_id: catalog_id.uuid(),
            product_id: product_id.uuid(),
            workflow_id: workflow_id.map(|id| id.uuid()),
            title: title.to_string(),
            starts_at: starts_at.unix_micros(),
            ends_at: ends_at.unix_micros(),
            license_count: i64::from(*license_count),
            created_license_count: i64::from(*created_license_count),
            created_at: created_at.unix_micros(),
        }
    }

    fn decode(model: Model) -> Result<Stored<SubscriptionPlan>, StoreError> {
        let cells = Cells::of("plans", model.id);
        let plan = SubscriptionPlan {
            id: PlanId::from_uuid(model.id),
            agreement_id: AgreementId::from_uuid(model.agreement_id),
            tenant_id: TenantId::from_uuid(model.tenant_id),
            catalog_id: CatalogId::from_uuid(model.catalog_id),
            product_id: ProductId::from_uuid(model.product_id),
            workflow_id: model.workflow_id.map(WorkflowId::from_uuid),
            title: cells.parsed("title", Title::parse(&model.title))?,
            starts_at: cells.time("starts_at", model.starts_at)?,
            ends_at: cells.time("ends_at", model.ends_at)?,
            license_count: cells.count("license_count", model.license_count)?,
            created_license_count: cells
                .count("created_license_count", model.created_license_count)?,
            created_at: cells.time("created_at", model.created_at)?,
        };
        cells.stored(plan, model.version)
    }
}
