//! How an account tells the world what happened: an event is kept, and sent to every endpoint and
//! destination that asked for its type.

use crate::json::{Text, Value};

use crate::account::Account;
use crate::events::Event;
use crate::events::thin::{self, Thin};
use crate::faults::Disturbance;
use crate::shape::render::render_event;
use crate::shape::schema;
use crate::shape::version::Version;

impl Account {
    /// Raises an event about an object as it is now.
    pub(crate) fn raise(&mut self, kind: &str, object_id: &str) {
        let object = self.snapshot(object_id);
        self.raise_with(kind, object, None);
    }

    /// Raises an update, unless nothing changed; `before` is the object as it was.
    pub(crate) fn raise_update(&mut self, kind: &str, object_id: &str, before: &Value) {
        let object = self.snapshot(object_id);
        if object != *before {
            self.raise_with(kind, object, Some(before.clone()));
        }
    }

    pub(crate) fn raise_with(&mut self, kind: &str, object: Value, before: Option<Value>) {
        let id = self.ids.next("evt_");
        self.keep_and_send(Event {
            object,
            before,
            ..self.blank_event(id, kind)
        });
    }

    /// Raises an event that exists in the thin form only (`v1.billing.meter.error_report_triggered`),
    /// with the object that it is about, if any, and what `GET /v2/core/events/{id}` tells as `data`.
    pub(crate) fn raise_thin(&mut self, kind: &str, related_id: Option<&str>, data: Value) {
        let related = related_id.map_or(Value::Null, |id| thin::related(self.get(id)));
        let object = related_id.map_or_else(Value::default, |id| self.snapshot(id));
        let id = format!("evt_test_65{}", self.ids.letters(44));
        self.keep_and_send(Event {
            object,
            thin: Some(Box::new(Thin { related, data })),
            ..self.blank_event(id, kind)
        });
    }

    /// Asks a destination, and no other receiver, for a sign of life.
    pub(crate) fn raise_ping(&mut self, destination_id: &str) -> String {
        let destination = self.snapshot(destination_id);
        let id = format!("evt_test_65{}", self.ids.letters(44));
        let related = thin::related(&destination);
        let event = Event {
            object: destination.clone(),
            pending_webhooks: 1,
            thin: Some(Box::new(Thin {
                related,
                data: Value::Null,
            })),
            ..self.blank_event(id.clone(), "v2.core.event_destination.ping")
        };
        let payload = thin::notification(&event);
        self.queue(&destination, &payload, Disturbance::default());
        self.events.push(event);
        id
    }

    pub(crate) fn blank_event(&self, id: String, kind: &str) -> Event {
        Event {
            id: id.into(),
            kind: Text::copied(kind),
            created: self.now,
            raised_at: self.wall,
            object: Value::default(),
            before: None,
            request_id: self.cause.request_id.clone(),
            idempotency_key: self.cause.idempotency_key.clone(),
            pending_webhooks: 0,
            thin: None,
        }
    }

    fn keep_and_send(&mut self, mut event: Event) {
        event.created = self
            .faults
            .lock()
            .expect("no panic under the lock")
            .second_of(&event.kind, event.created);
        let receivers = self.receivers(&event);
        event.pending_webhooks = i64::try_from(receivers.len()).unwrap_or(i64::MAX);
        if let Some(findings) = &mut self.findings
            && event.thin.is_none()
        {
            let has_type = |version: &Version| schema::has_event_type(&event.kind, *version);
            for version in Version::described().filter(has_type) {
                findings.check_elsewhere(&render_event(&event, version), version);
            }
        }
        for receiver in receivers {
            self.send(&event, &receiver);
        }
        self.events.push(event);
    }

    /// The endpoints and destinations that an event goes to, oldest first.
    fn receivers(&self, event: &Event) -> Vec<Value> {
        let endpoints = self.rows("webhook_endpoint").filter(|endpoint| {
            let pinned = endpoint["api_version"].as_str().and_then(Version::parse);
            event.thin.is_none()
                && wants(endpoint, &event.kind)
                && schema::has_event_type(&event.kind, pinned.unwrap_or(self.default_version))
        });
        let destinations = self
            .rows("v2.core.event_destination")
            .filter(|destination| match destination["event_payload"].as_str() {
                Some("thin") => wants(destination, &thin::kind(event)),
                _ => event.thin.is_none() && wants(destination, &event.kind),
            });
        endpoints
            .chain(destinations)
            .filter(|receiver| receiver["status"] == "enabled")
            .filter_map(|receiver| receiver["id"].as_str())
            .map(|id| self.snapshot(id))
            .collect()
    }

    fn queue(&mut self, receiver: &Value, payload: &Value, disturbance: Disturbance) {
        self.outbox.add(
            receiver,
            payload,
            self.deliver_from_ms,
            disturbance,
            self.is_automatic,
        );
    }

    /// Renders the event for the receiver, now and for good, and queues it.
    pub(crate) fn send(&mut self, event: &Event, receiver: &Value) {
        let payload = if receiver["event_payload"] == "thin" {
            thin::notification(event)
        } else {
            let pinned = receiver["api_version"]
                .as_str()
                .or_else(|| receiver["snapshot_api_version"].as_str());
            let version = pinned.and_then(Version::parse);
            render_event(event, version.unwrap_or(self.default_version))
        };
        let disturbance = self
            .faults
            .lock()
            .expect("no panic under the lock")
            .of_event(&event.kind);
        self.queue(receiver, &payload, disturbance);
    }
}

/// `*`, or the type itself: Stripe has no families such as `invoice.*` here.
fn wants(receiver: &Value, kind: &str) -> bool {
    receiver["enabled_events"].as_array().is_some_and(|wanted| {
        wanted
            .iter()
            .any(|pattern| pattern == "*" || pattern == kind)
    })
}
