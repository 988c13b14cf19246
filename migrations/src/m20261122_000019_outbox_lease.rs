//! One publisher at a time has the outbox, so that messages go out in order and none has to be claimed.

use crate::Change;

pub(crate) const CHANGE: Change = Change::portable(
    "m20261122_000019_outbox_lease",
    &[
        // One row.
        "CREATE TABLE outbox_lease (
         publisher TEXT NOT NULL PRIMARY KEY,
         leased_until BIGINT NOT NULL
     )",
        "INSERT INTO outbox_lease (publisher, leased_until) VALUES ('', 0)",
        // A key is an entity's version, of which the audit trail has no second one either.
        "DROP INDEX uq_outbox_messages_dedup",
        "ALTER TABLE outbox_messages DROP COLUMN claimed_until",
    ],
);
