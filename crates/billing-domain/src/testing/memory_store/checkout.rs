//! Intents and mirrored subscriptions in memory.

use async_trait::async_trait;

use super::{MemoryStore, page_of, rows_max};
use crate::checkout::intent::{Checkout, CheckoutIntent, IntentState, Reservation};
use crate::checkout::ports::{IntentListing, IntentReader, IntentSweep};
use crate::kernel::id::{IntentId, UserId};
use crate::kernel::page::{Page, PageRequest};
use crate::kernel::ports::StoreError;
use crate::kernel::stored::Stored;
use crate::kernel::text::ProviderRef;
use crate::kernel::timestamp::Timestamp;
use crate::subscriptions::ports::SubscriptionReader;
use crate::subscriptions::subscription::Subscription;

#[async_trait]
impl IntentReader for MemoryStore {
    async fn intent(&self, id: IntentId) -> Result<Option<Stored<CheckoutIntent>>, StoreError> {
        self.get("intent", id.uuid())
    }

    async fn unfulfilled_intent_of(
        &self,
        user: UserId,
    ) -> Result<Option<Stored<CheckoutIntent>>, StoreError> {
        let rows = self.select("unfulfilled_intent_of", |intent: &CheckoutIntent| {
            intent.user_id() == user && !is_fulfilled(intent.state())
        })?;
        Ok(rows
            .into_iter()
            .max_by_key(|row| (row.value.parts().created_at, row.value.id())))
    }

    async fn intent_by_provider_ref(
        &self,
        reference: &ProviderRef,
    ) -> Result<Option<Stored<CheckoutIntent>>, StoreError> {
        self.find("intent_by_provider_ref", |intent: &CheckoutIntent| {
            let links = &intent.parts().links;
            links.session.as_ref() == Some(reference)
                || links.subscription.as_ref() == Some(reference)
        })
    }

    async fn reservation_holder(
        &self,
        reservation: &Reservation,
        user: UserId,
    ) -> Result<Option<Stored<CheckoutIntent>>, StoreError> {
        self.find("reservation_holder", |intent: &CheckoutIntent| {
            intent.user_id() != user
                && intent.state().holds_reservation()
                && intent.parts().reservation.as_ref().is_some_and(|held| {
                    held.slug == reservation.slug || held.name.folded() == reservation.name.folded()
                })
        })
    }
}

fn is_fulfilled(state: &IntentState) -> bool {
    match state {
        IntentState::Fulfilled { .. } => true,
        IntentState::Created
        | IntentState::Paid { .. }
        | IntentState::ErroredBackoffice { .. }
        | IntentState::ErroredFulfillmentStalled { .. }
        | IntentState::ErroredProvisioning { .. }
        | IntentState::Expired { .. } => false,
    }
}

#[async_trait]
impl IntentListing for MemoryStore {
    async fn intents(
        &self,
        owner: Option<UserId>,
        page: &PageRequest,
    ) -> Result<Page<Stored<CheckoutIntent>>, StoreError> {
        let mut rows = self.select("intents", |intent: &CheckoutIntent| {
            owner.is_none_or(|owner| intent.user_id() == owner)
        })?;
        rows.reverse();
        let after = page.after().map(|text| IntentId::parse(text).ok());
        Ok(page_of(
            rows,
            page,
            |id| match after {
                None => true,
                Some(Some(after)) => id < after.uuid(),
                // No row comes after what is not a key.
                Some(None) => false,
            },
            |id| IntentId::from_uuid(id).to_string(),
        ))
    }
}

impl MemoryStore {
    /// The intents that have a time, by that time.
    fn swept(
        &self,
        port: &'static str,
        limit: u32,
        since: impl Fn(&CheckoutIntent) -> Option<Timestamp>,
    ) -> Result<Vec<IntentId>, StoreError> {
        let rows = self.select(port, |intent| since(intent).is_some())?;
        let mut found: Vec<(Option<Timestamp>, IntentId)> = rows
            .iter()
            .map(|row| (since(&row.value), row.value.id()))
            .collect();
        found.sort();
        Ok(found
            .into_iter()
            .take(rows_max(limit))
            .map(|(_, id)| id)
            .collect())
    }
}

#[async_trait]
impl IntentSweep for MemoryStore {
    async fn intents_to_expire(
        &self,
        now: Timestamp,
        limit: u32,
    ) -> Result<Vec<IntentId>, StoreError> {
        self.swept("intents_to_expire", limit, |intent| {
            intent
                .is_expired_at(now)
                .then_some(intent.parts().expires_at)
        })
    }

    async fn intents_with_open_request(
        &self,
        before: Timestamp,
        limit: u32,
    ) -> Result<Vec<IntentId>, StoreError> {
        self.swept("intents_with_open_request", limit, |intent| {
            match intent.checkout() {
                Checkout::Requested {
                    attempt: _,
                    request: _,
                    requested_at,
                } => Some(*requested_at).filter(|at| *at < before),
                Checkout::NotStarted | Checkout::Opened { .. } | Checkout::Closed { .. } => None,
            }
        })
    }

    async fn intents_stalled(
        &self,
        before: Timestamp,
        limit: u32,
    ) -> Result<Vec<IntentId>, StoreError> {
        self.swept("intents_stalled", limit, |intent| match intent.state() {
            IntentState::Paid { .. } => Some(intent.parts().updated_at).filter(|at| *at < before),
            IntentState::Created
            | IntentState::Fulfilled { .. }
            | IntentState::ErroredBackoffice { .. }
            | IntentState::ErroredFulfillmentStalled { .. }
            | IntentState::ErroredProvisioning { .. }
            | IntentState::Expired { .. } => None,
        })
    }
}

#[async_trait]
impl SubscriptionReader for MemoryStore {
    async fn subscription(
        &self,
        provider_id: &ProviderRef,
    ) -> Result<Option<Stored<Subscription>>, StoreError> {
        self.find("mirrored_subscription", |mirror: &Subscription| {
            mirror.facts.provider_id == *provider_id
        })
    }
}
