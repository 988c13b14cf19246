//! A verifier and a decoder for events that a test wrote down: the payload is a key to them.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use crate::deliveries::ports::ListedEvent;
use crate::kernel::text::ProviderRef;
use crate::kernel::timestamp::Timestamp;
use crate::provider_events::event::ProviderEvent;
use crate::provider_events::ports::{
    DecodeError, Envelope, EventDecoder, PayloadScrubber, VerifyError, WebhookVerifier,
};

/// The one signature that is right.
pub const RIGHT_SIGNATURE: &str = "right";

/// One delivery as it would come over the wire.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// The body.
    pub payload: Vec<u8>,
    /// The signature header.
    pub signature: String,
}

#[derive(Debug, Clone)]
struct Registered {
    envelope: Envelope,
    decoded: Result<ProviderEvent, DecodeError>,
}

/// The events of a test; clones share them.
#[derive(Debug, Clone, Default)]
pub struct FakeWebhooks(Arc<Mutex<BTreeMap<String, Registered>>>);

impl FakeWebhooks {
    /// Knows no events.
    pub fn new() -> Self {
        Self::default()
    }

    /// Writes an event down under its provider's id and gives its delivery. The same id again
    /// replaces it.
    pub fn register(
        &self,
        id: &str,
        event_type: &str,
        created_at: Timestamp,
        event: ProviderEvent,
    ) -> Delivery {
        self.insert(id, event_type, created_at, Ok(event))
    }

    /// Writes down an event whose payload cannot be decoded.
    pub fn register_malformed(
        &self,
        id: &str,
        event_type: &str,
        created_at: Timestamp,
        field: &str,
    ) -> Delivery {
        let field = field.to_owned();
        self.insert(id, event_type, created_at, Err(DecodeError { field }))
    }

    /// Says whom an event concerns that was written down before.
    pub fn concern(&self, id: &str, subject: &str) {
        let subject = ProviderRef::parse(subject).expect("a test names subjects as they are named");
        if let Some(event) = self.events().get_mut(id) {
            event.envelope.subject = Some(subject);
        }
    }

    fn insert(
        &self,
        id: &str,
        event_type: &str,
        created_at: Timestamp,
        decoded: Result<ProviderEvent, DecodeError>,
    ) -> Delivery {
        let provider_event_id =
            ProviderRef::parse(id).expect("a test names its events as the provider would");
        let envelope = Envelope {
            provider_event_id,
            event_type: event_type.to_owned(),
            api_version: None,
            is_live: false,
            account: None,
            subject: None,
            created_at,
        };
        let registered = Registered { envelope, decoded };
        self.events().insert(id.to_owned(), registered);
        Delivery {
            payload: id.as_bytes().to_vec(),
            signature: RIGHT_SIGNATURE.to_owned(),
        }
    }

    /// Every event as the provider would list it, the newest first.
    pub fn listed(&self) -> Vec<ListedEvent> {
        let mut listed: Vec<ListedEvent> = self
            .events()
            .iter()
            .map(|(id, registered)| ListedEvent {
                envelope: registered.envelope.clone(),
                payload: id.as_bytes().to_vec(),
            })
            .collect();
        listed.sort_by(|left, right| {
            let key = |event: &ListedEvent| {
                (
                    event.envelope.created_at,
                    event.envelope.provider_event_id.clone(),
                )
            };
            key(right).cmp(&key(left))
        });
        listed
    }

    fn events(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, Registered>> {
        self.0.lock().expect("no holder of this lock panics")
    }

    fn event(&self, payload: &[u8]) -> Option<Registered> {
        // Spaces behind it make it longer and no other event, as they do with JSON.
        let key = std::str::from_utf8(payload.trim_ascii_end()).ok()?;
        self.events().get(key).cloned()
    }
}

impl WebhookVerifier for FakeWebhooks {
    fn verify<'a>(
        &self,
        payload: &'a [u8],
        signature: Option<&'a str>,
        _now: Timestamp,
    ) -> Result<Envelope, VerifyError> {
        match signature {
            None => Err(VerifyError::MissingSignature),
            Some(RIGHT_SIGNATURE) => match self.event(payload) {
                Some(registered) => Ok(registered.envelope),
                None => Err(VerifyError::MalformedEnvelope),
            },
            Some(_) => Err(VerifyError::WrongSignature),
        }
    }
}

impl PayloadScrubber for FakeWebhooks {
    /// There is nothing personal in a key.
    fn scrub(&self, payload: &[u8]) -> Result<Vec<u8>, DecodeError> {
        Ok(payload.to_vec())
    }
}

impl EventDecoder for FakeWebhooks {
    fn decode(&self, _event_type: &str, payload: &[u8]) -> Result<ProviderEvent, DecodeError> {
        match self.event(payload) {
            Some(registered) => registered.decoded,
            None => Ok(ProviderEvent::Irrelevant),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_registered_event_is_verified_and_decoded() {
        let webhooks = FakeWebhooks::new();
        let at = Timestamp::from_unix_seconds(1).unwrap();
        let sent = webhooks.register("evt_1", "invoice.paid", at, ProviderEvent::Irrelevant);
        let envelope = webhooks
            .verify(&sent.payload, Some(&sent.signature), at)
            .unwrap();
        assert_eq!(envelope.event_type, "invoice.paid");
        assert_eq!(
            webhooks.decode("invoice.paid", &sent.payload),
            Ok(ProviderEvent::Irrelevant)
        );
    }

    #[test]
    fn every_other_delivery_is_refused() {
        let webhooks = FakeWebhooks::new();
        let at = Timestamp::from_unix_seconds(1).unwrap();
        let sent = webhooks.register_malformed("evt_1", "invoice.paid", at, "data.object");
        assert!(webhooks.decode("invoice.paid", &sent.payload).is_err());
        for (payload, signature, error) in [
            (b"evt_1", None, VerifyError::MissingSignature),
            (b"evt_1", Some("wrong"), VerifyError::WrongSignature),
            (
                b"evt_2",
                Some(RIGHT_SIGNATURE),
                VerifyError::MalformedEnvelope,
            ),
        ] {
            assert_eq!(webhooks.verify(payload, signature, at), Err(error));
        }
    }
}
