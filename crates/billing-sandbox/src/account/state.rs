//! An account as data: everything that decides what it answers next, so that it can be put into a file
//! and go on from there as if nothing had happened.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use crate::json::{Text, Value};
use serde::{Deserialize, Serialize};

use crate::account::{Account, Cause, Due, INDEXED, Index};
use crate::deliveries::{Delivery, Outbox};
use crate::events::{Event, Events};
use crate::http::idempotency::Remembered;
use crate::ids::{Ids, IdsState};
use crate::shape::version::Version;

/// An indexed kind, its member, a value of it, and the ids of the objects with that value.
type IndexRow = (String, String, Text, Vec<Text>);

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct AccountState {
    id: String,
    public_url: String,
    default_version: String,
    now: i64,
    wall: i64,
    ids: IdsState,
    request_ids: IdsState,
    objects: BTreeMap<Text, Value>,
    order: BTreeMap<Text, Vec<Text>>,
    index: Vec<IndexRow>,
    first_event: u64,
    events: Vec<Event>,
    /// Clock, time and place in line; then the action and its object.
    due: Vec<(String, i64, u64, Text, Text)>,
    due_count: u64,
    remembered: BTreeMap<String, Remembered>,
    remembered_keys: VecDeque<String>,
    deliveries: VecDeque<Delivery>,
    delivery_count: u64,
}

impl Account {
    pub(crate) fn state(&self) -> AccountState {
        // Named one by one, so that a new member has to be decided on here.
        let Self {
            id,
            // The sandbox keeps it, beside the account's state.
            key: _,
            public_url,
            default_version,
            now,
            wall,
            deliver_from_ms: _,
            cause: _,
            ids,
            request_ids,
            objects,
            order,
            index,
            events,
            due,
            due_count,
            remembered,
            remembered_keys,
            outbox,
            faults: _,
            is_automatic: _,
            findings: _,
        } = self;
        let mut rows: Vec<IndexRow> = (INDEXED.iter().zip(index))
            .flat_map(|((kind, member), by_value)| {
                by_value.iter().map(|(value, ids)| {
                    let names = ((*kind).to_owned(), (*member).to_owned());
                    (names.0, names.1, value.clone(), ids.clone())
                })
            })
            .collect();
        rows.sort();
        AccountState {
            id: id.clone(),
            public_url: public_url.clone(),
            default_version: default_version.as_str().to_owned(),
            now: *now,
            wall: *wall,
            ids: ids.state(),
            request_ids: request_ids.state(),
            objects: (objects.iter())
                .map(|(id, object)| (id.clone(), Value::clone(object)))
                .collect(),
            order: order.clone().into_iter().collect(),
            index: rows,
            first_event: events.first_number(),
            events: events.all().cloned().collect(),
            due: (due.iter())
                .flat_map(|(clock, due)| {
                    due.iter().map(|((at, line), (action, id))| {
                        (clock.clone(), *at, *line, action.clone(), id.clone())
                    })
                })
                .collect(),
            due_count: *due_count,
            remembered: remembered.clone().into_iter().collect(),
            remembered_keys: remembered_keys.clone(),
            deliveries: outbox.deliveries.clone(),
            delivery_count: outbox.count,
        }
    }

    /// Becomes the account that was kept; what belongs to the running sandbox stays.
    /// `None` if its version or the state of its ids is none that exists.
    pub(crate) fn resume(&mut self, state: AccountState) -> Option<()> {
        let mut index = vec![Index::default(); INDEXED.len()];
        for (kind, member, value, ids) in state.index {
            let known = INDEXED.iter();
            if let Some(place) = known.clone().position(|(k, m)| *k == kind && *m == member) {
                index[place].insert(value, ids);
            }
        }
        let mut due: BTreeMap<String, Due> = BTreeMap::new();
        for (clock, at, line, action, id) in state.due {
            due.entry(clock)
                .or_default()
                .insert((at, line), (action, id));
        }
        let resumed = Self {
            id: state.id,
            key: self.key.clone(),
            public_url: state.public_url,
            default_version: Version::parse(&state.default_version)?,
            now: state.now,
            wall: state.wall,
            deliver_from_ms: self.deliver_from_ms,
            cause: Cause::default(),
            ids: Ids::resumed(&state.ids)?,
            request_ids: Ids::resumed(&state.request_ids)?,
            objects: (state.objects.into_iter()).collect(),
            order: state.order.into_iter().collect(),
            index,
            events: Events::restored(state.events, state.first_event),
            due,
            due_count: state.due_count,
            // A request that was going on when the state was kept will never be answered.
            remembered: (state.remembered.into_iter())
                .filter(|(_, remembered)| remembered.reply.is_some())
                .collect(),
            remembered_keys: state.remembered_keys,
            outbox: Outbox::restored(state.deliveries, state.delivery_count),
            faults: Arc::clone(&self.faults),
            is_automatic: self.is_automatic,
            findings: self.findings.take(),
        };
        *self = resumed;
        Some(())
    }
}
