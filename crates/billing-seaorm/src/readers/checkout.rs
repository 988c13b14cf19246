//! Reads, lists and sweeps checkout intents.

use async_trait::async_trait;
use billing_domain::checkout::intent::{CheckoutIntent, Reservation};
use billing_domain::checkout::ports::{IntentListing, IntentReader, IntentSweep};
use billing_domain::kernel::id::{IntentId, UserId};
use billing_domain::kernel::page::{Page, PageRequest};
use billing_domain::kernel::ports::StoreError;
use billing_domain::kernel::stored::Stored;
use billing_domain::kernel::text::ProviderRef;
use billing_domain::kernel::timestamp::Timestamp;
use sea_orm::{ColumnTrait, Condition, EntityTrait, QueryFilter, QueryOrder, QuerySelect, Select};
use uuid::Uuid;

use crate::fault::store_error;
use crate::rows::intent::{Column, Entity};
use crate::store::SeaOrmStore;

#[async_trait]
impl IntentReader for SeaOrmStore {
    async fn intent(&self, id: IntentId) -> Result<Option<Stored<CheckoutIntent>>, StoreError> {
        self.meetings().intents.get(self, id.uuid()).await
    }

    async fn unfulfilled_intent_of(
        &self,
        user: UserId,
    ) -> Result<Option<Stored<CheckoutIntent>>, StoreError> {
        let newest = Entity::find()
            .filter(Column::UserId.eq(user.uuid()))
            .filter(Column::State.ne("fulfilled"))
            .order_by_desc(Column::CreatedAt)
            .order_by_desc(Column::Id);
        self.first(newest).await
    }

    async fn intent_by_provider_ref(
        &self,
        reference: &ProviderRef,
    ) -> Result<Option<Stored<CheckoutIntent>>, StoreError> {
        let linked = &self.meetings().intents_by_reference;
        linked.get(self, reference.to_string()).await
    }

    async fn reservation_holder(
        &self,
        reservation: &Reservation,
        user: UserId,
    ) -> Result<Option<Stored<CheckoutIntent>>, StoreError> {
        let holders = Entity::find()
            .filter(Column::State.ne("expired"))
            .filter(Column::UserId.ne(user.uuid()))
            .filter(
                Condition::any()
                    .add(Column::Slug.eq(reservation.slug.as_str()))
                    .add(Column::NameFolded.eq(reservation.name.folded())),
            );
        self.first(holders).await
    }
}

#[async_trait]
impl IntentListing for SeaOrmStore {
    async fn intents(
        &self,
        owner: Option<UserId>,
        page: &PageRequest,
    ) -> Result<Page<Stored<CheckoutIntent>>, StoreError> {
        // Ids are made in the order of time, so the newest have the greatest.
        let mut selection = Entity::find().order_by_desc(Column::Id);
        if let Some(owner) = owner {
            selection = selection.filter(Column::UserId.eq(owner.uuid()));
        }
        if let Some(after) = page.after() {
            // Behind a cursor that is none there is nothing.
            let Ok(after) = IntentId::parse(after) else {
                return Ok(Page {
                    items: Vec::new(),
                    next: None,
                });
            };
            selection = selection.filter(Column::Id.lt(after.uuid()));
        }
        let limit = u64::from(page.limit());
        let mut items = self.all(selection.limit(limit + 1)).await?;
        let has_more = items.len() > usize::from(page.limit());
        items.truncate(usize::from(page.limit()));
        let next = items
            .last()
            .filter(|_| has_more)
            .map(|last| last.value.id().to_string());
        Ok(Page { items, next })
    }
}

#[async_trait]
impl IntentSweep for SeaOrmStore {
    async fn intents_to_expire(
        &self,
        now: Timestamp,
        limit: u32,
    ) -> Result<Vec<IntentId>, StoreError> {
        let due = Entity::find()
            .filter(Column::State.eq("created"))
            .filter(Column::ExpiresAt.lte(now.unix_micros()))
            .order_by_asc(Column::ExpiresAt);
        self.intent_ids(due, limit).await
    }

    async fn intents_with_open_request(
        &self,
        before: Timestamp,
        limit: u32,
    ) -> Result<Vec<IntentId>, StoreError> {
        let open = Entity::find()
            .filter(Column::CheckoutState.eq("requested"))
            .filter(Column::CheckoutRequestedAt.lt(before.unix_micros()))
            .order_by_asc(Column::CheckoutRequestedAt);
        self.intent_ids(open, limit).await
    }

    async fn intents_stalled(
        &self,
        before: Timestamp,
        limit: u32,
    ) -> Result<Vec<IntentId>, StoreError> {
        let stalled = Entity::find()
            .filter(Column::State.eq("paid"))
            .filter(Column::UpdatedAt.lt(before.unix_micros()))
            .order_by_asc(Column::UpdatedAt);
        self.intent_ids(stalled, limit).await
    }
}

impl SeaOrmStore {
    async fn intent_ids(
        &self,
        selection: Select<Entity>,
        limit: u32,
    ) -> Result<Vec<IntentId>, StoreError> {
        let ids: Vec<Uuid> = selection
            .select_only()
            .column(Column::Id)
            .order_by_asc(Column::Id)
            .limit(u64::from(limit))
            .into_tuple()
            .all(self.reads())
            .await
            .map_err(store_error)?;
        Ok(ids.into_iter().map(IntentId::from_uuid).collect())
    }
}
