//! The durable inbox: stored once, applied lane by lane, settled.

mod decisions;
mod lanes;
mod receive;
mod settle;
mod waiting;

use async_trait::async_trait;
use billing_domain::kernel::id::InboxEventId;
use billing_domain::kernel::ports::StoreError;
use billing_domain::kernel::stored::Version;
use billing_domain::kernel::text::ProviderRef;
use billing_domain::kernel::timestamp::Timestamp;
use billing_domain::provider_events::lane::{Lane, LaneHold, LaneShare};
use billing_domain::provider_events::ports::{
    ClaimedEvent, Envelope, EventInbox, Receipt, ReceivedEvent, Settled,
};
use billing_domain::provider_events::stored_event::EventStatus;
pub(crate) use decisions::write_decision;
pub(crate) use lanes::still_held;
pub(crate) use receive::{Receiving, receiving};
use sea_orm::sea_query::{Expr, ExprTrait};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
pub(crate) use settle::IS_OPEN;
pub(crate) use waiting::wake_waiting;

use crate::fault::store_error;
use crate::rows::provider_event::{Column, Entity, Model};
use crate::rows::{self, Cells, delivery_cells};
use crate::store::SeaOrmStore;

#[async_trait]
impl EventInbox for SeaOrmStore {
    async fn record(&self, event: ReceivedEvent) -> Result<Receipt, StoreError> {
        self.receive(received_row(event)).await
    }

    async fn take_lanes(
        &self,
        owner: &str,
        share: LaneShare,
        now: Timestamp,
        leased_until: Timestamp,
        limit: u32,
    ) -> Result<Vec<LaneHold>, StoreError> {
        self.take(owner, share, now, leased_until, limit).await
    }

    async fn renew_lanes(
        &self,
        held: &[LaneHold],
        leased_until: Timestamp,
    ) -> Result<Vec<LaneHold>, StoreError> {
        self.renew(held, leased_until).await
    }

    async fn release_lanes(&self, held: &[LaneHold]) -> Result<(), StoreError> {
        self.release(held).await
    }

    async fn due_events(
        &self,
        held: &[LaneHold],
        in_hand: &[(InboxEventId, LaneHold)],
        now: Timestamp,
        per_lane: u32,
    ) -> Result<Vec<ClaimedEvent>, StoreError> {
        self.due(held, in_hand, now, per_lane).await
    }

    async fn begin_attempts(
        &self,
        events: &[(InboxEventId, LaneHold)],
        leased_until: Timestamp,
    ) -> Result<Vec<InboxEventId>, StoreError> {
        self.begin(events, leased_until).await
    }

    async fn settle(&self, settled: Vec<Settled>, now: Timestamp) -> Result<(), StoreError> {
        self.settle_all(settled, now).await.map_err(store_error)
    }

    async fn release_deferred(&self, _now: Timestamp) -> Result<u64, StoreError> {
        let released = Entity::update_many()
            .col_expr(Column::Status, Expr::value(EventStatus::Received.name()))
            .col_expr(Column::SettledAt, Expr::value(None::<i64>))
            .col_expr(Column::Version, Expr::col(Column::Version).add(1))
            .filter(Column::Status.eq(EventStatus::Deferred.name()))
            .filter(Column::AppliedAt.is_null())
            .exec(self.writes())
            .await
            .map_err(store_error)?;
        Ok(released.rows_affected)
    }
}

fn received_row(event: ReceivedEvent) -> Model {
    let ReceivedEvent {
        id,
        envelope,
        payload,
        signature,
        correlation_id,
        delivery,
        received_at,
    } = event;
    let Envelope {
        provider_event_id,
        event_type,
        api_version,
        is_live,
        account,
        subject,
        created_at,
    } = envelope;
    Model {
        id: id.uuid(),
        provider_event_id: provider_event_id.to_string(),
        event_type,
        api_version,
        is_live,
        account,
        payload,
        signature,
        correlation_id,
        created_at: created_at.unix_micros(),
        received_at: received_at.unix_micros(),
        status: EventStatus::Received.name().to_owned(),
        attempts: 0,
        next_attempt_at: None,
        claimed_until: None,
        applied_at: None,
        settled_at: None,
        last_error: None,
        version: rows::version_cell(Version::FIRST),
        lane: i64::from(Lane::of(subject.as_ref()).number()),
        subject: subject.map(|subject| subject.to_string()),
        abandoned: 0,
        readings: None,
        scrubbed_at: None,
        headers: delivery_cells::headers(&delivery),
        remote_address: delivery_cells::remote_address(&delivery),
        waiting_for: None,
    }
}

/// The event as whoever holds its lane has it.
fn claimed(model: Model, hold: LaneHold) -> Result<ClaimedEvent, StoreError> {
    let cells = Cells::of("provider_events", model.id);
    Ok(ClaimedEvent {
        id: InboxEventId::from_uuid(model.id),
        provider_event_id: cells.parsed(
            "provider_event_id",
            ProviderRef::parse(&model.provider_event_id),
        )?,
        event_type: model.event_type,
        subject: cells.optional("subject", model.subject.as_deref(), ProviderRef::parse)?,
        payload: model.payload,
        created_at: cells.time("created_at", model.created_at)?,
        attempts: cells.count("attempts", model.attempts)?,
        // The last one began, and nothing was heard of it.
        abandoned: cells.count(
            "abandoned",
            model.abandoned + i64::from(model.status == EventStatus::Processing.name()),
        )?,
        hold,
        correlation_id: model.correlation_id,
    })
}
