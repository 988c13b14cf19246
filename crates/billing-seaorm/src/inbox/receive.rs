//! Stores deliveries that arrive at the same time with one insert, so that receiving is not bound to
//! one flush of the disk for each event. Nobody waits for company: while one insert runs, whoever
//! arrives joins the next one. A second insert beside it was measured: both are smaller, and dearer.

use std::collections::HashSet;
use std::sync::Arc;

use billing_domain::kernel::ports::StoreError;
use billing_domain::provider_events::ports::Receipt;
use sea_orm::sea_query::ArrayType;
use sea_orm::{ConnectionTrait, DbBackend, DbErr, Statement, Value};
use uuid::Uuid;

use crate::fault::{is_about_a_row, store_error, unavailable};
use crate::rows::provider_event::Model;
use crate::store::SeaOrmStore;
use crate::together::{Limits, Together};

/// Deliveries in one insert at most, and the bytes of their payloads: what a database takes in one
/// statement without strain.
const BATCH_MAX: usize = 256;
const BATCH_BYTES_MAX: usize = 4 << 20;

/// Deliveries that wait at most, while the database does not answer. The sender comes again.
const WAITING_MAX: usize = 4_096;

/// Bound values per event in SQLite's statement.
const COLUMNS: usize = 15;

/// Deliveries on their way into the database. Each row goes back to whoever brought it: memory that one
/// thread took and another one frees costs both a lock.
pub(crate) type Receiving = Together<Model, (Result<Receipt, StoreError>, Model)>;

/// Where deliveries meet.
pub(crate) fn receiving() -> Arc<Receiving> {
    Together::new(Limits {
        items_max: BATCH_MAX,
        weight_max: BATCH_BYTES_MAX,
        weight: |row| row.payload.len(),
        waiting_max: WAITING_MAX,
    })
}

impl SeaOrmStore {
    /// Stores one event together with those that arrive meanwhile.
    pub(crate) async fn receive(&self, row: Model) -> Result<Receipt, StoreError> {
        let store = self.clone();
        let answer = move |rows: Vec<Model>| {
            let store = store.clone();
            async move {
                let receipts = store.insert_together(&rows).await;
                receipts.into_iter().zip(rows).collect()
            }
        };
        let answered = self.meetings().receiving.ask(row, answer).await;
        match answered {
            Some((receipt, _row)) => receipt,
            None => Err(unavailable("too many deliveries wait to be stored")),
        }
    }

    /// One insert for all. If the database refuses that for what is in a row, each goes by itself, so
    /// that such a row costs the others nothing; if it does not answer, nobody is stored, and nobody
    /// waits until it has not answered each of them.
    async fn insert_together(&self, rows: &[Model]) -> Vec<Result<Receipt, StoreError>> {
        let all: Vec<&Model> = rows.iter().collect();
        match self.insert_events(all).await {
            Ok(inserted) => rows.iter().map(|row| Ok(receipt(row, &inserted))).collect(),
            Err(error) if rows.len() == 1 => vec![Err(store_error(error))],
            Err(error) if is_about_a_row(&error) => {
                let mut receipts = Vec::with_capacity(rows.len());
                for row in rows {
                    let inserted = self.insert_events(vec![row]).await;
                    let receipt = inserted.map(|inserted| receipt(row, &inserted));
                    receipts.push(receipt.map_err(store_error));
                }
                receipts
            }
            Err(error) => {
                let reason = error.to_string();
                rows.iter().map(|_| Err(unavailable(&reason))).collect()
            }
        }
    }

    /// Gives the ids of the rows that were not stored before. Of one event that is delivered twice in
    /// a batch, one row is stored.
    async fn insert_events(&self, mut rows: Vec<&Model>) -> Result<HashSet<Uuid>, DbErr> {
        // Two replicas that store the same events then meet them in the same order, and neither waits
        // for the other while the other waits for it.
        rows.sort_by(|left, right| left.provider_event_id.cmp(&right.provider_event_id));
        let backend = self.backend();
        let statement = match backend {
            DbBackend::Postgres => as_arrays(&rows),
            _ => as_values(backend, &rows),
        };
        let inserted = self.writes().query_all_raw(statement).await?;
        inserted.iter().map(|row| row.try_get_by_index(0)).collect()
    }
}

fn receipt(row: &Model, inserted: &HashSet<Uuid>) -> Receipt {
    if inserted.contains(&row.id) {
        Receipt::Recorded
    } else {
        Receipt::Duplicate
    }
}

/// PostgreSQL: one array for each column, whatever the number of rows.
fn as_arrays(rows: &[&Model]) -> Statement {
    fn array(kind: ArrayType, values: impl Iterator<Item = Value>) -> Value {
        Value::Array(kind, Some(Box::new(values.collect())))
    }
    let texts =
        |of: fn(&Model) -> &str| array(ArrayType::String, rows.iter().map(|row| of(row).into()));
    let numbers =
        |of: fn(&Model) -> i64| array(ArrayType::BigInt, rows.iter().map(|row| of(row).into()));
    let values = [
        array(ArrayType::Uuid, rows.iter().map(|row| row.id.into())),
        texts(|row| &row.provider_event_id),
        texts(|row| &row.event_type),
        texts(|row| row.api_version.as_deref().unwrap_or_default()),
        array(ArrayType::Bool, rows.iter().map(|row| row.is_live.into())),
        texts(|row| row.account.as_deref().unwrap_or_default()),
        array(
            ArrayType::Bytes,
            rows.iter().map(|row| row.payload.clone().into()),
        ),
        texts(|row| &row.signature),
        texts(|row| row.correlation_id.as_deref().unwrap_or_default()),
        numbers(|row| row.created_at),
        numbers(|row| row.received_at),
        texts(|row| row.subject.as_deref().unwrap_or_default()),
        numbers(|row| row.lane),
        texts(|row| row.headers.as_deref().unwrap_or_default()),
        texts(|row| row.remote_address.as_deref().unwrap_or_default()),
    ];
    // Arrays cannot hold nulls here, so an empty text stands for one.
    Statement::from_sql_and_values(
        DbBackend::Postgres,
        "INSERT INTO provider_events
             (id, provider_event_id, event_type, api_version, is_live, account, payload, signature,
              correlation_id, created_at, received_at, subject, lane, headers, remote_address,
              status, attempts)
         SELECT id, event_id, kind, NULLIF(version, ''), live, NULLIF(account, ''), payload,
                signature, NULLIF(correlation, ''), created, received, NULLIF(subject, ''), lane,
                NULLIF(headers, ''), NULLIF(address, ''), 'received', 0
         FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::bool[], $6::text[],
                     $7::bytea[], $8::text[], $9::text[], $10::bigint[], $11::bigint[],
                     $12::text[], $13::bigint[], $14::text[], $15::text[])
              AS new (id, event_id, kind, version, live, account, payload, signature, correlation,
                      created, received, subject, lane, headers, address)
         ON CONFLICT (provider_event_id) DO NOTHING
         RETURNING id",
        values,
    )
}

/// SQLite: a row of bound values for each event.
fn as_values(backend: DbBackend, rows: &[&Model]) -> Statement {
    let row = |index: usize| {
        let marks: Vec<String> = (1..=COLUMNS)
            .map(|column| format!("${}", index * COLUMNS + column))
            .collect();
        format!("({}, 'received', 0)", marks.join(", "))
    };
    let marks: Vec<String> = (0..rows.len()).map(row).collect();
    let values = rows.iter().flat_map(|row| -> [Value; COLUMNS] {
        [
            row.id.into(),
            row.provider_event_id.clone().into(),
            row.event_type.clone().into(),
            row.api_version.clone().into(),
            row.is_live.into(),
            row.account.clone().into(),
            row.payload.clone().into(),
            row.signature.clone().into(),
            row.correlation_id.clone().into(),
            row.created_at.into(),
            row.received_at.into(),
            row.subject.clone().into(),
            row.lane.into(),
            row.headers.clone().into(),
            row.remote_address.clone().into(),
        ]
    });
    Statement::from_sql_and_values(
        backend,
        format!(
            "INSERT INTO provider_events
                 (id, provider_event_id, event_type, api_version, is_live, account, payload,
                  signature, correlation_id, created_at, received_at, subject, lane, headers,
                  remote_address, status, attempts)
             VALUES {}
             ON CONFLICT (provider_event_id) DO NOTHING
             RETURNING id",
            marks.join(", ")
        ),
        values,
    )
}
