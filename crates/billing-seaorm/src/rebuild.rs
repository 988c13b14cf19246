//! Two stores side by side: the live one, which is only read, and an empty SQLite database into
//! which the recorded history is replayed.

mod family;
mod given;
mod history;
mod projection;
mod recorded_commit;
mod tables;

use std::collections::BTreeMap;

use billing_domain::kernel::ports::StoreError;
use billing_domain::kernel::timestamp::Timestamp;
use sea_orm::{
    ColumnTrait, ConnectionTrait, IntoActiveModel, Iterable, QueryFilter, QueryOrder, QuerySelect,
};
use uuid::Uuid;

pub use self::family::Rows;
pub use self::recorded_commit::{commit_document, read_commit};
pub use self::tables::not_compared;
use crate::fault::store_error;
use crate::rows::Row;
use crate::store::SeaOrmStore;

/// Rows that are copied at a time.
const COPIED_PAGE: u64 = 500;

/// Bound values in one statement at most; SQLite takes 32,766.
const BOUND_VALUES_MAX: usize = 8_000;

/// Rules over what people asked for at the time, which a copy of what they asked for last need not
/// keep.
const RULES_OF_THE_TIME: [&str; 6] = [
    "uq_checkout_intents_slug",
    "uq_checkout_intents_name",
    "uq_checkout_intents_open",
    "uq_licenses_email",
    "uq_licenses_key",
    "uq_plans_title",
];

/// A live store and the one that is rebuilt beside it.
#[derive(Debug, Clone)]
pub struct RebuildStore {
    live: SeaOrmStore,
    rebuilt: SeaOrmStore,
}

impl RebuildStore {
    /// Prepares the empty store: what people and the catalogue gave is copied, and the recorded
    /// commits up to a time are put into their order. `rebuilt` MUST be an empty, migrated SQLite
    /// database that nobody else uses.
    pub async fn prepare(
        live: SeaOrmStore,
        rebuilt: SeaOrmStore,
        as_of: Timestamp,
    ) -> Result<Self, StoreError> {
        // What is copied need not stand in the order of its references.
        let mut statements = vec!["PRAGMA foreign_keys = OFF".to_owned()];
        statements.extend(RULES_OF_THE_TIME.map(|name| format!("DROP INDEX IF EXISTS {name}")));
        for statement in statements {
            let done = rebuilt.writes().execute_unprepared(&statement).await;
            done.map_err(store_error)?;
        }
        let store = Self { live, rebuilt };
        store.copy_all().await?;
        store.order_history(as_of).await?;
        Ok(store)
    }

    /// The store that is rebuilt.
    pub fn rebuilt(&self) -> SeaOrmStore {
        self.rebuilt.clone()
    }

    /// Copies a table that no event writes.
    async fn copy<R>(&self) -> Result<(), StoreError>
    where
        R: Row,
        R::Model: IntoActiveModel<R::ActiveModel>,
        R::ActiveModel: Send,
    {
        let mut after = Uuid::nil();
        loop {
            let page = R::find()
                .filter(R::ID.gt(after))
                .order_by_asc(R::ID)
                .limit(COPIED_PAGE)
                .all(self.live.reads())
                .await
                .map_err(store_error)?;
            let Some(last) = page.last() else {
                return Ok(());
            };
            after = id_of::<R>(last);
            self.insert::<R>(page).await?;
        }
    }

    /// Inserts rows into the store that is rebuilt.
    async fn insert<R>(&self, mut models: Vec<R::Model>) -> Result<(), StoreError>
    where
        R: Row,
        R::Model: IntoActiveModel<R::ActiveModel>,
        R::ActiveModel: Send,
    {
        let rows_max = (BOUND_VALUES_MAX / R::Column::iter().count()).max(1);
        while !models.is_empty() {
            let rest = models.split_off(models.len().min(rows_max));
            R::insert_many(models.into_iter().map(IntoActiveModel::into_active_model))
                .exec_without_returning(self.rebuilt.writes())
                .await
                .map_err(store_error)?;
            models = rest;
        }
        Ok(())
    }

    /// Puts a row in place of the one with its id, if there is one.
    async fn put<R>(&self, model: R::Model) -> Result<(), StoreError>
    where
        R: Row,
        R::Model: IntoActiveModel<R::ActiveModel>,
        R::ActiveModel: Send,
    {
        R::delete_many()
            .filter(R::ID.eq(id_of::<R>(&model)))
            .exec(self.rebuilt.writes())
            .await
            .map_err(store_error)?;
        self.insert::<R>(vec![model]).await
    }
}

/// The id of a row.
fn id_of<R: Row>(model: &R::Model) -> Uuid {
    use sea_orm::ModelTrait;
    match model.get(R::ID) {
        sea_orm::Value::Uuid(Some(id)) => id,
        _ => Uuid::nil(),
    }
}

/// A row as the names and texts of its columns.
fn fields_of<M: serde::Serialize>(model: &M) -> BTreeMap<String, serde_json::Value> {
    match serde_json::to_value(model) {
        Ok(serde_json::Value::Object(fields)) => fields.into_iter().collect(),
        Ok(_) | Err(_) => BTreeMap::new(),
    }
}
