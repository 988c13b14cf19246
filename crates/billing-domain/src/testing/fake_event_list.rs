//! The provider's list of events as a test wrote them down: short pages, a horizon, failures.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard};

use async_trait::async_trait;

use super::clock::ManualClock;
use super::fake_webhooks::FakeWebhooks;
use crate::deliveries::ports::{CURSOR_UNKNOWN, EventPage, EventQuery, EventSource, ListedEvent};
use crate::deliveries::scan::horizon;
use crate::kernel::ports::Clock;
use crate::kernel::provider::ProviderError;
use crate::provider_events::ports::Envelope;

/// Events on one page.
pub const PAGE: usize = 3;

#[derive(Debug, Default)]
struct State {
    undelivered: BTreeSet<String>,
    queries: Vec<EventQuery>,
    /// Before which query the provider is down.
    down_at: Option<usize>,
    rejects: bool,
}

/// The list; clones share it.
#[derive(Debug, Clone)]
pub struct FakeEventList {
    webhooks: FakeWebhooks,
    clock: ManualClock,
    state: Arc<Mutex<State>>,
}

impl FakeEventList {
    /// Lists what is registered there.
    pub fn new(webhooks: FakeWebhooks, clock: ManualClock) -> Self {
        Self {
            webhooks,
            clock,
            state: Arc::default(),
        }
    }

    /// Says that the delivery of an event did not succeed.
    pub fn mark_undelivered(&self, id: &str) {
        self.state().undelivered.insert(id.to_owned());
    }

    /// The provider is down once, when so many queries from now on were answered.
    pub fn fail_after(&self, answered: usize) {
        let mut state = self.state();
        state.down_at = Some(state.queries.len() + answered);
    }

    /// The provider rejects every query from now on.
    pub fn reject(&self) {
        self.state().rejects = true;
    }

    /// What was asked for.
    pub fn queries(&self) -> Vec<EventQuery> {
        self.state().queries.clone()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no holder of this lock panics")
    }
}

#[async_trait]
impl EventSource for FakeEventList {
    async fn list_events(&self, query: &EventQuery) -> Result<EventPage, ProviderError> {
        let mut state = self.state();
        if state.down_at == Some(state.queries.len()) {
            state.down_at = None;
            return Err(ProviderError::Unreachable("down".into()));
        }
        state.queries.push(query.clone());
        let rejected = |code: &str| ProviderError::Rejected {
            code: code.to_owned(),
            message: String::new(),
        };
        if state.rejects {
            return Err(rejected("http_401"));
        }
        let horizon = horizon(self.clock.now());
        let mut listed = self.webhooks.listed();
        listed.retain(|event| event.envelope.created_at >= horizon);
        let behind = match &query.after {
            None => 0,
            Some(id) => {
                let place = listed
                    .iter()
                    .position(|event| event.envelope.provider_event_id == *id);
                place.ok_or_else(|| rejected(CURSOR_UNKNOWN))? + 1
            }
        };
        let is_wanted = |event: &ListedEvent| {
            let Envelope {
                provider_event_id,
                created_at,
                ..
            } = &event.envelope;
            (query.from..=query.until).contains(created_at)
                && (!query.only_undelivered
                    || state.undelivered.contains(provider_event_id.as_str()))
        };
        let mut events: Vec<ListedEvent> = listed
            .into_iter()
            .skip(behind)
            .filter(is_wanted)
            .take(PAGE + 1)
            .collect();
        let has_more = events.len() > PAGE;
        events.truncate(PAGE);
        let last = events.last().filter(|_| has_more);
        let next = last.map(|event| event.envelope.provider_event_id.clone());
        Ok(EventPage { events, next })
    }
}
