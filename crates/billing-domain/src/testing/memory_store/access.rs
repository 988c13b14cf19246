//! Projects, users, the catalogue and customers in memory.

use async_trait::async_trait;

use super::MemoryStore;
use crate::access::api_key::ApiKey;
use crate::access::ports::{AccessReader, KeyOwner, UserReader};
use crate::access::project::{App, Project};
use crate::access::user::User;
use crate::catalog::ports::{CatalogReader, PriceName};
use crate::catalog::price::Price;
use crate::catalog::product::Product;
use crate::customers::customer::{BillingCustomer, CustomerOwner};
use crate::customers::ports::CustomerReader;
use crate::kernel::id::{ProductId, ProjectId, UserId};
use crate::kernel::ports::StoreError;
use crate::kernel::stored::Stored;
use crate::kernel::text::{ExternalUserId, ProviderRef, Title};

#[async_trait]
impl AccessReader for MemoryStore {
    async fn key_by_prefix(&self, prefix: &str) -> Result<Option<KeyOwner>, StoreError> {
        self.call("key_by_prefix", |state| {
            let tables = &state.tables;
            let mut keys = tables.api_keys.values().map(|row| &row.value);
            let key: ApiKey = keys.find(|key| key.prefix == prefix)?.clone();
            let app = tables.apps.get(&key.app_id.uuid())?.value.clone();
            let project = tables.projects.get(&app.project_id.uuid())?.value.clone();
            Some(KeyOwner { key, app, project })
        })
    }

    async fn project_by_name(&self, name: &Title) -> Result<Option<Stored<Project>>, StoreError> {
        self.find("project_by_name", |project: &Project| project.name == *name)
    }

    async fn app_by_name(
        &self,
        project: ProjectId,
        name: &Title,
    ) -> Result<Option<Stored<App>>, StoreError> {
        self.find("app_by_name", |app: &App| {
            app.project_id == project && app.name == *name
        })
    }
}

#[async_trait]
impl UserReader for MemoryStore {
    async fn user_by_external_id(
        &self,
        project: ProjectId,
        external_id: &ExternalUserId,
    ) -> Result<Option<Stored<User>>, StoreError> {
        self.find("user_by_external_id", |user: &User| {
            user.project_id == project && user.external_id == *external_id
        })
    }

    async fn user(&self, id: UserId) -> Result<Option<Stored<User>>, StoreError> {
        self.get("user", id.uuid())
    }
}

#[async_trait]
impl CatalogReader for MemoryStore {
    async fn price(&self, name: &PriceName) -> Result<Option<Stored<Price>>, StoreError> {
        self.find("price", |price: &Price| match name {
            PriceName::Id(id) => price.id == *id,
            PriceName::Provider(id) => price.provider_id == *id,
            PriceName::LookupKey(key) => price.is_active && price.lookup_key.as_ref() == Some(key),
        })
    }

    async fn product(&self, id: ProductId) -> Result<Option<Stored<Product>>, StoreError> {
        self.get("product", id.uuid())
    }

    async fn product_by_provider_id(
        &self,
        id: &ProviderRef,
    ) -> Result<Option<Stored<Product>>, StoreError> {
        self.find("product_by_provider_id", |product: &Product| {
            product.provider_id == *id
        })
    }
}

#[async_trait]
impl CustomerReader for MemoryStore {
    async fn customer_of(
        &self,
        owner: CustomerOwner,
    ) -> Result<Option<Stored<BillingCustomer>>, StoreError> {
        self.find("customer_of", |customer: &BillingCustomer| {
            customer.owner == owner
        })
    }

    async fn customer_by_provider_id(
        &self,
        id: &ProviderRef,
    ) -> Result<Option<Stored<BillingCustomer>>, StoreError> {
        self.find("customer_by_provider_id", |customer: &BillingCustomer| {
            customer.provider_id() == Some(id)
        })
    }
}
