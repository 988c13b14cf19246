//! What operators decide about stored events, and the attempts that are kept for them to see.

use billing_domain::kernel::audit::EntityKind;
use billing_domain::kernel::change_set::{CommitError, Write};
use billing_domain::provider_events::stored_event::{AttemptOutcome, EventState, StoredEvent};
use sea_orm::sea_query::{Expr, ExprTrait};
use sea_orm::{
    ColumnTrait, ConnectionTrait, DatabaseTransaction, DbErr, EntityTrait, QueryFilter, Statement,
};
use uuid::Uuid;

use crate::fault::commit_error;
use crate::rows;

/// Writes a decision on the version that was read; false if the event moved on.
pub(crate) async fn write_decision(
    transaction: &DatabaseTransaction,
    write: &Write<StoredEvent>,
) -> Result<bool, CommitError> {
    use rows::provider_event::{Column, Entity};
    let Some(before) = &write.before else {
        // Events come by the inbox.
        return Err(CommitError::Unsupported(EntityKind::ProviderEvent));
    };
    let id = write.next.id.uuid();
    let cells = StateCells::of(&write.next.state);
    let decided = Entity::update_many()
        .col_expr(
            Column::Status,
            Expr::value(write.next.state.status().name()),
        )
        .col_expr(
            Column::Attempts,
            Expr::value(i64::from(write.next.attempts)),
        )
        .col_expr(Column::NextAttemptAt, Expr::value(cells.next_attempt_at))
        .col_expr(Column::ClaimedUntil, Expr::value(cells.claimed_until))
        .col_expr(Column::AppliedAt, Expr::value(cells.applied_at))
        .col_expr(Column::SettledAt, Expr::value(cells.settled_at))
        .col_expr(Column::LastError, Expr::value(cells.last_error))
        .col_expr(Column::Abandoned, Expr::value(0_i64))
        .col_expr(Column::WaitingFor, Expr::value(None::<String>))
        .col_expr(Column::Version, Expr::col(Column::Version).add(1))
        .filter(Column::Id.eq(id))
        .filter(Column::Version.eq(rows::version_cell(before.version)))
        .exec(transaction)
        .await
        .map_err(commit_error)?;
    if decided.rows_affected == 0 {
        return Ok(false);
    }
    if let Some(outcome) = before.value.last_outcome() {
        let kept = keep_attempt(transaction, id, &outcome).await;
        kept.map_err(commit_error)?;
    }
    Ok(true)
}

/// Keeps how an attempt ended. The event's row is locked by this transaction, so numbers are not
/// given twice.
pub(super) async fn keep_attempt(
    transaction: &DatabaseTransaction,
    event: Uuid,
    outcome: &AttemptOutcome,
) -> Result<(), DbErr> {
    let AttemptOutcome { at, status, error } = outcome;
    let statement = Statement::from_sql_and_values(
        transaction.get_database_backend(),
        "INSERT INTO provider_event_attempts (event_id, number, at, outcome, error)
         SELECT $1, COALESCE(MAX(number), 0) + 1, $2, $3, $4
         FROM provider_event_attempts WHERE event_id = $1",
        [
            event.into(),
            at.unix_micros().into(),
            status.name().into(),
            error.clone().into(),
        ],
    );
    transaction.execute_raw(statement).await.map(|_| ())
}

/// The columns that tell a state.
struct StateCells {
    next_attempt_at: Option<i64>,
    claimed_until: Option<i64>,
    applied_at: Option<i64>,
    settled_at: Option<i64>,
    last_error: Option<String>,
}

impl StateCells {
    const EMPTY: Self = Self {
        next_attempt_at: None,
        claimed_until: None,
        applied_at: None,
        settled_at: None,
        last_error: None,
    };

    fn of(state: &EventState) -> Self {
        match state {
            EventState::Received => Self::EMPTY,
            EventState::Processing { leased_until } => Self {
                claimed_until: Some(leased_until.unix_micros()),
                ..Self::EMPTY
            },
            EventState::Failed {
                at,
                error,
                next_attempt_at,
            } => Self {
                next_attempt_at: Some(next_attempt_at.unix_micros()),
                settled_at: Some(at.unix_micros()),
                last_error: Some(error.clone()),
                ..Self::EMPTY
            },
            EventState::Skipped { at, reason }
            | EventState::Parked { at, reason }
            | EventState::Discarded { at, reason } => Self {
                settled_at: Some(at.unix_micros()),
                last_error: Some(reason.clone()),
                ..Self::EMPTY
            },
            EventState::Deferred { at } => Self {
                settled_at: Some(at.unix_micros()),
                ..Self::EMPTY
            },
            EventState::Processed { at } => Self {
                applied_at: Some(at.unix_micros()),
                settled_at: Some(at.unix_micros()),
                ..Self::EMPTY
            },
        }
    }
}
