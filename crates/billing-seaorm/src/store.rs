//! The store itself: connections, and the few ways in which every reader reads.

use std::sync::Arc;

use billing_domain::kernel::ports::StoreError;
use billing_domain::kernel::stored::Stored;
use sea_orm::{ColumnTrait, DatabaseConnection, DbBackend, QueryFilter, Select};
use uuid::Uuid;

use crate::config::StoreConfig;
use crate::connect::{ConnectError, Connections, connect};
use crate::fault::store_error;
use crate::inbox::Receiving;
use crate::rows::Row;

/// Every storage port on one database. Clones share their connections.
#[derive(Debug, Clone)]
pub struct SeaOrmStore {
    connections: Connections,
    receiving: Arc<Receiving>,
}

impl SeaOrmStore {
    /// Opens the database; SQLite's file is created if it does not exist.
    pub async fn connect(config: StoreConfig) -> Result<Self, ConnectError> {
        let connections = connect(&config).await?;
        Ok(Self {
            connections,
            receiving: Arc::default(),
        })
    }

    /// Whether the database answers.
    pub async fn ping(&self) -> Result<(), StoreError> {
        self.reads().ping().await.map_err(store_error)
    }

    /// Closes every connection; later calls fail.
    pub async fn close(&self) -> Result<(), StoreError> {
        let reads = self.connections.reads.clone().close().await;
        let writes = self.connections.writes.clone().close().await;
        reads.and(writes).map_err(store_error)
    }

    pub(crate) fn receiving(&self) -> &Arc<Receiving> {
        &self.receiving
    }

    pub(crate) fn reads(&self) -> &DatabaseConnection {
        &self.connections.reads
    }

    pub(crate) fn writes(&self) -> &DatabaseConnection {
        &self.connections.writes
    }

    pub(crate) fn backend(&self) -> DbBackend {
        self.connections.writes.get_database_backend()
    }

    /// The row with an id.
    pub(crate) async fn by_id<R: Row>(
        &self,
        id: Uuid,
    ) -> Result<Option<Stored<R::Value>>, StoreError> {
        self.first::<R>(R::find().filter(R::ID.eq(id))).await
    }

    /// The first row of a selection.
    pub(crate) async fn first<R: Row>(
        &self,
        selection: Select<R>,
    ) -> Result<Option<Stored<R::Value>>, StoreError> {
        let model = selection.one(self.reads()).await.map_err(store_error)?;
        model.map(R::decode).transpose()
    }

    /// Every row of a selection.
    pub(crate) async fn all<R: Row>(
        &self,
        selection: Select<R>,
    ) -> Result<Vec<Stored<R::Value>>, StoreError> {
        let models = selection.all(self.reads()).await.map_err(store_error)?;
        models.into_iter().map(R::decode).collect()
    }
}
