//! The unit of work as a value: what changes, why, and what is told to the world, in one commit.

use super::audit::{AuditEntry, Entity, EntityKind};
use super::event::DomainEvent;
use super::id::InboxEventId;
use super::principal::Principal;
use super::stored::{Stored, Version};
use super::text::Reason;
use super::timestamp::Timestamp;
use super::transition::Transition;
use crate::access::api_key::ApiKey;
use crate::access::project::{App, Project};
use crate::access::user::User;
use crate::catalog::price::Price;
use crate::catalog::product::Product;
use crate::checkout::intent::CheckoutIntent;
use crate::customers::customer::BillingCustomer;
use crate::entitlements::entitlement::Entitlement;
use crate::kernel::recorded_answer::RequestRecord;
use crate::licensing::agreement::{Catalog, CustomerAgreement};
use crate::licensing::license::License;
use crate::licensing::plan::SubscriptionPlan;
use crate::provider_events::lane::LaneHold;
use crate::provider_events::parent::Parent;
use crate::provider_events::payload_retention::PayloadRetention;
use crate::provider_events::reading::Reading;
use crate::provider_events::stored_event::StoredEvent;
use crate::provisioning::workflow::ProvisioningWorkflow;
use crate::subscriptions::subscription::Subscription;
use crate::tenants::tenant::{Tenant, TenantAdmin};

/// Why something changes. The cause is part of the commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cause {
    /// The provider told us. The inbox row is marked in the same transaction, and only if it is
    /// neither marked yet nor discarded; otherwise the commit is [`CommitError::AlreadyApplied`].
    ProviderEvent(InboxEventId),
    /// A client asked. With a record, it is stored in the same transaction.
    Request {
        /// Label of the caller.
        actor: String,
        /// Key and answer, where the client sent a key.
        record: Option<RequestRecord>,
        /// Our id of the request, where it came with one.
        request_id: Option<String>,
    },
    /// The service itself: a sweeper, a workflow, a command.
    Job(&'static str),
}

impl Cause {
    /// A client's request without a key, or of which nothing needs to be remembered.
    pub fn request(principal: &Principal) -> Self {
        Self::Request {
            actor: principal.label(),
            record: None,
            request_id: None,
        }
    }

    /// Who the audit trail names.
    pub fn actor(&self) -> String {
        match self {
            Self::ProviderEvent(_) => "stripe".to_owned(),
            Self::Request {
                actor,
                record: _,
                request_id: _,
            } => actor.clone(),
            Self::Job(name) => format!("job:{name}"),
        }
    }

    /// What the audit trail calls the cause.
    pub fn description(&self) -> String {
        match self {
            Self::ProviderEvent(id) => format!("{EVENT_CAUSE}{id}"),
            Self::Request {
                actor: _,
                record: Some(record),
                request_id: _,
            } => {
                format!("request:{}:{}", record.key.route, record.key.key)
            }
            Self::Request {
                actor: _,
                record: None,
                request_id: _,
            } => "request".to_owned(),
            Self::Job(name) => format!("job:{name}"),
        }
    }

    fn request_id(&self) -> Option<&str> {
        match self {
            Self::Request {
                actor: _,
                record: _,
                request_id,
            } => request_id.as_deref(),
            Self::ProviderEvent(_) | Self::Job(_) => None,
        }
    }
}

/// How the audit trail begins to name a provider event as a cause.
pub const EVENT_CAUSE: &str = "provider_event:";

/// One row that is inserted or updated, and what to say about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Write<T> {
    /// The row as it was read; absent for an insertion.
    pub before: Option<Stored<T>>,
    /// The row as it will be.
    pub next: T,
    /// What happened.
    pub event: DomainEvent,
}

impl<T: Entity> Write<T> {
    /// The version that the row will have.
    pub fn version(&self) -> Version {
        self.before
            .as_ref()
            .map_or(Version::FIRST, |before| before.version.next())
    }

    fn audit(&self, set: &ChangeSet) -> AuditEntry {
        AuditEntry {
            at: set.at,
            actor: set.cause.actor(),
            action: self.event.name(),
            entity_kind: T::KIND,
            entity_id: self.next.uuid(),
            version: self.version(),
            before: self
                .before
                .as_ref()
                .map(|before| before.value.state_name().to_owned()),
            after: self.next.state_name().to_owned(),
            cause: set.cause.description(),
            reason: set.reason.as_ref().map(Reason::to_string),
            request_id: set.request_id().map(str::to_owned),
        }
    }
}

/// A message that goes out after the commit, at least once, in the order of commits per entity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutgoingMessage {
    /// The event's name.
    pub topic: &'static str,
    /// Entity and version: the same change is never announced twice.
    pub dedup_key: String,
    /// The event.
    pub event: DomainEvent,
    /// Our id of the request or the scan that brought the cause, or that is the cause.
    pub correlation_id: Option<String>,
}

/// Declares the kinds of change once: variant, entity, and the `insert_` and `change_` methods.
macro_rules! changes {
    ($($kind:ident($entity:ty), $insert:ident, $change:ident;)*) => {
        /// One write of one kind. An adapter that does not know a kind answers
        /// [`CommitError::Unsupported`].
        #[derive(Debug, Clone, PartialEq, Eq)]
        #[expect(missing_docs, reason = "each variant is named after its entity")]
        pub enum Change {
            $($kind(Box<Write<$entity>>),)*
        }

        impl Change {
            /// Which kind of entity is written.
            pub fn kind(&self) -> EntityKind {
                match self {
                    $(Self::$kind(_) => EntityKind::$kind,)*
                }
            }

            fn audit(&self, set: &ChangeSet) -> AuditEntry {
                match self {
                    $(Self::$kind(write) => write.audit(set),)*
                }
            }

            fn event(&self) -> &DomainEvent {
                match self {
                    $(Self::$kind(write) => &write.event,)*
                }
            }

            /// Which row is written: the fixed order of writes is by kind and then by id.
            pub fn row(&self) -> (EntityKind, uuid::Uuid) {
                match self {
                    $(Self::$kind(write) => (EntityKind::$kind, write.next.uuid()),)*
                }
            }
        }

        impl ChangeSet {
            $(
                #[doc = concat!("Adds a new `", stringify!($entity), "`.")]
                pub fn $insert(mut self, next: $entity, event: DomainEvent) -> Self {
                    self.changes.push(Change::$kind(Box::new(Write { before: None, next, event })));
                    self
                }

                #[doc = concat!("Adds what a command did to a `", stringify!($entity), "`; nothing for a repetition.")]
                pub fn $change(mut self, before: &Stored<$entity>, transition: Transition<$entity>) -> Self {
                    match transition {
                        Transition::Applied { next, event } => {
                            let before = Some(before.clone());
                            self.changes.push(Change::$kind(Box::new(Write { before, next, event })));
                        }
                        Transition::AlreadyApplied => {}
                    }
                    self
                }
            )*
        }
    };
}

/// Everything that one decision changes: written in one transaction or not at all.
#[must_use = "a change set does nothing until it is committed"]
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangeSet {
    cause: Cause,
    hold: Option<LaneHold>,
    reason: Option<Reason>,
    correlation_id: Option<String>,
    at: Timestamp,
    readings: Vec<Reading>,
    changes: Vec<Change>,
}

changes! {
    Project(Project), insert_project, change_project;
    App(App), insert_app, change_app;
    ApiKey(ApiKey), insert_api_key, change_api_key;
    User(User), insert_user, change_user;
    Product(Product), insert_product, change_product;
    Price(Price), insert_price, change_price;
    Customer(BillingCustomer), insert_customer, change_customer;
    Tenant(Tenant), insert_tenant, change_tenant;
    TenantAdmin(TenantAdmin), insert_tenant_admin, change_tenant_admin;
    Intent(CheckoutIntent), insert_intent, change_intent;
    Subscription(Subscription), insert_subscription, change_subscription;
    Workflow(ProvisioningWorkflow), insert_workflow, change_workflow;
    Catalog(Catalog), insert_catalog, change_catalog;
    Agreement(CustomerAgreement), insert_agreement, change_agreement;
    Plan(SubscriptionPlan), insert_plan, change_plan;
    License(License), insert_license, change_license;
    Entitlement(Entitlement), insert_entitlement, change_entitlement;
    ProviderEvent(StoredEvent), insert_provider_event, change_provider_event;
    Retention(PayloadRetention), insert_retention, change_retention;
}

impl ChangeSet {
    /// Starts an empty set.
    pub fn caused_by(cause: Cause, at: Timestamp) -> Self {
        Self {
            hold: None,
            reason: None,
            correlation_id: cause.request_id().map(str::to_owned),
            cause,
            at,
            readings: Vec::new(),
            changes: Vec::new(),
        }
    }

    /// Adds why an operator wants this, for the audit trail.
    pub fn because(mut self, reason: Option<&Reason>) -> Self {
        self.reason = reason.cloned();
        self
    }

    /// Adds what the provider was asked for the decision, to be kept with the provider event.
    pub fn having_read(mut self, readings: Vec<Reading>) -> Self {
        self.readings = readings;
        self
    }

    /// What the provider was asked for the decision.
    pub fn readings(&self) -> &[Reading] {
        &self.readings
    }

    /// Adds our id of the request or the scan that brought the cause; every message carries it on. A
    /// cause that is a request has brought its own.
    pub fn correlated_with(mut self, correlation_id: Option<String>) -> Self {
        self.correlation_id = correlation_id;
        self
    }

    /// The request that the audit trail names; an event's is kept with the event.
    fn request_id(&self) -> Option<&str> {
        match self.cause {
            Cause::ProviderEvent(_) => None,
            Cause::Request { .. } | Cause::Job(_) => self.correlation_id.as_deref(),
        }
    }

    /// Binds the commit to a lane: it is [`CommitError::LeaseLost`] once somebody else has taken it.
    pub fn under(mut self, hold: LaneHold) -> Self {
        self.hold = Some(hold);
        self
    }

    /// The lane that must still be held.
    pub fn hold(&self) -> Option<LaneHold> {
        self.hold
    }

    /// Why.
    pub fn cause(&self) -> &Cause {
        &self.cause
    }

    /// When.
    pub fn at(&self) -> Timestamp {
        self.at
    }

    /// Whether no row changes. Committing it still marks its cause.
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }

    /// The writes, in the order in which they were decided.
    pub fn changes(&self) -> &[Change] {
        &self.changes
    }

    /// The writes in the fixed order, by kind and then by id, so that two commits cannot
    /// deadlock by order. The sort is stable.
    pub fn changes_in_write_order(&self) -> Vec<&Change> {
        let mut ordered: Vec<&Change> = self.changes.iter().collect();
        ordered.sort_by_key(|change| change.row());
        ordered
    }

    /// The rows that are written.
    pub fn rows(&self) -> impl Iterator<Item = (EntityKind, uuid::Uuid)> {
        self.changes.iter().map(Change::row)
    }

    /// What events may wait for and this commit makes known. An adapter wakes those events in the
    /// same transaction.
    pub fn made_known(&self) -> Vec<Parent> {
        let mut parents = Vec::new();
        for change in &self.changes {
            let Change::Intent(write) = change else {
                continue;
            };
            if write.before.is_none() {
                parents.push(Parent::Intent(write.next.id()));
            }
            let before = write.before.as_ref();
            let known = before.and_then(|before| before.value.parts().links.subscription.as_ref());
            let linked = write.next.parts().links.subscription.as_ref();
            if let Some(linked) = linked.filter(|linked| Some(*linked) != known) {
                parents.push(Parent::SaleOf(linked.clone()));
            }
        }
        parents
    }

    /// The audit entries, one for each write.
    pub fn audit_entries(&self) -> Vec<AuditEntry> {
        self.changes
            .iter()
            .map(|change| change.audit(self))
            .collect()
    }

    /// The outbox messages, one for each write.
    pub fn outgoing_messages(&self) -> Vec<OutgoingMessage> {
        self.changes
            .iter()
            .map(|change| {
                let entry = change.audit(self);
                OutgoingMessage {
                    topic: change.event().name(),
                    dedup_key: format!(
                        "{}:{}:{}",
                        entry.entity_kind.name(),
                        entry.entity_id.simple(),
                        entry.version.number()
                    ),
                    event: change.event().clone(),
                    correlation_id: self.correlation_id.clone(),
                }
            })
            .collect()
    }
}

/// The invariants over several rows that storage keeps by unique indexes, by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(
    missing_docs,
    reason = "each variant names the columns that are unique together"
)]
pub enum UniqueRule {
    /// One non-expired intent per slug.
    IntentSlug,
    /// One non-expired intent per name, whatever its case.
    IntentName,
    /// One intent of a user that is neither expired nor fulfilled.
    OpenIntentOfUser,
    CustomerOwner,
    CustomerProviderRef,
    SubscriptionProviderRef,
    WorkflowIntent,
    TenantSlug,
    TenantAdminEmail,
    CatalogTenant,
    AgreementTenant,
    PlanWorkflow,
    PlanTitle,
    /// At most one assigned or activated licence per plan and address.
    LicenseEmail,
    LicenseKey,
    EntitlementSource,
    UserExternalId,
    ProjectName,
    ApiKeyPrefix,
    ProductProviderRef,
    PriceProviderRef,
    PriceLookupKey,
    /// An id that exists already.
    PrimaryKey,
}

/// Why a commit wrote nothing.
#[derive(Debug, thiserror::Error)]
pub enum CommitError {
    /// The cause was marked before: this exact thing happened already.
    #[error("the cause of this change was already applied")]
    AlreadyApplied,
    /// Somebody else has taken the lane of the event: whoever decided this is too late.
    #[error("the lane of this event was taken by another worker")]
    LeaseLost,
    /// A row is not at the version that was read, or the database asks to try again.
    #[error("a row was changed by somebody else")]
    Conflict,
    /// An invariant over several rows would break.
    #[error("another row already holds this value: {0:?}")]
    Duplicate(UniqueRule),
    /// The adapter does not store this kind of entity.
    #[error("this store does not keep {}", .0.name())]
    Unsupported(EntityKind),
    /// The store could not be reached or failed; whether anything was written is known only to
    /// be "no" when the transaction was not committed, so the decision is taken again.
    #[error("the store is unavailable")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl CommitError {
    /// Whether reading and deciding again may succeed.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Conflict | Self::Unavailable(_) => true,
            Self::AlreadyApplied | Self::LeaseLost | Self::Duplicate(_) | Self::Unsupported(_) => {
                false
            }
        }
    }
}
