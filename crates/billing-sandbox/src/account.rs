//! One Stripe account of the sandbox: its objects, its events, what is due, and its remembered answers.
//! Everything in here happens under one lock and never waits.

use std::collections::{BTreeMap, HashMap, VecDeque};

use serde_json::{Value, json};

use crate::deliveries::Outbox;
use crate::http::error::StripeError;
use crate::http::idempotency::Remembered;
use crate::ids::Ids;
use crate::shape::version::Version;

/// How many events are kept; Stripe keeps them for 30 days.
const EVENTS_MAX: usize = 10_000;

/// How many idempotency keys are remembered; Stripe forgets them after 24 hours.
const KEYS_MAX: usize = 10_000;

/// Something that happens by itself when its time comes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum DueAction {
    ExpireSession(String),
    EndSubscription(String),
}

/// The request that causes what happens next; both absent when the clock does.
#[derive(Debug, Clone, Default)]
pub(crate) struct Cause {
    pub(crate) request_id: Option<String>,
    pub(crate) idempotency_key: Option<String>,
}

#[derive(Debug)]
pub(crate) struct Account {
    pub(crate) id: String,
    /// What the hosted pages' addresses begin with.
    pub(crate) public_url: String,
    pub(crate) default_version: Version,
    /// The time of the request or of the due action that is being carried out, in seconds.
    pub(crate) now: i64,
    /// When new deliveries are due, in milliseconds of the retry clock.
    pub(crate) deliver_from_ms: i64,
    pub(crate) cause: Cause,
    pub(crate) ids: Ids,
    /// Request ids have their own sequence, so that a refused request does not shift object ids.
    pub(crate) request_ids: Ids,
    objects: HashMap<String, Value>,
    order: HashMap<String, Vec<String>>,
    event_ids: VecDeque<String>,
    pub(crate) due: BTreeMap<(i64, u64), DueAction>,
    due_count: u64,
    pub(crate) remembered: HashMap<String, Remembered>,
    remembered_keys: VecDeque<String>,
    pub(crate) outbox: Outbox,
}

impl Account {
    pub(crate) fn new(seed: u64, key: &str, public_url: &str, default_version: Version) -> Self {
        let mut ids = Ids::new(seed, key);
        Self {
            id: ids.next("acct_"),
            public_url: public_url.to_owned(),
            default_version,
            now: 0,
            deliver_from_ms: 0,
            cause: Cause::default(),
            ids,
            request_ids: Ids::new(seed, &format!("requests of {key}")),
            objects: HashMap::new(),
            order: HashMap::new(),
            event_ids: VecDeque::new(),
            due: BTreeMap::new(),
            due_count: 0,
            remembered: HashMap::new(),
            remembered_keys: VecDeque::new(),
            outbox: Outbox::default(),
        }
    }

    pub(crate) fn find(&self, id: &str) -> Option<&Value> {
        self.objects.get(id)
    }

    /// The object, or null; for chains of facts that must not be interrupted.
    pub(crate) fn get(&self, id: &str) -> &Value {
        static NONE: Value = Value::Null;
        self.objects.get(id).unwrap_or(&NONE)
    }

    /// The object of this kind, or Stripe's 404 for the id in the path.
    pub(crate) fn fetch(&self, kind: &str, id: &str, param: &str) -> Result<&Value, StripeError> {
        self.objects
            .get(id)
            .filter(|object| object["object"] == kind)
            .ok_or_else(|| StripeError::no_such(spoken(kind), id, param))
    }

    /// All objects of a kind, oldest first.
    pub(crate) fn rows(&self, kind: &str) -> impl DoubleEndedIterator<Item = &Value> {
        self.order
            .get(kind)
            .into_iter()
            .flatten()
            .filter_map(|id| self.objects.get(id))
    }

    pub(crate) fn insert(&mut self, object: Value) -> String {
        let id = object["id"].as_str().unwrap_or_default().to_owned();
        let kind = object["object"].as_str().unwrap_or_default().to_owned();
        self.order.entry(kind).or_default().push(id.clone());
        self.objects.insert(id.clone(), object);
        id
    }

    /// Sets a member of an object that exists.
    pub(crate) fn set(&mut self, id: &str, member: &str, value: Value) {
        if let Some(object) = self.objects.get_mut(id) {
            object[member] = value;
        }
    }

    /// The object to change in place.
    pub(crate) fn edit(&mut self, id: &str) -> Option<&mut Value> {
        self.objects.get_mut(id)
    }

    /// Takes an object out of its list; what remains is found by id only.
    pub(crate) fn delete(&mut self, kind: &str, id: &str, tombstone: Option<Value>) {
        if let Some(ids) = self.order.get_mut(kind) {
            ids.retain(|other| other != id);
        }
        match tombstone {
            Some(value) => self.objects.insert(id.to_owned(), value),
            None => self.objects.remove(id),
        };
    }

    pub(crate) fn when(&mut self, at: i64, action: DueAction) {
        self.due_count += 1;
        self.due.insert((at, self.due_count), action);
    }

    /// Raises an event about an object as it is now.
    pub(crate) fn raise(&mut self, kind: &str, object_id: &str) {
        let snapshot = self.get(object_id).clone();
        self.raise_with(kind, &snapshot, &Value::Null);
    }

    /// Raises an update; `before` is the object as it was.
    pub(crate) fn raise_update(&mut self, kind: &str, object_id: &str, before: &Value) {
        let snapshot = self.get(object_id).clone();
        if snapshot != *before {
            self.raise_with(kind, &snapshot, before);
        }
    }

    pub(crate) fn raise_with(&mut self, kind: &str, object: &Value, before: &Value) {
        let id = self.ids.next("evt_");
        let receivers: Vec<String> = self
            .rows("webhook_endpoint")
            .filter(|endpoint| endpoint["status"] == "enabled" && wants(endpoint, kind))
            .filter_map(|endpoint| endpoint["id"].as_str().map(str::to_owned))
            .collect();
        let event = json!({
            "id": id,
            "object": "event",
            "api_version": self.default_version.as_str(),
            "created": self.now,
            "data": {},
            "livemode": false,
            "pending_webhooks": receivers.len(),
            "request": {
                "id": self.cause.request_id,
                "idempotency_key": self.cause.idempotency_key,
            },
            "type": kind,
            "_object": object,
            "_before": before,
        });
        for endpoint_id in receivers {
            let endpoint = self.get(&endpoint_id).clone();
            self.outbox.add(
                &event,
                &endpoint,
                self.default_version,
                self.deliver_from_ms,
            );
        }
        self.insert(event);
        self.event_ids.push_back(id);
        if self.event_ids.len() > EVENTS_MAX
            && let Some(oldest) = self.event_ids.pop_front()
        {
            self.delete("event", &oldest, None);
        }
    }

    /// Marks an idempotency key as in use; the oldest of too many keys are forgotten.
    pub(crate) fn remember_key(&mut self, key: &str, fingerprint: String) {
        self.remembered.insert(
            key.to_owned(),
            Remembered {
                fingerprint,
                reply: None,
            },
        );
        self.remembered_keys.push_back(key.to_owned());
        if self.remembered_keys.len() > KEYS_MAX
            && let Some(oldest) = self.remembered_keys.pop_front()
        {
            self.remembered.remove(&oldest);
        }
    }

    /// Counts a delivery that its endpoint accepted.
    pub(crate) fn note_delivered(&mut self, event_id: &str) {
        if let Some(event) = self.objects.get_mut(event_id) {
            let left = event["pending_webhooks"].as_i64().unwrap_or(0);
            event["pending_webhooks"] = json!((left - 1).max(0));
        }
    }
}

/// `*`, the type itself, or a family such as `invoice.*`.
fn wants(endpoint: &Value, kind: &str) -> bool {
    endpoint["enabled_events"].as_array().is_some_and(|wanted| {
        wanted.iter().filter_map(Value::as_str).any(|pattern| {
            pattern == "*"
                || pattern == kind
                || pattern
                    .strip_suffix('*')
                    .is_some_and(|family| kind.starts_with(family))
        })
    })
}

/// What an object is called in Stripe's "No such …".
pub(crate) fn spoken(kind: &str) -> &str {
    match kind {
        "payment_method" => "PaymentMethod",
        "setup_intent" => "setupintent",
        other => other,
    }
}
