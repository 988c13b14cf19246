//! Reduces payloads to facts: what is not known to be one is dropped, so that a field which Stripe
//! adds tomorrow is not kept by accident.

use billing_domain::provider_events::ports::{DecodeError, PayloadScrubber};
use serde_json::{Map, Value};

use crate::objects::{CUSTOMER_KEY, INTENT_KEY, REQUEST_KEY, USER_KEY};

/// Scrubs payloads of any version; it keeps nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct StripePayloadScrubber;

/// The envelope and what every object has.
const EVERYWHERE: [&str; 17] = [
    "id",
    "object",
    "type",
    "created",
    "livemode",
    "api_version",
    "account",
    "context",
    "data",
    "previous_attributes",
    "related_object",
    "pending_webhooks",
    "deleted",
    "active",
    "status",
    "mode",
    "has_more",
];

/// Which objects belong together.
const LINKS: [&str; 24] = [
    "customer",
    "subscription",
    "subscription_details",
    "subscription_item",
    "subscription_item_details",
    "subscription_schedule",
    "schedule",
    "invoice",
    "invoice_item_details",
    "latest_invoice",
    "payment_intent",
    "setup_intent",
    "payment_method",
    "payment",
    "payments",
    "charge",
    "latest_charge",
    "refunds",
    "dispute",
    "price",
    "product",
    "plan",
    "parent",
    "lines",
];

/// How much, of what.
const AMOUNTS: [&str; 27] = [
    "amount",
    "amount_due",
    "amount_paid",
    "amount_received",
    "amount_refunded",
    "amount_remaining",
    "amount_subtotal",
    "amount_total",
    "billing_scheme",
    "currency",
    "interval",
    "interval_count",
    "items",
    "lookup_key",
    "price_details",
    "pricing",
    "proration",
    "quantity",
    "recurring",
    "subtotal",
    "total",
    "total_count",
    "transform_quantity",
    "unit_amount",
    "unit_amount_decimal",
    "usage_type",
    "refunded",
];

/// What became of it.
const STATES: [&str; 22] = [
    "attempt_count",
    "attempted",
    "billing_reason",
    "cancel_at_period_end",
    "cancellation_reason",
    "captured",
    "code",
    "collection_method",
    "decline_code",
    "disputed",
    "evidence_details",
    "failure_code",
    "failure_reason",
    "last_payment_error",
    "number",
    "paid",
    "pause_collection",
    "payment_status",
    "pending_update",
    "reason",
    "status_transitions",
    "trial",
];

/// When.
const TIMES: [&str; 24] = [
    "billing_cycle_anchor",
    "cancel_at",
    "canceled_at",
    "current_period_end",
    "current_period_start",
    "due_by",
    "due_date",
    "effective_at",
    "end",
    "ended_at",
    "expires_at",
    "finalized_at",
    "marked_uncollectible_at",
    "next_payment_attempt",
    "paid_at",
    "period",
    "period_end",
    "period_start",
    "start",
    "start_date",
    "trial_end",
    "trial_period_days",
    "trial_start",
    "voided_at",
];

/// Our own keys that name nobody.
const METADATA: [&str; 4] = [INTENT_KEY, REQUEST_KEY, CUSTOMER_KEY, USER_KEY];

fn is_fact(key: &str) -> bool {
    let lists: [&[&str]; 5] = [&EVERYWHERE, &LINKS, &AMOUNTS, &STATES, &TIMES];
    lists.iter().any(|list| list.contains(&key))
}

fn reduce(value: Value) -> Value {
    match value {
        Value::Object(fields) => Value::Object(reduce_fields(fields)),
        Value::Array(elements) => Value::Array(elements.into_iter().map(reduce).collect()),
        scalar @ (Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_)) => scalar,
    }
}

fn reduce_fields(fields: Map<String, Value>) -> Map<String, Value> {
    let mut facts = Map::new();
    for (key, value) in fields {
        if key == "metadata" {
            facts.insert(key, reduce_metadata(value));
        } else if key == "email" {
            // An absent key would be asked for; an empty one says that nothing is kept.
            facts.insert(key, Value::Null);
        } else if is_fact(&key) {
            facts.insert(key, reduce(value));
        }
    }
    facts
}

/// That there is metadata is a fact as well.
fn reduce_metadata(metadata: Value) -> Value {
    let Value::Object(mut fields) = metadata else {
        return Value::Null;
    };
    fields.retain(|key, _| METADATA.contains(&key.as_str()));
    Value::Object(fields)
}

impl PayloadScrubber for StripePayloadScrubber {
    fn scrub(&self, payload: &[u8]) -> Result<Vec<u8>, DecodeError> {
        let malformed = || DecodeError {
            field: "body".to_owned(),
        };
        let value: Value = serde_json::from_slice(payload).map_err(|_| malformed())?;
        serde_json::to_vec(&reduce(value)).map_err(|_| malformed())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_not_known_to_be_a_fact_is_dropped() {
        let payload = json!({
            "id": "evt_1", "type": "checkout.session.completed", "api_version": "2025-08-27.basil",
            "data": { "object": {
                "id": "cs_1", "object": "checkout.session", "status": "complete",
                "customer": { "id": "cus_1", "email": "ada@acme.example", "name": "Ada" },
                "customer_details": { "email": "ada@acme.example", "address": { "city": "London" } },
                "client_secret": "cs_1_secret", "url": "https://pay.example/c/cs_1#secret",
                "amount_total": 12000, "subscription": null,
                "metadata": { "checkout_intent_id": "chk_1", "enterprise_name": "Acme", "note": "call Ada" },
                "a_field_of_tomorrow": "Ada Lovelace",
            }},
        });
        let scrubbed = StripePayloadScrubber
            .scrub(payload.to_string().as_bytes())
            .unwrap();
        let scrubbed: Value = serde_json::from_slice(&scrubbed).unwrap();
        assert_eq!(
            scrubbed,
            json!({
                "id": "evt_1", "type": "checkout.session.completed", "api_version": "2025-08-27.basil",
                "data": { "object": {
                    "id": "cs_1", "object": "checkout.session", "status": "complete",
                    "customer": { "id": "cus_1", "email": null },
                    "amount_total": 12000, "subscription": null,
                    "metadata": { "checkout_intent_id": "chk_1" },
                }},
            })
        );
    }

    #[test]
    fn scrubbing_twice_is_scrubbing_once() {
        let payload = br#"{"id":"evt_1","name":"Ada","data":{"object":{"id":"in_1","lines":{"data":[{"type":"x","name":"Ada"}]}}}}"#;
        let once = StripePayloadScrubber.scrub(payload).unwrap();
        assert_eq!(StripePayloadScrubber.scrub(&once).unwrap(), once);
        assert!(!String::from_utf8_lossy(&once).contains("Ada"));
        assert!(StripePayloadScrubber.scrub(b"no json").is_err());
    }
}
