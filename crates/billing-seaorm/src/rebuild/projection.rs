//! The part of each table that follows from the log, on both sides.

use async_trait::async_trait;
use billing_domain::kernel::audit::EntityKind;
use billing_domain::kernel::ports::StoreError;
use billing_domain::kernel::timestamp::Timestamp;
use billing_domain::rebuild::comparison::{ProjectedRow, Side};
use billing_domain::rebuild::ports::Projection;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use uuid::Uuid;

use super::tables::REBUILT;
use super::{RebuildStore, fields_of, id_of};
use crate::fault::store_error;
use crate::rows::{Row, audit};
use crate::store::SeaOrmStore;

impl RebuildStore {
    /// A page of one table, without some of its columns.
    pub(super) async fn page_of<R>(
        store: &SeaOrmStore,
        omitted: &[&str],
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
}

#[async_trait]
impl Projection for RebuildStore {
    fn kinds(&self) -> Vec<EntityKind> {
        REBUILT.to_vec()
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
        Self::page(store, kind, after, limit).await
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
