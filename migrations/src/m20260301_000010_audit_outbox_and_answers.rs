//! What every commit writes beside its rows: who did it, what is told, what was answered.

use crate::Change;

pub(crate) const CHANGE: Change = Change::portable(
    "m20260301_000010_audit_outbox_and_answers",
    &[
        "CREATE TABLE audit_entries (
         entity_kind TEXT NOT NULL,
         entity_id UUID NOT NULL,
         version BIGINT NOT NULL,
         at BIGINT NOT NULL,
         actor TEXT NOT NULL,
         action TEXT NOT NULL,
         state_before TEXT,
         state_after TEXT NOT NULL,
         cause TEXT NOT NULL,
         PRIMARY KEY (entity_kind, entity_id, version)
     )",
        "CREATE INDEX ix_audit_entries_at ON audit_entries (at)",
        "CREATE TABLE outbox_messages (
         id UUID NOT NULL PRIMARY KEY,
         topic TEXT NOT NULL,
         dedup_key TEXT NOT NULL,
         payload TEXT NOT NULL,
         entity_version BIGINT NOT NULL,
         attempts BIGINT NOT NULL,
         created_at BIGINT NOT NULL,
         next_attempt_at BIGINT,
         claimed_until BIGINT,
         delivered_at BIGINT,
         last_error TEXT
     )",
        "CREATE UNIQUE INDEX uq_outbox_messages_dedup ON outbox_messages (dedup_key)",
        "CREATE INDEX ix_outbox_messages_open ON outbox_messages (created_at, entity_version, id)
     WHERE delivered_at IS NULL",
        "CREATE TABLE request_answers (
         principal TEXT NOT NULL,
         route TEXT NOT NULL,
         idempotency_key TEXT NOT NULL,
         fingerprint TEXT NOT NULL,
         answer_code BIGINT NOT NULL,
         answer_body TEXT NOT NULL,
         created_at BIGINT NOT NULL,
         PRIMARY KEY (principal, route, idempotency_key)
     )",
        "CREATE INDEX ix_request_answers_created ON request_answers (created_at)",
    ],
);
