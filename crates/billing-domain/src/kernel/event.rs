//! What happened, in our own words: the payload of outbox messages and the action of audit entries.
//!
//! Published events are a promise to somebody outside, so they carry plain facts and are
//! serialisable; entities are not. No event carries a secret (an activation key, a token).

use serde::Serialize;

use super::id::{
    AgreementId, ApiKeyId, AppId, CatalogId, CustomerId, EntitlementId, InboxEventId, IntentId,
    LicenseId, OrderId, PlanId, PriceId, ProductId, ProjectId, RefundId, SubscriptionId,
    TenantAdminId, TenantId, UserId, WorkflowId,
};
use super::money::Money;
use super::text::FeatureCode;
use super::timestamp::Timestamp;

/// All fields of an intent that a listener may want (spec A-039).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct IntentFacts {
    /// Which intent.
    pub intent_id: IntentId,
    /// Whose.
    pub user_id: UserId,
    /// The state before, absent on creation.
    pub previous_state: Option<&'static str>,
    /// The state after.
    pub new_state: &'static str,
    /// Reserved slug.
    pub enterprise_slug: Option<String>,
    /// Reserved name.
    pub enterprise_name: Option<String>,
    /// How many licences.
    pub quantity: u32,
    /// Country of the buyer.
    pub country: Option<String>,
    /// End of the reservation.
    pub expires_at: Timestamp,
    /// The provider's session, once there is one.
    pub checkout_session: Option<String>,
    /// The provider's customer, once there is one.
    pub provider_customer: Option<String>,
    /// The provisioned customer, once there is one.
    pub tenant_id: Option<TenantId>,
    /// What went wrong, on an errored state.
    pub message: Option<String>,
}

/// Facts of a licence; the activation key is not among them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LicenseFacts {
    /// Which licence.
    pub license_id: LicenseId,
    /// Of which plan.
    pub plan_id: PlanId,
    /// The status after.
    pub status: &'static str,
    /// Whose, where it has somebody.
    pub email: Option<String>,
}

/// Facts of an entitlement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct EntitlementFacts {
    /// Which entitlement.
    pub entitlement_id: EntitlementId,
    /// Whose.
    pub user_id: UserId,
    /// In which project.
    pub project_id: ProjectId,
    /// The feature.
    pub feature_code: FeatureCode,
    /// End of validity; absent means lifetime.
    pub valid_to: Option<Timestamp>,
}

/// A fact about one entity, in the past tense.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "type", content = "data", rename_all = "snake_case")]
#[expect(
    missing_docs,
    reason = "each name says what happened; the facts are documented on their structs"
)]
pub enum DomainEvent {
    CheckoutIntentCreated(IntentFacts),
    CheckoutIntentRenewed(IntentFacts),
    CheckoutIntentAmended(IntentFacts),
    CheckoutIntentPaid(IntentFacts),
    CheckoutIntentFulfilled(IntentFacts),
    CheckoutIntentErrored(IntentFacts),
    CheckoutIntentExpired(IntentFacts),
    CheckoutIntentTenantLinked(IntentFacts),
    CheckoutRequested(IntentFacts),
    CheckoutOpened(IntentFacts),
    CheckoutRefused(IntentFacts),
    CheckoutLinked(IntentFacts),
    CheckoutSessionExpired(IntentFacts),
    CustomerRequested {
        customer_id: CustomerId,
    },
    CustomerLinked {
        customer_id: CustomerId,
        provider_customer: String,
    },
    CustomerEmailChanged {
        customer_id: CustomerId,
    },
    CustomerUnlinked {
        customer_id: CustomerId,
        provider_customer: String,
    },
    SubscriptionObserved {
        subscription_id: SubscriptionId,
        previous_status: Option<&'static str>,
        status: &'static str,
        quantity: u32,
    },
    OrderChanged {
        order_id: OrderId,
        previous_status: &'static str,
        status: &'static str,
        total: Money,
        refunded: Money,
    },
    RefundChanged {
        refund_id: RefundId,
        order_id: OrderId,
        status: &'static str,
        amount: Money,
    },
    ProvisioningRequested {
        workflow_id: WorkflowId,
        intent_id: IntentId,
    },
    ProvisioningStepSucceeded {
        workflow_id: WorkflowId,
        step: &'static str,
        output: String,
    },
    ProvisioningStepFailed {
        workflow_id: WorkflowId,
        step: &'static str,
        message: String,
        attempts: u32,
    },
    ProvisioningRetryRequested {
        workflow_id: WorkflowId,
    },
    ProvisioningInformed {
        workflow_id: WorkflowId,
    },
    TenantCreated {
        tenant_id: TenantId,
        slug: String,
        name: String,
    },
    TenantAdminAdded {
        admin_id: TenantAdminId,
        tenant_id: TenantId,
    },
    TenantAdminLinked {
        admin_id: TenantAdminId,
        tenant_id: TenantId,
        user_id: UserId,
    },
    CatalogCreated {
        catalog_id: CatalogId,
        tenant_id: TenantId,
    },
    AgreementCreated {
        agreement_id: AgreementId,
        tenant_id: TenantId,
    },
    PlanCreated {
        plan_id: PlanId,
        agreement_id: AgreementId,
        license_count: u32,
    },
    PlanEnlarged {
        plan_id: PlanId,
        license_count: u32,
    },
    PlanFilled {
        plan_id: PlanId,
        created_license_count: u32,
    },
    PlanEnded {
        plan_id: PlanId,
        ends_at: Timestamp,
    },
    LicenseCreated(LicenseFacts),
    LicenseAssigned(LicenseFacts),
    LicenseActivated(LicenseFacts),
    LicenseRevoked(LicenseFacts),
    LicenseUnassigned(LicenseFacts),
    UserRegistered {
        user_id: UserId,
        project_id: ProjectId,
    },
    UserEmailChanged {
        user_id: UserId,
        project_id: ProjectId,
    },
    EntitlementGranted(EntitlementFacts),
    EntitlementChanged(EntitlementFacts),
    EntitlementRevoked(EntitlementFacts),
    ProjectCreated {
        project_id: ProjectId,
    },
    AppCreated {
        app_id: AppId,
        project_id: ProjectId,
    },
    ApiKeyIssued {
        key_id: ApiKeyId,
        app_id: AppId,
    },
    ApiKeyRevoked {
        key_id: ApiKeyId,
        app_id: AppId,
    },
    ProductChanged {
        product_id: ProductId,
    },
    PriceChanged {
        price_id: PriceId,
        product_id: ProductId,
    },
    ProviderEventReplayed {
        event_id: InboxEventId,
        event_type: String,
        previous_status: &'static str,
    },
    ProviderEventDiscarded {
        event_id: InboxEventId,
        event_type: String,
        previous_status: &'static str,
    },
    PayloadsScrubbed {
        received_before: Timestamp,
        scrubbed_count: u64,
        kept_count: u64,
        answer_count: u64,
    },
}

impl DomainEvent {
    /// The stable name: topic of the outbox message and action of the audit entry.
    pub fn name(&self) -> &'static str {
        match self {
            Self::CheckoutIntentCreated(_) => "checkout_intent_created",
            Self::CheckoutIntentRenewed(_) => "checkout_intent_renewed",
            Self::CheckoutIntentAmended(_) => "checkout_intent_amended",
            Self::CheckoutIntentPaid(_) => "checkout_intent_paid",
            Self::CheckoutIntentFulfilled(_) => "checkout_intent_fulfilled",
            Self::CheckoutIntentErrored(_) => "checkout_intent_errored",
            Self::CheckoutIntentExpired(_) => "checkout_intent_expired",
            Self::CheckoutIntentTenantLinked(_) => "checkout_intent_tenant_linked",
            Self::CheckoutRequested(_) => "checkout_requested",
            Self::CheckoutOpened(_) => "checkout_opened",
            Self::CheckoutRefused(_) => "checkout_refused",
            Self::CheckoutLinked(_) => "checkout_linked",
            Self::CheckoutSessionExpired(_) => "checkout_session_expired",
            Self::CustomerRequested { .. } => "customer_requested",
            Self::CustomerLinked { .. } => "customer_linked",
            Self::CustomerEmailChanged { .. } => "customer_email_changed",
            Self::CustomerUnlinked { .. } => "customer_unlinked",
            Self::SubscriptionObserved { .. } => "subscription_observed",
            Self::OrderChanged { .. } => "order_changed",
            Self::RefundChanged { .. } => "refund_changed",
            Self::ProvisioningRequested { .. } => "provisioning_requested",
            Self::ProvisioningStepSucceeded { .. } => "provisioning_step_succeeded",
            Self::ProvisioningStepFailed { .. } => "provisioning_step_failed",
            Self::ProvisioningRetryRequested { .. } => "provisioning_retry_requested",
            Self::ProvisioningInformed { .. } => "provisioning_informed",
            Self::TenantCreated { .. } => "tenant_created",
            Self::TenantAdminAdded { .. } => "tenant_admin_added",
            Self::TenantAdminLinked { .. } => "tenant_admin_linked",
            Self::CatalogCreated { .. } => "catalog_created",
            Self::AgreementCreated { .. } => "agreement_created",
            Self::PlanCreated { .. } => "plan_created",
            Self::PlanEnlarged { .. } => "plan_enlarged",
            Self::PlanFilled { .. } => "plan_filled",
            Self::PlanEnded { .. } => "plan_ended",
            Self::LicenseCreated(_) => "license_created",
            Self::LicenseAssigned(_) => "license_assigned",
            Self::LicenseActivated(_) => "license_activated",
            Self::LicenseRevoked(_) => "license_revoked",
            Self::LicenseUnassigned(_) => "license_unassigned",
            Self::UserRegistered { .. } => "user_registered",
            Self::UserEmailChanged { .. } => "user_email_changed",
            Self::EntitlementGranted(_) => "entitlement_granted",
            Self::EntitlementChanged(_) => "entitlement_changed",
            Self::EntitlementRevoked(_) => "entitlement_revoked",
            Self::ProjectCreated { .. } => "project_created",
            Self::AppCreated { .. } => "app_created",
            Self::ApiKeyIssued { .. } => "api_key_issued",
            Self::ApiKeyRevoked { .. } => "api_key_revoked",
            Self::ProductChanged { .. } => "product_changed",
            Self::PriceChanged { .. } => "price_changed",
            Self::ProviderEventReplayed { .. } => "provider_event_replayed",
            Self::ProviderEventDiscarded { .. } => "provider_event_discarded",
            Self::PayloadsScrubbed { .. } => "payloads_scrubbed",
        }
    }
}
