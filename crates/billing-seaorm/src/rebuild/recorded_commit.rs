//! One recorded commit as a document and back: what a recorded case decides again.

use billing_domain::kernel::audit::AuditLine;
use billing_domain::kernel::id::InboxEventId;
use billing_domain::kernel::ports::StoreError;
use billing_domain::kernel::text::ProviderRef;
use billing_domain::kernel::timestamp::Timestamp;
use billing_domain::provider_events::delivery::Delivery;
use billing_domain::provider_events::event_filter::EventName;
use billing_domain::provider_events::ports::{Envelope, ReceivedEvent};
use billing_domain::rebuild::ports::{History, RecordedCause, RecordedCommit};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, Statement};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use super::RebuildStore;
use super::history::recorded_event;
use crate::fault::store_error;
use crate::rows::reading_document::{read_readings, readings_text};
use crate::rows::{Cells, provider_event};

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct CommitDocument {
    at: i64,
    event_id: Uuid,
    provider_event_id: String,
    event_type: String,
    api_version: Option<String>,
    is_live: bool,
    account: Option<String>,
    created_at: i64,
    received_at: i64,
    payload: Value,
    readings: Option<String>,
    lines: Vec<LineDocument>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct LineDocument {
    entity_kind: String,
    entity_id: Uuid,
    version: u32,
    action: String,
    before: Option<String>,
    after: String,
}

/// A commit as a document; `None` for one that no event caused, or whose payload is not JSON.
pub fn commit_document(commit: &RecordedCommit) -> Option<Value> {
    let RecordedCause::Event { event, readings } = &commit.cause else {
        return None;
    };
    let lines = commit.lines.iter().map(|line| LineDocument {
        entity_kind: line.entity_kind.clone(),
        entity_id: line.entity_id,
        version: line.version,
        action: line.action.clone(),
        before: line.before.clone(),
        after: line.after.clone(),
    });
    let document = CommitDocument {
        at: commit.at.unix_micros(),
        event_id: event.id.uuid(),
        provider_event_id: event.envelope.provider_event_id.to_string(),
        event_type: event.envelope.event_type.clone(),
        api_version: event.envelope.api_version.clone(),
        is_live: event.envelope.is_live,
        account: event.envelope.account.clone(),
        created_at: event.envelope.created_at.unix_micros(),
        received_at: event.received_at.unix_micros(),
        payload: serde_json::from_slice(&event.payload).ok()?,
        readings: readings_text(readings),
        lines: lines.collect(),
    };
    serde_json::to_value(document).ok()
}

/// Reads the document.
pub fn read_commit(document: &Value) -> Result<RecordedCommit, StoreError> {
    let cells = Cells::of("recorded_case", Uuid::nil());
    let document: CommitDocument =
        cells.parsed("commit", serde_json::from_value(document.clone()))?;
    let at = cells.time("at", document.at)?;
    let event = ReceivedEvent {
        id: InboxEventId::from_uuid(document.event_id),
        envelope: Envelope {
            provider_event_id: cells.parsed(
                "provider_event_id",
                ProviderRef::parse(&document.provider_event_id),
            )?,
            event_type: document.event_type,
            api_version: document.api_version,
            is_live: document.is_live,
            account: document.account,
            created_at: cells.time("created_at", document.created_at)?,
            // A case is decided by itself, so its lane does not matter.
            subject: None,
        },
        payload: document.payload.to_string().into_bytes(),
        signature: String::new(),
        correlation_id: None,
        delivery: Delivery::default(),
        received_at: cells.time("received_at", document.received_at)?,
    };
    let lines = document.lines.into_iter().map(|line| AuditLine {
        entity_kind: line.entity_kind,
        entity_id: line.entity_id,
        version: line.version,
        at,
        actor: String::new(),
        action: line.action,
        before: line.before,
        after: line.after,
        cause: String::new(),
        reason: None,
        request_id: None,
    });
    Ok(RecordedCommit {
        place: 1,
        at,
        lines: lines.collect(),
        cause: RecordedCause::Event {
            event: Box::new(event),
            readings: read_readings(&cells, document.readings.as_deref())?,
        },
    })
}

impl RebuildStore {
    /// The commit of an event; for one that was not applied what it would be at a time, at a place
    /// behind all others. `None` if there is no such event.
    pub async fn commit_of(
        &self,
        name: &EventName,
        now: Timestamp,
    ) -> Result<Option<RecordedCommit>, StoreError> {
        use provider_event::{Column, Entity};
        let selection = match name {
            EventName::Id(id) => Entity::find_by_id(id.uuid()),
            EventName::Provider(id) => {
                Entity::find().filter(Column::ProviderEventId.eq(id.as_str()))
            }
        };
        let model = selection
            .one(self.live.reads())
            .await
            .map_err(store_error)?;
        let Some(model) = model else { return Ok(None) };
        let statement = Statement::from_sql_and_values(
            self.rebuilt.backend(),
            "SELECT place FROM recorded_order WHERE event_id = $1 AND at = $2",
            [model.id.into(), model.applied_at.into()],
        );
        let row = self.rebuilt.writes().query_one_raw(statement).await;
        let row = row.map_err(store_error)?;
        let place = row.map(|row| row.try_get::<i64>("", "place"));
        let place = place.transpose().map_err(store_error)?;
        if let Some(place) = place.and_then(|place| u64::try_from(place).ok()) {
            let found = self.commits(place.saturating_sub(1), 1).await?;
            return Ok(found.into_iter().next());
        }
        Ok(Some(RecordedCommit {
            place: u64::MAX,
            at: now,
            cause: recorded_event(model)?,
            lines: Vec::new(),
        }))
    }
}
