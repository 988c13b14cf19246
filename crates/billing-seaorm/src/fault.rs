//! What the databases' errors mean: one table for both.

use billing_domain::kernel::change_set::{CommitError, UniqueRule};
use billing_domain::kernel::ports::StoreError;
use sea_orm::{DbErr, RuntimeErr, sqlx};

/// Each rule as PostgreSQL names it (the index) and as SQLite does (the columns).
const UNIQUE_RULES: &[(UniqueRule, &str, &str)] = &[
    (
        UniqueRule::IntentSlug,
        "uq_checkout_intents_slug",
        "checkout_intents.slug",
    ),
    (
        UniqueRule::IntentName,
        "uq_checkout_intents_name",
        "checkout_intents.name_folded",
    ),
    (
        UniqueRule::OpenIntentOfUser,
        "uq_checkout_intents_open",
        "checkout_intents.user_id",
    ),
    (
        UniqueRule::CustomerOwner,
        "uq_customers_owner",
        "customers.owner_kind, customers.owner_id",
    ),
    (
        UniqueRule::CustomerProviderRef,
        "uq_customers_provider_id",
        "customers.provider_id",
    ),
    (
        UniqueRule::SubscriptionProviderRef,
        "uq_subscriptions_provider_id",
        "subscriptions.provider_id",
    ),
    (
        UniqueRule::WorkflowIntent,
        "uq_provisioning_workflows_intent",
        "provisioning_workflows.intent_id",
    ),
    (UniqueRule::TenantSlug, "uq_tenants_slug", "tenants.slug"),
    (
        UniqueRule::TenantAdminEmail,
        "uq_tenant_admins_email",
        "tenant_admins.tenant_id, tenant_admins.email",
    ),
    (
        UniqueRule::CatalogTenant,
        "uq_catalogs_tenant",
        "catalogs.tenant_id, catalogs.product_id",
    ),
    (
        UniqueRule::AgreementTenant,
        "uq_agreements_tenant",
        "agreements.tenant_id",
    ),
    (
        UniqueRule::PlanWorkflow,
        "uq_plans_workflow",
        "plans.workflow_id",
    ),
    (
        UniqueRule::PlanTitle,
        "uq_plans_title",
        "plans.agreement_id, plans.title",
    ),
    (
        UniqueRule::LicenseEmail,
        "uq_licenses_email",
        "licenses.plan_id, licenses.email",
    ),
    (
        UniqueRule::LicenseKey,
        "uq_licenses_key",
        "licenses.activation_key",
    ),
    (
        UniqueRule::EntitlementSource,
        "uq_entitlements_source",
        "entitlements.source_kind, entitlements.source_id, entitlements.feature_code",
    ),
    (
        UniqueRule::UserExternalId,
        "uq_users_external_id",
        "users.project_id, users.external_id",
    ),
    (UniqueRule::ProjectName, "uq_projects_name", "projects.name"),
    (
        UniqueRule::ApiKeyPrefix,
        "uq_api_keys_prefix",
        "api_keys.prefix",
    ),
    (
        UniqueRule::ProductProviderRef,
        "uq_products_provider_id",
        "products.provider_id",
    ),
    (
        UniqueRule::PriceProviderRef,
        "uq_prices_provider_id",
        "prices.provider_id",
    ),
    (
        UniqueRule::PriceLookupKey,
        "uq_prices_lookup_key",
        "prices.lookup_key",
    ),
];

/// What a database error means to whoever commits.
enum Fault {
    /// Somebody was faster: read and decide again.
    Contention,
    /// A unique index refused the row; absent for one that no rule names.
    Unique(UniqueRule),
    /// Everything else: connection, time-out, disk, bug.
    Other,
}

/// Serialisation failure, deadlock, lock not available:
/// <https://www.postgresql.org/docs/current/errcodes-appendix.html>.
const POSTGRES_CONTENTION: &[&str] = &["40001", "40P01", "55P03"];

/// SQLite's primary codes BUSY and LOCKED, <https://www.sqlite.org/rescode.html>.
const SQLITE_CONTENTION: &[u32] = &[5, 6];

/// Data exception, integrity constraint violation, program limit exceeded.
const POSTGRES_ABOUT_A_ROW: &[&str] = &["22", "23", "54"];

/// SQLite's primary codes TOOBIG, CONSTRAINT, MISMATCH and RANGE.
const SQLITE_ABOUT_A_ROW: &[u32] = &[18, 19, 20, 25];

/// SQLite's extended codes of a violated primary key and unique index.
const SQLITE_PRIMARY_KEY: &str = "1555";
const SQLITE_UNIQUE: &str = "2067";
const POSTGRES_UNIQUE: &str = "23505";

/// Says what a failed statement means to whoever commits.
pub(crate) fn commit_error(error: DbErr) -> CommitError {
    match fault(&error) {
        Fault::Contention => CommitError::Conflict,
        Fault::Unique(rule) => CommitError::Duplicate(rule),
        Fault::Other => CommitError::Unavailable(Box::new(error)),
    }
}

/// Says what a failed statement means to whoever reads or works on a queue.
pub(crate) fn store_error(error: DbErr) -> StoreError {
    StoreError::Unavailable(Box::new(error))
}

/// Unavailable, where one failure has to be told to several.
pub(crate) fn unavailable(reason: &str) -> StoreError {
    StoreError::Unavailable(Box::from(reason))
}

/// Whether the database answered, and refused what is in a row: wrong data (class 22), a broken
/// constraint (class 23), or more than it takes.
pub(crate) fn is_about_a_row(error: &DbErr) -> bool {
    let Some(error) = database_error(error) else {
        return false;
    };
    let code = error.code().unwrap_or_default();
    let is_sqlite = error
        .try_downcast_ref::<sqlx::sqlite::SqliteError>()
        .is_some();
    if is_sqlite {
        let primary = code.parse::<u32>().unwrap_or_default() & 0xff;
        return SQLITE_ABOUT_A_ROW.contains(&primary);
    }
    POSTGRES_ABOUT_A_ROW
        .iter()
        .any(|class| code.starts_with(class))
}

/// Whether another process holds the lock that was needed.
pub(crate) fn is_contention(error: &DbErr) -> bool {
    match fault(error) {
        Fault::Contention => true,
        Fault::Unique(_) | Fault::Other => false,
    }
}

fn fault(error: &DbErr) -> Fault {
    let Some(error) = database_error(error) else {
        return Fault::Other;
    };
    let code = error.code().unwrap_or_default();
    let is_sqlite = error
        .try_downcast_ref::<sqlx::sqlite::SqliteError>()
        .is_some();
    if !is_sqlite {
        return if POSTGRES_CONTENTION.contains(&code.as_ref()) {
            Fault::Contention
        } else if code == POSTGRES_UNIQUE {
            unique_fault(error.constraint().unwrap_or_default())
        } else {
            Fault::Other
        };
    }
    let primary = code.parse::<u32>().unwrap_or_default() & 0xff;
    if SQLITE_CONTENTION.contains(&primary) {
        return Fault::Contention;
    }
    match code.as_ref() {
        SQLITE_PRIMARY_KEY => Fault::Unique(UniqueRule::PrimaryKey),
        SQLITE_UNIQUE => {
            let message = error.message();
            unique_fault(
                message
                    .split_once("failed: ")
                    .map_or("", |(_, columns)| columns),
            )
        }
        _ => Fault::Other,
    }
}

fn unique_fault(name: &str) -> Fault {
    let rule = UNIQUE_RULES
        .iter()
        .find(|(_, index, columns)| name == *index || name == *columns);
    match rule {
        Some((rule, _, _)) => Fault::Unique(*rule),
        None if name.ends_with("_pkey") => Fault::Unique(UniqueRule::PrimaryKey),
        None => Fault::Other,
    }
}

fn database_error(error: &DbErr) -> Option<&dyn sqlx::error::DatabaseError> {
    match error {
        DbErr::Conn(RuntimeErr::SqlxError(error))
        | DbErr::Exec(RuntimeErr::SqlxError(error))
        | DbErr::Query(RuntimeErr::SqlxError(error)) => error.as_database_error(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rule_has_exactly_one_row_in_the_table() {
        for (rule, index, columns) in UNIQUE_RULES {
            let same = UNIQUE_RULES
                .iter()
                .filter(|(other, i, c)| other == rule || i == index || c == columns);
            assert_eq!(same.count(), 1, "{rule:?}");
        }
    }
}
