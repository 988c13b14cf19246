//! Stored events on the wire and on the command line.

use billing_domain::kernel::audit::AuditLine;
use billing_domain::kernel::page::Page;
use billing_domain::provider_events::delivery::Delivery;
use billing_domain::provider_events::ports::{Envelope, EventRecord, InboxDepth};
use billing_domain::provider_events::replay_provider_events::ReplayReport;
use billing_domain::provider_events::stored_event::{AttemptOutcome, EventState, StoredEvent};
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

/// One event, without its payload.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = WebhookEvent)]
pub(crate) struct EventBody {
    /// `whe_` and 32 digits.
    id: String,
    /// Stripe's id.
    event_id: String,
    #[serde(rename = "type")]
    event_type: String,
    api_version: Option<String>,
    is_live: bool,
    /// The connected account, if any.
    account: Option<String>,
    /// `received`, `processing`, `failed`, `skipped`, `parked`, `deferred`, `processed` or
    /// `discarded`.
    status: &'static str,
    /// Why the event rests where it is.
    reason: Option<String>,
    /// How often a worker took it, since it came or was last replayed.
    attempts: u32,
    /// When a failed event is due again.
    next_attempt_at: Option<String>,
    /// Until when a worker may have it.
    leased_until: Option<String>,
    /// When it reached its status.
    settled_at: Option<String>,
    /// When Stripe made it.
    created_at: String,
    received_at: String,
    /// The id of the request that delivered it, under which the log knows it.
    request_id: Option<String>,
}

impl From<&StoredEvent> for EventBody {
    fn from(event: &StoredEvent) -> Self {
        let StoredEvent {
            id,
            envelope,
            correlation_id,
            received_at,
            attempts,
            state,
        } = event;
        let Envelope {
            provider_event_id,
            event_type,
            api_version,
            is_live,
            account,
            subject: _,
            created_at,
        } = envelope;
        let (settled_at, next_attempt_at, leased_until) = match state {
            EventState::Received => (None, None, None),
            EventState::Processing { leased_until } => (None, None, Some(leased_until)),
            EventState::Failed {
                at,
                error: _,
                next_attempt_at,
            } => (Some(at), Some(next_attempt_at), None),
            EventState::Skipped { at, reason: _ }
            | EventState::Parked { at, reason: _ }
            | EventState::Discarded { at, reason: _ }
            | EventState::Deferred { at }
            | EventState::Processed { at } => (Some(at), None, None),
        };
        Self {
            id: id.to_string(),
            event_id: provider_event_id.to_string(),
            event_type: event_type.clone(),
            api_version: api_version.clone(),
            is_live: *is_live,
            account: account.clone(),
            status: state.status().name(),
            reason: state.reason().map(ToOwned::to_owned),
            attempts: *attempts,
            next_attempt_at: next_attempt_at.map(ToString::to_string),
            leased_until: leased_until.map(ToString::to_string),
            settled_at: settled_at.map(ToString::to_string),
            created_at: created_at.to_string(),
            received_at: received_at.to_string(),
            request_id: correlation_id.clone(),
        }
    }
}

/// One page of events, the last received first.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct EventPageBody {
    items: Vec<EventBody>,
    /// Where the next page begins; absent on the last.
    next: Option<String>,
}

impl From<Page<StoredEvent>> for EventPageBody {
    fn from(page: Page<StoredEvent>) -> Self {
        let Page { items, next } = page;
        Self {
            items: items.iter().map(EventBody::from).collect(),
            next,
        }
    }
}

/// How one attempt ended.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = WebhookEventAttempt)]
pub(crate) struct AttemptBody {
    at: String,
    /// `failed`, `parked`, `skipped` or `processed`.
    outcome: &'static str,
    error: Option<String>,
}

/// A change that the event caused, or a decision about it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AuditEntry)]
pub(crate) struct AuditBody {
    at: String,
    actor: String,
    action: String,
    entity_kind: String,
    /// A UUID.
    entity_id: String,
    version: u32,
    state_before: Option<String>,
    state_after: String,
    cause: String,
    /// What an operator said about why.
    reason: Option<String>,
    /// The id of the request in which somebody asked for it, under which the log knows it.
    request_id: Option<String>,
}

impl From<AuditLine> for AuditBody {
    fn from(line: AuditLine) -> Self {
        let AuditLine {
            entity_kind,
            entity_id,
            version,
            at,
            actor,
            action,
            before,
            after,
            cause,
            reason,
            request_id,
        } = line;
        Self {
            at: at.to_string(),
            actor,
            action,
            entity_kind,
            entity_id: entity_id.to_string(),
            version,
            state_before: before,
            state_after: after,
            cause,
            reason,
            request_id,
        }
    }
}

/// One event with all that is known of it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = WebhookEventRecord)]
pub(crate) struct EventRecordBody {
    #[serde(flatten)]
    event: EventBody,
    /// The headers that were kept, and never a credential; of one that came twice, the values are
    /// joined by a comma. Bytes that are no text are escaped.
    #[schema(value_type = Object)]
    headers: Map<String, Value>,
    /// The peer that delivered it: the last proxy, if there is one. Absent for an event that a scan
    /// found, and once the event was scrubbed.
    remote_address: Option<String>,
    /// Each attempt whose end is known, oldest first.
    attempt_history: Vec<AttemptBody>,
    /// `delivery`, or `scan` for an event that never came and was found in Stripe's list; nobody
    /// signed that one.
    origin: &'static str,
    /// What the event changed.
    effects: Vec<AuditBody>,
    /// What operators decided about it.
    decisions: Vec<AuditBody>,
    /// What Stripe sent; a text if it is not JSON.
    #[schema(value_type = Object)]
    payload: Value,
}

impl From<EventRecord> for EventRecordBody {
    fn from(record: EventRecord) -> Self {
        let is_found = record.is_found_by_scan();
        let EventRecord {
            event,
            payload,
            signature,
            delivery,
            attempts,
            effects,
            decisions,
        } = record;
        let attempt = |attempt: AttemptOutcome| {
            let AttemptOutcome { at, status, error } = attempt;
            AttemptBody {
                at: at.to_string(),
                outcome: status.name(),
                error,
            }
        };
        Self {
            event: EventBody::from(&event),
            headers: kept_headers(signature, &delivery),
            remote_address: delivery.remote_address().map(|address| address.to_string()),
            origin: if is_found { "scan" } else { "delivery" },
            attempt_history: attempts.into_iter().map(attempt).collect(),
            effects: effects.into_iter().map(AuditBody::from).collect(),
            decisions: decisions.into_iter().map(AuditBody::from).collect(),
            payload: serde_json::from_slice(&payload)
                .unwrap_or_else(|_| String::from_utf8_lossy(&payload).into_owned().into()),
        }
    }
}

/// By name; values of one name are joined as RFC 9110, section 5.3, has it.
fn kept_headers(signature: String, delivery: &Delivery) -> Map<String, Value> {
    let mut kept: Map<String, Value> = Map::new();
    if !signature.is_empty() {
        kept.insert("Stripe-Signature".to_owned(), signature.into());
    }
    for (name, value) in delivery.headers() {
        let known = kept.get(name).and_then(Value::as_str);
        let value = known.map_or_else(|| value.clone(), |known| format!("{known}, {value}"));
        kept.insert(name.clone(), value.into());
    }
    kept
}

/// How full the inbox is.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = WebhookEventSummary)]
pub(crate) struct DepthBody {
    /// By status, but for `processed`, whose number only grows.
    #[schema(value_type = Object)]
    counts: Map<String, Value>,
    /// When the oldest event came that shall be applied and is not.
    oldest_unapplied_at: Option<String>,
}

impl From<InboxDepth> for DepthBody {
    fn from(depth: InboxDepth) -> Self {
        let InboxDepth {
            counts,
            oldest_unapplied_at,
        } = depth;
        let counts = counts.into_iter();
        Self {
            counts: counts
                .map(|(status, count)| (status.name().to_owned(), count.into()))
                .collect(),
            oldest_unapplied_at: oldest_unapplied_at.map(|at| at.to_string()),
        }
    }
}

/// What was replayed, or would have been.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = WebhookEventsReplayed)]
pub(crate) struct ReplayReportBody {
    /// Whether nothing was changed.
    dry_run: bool,
    /// How many events matched before, counted up to 10 000.
    matched: u32,
    /// How many are due now; in a dry run, how many would be.
    replayed: u32,
    /// How many matched and wait for another call.
    left: u32,
    /// The first of them, as they were before.
    examples: Vec<EventBody>,
}

impl From<&ReplayReport> for ReplayReportBody {
    fn from(report: &ReplayReport) -> Self {
        let left = report.left_count();
        let ReplayReport {
            is_rehearsal,
            matched_count,
            replayed_count,
            examples,
        } = report;
        Self {
            dry_run: *is_rehearsal,
            matched: *matched_count,
            replayed: *replayed_count,
            left,
            examples: examples.iter().map(EventBody::from).collect(),
        }
    }
}

/// A list's event as the list route shows it.
pub fn webhook_event_json(event: &StoredEvent) -> Value {
    json(&EventBody::from(event))
}

/// An event in full as its route shows it.
pub fn webhook_event_record_json(record: EventRecord) -> Value {
    json(&EventRecordBody::from(record))
}

/// The depth of the inbox as its route shows it.
pub fn webhook_events_summary_json(depth: InboxDepth) -> Value {
    json(&DepthBody::from(depth))
}

/// A replay's report as its route shows it.
pub fn webhook_events_replayed_json(report: &ReplayReport) -> Value {
    json(&ReplayReportBody::from(report))
}

fn json(body: &impl Serialize) -> Value {
    serde_json::to_value(body).expect("answers are maps with text keys")
}
