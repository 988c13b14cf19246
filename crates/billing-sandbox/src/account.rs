//! One Stripe account of the sandbox: its objects, its events, what is due, and its remembered answers.
//! Everything in here happens under one lock and never waits.

pub(crate) mod state;

use std::collections::{BTreeMap, HashMap, VecDeque};

use std::sync::{Arc, Mutex};

use crate::json::{Map, Text, Value};

use crate::deliveries::Outbox;
use crate::due;
use crate::events::Events;
use crate::faults::Faults;
use crate::hashing::QuickMap;
use crate::http::error::StripeError;
use crate::http::idempotency::Remembered;
use crate::ids::Ids;
use crate::shape::check::Findings;
use crate::shape::schema::{self, Schema};
use crate::shape::version::Version;

/// How many idempotency keys are remembered; Stripe forgets them after 24 hours.
const KEYS_MAX: usize = 10_000;

/// Members that never change and that objects are looked up by: (kind, member).
const INDEXED: &[(&str, &str)] = &[
    ("balance_transaction", "source"),
    ("billing.credit_grant", "customer"),
    ("billing.meter_event", "_usage"),
    ("charge", "payment_intent"),
    ("credit_note", "invoice"),
    ("customer", "invoice_prefix"),
    ("customer_balance_transaction", "customer"),
    ("dispute", "charge"),
    ("entitlements.active_entitlement", "_customer"),
    ("invoice", "customer"),
    ("invoice", "_subscription"),
    ("invoice_payment", "invoice"),
    ("invoiceitem", "customer"),
    ("product_feature", "_product"),
    ("promotion_code", "code"),
    ("price", "product"),
    ("radar.early_fraud_warning", "charge"),
    ("refund", "charge"),
    ("subscription", "customer"),
    ("tax_id", "customer"),
    ("usage_record", "_usage"),
];

/// What is due on one clock: when and in which order; the name of an action and the id of its object.
type Due = BTreeMap<(i64, u64), (Text, Text)>;

/// Ids by the values of one indexed member.
type Index = QuickMap<Text, Vec<Text>>;

/// The request that causes what happens next; both absent when the clock does.
#[derive(Debug, Clone, Default)]
pub(crate) struct Cause {
    pub(crate) request_id: Option<String>,
    pub(crate) idempotency_key: Option<String>,
}

#[derive(Debug)]
pub(crate) struct Account {
    pub(crate) id: String,
    /// The secret key that it is found by.
    pub(crate) key: String,
    /// What the hosted pages' addresses begin with.
    pub(crate) public_url: String,
    pub(crate) default_version: Version,
    /// The time of what is being carried out, in seconds: that of a test clock if it concerns a
    /// customer who is on one, else the sandbox's.
    pub(crate) now: i64,
    /// The sandbox's own time, in seconds.
    pub(crate) wall: i64,
    /// When new deliveries are due, in milliseconds of the retry clock.
    pub(crate) deliver_from_ms: i64,
    pub(crate) cause: Cause,
    pub(crate) ids: Ids,
    /// Request ids have their own sequence, so that a refused request does not shift object ids.
    pub(crate) request_ids: Ids,
    objects: QuickMap<Text, Value>,
    order: QuickMap<Text, Vec<Text>>,
    /// Beside `INDEXED`.
    index: Vec<Index>,
    pub(crate) events: Events,
    /// By the id of a test clock, empty for the sandbox's own.
    due: BTreeMap<String, Due>,
    due_count: u64,
    pub(crate) remembered: HashMap<String, Remembered>,
    remembered_keys: VecDeque<String>,
    pub(crate) outbox: Outbox,
    /// What is to go wrong, the same in all accounts of a sandbox. Locked for a moment only.
    pub(crate) faults: Arc<Mutex<Faults>>,
    /// Whether webhooks are sent by themselves.
    pub(crate) is_automatic: bool,
    /// What the check of shapes found; absent when nobody asked for it.
    pub(crate) findings: Option<Findings>,
}

/// Rendering knows what every version shows as null; the state, which is copied for many an event,
/// need not. What is shown at times only stays as it is.
fn leave_out_nulls(value: &mut Value) {
    // What has none stays shared with whatever it came from.
    if !has_needless_null(value) {
        return;
    }
    match value {
        Value::Object(members) => {
            let schema = schema_of(members);
            members.retain(|name, value| !is_needless(schema, name, value));
            members.values_mut().for_each(leave_out_nulls);
        }
        Value::Array(_) => {
            let items = value.as_array_mut();
            items.into_iter().flatten().for_each(leave_out_nulls);
        }
        _ => {}
    }
}

fn has_needless_null(value: &Value) -> bool {
    match value {
        Value::Object(members) => {
            let schema = schema_of(members);
            (members.iter())
                .any(|(name, value)| is_needless(schema, name, value) || has_needless_null(value))
        }
        Value::Array(items) => items.iter().any(has_needless_null),
        _ => false,
    }
}

fn is_needless(schema: Option<&Schema>, name: &str, value: &Value) -> bool {
    value.is_null() && schema.is_some_and(|schema| schema.is_always_shown(name))
}

fn schema_of(members: &Map) -> Option<&'static Schema> {
    schema::of_kind(members.get("object")?.as_str()?, false)
}

impl Account {
    pub(crate) fn new(seed: u64, key: &str, public_url: &str, default_version: Version) -> Self {
        let mut ids = Ids::new(seed, key);
        Self {
            id: ids.next("acct_"),
            key: key.to_owned(),
            public_url: public_url.to_owned(),
            default_version,
            now: 0,
            wall: 0,
            deliver_from_ms: 0,
            cause: Cause::default(),
            ids,
            request_ids: Ids::new(seed, &format!("requests of {key}")),
            objects: QuickMap::default(),
            order: QuickMap::default(),
            index: vec![Index::default(); INDEXED.len()],
            events: Events::default(),
            due: BTreeMap::new(),
            due_count: 0,
            remembered: HashMap::new(),
            remembered_keys: VecDeque::new(),
            outbox: Outbox::default(),
            faults: Arc::default(),
            is_automatic: false,
            findings: None,
        }
    }

    pub(crate) fn find(&self, id: &str) -> Option<&Value> {
        self.objects.get(id)
    }

    /// The object, or null; for chains of facts that must not be interrupted.
    pub(crate) fn get(&self, id: &str) -> &Value {
        static NONE: Value = Value::Null;
        self.find(id).unwrap_or(&NONE)
    }

    /// The object as it is now, to be compared with what becomes of it. Cheap: nothing is copied
    /// until the object is changed.
    pub(crate) fn snapshot(&self, id: &str) -> Value {
        self.objects.get(id).cloned().unwrap_or_default()
    }

    /// The object of this kind, or Stripe's 404 for the id in the path.
    pub(crate) fn fetch(&self, kind: &str, id: &str, param: &str) -> Result<&Value, StripeError> {
        self.find(id)
            .filter(|object| object["object"] == kind)
            .ok_or_else(|| StripeError::no_such(spoken(kind), id, param))
    }

    /// Like `fetch`, kept as it is now.
    pub(crate) fn fetch_snapshot(
        &self,
        kind: &str,
        id: &str,
        param: &str,
    ) -> Result<Value, StripeError> {
        self.fetch(kind, id, param)?;
        Ok(self.snapshot(id))
    }

    /// All objects of a kind, oldest first.
    pub(crate) fn rows(&self, kind: &str) -> impl DoubleEndedIterator<Item = &Value> {
        self.order
            .get(kind)
            .into_iter()
            .flatten()
            .filter_map(|id| self.find(id))
    }

    /// Where an object is among those of its kind, oldest first.
    fn place(&self, kind: &str, id: &str) -> Option<usize> {
        self.order.get(kind)?.iter().position(|other| other == id)
    }

    /// How many objects of a kind are as old as one that is or was among them, or older.
    pub(crate) fn rank(&self, kind: &str, id: &str) -> Option<usize> {
        if let Some(place) = self.place(kind, id) {
            return Some(place + 1);
        }
        let gone = self.find(id)?;
        if gone["object"] != kind || gone["deleted"] != true {
            return None;
        }
        match gone["_older"].as_str() {
            Some(older) => self.rank(kind, older),
            None => Some(0),
        }
    }

    /// The objects of a kind whose indexed member has a value, oldest first; see `INDEXED`.
    pub(crate) fn rows_by(
        &self,
        kind: &'static str,
        member: &'static str,
        value: &str,
    ) -> impl DoubleEndedIterator<Item = &Value> {
        let place = INDEXED.iter().position(|known| *known == (kind, member));
        debug_assert!(place.is_some(), "{kind}.{member} has no index");
        place
            .and_then(|place| self.index[place].get(value))
            .into_iter()
            .flatten()
            .filter_map(|id| self.find(id))
    }

    /// The newest few ids of each kind.
    #[cfg(test)]
    pub(crate) fn ids_by_kind(&self) -> Vec<String> {
        let newest = self.order.values().flat_map(|ids| ids.iter().rev().take(4));
        newest.map(ToString::to_string).collect()
    }

    pub(crate) fn insert(&mut self, mut object: Value) -> String {
        leave_out_nulls(&mut object);
        let id = object["id"].as_text().unwrap_or_default();
        let kind = object["object"].as_text().unwrap_or_default();
        for (place, (indexed, member)) in INDEXED.iter().enumerate() {
            if kind == *indexed
                && let Some(value) = object[*member].as_text()
            {
                self.index[place].entry(value).or_default().push(id.clone());
            }
        }
        self.order.entry(kind).or_default().push(id.clone());
        self.objects.insert(id.clone(), object);
        id.to_string()
    }

    /// Sets a member of an object that exists.
    pub(crate) fn set(&mut self, id: &str, member: &'static str, value: Value) {
        if let Some(object) = self.edit(id) {
            object[member] = value;
        }
    }

    /// The object to change in place.
    pub(crate) fn edit(&mut self, id: &str) -> Option<&mut Value> {
        self.objects.get_mut(id)
    }

    /// Takes an object out of its list; what remains is found by id only.
    pub(crate) fn delete(&mut self, kind: &str, id: &str, tombstone: Option<Value>) {
        let place = self.place(kind, id);
        if let Some(ids) = self.order.get_mut(kind) {
            ids.retain(|other| other != id);
        }
        match tombstone {
            Some(mut value) => {
                let before = place.and_then(|place| place.checked_sub(1));
                let mut older = Value::Null;
                if let (Some(at), Some(ids)) = (before, self.order.get(kind)) {
                    older = ids
                        .get(at)
                        .map_or(older, |id| Value::from(id.as_str().to_owned()));
                }
                value["_older"] = older;
                self.objects.insert(Text::copied(id), value)
            }
            None => self.objects.remove(id),
        };
    }

    /// The test clock that an object's customer is on; empty for the sandbox's own time.
    pub(crate) fn clock_of(&self, id: &str) -> String {
        let object = self.get(id);
        if object["object"] == "test_helpers.test_clock" {
            return id.to_owned();
        }
        let own = object["test_clock"].as_str();
        let customer = || self.get(object["customer"].as_str()?)["test_clock"].as_str();
        own.or_else(customer).unwrap_or_default().to_owned()
    }

    /// Takes on the time of the test clock that an object is on, for the rest of the request.
    pub(crate) fn enter_clock_of(&mut self, id: &str) {
        let clock = self.clock_of(id);
        if let Some(at) = self.get(&clock)["frozen_time"].as_i64() {
            self.now = at;
        }
    }

    /// Lets an action (a name of `due`) happen to an object at a time of its clock.
    pub(crate) fn when(&mut self, at: i64, action: &'static str, id: &str) {
        self.due_count += 1;
        let key = (at, self.due_count);
        let known = self.objects.get_key_value(id);
        let id = known.map_or_else(|| Text::copied(id), |(id, _)| id.clone());
        let clock = self.clock_of(&id);
        let due = self.due.entry(clock).or_default();
        due.insert(key, (Text::known(action), id));
    }

    /// Moves what is due in the sandbox's own time, and concerns objects that are on a clock now, to
    /// that clock.
    pub(crate) fn move_due(&mut self, clock: &str) {
        let all = self.due.remove("").unwrap_or_default();
        let (moving, staying): (Due, Due) = all
            .into_iter()
            .partition(|(_, (_, id))| self.clock_of(id) == clock);
        self.due.insert(String::new(), staying);
        self.due.entry(clock.to_owned()).or_default().extend(moving);
    }

    /// Carries out what is due on a clock (empty: the sandbox's own) by a time: each action at its
    /// own time, in order, as if nobody had waited.
    pub(crate) fn carry_out_due(&mut self, clock: &str, until: i64) {
        loop {
            let Some(due) = self.due.get_mut(clock) else {
                return;
            };
            let Some(next) = due.first_entry().filter(|next| next.key().0 <= until) else {
                return;
            };
            let ((at, _), (action, id)) = next.remove_entry();
            self.now = at;
            if clock.is_empty() {
                // Each event is as old as its own time, so that what is old enough is let go of.
                self.wall = self.wall.max(at);
            }
            self.cause = Cause::default();
            due::run(self, &action, &id);
        }
    }

    /// Marks an idempotency key as in use; the oldest of too many keys are forgotten.
    pub(crate) fn remember_key(&mut self, key: &str, first_use: Remembered) {
        self.remembered.insert(key.to_owned(), first_use);
        self.remembered_keys.push_back(key.to_owned());
        if self.remembered_keys.len() > KEYS_MAX
            && let Some(oldest) = self.remembered_keys.pop_front()
        {
            self.remembered.remove(&oldest);
        }
    }
}

/// What an object is called in Stripe's "No such …".
pub(crate) fn spoken(kind: &str) -> &str {
    match kind {
        "balance_transaction" | "customer_balance_transaction" => "balance transaction",
        "payment_method" => "PaymentMethod",
        "promotion_code" => "promotion code",
        "setup_intent" => "setupintent",
        "tax_rate" => "tax rate",
        other => other,
    }
}
