//! Which request asked for a change, in the audit trail.

use crate::Change;

pub(crate) const CHANGE: Change = Change::portable(
    "m20261122_000020_request_ids",
    // Absent where an event is the cause: its row has the id of its delivery.
    &["ALTER TABLE audit_entries ADD COLUMN request_id TEXT"],
);
