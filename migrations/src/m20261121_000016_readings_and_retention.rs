//! What a rebuild needs beside the payload, and how far payloads were scrubbed.

use crate::Change;

pub(crate) const CHANGE: Change = Change::portable(
    "m20261121_000016_readings_and_retention",
    &[
        // What the provider was asked while the event was decided, and what it answered.
        "ALTER TABLE provider_events ADD COLUMN readings TEXT",
        // Absent while the payload is what was delivered, byte by byte.
        "ALTER TABLE provider_events ADD COLUMN scrubbed_at BIGINT",
        "ALTER TABLE provider_events ADD COLUMN headers TEXT",
        "ALTER TABLE provider_events ADD COLUMN remote_address TEXT",
        "CREATE TABLE payload_retention (
         id UUID NOT NULL PRIMARY KEY,
         version BIGINT NOT NULL,
         scrubbed_until UUID,
         received_before BIGINT NOT NULL,
         scrubbed_count BIGINT NOT NULL,
         kept_count BIGINT NOT NULL,
         answer_count BIGINT NOT NULL
     )",
    ],
);
