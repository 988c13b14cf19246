//! The inbox as operators see it: earlier attempts, decisions with their reasons, lists by key.

use crate::Change;

pub(crate) const CHANGE: Change = Change::portable(
    "m20260701_000012_event_log",
    &[
        "ALTER TABLE provider_events ADD COLUMN version BIGINT NOT NULL DEFAULT 1",
        "CREATE TABLE provider_event_attempts (
         event_id UUID NOT NULL,
         number BIGINT NOT NULL,
         at BIGINT NOT NULL,
         outcome TEXT NOT NULL,
         error TEXT,
         PRIMARY KEY (event_id, number)
     )",
        "ALTER TABLE audit_entries ADD COLUMN reason TEXT",
        "CREATE INDEX ix_provider_events_type ON provider_events (event_type, id)",
        // What is applied, which is nearly everything, never enters this one.
        "CREATE INDEX ix_provider_events_resting ON provider_events (status, event_type, id)
     WHERE status IN ('failed', 'skipped', 'parked', 'deferred', 'discarded')",
    ],
);
