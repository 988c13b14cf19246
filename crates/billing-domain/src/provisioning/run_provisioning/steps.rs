//! The seven steps: each finds what an earlier attempt made, or makes it.

use time::Duration;

use super::{RunProvisioning, StepError, StepWork};
use crate::catalog::ports::PriceName;
use crate::catalog::product::Product;
use crate::checkout::intent::{CheckoutIntent, IntentCommand, IntentState, Reservation};
use crate::kernel::change_set::ChangeSet;
use crate::kernel::email::Email;
use crate::kernel::failure::StoreFailure;
use crate::kernel::id::{ProductId, TenantId};
use crate::kernel::stored::Stored;
use crate::kernel::text::Title;
use crate::licensing::agreement::{Catalog, CustomerAgreement};
use crate::licensing::license::License;
use crate::licensing::plan::SubscriptionPlan;
use crate::provisioning::workflow::ProvisioningWorkflow;
use crate::subscriptions::subscription::Subscription;
use crate::tenants::tenant::{Tenant, TenantAdmin};

/// How long a plan lasts unless its subscription ends earlier.
const PLAN_DURATION: Duration = Duration::days(365);

/// How many licences one commit creates.
const LICENSE_BATCH_MAX: u32 = 300;

fn impossible(message: impl Into<String>) -> StepError {
    StepError::Impossible(message.into())
}

fn done(changes: ChangeSet, output: String) -> StepWork {
    StepWork {
        changes,
        output,
        is_complete: true,
    }
}

impl RunProvisioning {
    /// the tenant by slug; the intent is linked to it.
    pub(super) async fn customer(
        &self,
        changes: ChangeSet,
        intent: &Stored<CheckoutIntent>,
    ) -> Result<StepWork, StepError> {
        let reservation = reservation(&intent.value)?;
        let known = self
            .tenants
            .tenant_by_slug(&reservation.slug)
            .await
            .map_err(StoreFailure::from)?;
        let now = changes.at();
        let (changes, tenant_id) = match known {
            Some(tenant) => (changes, tenant.value.id),
            None => {
                let (tenant, event) = Tenant::new(
                    self.core.id(),
                    reservation.name.clone(),
                    reservation.slug.clone(),
                    intent.value.parts().country.clone(),
                    now,
                );
                let id = tenant.id;
                (changes.insert_tenant(tenant, event), id)
            }
        };
        let command = IntentCommand::LinkTenant { tenant_id };
        let transition = intent
            .value
            .apply(command, now)
            .map_err(|error| impossible(error.to_string()))?;
        Ok(done(
            changes.change_intent(intent, transition),
            tenant_id.to_string(),
        ))
    }

    /// the buyer administers what was bought; an admin that exists is not added again.
    pub(super) async fn admins(
        &self,
        changes: ChangeSet,
        intent: &Stored<CheckoutIntent>,
    ) -> Result<StepWork, StepError> {
        let tenant_id = tenant_id(&intent.value)?;
        let user = self
            .users
            .user(intent.value.user_id())
            .await
            .map_err(StoreFailure::from)?;
        let email = match (
            intent.value.checkout().request(),
            user.and_then(|user| user.value.email),
        ) {
            (Some(request), _) => request.admin_email.clone(),
            (None, Some(email)) => email,
            (None, None) => return Err(impossible("the buyer has no e-mail address")),
        };
        let known = self
            .tenants
            .admin_by_email(tenant_id, &email)
            .await
            .map_err(StoreFailure::from)?;
        if let Some(admin) = known {
            let output = format!("existing {}", admin.value.id);
            let transition = admin.value.link_user(intent.value.user_id());
            return Ok(done(
                changes.change_tenant_admin(&admin, transition),
                output,
            ));
        }
        let (admin, event) = self.new_admin(tenant_id, email, intent);
        let output = format!("created {}", admin.id);
        Ok(done(changes.insert_tenant_admin(admin, event), output))
    }

    fn new_admin(
        &self,
        tenant_id: TenantId,
        email: Email,
        intent: &Stored<CheckoutIntent>,
    ) -> (TenantAdmin, crate::kernel::event::DomainEvent) {
        TenantAdmin::new(
            self.core.id(),
            tenant_id,
            email,
            Some(intent.value.user_id()),
        )
    }

    /// the catalogue by tenant and product.
    pub(super) async fn catalog(
        &self,
        changes: ChangeSet,
        intent: &Stored<CheckoutIntent>,
    ) -> Result<StepWork, StepError> {
        let tenant_id = tenant_id(&intent.value)?;
        let product = self.product(&intent.value).await?;
        let known = self
            .licensing
            .catalog_of(tenant_id, product.id)
            .await
            .map_err(StoreFailure::from)?;
        if let Some(catalog) = known {
            return Ok(done(changes, catalog.value.id.to_string()));
        }
        let reservation = reservation(&intent.value)?;
        let title = title(&format!("{} Subscription Catalog", reservation.name))?;
        let (catalog, event) =
            Catalog::new(self.core.id(), tenant_id, title, product.id, changes.at());
        let output = catalog.id.to_string();
        Ok(done(changes.insert_catalog(catalog, event), output))
    }

    /// the agreement by tenant.
    pub(super) async fn agreement(
        &self,
        changes: ChangeSet,
        intent: &Stored<CheckoutIntent>,
    ) -> Result<StepWork, StepError> {
        let tenant_id = tenant_id(&intent.value)?;
        let known = self
            .licensing
            .agreement_of(tenant_id)
            .await
            .map_err(StoreFailure::from)?;
        if let Some(agreement) = known {
            return Ok(done(changes, agreement.value.id.to_string()));
        }
        let product = self.product(&intent.value).await?;
        let catalog = self.catalog_of(tenant_id, product.id).await?;
        let (agreement, event) =
            CustomerAgreement::new(self.core.id(), tenant_id, catalog.value.id, changes.at());
        let output = agreement.id.to_string();
        Ok(done(changes.insert_agreement(agreement, event), output))
    }

    /// A-128 TRAP: the plan by workflow, so that no unrelated plan is picked up. A-018: its size is
    /// the intent's quantity, or what the subscription has grown to since.
    pub(super) async fn plan(
        &self,
        changes: ChangeSet,
        workflow: &Stored<ProvisioningWorkflow>,
        intent: &Stored<CheckoutIntent>,
    ) -> Result<StepWork, StepError> {
        let known = self
            .licensing
            .plan_of(workflow.value.id)
            .await
            .map_err(StoreFailure::from)?;
        if let Some(plan) = known {
            return Ok(done(changes, plan.value.id.to_string()));
        }
        let tenant_id = tenant_id(&intent.value)?;
        let product = self.product(&intent.value).await?;
        let catalog = self.catalog_of(tenant_id, product.id).await?;
        let agreement = self
            .licensing
            .agreement_of(tenant_id)
            .await
            .map_err(StoreFailure::from)?;
        let agreement = agreement.ok_or_else(|| impossible("the customer has no agreement"))?;
        let mirror = self.mirror(&intent.value).await?;
        let now = changes.at();
        let bought = intent.value.parts().quantity.count();
        let grown = mirror.as_ref().map_or(0, |m| m.quantity_max);
        let ends_at = mirror.as_ref().and_then(|m| m.facts.ends_at());
        let full_term = now.plus(PLAN_DURATION);
        let plan = SubscriptionPlan {
            id: self.core.id(),
            agreement_id: agreement.value.id,
            tenant_id,
            catalog_id: catalog.value.id,
            product_id: product.id,
            workflow_id: Some(workflow.value.id),
            title: title(&format!("{} {}", product.name, workflow.value.id))?,
            starts_at: now,
            ends_at: ends_at.map_or(full_term, |end| end.min(full_term)),
            license_count: bought.max(grown),
            created_license_count: 0,
            created_at: now,
        };
        let (event, output) = (plan.created(), plan.id.to_string());
        Ok(done(changes.insert_plan(plan, event), output))
    }

    /// the missing licences, in batches; each batch is a commit that the plan's version
    /// guards, so that no licence is created twice.
    pub(super) async fn licenses(
        &self,
        changes: ChangeSet,
        workflow: &Stored<ProvisioningWorkflow>,
    ) -> Result<StepWork, StepError> {
        let plan = self
            .licensing
            .plan_of(workflow.value.id)
            .await
            .map_err(StoreFailure::from)?;
        let plan = plan.ok_or_else(|| impossible("the plan does not exist"))?;
        let (transition, missing) = plan.value.create_missing(LICENSE_BATCH_MAX);
        let is_complete = transition.outcome(&plan.value).is_filled();
        let mut changes = changes.change_plan(&plan, transition);
        for _ in 0..missing {
            let (license, event) = License::new(self.core.id(), plan.value.id, changes.at());
            changes = changes.insert_license(license, event);
        }
        let output = format!("{} licences", plan.value.license_count);
        Ok(StepWork {
            changes,
            output,
            is_complete,
        })
    }

    /// the sale is fulfilled.
    pub(super) fn fulfill(
        changes: ChangeSet,
        intent: &Stored<CheckoutIntent>,
    ) -> Result<StepWork, StepError> {
        let transition = intent
            .value
            .apply(IntentCommand::MarkFulfilled, changes.at())
            .map_err(|error| impossible(error.to_string()))?;
        let output = match intent.value.state() {
            IntentState::Fulfilled { .. } => "already fulfilled",
            IntentState::Created
            | IntentState::Paid { .. }
            | IntentState::ErroredBackoffice { .. }
            | IntentState::ErroredFulfillmentStalled { .. }
            | IntentState::ErroredProvisioning { .. }
            | IntentState::Expired { .. } => "fulfilled",
        };
        Ok(done(
            changes.change_intent(intent, transition),
            output.to_owned(),
        ))
    }

    async fn product(&self, intent: &CheckoutIntent) -> Result<Product, StepError> {
        let request = intent
            .checkout()
            .request()
            .ok_or_else(|| impossible("no checkout was ever requested"))?;
        let name = PriceName::Id(request.price_id);
        let price = self
            .catalog
            .price(&name)
            .await
            .map_err(StoreFailure::from)?;
        let price = price
            .ok_or_else(|| impossible(format!("price {} does not exist", request.price_id)))?;
        let product = self
            .catalog
            .product(price.value.product_id)
            .await
            .map_err(StoreFailure::from)?;
        let product = product.ok_or_else(|| {
            impossible(format!("product {} does not exist", price.value.product_id))
        })?;
        Ok(product.value)
    }

    async fn catalog_of(
        &self,
        tenant: TenantId,
        product: ProductId,
    ) -> Result<Stored<Catalog>, StepError> {
        let catalog = self
            .licensing
            .catalog_of(tenant, product)
            .await
            .map_err(StoreFailure::from)?;
        catalog.ok_or_else(|| impossible("the customer has no catalogue"))
    }

    async fn mirror(&self, intent: &CheckoutIntent) -> Result<Option<Subscription>, StepError> {
        let Some(subscription) = &intent.parts().links.subscription else {
            return Ok(None);
        };
        let mirror = self
            .subscriptions
            .subscription(subscription)
            .await
            .map_err(StoreFailure::from)?;
        Ok(mirror.map(|stored| stored.value))
    }
}

fn reservation(intent: &CheckoutIntent) -> Result<&Reservation, StepError> {
    let reservation = intent.parts().reservation.as_ref();
    reservation.ok_or_else(|| impossible("the intent has no slug and name"))
}

fn tenant_id(intent: &CheckoutIntent) -> Result<TenantId, StepError> {
    intent
        .parts()
        .tenant_id
        .ok_or_else(|| impossible("the intent is not linked to a customer"))
}

fn title(text: &str) -> Result<Title, StepError> {
    let short: String = text.chars().take(255).collect();
    Title::parse(&short).map_err(|error| impossible(format!("the title {error}")))
}
