//! The record as text that is equal for equal end states, read through the ports so that every store
//! can sit for it. Fields are taken apart one by one: a new one must be placed here by hand.
//!
//! Left out, because they tell when or in which steps this service heard of something and not what
//! is true: our ids (drawn as rows are made), versions and `updated_at` (one more for each step),
//! `created_at`, `paid_at`, `fulfilled_at`, `starts_at`, `valid_from` and the times of workflow steps
//! (when it was applied), attempts of events, and the audit trail and the outbox (the steps
//! themselves), of which only "paid once" is held.

use billing_app::wiring::Storage;
use billing_domain::checkout::intent::{CheckoutIntent, IntentParts, ProviderLinks};
use billing_domain::customers::customer::{BillingCustomer, CustomerLink, CustomerOwner};
use billing_domain::entitlements::entitlement::Entitlement;
use billing_domain::kernel::page::PageRequest;
use billing_domain::kernel::stored::Stored;
use billing_domain::kernel::text::ProviderRef;
use billing_domain::licensing::agreement::{Catalog, CustomerAgreement};
use billing_domain::licensing::plan::SubscriptionPlan;
use billing_domain::provider_events::event_filter::EventFilter;
use billing_domain::provisioning::workflow::{ProvisioningWorkflow, WorkflowState};
use billing_domain::subscriptions::subscription::Subscription;
use billing_domain::tenants::tenant::{Tenant, TenantAdmin};
use time::Duration;

/// How long a plan lasts that no subscription ends.
const FULL_TERM: Duration = Duration::days(365);

/// What the record says, line by line.
pub(crate) type Portrait = Vec<String>;

/// Draws the record: what belongs to each sale, the mirrors of the subscriptions, the events.
pub(crate) async fn portrait(storage: &Storage, subscriptions: &[ProviderRef]) -> Portrait {
    let mut lines = Vec::new();
    let page = PageRequest::first();
    let intents = storage.intent_listing.intents(None, &page);
    for intent in intents.await.expect("intents are read").items {
        sale(storage, &intent, &mut lines).await;
    }
    for id in subscriptions {
        let mirror = storage.subscriptions.subscription(id).await;
        let mirror = mirror.expect("mirrors are read");
        lines.push(mirror.map_or_else(
            || format!("{id} is not mirrored"),
            |mirror| subscription(&mirror.value),
        ));
    }
    events(storage, &mut lines).await;
    lines.sort();
    lines
}

async fn events(storage: &Storage, lines: &mut Portrait) {
    let everything = EventFilter::default();
    let events = storage.events.oldest_events(&everything, 1_000).await;
    for event in events.expect("events are read") {
        let (id, status) = (event.value.envelope, event.value.state);
        lines.push(format!(
            "event {} {} is {} {:?}",
            id.provider_event_id,
            id.event_type,
            status.status().name(),
            status.reason()
        ));
    }
}

async fn sale(storage: &Storage, stored: &Stored<CheckoutIntent>, lines: &mut Portrait) {
    let intent = &stored.value;
    let name = intent.parts().reservation.as_ref();
    let name = name.map_or_else(|| "nameless".to_owned(), |it| it.slug.to_string());
    lines.push(format!("{name}: {}", sale_itself(intent)));
    let owner = CustomerOwner::User(intent.user_id());
    let customer = storage.customers.customer_of(owner).await;
    if let Some(found) = customer.expect("customers are read") {
        lines.push(format!("{name}: {}", customer_line(&found.value)));
    }
    let workflow = storage.workflows.workflow_of(intent.id()).await;
    let Some(workflow) = workflow.expect("workflows are read") else {
        lines.push(format!("{name}: nothing is provisioned"));
        return;
    };
    lines.push(format!("{name}: {}", workflow_line(&workflow.value)));
    provisioned(storage, &name, intent, lines).await;
    let plan = storage.licensing.plan_of(workflow.value.id).await;
    let Some(plan) = plan.expect("plans are read") else {
        lines.push(format!("{name}: no plan"));
        return;
    };
    lines.push(format!("{name}: {}", plan_line(&plan.value)));
    let counts = storage.licensing.license_counts(plan.value.id).await;
    lines.push(format!("{name}: {:?}", counts.expect("licences are read")));
    let of_user = storage.entitlements.entitlements_of(intent.user_id()).await;
    for row in of_user.expect("entitlements are read") {
        let Entitlement {
            id: _,
            user_id: _,
            project_id: _,
            feature_code,
            source,
            state,
            valid_from: _,
            valid_to,
        } = row.value;
        let until = if valid_to == Some(plan.value.ends_at) {
            "the plan ends".to_owned()
        } else {
            format!("{valid_to:?}")
        };
        let source = source.kind();
        lines.push(format!(
            "{name}: entitled to {feature_code} from a {source}, {state:?}, until {until}"
        ));
    }
}

async fn provisioned(storage: &Storage, name: &str, intent: &CheckoutIntent, lines: &mut Portrait) {
    let reservation = intent.parts().reservation.as_ref().expect("it is reserved");
    let tenant = storage.tenants.tenant_by_slug(&reservation.slug).await;
    let Some(tenant) = tenant.expect("tenants are read") else {
        lines.push(format!("{name}: no tenant"));
        return;
    };
    let Tenant {
        id: tenant_id,
        name: title,
        slug,
        country,
        created_at: _,
    } = tenant.value;
    lines.push(format!(
        "{name}: tenant {slug} called {title} in {country:?}"
    ));
    let email = &intent.checkout().request().expect("a page").admin_email;
    let admin = storage.tenants.admin_by_email(tenant_id, email).await;
    if let Some(admin) = admin.expect("admins are read") {
        let TenantAdmin {
            id: _,
            tenant_id: _,
            email,
            user_id,
        } = admin.value;
        let is_buyer = user_id == Some(intent.user_id());
        lines.push(format!("{name}: admin {email}, the buyer: {is_buyer}"));
    }
    let agreement = storage.licensing.agreement_of(tenant_id).await;
    if let Some(agreement) = agreement.expect("agreements are read") {
        let CustomerAgreement {
            id: _,
            tenant_id: _,
            default_catalog_id,
            created_at: _,
        } = agreement.value;
        let price = storage.catalog.price(&intent_price(intent)).await;
        let product = price
            .expect("prices are read")
            .expect("it is sold")
            .value
            .product_id;
        let catalog = storage.licensing.catalog_of(tenant_id, product).await;
        let catalog = catalog.expect("catalogues are read").expect("there is one");
        let Catalog {
            id,
            tenant_id: _,
            title,
            product_id: _,
            created_at: _,
        } = catalog.value;
        let is_default = id == default_catalog_id;
        lines.push(format!("{name}: catalogue {title}, default: {is_default}"));
    }
}

fn intent_price(intent: &CheckoutIntent) -> billing_domain::catalog::ports::PriceName {
    let request = intent.checkout().request().expect("a page was asked for");
    billing_domain::catalog::ports::PriceName::Id(request.price_id)
}

fn sale_itself(intent: &CheckoutIntent) -> String {
    let IntentParts {
        id,
        user_id,
        state,
        reservation,
        country,
        quantity,
        terms,
        expires_at: _,
        checkout,
        links,
        tenant_id,
        last_checkout_error,
        last_provisioning_error,
        created_at: _,
        updated_at: _,
    } = intent.parts();
    let ProviderLinks {
        customer,
        session,
        subscription,
    } = links;
    format!(
        "sale {id} of {user_id} is {} with {} units of {reservation:?} in {country:?}, {terms:?}, \
         page {} number {}, {customer:?} {session:?} {subscription:?}, tenant: {}, \
         {last_checkout_error:?} {last_provisioning_error:?}",
        state.name(),
        quantity.count(),
        checkout.name(),
        checkout.attempt(),
        tenant_id.is_some(),
    )
}

fn customer_line(customer: &BillingCustomer) -> String {
    let BillingCustomer {
        id,
        owner: _,
        email,
        name,
        link,
        created_at: _,
    } = customer;
    let link = match link {
        CustomerLink::Requested => "requested".to_owned(),
        CustomerLink::Linked {
            provider_id,
            linked_at: _,
        } => format!("linked to {provider_id}"),
    };
    format!("customer {id} {email} {name:?} is {link}")
}

fn workflow_line(workflow: &ProvisioningWorkflow) -> String {
    let ProvisioningWorkflow {
        id: _,
        intent_id: _,
        state,
        steps,
        created_at: _,
    } = workflow;
    let state = match state {
        WorkflowState::Pending { .. } => "pending",
        WorkflowState::Failed { .. } => "failed",
        WorkflowState::Succeeded { .. } => "done",
    };
    let next = workflow.next_step();
    format!(
        "workflow is {state} with {} steps, next {next:?}",
        steps.len()
    )
}

fn plan_line(plan: &SubscriptionPlan) -> String {
    let SubscriptionPlan {
        id: _,
        agreement_id: _,
        tenant_id: _,
        catalog_id: _,
        product_id: _,
        workflow_id: _,
        title: _,
        starts_at,
        ends_at,
        license_count,
        created_license_count,
        created_at: _,
    } = plan;
    let end = if *ends_at == starts_at.plus(FULL_TERM) {
        "after its full term".to_owned()
    } else {
        format!("at {ends_at}")
    };
    format!("plan of {license_count}, {created_license_count} created, ends {end}")
}

fn subscription(mirror: &Subscription) -> String {
    let Subscription {
        id: _,
        intent_id,
        facts,
        quantity_max,
        observed_at,
        created_at: _,
    } = mirror;
    format!("mirror of {intent_id:?}: {facts:?}, most {quantity_max}, as of {observed_at}")
}
