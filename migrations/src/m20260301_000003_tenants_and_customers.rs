//! Tenants with their admins, and the parties that are billed.

use crate::Change;

pub(crate) const CHANGE: Change = Change::portable(
    "m20260301_000003_tenants_and_customers",
    &[
        "CREATE TABLE tenants (
         id UUID NOT NULL PRIMARY KEY,
         version BIGINT NOT NULL,
         name TEXT NOT NULL,
         slug TEXT NOT NULL,
         country TEXT,
         created_at BIGINT NOT NULL
     )",
        "CREATE UNIQUE INDEX uq_tenants_slug ON tenants (slug)",
        "CREATE TABLE tenant_admins (
         id UUID NOT NULL PRIMARY KEY,
         version BIGINT NOT NULL,
         tenant_id UUID NOT NULL REFERENCES tenants (id),
         email TEXT NOT NULL,
         user_id UUID REFERENCES users (id)
     )",
        "CREATE UNIQUE INDEX uq_tenant_admins_email ON tenant_admins (tenant_id, email)",
        "CREATE INDEX ix_tenant_admins_user ON tenant_admins (tenant_id, user_id)",
        "CREATE TABLE customers (
         id UUID NOT NULL PRIMARY KEY,
         version BIGINT NOT NULL,
         owner_kind TEXT NOT NULL,
         owner_id UUID NOT NULL,
         email TEXT NOT NULL,
         name TEXT,
         provider_id TEXT,
         linked_at BIGINT,
         created_at BIGINT NOT NULL
     )",
        "CREATE UNIQUE INDEX uq_customers_owner ON customers (owner_kind, owner_id)",
        "CREATE UNIQUE INDEX uq_customers_provider_id ON customers (provider_id)",
    ],
);
