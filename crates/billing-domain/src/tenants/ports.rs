//! What the tenants' use cases need from outside.

use async_trait::async_trait;

use super::tenant::{Tenant, TenantAdmin};
use crate::kernel::email::Email;
use crate::kernel::id::{TenantId, UserId};
use crate::kernel::ports::StoreError;
use crate::kernel::stored::Stored;
use crate::kernel::text::Slug;

/// Reads tenants and their admins.
#[cfg_attr(feature = "testing", mockall::automock)]
#[async_trait]
pub trait TenantReader: Send + Sync {
    /// The tenant with this slug.
    async fn tenant_by_slug(&self, slug: &Slug) -> Result<Option<Stored<Tenant>>, StoreError>;

    /// The admin of a tenant with this address.
    async fn admin_by_email(
        &self,
        tenant: TenantId,
        email: &Email,
    ) -> Result<Option<Stored<TenantAdmin>>, StoreError>;

    /// The admin of a tenant who is this user.
    async fn admin_by_user(
        &self,
        tenant: TenantId,
        user: UserId,
    ) -> Result<Option<Stored<TenantAdmin>>, StoreError>;
}
