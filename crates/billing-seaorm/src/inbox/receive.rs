//! Stores deliveries that arrive at the same time with one insert, so that receiving is not bound to
//! one flush of the disk for each event. Nobody waits for company: while one insert runs, whoever
//! arrives joins the next one.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use billing_domain::kernel::ports::StoreError;
use billing_domain::provider_events::ports::Receipt;
use sea_orm::sea_query::ArrayType;
use sea_orm::{ConnectionTrait, DbBackend, Statement, Value};
use tokio::sync::oneshot;
use uuid::Uuid;

use crate::fault::store_error;
use crate::rows::provider_event::Model;
use crate::store::SeaOrmStore;

/// Deliveries in one insert at most, and the bytes of their payloads: what a database takes in one
/// statement without strain.
const BATCH_MAX: usize = 256;
const BATCH_BYTES_MAX: usize = 4 << 20;

/// Bound values per event in SQLite's statement.
const COLUMNS: usize = 13;

/// Deliveries on their way into the database.
#[derive(Debug, Default)]
pub(crate) struct Receiving {
    waiting: Mutex<Vec<Waiting>>,
    /// One insert at a time; its holder takes everybody who waits along.
    turn: tokio::sync::Mutex<()>,
}

#[derive(Debug)]
struct Waiting {
    row: Model,
    told: oneshot::Sender<Result<Receipt, StoreError>>,
}

impl Receiving {
    fn join(&self, waiting: Waiting) {
        self.waiting
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(waiting);
    }

    /// The oldest of those who wait, as many as one insert takes; at least one if anybody waits.
    fn take_batch(&self) -> Vec<Waiting> {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let mut bytes = 0_usize;
        let fits = waiting
            .iter()
            .take(BATCH_MAX)
            .take_while(|next| {
                let is_first = bytes == 0;
                bytes = bytes.saturating_add(next.row.payload.len().max(1));
                is_first || bytes <= BATCH_BYTES_MAX
            })
            .count();
        let rest = waiting.split_off(fits);
        let mut batch = std::mem::replace(&mut *waiting, rest);
        // Two replicas that store the same events then meet them in the same order, and neither waits
        // for the other while the other waits for it.
        batch.sort_by(|left, right| {
            let (left, right) = (&left.row, &right.row);
            left.provider_event_id.cmp(&right.provider_event_id)
        });
        batch
    }
}

impl SeaOrmStore {
    /// Stores one event together with those that arrive meanwhile. The insert runs in a task of its
    /// own: a caller that goes away takes nobody else's event with it.
    pub(crate) async fn receive(&self, row: Model) -> Result<Receipt, StoreError> {
        let (told, answer) = oneshot::channel();
        self.receiving().join(Waiting { row, told });
        let store = self.clone();
        tokio::spawn(async move { store.store_waiting().await });
        answer.await.unwrap_or_else(|_| {
            Err(StoreError::Unavailable(Box::from(
                "the task that stores deliveries ended",
            )))
        })
    }

    async fn store_waiting(&self) {
        let receiving = Arc::clone(self.receiving());
        let _turn = receiving.turn.lock().await;
        let batch = receiving.take_batch();
        if batch.is_empty() {
            return;
        }
        let (rows, told): (Vec<Model>, Vec<_>) =
            batch.into_iter().map(|each| (each.row, each.told)).unzip();
        let receipts = self.insert_together(rows).await;
        for (told, receipt) in told.into_iter().zip(receipts) {
            // Whoever asked may be gone; the event is stored all the same.
            let _ = told.send(receipt);
        }
    }

    /// One insert for all; if that fails, each by itself, so that one row that the database refuses
    /// costs the others nothing.
    async fn insert_together(&self, rows: Vec<Model>) -> Vec<Result<Receipt, StoreError>> {
        match self.insert_events(&rows).await {
            Ok(receipts) => receipts.into_iter().map(Ok).collect(),
            Err(error) if rows.len() == 1 => vec![Err(error)],
            Err(_) => {
                let mut receipts = Vec::with_capacity(rows.len());
                for row in &rows {
                    let receipt = self.insert_events(std::slice::from_ref(row)).await;
                    receipts.push(receipt.map(|receipts| receipts[0]));
                }
                receipts
            }
        }
    }

    /// A receipt for each row, in order. Of one event that is delivered twice in a batch, one row is
    /// stored.
    async fn insert_events(&self, rows: &[Model]) -> Result<Vec<Receipt>, StoreError> {
        let backend = self.backend();
        let statement = match backend {
            DbBackend::Postgres => as_arrays(rows),
            _ => as_values(backend, rows),
        };
        let inserted = self
            .writes()
            .query_all_raw(statement)
            .await
            .map_err(store_error)?;
        let inserted: HashSet<Uuid> = inserted
            .iter()
            .map(|row| row.try_get::<Uuid>("", "id"))
            .collect::<Result<_, _>>()
            .map_err(store_error)?;
        let receipt = |row: &Model| {
            if inserted.contains(&row.id) {
                Receipt::Recorded
            } else {
                Receipt::Duplicate
            }
        };
        Ok(rows.iter().map(receipt).collect())
    }
}

/// PostgreSQL: one array for each column, whatever the number of rows.
fn as_arrays(rows: &[Model]) -> Statement {
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
    ];
    // Arrays cannot hold nulls here, so an empty text stands for one.
    Statement::from_sql_and_values(
        DbBackend::Postgres,
        "INSERT INTO provider_events
             (id, provider_event_id, event_type, api_version, is_live, account, payload, signature,
              correlation_id, created_at, received_at, subject, lane, status, attempts)
         SELECT id, event_id, kind, NULLIF(version, ''), live, NULLIF(account, ''), payload,
                signature, NULLIF(correlation, ''), created, received, NULLIF(subject, ''), lane,
                'received', 0
         FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::bool[], $6::text[],
                     $7::bytea[], $8::text[], $9::text[], $10::bigint[], $11::bigint[],
                     $12::text[], $13::bigint[])
              AS new (id, event_id, kind, version, live, account, payload, signature, correlation,
                      created, received, subject, lane)
         ON CONFLICT (provider_event_id) DO NOTHING
         RETURNING id",
        values,
    )
}

/// SQLite: a row of bound values for each event.
fn as_values(backend: DbBackend, rows: &[Model]) -> Statement {
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
        ]
    });
    Statement::from_sql_and_values(
        backend,
        format!(
            "INSERT INTO provider_events
                 (id, provider_event_id, event_type, api_version, is_live, account, payload,
                  signature, correlation_id, created_at, received_at, subject, lane, status,
                  attempts)
             VALUES {}
             ON CONFLICT (provider_event_id) DO NOTHING
             RETURNING id",
            marks.join(", ")
        ),
        values,
    )
}
