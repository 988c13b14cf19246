//! The inbox: what the provider delivered, byte by byte, and what became of it.

use crate::Change;

pub(crate) const CHANGE: Change = Change::portable(
    "m20260301_000009_provider_events",
    &[
        "CREATE TABLE provider_events (
         id UUID NOT NULL PRIMARY KEY,
         provider_event_id TEXT NOT NULL,
         event_type TEXT NOT NULL,
         api_version TEXT,
         is_live BOOLEAN NOT NULL,
         account TEXT,
         payload BYTEA NOT NULL,
         signature TEXT NOT NULL,
         correlation_id TEXT,
         created_at BIGINT NOT NULL,
         received_at BIGINT NOT NULL,
         status TEXT NOT NULL,
         attempts BIGINT NOT NULL,
         next_attempt_at BIGINT,
         claimed_until BIGINT,
         applied_at BIGINT,
         settled_at BIGINT,
         last_error TEXT
     )",
        "CREATE UNIQUE INDEX uq_provider_events_provider_id ON provider_events (provider_event_id)",
        "CREATE INDEX ix_provider_events_open ON provider_events (created_at, id)
     WHERE status IN ('received', 'processing', 'failed')",
        "CREATE INDEX ix_provider_events_deferred ON provider_events (id)
     WHERE status = 'deferred'",
    ],
);
