//! The envelope of a verified event, snapshot or thin, and whom it concerns; nothing else below it is
//! read here.

use billing_domain::kernel::text::ProviderRef;
use billing_domain::kernel::timestamp::Timestamp;
use billing_domain::provider_events::ports::Envelope;
use serde_json_borrow::Value;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::fields::{Fields, ReadError, member};

/// Longer than any type, version or account that Stripe has.
const WORD_BYTES_MAX: usize = 200;

/// Reads the envelope; `None` where the body is not an event.
pub(crate) fn read_envelope(payload: &[u8]) -> Option<Envelope> {
    let value: Value<'_> = serde_json::from_slice(payload).ok()?;
    envelope(&value).ok()
}

fn envelope(value: &Value<'_>) -> Result<Envelope, ReadError> {
    let event = Fields::root(value)?;
    let id = event.needed("id", event.text("id")?)?;
    let id = ProviderRef::parse(id).map_err(|_| event.malformed("id"))?;
    Ok(Envelope {
        subject: Some(subject(value).unwrap_or_else(|| id.clone())),
        provider_event_id: id,
        event_type: event.needed("type", word(&event, "type")?)?,
        api_version: word(&event, "api_version")?,
        is_live: event.needed("livemode", event.flag("livemode")?)?,
        account: word(&event, "account")?,
        created_at: created_at(&event)?,
    })
}

/// Whom the event concerns: the customer that its object names, else the object. Whatever cannot be
/// read is passed over, since only the order of application hangs on it.
fn subject(event: &Value<'_>) -> Option<ProviderRef> {
    let event = event.as_object()?;
    let data = member(event, "data").and_then(Value::as_object);
    let snapshot = data.and_then(|data| member(data, "object"));
    let thin = member(event, "related_object");
    let object = snapshot.or(thin)?.as_object()?;
    // A customer's own events follow those that name it.
    let named = [member(object, "customer"), member(object, "id")];
    named.into_iter().flatten().find_map(reference)
}

/// An id, also where the object stands expanded in its place.
fn reference(value: &Value<'_>) -> Option<ProviderRef> {
    let expanded = || member(value.as_object()?, "id")?.as_str();
    let id = value.as_str().or_else(expanded)?;
    let is_word = id.len() <= WORD_BYTES_MAX && id.bytes().all(|byte| byte.is_ascii_graphic());
    ProviderRef::parse(id).ok().filter(|_| is_word)
}

/// A short text of visible characters, as all of Stripe's names are. Anything else is refused here,
/// because not every store can keep it (PostgreSQL has no NUL in a text) and a delivery that cannot
/// be stored would be asked for again and again.
fn word(event: &Fields<'_>, key: &str) -> Result<Option<String>, ReadError> {
    let Some(text) = event.text(key)? else {
        return Ok(None);
    };
    let is_word = (1..=WORD_BYTES_MAX).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_graphic());
    if is_word {
        Ok(Some(text.to_owned()))
    } else {
        Err(event.malformed(key))
    }
}

/// Seconds in a snapshot event, RFC 3339 in a thin one: cut to the second, so that both forms of one
/// event are of the same time.
fn created_at(event: &Fields<'_>) -> Result<Timestamp, ReadError> {
    if let Ok(Some(at)) = event.time("created") {
        return Ok(at);
    }
    let text = event.needed("created", event.text("created")?)?;
    let at = OffsetDateTime::parse(text, &Rfc3339).map_err(|_| event.malformed("created"))?;
    Timestamp::from_unix_seconds(at.unix_timestamp()).map_err(|_| event.malformed("created"))
}
