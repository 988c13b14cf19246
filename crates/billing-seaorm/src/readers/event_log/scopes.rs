//! Where the inbox is looked into, so that a list costs by its page whatever the filter: each scope
//! is one stretch of one index, already in the order of the list.

use std::collections::BTreeSet;

use billing_domain::kernel::id::InboxEventId;
use billing_domain::kernel::text::ProviderRef;
use billing_domain::provider_events::event_filter::{
    EventFilter, EventName, TimeRange, TypeFilter,
};
use billing_domain::provider_events::lane::Lane;
use billing_domain::provider_events::ports::DEPTH_COUNTED_MAX;
use billing_domain::provider_events::stored_event::EventStatus;
use sea_orm::{DbBackend, Statement, Value};
use uuid::Uuid;

use crate::rows::stored_event::COLUMNS;

pub(super) mod owner;

/// The conditions of the partial indexes, word for word: SQLite recognises them by their text.
const IS_OPEN: &str = "status IN ('received', 'processing')";
const IS_RESTING: &str = "status IN ('failed', 'skipped', 'parked', 'deferred', 'discarded')";

/// In which order, and from where.
#[derive(Debug, Clone, Copy)]
pub(super) enum Direction {
    NewestFirst { after: Option<InboxEventId> },
    OldestFirst,
}

/// Which index leads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// The whole table in the order of its key.
    Table,
    /// The few that are due.
    Open,
    /// Those of one status that rest, type by type.
    Resting,
    /// Those that rest and concern somebody.
    Subject,
    /// Those of one type.
    Type,
}

impl Place {
    /// SQLite keeps no statistics unless it is told to, so it is told what to use.
    fn hint(self, backend: DbBackend) -> &'static str {
        match (backend, self) {
            (DbBackend::Sqlite, Self::Open) => "INDEXED BY ix_provider_events_open",
            (DbBackend::Sqlite, Self::Resting) => "INDEXED BY ix_provider_events_resting",
            (DbBackend::Sqlite, Self::Subject) => "INDEXED BY ix_provider_events_subject",
            (DbBackend::Sqlite, Self::Type) => "INDEXED BY ix_provider_events_type",
            _ => "",
        }
    }
}

/// One stretch of an index.
#[derive(Debug, Clone)]
pub(super) struct Scope {
    place: Place,
    /// Any if empty.
    statuses: Vec<EventStatus>,
    kind: Option<String>,
    /// Any if absent.
    ids: Option<Vec<Uuid>>,
    /// Whom it concerns, as the provider names them; anybody if absent.
    subjects: Option<Vec<ProviderRef>>,
    keys: KeyRange,
}

/// A scope before it is known which types there are.
#[derive(Debug)]
pub(super) struct Plan {
    scope: Scope,
    has_types_to_find: bool,
}

/// One plan for each kind of status that is asked for.
pub(super) fn plans(filter: &EventFilter, keys: KeyRange) -> Vec<Plan> {
    let EventFilter {
        statuses,
        event_type,
        provider_event_id,
        owner: _,
        received: _,
        created: _,
    } = filter;
    let exactly = match event_type {
        Some(TypeFilter::Exactly(kind)) => Some(kind.clone()),
        Some(TypeFilter::Family(_)) | None => None,
    };
    let is_family = matches!(event_type, Some(TypeFilter::Family(_)));
    let plan = |place, statuses: Vec<EventStatus>| Plan {
        has_types_to_find: match place {
            Place::Table | Place::Open | Place::Subject => false,
            Place::Resting => exactly.is_none(),
            Place::Type => is_family,
        },
        scope: Scope {
            place,
            statuses,
            kind: exactly.clone(),
            ids: None,
            subjects: None,
            keys,
        },
    };
    if provider_event_id.is_some() {
        return vec![plan(Place::Table, statuses.clone())];
    }
    // Most events are processed, so that a walk by key or by type soon finds a page of them.
    let mostly = if event_type.is_some() {
        Place::Type
    } else {
        Place::Table
    };
    if statuses.is_empty() {
        return vec![plan(mostly, Vec::new())];
    }
    let wanted: BTreeSet<EventStatus> = statuses.iter().copied().collect();
    let mut open = Vec::new();
    let mut plans = Vec::new();
    for status in wanted {
        match status {
            EventStatus::Received | EventStatus::Processing => open.push(status),
            EventStatus::Failed
            | EventStatus::Skipped
            | EventStatus::Parked
            | EventStatus::Deferred
            | EventStatus::Discarded => plans.push(plan(Place::Resting, vec![status])),
            EventStatus::Processed => plans.push(plan(mostly, vec![status])),
        }
    }
    if !open.is_empty() {
        plans.push(plan(Place::Open, open));
    }
    plans
}

impl Plan {
    /// Finds the types that there are, a step of the index for each.
    pub(super) fn types_statement(&self, backend: DbBackend) -> Option<Statement> {
        if !self.has_types_to_find {
            return None;
        }
        let hint = self.scope.place.hint(backend);
        let within = self.scope.fixed_terms().join(" AND ");
        let within = if within.is_empty() { "1 = 1" } else { &within };
        let sql = format!(
            "WITH RECURSIVE kinds (kind) AS (
                 SELECT MIN(event_type) FROM provider_events {hint} WHERE {within}
                 UNION ALL
                 SELECT (SELECT MIN(event_type) FROM provider_events {hint}
                         WHERE {within} AND event_type > kinds.kind)
                 FROM kinds WHERE kinds.kind IS NOT NULL
             )
             SELECT kind FROM kinds WHERE kind IS NOT NULL"
        );
        Some(Statement::from_string(backend, sql))
    }

    /// The scope of one of the types, if the filter means it.
    pub(super) fn of_type(&self, kind: String, filter: &EventFilter) -> Option<Scope> {
        let wanted = filter.event_type.as_ref();
        let is_wanted = wanted.is_none_or(|wanted| wanted.matches(&kind));
        is_wanted.then(|| Scope {
            kind: Some(kind),
            ..self.scope.clone()
        })
    }

    /// The scope as it is.
    pub(super) fn whole(self) -> Scope {
        self.scope
    }
}

impl Scope {
    /// The conditions that need no bound value; names of statuses are ours.
    fn fixed_terms(&self) -> Vec<String> {
        let mut terms = Vec::new();
        let names: Vec<String> = self
            .statuses
            .iter()
            .map(|status| format!("'{}'", status.name()))
            .collect();
        match names.as_slice() {
            [] => {}
            [name] => terms.push(format!("status = {name}")),
            [_, _, ..] => terms.push(format!("status IN ({})", names.join(", "))),
        }
        match self.place {
            Place::Open => terms.push(IS_OPEN.to_owned()),
            Place::Resting | Place::Subject => terms.push(IS_RESTING.to_owned()),
            Place::Table | Place::Type => {}
        }
        terms
    }

    /// The first events of the scope that match.
    pub(super) fn select(
        &self,
        backend: DbBackend,
        filter: &EventFilter,
        direction: Direction,
        limit: usize,
    ) -> Statement {
        let mut terms = Terms::new(self, filter);
        let order = match direction {
            Direction::NewestFirst { after } => {
                if let Some(after) = after {
                    terms.add("id < {}", after.uuid());
                }
                "DESC"
            }
            Direction::OldestFirst => "ASC",
        };
        let limit = terms.bind(i64::try_from(limit).unwrap_or(i64::MAX));
        let hint = self.place.hint(backend);
        let sql = format!(
            "SELECT {COLUMNS} FROM provider_events {hint} WHERE {} ORDER BY id {order} LIMIT {limit}",
            terms.joined()
        );
        Statement::from_sql_and_values(backend, sql, terms.values)
    }

    /// How many events of the scope match, counted no further than `max`.
    pub(super) fn count(&self, backend: DbBackend, filter: &EventFilter, max: u32) -> Statement {
        let mut terms = Terms::new(self, filter);
        let max = terms.bind(i64::from(max));
        let hint = self.place.hint(backend);
        let sql = format!(
            "SELECT COUNT(*) AS found
             FROM (SELECT id FROM provider_events {hint} WHERE {} LIMIT {max}) AS counted",
            terms.joined()
        );
        Statement::from_sql_and_values(backend, sql, terms.values)
    }
}

/// Conditions and the values that they bind.
struct Terms {
    terms: Vec<String>,
    values: Vec<Value>,
}

impl Terms {
    fn new(scope: &Scope, filter: &EventFilter) -> Self {
        let EventFilter {
            statuses: _,
            event_type,
            provider_event_id,
            owner: _,
            received,
            created,
        } = filter;
        let mut terms = Self {
            terms: scope.fixed_terms(),
            values: Vec::new(),
        };
        match (&scope.kind, event_type) {
            (Some(kind), _) => terms.add("event_type = {}", kind.clone()),
            (None, Some(TypeFilter::Exactly(kind))) => {
                terms.add("event_type = {}", kind.clone());
            }
            (None, Some(TypeFilter::Family(prefix))) => {
                let length = i32::try_from(prefix.len()).unwrap_or(i32::MAX);
                let length = terms.bind(length);
                terms.add(
                    &format!("substr(event_type, 1, {length}) = {{}}"),
                    prefix.clone(),
                );
            }
            (None, None) => {}
        }
        if let Some(id) = provider_event_id {
            terms.add("provider_event_id = {}", id.to_string());
        }
        if let Some(ids) = &scope.ids {
            let marks: Vec<String> = ids.iter().map(|id| terms.bind(*id)).collect();
            terms.terms.push(format!("id IN ({})", marks.join(", ")));
        }
        if let Some(subjects) = &scope.subjects {
            let marks: Vec<String> = (subjects.iter())
                .map(|subject| terms.bind(subject.as_str()))
                .collect();
            terms
                .terms
                .push(format!("subject IN ({})", marks.join(", ")));
            // What is due has an index by lane, and a subject has one lane.
            if scope.place == Place::Open {
                let lanes: BTreeSet<u16> = (subjects.iter())
                    .map(|subject| Lane::of(Some(subject)).number())
                    .collect();
                let lanes: Vec<String> = lanes.iter().map(u16::to_string).collect();
                terms.terms.push(format!("lane IN ({})", lanes.join(", ")));
            }
        }
        let KeyRange { from, until } = scope.keys;
        if let Some(from) = from {
            terms.add("id >= {}", Uuid::from_u128(from));
        }
        if let Some(until) = until {
            terms.add("id < {}", Uuid::from_u128(until));
        }
        terms.add_range("received_at", received);
        terms.add_range("created_at", created);
        terms
    }

    fn bind(&mut self, value: impl Into<Value>) -> String {
        self.values.push(value.into());
        format!("${}", self.values.len())
    }

    fn add(&mut self, term: &str, value: impl Into<Value>) {
        let mark = self.bind(value);
        self.terms.push(term.replace("{}", &mark));
    }

    fn add_range(&mut self, column: &str, range: &TimeRange) {
        let TimeRange { from, until } = range;
        if let Some(from) = from {
            self.add(&format!("{column} >= {{}}"), from.unix_micros());
        }
        if let Some(until) = until {
            self.add(&format!("{column} < {{}}"), until.unix_micros());
        }
    }

    fn joined(&self) -> String {
        if self.terms.is_empty() {
            "1 = 1".to_owned()
        } else {
            self.terms.join(" AND ")
        }
    }
}

/// One event.
pub(super) fn named(backend: DbBackend, name: &EventName) -> Statement {
    let (column, value): (_, Value) = match name {
        EventName::Id(id) => ("id", id.uuid().into()),
        EventName::Provider(id) => ("provider_event_id", id.as_str().into()),
    };
    let sql = format!("SELECT {COLUMNS} FROM provider_events WHERE {column} = $1");
    Statement::from_sql_and_values(backend, sql, [value])
}

/// Counts what is not processed, status by status, each by the index that knows it.
pub(super) fn depth(backend: DbBackend) -> Statement {
    let counts = EventStatus::ALL.into_iter().filter_map(|status| {
        let (place, condition) = match status {
            EventStatus::Received | EventStatus::Processing => (Place::Open, IS_OPEN),
            EventStatus::Failed
            | EventStatus::Skipped
            | EventStatus::Parked
            | EventStatus::Deferred
            | EventStatus::Discarded => (Place::Resting, IS_RESTING),
            EventStatus::Processed => return None,
        };
        let (hint, name) = (place.hint(backend), status.name());
        Some(format!(
            "SELECT '{name}' AS status, COUNT(*) AS found
             FROM (SELECT id FROM provider_events {hint}
                   WHERE status = '{name}' AND {condition} LIMIT {DEPTH_COUNTED_MAX}) AS in_{name}"
        ))
    });
    let sql = counts.collect::<Vec<_>>().join(" UNION ALL ");
    Statement::from_string(backend, sql)
}

/// When the oldest came of those that shall be applied.
pub(super) fn oldest_unapplied(backend: DbBackend) -> Statement {
    let (open, resting) = (Place::Open.hint(backend), Place::Resting.hint(backend));
    let sql = format!(
        "SELECT MIN(received_at) AS oldest FROM (
             SELECT * FROM (SELECT received_at FROM provider_events {open}
                            WHERE {IS_OPEN} LIMIT {DEPTH_COUNTED_MAX}) AS open
             UNION ALL
             SELECT * FROM (SELECT received_at FROM provider_events {resting}
                            WHERE status = 'failed' AND {IS_RESTING}
                            LIMIT {DEPTH_COUNTED_MAX}) AS failed
         ) AS unapplied"
    );
    Statement::from_string(backend, sql)
}

/// The first event whose key is not below one: a step of the search for a time.
pub(super) fn at_or_after(backend: DbBackend, key: u128) -> Statement {
    Statement::from_sql_and_values(
        backend,
        "SELECT id, received_at FROM provider_events WHERE id >= $1 ORDER BY id LIMIT 1",
        [Uuid::from_u128(key).into()],
    )
}

/// Between which keys everything is that the filter's times allow.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct KeyRange {
    /// The first key that is allowed.
    pub(super) from: Option<u128>,
    /// The first that is not.
    pub(super) until: Option<u128>,
}
