//! Payloads are compressed by LZ4 where the server was built with it: PostgreSQL's own method costs more
//! than everything else about storing an event.

use crate::Change;

pub(crate) const CHANGE: Change = Change {
    name: "m20261121_000017_payload_compression",
    statements: &[],
    on_postgres: &["DO $$
         BEGIN
             ALTER TABLE provider_events ALTER COLUMN payload SET COMPRESSION lz4;
         EXCEPTION WHEN feature_not_supported OR invalid_parameter_value OR syntax_error THEN
             RAISE NOTICE 'this server has no lz4; payloads are compressed as before';
         END $$"],
    on_sqlite: &[],
};
