//! Whether a caller administers a tenant: an operator does, and whoever is its admin.

use super::ports::TenantReader;
use crate::kernel::id::TenantId;
use crate::kernel::ports::StoreError;
use crate::kernel::principal::Principal;

/// Whether the principal may administer the tenant (spec A-186). Somebody else's tenant is
/// answered like one that does not exist.
///
/// # Errors
/// [`StoreError`].
pub async fn administers(
    tenants: &dyn TenantReader,
    principal: &Principal,
    tenant: TenantId,
) -> Result<bool, StoreError> {
    let (user_id, email) = match principal {
        Principal::Operator { .. } => return Ok(true),
        Principal::App { .. } => return Ok(false),
        Principal::User {
            user_id,
            project_id: _,
            email,
        } => (*user_id, email),
    };
    if tenants.admin_by_user(tenant, user_id).await?.is_some() {
        return Ok(true);
    }
    // A pending admin is known by the address that the issuer of the token vouches for.
    match email {
        Some(email) => Ok(tenants
            .admin_by_email(tenant, email)
            .await?
            .is_some_and(|admin| admin.value.user_id.is_none())),
        None => Ok(false),
    }
}
