//! How far scans of the provider's list got: one row for each list, held by one replica at a time.

use std::collections::BTreeSet;

use async_trait::async_trait;
use billing_domain::deliveries::ports::ScanLog;
use billing_domain::deliveries::scan::{Scan, ScanKind, ScanWindow};
use billing_domain::kernel::ports::StoreError;
use billing_domain::kernel::text::ProviderRef;
use billing_domain::kernel::timestamp::Timestamp;
use sea_orm::sea_query::{Expr, OnConflict};
use sea_orm::{
    ColumnTrait, Condition, EntityTrait, IntoActiveModel, QueryFilter, QuerySelect, UpdateMany,
};
use uuid::Uuid;

use crate::fault::store_error;
use crate::rows::event_scan::{Column, Entity, Model};
use crate::rows::{self, Cells, provider_event};
use crate::store::SeaOrmStore;

#[async_trait]
impl ScanLog for SeaOrmStore {
    async fn claim_scan(
        &self,
        first: &Scan,
        holder: Uuid,
        now: Timestamp,
        leased_until: Timestamp,
    ) -> Result<Option<Scan>, StoreError> {
        let row = first_row(first, now);
        Entity::insert(row.into_active_model())
            .on_conflict(OnConflict::column(Column::Kind).do_nothing().to_owned())
            .exec_without_returning(self.writes())
            .await
            .map_err(store_error)?;
        let claimed = Entity::update_many()
            .col_expr(Column::Holder, Expr::value(holder))
            .col_expr(Column::LeasedUntil, Expr::value(leased_until.unix_micros()))
            .filter(Column::Kind.eq(first.kind.name()))
            .filter(is_free(now))
            .filter(Column::NextAt.lte(now.unix_micros()))
            .exec_with_returning(self.writes())
            .await
            .map_err(store_error)?;
        claimed.into_iter().next().map(scan).transpose()
    }

    async fn keep_scan(
        &self,
        scan: &Scan,
        holder: Uuid,
        leased_until: Timestamp,
    ) -> Result<bool, StoreError> {
        let kept = written(scan, holder)
            .col_expr(Column::LeasedUntil, Expr::value(leased_until.unix_micros()))
            .exec(self.writes())
            .await
            .map_err(store_error)?;
        Ok(kept.rows_affected > 0)
    }

    async fn release_scan(
        &self,
        scan: &Scan,
        holder: Uuid,
        next_at: Timestamp,
    ) -> Result<(), StoreError> {
        written(scan, holder)
            .col_expr(Column::LeasedUntil, Expr::value(None::<i64>))
            .col_expr(Column::Holder, Expr::value(None::<Uuid>))
            .col_expr(Column::NextAt, Expr::value(next_at.unix_micros()))
            .exec(self.writes())
            .await
            .map(|_| ())
            .map_err(store_error)
    }

    async fn hurry_scans(
        &self,
        since: Option<Timestamp>,
        now: Timestamp,
    ) -> Result<u64, StoreError> {
        if let Some(since) = since {
            Entity::update_many()
                .col_expr(Column::Position, Expr::value(since.unix_micros()))
                .col_expr(Column::WindowFrom, Expr::value(None::<i64>))
                .col_expr(Column::WindowUntil, Expr::value(None::<i64>))
                .col_expr(Column::PageAfter, Expr::value(None::<String>))
                .filter(is_free(now))
                .filter(Column::Position.gt(since.unix_micros()))
                .exec(self.writes())
                .await
                .map_err(store_error)?;
        }
        let due = now.unix_micros();
        let sooner = Expr::case(Column::NextAt.lt(due), Expr::col(Column::NextAt));
        let hurried = Entity::update_many()
            .col_expr(Column::NextAt, sooner.finally(due).into())
            .filter(is_free(now))
            .exec(self.writes())
            .await
            .map_err(store_error)?;
        Ok(hurried.rows_affected)
    }

    async fn scans(&self) -> Result<Vec<Scan>, StoreError> {
        let models = Entity::find().all(self.reads()).await;
        let models = models.map_err(store_error)?;
        models.into_iter().map(scan).collect()
    }

    async fn unknown_events(&self, ids: &[ProviderRef]) -> Result<Vec<ProviderRef>, StoreError> {
        let names = ids.iter().map(ProviderRef::as_str);
        let known: Vec<String> = provider_event::Entity::find()
            .select_only()
            .column(provider_event::Column::ProviderEventId)
            .filter(provider_event::Column::ProviderEventId.is_in(names))
            .into_tuple()
            .all(self.reads())
            .await
            .map_err(store_error)?;
        let known: BTreeSet<&str> = known.iter().map(String::as_str).collect();
        let unknown = ids.iter().filter(|id| !known.contains(id.as_str()));
        Ok(unknown.cloned().collect())
    }
}

/// Nobody has it, or whoever had it is late.
fn is_free(now: Timestamp) -> Condition {
    Condition::any()
        .add(Column::LeasedUntil.is_null())
        .add(Column::LeasedUntil.lte(now.unix_micros()))
}

fn first_row(first: &Scan, now: Timestamp) -> Model {
    let Scan {
        kind,
        position,
        window,
        finished_at,
        found_count,
        found_at,
        last_error,
    } = first.clone();
    let (window_from, window_until, page_after) = window_cells(window.as_ref());
    Model {
        kind: kind.name().to_owned(),
        position: position.unix_micros(),
        window_from,
        window_until,
        page_after,
        finished_at: rows::micros(finished_at),
        found_count: count_cell(found_count),
        found_at: rows::micros(found_at),
        last_error,
        holder: None,
        leased_until: None,
        next_at: now.unix_micros(),
    }
}

/// What a turn found out, where the scan is still its holder's.
fn written(scan: &Scan, holder: Uuid) -> UpdateMany<Entity> {
    let Scan {
        kind,
        position,
        window,
        finished_at,
        found_count,
        found_at,
        last_error,
    } = scan;
    let (from, until, after) = window_cells(window.as_ref());
    Entity::update_many()
        .col_expr(Column::Position, Expr::value(position.unix_micros()))
        .col_expr(Column::WindowFrom, Expr::value(from))
        .col_expr(Column::WindowUntil, Expr::value(until))
        .col_expr(Column::PageAfter, Expr::value(after))
        .col_expr(Column::FinishedAt, Expr::value(rows::micros(*finished_at)))
        .col_expr(Column::FoundCount, Expr::value(count_cell(*found_count)))
        .col_expr(Column::FoundAt, Expr::value(rows::micros(*found_at)))
        .col_expr(Column::LastError, Expr::value(last_error.clone()))
        .filter(Column::Kind.eq(kind.name()))
        .filter(Column::Holder.eq(holder))
}

fn window_cells(window: Option<&ScanWindow>) -> (Option<i64>, Option<i64>, Option<String>) {
    match window {
        None => (None, None, None),
        Some(ScanWindow { from, until, after }) => (
            Some(from.unix_micros()),
            Some(until.unix_micros()),
            after.as_ref().map(ProviderRef::to_string),
        ),
    }
}

fn count_cell(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

fn scan(model: Model) -> Result<Scan, StoreError> {
    let cells = Cells::named("event_scans", &model.kind);
    let window = match (model.window_from, model.window_until) {
        (Some(from), Some(until)) => Some(ScanWindow {
            from: cells.time("window_from", from)?,
            until: cells.time("window_until", until)?,
            after: cells.optional(
                "page_after",
                model.page_after.as_deref(),
                ProviderRef::parse,
            )?,
        }),
        (None, None) => None,
        (Some(_), None) | (None, Some(_)) => return Err(cells.inconsistent("window_until")),
    };
    Ok(Scan {
        kind: cells.present("kind", ScanKind::parse(&model.kind))?,
        position: cells.time("position", model.position)?,
        window,
        finished_at: cells.optional_time("finished_at", model.finished_at)?,
        found_count: cells.parsed("found_count", u64::try_from(model.found_count))?,
        found_at: cells.optional_time("found_at", model.found_at)?,
        last_error: model.last_error,
    })
}
