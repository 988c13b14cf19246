//! Thin events: a change told by its name, its time and the address of what changed, in a shape that
//! no API version alters. Every event of a v1 resource has one, made when somebody asks for it.

use crate::json::{Map, Value, json};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::events::Event;
use crate::shape::render::{changes, render};
use crate::shape::version::Version;

const PREFIX: &str = "evt_test_65";
/// How many characters of a snapshot event's id are its own: `evt_1` and these.
const OWN_CHARS: usize = 23;

/// What an event is about that exists in the thin form only.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Thin {
    /// The `related_object`; null if there is none.
    pub(crate) related: Value,
    /// What only a retrieved event tells; null if nothing.
    pub(crate) data: Value,
}

/// The type of an event in the thin form: `v1.` before the names of v1 resources.
pub(crate) fn kind(event: &Event) -> String {
    match event.thin {
        Some(_) => event.kind.to_string(),
        None => format!("v1.{}", event.kind),
    }
}

/// The id of the thin form; that of a snapshot event can be led back to it.
pub(crate) fn id(event: &Event) -> String {
    match event.thin {
        Some(_) => event.id.to_string(),
        None => {
            let own = event.id.trim_start_matches("evt_1");
            let digest = hex::encode_upper(Sha256::digest(event.id.as_bytes()));
            format!("{PREFIX}{own}{}", digest.get(..21).unwrap_or_default())
        }
    }
}

/// The id of the snapshot event that a thin id belongs to, if it has that form.
pub(crate) fn snapshot_id(thin_id: &str) -> Option<String> {
    let own = thin_id.strip_prefix(PREFIX)?.get(..OWN_CHARS)?;
    Some(format!("evt_1{own}"))
}

/// What a destination is sent.
pub(crate) fn notification(event: &Event) -> Value {
    let mut body = Map::new();
    body.insert("id".into(), json!(id(event)));
    body.insert("object".into(), json!("v2.core.event"));
    body.insert("created".into(), json!(moment(event.created)));
    body.insert("livemode".into(), json!(false));
    if let Some(request) = &event.request_id {
        // The key is a text in every SDK's type; without one Stripe's is empty.
        let key = event.idempotency_key.clone().unwrap_or_default();
        let request = json!({ "id": request, "idempotency_key": key });
        body.insert(
            "reason".into(),
            json!({ "type": "request", "request": request }),
        );
    }
    let related = match &event.thin {
        Some(thin) => thin.related.clone(),
        None => related(&event.object),
    };
    if !related.is_null() {
        body.insert("related_object".into(), related);
    }
    if event.thin.is_none() {
        body.insert("snapshot_event".into(), json!(event.id));
    }
    body.insert("type".into(), json!(kind(event)));
    Value::Object(body)
}

/// What `GET /v2/core/events/{id}` answers: the notification, and what changed.
pub(crate) fn retrieved(event: &Event) -> Value {
    let mut body = notification(event);
    match &event.thin {
        Some(thin) if !thin.data.is_null() => body["data"] = thin.data.clone(),
        Some(_) => {}
        None => {
            if let Some(before) = &event.before {
                let newest = Version::newest();
                let (old, new) = (render(before, newest), render(&event.object, newest));
                body["changes"] =
                    json!({ "before": changes(&old, &new), "after": changes(&new, &old) });
            }
        }
    }
    body
}

/// Names an object and its address. An object without an id is reached by its owner.
pub(crate) fn related(object: &Value) -> Value {
    let kind = object["object"].as_str().unwrap_or_default();
    let customer = object["customer"].as_str().unwrap_or_default();
    match (kind, object["id"].as_str()) {
        ("", _) => Value::Null,
        ("discount", _) => {
            let url = match object["subscription"].as_str() {
                Some(subscription) => format!("/v1/subscriptions/{subscription}/discount"),
                None => format!("/v1/customers/{customer}/discount"),
            };
            json!({ "type": kind, "url": url })
        }
        ("entitlements.active_entitlement_summary", _) => {
            let url = format!("/v1/entitlements/active_entitlements?customer={customer}");
            json!({ "type": kind, "url": url })
        }
        ("tax_id", Some(id)) if !customer.is_empty() => {
            json!({ "id": id, "type": kind, "url": format!("/v1/customers/{customer}/tax_ids/{id}") })
        }
        (_, Some(id)) => {
            json!({ "id": id, "type": kind, "url": format!("{}/{id}", collection(kind)) })
        }
        _ => Value::Null,
    }
}

/// `/v1/checkout/sessions` for `checkout.session`.
fn collection(kind: &str) -> String {
    match kind.strip_prefix("v2.") {
        Some(rest) => format!("/v2/{}s", rest.replace('.', "/")),
        None => format!("/v1/{}s", kind.replace('.', "/")),
    }
}

/// A second since 1970 as API v2 writes times.
pub(crate) fn moment(unix: i64) -> String {
    let Ok(at) = time::OffsetDateTime::from_unix_timestamp(unix) else {
        return "1970-01-01T00:00:00.000Z".into();
    };
    let (hour, minute, second) = at.time().as_hms();
    format!("{}T{hour:02}:{minute:02}:{second:02}.000Z", at.date())
}

/// The second since 1970 of a time as API v2 writes it; parts of a second are dropped.
pub(crate) fn unix(moment: &str) -> Option<i64> {
    use time::format_description::well_known::Rfc3339;
    time::OffsetDateTime::parse(moment, &Rfc3339)
        .ok()
        .map(time::OffsetDateTime::unix_timestamp)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event() -> Event {
        Event {
            id: "evt_1ABCDEFGHIJKLMNOPQRSTUVW".into(),
            kind: "customer.created".into(),
            created: 1_790_000_000,
            raised_at: 1_790_000_000,
            object: json!({ "id": "cus_1", "object": "customer" }),
            before: None,
            request_id: None,
            idempotency_key: None,
            pending_webhooks: 0,
            thin: None,
        }
    }

    #[test]
    fn a_thin_id_leads_back_to_its_snapshot_event() {
        let thin = id(&event());
        assert_eq!(thin.len(), "evt_test_65".len() + 44);
        assert_eq!(snapshot_id(&thin), Some(event().id.to_string()));
        assert_eq!(snapshot_id("evt_1x"), None);
    }

    #[test]
    fn a_notification_names_the_object_and_where_it_is() {
        let told = notification(&event());
        assert_eq!(told["type"], "v1.customer.created");
        assert_eq!(told["created"], "2026-09-21T14:13:20.000Z");
        assert_eq!(
            told["related_object"],
            json!({ "id": "cus_1", "type": "customer", "url": "/v1/customers/cus_1" })
        );
        let session = related(&json!({ "id": "cs_1", "object": "checkout.session" }));
        assert_eq!(session["url"], "/v1/checkout/sessions/cs_1");
    }

    #[test]
    fn moments_are_read_as_they_are_written() {
        assert_eq!(unix(&moment(1_790_000_000)), Some(1_790_000_000));
        assert_eq!(unix("2026-09-21T14:13:20Z"), Some(1_790_000_000));
        assert_eq!(unix("yesterday"), None);
    }
}
