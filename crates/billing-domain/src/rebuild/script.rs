//! Time, ids and the provider as they were at a recorded commit: what is decided again is decided
//! with these.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use uuid::Uuid;

use crate::checkout::ports::{
    CheckoutOrder, CheckoutOutcome, CheckoutProvider, CustomerOrder, ProviderInvoice,
    ProviderSession,
};
use crate::kernel::ports::{Clock, IdGenerator};
use crate::kernel::provider::ProviderError;
use crate::kernel::text::ProviderRef;
use crate::kernel::timestamp::Timestamp;
use crate::provider_events::ports::PartyProvider;
use crate::provider_events::reading::Reading;
use crate::provider_events::reports::{CatalogueItem, CatalogueReport, CustomerReport};
use crate::subscriptions::subscription::SubscriptionReport;

/// What is said next.
#[derive(Debug)]
struct Lines {
    at: Timestamp,
    ids: VecDeque<Uuid>,
    readings: Vec<Reading>,
    has_no_answer: bool,
    made_up: u128,
}

/// The clock, the ids and the provider of a replay.
#[derive(Debug)]
pub struct Script(Mutex<Lines>);

impl Script {
    /// Nothing is said yet.
    pub fn starting_at(at: Timestamp) -> Self {
        Self(Mutex::new(Lines {
            at,
            ids: VecDeque::new(),
            readings: Vec::new(),
            has_no_answer: false,
            made_up: 0,
        }))
    }

    /// From now on it is that time, these ids are given out, and the provider says this.
    pub fn turn_to(&self, at: Timestamp, ids: Vec<Uuid>, readings: Vec<Reading>) {
        let mut lines = self.lines();
        lines.at = at;
        lines.ids = ids.into();
        lines.readings = readings;
        lines.has_no_answer = false;
    }

    /// Whether the provider was asked something since that is not recorded.
    pub fn has_no_answer(&self) -> bool {
        self.lines().has_no_answer
    }

    fn lines(&self) -> MutexGuard<'_, Lines> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is not recorded was not asked then, so nobody can say it now.
    fn reading<T>(
        &self,
        id: &ProviderRef,
        find: impl Fn(&Reading) -> Option<(&ProviderRef, &Option<T>)>,
    ) -> Option<T>
    where
        T: Clone,
    {
        let mut lines = self.lines();
        let mut said = lines.readings.iter().filter_map(find);
        let said = said.find(|(of, _)| *of == id);
        let Some(answer) = said.map(|(_, answer)| answer.clone()) else {
            lines.has_no_answer = true;
            return None;
        };
        answer
    }
}

impl Clock for Script {
    fn now(&self) -> Timestamp {
        self.lines().at
    }
}

impl IdGenerator for Script {
    /// A recorded id; beyond those an id that cannot be mistaken for one.
    fn uuid(&self) -> Uuid {
        let mut lines = self.lines();
        if let Some(id) = lines.ids.pop_front() {
            return id;
        }
        lines.made_up = lines.made_up.saturating_add(1);
        Uuid::from_u128(u128::MAX.saturating_sub(lines.made_up))
    }

    fn secret(&self) -> String {
        // Nothing that is replayed makes a secret.
        "0".repeat(43)
    }
}

#[async_trait]
impl CheckoutProvider for Script {
    async fn ensure_customer(&self, _order: &CustomerOrder) -> Result<ProviderRef, ProviderError> {
        Err(ProviderError::NotConfigured)
    }

    async fn open_checkout(
        &self,
        _order: &CheckoutOrder,
    ) -> Result<CheckoutOutcome, ProviderError> {
        Err(ProviderError::NotConfigured)
    }

    async fn session(&self, id: &ProviderRef) -> Result<Option<ProviderSession>, ProviderError> {
        Ok(self.reading(id, |reading| match reading {
            Reading::Session(of, answer) => Some((of, answer)),
            Reading::Invoice(..)
            | Reading::Subscription(..)
            | Reading::Customer(..)
            | Reading::CatalogueItem(..) => None,
        }))
    }

    async fn expire_session(&self, _id: &ProviderRef) -> Result<(), ProviderError> {
        Ok(())
    }

    async fn subscription(
        &self,
        id: &ProviderRef,
    ) -> Result<Option<SubscriptionReport>, ProviderError> {
        Ok(self.reading(id, |reading| match reading {
            Reading::Subscription(of, answer) => Some((of, answer)),
            Reading::Session(..)
            | Reading::Invoice(..)
            | Reading::Customer(..)
            | Reading::CatalogueItem(..) => None,
        }))
    }

    async fn invoice(&self, id: &ProviderRef) -> Result<Option<ProviderInvoice>, ProviderError> {
        Ok(self.reading(id, |reading| match reading {
            Reading::Invoice(of, answer) => Some((of, answer)),
            Reading::Session(..)
            | Reading::Subscription(..)
            | Reading::Customer(..)
            | Reading::CatalogueItem(..) => None,
        }))
    }

    async fn hold_changes_until_paid(
        &self,
        _subscription: &ProviderRef,
    ) -> Result<(), ProviderError> {
        Ok(())
    }
}

#[async_trait]
impl PartyProvider for Script {
    async fn customer(&self, id: &ProviderRef) -> Result<Option<CustomerReport>, ProviderError> {
        Ok(self.reading(id, |reading| match reading {
            Reading::Customer(of, answer) => Some((of, answer)),
            Reading::Session(..)
            | Reading::Invoice(..)
            | Reading::Subscription(..)
            | Reading::CatalogueItem(..) => None,
        }))
    }

    async fn catalogue_item(
        &self,
        _item: CatalogueItem,
        id: &ProviderRef,
    ) -> Result<Option<CatalogueReport>, ProviderError> {
        Ok(self.reading(id, |reading| match reading {
            Reading::CatalogueItem(of, answer) => Some((of, answer)),
            Reading::Session(..)
            | Reading::Invoice(..)
            | Reading::Subscription(..)
            | Reading::Customer(..) => None,
        }))
    }
}
