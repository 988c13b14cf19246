//! The envelope of a verified event, snapshot or thin; nothing below it is read here.

use billing_domain::kernel::text::ProviderRef;
use billing_domain::kernel::timestamp::Timestamp;
use billing_domain::provider_events::ports::Envelope;
use serde_json::Value;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::fields::{Fields, ReadError};

/// Longer than any type that Stripe has.
const TYPE_BYTES_MAX: usize = 200;

/// Reads the envelope; `None` where the body is not an event.
pub(super) fn read_envelope(payload: &[u8]) -> Option<Envelope> {
    let value: Value = serde_json::from_slice(payload).ok()?;
    envelope(&value).ok()
}

fn envelope(value: &Value) -> Result<Envelope, ReadError> {
    let event = Fields::root(value)?;
    let event_type = event.needed("type", event.text("type")?)?;
    if event_type.is_empty() || event_type.len() > TYPE_BYTES_MAX {
        return Err(event.malformed("type"));
    }
    let id = event.needed("id", event.text("id")?)?;
    Ok(Envelope {
        provider_event_id: ProviderRef::parse(id).map_err(|_| event.malformed("id"))?,
        event_type: event_type.to_owned(),
        api_version: event.text("api_version")?.map(str::to_owned),
        is_live: event.needed("livemode", event.flag("livemode")?)?,
        account: event.text("account")?.map(str::to_owned),
        created_at: created_at(&event)?,
    })
}

/// Seconds in a snapshot event, RFC 3339 in a thin one.
fn created_at(event: &Fields<'_>) -> Result<Timestamp, ReadError> {
    if let Ok(Some(at)) = event.time("created") {
        return Ok(at);
    }
    let text = event.needed("created", event.text("created")?)?;
    OffsetDateTime::parse(text, &Rfc3339)
        .map(Timestamp::from_datetime)
        .map_err(|_| event.malformed("created"))
}
