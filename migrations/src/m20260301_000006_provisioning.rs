//! The workflows that turn paid sales into records.

use crate::Change;

pub(crate) const CHANGE: Change = Change::portable(
    "m20260301_000006_provisioning",
    &[
        "CREATE TABLE provisioning_workflows (
         id UUID NOT NULL PRIMARY KEY,
         version BIGINT NOT NULL,
         intent_id UUID NOT NULL REFERENCES checkout_intents (id),
         state TEXT NOT NULL,
         due_at BIGINT,
         ended_at BIGINT,
         attempts BIGINT NOT NULL,
         steps TEXT NOT NULL,
         created_at BIGINT NOT NULL
     )",
        "CREATE UNIQUE INDEX uq_provisioning_workflows_intent ON provisioning_workflows (intent_id)",
        "CREATE INDEX ix_provisioning_workflows_due ON provisioning_workflows (due_at, id)
     WHERE state = 'pending'",
    ],
);
