//! The inbox in memory as operators see it, and what they decide about it.

use std::collections::BTreeSet;

use async_trait::async_trait;
use uuid::Uuid;

use super::inbox::{InboxRow, InboxStatus};
use super::tables::State;
use super::{MemoryStore, page_of};
use crate::customers::customer::CustomerOwner;
use crate::kernel::audit::{AuditLine, EntityKind};
use crate::kernel::change_set::{Cause, EVENT_CAUSE};
use crate::kernel::id::{InboxEventId, UserId};
use crate::kernel::page::{Page, PageRequest};
use crate::kernel::ports::StoreError;
use crate::kernel::stored::Stored;
use crate::kernel::text::ProviderRef;
use crate::provider_events::event_filter::{EventFilter, EventName};
use crate::provider_events::ports::{EventLog, EventRecord, InboxDepth};
use crate::provider_events::stored_event::{EventState, EventStatus, StoredEvent};

impl InboxRow {
    fn state(&self) -> EventState {
        let at = self.settled_at;
        match (&self.status, self.leased_until) {
            (InboxStatus::New | InboxStatus::Retrying { .. }, Some(leased_until)) => {
                EventState::Processing { leased_until }
            }
            (InboxStatus::New, None) => EventState::Received,
            (
                InboxStatus::Retrying {
                    at: next_attempt_at,
                    error,
                },
                None,
            ) => EventState::Failed {
                at,
                error: error.clone(),
                next_attempt_at: *next_attempt_at,
            },
            (InboxStatus::Applied, _) => EventState::Processed { at },
            (InboxStatus::Deferred, _) => EventState::Deferred { at },
            (InboxStatus::Skipped { reason }, _) => EventState::Skipped {
                at,
                reason: reason.clone(),
            },
            (InboxStatus::Parked { reason }, _) => EventState::Parked {
                at,
                reason: reason.clone(),
            },
            (InboxStatus::Discarded { reason }, _) => EventState::Discarded {
                at,
                reason: reason.clone(),
            },
        }
    }

    fn stored(&self) -> Stored<StoredEvent> {
        let event = StoredEvent {
            id: self.event.id,
            envelope: self.event.envelope.clone(),
            correlation_id: self.event.correlation_id.clone(),
            received_at: self.event.received_at,
            attempts: self.attempts,
            state: self.state(),
        };
        Stored::restore(event, self.version)
    }

    /// Takes over what was decided; the version was compared.
    pub(super) fn decide(&mut self, before: &Stored<StoredEvent>, next: &StoredEvent) {
        self.kept_attempts.extend(before.value.last_outcome());
        self.version = self.version.next();
        self.attempts = next.attempts;
        self.leased_until = None;
        self.abandoned = 0;
        self.waiting_for = None;
        let (status, at) = match next.state.clone() {
            EventState::Received => (InboxStatus::New, self.settled_at),
            EventState::Processing { leased_until } => {
                self.leased_until = Some(leased_until);
                (InboxStatus::New, self.settled_at)
            }
            EventState::Failed {
                at,
                error,
                next_attempt_at,
            } => {
                let status = InboxStatus::Retrying {
                    at: next_attempt_at,
                    error,
                };
                (status, at)
            }
            EventState::Skipped { at, reason } => (InboxStatus::Skipped { reason }, at),
            EventState::Parked { at, reason } => (InboxStatus::Parked { reason }, at),
            EventState::Deferred { at } => (InboxStatus::Deferred, at),
            EventState::Processed { at } => (InboxStatus::Applied, at),
            EventState::Discarded { at, reason } => (InboxStatus::Discarded { reason }, at),
        };
        self.status = status;
        self.settled_at = at;
    }
}

/// The events that changed a sale or a subscription of a user.
fn events_of(state: &State, owner: UserId) -> BTreeSet<InboxEventId> {
    let intents: BTreeSet<Uuid> = {
        let intents = state.tables.intents.values();
        let own = intents.filter(|intent| intent.value.user_id() == owner);
        own.map(|intent| intent.value.id().uuid()).collect()
    };
    let is_own = |kind: EntityKind, id: Uuid| match kind {
        EntityKind::Intent => intents.contains(&id),
        EntityKind::Subscription => {
            let mirror = state.tables.subscriptions.get(&id);
            let intent = mirror.and_then(|mirror| mirror.value.intent_id);
            intent.is_some_and(|intent| intents.contains(&intent.uuid()))
        }
        EntityKind::Project
        | EntityKind::App
        | EntityKind::ApiKey
        | EntityKind::User
        | EntityKind::Product
        | EntityKind::Price
        | EntityKind::Customer
        | EntityKind::Tenant
        | EntityKind::TenantAdmin
        | EntityKind::Workflow
        | EntityKind::Catalog
        | EntityKind::Agreement
        | EntityKind::Plan
        | EntityKind::License
        | EntityKind::Entitlement
        | EntityKind::ProviderEvent
        | EntityKind::Retention => false,
    };
    let entries = state.audit.iter();
    let own = entries.filter(|entry| is_own(entry.entity_kind, entry.entity_id));
    let ids = own.filter_map(|entry| entry.cause.strip_prefix(EVENT_CAUSE));
    ids.filter_map(|id| InboxEventId::parse(id).ok()).collect()
}

/// How the provider names a user, their pages and subscriptions.
fn names_of(state: &State, owner: UserId) -> BTreeSet<ProviderRef> {
    let mut names = BTreeSet::new();
    let mut intents = BTreeSet::new();
    for intent in state.tables.intents.values() {
        if intent.value.user_id() == owner {
            intents.insert(intent.value.id());
            let links = intent.value.parts().links.clone();
            names.extend(links.customer);
            names.extend(links.session);
            names.extend(links.subscription);
        }
    }
    for mirror in state.tables.subscriptions.values() {
        let intent = mirror.value.intent_id;
        if intent.is_some_and(|intent| intents.contains(&intent)) {
            names.insert(mirror.value.facts.provider_id.clone());
        }
    }
    for customer in state.tables.customers.values() {
        if customer.value.owner == CustomerOwner::User(owner) {
            names.extend(customer.value.provider_id().cloned());
        }
    }
    names
}

/// The events that match, the first received first.
fn matching(state: &State, filter: &EventFilter) -> Vec<Stored<StoredEvent>> {
    let own = filter.owner.map(|owner| {
        let names = names_of(state, owner);
        (events_of(state, owner), names)
    });
    let rows = state.inbox.values().map(InboxRow::stored);
    rows.filter(|event| {
        let is_own = own.as_ref().is_none_or(|(changed, names)| {
            let is_applied = event.value.state.status() == EventStatus::Processed;
            let subject = event.value.envelope.subject.as_ref();
            let is_about = subject.is_some_and(|subject| names.contains(subject));
            changed.contains(&event.value.id) || (is_about && !is_applied)
        });
        is_own && filter.matches(&event.value)
    })
    .collect()
}

fn named<'a>(state: &'a State, name: &EventName) -> Option<&'a InboxRow> {
    match name {
        EventName::Id(id) => state.inbox.get(&id.uuid()),
        EventName::Provider(id) => {
            let mut rows = state.inbox.values();
            rows.find(|row| row.event.envelope.provider_event_id == *id)
        }
    }
}

#[async_trait]
impl EventLog for MemoryStore {
    async fn events(
        &self,
        filter: &EventFilter,
        page: &PageRequest,
    ) -> Result<Page<Stored<StoredEvent>>, StoreError> {
        let mut rows = self.call("events", |state| matching(state, filter))?;
        rows.reverse();
        let after = page.after().map(|text| InboxEventId::parse(text).ok());
        Ok(page_of(
            rows,
            page,
            |id| match after {
                None => true,
                Some(Some(after)) => id < after.uuid(),
                // No row comes after what is not a key.
                Some(None) => false,
            },
            |id| InboxEventId::from_uuid(id).to_string(),
        ))
    }

    async fn oldest_events(
        &self,
        filter: &EventFilter,
        limit: u16,
    ) -> Result<Vec<Stored<StoredEvent>>, StoreError> {
        self.call("oldest_events", |state| {
            let mut rows = matching(state, filter);
            rows.truncate(usize::from(limit));
            rows
        })
    }

    async fn event_count(&self, filter: &EventFilter, max: u32) -> Result<u32, StoreError> {
        self.call("event_count", |state| {
            let count = matching(state, filter).len();
            u32::try_from(count).unwrap_or(u32::MAX).min(max)
        })
    }

    async fn event(&self, name: &EventName) -> Result<Option<Stored<StoredEvent>>, StoreError> {
        self.call("event", |state| named(state, name).map(InboxRow::stored))
    }

    async fn event_record(&self, name: &EventName) -> Result<Option<EventRecord>, StoreError> {
        self.call("event_record", |state| {
            let row = named(state, name)?;
            let event = row.stored().value;
            let cause = Cause::ProviderEvent(event.id).description();
            let effects = state.audit.iter().filter(|entry| entry.cause == cause);
            let decisions = state.audit.iter().filter(|entry| {
                entry.entity_kind == EntityKind::ProviderEvent && entry.entity_id == event.id.uuid()
            });
            let mut attempts = row.kept_attempts.clone();
            attempts.extend(event.last_outcome());
            Some(EventRecord {
                payload: row.event.payload.clone(),
                signature: row.event.signature.clone(),
                delivery: row.event.delivery.clone(),
                attempts,
                effects: effects.map(AuditLine::from).collect(),
                decisions: decisions.map(AuditLine::from).collect(),
                event,
            })
        })
    }

    async fn inbox_depth(&self) -> Result<InboxDepth, StoreError> {
        self.call("inbox_depth", |state| {
            let events: Vec<StoredEvent> =
                state.inbox.values().map(|row| row.stored().value).collect();
            let count = |status: EventStatus| {
                let in_status = events.iter().filter(|event| event.state.status() == status);
                u64::try_from(in_status.count()).unwrap_or(u64::MAX)
            };
            let counted = EventStatus::ALL.into_iter();
            let counted = counted.filter(|status| *status != EventStatus::Processed);
            let unapplied = events.iter().filter(|event| match event.state {
                EventState::Received
                | EventState::Processing { .. }
                | EventState::Failed { .. } => true,
                EventState::Skipped { .. }
                | EventState::Parked { .. }
                | EventState::Deferred { .. }
                | EventState::Processed { .. }
                | EventState::Discarded { .. } => false,
            });
            InboxDepth {
                counts: counted.map(|status| (status, count(status))).collect(),
                oldest_unapplied_at: unapplied.map(|event| event.received_at).min(),
            }
        })
    }
}
