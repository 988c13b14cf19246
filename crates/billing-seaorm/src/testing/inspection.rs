//! What the contract suites must see and no use case reads.

use async_trait::async_trait;
use billing_domain::kernel::audit::AuditLine;
use billing_domain::testing::contract::Inspect;
use sea_orm::EntityTrait;

use crate::readers::event_log::audit_line;
use crate::rows::audit::Entity;
use crate::store::SeaOrmStore;

#[async_trait]
impl Inspect for SeaOrmStore {
    async fn audit_lines(&self) -> Vec<AuditLine> {
        let rows = Entity::find().all(self.reads()).await;
        let rows = rows.expect("the audit trail can be read");
        let lines = rows.into_iter().map(audit_line);
        let lines: Result<_, _> = lines.collect();
        lines.expect("the audit trail is consistent")
    }
}
