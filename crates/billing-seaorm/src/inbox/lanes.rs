//! Who applies the events of which lane (ADR 0013).

use std::collections::HashSet;

use billing_domain::kernel::id::InboxEventId;
use billing_domain::kernel::ports::StoreError;
use billing_domain::kernel::timestamp::Timestamp;
use billing_domain::provider_events::lane::{Fence, Lane, LaneHold, LaneShare};
use billing_domain::provider_events::ports::ClaimedEvent;
use sea_orm::sea_query::ArrayType;
use sea_orm::{ConnectionTrait, DbBackend, DbErr, FromQueryResult, QueryResult, Statement, Value};

use super::claimed;
use crate::fault::store_error;
use crate::many_rows::{ManyRows, returned_ids};
use crate::migrate::begin;
use crate::rows::provider_event::Model;
use crate::store::SeaOrmStore;

/// What is due in a lane: PostgreSQL looks each lane up in the two indexes that know.
const IS_WAITING: &str = "status IN ('received', 'processing')";

impl SeaOrmStore {
    pub(super) async fn take(
        &self,
        owner: &str,
        share: LaneShare,
        now: Timestamp,
        leased_until: Timestamp,
        limit: u32,
    ) -> Result<Vec<LaneHold>, StoreError> {
        // PostgreSQL passes over lanes that another worker is taking; SQLite has one writer.
        let skip_locked = match self.backend() {
            DbBackend::Postgres => "FOR UPDATE SKIP LOCKED",
            _ => "",
        };
        let sql = format!(
            "UPDATE provider_event_lanes
             SET fence = fence + 1, leased_until = $1, owner = $2
             WHERE lane IN (
                 SELECT free.lane FROM provider_event_lanes AS free
                 WHERE free.leased_until <= $3 AND free.lane % $4 = $5
                   AND (EXISTS (SELECT 1 FROM provider_events
                                WHERE lane = free.lane AND {IS_WAITING})
                        OR EXISTS (SELECT 1 FROM provider_events
                                   WHERE lane = free.lane AND status = 'failed'
                                     AND next_attempt_at <= $3))
                 ORDER BY free.lane
                 LIMIT $6
                 {skip_locked}
             )
             RETURNING lane, fence"
        );
        let values: [Value; 6] = [
            leased_until.unix_micros().into(),
            owner.into(),
            now.unix_micros().into(),
            i64::from(share.of).into(),
            i64::from(share.index).into(),
            i64::from(limit).into(),
        ];
        let statement = Statement::from_sql_and_values(self.backend(), sql, values);
        let rows = self.writes().query_all_raw(statement).await;
        let mut taken = rows
            .and_then(|rows| rows.iter().map(hold).collect::<Result<Vec<_>, _>>())
            .map_err(store_error)?;
        taken.sort_by_key(|hold| hold.lane);
        Ok(taken)
    }

    pub(super) async fn renew(
        &self,
        held: &[LaneHold],
        leased_until: Timestamp,
    ) -> Result<Vec<LaneHold>, StoreError> {
        self.set_leases(held, leased_until.unix_micros()).await
    }

    pub(super) async fn release(&self, held: &[LaneHold]) -> Result<(), StoreError> {
        self.set_leases(held, 0).await.map(|_| ())
    }

    /// Only where the fence is still theirs, and the lane was not given back: such a lane is nobody's,
    /// and a renewal that comes late must not keep it from everybody.
    async fn set_leases(
        &self,
        held: &[LaneHold],
        leased_until: i64,
    ) -> Result<Vec<LaneHold>, StoreError> {
        let still = match self.backend() {
            DbBackend::Postgres => {
                let [lanes, fences] = lane_arrays(held.iter().copied());
                let statement = Statement::from_sql_and_values(
                    DbBackend::Postgres,
                    "UPDATE provider_event_lanes AS kept SET leased_until = $3
                     FROM unnest($1::bigint[], $2::bigint[]) AS held (lane, fence)
                     WHERE kept.lane = held.lane AND kept.fence = held.fence
                       AND kept.leased_until > 0
                     RETURNING kept.lane, kept.fence",
                    [lanes, fences, leased_until.into()],
                );
                self.writes().query_all_raw(statement).await
            }
            backend => {
                self.set_leases_one_by_one(backend, held, leased_until)
                    .await
            }
        };
        still
            .and_then(|rows| rows.iter().map(hold).collect::<Result<Vec<_>, _>>())
            .map_err(store_error)
    }

    async fn set_leases_one_by_one(
        &self,
        backend: DbBackend,
        held: &[LaneHold],
        leased_until: i64,
    ) -> Result<Vec<QueryResult>, DbErr> {
        let transaction = begin(self.writes()).await?;
        let mut rows = Vec::with_capacity(held.len());
        for hold in held {
            let statement = Statement::from_sql_and_values(
                backend,
                "UPDATE provider_event_lanes SET leased_until = $1
                 WHERE lane = $2 AND fence = $3 AND leased_until > 0 RETURNING lane, fence",
                [
                    leased_until.into(),
                    i64::from(hold.lane.number()).into(),
                    hold.fence.number().into(),
                ],
            );
            rows.extend(transaction.query_all_raw(statement).await?);
        }
        transaction.commit().await?;
        Ok(rows)
    }

    pub(super) async fn due(
        &self,
        held: &[LaneHold],
        in_hand: &[(InboxEventId, LaneHold)],
        now: Timestamp,
        per_lane: u32,
    ) -> Result<Vec<ClaimedEvent>, StoreError> {
        let (now, limit) = (now.unix_micros(), i64::from(per_lane));
        let mut rows = Vec::new();
        match self.backend() {
            DbBackend::Postgres => {
                let [lanes, _] = lane_arrays(held.iter().copied());
                let ids = in_hand.iter().map(|(id, _)| Value::from(id.uuid()));
                let in_hand = Value::Array(ArrayType::Uuid, Some(Box::new(ids.collect())));
                let due = due_in("held.lane", "$2", "$3", "id <> ALL($4)");
                let sql = format!(
                    "SELECT due.* FROM unnest($1::bigint[]) AS held (lane)
                     CROSS JOIN LATERAL ({due}) AS due"
                );
                let values = [lanes, now.into(), limit.into(), in_hand];
                let statement = Statement::from_sql_and_values(self.backend(), sql, values);
                rows.extend(
                    self.reads()
                        .query_all_raw(statement)
                        .await
                        .map_err(store_error)?,
                );
            }
            backend => {
                for hold in held {
                    let lane = i64::from(hold.lane.number());
                    let mut values: Vec<Value> = vec![lane.into(), now.into(), limit.into()];
                    let of_lane = in_hand.iter().filter(|(_, other)| other == hold);
                    values.extend(of_lane.map(|(id, _)| Value::from(id.uuid())));
                    let places: Vec<String> = (4..=values.len())
                        .map(|place| format!("${place}"))
                        .collect();
                    let is_new = format!("id NOT IN ({})", places.join(", "));
                    let sql = due_in("$1", "$2", "$3", &is_new);
                    let statement = Statement::from_sql_and_values(backend, sql, values);
                    rows.extend(
                        self.reads()
                            .query_all_raw(statement)
                            .await
                            .map_err(store_error)?,
                    );
                }
            }
        }
        let models = rows.iter().map(|row| Model::from_query_result(row, ""));
        let mut models = models.collect::<Result<Vec<_>, _>>().map_err(store_error)?;
        models.sort_by_key(|model| (model.lane, model.created_at, model.id));
        let mut due = Vec::with_capacity(models.len());
        for of_lane in models.chunk_by(|left, right| left.lane == right.lane) {
            let hold = of_lane.first().and_then(|first| {
                held.iter()
                    .find(|hold| i64::from(hold.lane.number()) == first.lane)
            });
            let Some(hold) = hold else { continue };
            // Either index gave as many as one lane may have.
            let limit = usize::try_from(per_lane).unwrap_or(usize::MAX);
            for model in of_lane.iter().take(limit) {
                due.push(claimed(model.clone(), *hold)?);
            }
        }
        due.sort_by_key(|event| (event.created_at, event.id));
        Ok(due)
    }

    pub(super) async fn begin(
        &self,
        events: &[(InboxEventId, LaneHold)],
        leased_until: Timestamp,
    ) -> Result<Vec<InboxEventId>, StoreError> {
        if events.is_empty() {
            return Ok(Vec::new());
        }
        let begun = match self.backend() {
            DbBackend::Postgres => {
                let rows = ManyRows::new(events.len())
                    .with("id", events.iter().map(|(id, _)| id.uuid()))
                    .with(
                        "lane",
                        events.iter().map(|(_, hold)| i64::from(hold.lane.number())),
                    )
                    .with("fence", events.iter().map(|(_, hold)| hold.fence.number()))
                    .unnested();
                let mut values = rows.values;
                values.push(leased_until.unix_micros().into());
                let sql = format!(
                    "UPDATE provider_events AS event SET {} FROM {}
                     JOIN provider_event_lanes AS held
                       ON held.lane = new.lane AND held.fence = new.fence
                     WHERE event.id = new.id AND event.status IN ('received', 'processing', 'failed')
                     RETURNING event.id",
                    begun_cells(&format!("${}", values.len())),
                    rows.source
                );
                let statement = Statement::from_sql_and_values(self.backend(), sql, values);
                returned_ids(self.writes(), statement).await
            }
            backend => self.begin_one_by_one(backend, events, leased_until).await,
        };
        let begun = begun.map_err(store_error)?;
        Ok(begun.into_iter().map(InboxEventId::from_uuid).collect())
    }

    async fn begin_one_by_one(
        &self,
        backend: DbBackend,
        events: &[(InboxEventId, LaneHold)],
        leased_until: Timestamp,
    ) -> Result<Vec<uuid::Uuid>, DbErr> {
        let sql = format!(
            "UPDATE provider_events SET {}
             WHERE id = $2 AND status IN ('received', 'processing', 'failed')
               AND EXISTS (SELECT 1 FROM provider_event_lanes WHERE lane = $3 AND fence = $4)
             RETURNING id",
            begun_cells("$1")
        );
        let transaction = begin(self.writes()).await?;
        let mut begun = Vec::with_capacity(events.len());
        for (id, hold) in events {
            let values: [Value; 4] = [
                leased_until.unix_micros().into(),
                id.uuid().into(),
                i64::from(hold.lane.number()).into(),
                hold.fence.number().into(),
            ];
            let statement = Statement::from_sql_and_values(backend, &sql, values);
            begun.extend(returned_ids(&transaction, statement).await?);
        }
        transaction.commit().await?;
        Ok(begun)
    }
}

/// Which of these holds still stand. Nobody can take one of them before the transaction ends.
pub(crate) async fn still_held<C: ConnectionTrait>(
    transaction: &C,
    holds: &HashSet<LaneHold>,
) -> Result<HashSet<LaneHold>, DbErr> {
    let statement = match transaction.get_database_backend() {
        DbBackend::Postgres => {
            let [lanes, _] = lane_arrays(holds.iter().copied());
            Statement::from_sql_and_values(
                DbBackend::Postgres,
                "SELECT lane, fence FROM provider_event_lanes WHERE lane = ANY($1)
                 ORDER BY lane FOR SHARE",
                [lanes],
            )
        }
        // Whoever writes on SQLite is alone.
        backend => {
            let numbers: Vec<String> = holds
                .iter()
                .map(|hold| hold.lane.number().to_string())
                .collect();
            let sql = format!(
                "SELECT lane, fence FROM provider_event_lanes WHERE lane IN ({})",
                numbers.join(", ")
            );
            Statement::from_string(backend, sql)
        }
    };
    let rows = transaction.query_all_raw(statement).await?;
    let current = rows.iter().map(hold).collect::<Result<HashSet<_>, _>>()?;
    Ok(holds.intersection(&current).copied().collect())
}

/// What is due in one lane, as the two indexes have it.
fn due_in(lane: &str, now: &str, limit: &str, is_new: &str) -> String {
    format!(
        "SELECT * FROM (SELECT * FROM provider_events
                        WHERE lane = {lane} AND {IS_WAITING} AND {is_new}
                        ORDER BY created_at, id LIMIT {limit}) AS waiting
         UNION ALL
         SELECT * FROM (SELECT * FROM provider_events WHERE lane = {lane} AND status = 'failed'
                          AND next_attempt_at <= {now} AND {is_new}
                        ORDER BY next_attempt_at LIMIT {limit}) AS failed"
    )
}

fn begun_cells(leased_until: &str) -> String {
    format!(
        "abandoned = abandoned + CASE WHEN status = 'processing' THEN 1 ELSE 0 END,
         status = 'processing', claimed_until = {leased_until}, next_attempt_at = NULL,
         attempts = attempts + 1, version = version + 1"
    )
}

fn lane_arrays(holds: impl Iterator<Item = LaneHold>) -> [Value; 2] {
    let (lanes, fences): (Vec<Value>, Vec<Value>) = holds
        .map(|hold| {
            (
                Value::from(i64::from(hold.lane.number())),
                Value::from(hold.fence.number()),
            )
        })
        .unzip();
    let array = |values| Value::Array(ArrayType::BigInt, Some(Box::new(values)));
    [array(lanes), array(fences)]
}

fn hold(row: &QueryResult) -> Result<LaneHold, DbErr> {
    let number: i64 = row.try_get("", "lane")?;
    let lane = u16::try_from(number).ok().and_then(Lane::parse);
    Ok(LaneHold {
        lane: lane.ok_or_else(|| DbErr::Type(format!("there is no lane {number}")))?,
        fence: Fence::restore(row.try_get("", "fence")?),
    })
}
