//! Lanes: whom an event concerns, and who is applying it (ADR 0013).

use crate::Change;

pub(crate) const CHANGE: Change = Change::portable(
    "m20261121_000013_event_lanes",
    &[
        // Events that are there already have no subject and share the first lane: one after the
        // other is slow and right.
        "ALTER TABLE provider_events ADD COLUMN subject TEXT",
        "ALTER TABLE provider_events ADD COLUMN lane BIGINT NOT NULL DEFAULT 0",
        "ALTER TABLE provider_events ADD COLUMN abandoned BIGINT NOT NULL DEFAULT 0",
        "DROP INDEX ix_provider_events_open",
        "CREATE INDEX ix_provider_events_open ON provider_events (lane, created_at, id)
     WHERE status IN ('received', 'processing')",
        // What waits for its next attempt, however much, is in nobody's way.
        "CREATE INDEX ix_provider_events_retry ON provider_events (lane, next_attempt_at)
     WHERE status = 'failed'",
        "CREATE TABLE provider_event_lanes (
         lane BIGINT NOT NULL PRIMARY KEY,
         fence BIGINT NOT NULL,
         leased_until BIGINT NOT NULL,
         owner TEXT NOT NULL
     )",
        "INSERT INTO provider_event_lanes (lane, fence, leased_until, owner)
     WITH RECURSIVE numbers (lane) AS (
         SELECT 0 UNION ALL SELECT lane + 1 FROM numbers WHERE lane < 63
     )
     SELECT lane, 0, 0, '' FROM numbers",
    ],
);
