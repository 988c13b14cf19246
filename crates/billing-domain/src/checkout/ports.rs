//! What the checkout needs from outside: its own rows, and the provider's sessions.

use async_trait::async_trait;

use super::intent::{CheckoutIntent, CheckoutRequest, OpenedSession, Reservation};
use crate::kernel::email::Email;
use crate::kernel::id::{CustomerId, IntentId, UserId};
use crate::kernel::page::{Page, PageRequest};
use crate::kernel::ports::StoreError;
use crate::kernel::provider::ProviderError;
use crate::kernel::stored::Stored;
use crate::kernel::text::{CompanyName, ProviderRef};
use crate::kernel::timestamp::Timestamp;
use crate::subscriptions::subscription::SubscriptionReport;

/// Reads intents.
#[cfg_attr(feature = "testing", mockall::automock)]
#[async_trait]
pub trait IntentReader: Send + Sync {
    /// An intent.
    async fn intent(&self, id: IntentId) -> Result<Option<Stored<CheckoutIntent>>, StoreError>;

    /// The row that the user's next request reuses: the newest that is not fulfilled.
    async fn unfulfilled_intent_of(
        &self,
        user: UserId,
    ) -> Result<Option<Stored<CheckoutIntent>>, StoreError>;

    /// The intent whose links name this session or subscription.
    async fn intent_by_provider_ref(
        &self,
        reference: &ProviderRef,
    ) -> Result<Option<Stored<CheckoutIntent>>, StoreError>;

    /// An intent of somebody else in a state that holds the slug or the name, whether or
    /// not its time has run out. Any of them where two hold a part each.
    async fn reservation_holder(
        &self,
        reservation: &Reservation,
        user: UserId,
    ) -> Result<Option<Stored<CheckoutIntent>>, StoreError>;
}

/// Lists intents for people.
#[cfg_attr(feature = "testing", mockall::automock)]
#[async_trait]
pub trait IntentListing: Send + Sync {
    /// One page of a user's intents, or of all, newest first.
    async fn intents(
        &self,
        owner: Option<UserId>,
        page: &PageRequest,
    ) -> Result<Page<Stored<CheckoutIntent>>, StoreError>;
}

/// Finds intents that need attention.
#[cfg_attr(feature = "testing", mockall::automock)]
#[async_trait]
pub trait IntentSweep: Send + Sync {
    /// Created ones whose reservation ended at or before `now`.
    async fn intents_to_expire(
        &self,
        now: Timestamp,
        limit: u32,
    ) -> Result<Vec<IntentId>, StoreError>;

    /// Ones whose request to the provider has been open since before `before`.
    async fn intents_with_open_request(
        &self,
        before: Timestamp,
        limit: u32,
    ) -> Result<Vec<IntentId>, StoreError>;

    /// Paid ones that have not changed since before `before`.
    async fn intents_stalled(
        &self,
        before: Timestamp,
        limit: u32,
    ) -> Result<Vec<IntentId>, StoreError>;
}

/// A customer that is to exist at the provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CustomerOrder {
    /// Our id; the provider's customer carries it in its metadata.
    pub customer_id: CustomerId,
    /// Where the provider writes to.
    pub email: Email,
    /// A company's name.
    pub name: Option<CompanyName>,
    /// The same through any crash.
    pub idempotency_key: String,
}

/// A session that is to be opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckoutOrder {
    /// Our id; session and subscription carry it in their metadata (B-048, E-039).
    pub intent_id: IntentId,
    /// Also in the metadata.
    pub user_id: UserId,
    /// Also in the metadata.
    pub reservation: Option<Reservation>,
    /// The provider's customer.
    pub customer: ProviderRef,
    /// What to sell, and how the page is shown.
    pub request: CheckoutRequest,
    /// The same through any crash.
    pub idempotency_key: String,
    /// When the intention became durable: past the provider's key window the session is looked
    /// up by our metadata before it is asked for again.
    pub requested_at: Timestamp,
}

/// What the provider answered to a request for a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CheckoutOutcome {
    /// There is a session.
    Opened(OpenedSession),
    /// A final no.
    Refused {
        /// The provider's code, fit for a client.
        reason: String,
    },
}

/// Whether somebody may still pay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SessionStatus {
    /// The page can be paid.
    Open,
    /// It was completed.
    Complete,
    /// It ran out.
    Expired,
}

/// A session as the provider has it now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProviderSession {
    /// Its id.
    pub id: ProviderRef,
    /// The intent that its metadata names; `None` for a session that is not ours.
    pub intent_id: Option<IntentId>,
    /// Whether somebody may still pay.
    pub status: SessionStatus,
    /// The customer.
    pub customer: Option<ProviderRef>,
    /// The subscription, once there is one.
    pub subscription: Option<ProviderRef>,
    /// The invoice that it made, once there is one.
    pub invoice: Option<ProviderRef>,
    /// Whether the provider has the money, or none was due.
    pub is_paid: bool,
}

/// An invoice as the provider has it now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProviderInvoice {
    /// Its id.
    pub id: ProviderRef,
    /// The customer.
    pub customer: Option<ProviderRef>,
    /// The subscription that it bills.
    pub subscription: Option<ProviderRef>,
    /// The intent that the subscription's metadata names.
    pub intent_id: Option<IntentId>,
    /// Whether it is paid; zero-amount invoices count.
    pub is_paid: bool,
}

/// Opens and reads sessions at the provider.
#[cfg_attr(feature = "testing", mockall::automock)]
#[async_trait]
pub trait CheckoutProvider: Send + Sync {
    /// Finds or creates the provider's customer. MUST give the same customer for the same key,
    /// and one that carries `customer_id` in its metadata.
    async fn ensure_customer(&self, order: &CustomerOrder) -> Result<ProviderRef, ProviderError>;

    /// Opens a session. MUST give the same session for the same key, also when the first answer
    /// was lost. `Ok(Refused)` is final.
    async fn open_checkout(&self, order: &CheckoutOrder) -> Result<CheckoutOutcome, ProviderError>;

    /// Reads a session.
    async fn session(&self, id: &ProviderRef) -> Result<Option<ProviderSession>, ProviderError>;

    /// Closes a session, so that nobody can pay it any more. MUST be harmless for one that is
    /// not open.
    async fn expire_session(&self, id: &ProviderRef) -> Result<(), ProviderError>;

    /// Reads a subscription.
    async fn subscription(
        &self,
        id: &ProviderRef,
    ) -> Result<Option<SubscriptionReport>, ProviderError>;

    /// Reads an invoice.
    async fn invoice(&self, id: &ProviderRef) -> Result<Option<ProviderInvoice>, ProviderError>;

    /// Lets later changes of a subscription wait for their payment.
    async fn hold_changes_until_paid(
        &self,
        subscription: &ProviderRef,
    ) -> Result<(), ProviderError>;
}
