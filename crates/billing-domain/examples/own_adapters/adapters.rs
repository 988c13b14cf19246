//! The team's adapters, in memory: a store that knows what the sale needs and a payment provider.

use std::any::Any;
use std::collections::BTreeMap;
use std::sync::Mutex;

use async_trait::async_trait;
use billing_domain::access::{ports::UserReader, user::User};
use billing_domain::catalog::ports::{CatalogReader, PriceName};
use billing_domain::catalog::{price::Price, product::Product};
use billing_domain::checkout::intent::{
    CheckoutIntent, OpenedSession, RESERVATION_DEFAULT, Reservation,
};
use billing_domain::checkout::ports::{
    CheckoutOrder, CheckoutOutcome, CheckoutProvider, CustomerOrder, IntentReader, ProviderInvoice,
    ProviderSession, SessionStatus,
};
use billing_domain::customers::customer::{BillingCustomer, CustomerOwner};
use billing_domain::customers::ports::CustomerReader;
use billing_domain::kernel::audit::Entity;
use billing_domain::kernel::change_set::{Change, ChangeSet, CommitError, Write};
use billing_domain::kernel::id::{
    IntentId, PlanId, ProductId, ProjectId, TenantId, UserId, WorkflowId,
};
use billing_domain::kernel::ports::{BillingWriter, StoreError};
use billing_domain::kernel::stored::{Stored, Version};
use billing_domain::kernel::text::{ExternalUserId, ProviderRef, Slug};
use billing_domain::kernel::{email::Email, provider::ProviderError, timestamp::Timestamp};
use billing_domain::licensing::agreement::{Catalog, CustomerAgreement};
use billing_domain::licensing::ports::{LicenseCounts, LicensingReader};
use billing_domain::licensing::{license::License, plan::SubscriptionPlan};
use billing_domain::provisioning::{ports::WorkflowReader, workflow::ProvisioningWorkflow};
use billing_domain::subscriptions::ports::SubscriptionReader;
use billing_domain::subscriptions::subscription::{Subscription, SubscriptionReport};
use billing_domain::tenants::ports::TenantReader;
use billing_domain::tenants::tenant::{Tenant, TenantAdmin};
use uuid::Uuid;

/// The team's store: what was committed, in order. A row is what the last write of its id says.
#[derive(Default)]
pub(crate) struct OwnStore(Mutex<Vec<Change>>);

/// One write as the store sees it.
struct Row<'a>(Uuid, Option<Version>, Version, &'a dyn Any);

fn row<T: Entity + 'static>(write: &Write<T>) -> Row<'_> {
    let before = write.before.as_ref().map(|before| before.version);
    Row(write.next.uuid(), before, write.version(), &write.next)
}

/// The kinds that this store keeps.
fn kept(change: &Change) -> Result<Row<'_>, CommitError> {
    Ok(match change {
        Change::User(write) => row(write),
        Change::Product(write) => row(write),
        Change::Price(write) => row(write),
        Change::Customer(write) => row(write),
        Change::Tenant(write) => row(write),
        Change::TenantAdmin(write) => row(write),
        Change::Intent(write) => row(write),
        Change::Workflow(write) => row(write),
        Change::Catalog(write) => row(write),
        Change::Agreement(write) => row(write),
        Change::Plan(write) => row(write),
        Change::License(write) => row(write),
        unknown => return Err(CommitError::Unsupported(unknown.kind())),
    })
}

/// A database would also keep each `UniqueRule` and `Cause`, audit entries and messages, in the same
/// transaction; the contract suite asks for all of it.
#[async_trait]
impl BillingWriter for OwnStore {
    async fn commit(&self, set: ChangeSet) -> Result<(), CommitError> {
        let mut log = self.0.lock().expect("no holder panics");
        for change in set.changes() {
            let Row(id, before, ..) = kept(change)?;
            let mut newest_first = log.iter().rev().filter_map(|old| kept(old).ok());
            if newest_first.find(|old| old.0 == id).map(|old| old.2) != before {
                return Err(CommitError::Conflict);
            }
        }
        log.extend_from_slice(set.changes());
        Ok(())
    }
}

type Found<T> = Result<Option<Stored<T>>, StoreError>;

impl OwnStore {
    pub(crate) fn all<T: Any + Clone>(&self, is_wanted: impl Fn(&T) -> bool) -> Vec<Stored<T>> {
        let log = self.0.lock().expect("no holder panics");
        let mut rows = BTreeMap::new();
        for Row(id, _, version, value) in log.iter().filter_map(|change| kept(change).ok()) {
            let value = value.downcast_ref::<T>().cloned();
            rows.extend(value.map(|value| (id, Stored::restore(value, version))));
        }
        let rows = rows.into_values().filter(|row| is_wanted(&row.value));
        rows.collect()
    }

    #[expect(clippy::unnecessary_wraps, reason = "a port's question may fail")]
    fn one<T: Any + Clone>(&self, is_wanted: impl Fn(&T) -> bool) -> Found<T> {
        Ok(self.all(is_wanted).pop())
    }
}

// The readers: one line for each question.

#[rustfmt::skip]
#[async_trait] impl IntentReader for OwnStore {
    async fn intent(&self, id: IntentId) -> Found<CheckoutIntent> { self.one(|i: &CheckoutIntent| i.id() == id) }
    async fn unfulfilled_intent_of(&self, user: UserId) -> Found<CheckoutIntent> { self.one(|i: &CheckoutIntent| i.user_id() == user && i.state().name() != "fulfilled") }
    async fn intent_by_provider_ref(&self, at: &ProviderRef) -> Found<CheckoutIntent> { self.one(|i: &CheckoutIntent| i.parts().links.session.as_ref() == Some(at)) }
    async fn reservation_holder(&self, wanted: &Reservation, user: UserId) -> Found<CheckoutIntent> {
        let holds = |i: &CheckoutIntent| i.state().holds_reservation() && i.parts().reservation.as_ref() == Some(wanted);
        self.one(|i: &CheckoutIntent| i.user_id() != user && holds(i))
    }
}

#[rustfmt::skip]
#[async_trait] impl CatalogReader for OwnStore {
    async fn price(&self, name: &PriceName) -> Found<Price> {
        self.one(|p: &Price| [PriceName::Id(p.id), PriceName::Provider(p.provider_id.clone())].contains(name))
    }
    async fn product(&self, id: ProductId) -> Found<Product> { self.one(|p: &Product| p.id == id) }
    async fn product_by_provider_id(&self, id: &ProviderRef) -> Found<Product> { self.one(|p: &Product| p.provider_id == *id) }
}

#[rustfmt::skip]
#[async_trait] impl TenantReader for OwnStore {
    async fn tenant_by_slug(&self, slug: &Slug) -> Found<Tenant> { self.one(|t: &Tenant| t.slug == *slug) }
    async fn admin_by_email(&self, tenant: TenantId, email: &Email) -> Found<TenantAdmin> { self.one(|a: &TenantAdmin| a.tenant_id == tenant && a.email == *email) }
    async fn admin_by_user(&self, tenant: TenantId, user: UserId) -> Found<TenantAdmin> { self.one(|a: &TenantAdmin| a.tenant_id == tenant && a.user_id == Some(user)) }
}

#[rustfmt::skip]
#[async_trait] impl UserReader for OwnStore {
    async fn user_by_external_id(&self, project: ProjectId, id: &ExternalUserId) -> Found<User> { self.one(|u: &User| u.project_id == project && u.external_id == *id) }
    async fn user(&self, id: UserId) -> Found<User> { self.one(|u: &User| u.id == id) }
}

#[rustfmt::skip]
#[async_trait] impl CustomerReader for OwnStore {
    async fn customer_of(&self, owner: CustomerOwner) -> Found<BillingCustomer> { self.one(|c: &BillingCustomer| c.owner == owner) }
    async fn customer_by_provider_id(&self, id: &ProviderRef) -> Found<BillingCustomer> { self.one(|c: &BillingCustomer| c.provider_id() == Some(id)) }
}

#[rustfmt::skip]
#[async_trait] impl WorkflowReader for OwnStore {
    async fn workflow(&self, id: WorkflowId) -> Found<ProvisioningWorkflow> { self.one(|w: &ProvisioningWorkflow| w.id == id) }
    async fn workflow_of(&self, intent: IntentId) -> Found<ProvisioningWorkflow> { self.one(|w: &ProvisioningWorkflow| w.intent_id == intent) }
    async fn due_workflows(&self, now: Timestamp, _limit: u32) -> Result<Vec<WorkflowId>, StoreError> {
        Ok(self.all(|w: &ProvisioningWorkflow| w.is_due_at(now)).iter().map(|w| w.value.id).collect())
    }
}

#[rustfmt::skip]
#[async_trait] impl LicensingReader for OwnStore {
    async fn catalog_of(&self, tenant: TenantId, product: ProductId) -> Found<Catalog> { self.one(|c: &Catalog| c.tenant_id == tenant && c.product_id == product) }
    async fn agreement_of(&self, tenant: TenantId) -> Found<CustomerAgreement> { self.one(|a: &CustomerAgreement| a.tenant_id == tenant) }
    async fn plan_of(&self, workflow: WorkflowId) -> Found<SubscriptionPlan> { self.one(|p: &SubscriptionPlan| p.workflow_id == Some(workflow)) }
    async fn license_counts(&self, plan: PlanId) -> Result<LicenseCounts, StoreError> {
        let count = self.all(|l: &License| l.plan_id == plan).len();
        Ok(LicenseCounts { unassigned: u32::try_from(count).unwrap_or(u32::MAX), ..LicenseCounts::default() })
    }
    async fn activated_licenses(&self, _: PlanId) -> Result<Vec<(Stored<License>, UserId)>, StoreError> { Ok(vec![]) }
}

#[rustfmt::skip]
#[async_trait] impl SubscriptionReader for OwnStore {
    async fn subscription(&self, _: &ProviderRef) -> Found<Subscription> { Ok(None) }
}

/// The team's payment provider: everybody pays as soon as they see a page.
pub(crate) struct OwnProvider;

/// The same key gives the same id, without anything being kept.
fn made_from(kind: &str, key: &str) -> ProviderRef {
    ProviderRef::parse(&format!("{kind}_{key}")).expect("our keys are printable and short")
}

#[rustfmt::skip]
#[async_trait] impl CheckoutProvider for OwnProvider {
    async fn ensure_customer(&self, order: &CustomerOrder) -> Result<ProviderRef, ProviderError> { Ok(made_from("payer", &order.idempotency_key)) }
    async fn open_checkout(&self, order: &CheckoutOrder) -> Result<CheckoutOutcome, ProviderError> {
        let (id, expires_at) = (made_from("page", &order.idempotency_key), order.requested_at.plus(RESERVATION_DEFAULT));
        Ok(CheckoutOutcome::Opened(OpenedSession { url: Some(format!("https://pay.example/{id}")), id, client_secret: None, expires_at }))
    }
    async fn session(&self, id: &ProviderRef) -> Result<Option<ProviderSession>, ProviderError> {
        // The key of a page names its intent: `page_checkout:<intent>:<attempt>`.
        let intent_id = id.as_str().split(':').nth(1).and_then(|text| IntentId::parse(text).ok());
        let (customer, subscription, invoice) = (None, None, None);
        Ok(Some(ProviderSession { id: id.clone(), intent_id, status: SessionStatus::Complete, customer, subscription, invoice, is_paid: true }))
    }
    async fn expire_session(&self, _: &ProviderRef) -> Result<(), ProviderError> { Ok(()) }
    async fn subscription(&self, _: &ProviderRef) -> Result<Option<SubscriptionReport>, ProviderError> { Ok(None) }
    async fn invoice(&self, _: &ProviderRef) -> Result<Option<ProviderInvoice>, ProviderError> { Ok(None) }
    async fn hold_changes_until_paid(&self, _: &ProviderRef) -> Result<(), ProviderError> { Ok(()) }
}
