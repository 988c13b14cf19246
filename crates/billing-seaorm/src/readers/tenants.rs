//! Reads tenants and their admins.

use async_trait::async_trait;
use billing_domain::kernel::email::Email;
use billing_domain::kernel::id::{TenantId, UserId};
use billing_domain::kernel::ports::StoreError;
use billing_domain::kernel::stored::Stored;
use billing_domain::kernel::text::Slug;
use billing_domain::tenants::ports::TenantReader;
use billing_domain::tenants::tenant::{Tenant, TenantAdmin};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder};

use crate::rows::{tenant, tenant_admin};
use crate::store::SeaOrmStore;

#[async_trait]
impl TenantReader for SeaOrmStore {
    async fn tenant_by_slug(&self, slug: &Slug) -> Result<Option<Stored<Tenant>>, StoreError> {
        self.first(tenant::Entity::find().filter(tenant::Column::Slug.eq(slug.as_str())))
            .await
    }

    async fn admin_by_email(
        &self,
        tenant: TenantId,
        email: &Email,
    ) -> Result<Option<Stored<TenantAdmin>>, StoreError> {
        let known = tenant_admin::Entity::find()
            .filter(tenant_admin::Column::TenantId.eq(tenant.uuid()))
            .filter(tenant_admin::Column::Email.eq(email.as_str()));
        self.first(known).await
    }

    async fn admin_by_user(
        &self,
        tenant: TenantId,
        user: UserId,
    ) -> Result<Option<Stored<TenantAdmin>>, StoreError> {
        let known = tenant_admin::Entity::find()
            .filter(tenant_admin::Column::TenantId.eq(tenant.uuid()))
            .filter(tenant_admin::Column::UserId.eq(user.uuid()))
            .order_by_asc(tenant_admin::Column::Id);
        self.first(known).await
    }
}
