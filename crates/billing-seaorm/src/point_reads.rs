//! Rows that are asked for by a key at the same time are read by one statement: a wave of events asks
//! for hundreds of intents, mirrors and plans at once.

use std::collections::HashMap;
use std::fmt;
use std::hash::Hash;
use std::sync::Arc;

use billing_domain::kernel::ports::StoreError;
use billing_domain::kernel::stored::Stored;
use sea_orm::sea_query::postgres_array::NotU8;
use sea_orm::{ColumnTrait, Condition, DbBackend, DbErr, ModelTrait, QueryFilter, Value};
use uuid::Uuid;

use crate::fault::{store_error, unavailable};
use crate::rows::Row;
use crate::store::SeaOrmStore;
use crate::together::{Limits, Together};

/// Keys in one statement at most: a wave of events.
const KEYS_MAX: usize = 256;

/// What rows are asked for by: an id, a reference of the provider.
pub(crate) trait Key:
    Clone + Eq + Hash + Into<Value> + NotU8 + Send + Sync + 'static
{
    /// The key that a cell holds, if it holds one.
    fn in_cell(cell: Value) -> Option<Self>;
}

impl Key for Uuid {
    fn in_cell(cell: Value) -> Option<Self> {
        match cell {
            Value::Uuid(id) => id,
            _ => None,
        }
    }
}

impl Key for String {
    fn in_cell(cell: Value) -> Option<Self> {
        match cell {
            Value::String(text) => text,
            _ => None,
        }
    }
}

type Found<R> = Result<Option<Stored<<R as Row>::Value>>, StoreError>;

/// Reads of one table by one kind of key.
pub(crate) struct PointReads<R: Row, K> {
    /// A row is meant by a key that stands in any of them. All hold keys of one kind.
    columns: &'static [R::Column],
    together: Arc<Together<K, Found<R>>>,
}

impl<R: Row, K> fmt::Debug for PointReads<R, K> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let table = R::default();
        formatter
            .debug_tuple("PointReads")
            .field(&table.table_name())
            .finish()
    }
}

impl<R, K> PointReads<R, K>
where
    R: Row,
    K: Key,
    R::Model: Clone,
    R::Value: Send + 'static,
{
    pub(crate) fn by(columns: &'static [R::Column]) -> Self {
        Self {
            columns,
            together: Together::new(Limits {
                items_max: KEYS_MAX,
                weight_max: usize::MAX,
                weight: |_| 1,
                waiting_max: usize::MAX,
            }),
        }
    }

    /// The row of a key; of several the one with the greatest id, which is the newest.
    pub(crate) async fn get(&self, store: &SeaOrmStore, key: K) -> Found<R> {
        let (store, columns) = (store.clone(), self.columns);
        let answer = move |keys| {
            let store = store.clone();
            async move { read::<R, K>(&store, columns, keys).await }
        };
        let found = self.together.ask(key, answer).await;
        found.unwrap_or_else(|| Err(unavailable("the task that reads rows ended")))
    }
}

async fn read<R, K>(store: &SeaOrmStore, columns: &[R::Column], keys: Vec<K>) -> Vec<Found<R>>
where
    R: Row,
    K: Key,
    R::Model: Clone,
{
    let models = match select::<R, K>(store, columns, &keys).await {
        Ok(models) => models,
        Err(error) if keys.len() == 1 => return vec![Err(store_error(error))],
        Err(error) => {
            let reason = error.to_string();
            return keys.iter().map(|_| Err(unavailable(&reason))).collect();
        }
    };
    let mut by_key: HashMap<K, &R::Model> = HashMap::with_capacity(models.len());
    for column in columns {
        for model in &models {
            let Some(key) = K::in_cell(model.get(*column)) else {
                continue;
            };
            let newest = by_key.entry(key).or_insert(model);
            if id_of::<R>(newest) < id_of::<R>(model) {
                *newest = model;
            }
        }
    }
    let found = |key| by_key.get(&key).map(|model| (*model).clone());
    keys.into_iter()
        .map(|key| found(key).map(R::decode).transpose())
        .collect()
}

fn id_of<R: Row>(model: &R::Model) -> Option<Uuid> {
    Uuid::in_cell(model.get(R::ID))
}

async fn select<R: Row, K: Key>(
    store: &SeaOrmStore,
    columns: &[R::Column],
    keys: &[K],
) -> Result<Vec<R::Model>, DbErr> {
    let mut any = Condition::any();
    for column in columns {
        any = any.add(match (store.backend(), keys) {
            (_, [key]) => column.eq(key.clone()),
            // One bound value, so that the statement's text is the same for any number of keys.
            (DbBackend::Postgres, keys) => column.eq_any(keys.iter().cloned()),
            (_, keys) => column.is_in(keys.iter().cloned()),
        });
    }
    R::find().filter(any).all(store.reads()).await
}
