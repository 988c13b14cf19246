//! Any order of events ends the same: the most units that were ever paid for, whom an event waits for.

use crate::Change;

pub(crate) const CHANGE: Change = Change::portable(
    "m20260801_000014_order_of_events",
    &[
        "ALTER TABLE subscriptions ADD COLUMN quantity_max BIGINT NOT NULL DEFAULT 0",
        "UPDATE subscriptions SET quantity_max = quantity WHERE NOT has_pending_update",
        "ALTER TABLE provider_events ADD COLUMN waiting_for TEXT",
        "CREATE INDEX ix_provider_events_waiting ON provider_events (waiting_for)
     WHERE waiting_for IS NOT NULL",
    ],
);
