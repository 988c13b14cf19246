//! What the contract suites must see and no use case reads.

use async_trait::async_trait;
use billing_domain::kernel::timestamp::Timestamp;
use billing_domain::testing::contract::{AuditLine, Inspect};
use sea_orm::EntityTrait;

use crate::rows::audit::{Entity, Model};
use crate::store::SeaOrmStore;

#[async_trait]
impl Inspect for SeaOrmStore {
    async fn audit_lines(&self) -> Vec<AuditLine> {
        let rows = Entity::find().all(self.reads()).await;
        let rows = rows.expect("the audit trail can be read");
        rows.into_iter().map(line).collect()
    }
}

fn line(row: Model) -> AuditLine {
    AuditLine {
        entity_kind: row.entity_kind,
        entity_id: row.entity_id,
        version: u32::try_from(row.version).expect("versions are small"),
        at: Timestamp::from_unix_micros(row.at).expect("entries are of this age"),
        actor: row.actor,
        action: row.action,
        before: row.state_before,
        after: row.state_after,
        cause: row.cause,
    }
}
