//! How far the provider's list of events was looked through, and the id that ties a message to the
//! delivery that caused it.

use crate::Change;

pub(crate) const CHANGE: Change = Change::portable(
    "m20261121_000015_event_scans",
    &[
        "CREATE TABLE event_scans (
         kind TEXT NOT NULL PRIMARY KEY,
         position BIGINT NOT NULL,
         window_from BIGINT,
         window_until BIGINT,
         page_after TEXT,
         finished_at BIGINT,
         found_count BIGINT NOT NULL,
         found_at BIGINT,
         last_error TEXT,
         holder UUID,
         leased_until BIGINT,
         next_at BIGINT NOT NULL
     )",
        "ALTER TABLE outbox_messages ADD COLUMN correlation_id TEXT",
    ],
);
