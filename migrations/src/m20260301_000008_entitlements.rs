//! Who may use what, why, since when and until when.

use crate::Change;

pub(crate) const CHANGE: Change = Change::portable(
    "m20260301_000008_entitlements",
    &[
        "CREATE TABLE entitlements (
         id UUID NOT NULL PRIMARY KEY,
         version BIGINT NOT NULL,
         user_id UUID NOT NULL REFERENCES users (id),
         project_id UUID NOT NULL REFERENCES projects (id),
         feature_code TEXT NOT NULL,
         source_kind TEXT NOT NULL,
         source_id UUID NOT NULL,
         revoked_at BIGINT,
         valid_from BIGINT NOT NULL,
         valid_to BIGINT
     )",
        "CREATE UNIQUE INDEX uq_entitlements_source
     ON entitlements (source_kind, source_id, feature_code)",
        "CREATE INDEX ix_entitlements_user ON entitlements (user_id, id)",
    ],
);
