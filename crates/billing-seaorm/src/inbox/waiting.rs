//! Events that wait for their parent, and the commits that make it known: neither misses the other.

use std::collections::{BTreeSet, HashSet};

use billing_domain::provider_events::parent::Parent;
use sea_orm::sea_query::ArrayType;
use sea_orm::{ConnectionTrait, DatabaseTransaction, DbBackend, DbErr, Statement, Value};

/// Into how many parts the names of parents are divided: a transaction holds few locks, however many
/// parents it is about.
const PARTS: i64 = 64;

/// How a transaction holds names.
#[derive(Debug, Clone, Copy)]
enum Hold {
    /// Those who make parents known are in nobody's way but that of those who begin to wait.
    MakingKnown,
    BeginningToWait,
}

/// Makes the events due that wait for one of these parents, which the transaction makes known.
pub(crate) async fn wake_waiting(
    transaction: &DatabaseTransaction,
    parents: &[Parent],
) -> Result<(), DbErr> {
    if parents.is_empty() {
        return Ok(());
    }
    hold_names(transaction, parents, Hold::MakingKnown).await?;
    wake(transaction, parents.iter().map(Parent::key).collect()).await
}

/// Before events are put aside that wait for these: until the transaction ends nobody makes one of
/// them known. Without that an event that is put aside while its parent is stored would see no
/// parent, and the parent's commit no event.
pub(super) async fn hold_back(
    transaction: &DatabaseTransaction,
    parents: &[Parent],
) -> Result<(), DbErr> {
    hold_names(transaction, parents, Hold::BeginningToWait).await
}

async fn hold_names(
    transaction: &DatabaseTransaction,
    parents: &[Parent],
    hold: Hold,
) -> Result<(), DbErr> {
    // Whoever writes on SQLite is alone.
    if transaction.get_database_backend() != DbBackend::Postgres {
        return Ok(());
    }
    let lock = match hold {
        Hold::MakingKnown => "pg_advisory_xact_lock_shared",
        Hold::BeginningToWait => "pg_advisory_xact_lock",
    };
    let keys: BTreeSet<String> = parents.iter().map(Parent::key).collect();
    // In one order for all, so that two transactions do not wait for each other.
    let sql = format!(
        "SELECT {lock}(hashtextextended('billing_waiting_for', part)) IS NULL FROM (
             SELECT DISTINCT hashtextextended(key, 0) & {} AS part
             FROM unnest($1::text[]) AS names (key) ORDER BY part
         ) AS parts",
        PARTS - 1
    );
    let statement = Statement::from_sql_and_values(DbBackend::Postgres, sql, [texts(keys)]);
    transaction.query_all_raw(statement).await.map(|_| ())
}

/// Makes those due of the events just put aside whose parent is known by now.
pub(super) async fn wake_known(
    transaction: &DatabaseTransaction,
    parents: &[Parent],
) -> Result<(), DbErr> {
    let backend = transaction.get_database_backend();
    let mut known = Vec::new();
    let (mut ids, mut subscriptions) = (BTreeSet::new(), BTreeSet::new());
    for parent in parents {
        match parent {
            Parent::Intent(id) => {
                ids.insert(id.uuid());
            }
            Parent::SaleOf(subscription) => {
                subscriptions.insert(subscription.to_string());
            }
        }
    }
    // An event's own sale is one of few, so each costs a look by its key.
    for id in ids {
        let sql = "SELECT 1 AS found FROM checkout_intents WHERE id = $1";
        let statement = Statement::from_sql_and_values(backend, sql, [id.into()]);
        if transaction.query_one_raw(statement).await?.is_some() {
            let is_it =
                |parent: &&Parent| matches!(parent, Parent::Intent(known) if known.uuid() == id);
            known.extend(parents.iter().find(is_it).map(Parent::key));
        }
    }
    if !subscriptions.is_empty() {
        let (is_one_of, values) = one_of(backend, "subscription_ref", subscriptions);
        let sql =
            format!("SELECT subscription_ref AS found FROM checkout_intents WHERE {is_one_of}");
        let statement = Statement::from_sql_and_values(backend, sql, values);
        let rows = transaction.query_all_raw(statement).await?;
        let found = rows.iter().map(|row| row.try_get::<String>("", "found"));
        let found: HashSet<String> = found.collect::<Result<_, _>>()?;
        let is_linked = |parent: &&Parent| match parent {
            Parent::SaleOf(subscription) => found.contains(subscription.as_str()),
            Parent::Intent(_) => false,
        };
        known.extend(parents.iter().filter(is_linked).map(Parent::key));
    }
    if known.is_empty() {
        return Ok(());
    }
    wake(transaction, known.into_iter().collect()).await
}

/// In every other status the name means nothing.
async fn wake(transaction: &DatabaseTransaction, keys: BTreeSet<String>) -> Result<(), DbErr> {
    let backend = transaction.get_database_backend();
    let (is_one_of, values) = one_of(backend, "waiting_for", keys);
    let sql = format!(
        "UPDATE provider_events
         SET status = 'received', next_attempt_at = NULL, waiting_for = NULL, version = version + 1
         WHERE {is_one_of} AND waiting_for IS NOT NULL
           AND status IN ('failed', 'skipped', 'parked')"
    );
    let statement = Statement::from_sql_and_values(backend, sql, values);
    transaction.execute_raw(statement).await.map(|_| ())
}

/// On PostgreSQL the same statement for any number of them.
fn one_of(backend: DbBackend, column: &str, keys: BTreeSet<String>) -> (String, Vec<Value>) {
    if backend == DbBackend::Postgres {
        return (format!("{column} = ANY($1::text[])"), vec![texts(keys)]);
    }
    let marks: Vec<String> = (1..=keys.len()).map(|place| format!("${place}")).collect();
    let values = keys.into_iter().map(Value::from).collect();
    (format!("{column} IN ({})", marks.join(", ")), values)
}

fn texts(keys: BTreeSet<String>) -> Value {
    let keys = keys.into_iter().map(Value::from).collect();
    Value::Array(ArrayType::String, Some(Box::new(keys)))
}
