//! The store itself: connections, and the few ways in which every reader reads.

use std::sync::Arc;

use billing_domain::kernel::ports::StoreError;
use billing_domain::kernel::stored::Stored;
use sea_orm::{ColumnTrait, DatabaseConnection, DbBackend, QueryFilter, Select};
use uuid::Uuid;

use crate::config::StoreConfig;
use crate::connect::{ConnectError, Connections, connect};
use crate::fault::store_error;
use crate::inbox::{Receiving, receiving};
use crate::point_reads::PointReads;
use crate::rows::{self, Row};

/// Every storage port on one database. Clones share their connections.
#[derive(Debug, Clone)]
pub struct SeaOrmStore {
    connections: Connections,
    meetings: Arc<Meetings>,
}

/// Where callers meet whose work is done together.
#[derive(Debug)]
pub(crate) struct Meetings {
    pub(crate) receiving: Arc<Receiving>,
    pub(crate) intents: PointReads<rows::intent::Entity, Uuid>,
    pub(crate) intents_by_reference: PointReads<rows::intent::Entity, String>,
    pub(crate) subscriptions: PointReads<rows::subscription::Entity, String>,
    pub(crate) workflows: PointReads<rows::workflow::Entity, Uuid>,
    pub(crate) plans: PointReads<rows::plan::Entity, Uuid>,
}

impl Meetings {
    fn new() -> Self {
        use rows::{intent, plan, subscription, workflow};
        Self {
            receiving: receiving(),
            intents: PointReads::by(&[intent::Column::Id]),
            intents_by_reference: PointReads::by(&[
                intent::Column::SessionRef,
                intent::Column::SubscriptionRef,
            ]),
            subscriptions: PointReads::by(&[subscription::Column::ProviderId]),
            workflows: PointReads::by(&[workflow::Column::IntentId]),
            plans: PointReads::by(&[plan::Column::WorkflowId]),
        }
    }
}

impl SeaOrmStore {
    /// Opens the database; SQLite's file is created if it does not exist.
    pub async fn connect(config: StoreConfig) -> Result<Self, ConnectError> {
        let connections = connect(&config).await?;
        Ok(Self {
            connections,
            meetings: Arc::new(Meetings::new()),
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

    pub(crate) fn meetings(&self) -> &Meetings {
        &self.meetings
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
