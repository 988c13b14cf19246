//! Products and their prices.

use crate::Change;

pub(crate) const CHANGE: Change = Change::portable(
    "m20260301_000002_catalog",
    &[
        "CREATE TABLE products (
         id UUID NOT NULL PRIMARY KEY,
         version BIGINT NOT NULL,
         project_id UUID NOT NULL REFERENCES projects (id),
         kind TEXT NOT NULL,
         name TEXT NOT NULL,
         provider_id TEXT NOT NULL,
         feature_codes TEXT NOT NULL,
         quantity_min BIGINT NOT NULL,
         quantity_max BIGINT NOT NULL,
         is_active BOOLEAN NOT NULL
     )",
        "CREATE UNIQUE INDEX uq_products_provider_id ON products (provider_id)",
        "CREATE INDEX ix_products_project ON products (project_id)",
        "CREATE TABLE prices (
         id UUID NOT NULL PRIMARY KEY,
         version BIGINT NOT NULL,
         product_id UUID NOT NULL REFERENCES products (id),
         provider_id TEXT NOT NULL,
         lookup_key TEXT,
         unit_amount_minor BIGINT NOT NULL,
         currency TEXT NOT NULL,
         period TEXT NOT NULL,
         is_active BOOLEAN NOT NULL
     )",
        "CREATE UNIQUE INDEX uq_prices_provider_id ON prices (provider_id)",
        "CREATE UNIQUE INDEX uq_prices_lookup_key ON prices (lookup_key) WHERE is_active",
        "CREATE INDEX ix_prices_product ON prices (product_id)",
    ],
);
