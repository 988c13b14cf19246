//! What storage keeps unique, spelt out for each kind of entity.

use crate::access::api_key::ApiKey;
use crate::access::project::{App, Project};
use crate::access::user::User;
use crate::catalog::price::Price;
use crate::catalog::product::Product;
use crate::checkout::intent::CheckoutIntent;
use crate::customers::customer::{BillingCustomer, CustomerOwner};
use crate::entitlements::entitlement::Entitlement;
use crate::kernel::change_set::UniqueRule;
use crate::licensing::agreement::{Catalog, CustomerAgreement};
use crate::licensing::license::{Assignment, License, LicenseState};
use crate::licensing::plan::SubscriptionPlan;
use crate::provider_events::payload_retention::PayloadRetention;
use crate::provisioning::workflow::ProvisioningWorkflow;
use crate::subscriptions::subscription::Subscription;
use crate::tenants::tenant::{Tenant, TenantAdmin};

/// The values of a row that no other row may hold, each with its rule.
pub(super) trait UniqueKeys {
    fn keys(&self) -> Vec<(UniqueRule, String)>;
}

impl UniqueKeys for Project {
    fn keys(&self) -> Vec<(UniqueRule, String)> {
        vec![(UniqueRule::ProjectName, self.name.to_string())]
    }
}

impl UniqueKeys for App {
    fn keys(&self) -> Vec<(UniqueRule, String)> {
        Vec::new()
    }
}

impl UniqueKeys for ApiKey {
    fn keys(&self) -> Vec<(UniqueRule, String)> {
        vec![(UniqueRule::ApiKeyPrefix, self.prefix.clone())]
    }
}

impl UniqueKeys for User {
    fn keys(&self) -> Vec<(UniqueRule, String)> {
        let key = format!("{}/{}", self.project_id, self.external_id);
        vec![(UniqueRule::UserExternalId, key)]
    }
}

impl UniqueKeys for Product {
    fn keys(&self) -> Vec<(UniqueRule, String)> {
        vec![(UniqueRule::ProductProviderRef, self.provider_id.to_string())]
    }
}

impl UniqueKeys for Price {
    fn keys(&self) -> Vec<(UniqueRule, String)> {
        let mut keys = vec![(UniqueRule::PriceProviderRef, self.provider_id.to_string())];
        if let Some(lookup_key) = &self.lookup_key
            && self.is_active
        {
            keys.push((UniqueRule::PriceLookupKey, lookup_key.to_string()));
        }
        keys
    }
}

impl UniqueKeys for BillingCustomer {
    fn keys(&self) -> Vec<(UniqueRule, String)> {
        let owner = match self.owner {
            CustomerOwner::User(id) => id.to_string(),
            CustomerOwner::Tenant(id) => id.to_string(),
        };
        let mut keys = vec![(UniqueRule::CustomerOwner, owner)];
        if let Some(id) = self.provider_id() {
            keys.push((UniqueRule::CustomerProviderRef, id.to_string()));
        }
        keys
    }
}

impl UniqueKeys for Tenant {
    fn keys(&self) -> Vec<(UniqueRule, String)> {
        vec![(UniqueRule::TenantSlug, self.slug.to_string())]
    }
}

impl UniqueKeys for TenantAdmin {
    fn keys(&self) -> Vec<(UniqueRule, String)> {
        let key = format!("{}/{}", self.tenant_id, self.email);
        vec![(UniqueRule::TenantAdminEmail, key)]
    }
}

impl UniqueKeys for CheckoutIntent {
    fn keys(&self) -> Vec<(UniqueRule, String)> {
        let mut keys = Vec::new();
        if let Some(reservation) = &self.parts().reservation
            && self.state().holds_reservation()
        {
            keys.push((UniqueRule::IntentSlug, reservation.slug.to_string()));
            keys.push((UniqueRule::IntentName, reservation.name.folded()));
        }
        if self.state().is_open() {
            keys.push((UniqueRule::OpenIntentOfUser, self.user_id().to_string()));
        }
        keys
    }
}

impl UniqueKeys for Subscription {
    fn keys(&self) -> Vec<(UniqueRule, String)> {
        let key = self.facts.provider_id.to_string();
        vec![(UniqueRule::SubscriptionProviderRef, key)]
    }
}

impl UniqueKeys for ProvisioningWorkflow {
    fn keys(&self) -> Vec<(UniqueRule, String)> {
        vec![(UniqueRule::WorkflowIntent, self.intent_id.to_string())]
    }
}

impl UniqueKeys for Catalog {
    fn keys(&self) -> Vec<(UniqueRule, String)> {
        let key = format!("{}/{}", self.tenant_id, self.product_id);
        vec![(UniqueRule::CatalogTenant, key)]
    }
}

impl UniqueKeys for CustomerAgreement {
    fn keys(&self) -> Vec<(UniqueRule, String)> {
        vec![(UniqueRule::AgreementTenant, self.tenant_id.to_string())]
    }
}

impl UniqueKeys for SubscriptionPlan {
    fn keys(&self) -> Vec<(UniqueRule, String)> {
        let title = format!("{}/{}", self.agreement_id, self.title);
        let mut keys = vec![(UniqueRule::PlanTitle, title)];
        if let Some(workflow) = self.workflow_id {
            keys.push((UniqueRule::PlanWorkflow, workflow.to_string()));
        }
        keys
    }
}

impl UniqueKeys for License {
    fn keys(&self) -> Vec<(UniqueRule, String)> {
        match assignment(self) {
            Some(held) => vec![
                (
                    UniqueRule::LicenseEmail,
                    format!("{}/{}", self.plan_id, held.email),
                ),
                (UniqueRule::LicenseKey, held.activation_key.to_string()),
            ],
            None => Vec::new(),
        }
    }
}

/// Who holds a licence, while it is assigned or activated.
pub(super) fn assignment(license: &License) -> Option<&Assignment> {
    match &license.state {
        LicenseState::Assigned(assignment) => Some(assignment),
        LicenseState::Activated {
            assignment,
            user_id: _,
            activated_at: _,
        } => Some(assignment),
        LicenseState::Unassigned | LicenseState::Revoked { .. } => None,
    }
}

impl UniqueKeys for PayloadRetention {
    fn keys(&self) -> Vec<(UniqueRule, String)> {
        Vec::new()
    }
}

impl UniqueKeys for Entitlement {
    fn keys(&self) -> Vec<(UniqueRule, String)> {
        let source = self.source;
        let key = format!(
            "{}/{}/{}",
            source.kind(),
            source.id_text(),
            self.feature_code
        );
        vec![(UniqueRule::EntitlementSource, key)]
    }
}
