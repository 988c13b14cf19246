//! The audit entry that an adapter writes for each change, derived here so that all agree.

use uuid::Uuid;

use super::stored::Version;
use super::timestamp::Timestamp;

/// Who changed what, from which state to which, why and when (spec A-005, D-096).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditEntry {
    /// When.
    pub at: Timestamp,
    /// The principal's label, `stripe`, or `job:…`.
    pub actor: String,
    /// The domain event's name.
    pub action: &'static str,
    /// Kind of the entity.
    pub entity_kind: EntityKind,
    /// Its id.
    pub entity_id: Uuid,
    /// The version after the change.
    pub version: Version,
    /// State before; absent on insertion.
    pub before: Option<String>,
    /// State after.
    pub after: String,
    /// The request, event or job that caused it.
    pub cause: String,
    /// What an operator said about why, where they were asked.
    pub reason: Option<String>,
    /// Our id of the request in which somebody asked for it. That of a provider event's delivery is
    /// kept with the event, which the cause names.
    pub request_id: Option<String>,
}

/// An audit entry as it is read back: its names are those of whatever version wrote it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs, reason = "the fields are those of AuditEntry")]
pub struct AuditLine {
    pub entity_kind: String,
    pub entity_id: Uuid,
    pub version: u32,
    pub at: Timestamp,
    pub actor: String,
    pub action: String,
    pub before: Option<String>,
    pub after: String,
    pub cause: String,
    pub reason: Option<String>,
    pub request_id: Option<String>,
}

impl From<&AuditEntry> for AuditLine {
    fn from(entry: &AuditEntry) -> Self {
        let AuditEntry {
            at,
            actor,
            action,
            entity_kind,
            entity_id,
            version,
            before,
            after,
            cause,
            reason,
            request_id,
        } = entry;
        Self {
            entity_kind: entity_kind.name().to_owned(),
            entity_id: *entity_id,
            version: version.number(),
            at: *at,
            actor: actor.clone(),
            action: (*action).to_owned(),
            before: before.clone(),
            after: after.clone(),
            cause: cause.clone(),
            reason: reason.clone(),
            request_id: request_id.clone(),
        }
    }
}

/// The kinds of entities that a change set can write, in the fixed order of writing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "each variant is named after its entity")]
pub enum EntityKind {
    Project,
    App,
    ApiKey,
    User,
    Product,
    Price,
    Customer,
    Tenant,
    TenantAdmin,
    Intent,
    Subscription,
    Workflow,
    Catalog,
    Agreement,
    Plan,
    License,
    Entitlement,
    ProviderEvent,
    Retention,
}

impl EntityKind {
    /// The name in the audit trail.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Project => "project",
            Self::App => "app",
            Self::ApiKey => "api_key",
            Self::User => "user",
            Self::Product => "product",
            Self::Price => "price",
            Self::Customer => "customer",
            Self::Tenant => "tenant",
            Self::TenantAdmin => "tenant_admin",
            Self::Intent => "checkout_intent",
            Self::Subscription => "subscription",
            Self::Workflow => "provisioning_workflow",
            Self::Catalog => "catalog",
            Self::Agreement => "customer_agreement",
            Self::Plan => "subscription_plan",
            Self::License => "license",
            Self::Entitlement => "entitlement",
            Self::ProviderEvent => "provider_event",
            Self::Retention => "payload_retention",
        }
    }
}

/// What the change set needs to know of every entity that it writes.
pub trait Entity: Clone {
    /// Which kind it is.
    const KIND: EntityKind;

    /// Its id, without the kind.
    fn uuid(&self) -> Uuid;

    /// Its state in one word, for the audit trail; never a secret.
    fn state_name(&self) -> &'static str;
}
