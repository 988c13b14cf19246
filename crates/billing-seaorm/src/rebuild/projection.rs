//! The part of each table that follows from the log, on both sides.

use async_trait::async_trait;
use billing_domain::kernel::audit::EntityKind;
use billing_domain::kernel::ports::StoreError;
use billing_domain::kernel::timestamp::Timestamp;
use billing_domain::rebuild::comparison::{ProjectedRow, Side};
use billing_domain::rebuild::ports::Projection;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use uuid::Uuid;

use super::{RebuildStore, fields_of, id_of};
use crate::fault::store_error;
use crate::rows::{self, Row, audit};
use crate::store::SeaOrmStore;

/// The kinds that are compared, in order.
const KINDS: [EntityKind; 10] = [
    EntityKind::Tenant,
    EntityKind::TenantAdmin,
    EntityKind::Intent,
    EntityKind::Subscription,
    EntityKind::Workflow,
    EntityKind::Catalog,
    EntityKind::Agreement,
    EntityKind::Plan,
    EntityKind::License,
    EntityKind::Entitlement,
];

/// The columns of a kind that are not compared, because no recorded commit says what they must be:
/// people gave them, or they only count writes. `None` for a kind that is copied as a whole.
pub fn not_compared(kind: EntityKind) -> Option<&'static [&'static str]> {
    match kind {
        EntityKind::Tenant
        | EntityKind::TenantAdmin
        | EntityKind::Subscription
        | EntityKind::Workflow
        | EntityKind::Agreement => Some(&["version"]),
        // The request itself, its conversation with the provider, and words for operators.
        EntityKind::Intent => Some(&[
            "version",
            "updated_at",
            "created_at",
            "slug",
            "name",
            "name_folded",
            "country",
            "terms",
            "expires_at",
            "checkout_state",
            "checkout_attempt",
            "checkout_request",
            "checkout_requested_at",
            "opened_session",
            "last_checkout_error",
            "last_provisioning_error",
        ]),
        // The product's name at that time.
        EntityKind::Catalog | EntityKind::Plan => Some(&["version", "title"]),
        // Who was invited, and with which key.
        EntityKind::License => Some(&["version", "email", "activation_key", "assigned_at"]),
        // Which features the product had at that time.
        EntityKind::Entitlement => Some(&["version", "feature_code"]),
        EntityKind::Project
        | EntityKind::App
        | EntityKind::ApiKey
        | EntityKind::User
        | EntityKind::Product
        | EntityKind::Price
        | EntityKind::Customer
        | EntityKind::ProviderEvent
        | EntityKind::Retention => None,
    }
}

async fn page<R>(
    store: &SeaOrmStore,
    kind: EntityKind,
    after: Option<Uuid>,
    limit: u32,
) -> Result<Vec<ProjectedRow>, StoreError>
where
    R: Row,
    R::Model: serde::Serialize,
{
    let models = R::find()
        .filter(R::ID.gt(after.unwrap_or_default()))
        .order_by_asc(R::ID)
        .limit(u64::from(limit))
        .all(store.reads())
        .await
        .map_err(store_error)?;
    let omitted = not_compared(kind).unwrap_or_default();
    let row = |model: &R::Model| {
        let fields = fields_of(model).into_iter();
        let kept = fields.filter(|(name, _)| name != "id" && !omitted.contains(&name.as_str()));
        ProjectedRow {
            id: id_of::<R>(model),
            fields: kept
                .map(|(name, value)| (name, value.to_string()))
                .collect(),
        }
    };
    Ok(models.iter().map(row).collect())
}

#[async_trait]
impl Projection for RebuildStore {
    fn kinds(&self) -> Vec<EntityKind> {
        KINDS.to_vec()
    }

    async fn rows(
        &self,
        side: Side,
        kind: EntityKind,
        after: Option<Uuid>,
        limit: u32,
    ) -> Result<Vec<ProjectedRow>, StoreError> {
        let store = match side {
            Side::Live => &self.live,
            Side::Rebuilt => &self.rebuilt,
        };
        match kind {
            EntityKind::Tenant => page::<rows::tenant::Entity>(store, kind, after, limit).await,
            EntityKind::TenantAdmin => {
                page::<rows::tenant_admin::Entity>(store, kind, after, limit).await
            }
            EntityKind::Intent => page::<rows::intent::Entity>(store, kind, after, limit).await,
            EntityKind::Subscription => {
                page::<rows::subscription::Entity>(store, kind, after, limit).await
            }
            EntityKind::Workflow => page::<rows::workflow::Entity>(store, kind, after, limit).await,
            EntityKind::Catalog => page::<rows::catalog::Entity>(store, kind, after, limit).await,
            EntityKind::Agreement => {
                page::<rows::agreement::Entity>(store, kind, after, limit).await
            }
            EntityKind::Plan => page::<rows::plan::Entity>(store, kind, after, limit).await,
            EntityKind::License => page::<rows::license::Entity>(store, kind, after, limit).await,
            EntityKind::Entitlement => {
                page::<rows::entitlement::Entity>(store, kind, after, limit).await
            }
            EntityKind::Project
            | EntityKind::App
            | EntityKind::ApiKey
            | EntityKind::User
            | EntityKind::Product
            | EntityKind::Price
            | EntityKind::Customer
            | EntityKind::ProviderEvent
            | EntityKind::Retention => Ok(Vec::new()),
        }
    }

    async fn is_changed_since(
        &self,
        kind: EntityKind,
        id: Uuid,
        at: Timestamp,
    ) -> Result<bool, StoreError> {
        let later = audit::Entity::find()
            .filter(audit::Column::EntityKind.eq(kind.name()))
            .filter(audit::Column::EntityId.eq(id))
            .filter(audit::Column::At.gt(at.unix_micros()))
            .one(self.live.reads())
            .await
            .map_err(store_error)?;
        Ok(later.is_some())
    }
}
