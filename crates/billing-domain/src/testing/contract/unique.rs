//! Every unique rule: what one row holds, no other row can take, until it is released.

use super::{Store, put, read};
use crate::access::api_key::{ApiKey, ApiKeyState};
use crate::access::user::User;
use crate::catalog::price::Price;
use crate::catalog::product::Product;
use crate::checkout::intent::{CheckoutIntent, IntentCommand, IntentRequest, RESERVATION_DEFAULT};
use crate::customers::customer::{BillingCustomer, CustomerLink, CustomerOwner};
use crate::entitlements::entitlement::{Entitlement, EntitlementSource, EntitlementState};
use crate::kernel::change_set::{ChangeSet, CommitError, UniqueRule};
use crate::kernel::event::DomainEvent;
use crate::kernel::id::UserId;
use crate::kernel::text::CompanyName;
use crate::licensing::license::{License, LicenseCommand, LicenseState};
use crate::provisioning::workflow::ProvisioningWorkflow;
use crate::subscriptions::subscription::{Subscription, SubscriptionFacts, SubscriptionStatus};
use crate::tenants::tenant::{Tenant, TenantAdmin};
use crate::testing::fixtures::{
    CustomerRecords, World, email, feature, intent_request, provider_ref, title,
};

/// What stands in the store before each case.
struct Setup {
    world: World,
    bob: User,
    records: CustomerRecords,
    workflow: ProvisioningWorkflow,
    license: License,
}

/// One rule with a set that takes the value and one that clashes with it.
struct Case {
    rule: UniqueRule,
    taken: ChangeSet,
    clash: ChangeSet,
}

pub(super) async fn every_unique_rule_is_kept<S: Store>(new_store: impl AsyncFn() -> S) {
    let count = cases(&set_up(&new_store().await).await).len();
    for number in 0..count {
        let store = new_store().await;
        let setup = set_up(&store).await;
        let case = cases(&setup).swap_remove(number);
        put(&store, case.taken).await;
        let audit_count = store.audit_lines().await.len();
        match store.commit(case.clash).await {
            Err(CommitError::Duplicate(rule)) => assert_eq!(rule, case.rule),
            other => panic!("{:?} must be kept, but: {other:?}", case.rule),
        }
        assert_eq!(store.audit_lines().await.len(), audit_count);
    }
}

async fn set_up<S: Store>(store: &S) -> Setup {
    let world = World::new(1);
    world.seed(store).await;
    let bob = world.seed_user(store, "bob").await;
    let cyd = world.seed_user(store, "cyd").await;
    let (intent, event) = world.intent(cyd.id, "cyd");
    let set = world.changes().insert_intent(intent.clone(), event);
    let (workflow, event) = ProvisioningWorkflow::new(world.id(), intent.id(), world.now());
    let set = set.insert_workflow(workflow.clone(), event);
    let records = world.customer_records("first", Some(workflow.id));
    let set = records.insert_into(set);
    let (license, event) = License::new(world.id(), records.plan.id, world.now());
    put(store, set.insert_license(license.clone(), event)).await;
    Setup {
        world,
        bob,
        records,
        workflow,
        license,
    }
}

fn cases(setup: &Setup) -> Vec<Case> {
    let mut cases = intent_cases(setup);
    cases.extend(customer_cases(setup));
    cases.extend(access_cases(setup));
    cases.extend(provisioning_cases(setup));
    cases.extend(licensing_cases(setup));
    cases
}

fn intent_cases(setup: &Setup) -> Vec<Case> {
    let world = &setup.world;
    let intent = |user: UserId, slug: &str, name: &str| {
        let mut request: IntentRequest = intent_request(slug);
        if let Some(reservation) = &mut request.reservation {
            reservation.name = CompanyName::parse(name).expect("a literal");
        }
        let expires_at = world.now().plus(RESERVATION_DEFAULT);
        let (intent, event) =
            CheckoutIntent::new(world.id(), user, request, expires_at, world.now());
        world.changes().insert_intent(intent, event)
    };
    let (ada, bob) = (world.user.id, setup.bob.id);
    let case = |rule, user, slug, name| Case {
        rule,
        taken: intent(ada, "acme", "Acme Inc"),
        clash: intent(user, slug, name),
    };
    vec![
        case(UniqueRule::IntentSlug, bob, "acme", "Other"),
        case(UniqueRule::IntentName, bob, "other", "ACME INC"),
        case(UniqueRule::OpenIntentOfUser, ada, "other", "Other"),
    ]
}

fn customer_cases(setup: &Setup) -> Vec<Case> {
    let world = &setup.world;
    let customer = |user: UserId, provider: &str| {
        let owner = CustomerOwner::User(user);
        let address = email("ada@example.com");
        let (mut customer, event) =
            BillingCustomer::new(world.id(), owner, address, None, world.now());
        customer.link = CustomerLink::Linked {
            provider_id: provider_ref(provider),
            linked_at: world.now(),
        };
        world.changes().insert_customer(customer, event)
    };
    let subscription = || {
        let (mirror, event) = Subscription::new(
            world.id(),
            None,
            facts("sub_1", SubscriptionStatus::Active),
            world.now(),
            world.now(),
        );
        world.changes().insert_subscription(mirror, event)
    };
    let (ada, bob) = (world.user.id, setup.bob.id);
    vec![
        Case {
            rule: UniqueRule::CustomerOwner,
            taken: customer(ada, "cus_1"),
            clash: customer(ada, "cus_2"),
        },
        Case {
            rule: UniqueRule::CustomerProviderRef,
            taken: customer(ada, "cus_1"),
            clash: customer(bob, "cus_1"),
        },
        Case {
            rule: UniqueRule::SubscriptionProviderRef,
            taken: subscription(),
            clash: subscription(),
        },
    ]
}

/// A subscription as the provider tells of it.
pub(super) fn facts(id: &str, status: SubscriptionStatus) -> SubscriptionFacts {
    SubscriptionFacts {
        provider_id: provider_ref(id),
        customer: provider_ref("cus_1"),
        status,
        quantity: 7,
        price: Some(provider_ref("price_1")),
        period_start: None,
        period_end: None,
        trial_end: None,
        cancel_at: None,
        canceled_at: None,
        ended_at: None,
        has_pending_update: false,
    }
}

fn access_cases(setup: &Setup) -> Vec<Case> {
    let world = &setup.world;
    let (project_id, app_id) = (world.project.id, world.app.id);
    let project = |id, name: &str| {
        let mut project = world.project.clone();
        (project.id, project.name) = (id, title(name));
        let event = DomainEvent::ProjectCreated { project_id: id };
        world.changes().insert_project(project, event)
    };
    let user = User {
        id: world.id(),
        ..setup.bob.clone()
    };
    let user_event = DomainEvent::UserRegistered {
        user_id: user.id,
        project_id,
    };
    let key = || {
        let key = ApiKey {
            id: world.id(),
            app_id,
            prefix: "bk_test_abcd".to_owned(),
            hash: "00".to_owned(),
            expires_at: None,
            state: ApiKeyState::Active,
            created_at: world.now(),
        };
        let event = DomainEvent::ApiKeyIssued {
            key_id: key.id,
            app_id,
        };
        world.changes().insert_api_key(key, event)
    };
    let product = Product {
        id: world.id(),
        ..world.product.clone()
    };
    let product_event = DomainEvent::ProductChanged {
        product_id: product.id,
    };
    let price = |edit: fn(&mut Price)| {
        let mut price = Price {
            id: world.id(),
            ..world.price.clone()
        };
        edit(&mut price);
        let event = DomainEvent::PriceChanged {
            price_id: price.id,
            product_id: price.product_id,
        };
        world.changes().insert_price(price, event)
    };
    let case = |rule, clash| Case {
        rule,
        taken: world.changes(),
        clash,
    };
    vec![
        case(UniqueRule::PrimaryKey, project(project_id, "Another")),
        case(UniqueRule::ProjectName, project(world.id(), "Academy")),
        case(
            UniqueRule::UserExternalId,
            world.changes().insert_user(user, user_event),
        ),
        Case {
            rule: UniqueRule::ApiKeyPrefix,
            taken: key(),
            clash: key(),
        },
        case(
            UniqueRule::ProductProviderRef,
            world.changes().insert_product(product, product_event),
        ),
        case(
            UniqueRule::PriceProviderRef,
            price(|price| price.lookup_key = None),
        ),
        case(
            UniqueRule::PriceLookupKey,
            price(|price| price.provider_id = provider_ref("price_other")),
        ),
    ]
}

fn provisioning_cases(setup: &Setup) -> Vec<Case> {
    let world = &setup.world;
    let tenant = &setup.records.tenant;
    let (workflow, workflow_event) =
        ProvisioningWorkflow::new(world.id(), setup.workflow.intent_id, world.now());
    let (rival, rival_event) = Tenant::new(
        world.id(),
        CompanyName::parse("Other").expect("a literal"),
        tenant.slug.clone(),
        None,
        world.now(),
    );
    let admin = || {
        let address = email("root@example.com");
        let (admin, event) = TenantAdmin::new(world.id(), tenant.id, address, None);
        world.changes().insert_tenant_admin(admin, event)
    };
    let other = world.customer_records("second", None);
    let mut catalog = other.catalog.clone();
    catalog.tenant_id = tenant.id;
    let catalog_event = DomainEvent::CatalogCreated {
        catalog_id: catalog.id,
        tenant_id: tenant.id,
    };
    let mut agreement = other.agreement.clone();
    agreement.tenant_id = tenant.id;
    agreement.default_catalog_id = setup.records.catalog.id;
    let agreement_event = DomainEvent::AgreementCreated {
        agreement_id: agreement.id,
        tenant_id: tenant.id,
    };
    let case = |rule, clash| Case {
        rule,
        taken: world.changes(),
        clash,
    };
    vec![
        case(
            UniqueRule::WorkflowIntent,
            world.changes().insert_workflow(workflow, workflow_event),
        ),
        case(
            UniqueRule::TenantSlug,
            world.changes().insert_tenant(rival, rival_event),
        ),
        Case {
            rule: UniqueRule::TenantAdminEmail,
            taken: admin(),
            clash: admin(),
        },
        case(
            UniqueRule::CatalogTenant,
            world.changes().insert_catalog(catalog, catalog_event),
        ),
        case(
            UniqueRule::AgreementTenant,
            world.changes().insert_agreement(agreement, agreement_event),
        ),
    ]
}

fn licensing_cases(setup: &Setup) -> Vec<Case> {
    let world = &setup.world;
    let plan = |title_text: &str, by_workflow: bool| {
        let mut plan = setup.records.plan.clone();
        plan.id = world.id();
        plan.title = title(title_text);
        plan.workflow_id = by_workflow.then_some(setup.workflow.id);
        let event = plan.created();
        world.changes().insert_plan(plan, event)
    };
    let license = |word: &str, key_of: &str| {
        let mut assignment = world.assignment(word);
        assignment.activation_key = world.assignment(key_of).activation_key;
        let (mut license, event) = License::new(world.id(), setup.records.plan.id, world.now());
        license.state = LicenseState::Assigned(assignment);
        world.changes().insert_license(license, event)
    };
    let entitlement = || {
        let entitlement = Entitlement {
            id: world.id(),
            user_id: world.user.id,
            project_id: world.project.id,
            feature_code: feature("catalog:all"),
            source: EntitlementSource::License(setup.license.id),
            state: EntitlementState::Active,
            valid_from: world.now(),
            valid_to: None,
        };
        let event = entitlement.granted();
        world.changes().insert_entitlement(entitlement, event)
    };
    let case = |rule, taken, clash| Case { rule, taken, clash };
    vec![
        case(
            UniqueRule::PlanWorkflow,
            world.changes(),
            plan("Second plan", true),
        ),
        case(
            UniqueRule::PlanTitle,
            world.changes(),
            plan("First plan", false),
        ),
        case(
            UniqueRule::LicenseEmail,
            license("dan", "dan"),
            license("dan", "eve"),
        ),
        case(
            UniqueRule::LicenseKey,
            license("dan", "dan"),
            license("eve", "dan"),
        ),
        case(UniqueRule::EntitlementSource, entitlement(), entitlement()),
    ]
}

pub(super) async fn what_is_released_can_be_taken_again<S: Store>(store: &S) {
    let setup = set_up(store).await;
    let world = &setup.world;

    // an expired intent holds neither slug nor name; A-012: nor is it the open one.
    let (mine, event) = world.intent(world.user.id, "acme");
    put(store, world.changes().insert_intent(mine.clone(), event)).await;
    let stored = read(store.intent(mine.id()).await).expect("it was inserted");
    let expired = stored.value.apply(IntentCommand::Expire, world.now());
    let expired = expired.expect("a created intent can expire");
    put(store, world.changes().change_intent(&stored, expired)).await;
    let (other, event) = world.intent(setup.bob.id, "acme");
    put(store, world.changes().insert_intent(other, event)).await;
    let (again, event) = world.intent(world.user.id, "next");
    put(store, world.changes().insert_intent(again, event)).await;

    // a revoked licence frees its address, and so does an unassigned one.
    for command in [LicenseCommand::Revoke, LicenseCommand::Unassign] {
        let (mut held, event) = License::new(world.id(), setup.records.plan.id, world.now());
        held.state = LicenseState::Assigned(world.assignment("dan"));
        put(store, world.changes().insert_license(held.clone(), event)).await;
        let stored = read(store.license(held.id).await).expect("it was inserted");
        let freed = stored.value.apply(command, world.now());
        let freed = freed.expect("an assigned licence can be taken back");
        put(store, world.changes().change_license(&stored, freed)).await;
    }

    // A price that is no longer sold gives its lookup key to the next one.
    let name = crate::catalog::ports::PriceName::Id(world.price.id);
    let stored = read(store.price(&name).await).expect("it was seeded");
    let mut old = stored.value.clone();
    old.is_active = false;
    let mut next = world.price.clone();
    next.id = world.id();
    next.provider_id = provider_ref("price_next");
    let event = DomainEvent::PriceChanged {
        price_id: next.id,
        product_id: next.product_id,
    };
    let set = world
        .changes()
        .change_price(&stored, stored.value.describe(old));
    put(store, set).await;
    put(store, world.changes().insert_price(next, event)).await;
}
