//! Reads projects, applications, keys and users.

use async_trait::async_trait;
use billing_domain::access::ports::{AccessReader, KeyOwner, UserReader};
use billing_domain::access::project::{App, Project};
use billing_domain::access::user::User;
use billing_domain::kernel::id::{ProjectId, UserId};
use billing_domain::kernel::ports::StoreError;
use billing_domain::kernel::stored::Stored;
use billing_domain::kernel::text::{ExternalUserId, Title};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder};

use crate::rows::{api_key, app, project, user};
use crate::store::SeaOrmStore;

#[async_trait]
impl AccessReader for SeaOrmStore {
    async fn key_by_prefix(&self, prefix: &str) -> Result<Option<KeyOwner>, StoreError> {
        let by_prefix = api_key::Entity::find().filter(api_key::Column::Prefix.eq(prefix));
        let Some(key) = self.first(by_prefix).await? else {
            return Ok(None);
        };
        // Foreign keys keep an application and a project under every key.
        let Some(app) = self.by_id::<app::Entity>(key.value.app_id.uuid()).await? else {
            return Ok(None);
        };
        let Some(project) = self
            .by_id::<project::Entity>(app.value.project_id.uuid())
            .await?
        else {
            return Ok(None);
        };
        Ok(Some(KeyOwner {
            key: key.value,
            app: app.value,
            project: project.value,
        }))
    }

    async fn project_by_name(&self, name: &Title) -> Result<Option<Stored<Project>>, StoreError> {
        self.first(project::Entity::find().filter(project::Column::Name.eq(name.as_str())))
            .await
    }

    async fn app_by_name(
        &self,
        project: ProjectId,
        name: &Title,
    ) -> Result<Option<Stored<App>>, StoreError> {
        let named = app::Entity::find()
            .filter(app::Column::ProjectId.eq(project.uuid()))
            .filter(app::Column::Name.eq(name.as_str()))
            .order_by_asc(app::Column::Id);
        self.first(named).await
    }
}

#[async_trait]
impl UserReader for SeaOrmStore {
    async fn user_by_external_id(
        &self,
        project: ProjectId,
        external_id: &ExternalUserId,
    ) -> Result<Option<Stored<User>>, StoreError> {
        let known = user::Entity::find()
            .filter(user::Column::ProjectId.eq(project.uuid()))
            .filter(user::Column::ExternalId.eq(external_id.as_str()));
        self.first(known).await
    }

    async fn user(&self, id: UserId) -> Result<Option<Stored<User>>, StoreError> {
        self.by_id::<user::Entity>(id.uuid()).await
    }
}
