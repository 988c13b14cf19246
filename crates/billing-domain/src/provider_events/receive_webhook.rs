//! Receives a delivery: verified, stored once, then answered (F.2). Applying is another use case.

use std::sync::Arc;

use time::Duration;
use tracing::Instrument;

use super::delivery::Delivery;
use super::handoff::{FreshEvent, Handoff};
use super::observer::{DeliveryOutcome, EventObserver};
use super::ports::{EventInbox, Receipt, ReceivedEvent, VerifyError, WebhookVerifier};
use crate::kernel::failure::StoreFailure;
use crate::kernel::ports::Core;
use crate::kernel::timestamp::Timestamp;

/// Why a delivery is not acknowledged.
#[derive(Debug, thiserror::Error)]
pub enum ReceiveWebhookError {
    /// Nothing of it was stored.
    #[error(transparent)]
    Refused(#[from] VerifyError),
    /// It is not durable: the provider must deliver it again.
    #[error(transparent)]
    Store(#[from] StoreFailure),
}

/// Receives deliveries.
pub struct ReceiveWebhook {
    /// Time and ids.
    pub core: Core,
    /// Checks where they come from.
    pub verifier: Arc<dyn WebhookVerifier>,
    /// Keeps them.
    pub inbox: Arc<dyn EventInbox>,
    /// Hears how deliveries are answered.
    pub observer: Arc<dyn EventObserver>,
    /// Hands them to this replica's workers.
    pub handoff: Arc<Handoff>,
}

impl ReceiveWebhook {
    /// Stores a delivery. `Ok` means durable, for a new event and for one that was there.
    ///
    /// # Errors
    /// [`ReceiveWebhookError`].
    pub async fn run(
        &self,
        payload: Vec<u8>,
        signature: Option<&str>,
        delivery: Delivery,
        correlation_id: Option<String>,
    ) -> Result<Receipt, ReceiveWebhookError> {
        let began_at = self.core.now();
        let mut answering = Answering {
            receive: self,
            began_at,
            outcome: DeliveryOutcome::Failed,
        };
        let answer = self.receive(payload, signature, delivery, correlation_id, began_at);
        let answer = answer.await;
        answering.outcome = match &answer {
            Ok(receipt) => DeliveryOutcome::Stored(*receipt),
            Err(ReceiveWebhookError::Refused(error)) => DeliveryOutcome::Refused(*error),
            Err(ReceiveWebhookError::Store(_)) => DeliveryOutcome::Failed,
        };
        answer
    }

    /// Counts a delivery that could not be read, for want of room.
    pub fn turned_away(&self) {
        let outcome = DeliveryOutcome::TurnedAway;
        self.observer.delivery_answered(outcome, Duration::ZERO);
    }

    async fn receive(
        &self,
        payload: Vec<u8>,
        signature: Option<&str>,
        delivery: Delivery,
        correlation_id: Option<String>,
        now: Timestamp,
    ) -> Result<Receipt, ReceiveWebhookError> {
        let envelope = self.verifier.verify(&payload, signature, now)?;
        let event_id = envelope.provider_event_id.to_string();
        let event_type = envelope.event_type.clone();
        let event = ReceivedEvent {
            id: self.core.id(),
            envelope,
            payload,
            signature: signature.unwrap_or_default().to_owned(),
            correlation_id,
            delivery,
            received_at: now,
        };
        let fresh = FreshEvent::from(&event);
        let span = tracing::info_span!(
            "provider_event.receive",
            provider_event.id = event_id,
            correlation.id = event.correlation_id,
        );
        let receipt = self.inbox.record(event).instrument(span.clone()).await;
        let _entered = span.entered();
        let receipt = receipt.map_err(StoreFailure::from)?;
        match receipt {
            Receipt::Recorded => self.handoff.offer(fresh),
            Receipt::Duplicate => {}
        }
        tracing::info!(
            provider_event.id = event_id,
            provider_event.kind = event_type,
            receipt = ?receipt,
            "provider event {event_id} ({event_type}) received"
        );
        Ok(receipt)
    }
}

/// Tells how a delivery was answered, also where whoever sent it did not wait for the answer.
struct Answering<'a> {
    receive: &'a ReceiveWebhook,
    began_at: Timestamp,
    outcome: DeliveryOutcome,
}

impl Drop for Answering<'_> {
    fn drop(&mut self) {
        let took = self.receive.core.now().since(self.began_at);
        self.receive.observer.delivery_answered(self.outcome, took);
    }
}

#[cfg(test)]
mod tests;
