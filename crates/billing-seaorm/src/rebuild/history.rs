//! The recorded commits in their order: the order is made once in the store that is rebuilt, so
//! that a log of any length is read by the page.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use async_trait::async_trait;
use billing_domain::kernel::audit::AuditLine;
use billing_domain::kernel::change_set::{Cause, EVENT_CAUSE};
use billing_domain::kernel::id::InboxEventId;
use billing_domain::kernel::ports::StoreError;
use billing_domain::kernel::text::ProviderRef;
use billing_domain::kernel::timestamp::Timestamp;
use billing_domain::provider_events::delivery::Delivery;
use billing_domain::provider_events::ports::{Envelope, ReceivedEvent};
use billing_domain::provider_events::stored_event::EventStatus;
use billing_domain::rebuild::ports::{History, RecordedCause, RecordedCommit};
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
    Statement, Value,
};
use uuid::Uuid;

use super::RebuildStore;
use crate::fault::store_error;
use crate::migrate::begin;
use crate::readers::event_log::audit_line;
use crate::rows::reading_document::read_readings;
use crate::rows::{Cells, audit, provider_event};

/// Rows of the log that are put in order at a time.
const ORDERED_PAGE: u64 = 2_000;

/// One commit's place in time: when, then the provider's time, then its cause.
struct Place {
    at: i64,
    tie: i64,
    cause: String,
    event_id: Option<Uuid>,
}

const COLUMNS: usize = 4;

impl RebuildStore {
    /// Puts the commits up to a time into their order.
    pub(super) async fn order_history(&self, as_of: Timestamp) -> Result<(), StoreError> {
        self.on_rebuilt(
            "CREATE TABLE recorded_places (at BIGINT NOT NULL, tie BIGINT NOT NULL,
                 cause TEXT NOT NULL, event_id UUID)",
        )
        .await?;
        self.place_events(as_of.unix_micros()).await?;
        self.place_others(as_of.unix_micros()).await?;
        self.on_rebuilt(
            "CREATE TABLE recorded_order (place INTEGER PRIMARY KEY, at BIGINT NOT NULL,
                 cause TEXT NOT NULL, event_id UUID)",
        )
        .await?;
        self.on_rebuilt(
            "INSERT INTO recorded_order (at, cause, event_id)
                 SELECT at, cause, event_id FROM recorded_places ORDER BY at, tie, cause",
        )
        .await?;
        self.on_rebuilt("DROP TABLE recorded_places").await
    }

    async fn on_rebuilt(&self, sql: &str) -> Result<(), StoreError> {
        let done = self.rebuilt.writes().execute_unprepared(sql).await;
        done.map(|_| ()).map_err(store_error)
    }

    /// Events by when they were applied, or put to rest without an effect.
    async fn place_events(&self, until: i64) -> Result<(), StoreError> {
        use provider_event::{Column, Entity};
        let at_rest = [EventStatus::Skipped, EventStatus::Parked].map(|status| status.name());
        let rests = Condition::all()
            .add(Column::AppliedAt.is_null())
            .add(Column::Status.is_in(at_rest))
            .add(Column::SettledAt.lte(until));
        let is_decided = Condition::any()
            .add(Column::AppliedAt.lte(until))
            .add(rests);
        let mut after = Uuid::nil();
        loop {
            let page: Vec<(Uuid, i64, Option<i64>, Option<i64>)> = Entity::find()
                .select_only()
                .columns([
                    Column::Id,
                    Column::CreatedAt,
                    Column::AppliedAt,
                    Column::SettledAt,
                ])
                .filter(Column::Id.gt(after))
                .filter(is_decided.clone())
                .order_by_asc(Column::Id)
                .limit(ORDERED_PAGE)
                .into_tuple()
                .all(self.live.reads())
                .await
                .map_err(store_error)?;
            let Some((last, ..)) = page.last() else {
                return Ok(());
            };
            after = *last;
            let place = |(id, created_at, applied_at, settled_at): (_, _, Option<i64>, _)| Place {
                at: applied_at.or(settled_at).unwrap_or_default(),
                tie: created_at,
                cause: Cause::ProviderEvent(InboxEventId::from_uuid(id)).description(),
                event_id: Some(id),
            };
            self.place(page.into_iter().map(place).collect()).await?;
        }
    }

    /// What no event caused, by the audit trail: one stretch of time after the other, each with so
    /// many lines as an index finds at once. A group over all that follows would be one over the
    /// whole trail, for each page.
    async fn place_others(&self, until: i64) -> Result<(), StoreError> {
        use audit::{Column, Entity};
        let mut after = i64::MIN;
        while after < until {
            let times: Vec<i64> = Entity::find()
                .select_only()
                .column(Column::At)
                .filter(Column::At.gt(after))
                .order_by_asc(Column::At)
                .limit(ORDERED_PAGE)
                .into_tuple()
                .all(self.live.reads())
                .await
                .map_err(store_error)?;
            let Some(last) = times.last() else {
                return Ok(());
            };
            // Whatever else is of the last moment is in the stretch as well.
            let end = until.min(*last);
            let causes: Vec<(i64, String)> = Entity::find()
                .select_only()
                .columns([Column::At, Column::Cause])
                .distinct()
                .filter(Column::At.gt(after))
                .filter(Column::At.lte(end))
                .filter(Column::Cause.not_like(format!("{EVENT_CAUSE}%")))
                .into_tuple()
                .all(self.live.reads())
                .await
                .map_err(store_error)?;
            let places = causes.into_iter().map(|(at, cause)| Place {
                at,
                tie: 0,
                cause,
                event_id: None,
            });
            self.place(places.collect()).await?;
            after = end;
        }
        Ok(())
    }

    async fn place(&self, places: Vec<Place>) -> Result<(), StoreError> {
        if places.is_empty() {
            return Ok(());
        }
        let row = |index: usize| {
            let first = index * COLUMNS;
            format!(
                "(${}, ${}, ${}, ${})",
                first + 1,
                first + 2,
                first + 3,
                first + 4
            )
        };
        let marks: Vec<String> = (0..places.len()).map(row).collect();
        let values = places.into_iter().flat_map(|place| -> [Value; COLUMNS] {
            [
                place.at.into(),
                place.tie.into(),
                place.cause.into(),
                place.event_id.into(),
            ]
        });
        let statement = Statement::from_sql_and_values(
            self.rebuilt.backend(),
            format!(
                "INSERT INTO recorded_places (at, tie, cause, event_id) VALUES {}",
                marks.join(", ")
            ),
            values,
        );
        let transaction = begin(self.rebuilt.writes()).await.map_err(store_error)?;
        let inserted = transaction.execute_raw(statement).await;
        inserted.map_err(store_error)?;
        transaction.commit().await.map_err(store_error)
    }

    async fn ordered(&self, after: u64, limit: u32) -> Result<Vec<(u64, Place)>, StoreError> {
        let after = i64::try_from(after).unwrap_or(i64::MAX);
        let statement = Statement::from_sql_and_values(
            self.rebuilt.backend(),
            "SELECT place, at, cause, event_id FROM recorded_order WHERE place > $1
             ORDER BY place LIMIT $2",
            [after.into(), i64::from(limit).into()],
        );
        let rows = self.rebuilt.writes().query_all_raw(statement).await;
        let mut places = Vec::new();
        for row in rows.map_err(store_error)? {
            let place: i64 = row.try_get("", "place").map_err(store_error)?;
            let found = Place {
                at: row.try_get("", "at").map_err(store_error)?,
                tie: 0,
                cause: row.try_get("", "cause").map_err(store_error)?,
                event_id: row.try_get("", "event_id").map_err(store_error)?,
            };
            places.push((u64::try_from(place).unwrap_or_default(), found));
        }
        Ok(places)
    }

    async fn lines(
        &self,
        places: &[(u64, Place)],
    ) -> Result<BTreeMap<(i64, String), Vec<AuditLine>>, StoreError> {
        let times: BTreeSet<i64> = places.iter().map(|(_, place)| place.at).collect();
        let models = audit::Entity::find()
            .filter(audit::Column::At.is_in(times))
            .order_by_asc(audit::Column::EntityKind)
            .order_by_asc(audit::Column::EntityId)
            .order_by_asc(audit::Column::Version)
            .all(self.live.reads())
            .await
            .map_err(store_error)?;
        let mut lines: BTreeMap<(i64, String), Vec<AuditLine>> = BTreeMap::new();
        for model in models {
            let key = (model.at, model.cause.clone());
            lines.entry(key).or_default().push(audit_line(model)?);
        }
        Ok(lines)
    }

    async fn events(
        &self,
        places: &[(u64, Place)],
    ) -> Result<HashMap<Uuid, provider_event::Model>, StoreError> {
        let ids: Vec<Uuid> = places
            .iter()
            .filter_map(|(_, place)| place.event_id)
            .collect();
        let models = provider_event::Entity::find()
            .filter(provider_event::Column::Id.is_in(ids))
            .all(self.live.reads())
            .await
            .map_err(store_error)?;
        Ok(models.into_iter().map(|model| (model.id, model)).collect())
    }
}

#[async_trait]
impl History for RebuildStore {
    async fn commit_count(&self) -> Result<u64, StoreError> {
        let statement = Statement::from_string(
            self.rebuilt.backend(),
            "SELECT COUNT(*) AS found FROM recorded_order",
        );
        let row = self.rebuilt.writes().query_one_raw(statement).await;
        let row = row.map_err(store_error)?;
        let found = row.map(|row| row.try_get::<i64>("", "found"));
        let found = found.transpose().map_err(store_error)?.unwrap_or_default();
        Ok(u64::try_from(found).unwrap_or_default())
    }

    async fn commits(&self, after: u64, limit: u32) -> Result<Vec<RecordedCommit>, StoreError> {
        let places = self.ordered(after, limit).await?;
        let mut lines = self.lines(&places).await?;
        let mut events = self.events(&places).await?;
        let mut commits = Vec::with_capacity(places.len());
        for (number, place) in places {
            let event = place.event_id.and_then(|id| events.remove(&id));
            let cause = match (event, place.event_id) {
                (Some(model), _) if model.applied_at == Some(place.at) => recorded_event(model)?,
                (Some(model), _) => resting_event(model)?,
                (None, None) => RecordedCause::Other(place.cause.clone()),
                // It was there a moment ago, and nobody removes events.
                (None, Some(id)) => {
                    return Err(Cells::of("provider_events", id).inconsistent("id"));
                }
            };
            let cells = Cells::of("audit_entries", Uuid::nil());
            commits.push(RecordedCommit {
                place: number,
                at: cells.time("at", place.at)?,
                cause,
                lines: lines.remove(&(place.at, place.cause)).unwrap_or_default(),
            });
        }
        Ok(commits)
    }
}

pub(super) fn recorded_event(model: provider_event::Model) -> Result<RecordedCause, StoreError> {
    let readings = {
        let cells = Cells::of("provider_events", model.id);
        read_readings(&cells, model.readings.as_deref())?
    };
    Ok(RecordedCause::Event {
        event: Box::new(stored_event(model)?),
        readings,
    })
}

fn resting_event(model: provider_event::Model) -> Result<RecordedCause, StoreError> {
    let status = {
        let cells = Cells::of("provider_events", model.id);
        cells.present("status", EventStatus::parse(&model.status))?
    };
    Ok(RecordedCause::Resting {
        event: Box::new(stored_event(model)?),
        status,
    })
}

/// An event as it was received, or as it was left by scrubbing.
fn stored_event(model: provider_event::Model) -> Result<ReceivedEvent, StoreError> {
    let cells = Cells::of("provider_events", model.id);
    Ok(ReceivedEvent {
        id: InboxEventId::from_uuid(model.id),
        envelope: Envelope {
            provider_event_id: cells.parsed(
                "provider_event_id",
                ProviderRef::parse(&model.provider_event_id),
            )?,
            event_type: model.event_type,
            api_version: model.api_version,
            is_live: model.is_live,
            account: model.account,
            created_at: cells.time("created_at", model.created_at)?,
            subject: cells.optional("subject", model.subject.as_deref(), ProviderRef::parse)?,
        },
        payload: model.payload,
        signature: model.signature,
        correlation_id: model.correlation_id,
        // No decision rests on it.
        delivery: Delivery::default(),
        received_at: cells.time("received_at", model.received_at)?,
    })
}
