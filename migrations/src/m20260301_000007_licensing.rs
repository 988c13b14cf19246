//! Catalogues, agreements, plans and their licences.

use crate::Change;

pub(crate) const CHANGE: Change = Change::portable(
    "m20260301_000007_licensing",
    &[
        "CREATE TABLE catalogs (
         id UUID NOT NULL PRIMARY KEY,
         version BIGINT NOT NULL,
         tenant_id UUID NOT NULL REFERENCES tenants (id),
         title TEXT NOT NULL,
         product_id UUID NOT NULL REFERENCES products (id),
         created_at BIGINT NOT NULL
     )",
        "CREATE UNIQUE INDEX uq_catalogs_tenant ON catalogs (tenant_id, product_id)",
        "CREATE TABLE agreements (
         id UUID NOT NULL PRIMARY KEY,
         version BIGINT NOT NULL,
         tenant_id UUID NOT NULL REFERENCES tenants (id),
         default_catalog_id UUID NOT NULL REFERENCES catalogs (id),
         created_at BIGINT NOT NULL
     )",
        "CREATE UNIQUE INDEX uq_agreements_tenant ON agreements (tenant_id)",
        "CREATE TABLE plans (
         id UUID NOT NULL PRIMARY KEY,
         version BIGINT NOT NULL,
         agreement_id UUID NOT NULL REFERENCES agreements (id),
         tenant_id UUID NOT NULL REFERENCES tenants (id),
         catalog_id UUID NOT NULL REFERENCES catalogs (id),
         product_id UUID NOT NULL REFERENCES products (id),
         workflow_id UUID REFERENCES provisioning_workflows (id),
         title TEXT NOT NULL,
         starts_at BIGINT NOT NULL,
         ends_at BIGINT NOT NULL,
         license_count BIGINT NOT NULL,
         created_license_count BIGINT NOT NULL,
         created_at BIGINT NOT NULL
     )",
        "CREATE UNIQUE INDEX uq_plans_workflow ON plans (workflow_id)",
        "CREATE UNIQUE INDEX uq_plans_title ON plans (agreement_id, title)",
        "CREATE INDEX ix_plans_tenant ON plans (tenant_id, created_at, id)",
        "CREATE TABLE licenses (
         id UUID NOT NULL PRIMARY KEY,
         version BIGINT NOT NULL,
         plan_id UUID NOT NULL REFERENCES plans (id),
         state TEXT NOT NULL,
         email TEXT,
         activation_key TEXT,
         assigned_at BIGINT,
         user_id UUID REFERENCES users (id),
         activated_at BIGINT,
         revoked_at BIGINT,
         created_at BIGINT NOT NULL
     )",
        "CREATE UNIQUE INDEX uq_licenses_email ON licenses (plan_id, email)
     WHERE state IN ('assigned', 'activated')",
        "CREATE UNIQUE INDEX uq_licenses_key ON licenses (activation_key)
     WHERE state IN ('assigned', 'activated')",
        "CREATE INDEX ix_licenses_key ON licenses (activation_key)
     WHERE activation_key IS NOT NULL",
        "CREATE INDEX ix_licenses_plan ON licenses (plan_id, id)",
        "CREATE INDEX ix_licenses_plan_state ON licenses (plan_id, state, id)",
    ],
);
