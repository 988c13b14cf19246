//! What was written is read back, every field of every state.

use time::Duration;

use super::unique::facts;
use super::{Store, put, read};
use crate::access::api_key::{ApiKey, ApiKeyState};
use crate::catalog::ports::PriceName;
use crate::checkout::intent::{
    Checkout, CheckoutIntent, CheckoutUi, IntentCommand, IntentParts, ProviderLinks,
};
use crate::customers::customer::{BillingCustomer, CustomerOwner};
use crate::entitlements::entitlement::{Entitlement, EntitlementSource, EntitlementState};
use crate::kernel::event::DomainEvent;
use crate::kernel::id::PlanId;
use crate::kernel::text::{CompanyName, ExternalUserId};
use crate::licensing::license::{License, LicenseState};
use crate::licensing::ports::LicenseCounts;
use crate::provisioning::workflow::{ProvisioningWorkflow, STEP_ATTEMPTS_MAX, StepName};
use crate::subscriptions::subscription::{Subscription, SubscriptionStatus};
use crate::tenants::tenant::TenantAdmin;
use crate::testing::fixtures::{World, email, feature, provider_ref, title};

pub(super) async fn access_and_catalogue_are_read_as_written<S: Store>(store: &S) {
    let world = World::new(1);
    world.seed(store).await;
    let project = read(store.project_by_name(&world.project.name).await);
    assert_eq!(project.map(|row| row.value), Some(world.project.clone()));
    assert!(read(store.project_by_name(&title("Nobody")).await).is_none());
    let app = read(store.app_by_name(world.project.id, &world.app.name).await);
    assert_eq!(app.map(|row| row.value), Some(world.app.clone()));
    let key = ApiKey {
        id: world.id(),
        app_id: world.app.id,
        prefix: "bk_test_abcd".to_owned(),
        hash: "00ff".to_owned(),
        expires_at: Some(world.now().plus(Duration::days(1))),
        state: ApiKeyState::Active,
        created_at: world.now(),
    };
    let event = DomainEvent::ApiKeyIssued {
        key_id: key.id,
        app_id: key.app_id,
    };
    put(store, world.changes().insert_api_key(key.clone(), event)).await;
    let owner = read(store.key_by_prefix("bk_test_abcd").await).expect("it was inserted");
    assert_eq!(
        (owner.key, owner.app.id, owner.project.id),
        (key, world.app.id, world.project.id)
    );
    assert!(read(store.key_by_prefix("bk_test_none").await).is_none());

    let external_id = ExternalUserId::parse("ada").expect("a literal");
    let user = read(
        store
            .user_by_external_id(world.project.id, &external_id)
            .await,
    );
    assert_eq!(user.map(|row| row.value), Some(world.user.clone()));
    let names = [
        PriceName::Id(world.price.id),
        PriceName::Provider(world.price.provider_id.clone()),
        PriceName::LookupKey(world.price.lookup_key.clone().expect("it has one")),
    ];
    for name in names {
        let price = read(store.price(&name).await).map(|row| row.value);
        assert_eq!(price, Some(world.price.clone()), "{name:?}");
    }
    let product = read(store.product(world.product.id).await).map(|row| row.value);
    assert_eq!(product, Some(world.product.clone()));
    let product = store.product_by_provider_id(&world.product.provider_id);
    assert_eq!(
        read(product.await).map(|row| row.value),
        Some(world.product.clone())
    );
}

pub(super) async fn an_intent_is_read_as_written_in_every_state<S: Store>(store: &S) {
    let world = World::new(1);
    world.seed(store).await;
    for number in 0..7 {
        let word = format!("user{number}");
        let user = world.seed_user(store, &word).await;
        let mut intent = world
            .intents_in_every_state(user.id, &word)
            .swap_remove(number);
        if number == 2 {
            let records = world.customer_records(&word, None);
            put(store, records.insert_into(world.changes())).await;
            let tenant_id = Some(records.tenant.id);
            let parts = intent.parts().clone();
            intent = CheckoutIntent::restore(IntentParts { tenant_id, ..parts });
        }
        let (_, event) = world.intent(user.id, &word);
        put(store, world.changes().insert_intent(intent.clone(), event)).await;
        let stored = read(store.intent(intent.id()).await).expect("it was inserted");
        assert_eq!(stored.value, intent);
        let reusable = read(store.unfulfilled_intent_of(user.id).await).map(|row| row.value);
        let is_fulfilled = intent.state().name() == "fulfilled";
        assert_eq!(reusable, (!is_fulfilled).then(|| intent.clone()), "A-049");
        for reference in [
            &intent.parts().links.session,
            &intent.parts().links.subscription,
        ]
        .into_iter()
        .flatten()
        {
            let found = read(store.intent_by_provider_ref(reference).await);
            assert_eq!(found.map(|row| row.value.id()), Some(intent.id()));
        }
    }
    let nobody = provider_ref("cs_of_nobody");
    assert!(read(store.intent_by_provider_ref(&nobody).await).is_none());
}

pub(super) async fn each_phase_of_the_checkout_is_read_as_written<S: Store>(store: &S) {
    let world = World::new(1);
    world.seed(store).await;
    let mut request = world.checkout_request();
    request.ui = CheckoutUi::Custom;
    request.trial_days = 14;
    let mut session = world.opened_session("cs_1");
    (session.url, session.client_secret) = (None, Some("cs_1_secret".to_owned()));
    let commands = [
        IntentCommand::RequestCheckout { request },
        IntentCommand::RefuseCheckout {
            reason: "card_declined".to_owned(),
        },
        IntentCommand::RequestCheckout {
            request: world.checkout_request(),
        },
        IntentCommand::OpenCheckout {
            session: session.clone(),
            customer: provider_ref("cus_1"),
        },
        IntentCommand::LinkProvider {
            links: ProviderLinks {
                subscription: Some(provider_ref("sub_1")),
                ..ProviderLinks::default()
            },
        },
        IntentCommand::CloseCheckout {
            session: session.id,
        },
    ];
    let (intent, event) = world.intent(world.user.id, "acme");
    put(store, world.changes().insert_intent(intent.clone(), event)).await;
    for (number, command) in (2..).zip(commands) {
        world.clock.advance(Duration::milliseconds(1));
        let stored = read(store.intent(intent.id()).await).expect("it was inserted");
        let name = command.name();
        let transition = stored.value.apply(command, world.now());
        let transition = transition.expect("the commands are legal in this order");
        put(
            store,
            world.changes().change_intent(&stored, transition.clone()),
        )
        .await;
        let after = read(store.intent(intent.id()).await).expect("it is still there");
        assert_eq!(&after.value, transition.outcome(&stored.value), "{name}");
        assert_eq!(after.version.number(), number);
    }
    let closed = read(store.intent(intent.id()).await).expect("it is still there");
    let closed_page = Checkout::Closed {
        attempt: 2,
        request: world.checkout_request(),
    };
    assert_eq!(closed.value.checkout(), &closed_page);
}

pub(super) async fn customers_and_subscriptions_are_read_as_written<S: Store>(store: &S) {
    let world = World::new(1);
    world.seed(store).await;
    let records = world.customer_records("acme", None);
    put(store, records.insert_into(world.changes())).await;
    let owners = [
        CustomerOwner::User(world.user.id),
        CustomerOwner::Tenant(records.tenant.id),
    ];
    for (number, owner) in owners.into_iter().enumerate() {
        assert!(read(store.customer_of(owner).await).is_none());
        let name = CompanyName::parse("Acme").ok().filter(|_| number == 1);
        let address = email("ada@example.com");
        let (customer, event) = BillingCustomer::new(world.id(), owner, address, name, world.now());
        put(
            store,
            world.changes().insert_customer(customer.clone(), event),
        )
        .await;
        let stored = read(store.customer_of(owner).await).expect("it was inserted");
        assert_eq!(stored.value, customer);
        let linked = customer.link(provider_ref(&format!("cus_{number}")), world.now());
        let linked = linked.expect("it was not linked");
        put(
            store,
            world.changes().change_customer(&stored, linked.clone()),
        )
        .await;
        let stored = read(store.customer_of(owner).await).expect("it is still there");
        assert_eq!(&stored.value, linked.outcome(&customer));
        let provider_id = provider_ref(&format!("cus_{number}"));
        let found = read(store.customer_by_provider_id(&provider_id).await);
        assert_eq!(found, Some(stored));
    }
    let nobody = read(store.customer_by_provider_id(&provider_ref("cus_9")).await);
    assert_eq!(nobody, None);

    let (intent, event) = world.intent(world.user.id, "acme");
    put(store, world.changes().insert_intent(intent.clone(), event)).await;
    for (number, status) in SubscriptionStatus::ALL.into_iter().enumerate() {
        let id = format!("sub_{number}");
        let mut told = facts(&id, status);
        if number % 2 == 0 {
            let later = Some(world.now().plus(Duration::days(30)));
            (told.period_start, told.period_end) = (Some(world.now()), later);
            (told.trial_end, told.cancel_at) = (later, later);
            (told.canceled_at, told.ended_at) = (Some(world.now()), later);
            (told.price, told.has_pending_update) = (None, true);
        }
        let intent_id = (number == 0).then_some(intent.id());
        let (mirror, event) =
            Subscription::new(world.id(), intent_id, told, world.now(), world.now());
        put(
            store,
            world.changes().insert_subscription(mirror.clone(), event),
        )
        .await;
        let stored = read(store.subscription(&provider_ref(&id)).await);
        assert_eq!(stored.map(|row| row.value), Some(mirror));
    }
}

pub(super) async fn a_workflow_is_read_as_written_in_every_state<S: Store>(store: &S) {
    let world = World::new(1);
    world.seed(store).await;
    let (intent, event) = world.intent(world.user.id, "acme");
    let set = world.changes().insert_intent(intent.clone(), event);
    let (workflow, event) = ProvisioningWorkflow::new(world.id(), intent.id(), world.now());
    put(store, set.insert_workflow(workflow.clone(), event)).await;
    assert_eq!(
        read(store.due_workflows(world.now(), 10).await),
        [workflow.id]
    );
    for number in 0..(STEP_ATTEMPTS_MAX + 8) {
        let stored = read(store.workflow_of(intent.id()).await).expect("it was inserted");
        let step = stored.value.next_step().expect("there are steps left");
        let transition = if step == StepName::Admins && number <= STEP_ATTEMPTS_MAX {
            stored.value.fail(step, "no route".to_owned(), world.now())
        } else {
            stored.value.succeed(step, "made".to_owned(), world.now())
        };
        let transition = transition.expect("it is the next step");
        put(
            store,
            world.changes().change_workflow(&stored, transition.clone()),
        )
        .await;
        let after = read(store.workflow(workflow.id).await).expect("it is still there");
        assert_eq!(&after.value, transition.outcome(&stored.value));
        let due = read(store.due_workflows(world.now(), 10).await);
        assert_eq!(!due.is_empty(), after.value.is_due_at(world.now()));
        if after.value.next_step().is_none() {
            break;
        }
    }
    world.clock.advance(Duration::days(1));
    assert!(read(store.due_workflows(world.now(), 10).await).is_empty());
}

pub(super) async fn licensing_is_read_as_written<S: Store>(store: &S) {
    let world = World::new(1);
    world.seed(store).await;
    let (intent, event) = world.intent(world.user.id, "acme");
    let set = world.changes().insert_intent(intent.clone(), event);
    let (workflow, event) = ProvisioningWorkflow::new(world.id(), intent.id(), world.now());
    let set = set.insert_workflow(workflow.clone(), event);
    let records = world.customer_records("acme", Some(workflow.id));
    let (tenant_id, plan_id) = (records.tenant.id, records.plan.id);
    let admins = [
        TenantAdmin::new(world.id(), tenant_id, email("root@example.com"), None),
        TenantAdmin::new(
            world.id(),
            tenant_id,
            email("ada@example.com"),
            Some(world.user.id),
        ),
    ];
    let mut set = records.insert_into(set);
    for (admin, event) in admins.clone() {
        set = set.insert_tenant_admin(admin, event);
    }
    let licenses = world.licenses_in_every_state(&records.plan);
    for license in &licenses {
        let (_, event) = License::new(license.id, plan_id, world.now());
        set = set.insert_license(license.clone(), event);
    }
    put(store, set).await;

    let tenant = read(store.tenant_by_slug(&records.tenant.slug).await);
    assert_eq!(tenant.map(|row| row.value), Some(records.tenant.clone()));
    for (admin, _) in &admins {
        let found = read(store.admin_by_email(tenant_id, &admin.email).await);
        assert_eq!(found.map(|row| row.value).as_ref(), Some(admin));
    }
    let by_user = read(store.admin_by_user(tenant_id, world.user.id).await);
    assert_eq!(by_user.map(|row| row.value.id), Some(admins[1].0.id));
    let catalog = read(store.catalog_of(tenant_id, world.product.id).await);
    assert_eq!(catalog.map(|row| row.value), Some(records.catalog.clone()));
    let agreement = read(store.agreement_of(tenant_id).await);
    assert_eq!(
        agreement.map(|row| row.value),
        Some(records.agreement.clone())
    );
    let plan = read(store.plan_of(workflow.id).await).map(|row| row.value);
    assert_eq!(plan, Some(records.plan.clone()));
    assert_eq!(read(store.plan(plan_id).await).map(|row| row.value), plan);
    let plans = read(store.plans_of(tenant_id).await);
    assert_eq!(
        plans
            .into_iter()
            .map(|row| row.value.id)
            .collect::<Vec<_>>(),
        [plan_id]
    );

    licenses_are_read_as_written(store, &world, plan_id, &licenses).await;
}

/// One licence in each state, in the order of the states.
async fn licenses_are_read_as_written<S: Store>(
    store: &S,
    world: &World,
    plan_id: PlanId,
    licenses: &[License],
) {
    for license in licenses {
        let stored = read(store.license(license.id).await).map(|row| row.value);
        assert_eq!(stored.as_ref(), Some(license));
    }
    let counts = read(store.license_counts(plan_id).await);
    let one_each = LicenseCounts {
        unassigned: 1,
        assigned: 1,
        activated: 1,
        revoked: 1,
    };
    assert_eq!(counts, one_each);
    let ids = |rows: Vec<crate::kernel::stored::Stored<License>>| {
        rows.into_iter().map(|row| row.value.id).collect::<Vec<_>>()
    };
    let free = read(store.unassigned_licenses(plan_id, 10).await);
    assert_eq!(ids(free), [licenses[0].id]);
    assert!(read(store.unassigned_licenses(plan_id, 0).await).is_empty());
    let asked = ["bob", "cyd", "dan", "eve"].map(|word| world.assignment(word).email);
    let mut held = ids(read(store.licenses_of_emails(plan_id, &asked).await));
    held.sort_unstable();
    assert_eq!(
        held,
        [licenses[1].id, licenses[2].id],
        "a revoked one belongs to nobody"
    );
    assert!(read(store.licenses_of_emails(plan_id, &[]).await).is_empty());
    for (word, license) in [("bob", &licenses[1]), ("cyd", &licenses[2])] {
        let key = world.assignment(word).activation_key;
        let found = read(store.license_by_key(&key).await).map(|row| row.value.id);
        assert_eq!(found, Some(license.id));
    }
    let revoked = world.assignment("dan").activation_key;
    let found = read(store.license_by_key(&revoked).await).map(|row| row.value.id);
    assert_eq!(found, Some(licenses[3].id), "A-165: revoked, and told");
    let activated = read(store.activated_licenses(plan_id).await);
    assert_eq!(activated.len(), 1);
    assert_eq!(
        (activated[0].0.value.id, activated[0].1),
        (licenses[2].id, world.user.id)
    );
    assert!(matches!(licenses[3].state, LicenseState::Revoked { .. }));
}

pub(super) async fn entitlements_are_read_by_user_and_by_source<S: Store>(store: &S) {
    let world = World::new(1);
    world.seed(store).await;
    let records = world.customer_records("acme", None);
    let mut set = records.insert_into(world.changes());
    let licenses = world.licenses_in_every_state(&records.plan);
    let mut entitlements = Vec::new();
    for (number, license) in licenses.into_iter().take(2).enumerate() {
        let (_, event) = License::new(license.id, records.plan.id, world.now());
        let source = EntitlementSource::License(license.id);
        set = set.insert_license(license, event);
        for code in ["catalog:all", "certificates"] {
            let entitlement = Entitlement {
                id: world.id(),
                user_id: world.user.id,
                project_id: world.project.id,
                feature_code: feature(code),
                source,
                state: EntitlementState::Active,
                valid_from: world.now(),
                valid_to: (number == 0).then(|| world.now().plus(Duration::days(1))),
            };
            let event = entitlement.granted();
            set = set.insert_entitlement(entitlement.clone(), event);
            entitlements.push(entitlement);
        }
    }
    put(store, set).await;
    let sorted = |mut rows: Vec<crate::kernel::stored::Stored<Entitlement>>| {
        rows.sort_by_key(|row| row.value.id);
        rows.into_iter().map(|row| row.value).collect::<Vec<_>>()
    };
    let of_user = read(store.entitlements_of(world.user.id).await);
    let first = of_user.iter().find(|row| row.value == entitlements[0]);
    let first = first.expect("it is among them").clone();
    assert_eq!(
        sorted(of_user),
        entitlements,
        "every source has its own row"
    );
    let from = read(store.entitlements_from(entitlements[2].source).await);
    assert_eq!(sorted(from), entitlements[2..]);
    let revoked = first.value.revoke(world.now());
    put(
        store,
        world.changes().change_entitlement(&first, revoked.clone()),
    )
    .await;
    let of_user = sorted(read(store.entitlements_of(world.user.id).await));
    assert_eq!(&of_user[0], revoked.outcome(&first.value));
    assert!(read(store.entitlements_of(world.id()).await).is_empty());
}
