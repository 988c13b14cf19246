//! Receives a delivery: verified, stored once, then answered (F.2). Applying is another use case.

use std::sync::Arc;

use super::handoff::{FreshEvent, Handoff};
use super::ports::{EventInbox, Receipt, ReceivedEvent, VerifyError, WebhookVerifier};
use crate::kernel::failure::StoreFailure;
use crate::kernel::ports::Core;

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
        correlation_id: Option<String>,
    ) -> Result<Receipt, ReceiveWebhookError> {
        let now = self.core.now();
        let envelope = self.verifier.verify(&payload, signature, now)?;
        let event_id = envelope.provider_event_id.to_string();
        let event_type = envelope.event_type.clone();
        let event = ReceivedEvent {
            id: self.core.id(),
            envelope,
            payload,
            signature: signature.unwrap_or_default().to_owned(),
            correlation_id,
            received_at: now,
        };
        let fresh = FreshEvent::from(&event);
        let receipt = self.inbox.record(event).await.map_err(StoreFailure::from)?;
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

#[cfg(test)]
mod tests;
