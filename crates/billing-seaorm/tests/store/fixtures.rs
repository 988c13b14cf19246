//! One consistent record of each kind, and the few calls that every test makes.

use billing_domain::access::api_key::{ApiKey, ApiKeyState};
use billing_domain::access::project::{App, Project};
use billing_domain::access::user::User;
use billing_domain::catalog::price::{BillingPeriod, Price};
use billing_domain::catalog::product::{Product, ProductKind, QuantityRange};
use billing_domain::checkout::intent::{
    CheckoutIntent, IntentRequest, Quantity, Reservation, Terms,
};
use billing_domain::kernel::change_set::{Cause, ChangeSet};
use billing_domain::kernel::currency::Currency;
use billing_domain::kernel::email::Email;
use billing_domain::kernel::event::DomainEvent;
use billing_domain::kernel::id::{Id, IdKind, UserId};
use billing_domain::kernel::money::Money;
use billing_domain::kernel::ports::BillingWriter;
use billing_domain::kernel::stored::{Stored, Version};
use billing_domain::kernel::text::{
    ActivationKey, CompanyName, ExternalUserId, FeatureCode, LookupKey, ProviderRef, Slug, Title,
};
use billing_domain::kernel::timestamp::Timestamp;
use billing_domain::licensing::agreement::{Catalog, CustomerAgreement};
use billing_domain::licensing::license::{Assignment, License};
use billing_domain::licensing::plan::SubscriptionPlan;
use billing_domain::provisioning::workflow::ProvisioningWorkflow;
use billing_domain::tenants::tenant::Tenant;
use billing_seaorm::SeaOrmStore;
use uuid::Uuid;

const VALID: &str = "a fixture is valid";

/// Ids in increasing order, as UUIDv7 are.
pub(crate) fn id<K: IdKind>() -> Id<K> {
    use std::sync::atomic::{AtomicU64, Ordering};
    static NEXT: AtomicU64 = AtomicU64::new(1);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    Id::from_uuid(Uuid::from_u128(
        0x0198_0000_0000_7000_8000_0000_0000_0000 | u128::from(number),
    ))
}

/// A moment of the test's day, in seconds.
pub(crate) fn at(seconds: i64) -> Timestamp {
    Timestamp::from_unix_micros((1_772_000_000 + seconds) * 1_000_000 + 123_456).expect(VALID)
}

pub(crate) fn reference(text: &str) -> ProviderRef {
    ProviderRef::parse(text).expect(VALID)
}

pub(crate) fn email(text: &str) -> Email {
    Email::parse(text).expect(VALID)
}

pub(crate) fn title(text: &str) -> Title {
    Title::parse(text).expect(VALID)
}

pub(crate) fn slug(text: &str) -> Slug {
    Slug::parse(text).expect(VALID)
}

pub(crate) fn company(text: &str) -> CompanyName {
    CompanyName::parse(text).expect(VALID)
}

pub(crate) fn reservation(slug_text: &str, name: &str) -> Reservation {
    Reservation {
        slug: slug(slug_text),
        name: company(name),
    }
}

/// A change set of a job.
pub(crate) fn changes() -> ChangeSet {
    ChangeSet::caused_by(Cause::Job("test"), at(0))
}

pub(crate) async fn commit(store: &SeaOrmStore, set: ChangeSet) {
    store.commit(set).await.expect(VALID);
}

/// A row as it is after its insertion.
pub(crate) fn inserted<T>(value: T) -> Stored<T> {
    Stored::restore(value, Version::FIRST)
}

pub(crate) fn request(reserved: Option<Reservation>) -> IntentRequest {
    IntentRequest {
        quantity: Quantity::parse(3).expect(VALID),
        reservation: reserved,
        country: None,
        terms: Terms::default(),
    }
}

pub(crate) fn intent_of(
    user: UserId,
    reserved: Option<Reservation>,
) -> (CheckoutIntent, DomainEvent) {
    CheckoutIntent::new(id(), user, request(reserved), at(3_600), at(0))
}

pub(crate) fn assignment(address: &str, key: &str) -> Assignment {
    Assignment {
        email: email(address),
        activation_key: ActivationKey::parse(key).expect(VALID),
        assigned_at: at(5),
    }
}

/// Parents for every kind of row.
pub(crate) struct World {
    pub(crate) project: Project,
    pub(crate) app: App,
    pub(crate) key: ApiKey,
    pub(crate) user: User,
    pub(crate) product: Product,
    pub(crate) price: Price,
    pub(crate) tenant: Tenant,
    pub(crate) intent: CheckoutIntent,
    pub(crate) workflow: ProvisioningWorkflow,
    pub(crate) catalog: Catalog,
    pub(crate) agreement: CustomerAgreement,
    pub(crate) plan: SubscriptionPlan,
    pub(crate) license: License,
}

impl World {
    pub(crate) async fn stored_in(store: &SeaOrmStore) -> Self {
        let (world, set) = Self::new();
        commit(store, set).await;
        world
    }

    pub(crate) async fn user(&self, store: &SeaOrmStore) -> User {
        let (user, event) = self.another_user();
        commit(store, changes().insert_user(user.clone(), event)).await;
        user
    }

    pub(crate) fn another_user(&self) -> (User, DomainEvent) {
        let user_id: UserId = id();
        let external_id = ExternalUserId::parse(&format!("external {user_id}")).expect(VALID);
        User::new(user_id, self.project.id, external_id, None)
    }

    fn new() -> (Self, ChangeSet) {
        let (project, project_event) = Project::new(id(), title("Academy"));
        let (app, app_event) = App::new(id(), project.id, title("Backend"));
        let key = ApiKey {
            id: id(),
            app_id: app.id,
            prefix: "bk_live_abcd".to_owned(),
            hash: "digest".to_owned(),
            expires_at: Some(at(1_000)),
            state: ApiKeyState::Active,
            created_at: at(0),
        };
        let external_id = ExternalUserId::parse("auth0|ada").expect(VALID);
        let ada = Some(email("ada@example.com"));
        let (user, user_event) = User::new(id(), project.id, external_id, ada);
        let product = Product {
            id: id(),
            project_id: project.id,
            kind: ProductKind::LicensePack,
            name: title("Team licences"),
            provider_id: reference("prod_1"),
            feature_codes: vec![
                FeatureCode::parse("course:42").expect(VALID),
                FeatureCode::parse("export").expect(VALID),
            ],
            quantity: QuantityRange { min: 1, max: 500 },
            is_active: true,
        };
        let price = Price {
            id: id(),
            product_id: product.id,
            provider_id: reference("price_1"),
            lookup_key: Some(LookupKey::parse("team_yearly").expect(VALID)),
            unit_amount: Money::from_minor(i64::MAX, Currency::KWD),
            period: BillingPeriod::Yearly,
            is_active: true,
        };
        let (tenant, tenant_event) =
            Tenant::new(id(), company("Acme, Inc."), slug("acme"), None, at(0));
        let (intent, intent_event) = intent_of(user.id, Some(reservation("acme", "Acme, Inc.")));
        let (workflow, workflow_event) = ProvisioningWorkflow::new(id(), intent.id(), at(0));
        let (catalog, catalog_event) =
            Catalog::new(id(), tenant.id, title("Catalogue"), product.id, at(0));
        let (agreement, agreement_event) =
            CustomerAgreement::new(id(), tenant.id, catalog.id, at(0));
        let plan = SubscriptionPlan {
            id: id(),
            agreement_id: agreement.id,
            tenant_id: tenant.id,
            catalog_id: catalog.id,
            product_id: product.id,
            workflow_id: Some(workflow.id),
            title: title("Plan"),
            starts_at: at(0),
            ends_at: at(10_000),
            license_count: 3,
            created_license_count: 1,
            created_at: at(0),
        };
        let (license, license_event) = License::new(id(), plan.id, at(0));
        let key_event = DomainEvent::ApiKeyIssued {
            key_id: key.id,
            app_id: app.id,
        };
        let product_event = DomainEvent::ProductChanged {
            product_id: product.id,
        };
        let price_event = DomainEvent::PriceChanged {
            price_id: price.id,
            product_id: product.id,
        };
        let set = changes()
            .insert_license(license.clone(), license_event)
            .insert_plan(plan.clone(), plan.created())
            .insert_agreement(agreement.clone(), agreement_event)
            .insert_catalog(catalog.clone(), catalog_event)
            .insert_workflow(workflow.clone(), workflow_event)
            .insert_intent(intent.clone(), intent_event)
            .insert_tenant(tenant.clone(), tenant_event)
            .insert_price(price.clone(), price_event)
            .insert_product(product.clone(), product_event)
            .insert_user(user.clone(), user_event)
            .insert_api_key(key.clone(), key_event)
            .insert_app(app.clone(), app_event)
            .insert_project(project.clone(), project_event);
        let world = Self {
            project,
            app,
            key,
            user,
            product,
            price,
            tenant,
            intent,
            workflow,
            catalog,
            agreement,
            plan,
            license,
        };
        (world, set)
    }
}
