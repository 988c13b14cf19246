//! The audit trail can be added to and neither changed nor shortened, by whatever statement.

use crate::Change;

pub(crate) const CHANGE: Change = Change {
    name: "m20260301_000011_append_only_audit",
    statements: &[],
    on_postgres: &[
        "CREATE FUNCTION refuse_audit_change() RETURNS trigger LANGUAGE plpgsql AS $$
         BEGIN
             RAISE EXCEPTION 'audit entries are append-only';
         END $$",
        "CREATE TRIGGER audit_entries_append_only
         BEFORE UPDATE OR DELETE ON audit_entries
         FOR EACH ROW EXECUTE FUNCTION refuse_audit_change()",
    ],
    on_sqlite: &[
        "CREATE TRIGGER audit_entries_no_update BEFORE UPDATE ON audit_entries
         BEGIN SELECT RAISE(ABORT, 'audit entries are append-only'); END",
        "CREATE TRIGGER audit_entries_no_delete BEFORE DELETE ON audit_entries
         BEGIN SELECT RAISE(ABORT, 'audit entries are append-only'); END",
    ],
};
