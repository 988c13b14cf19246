//! A payment provider in memory: it remembers keys, takes payments when told, fails when told.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard};

use time::Duration;

use super::clock::ManualClock;
use super::faults::{Faults, InjectedFault};
use crate::catalog::ports::ProviderPrice;
use crate::checkout::ports::{CheckoutOrder, ProviderInvoice, ProviderSession, SessionStatus};
use crate::kernel::id::CustomerId;
use crate::kernel::ports::Clock;
use crate::kernel::provider::ProviderError;
use crate::kernel::text::ProviderRef;
use crate::provider_events::reports::{CatalogueReport, CustomerReport};
use crate::subscriptions::subscription::{
    SubscriptionFacts, SubscriptionReport, SubscriptionStatus,
};

mod ports;
#[cfg(test)]
mod tests;

/// How the next call goes wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure {
    /// The call never arrives.
    UnreachableBeforeEffect,
    /// The call has its effect and the answer is lost.
    AnswerLost,
    /// Too many calls.
    RateLimited {
        /// What the provider asks for.
        retry_after: Option<Duration>,
    },
    /// The provider rejects what was sent.
    Rejected {
        /// With which code.
        code: String,
    },
    /// The provider does not accept the key.
    Unauthorized {
        /// With which code.
        code: String,
    },
    /// There is no key.
    NotConfigured,
}

/// A payment that a test made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FakePayment {
    /// The session after it.
    pub session: ProviderSession,
    /// The invoice, where the price recurs.
    pub invoice: Option<ProviderInvoice>,
    /// The subscription, where the price recurs.
    pub subscription: Option<SubscriptionReport>,
}

/// A session and what it was opened for.
#[derive(Debug, Clone)]
struct SessionRow {
    session: ProviderSession,
    order: CheckoutOrder,
    opened: crate::checkout::intent::OpenedSession,
}

#[derive(Debug, Default)]
struct State {
    /// By idempotency key.
    customers: BTreeMap<String, (ProviderRef, CustomerId)>,
    /// By the provider's id.
    sessions: BTreeMap<String, SessionRow>,
    session_keys: BTreeMap<String, ProviderRef>,
    refused_keys: BTreeMap<String, String>,
    subscriptions: BTreeMap<String, SubscriptionReport>,
    invoices: BTreeMap<String, ProviderInvoice>,
    held: Vec<ProviderRef>,
    parties: BTreeMap<String, CustomerReport>,
    catalogue: BTreeMap<String, CatalogueReport>,
    prices: Vec<ProviderPrice>,
    failures: VecDeque<Failure>,
    refusal: Option<String>,
    made: u64,
}

impl State {
    fn make_ref(&mut self, prefix: &str) -> ProviderRef {
        self.made += 1;
        ProviderRef::parse(&format!("{prefix}_fake_{:06}", self.made))
            .expect("prefix and digits are printable ASCII")
    }
}

/// The provider; clones share everything.
#[derive(Debug, Clone)]
pub struct FakeProvider {
    state: Arc<Mutex<State>>,
    clock: ManualClock,
    faults: Faults,
}

impl FakeProvider {
    /// A provider without customers, sessions or prices.
    pub fn new(clock: ManualClock) -> Self {
        Self::with_faults(clock, Faults::new())
    }

    /// The same, with its calls counted together with others.
    pub fn with_faults(clock: ManualClock, faults: Faults) -> Self {
        Self {
            state: Arc::default(),
            clock,
            faults,
        }
    }

    /// Lets the next call that has not been told so yet fail; several calls queue up.
    pub fn fail_next(&self, failure: Failure) {
        self.state().failures.push_back(failure);
    }

    /// Lets every new session be refused for good, until [`Self::accept_checkouts`].
    pub fn refuse_checkouts(&self, reason: &str) {
        self.state().refusal = Some(reason.to_owned());
    }

    /// Ends [`Self::refuse_checkouts`].
    pub fn accept_checkouts(&self) {
        self.state().refusal = None;
    }

    /// Puts a price into the provider's catalogue.
    pub fn add_price(&self, price: ProviderPrice) {
        self.state().prices.push(price);
    }

    /// How many customers were made.
    pub fn customer_count(&self) -> usize {
        self.state().customers.len()
    }

    /// Every session in the order in which it was opened.
    pub fn sessions(&self) -> Vec<ProviderSession> {
        let state = self.state();
        state
            .sessions
            .values()
            .map(|row| row.session.clone())
            .collect()
    }

    /// What a session was opened for.
    pub fn order_of(&self, session: &ProviderRef) -> Option<CheckoutOrder> {
        let state = self.state();
        state
            .sessions
            .get(session.as_str())
            .map(|row| row.order.clone())
    }

    /// The subscriptions whose changes wait for their payment.
    pub fn held_subscriptions(&self) -> Vec<ProviderRef> {
        self.state().held.clone()
    }

    /// Changes what is told about a customer that is asked for.
    pub fn put_customer(&self, report: CustomerReport) {
        let id = report.id.to_string();
        self.state().parties.insert(id, report);
    }

    /// Changes what is told about a product or a price that is asked for.
    pub fn put_catalogue_item(&self, report: CatalogueReport) {
        let id = report.id.to_string();
        self.state().catalogue.insert(id, report);
    }

    /// Lets the buyer pay an open session: a recurring price makes a subscription and its
    /// invoice. `None` if the session is unknown or not open; a test decides whether that is a
    /// failure.
    pub fn pay(&self, session: &ProviderRef) -> Option<FakePayment> {
        let now = self.clock.now();
        let mut state = self.state();
        let row = state.sessions.get(session.as_str())?.clone();
        if row.session.status != SessionStatus::Open {
            return None;
        }
        let mut paid = row.session.clone();
        paid.status = SessionStatus::Complete;
        paid.is_paid = true;
        let mut payment = FakePayment {
            session: paid,
            invoice: None,
            subscription: None,
        };
        if row.order.request.is_recurring {
            let (subscription, invoice) = (state.make_ref("sub"), state.make_ref("in"));
            let period = Duration::days(365);
            let trial_days = row.order.request.trial_days;
            let trial = Duration::days(i64::from(trial_days));
            let facts = SubscriptionReport {
                intent_id: Some(row.order.intent_id),
                facts: SubscriptionFacts {
                    provider_id: subscription.clone(),
                    customer: row.order.customer.clone(),
                    status: if trial_days > 0 {
                        SubscriptionStatus::Trialing
                    } else {
                        SubscriptionStatus::Active
                    },
                    quantity: row.order.request.quantity.count(),
                    price: Some(row.order.request.price.clone()),
                    period_start: Some(now),
                    period_end: Some(now.plus(if trial_days > 0 { trial } else { period })),
                    trial_end: (trial_days > 0).then(|| now.plus(trial)),
                    cancel_at: None,
                    canceled_at: None,
                    ended_at: None,
                    has_pending_update: false,
                },
            };
            let bill = ProviderInvoice {
                id: invoice.clone(),
                customer: Some(row.order.customer.clone()),
                subscription: Some(subscription.clone()),
                intent_id: Some(row.order.intent_id),
                is_paid: true,
            };
            payment.session.subscription = Some(subscription.clone());
            payment.session.invoice = Some(invoice.clone());
            state
                .subscriptions
                .insert(subscription.to_string(), facts.clone());
            state.invoices.insert(invoice.to_string(), bill.clone());
            payment.subscription = Some(facts);
            payment.invoice = Some(bill);
        }
        if let Some(row) = state.sessions.get_mut(session.as_str()) {
            row.session = payment.session.clone();
        }
        Some(payment)
    }

    /// Lets a session run out as if its time had come.
    pub fn time_out(&self, session: &ProviderRef) -> Option<ProviderSession> {
        let mut state = self.state();
        let row = state.sessions.get_mut(session.as_str())?;
        if row.session.status == SessionStatus::Open {
            row.session.status = SessionStatus::Expired;
        }
        Some(row.session.clone())
    }

    /// Lets the provider have a subscription as described, new or changed.
    pub fn put_subscription(&self, report: SubscriptionReport) {
        let id = report.facts.provider_id.to_string();
        self.state().subscriptions.insert(id, report);
    }

    /// Lets the provider have an invoice as described, new or changed.
    pub fn put_invoice(&self, invoice: ProviderInvoice) {
        let id = invoice.id.to_string();
        self.state().invoices.insert(id, invoice);
    }

    /// Lets the provider have a session that somebody else opened, or change one of ours.
    pub fn put_session(&self, session: &ProviderSession, order: CheckoutOrder) {
        let opened = crate::checkout::intent::OpenedSession {
            id: session.id.clone(),
            url: None,
            client_secret: None,
            expires_at: self.clock.now(),
        };
        let row = SessionRow {
            session: session.clone(),
            order,
            opened,
        };
        self.state().sessions.insert(session.id.to_string(), row);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no holder of this lock panics")
    }

    /// One call of the provider with the failure that was asked for.
    fn call<T>(
        &self,
        port: &'static str,
        answer: impl FnOnce(&mut State) -> Result<T, ProviderError>,
    ) -> Result<T, ProviderError> {
        let call = self.faults.begin(port).map_err(unreachable)?;
        let mut state = self.state();
        let is_lost = match state.failures.pop_front() {
            None => false,
            Some(Failure::AnswerLost) => true,
            Some(Failure::UnreachableBeforeEffect) => return Err(no_answer(port)),
            Some(Failure::RateLimited { retry_after }) => {
                return Err(ProviderError::RateLimited { retry_after });
            }
            Some(Failure::Rejected { code }) => return Err(rejected(&code)),
            Some(Failure::Unauthorized { code }) => {
                let message = "the fake provider was told not to accept the key".to_owned();
                return Err(ProviderError::Unauthorized { code, message });
            }
            Some(Failure::NotConfigured) => return Err(ProviderError::NotConfigured),
        };
        let answer = answer(&mut state);
        call.end().map_err(unreachable)?;
        if is_lost {
            Err(no_answer(port))
        } else {
            answer
        }
    }
}

fn unreachable(fault: InjectedFault) -> ProviderError {
    ProviderError::Unreachable(Box::new(fault))
}

fn no_answer(port: &'static str) -> ProviderError {
    unreachable(InjectedFault { number: 0, port })
}

fn rejected(code: &str) -> ProviderError {
    ProviderError::Rejected {
        code: code.to_owned(),
        message: "the fake provider was told to reject this".to_owned(),
    }
}
