//! The self-service sales, with what each of them reserves.

use crate::Change;

pub(crate) const CHANGE: Change = Change::portable(
    "m20260301_000004_checkout",
    &[
        "CREATE TABLE checkout_intents (
         id UUID NOT NULL PRIMARY KEY,
         version BIGINT NOT NULL,
         user_id UUID NOT NULL REFERENCES users (id),
         state TEXT NOT NULL,
         paid_at BIGINT,
         fulfilled_at BIGINT,
         expired_at BIGINT,
         slug TEXT,
         name TEXT,
         name_folded TEXT,
         country TEXT,
         quantity BIGINT NOT NULL,
         terms TEXT NOT NULL,
         expires_at BIGINT NOT NULL,
         checkout_state TEXT NOT NULL,
         checkout_attempt BIGINT NOT NULL,
         checkout_request TEXT,
         checkout_requested_at BIGINT,
         opened_session TEXT,
         customer_ref TEXT,
         session_ref TEXT,
         subscription_ref TEXT,
         tenant_id UUID REFERENCES tenants (id),
         last_checkout_error TEXT,
         last_provisioning_error TEXT,
         created_at BIGINT NOT NULL,
         updated_at BIGINT NOT NULL
     )",
        "CREATE UNIQUE INDEX uq_checkout_intents_slug ON checkout_intents (slug)
     WHERE state <> 'expired'",
        "CREATE UNIQUE INDEX uq_checkout_intents_name ON checkout_intents (name_folded)
     WHERE state <> 'expired'",
        "CREATE UNIQUE INDEX uq_checkout_intents_open ON checkout_intents (user_id)
     WHERE state NOT IN ('fulfilled', 'expired')",
        "CREATE INDEX ix_checkout_intents_user ON checkout_intents (user_id, id)",
        "CREATE INDEX ix_checkout_intents_session ON checkout_intents (session_ref)
     WHERE session_ref IS NOT NULL",
        "CREATE INDEX ix_checkout_intents_subscription ON checkout_intents (subscription_ref)
     WHERE subscription_ref IS NOT NULL",
        "CREATE INDEX ix_checkout_intents_to_expire ON checkout_intents (expires_at)
     WHERE state = 'created'",
        "CREATE INDEX ix_checkout_intents_open_request ON checkout_intents (checkout_requested_at)
     WHERE checkout_state = 'requested'",
        "CREATE INDEX ix_checkout_intents_stalled ON checkout_intents (updated_at)
     WHERE state = 'paid'",
    ],
);
