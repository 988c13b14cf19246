//! The mirrors of the provider's subscriptions.

use crate::Change;

pub(crate) const CHANGE: Change = Change::portable(
    "m20260301_000005_subscriptions",
    &[
        "CREATE TABLE subscriptions (
         id UUID NOT NULL PRIMARY KEY,
         version BIGINT NOT NULL,
         intent_id UUID,
         provider_id TEXT NOT NULL,
         customer_ref TEXT NOT NULL,
         status TEXT NOT NULL,
         quantity BIGINT NOT NULL,
         price_ref TEXT,
         period_start BIGINT,
         period_end BIGINT,
         trial_end BIGINT,
         cancel_at BIGINT,
         canceled_at BIGINT,
         ended_at BIGINT,
         has_pending_update BOOLEAN NOT NULL,
         observed_at BIGINT NOT NULL,
         created_at BIGINT NOT NULL
     )",
        "CREATE UNIQUE INDEX uq_subscriptions_provider_id ON subscriptions (provider_id)",
        "CREATE INDEX ix_subscriptions_intent ON subscriptions (intent_id)",
    ],
);
