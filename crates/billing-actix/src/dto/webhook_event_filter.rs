//! How operators say which stored events they mean.

use billing_domain::kernel::id::UserId;
use billing_domain::kernel::text::{ProviderRef, Reason};
use billing_domain::kernel::timestamp::Timestamp;
use billing_domain::provider_events::event_filter::{EventFilter, TimeRange, TypeFilter};
use billing_domain::provider_events::replay_provider_events::{
    InvalidReplayOrder, REPLAYED_DEFAULT, ReplayOrder,
};
use billing_domain::provider_events::stored_event::EventStatus;
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};
use validator::Validate;

use super::fields::Fields;
use crate::problem::Problem;

/// Which events a list shows.
#[derive(Debug, Deserialize, Validate, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct EventQuery {
    /// One or several with commas: `received`, `processing`, `failed`, `skipped`, `parked`,
    /// `deferred`, `processed`, `discarded`.
    status: Option<String>,
    /// `invoice.paid`, or a family: `invoice.*`.
    #[serde(rename = "type")]
    #[param(rename = "type")]
    event_type: Option<String>,
    /// Stripe's id of the event.
    event_id: Option<String>,
    /// A user's id: events that changed a sale or a subscription of theirs.
    owner: Option<String>,
    /// RFC 3339; included.
    received_from: Option<String>,
    /// RFC 3339; not included.
    received_until: Option<String>,
    /// When Stripe made it, RFC 3339; included.
    created_from: Option<String>,
    /// When Stripe made it, RFC 3339; not included.
    created_until: Option<String>,
}

impl EventQuery {
    /// Parses every part.
    pub(crate) fn into_filter(self) -> Result<EventFilter, Problem> {
        let mut fields = Fields::of(&self);
        let names = self.status.as_deref().unwrap_or_default();
        let names = names.split(',').map(str::trim).filter(|n| !n.is_empty());
        let body = EventFilterBody {
            status: names.map(ToOwned::to_owned).collect(),
            event_type: self.event_type,
            event_id: self.event_id,
            owner: self.owner,
            received_from: self.received_from,
            received_until: self.received_until,
            created_from: self.created_from,
            created_until: self.created_until,
        };
        let filter = body.parse(&mut fields);
        fields.finish(Some(filter))
    }
}

/// Which events are meant; everything that is not said may be anything.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[schema(as = WebhookEventFilter)]
#[serde(deny_unknown_fields)]
pub(crate) struct EventFilterBody {
    /// For a replay `parked`, `failed`, `skipped` or `discarded`, and at least one of them.
    #[serde(default)]
    status: Vec<String>,
    /// `invoice.paid`, or a family: `invoice.*`.
    #[serde(rename = "type")]
    event_type: Option<String>,
    /// Stripe's id of the event.
    event_id: Option<String>,
    /// A user's id: events that changed a sale or a subscription of theirs.
    owner: Option<String>,
    /// RFC 3339; included.
    received_from: Option<String>,
    /// RFC 3339; not included.
    received_until: Option<String>,
    /// When Stripe made it, RFC 3339; included.
    created_from: Option<String>,
    /// When Stripe made it, RFC 3339; not included.
    created_until: Option<String>,
}

impl EventFilterBody {
    fn parse(self, fields: &mut Fields) -> EventFilter {
        let Self {
            status,
            event_type,
            event_id,
            owner,
            received_from,
            received_until,
            created_from,
            created_until,
        } = self;
        let mut statuses = Vec::new();
        for name in status {
            match EventStatus::parse(&name) {
                Some(status) => statuses.push(status),
                None => fields.refuse("status", "invalid_format", unknown_status(&name)),
            }
        }
        let event_type = event_type
            .and_then(|text| fields.parse("type", "invalid_format", TypeFilter::parse(&text)));
        let provider_event_id = event_id
            .and_then(|text| fields.parse("event_id", "invalid_format", ProviderRef::parse(&text)));
        let owner =
            owner.and_then(|text| fields.parse("owner", "invalid_format", UserId::parse(&text)));
        let mut time = |name: &str, text: Option<String>| {
            text.and_then(|text| fields.parse(name, "invalid_format", Timestamp::parse(&text)))
        };
        EventFilter {
            statuses,
            event_type,
            provider_event_id,
            owner,
            received: TimeRange {
                from: time("received_from", received_from),
                until: time("received_until", received_until),
            },
            created: TimeRange {
                from: time("created_from", created_from),
                until: time("created_until", created_until),
            },
        }
    }
}

fn unknown_status(name: &str) -> String {
    let known = EventStatus::ALL.map(|status| status.name()).join(", ");
    format!("`{name}` is no status; there are {known}")
}

/// Why one event is replayed.
#[derive(Debug, Default, Deserialize, Validate, ToSchema)]
#[schema(as = WebhookEventReplay)]
#[serde(deny_unknown_fields)]
pub(crate) struct ReplayEventBody {
    /// For the audit trail.
    #[schema(max_length = 500)]
    reason: Option<String>,
}

impl ReplayEventBody {
    /// Parses every field.
    pub(crate) fn into_reason(self) -> Result<Option<Reason>, Problem> {
        let mut fields = Fields::of(&self);
        let reason = self
            .reason
            .and_then(|text| fields.parse("reason", "invalid_format", Reason::parse(&text)));
        fields.finish(Some(reason))
    }
}

/// Why an event is discarded.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[schema(as = WebhookEventDiscard)]
#[serde(deny_unknown_fields)]
pub(crate) struct DiscardEventBody {
    /// Shown with the event and kept in the audit trail.
    #[schema(max_length = 500)]
    reason: String,
}

impl DiscardEventBody {
    /// Parses every field.
    pub(crate) fn into_reason(self) -> Result<Reason, Problem> {
        let mut fields = Fields::of(&self);
        let reason = fields.parse("reason", "invalid_format", Reason::parse(&self.reason));
        fields.finish(reason)
    }
}

/// Which events are replayed.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[schema(as = WebhookEventsReplay)]
#[serde(deny_unknown_fields)]
pub(crate) struct ReplayEventsBody {
    /// Which.
    filter: EventFilterBody,
    /// Whether to count and show only; nothing is changed.
    #[serde(default)]
    dry_run: bool,
    /// At most so many in one call, the first received first; 1 to 500, 100 if absent.
    #[schema(minimum = 1, maximum = 500)]
    limit: Option<u16>,
    /// For the audit trail.
    #[schema(max_length = 500)]
    reason: Option<String>,
}

impl ReplayEventsBody {
    /// Parses every field.
    pub(crate) fn into_order(self) -> Result<ReplayOrder, Problem> {
        let mut fields = Fields::of(&self);
        let reason = self
            .reason
            .and_then(|text| fields.parse("reason", "invalid_format", Reason::parse(&text)));
        let filter = self.filter.parse(&mut fields);
        let limit = self.limit.unwrap_or(REPLAYED_DEFAULT);
        let order = ReplayOrder::try_new(filter, reason, limit, self.dry_run);
        let order = order.map_err(|error| {
            let (field, code) = match error {
                InvalidReplayOrder::NoStatus | InvalidReplayOrder::NotReplayable(_) => {
                    ("filter.status", "invalid_format")
                }
                InvalidReplayOrder::Limit => ("limit", "range_exceeded"),
            };
            fields.refuse(field, code, error);
        });
        fields.finish(order.ok())
    }
}
