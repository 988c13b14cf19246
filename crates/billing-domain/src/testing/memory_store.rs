//! Every storage port in memory, with exactly what the ports ask for; clones share the rows.

use std::sync::{Arc, Mutex, MutexGuard};

use uuid::Uuid;

use super::faults::{Faults, InjectedFault};
use crate::checkout::intent::CheckoutIntent;
use crate::entitlements::entitlement::Entitlement;
use crate::kernel::audit::{AuditEntry, Entity};
use crate::kernel::change_set::{CommitError, OutgoingMessage};
use crate::kernel::id::InboxEventId;
use crate::kernel::page::{Page, PageRequest};
use crate::kernel::ports::StoreError;
use crate::kernel::stored::Stored;
use crate::licensing::license::License;
use crate::licensing::plan::SubscriptionPlan;
use crate::provisioning::workflow::ProvisioningWorkflow;
use crate::subscriptions::subscription::Subscription;
use crate::tenants::tenant::{Tenant, TenantAdmin};

mod access;
mod checkout;
mod commit;
mod event_log;
mod inbox;
mod json;
mod licensing;
mod outbox;
mod provisioning;
mod scans;
mod tables;
mod unique;

pub use inbox::InboxStatus;

use tables::State;
pub use tables::{Kept, Rows, Tables};

/// The store. It does not check that a row's parents exist; a database may.
#[derive(Debug, Clone, Default)]
pub struct MemoryStore {
    state: Arc<Mutex<State>>,
    faults: Faults,
}

impl MemoryStore {
    /// An empty store.
    pub fn new() -> Self {
        Self::default()
    }

    /// An empty store whose calls are counted with others and may fail.
    pub fn with_faults(faults: Faults) -> Self {
        Self {
            state: Arc::default(),
            faults,
        }
    }

    /// The audit entries in the order in which they were written.
    pub fn audit(&self) -> Vec<AuditEntry> {
        self.state().audit.clone()
    }

    /// The messages in the order in which they were written, delivered or not.
    pub fn messages(&self) -> Vec<OutgoingMessage> {
        let state = self.state();
        state.outbox.iter().map(|row| row.message.clone()).collect()
    }

    /// How many messages were not delivered yet.
    pub fn undelivered_count(&self) -> usize {
        let state = self.state();
        state
            .outbox
            .iter()
            .filter(|row| row.delivered_at.is_none())
            .count()
    }

    /// Every intent by id.
    pub fn intents(&self) -> Vec<Stored<CheckoutIntent>> {
        self.rows()
    }

    /// Every mirrored subscription by id.
    pub fn subscriptions(&self) -> Vec<Stored<Subscription>> {
        self.rows()
    }

    /// Every workflow by id.
    pub fn workflows(&self) -> Vec<Stored<ProvisioningWorkflow>> {
        self.rows()
    }

    /// Every tenant by id.
    pub fn tenants(&self) -> Vec<Stored<Tenant>> {
        self.rows()
    }

    /// Every admin by id.
    pub fn tenant_admins(&self) -> Vec<Stored<TenantAdmin>> {
        self.rows()
    }

    /// Every plan by id.
    pub fn plans(&self) -> Vec<Stored<SubscriptionPlan>> {
        self.rows()
    }

    /// Every licence by id.
    pub fn licenses(&self) -> Vec<Stored<License>> {
        self.rows()
    }

    /// Every entitlement by id.
    pub fn entitlements(&self) -> Vec<Stored<Entitlement>> {
        self.rows()
    }

    /// Every row of one kind by id, for the kinds that have no method of their own.
    pub fn rows<T: Kept>(&self) -> Vec<Stored<T>> {
        T::rows(&self.state().tables).values().cloned().collect()
    }

    /// What became of a stored event.
    pub fn event_status(&self, id: InboxEventId) -> Option<InboxStatus> {
        let state = self.state();
        state.inbox.get(&id.uuid()).map(|row| row.status.clone())
    }

    /// What became of every stored event, in the order of their ids.
    pub fn event_statuses(&self) -> Vec<InboxStatus> {
        let state = self.state();
        state.inbox.values().map(|row| row.status.clone()).collect()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no holder of this lock panics")
    }

    /// One port call that cannot fail by itself.
    fn call<T>(
        &self,
        port: &'static str,
        answer: impl FnOnce(&mut State) -> T,
    ) -> Result<T, StoreError> {
        let call = self.faults.begin(port).map_err(read_fault)?;
        let answer = answer(&mut self.state());
        call.end().map_err(read_fault)?;
        Ok(answer)
    }

    /// The first row of a kind that is asked for.
    fn find<T: Kept>(
        &self,
        port: &'static str,
        is_wanted: impl Fn(&T) -> bool,
    ) -> Result<Option<Stored<T>>, StoreError> {
        self.call(port, |state| {
            let mut rows = T::rows(&state.tables).values();
            rows.find(|row| is_wanted(&row.value)).cloned()
        })
    }

    /// The rows of a kind that are asked for, by id.
    fn select<T: Kept>(
        &self,
        port: &'static str,
        is_wanted: impl Fn(&T) -> bool,
    ) -> Result<Vec<Stored<T>>, StoreError> {
        self.call(port, |state| {
            let rows = T::rows(&state.tables).values();
            rows.filter(|row| is_wanted(&row.value)).cloned().collect()
        })
    }

    /// The row with an id.
    fn get<T: Kept>(&self, port: &'static str, id: Uuid) -> Result<Option<Stored<T>>, StoreError> {
        self.call(port, |state| T::rows(&state.tables).get(&id).cloned())
    }
}

fn read_fault(fault: InjectedFault) -> StoreError {
    StoreError::Unavailable(Box::new(fault))
}

fn commit_fault(fault: InjectedFault) -> CommitError {
    CommitError::Unavailable(Box::new(fault))
}

/// Cuts a page out of rows that stand in the order of the list.
fn page_of<T: Entity>(
    rows: Vec<Stored<T>>,
    page: &PageRequest,
    is_after: impl Fn(Uuid) -> bool,
    cursor: impl Fn(Uuid) -> String,
) -> Page<Stored<T>> {
    let limit = usize::from(page.limit());
    let mut items: Vec<Stored<T>> = rows
        .into_iter()
        .filter(|row| is_after(row.value.uuid()))
        .take(limit + 1)
        .collect();
    let has_more = items.len() > limit;
    items.truncate(limit);
    let last = items.last().filter(|_| has_more);
    let next = last.map(|row| cursor(row.value.uuid()));
    Page { items, next }
}

/// A limit as a number of rows.
fn rows_max(limit: u32) -> usize {
    usize::try_from(limit).unwrap_or(usize::MAX)
}
