//! The inbox as operators see it: lists by key, one event in full, how full it is.

use std::collections::BTreeSet;

use async_trait::async_trait;
use billing_domain::kernel::audit::{AuditLine, EntityKind};
use billing_domain::kernel::change_set::Cause;
use billing_domain::kernel::id::InboxEventId;
use billing_domain::kernel::page::{Page, PageRequest};
use billing_domain::kernel::ports::StoreError;
use billing_domain::kernel::stored::Stored;
use billing_domain::kernel::text::ProviderRef;
use billing_domain::kernel::timestamp::Timestamp;
use billing_domain::provider_events::event_filter::{EventFilter, EventName};
use billing_domain::provider_events::ports::{EventLog, EventRecord, InboxDepth};
use billing_domain::provider_events::stored_event::{AttemptOutcome, EventStatus, StoredEvent};
use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, FromQueryResult, QueryFilter, QueryOrder,
};

use uuid::Uuid;

use self::scopes::{Direction, KeyRange, Scope, owner};
use crate::fault::store_error;
use crate::rows::Cells;
use crate::rows::provider_event::Entity;
use crate::rows::stored_event::Line;
use crate::rows::{audit, delivery_cells, provider_event_attempt};
use crate::store::SeaOrmStore;

mod scopes;

/// How far the clocks of replicas, and the provider's, may be apart.
const CLOCKS_APART_MICROS: i64 = 5 * 60 * 1_000_000;

/// A UUIDv7 has its milliseconds above these bits: what is closer together is of one moment.
const KEYS_OF_A_MOMENT: u128 = 1 << 80;

/// More decisions about one event than anybody takes.
const DECISIONS_MAX: u64 = 200;

#[async_trait]
impl EventLog for SeaOrmStore {
    async fn events(
        &self,
        filter: &EventFilter,
        page: &PageRequest,
    ) -> Result<Page<Stored<StoredEvent>>, StoreError> {
        let after = match page.after().map(InboxEventId::parse) {
            None => None,
            Some(Ok(after)) => Some(after),
            // Behind a cursor that is none there is nothing.
            Some(Err(_)) => {
                return Ok(Page {
                    items: Vec::new(),
                    next: None,
                });
            }
        };
        let limit = usize::from(page.limit());
        let direction = Direction::NewestFirst { after };
        let mut items = self.selected(filter, direction, limit + 1).await?;
        let has_more = items.len() > limit;
        items.truncate(limit);
        let last = items.last().filter(|_| has_more);
        let next = last.map(|last| last.value.id.to_string());
        Ok(Page { items, next })
    }

    async fn oldest_events(
        &self,
        filter: &EventFilter,
        limit: u16,
    ) -> Result<Vec<Stored<StoredEvent>>, StoreError> {
        self.selected(filter, Direction::OldestFirst, usize::from(limit))
            .await
    }

    async fn event_count(&self, filter: &EventFilter, max: u32) -> Result<u32, StoreError> {
        let mut count = 0_u32;
        for scope in self.scopes(filter).await? {
            let statement = scope.count(self.backend(), filter, max.saturating_sub(count));
            let row = self.reads().query_one_raw(statement).await;
            let row = row.map_err(store_error)?;
            let found = row.map(|row| row.try_get::<i64>("", "found"));
            let found = found.transpose().map_err(store_error)?.unwrap_or_default();
            count = count.saturating_add(u32::try_from(found).unwrap_or(max));
            if count >= max {
                return Ok(max);
            }
        }
        Ok(count)
    }

    async fn event(&self, name: &EventName) -> Result<Option<Stored<StoredEvent>>, StoreError> {
        let statement = scopes::named(self.backend(), name);
        let row = self.reads().query_one_raw(statement).await;
        let row = row.map_err(store_error)?;
        let line = row.map(|row| Line::from_query_result(&row, ""));
        let line = line.transpose().map_err(store_error)?;
        line.map(Line::decode).transpose()
    }

    async fn event_record(&self, name: &EventName) -> Result<Option<EventRecord>, StoreError> {
        let Some(event) = self.event(name).await? else {
            return Ok(None);
        };
        let event = event.value;
        let model = Entity::find_by_id(event.id.uuid()).one(self.reads()).await;
        // No event is ever removed.
        let Some(model) = model.map_err(store_error)? else {
            return Ok(None);
        };
        let delivery = delivery_cells::decode(&model)?;
        let mut attempts = self.kept_attempts(&event).await?;
        attempts.extend(event.last_outcome());
        Ok(Some(EventRecord {
            payload: model.payload,
            signature: model.signature,
            delivery,
            attempts,
            effects: self.effects(&event).await?,
            decisions: self.decisions(&event).await?,
            event,
        }))
    }

    async fn inbox_depth(&self) -> Result<InboxDepth, StoreError> {
        let rows = self.reads().query_all_raw(scopes::depth(self.backend()));
        let mut counts = Vec::new();
        for row in rows.await.map_err(store_error)? {
            let name: String = row.try_get("", "status").map_err(store_error)?;
            let found: i64 = row.try_get("", "found").map_err(store_error)?;
            let found = u64::try_from(found).unwrap_or_default();
            counts.extend(EventStatus::parse(&name).map(|status| (status, found)));
        }
        counts.sort_unstable_by_key(|(status, _)| *status);
        let oldest = scopes::oldest_unapplied(self.backend());
        let oldest = self.reads().query_one_raw(oldest).await;
        let oldest = oldest.map_err(store_error)?;
        let oldest = oldest.map(|row| row.try_get::<Option<i64>>("", "oldest"));
        let oldest = oldest.transpose().map_err(store_error)?.flatten();
        let time = |micros| Timestamp::from_unix_micros(micros).ok();
        Ok(InboxDepth {
            counts,
            oldest_unapplied_at: oldest.and_then(time),
        })
    }
}

impl SeaOrmStore {
    /// The events that match, in order: each scope gives its own first ones, and the first of all
    /// are among those.
    async fn selected(
        &self,
        filter: &EventFilter,
        direction: Direction,
        limit: usize,
    ) -> Result<Vec<Stored<StoredEvent>>, StoreError> {
        let mut found = Vec::new();
        for scope in self.scopes(filter).await? {
            let statement = scope.select(self.backend(), filter, direction, limit);
            let rows = self.reads().query_all_raw(statement).await;
            for row in rows.map_err(store_error)? {
                let line = Line::from_query_result(&row, "").map_err(store_error)?;
                found.push(line.decode()?);
            }
        }
        found.sort_by_key(|event| event.value.id);
        // An event that moved from one scope to another meanwhile is shown once.
        found.dedup_by_key(|event| event.value.id);
        if let Direction::NewestFirst { after: _ } = direction {
            found.reverse();
        }
        found.truncate(limit);
        Ok(found)
    }

    /// Where to look, so that each look costs by the page.
    async fn scopes(&self, filter: &EventFilter) -> Result<Vec<Scope>, StoreError> {
        if let Some(user) = filter.owner {
            let rows = self
                .reads()
                .query_all_raw(owner::causes(self.backend(), user));
            let rows = rows.await.map_err(store_error)?;
            let causes = rows.iter().map(|row| row.try_get::<String>("", "cause"));
            let causes: BTreeSet<String> = causes.collect::<Result<_, _>>().map_err(store_error)?;
            let mut found = owner::of_causes(&causes, &filter.statuses);
            let names = owner::names(self.backend(), user);
            let names = self.reads().query_all_raw(names).await;
            let mut subjects = Vec::new();
            for row in names.map_err(store_error)? {
                let name: String = row.try_get("", "name").map_err(store_error)?;
                subjects.extend(ProviderRef::parse(&name));
            }
            found.extend(owner::of_subjects(&subjects, &filter.statuses));
            return Ok(found);
        }
        let mut found = Vec::new();
        let keys = self.keys(filter).await?;
        for plan in scopes::plans(filter, keys) {
            match plan.types_statement(self.backend()) {
                None => found.push(plan.whole()),
                Some(statement) => {
                    let rows = self.reads().query_all_raw(statement).await;
                    for row in rows.map_err(store_error)? {
                        let kind: String = row.try_get("", "kind").map_err(store_error)?;
                        found.extend(plan.of_type(kind, filter));
                    }
                }
            }
        }
        Ok(found)
    }

    /// Keys rise with the time of receipt, so a range of time is a range of keys, and no index of
    /// times is needed that each delivery would pay for.
    async fn keys(&self, filter: &EventFilter) -> Result<KeyRange, StoreError> {
        let EventFilter {
            statuses: _,
            event_type: _,
            provider_event_id: _,
            owner: _,
            received,
            created,
        } = filter;
        // Nothing is received before it is made.
        let from = received.from.max(created.from);
        let mut keys = KeyRange::default();
        if let Some(from) = from {
            let (first, _) = self
                .keys_around(from.unix_micros() - CLOCKS_APART_MICROS)
                .await?;
            keys.from = Some(first);
        }
        if let Some(until) = received.until {
            let (_, first) = self
                .keys_around(until.unix_micros() + CLOCKS_APART_MICROS)
                .await?;
            keys.until = Some(first);
        }
        Ok(keys)
    }

    /// Two keys: everything below the one was received before a time, everything from the other on
    /// at that time or later. Each step halves what is between them.
    async fn keys_around(&self, at_micros: i64) -> Result<(u128, u128), StoreError> {
        let (mut before, mut since) = (0_u128, u128::MAX);
        while since - before > KEYS_OF_A_MOMENT {
            let middle = before + (since - before) / 2;
            let row = scopes::at_or_after(self.backend(), middle);
            let row = self.reads().query_one_raw(row).await;
            match row.map_err(store_error)? {
                None => since = middle,
                Some(row) => {
                    let id: Uuid = row.try_get("", "id").map_err(store_error)?;
                    let received: i64 = row.try_get("", "received_at").map_err(store_error)?;
                    if received < at_micros {
                        before = id.as_u128().saturating_add(1).min(since);
                    } else {
                        since = middle;
                    }
                }
            }
        }
        Ok((before, since))
    }

    /// A key from which on everything was received at that time or later.
    pub(crate) async fn first_key_since(&self, at: Timestamp) -> Result<Uuid, StoreError> {
        let late = at.unix_micros().saturating_add(CLOCKS_APART_MICROS);
        let (_, since) = self.keys_around(late).await?;
        Ok(Uuid::from_u128(since))
    }

    async fn kept_attempts(&self, event: &StoredEvent) -> Result<Vec<AttemptOutcome>, StoreError> {
        use provider_event_attempt::{Column, Entity};
        let kept = Entity::find()
            .filter(Column::EventId.eq(event.id.uuid()))
            .order_by_asc(Column::Number);
        let kept = kept.all(self.reads()).await.map_err(store_error)?;
        kept.into_iter().map(attempt).collect()
    }

    /// What was committed with the event as its cause: at the time of its mark, for which there is
    /// an index.
    async fn effects(&self, event: &StoredEvent) -> Result<Vec<AuditLine>, StoreError> {
        use billing_domain::provider_events::stored_event::EventState;
        let EventState::Processed { at } = event.state else {
            return Ok(Vec::new());
        };
        let effects = audit::Entity::find()
            .filter(audit::Column::At.eq(at.unix_micros()))
            .filter(audit::Column::Cause.eq(Cause::ProviderEvent(event.id).description()))
            .order_by_asc(audit::Column::EntityKind)
            .order_by_asc(audit::Column::EntityId);
        let effects = effects.all(self.reads()).await.map_err(store_error)?;
        effects.into_iter().map(audit_line).collect()
    }

    async fn decisions(&self, event: &StoredEvent) -> Result<Vec<AuditLine>, StoreError> {
        use sea_orm::QuerySelect;
        let decisions = audit::Entity::find()
            .filter(audit::Column::EntityKind.eq(EntityKind::ProviderEvent.name()))
            .filter(audit::Column::EntityId.eq(event.id.uuid()))
            .order_by_asc(audit::Column::Version)
            .limit(DECISIONS_MAX);
        let decisions = decisions.all(self.reads()).await.map_err(store_error)?;
        decisions.into_iter().map(audit_line).collect()
    }
}

fn attempt(model: provider_event_attempt::Model) -> Result<AttemptOutcome, StoreError> {
    let provider_event_attempt::Model {
        event_id,
        number: _,
        at,
        outcome,
        error,
    } = model;
    let cells = Cells::of("provider_event_attempts", event_id);
    Ok(AttemptOutcome {
        at: cells.time("at", at)?,
        status: cells.present("outcome", EventStatus::parse(&outcome))?,
        error,
    })
}

/// An audit entry as it is read back.
pub(crate) fn audit_line(model: audit::Model) -> Result<AuditLine, StoreError> {
    let audit::Model {
        entity_kind,
        entity_id,
        version,
        at,
        actor,
        action,
        state_before,
        state_after,
        cause,
        reason,
        request_id,
    } = model;
    let cells = Cells::of("audit_entries", entity_id);
    Ok(AuditLine {
        entity_kind,
        entity_id,
        version: cells.count("version", version)?,
        at: cells.time("at", at)?,
        actor,
        action,
        before: state_before,
        after: state_after,
        cause,
        reason,
        request_id,
    })
}
