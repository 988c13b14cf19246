//! Projects, their applications and users, and the applications' keys.

use crate::Change;

pub(crate) const CHANGE: Change = Change::portable(
    "m20260301_000001_access",
    &[
        "CREATE TABLE projects (
         id UUID NOT NULL PRIMARY KEY,
         version BIGINT NOT NULL,
         name TEXT NOT NULL,
         is_active BOOLEAN NOT NULL
     )",
        "CREATE UNIQUE INDEX uq_projects_name ON projects (name)",
        "CREATE TABLE apps (
         id UUID NOT NULL PRIMARY KEY,
         version BIGINT NOT NULL,
         project_id UUID NOT NULL REFERENCES projects (id),
         name TEXT NOT NULL,
         is_active BOOLEAN NOT NULL
     )",
        "CREATE INDEX ix_apps_project ON apps (project_id, name)",
        "CREATE TABLE api_keys (
         id UUID NOT NULL PRIMARY KEY,
         version BIGINT NOT NULL,
         app_id UUID NOT NULL REFERENCES apps (id),
         prefix TEXT NOT NULL,
         hash TEXT NOT NULL,
         expires_at BIGINT,
         revoked_at BIGINT,
         created_at BIGINT NOT NULL
     )",
        "CREATE UNIQUE INDEX uq_api_keys_prefix ON api_keys (prefix)",
        "CREATE INDEX ix_api_keys_app ON api_keys (app_id)",
        "CREATE TABLE users (
         id UUID NOT NULL PRIMARY KEY,
         version BIGINT NOT NULL,
         project_id UUID NOT NULL REFERENCES projects (id),
         external_id TEXT NOT NULL,
         email TEXT
     )",
        "CREATE UNIQUE INDEX uq_users_external_id ON users (project_id, external_id)",
    ],
);
