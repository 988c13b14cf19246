//! Whom events concern that were not applied: somebody asks for a user's.

use crate::Change;

pub(crate) const CHANGE: Change = Change::portable(
    "m20261122_000018_subjects_at_rest",
    &[
        // What is applied, which is nearly everything, never enters this one; what is due is found
        // by its lane.
        "CREATE INDEX ix_provider_events_subject ON provider_events (subject, id)
     WHERE status IN ('failed', 'skipped', 'parked', 'deferred', 'discarded')",
    ],
);
