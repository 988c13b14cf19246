//! Every entity in every state comes back as it went in.

use billing_domain::access::ports::{AccessReader, UserReader};
use billing_domain::catalog::ports::{CatalogReader, PriceName};
use billing_domain::checkout::intent::{
    Checkout, CheckoutIntent, CheckoutRequest, CheckoutUi, IntentParts, IntentState, OpenedSession,
    ProviderLinks, Quantity, Terms,
};
use billing_domain::checkout::ports::IntentReader;
use billing_domain::customers::customer::{BillingCustomer, CustomerOwner};
use billing_domain::customers::ports::CustomerReader;
use billing_domain::entitlements::entitlement::{Entitlement, EntitlementSource, EntitlementState};
use billing_domain::entitlements::ports::EntitlementReader;
use billing_domain::kernel::event::DomainEvent;
use billing_domain::kernel::text::{CountryCode, FeatureCode};
use billing_domain::kernel::timestamp::Timestamp;
use billing_domain::kernel::transition::Transition;
use billing_domain::licensing::license::{License, LicenseState};
use billing_domain::licensing::ports::{LicenseReader, LicensingReader};
use billing_domain::provisioning::ports::WorkflowReader;
use billing_domain::provisioning::workflow::{
    ProvisioningWorkflow, StepName, StepOutcome, StepRecord, WorkflowState,
};
use billing_domain::subscriptions::ports::SubscriptionReader;
use billing_domain::subscriptions::subscription::{
    Subscription, SubscriptionFacts, SubscriptionStatus,
};
use billing_domain::tenants::ports::TenantReader;
use billing_domain::tenants::tenant::TenantAdmin;
use billing_seaorm::testing::TestDatabase;

use crate::fixtures::{
    World, assignment, at, changes, commit, email, id, inserted, reference, reservation,
};

#[tokio::test]
async fn the_records_of_a_sale_come_back_as_they_went_in() {
    for database in TestDatabase::every().await {
        let store = database.store();
        let world = World::stored_in(&store).await;

        let owner = store
            .key_by_prefix(&world.key.prefix)
            .await
            .unwrap()
            .unwrap();
        assert_eq!(
            (owner.key, owner.app, owner.project),
            (world.key, world.app, world.project)
        );
        let user = store.user(world.user.id).await.unwrap();
        assert_eq!(user, Some(inserted(world.user)));
        let product = store.product(world.product.id).await.unwrap();
        assert_eq!(product, Some(inserted(world.product.clone())));
        let price = store.price(&PriceName::Id(world.price.id)).await.unwrap();
        assert_eq!(price, Some(inserted(world.price)));
        let tenant = store.tenant_by_slug(&world.tenant.slug).await.unwrap();
        assert_eq!(tenant, Some(inserted(world.tenant.clone())));
        let intent = store.intent(world.intent.id()).await.unwrap();
        assert_eq!(intent, Some(inserted(world.intent.clone())));
        let workflow = store.workflow_of(world.intent.id()).await.unwrap();
        assert_eq!(workflow, Some(inserted(world.workflow.clone())));
        let catalog = store
            .catalog_of(world.tenant.id, world.product.id)
            .await
            .unwrap();
        assert_eq!(catalog, Some(inserted(world.catalog)));
        let agreement = store.agreement_of(world.tenant.id).await.unwrap();
        assert_eq!(agreement, Some(inserted(world.agreement)));
        let plan = store.plan_of(world.workflow.id).await.unwrap();
        assert_eq!(plan, Some(inserted(world.plan)));
        let license = store.license(world.license.id).await.unwrap();
        assert_eq!(license, Some(inserted(world.license)));
    }
}

fn checkout_request(ui: CheckoutUi) -> CheckoutRequest {
    CheckoutRequest {
        price_id: id(),
        price: reference("price_1"),
        is_recurring: true,
        quantity: Quantity::parse(7).expect("7 is allowed"),
        admin_email: email("ada@example.com"),
        ui,
        success_url: "https://example.com/ok?s={CHECKOUT_SESSION_ID}".to_owned(),
        cancel_url: "https://example.com/no".to_owned(),
        trial_days: 14,
    }
}

fn checkouts() -> Vec<Checkout> {
    vec![
        Checkout::NotStarted,
        Checkout::Requested {
            attempt: 1,
            request: checkout_request(CheckoutUi::Custom),
            requested_at: at(1),
        },
        Checkout::Opened {
            attempt: 2,
            request: checkout_request(CheckoutUi::Hosted),
            session: OpenedSession {
                id: reference("cs_1"),
                url: Some("https://example.com/pay".to_owned()),
                client_secret: Some("secret".to_owned()),
                expires_at: at(2),
            },
        },
        Checkout::Closed {
            attempt: 3,
            request: checkout_request(CheckoutUi::Hosted),
        },
    ]
}

fn intent_states() -> Vec<IntentState> {
    vec![
        IntentState::Created,
        IntentState::Paid { paid_at: at(1) },
        IntentState::Fulfilled {
            paid_at: at(1),
            fulfilled_at: at(2),
        },
        IntentState::ErroredBackoffice { paid_at: at(1) },
        IntentState::ErroredFulfillmentStalled { paid_at: at(1) },
        IntentState::ErroredProvisioning { paid_at: at(1) },
        IntentState::Expired { expired_at: at(3) },
    ]
}

#[tokio::test]
async fn an_intent_comes_back_in_every_state_and_every_stage_of_its_checkout() {
    for database in TestDatabase::every().await {
        let store = database.store();
        let world = World::stored_in(&store).await;
        let mut number = 0;
        for state in intent_states() {
            for checkout in checkouts() {
                number += 1;
                let user = world.user(&store).await;
                let terms = [("b", "1.10"), ("a", r#"{"z":1,"y":[null]}"#)];
                let parts = IntentParts {
                    id: id(),
                    user_id: user.id,
                    state: state.clone(),
                    reservation: Some(reservation(
                        &format!("s-{number}"),
                        &format!("ÄCME {number}"),
                    )),
                    country: CountryCode::parse("DE").ok(),
                    terms: Terms(
                        terms
                            .map(|(key, value)| (key.to_owned(), value.to_owned()))
                            .into(),
                    ),
                    checkout,
                    links: ProviderLinks {
                        customer: Some(reference("cus_1")),
                        session: Some(reference(&format!("cs_{number}"))),
                        subscription: Some(reference(&format!("sub_{number}"))),
                    },
                    tenant_id: Some(world.tenant.id),
                    last_checkout_error: Some("card_declined".to_owned()),
                    last_provisioning_error: Some("ünlucky".to_owned()),
                    updated_at: at(9),
                    ..world.intent.parts().clone()
                };
                let intent = CheckoutIntent::restore(parts);
                let event = DomainEvent::ProductChanged { product_id: id() };
                commit(&store, changes().insert_intent(intent.clone(), event)).await;
                let read = store.intent(intent.id()).await.unwrap();
                assert_eq!(read, Some(inserted(intent)), "{}", database.name());
            }
        }
    }
}

#[tokio::test]
async fn a_license_comes_back_in_every_state() {
    for database in TestDatabase::every().await {
        let store = database.store();
        let world = World::stored_in(&store).await;
        let states = [
            LicenseState::Unassigned,
            LicenseState::Assigned(assignment("b@example.com", "key-0123456789-0001")),
            LicenseState::Activated {
                assignment: assignment("c@example.com", "key-0123456789-0002"),
                user_id: world.user.id,
                activated_at: at(8),
            },
            LicenseState::Revoked {
                assignment: Some(assignment("c@example.com", "key-0123456789-0003")),
                revoked_at: at(9),
            },
            LicenseState::Revoked {
                assignment: None,
                revoked_at: at(9),
            },
        ];
        for state in states {
            let (free, event) = License::new(id(), world.plan.id, at(0));
            let license = License { state, ..free };
            commit(&store, changes().insert_license(license.clone(), event)).await;
            let read = store.license(license.id).await.unwrap();
            assert_eq!(read, Some(inserted(license)), "{}", database.name());
        }
    }
}

#[tokio::test]
async fn a_workflow_comes_back_in_every_state() {
    for database in TestDatabase::every().await {
        let store = database.store();
        let world = World::stored_in(&store).await;
        let states = [
            WorkflowState::Pending {
                due_at: at(1),
                attempts: 2,
            },
            WorkflowState::Failed {
                failed_at: at(2),
                attempts: 10,
            },
            WorkflowState::Succeeded {
                succeeded_at: at(3),
            },
        ];
        let steps = vec![
            StepRecord {
                name: StepName::Customer,
                outcome: StepOutcome::Succeeded {
                    at: at(1),
                    output: "ten_1 \"quoted\"".to_owned(),
                },
            },
            StepRecord {
                name: StepName::Admins,
                outcome: StepOutcome::Failed {
                    at: at(2),
                    message: "boom".to_owned(),
                },
            },
        ];
        let mut before = inserted(world.workflow);
        for state in states {
            let next = ProvisioningWorkflow {
                state,
                steps: steps.clone(),
                ..before.value.clone()
            };
            let event = DomainEvent::ProvisioningRetryRequested {
                workflow_id: next.id,
            };
            let transition = Transition::Applied {
                next: next.clone(),
                event,
            };
            commit(&store, changes().change_workflow(&before, transition)).await;
            let read = store.workflow(next.id).await.unwrap().unwrap();
            assert_eq!(read.value, next, "{}", database.name());
            assert_eq!(read.version, before.version.next());
            before = read;
        }
    }
}

#[tokio::test]
async fn customers_admins_subscriptions_and_entitlements_come_back() {
    for database in TestDatabase::every().await {
        let store = database.store();
        let world = World::stored_in(&store).await;

        for owner in [
            CustomerOwner::User(world.user.id),
            CustomerOwner::Tenant(world.tenant.id),
        ] {
            let (customer, event) =
                BillingCustomer::new(id(), owner, email("billing@example.com"), None, at(0));
            commit(&store, changes().insert_customer(customer.clone(), event)).await;
            let read = store.customer_of(owner).await.unwrap().unwrap();
            assert_eq!(read, inserted(customer.clone()));
            let told = reference(&format!("cus_{}", customer.id));
            let linked = customer.link(told, at(1)).unwrap();
            let expected = linked.outcome(&customer).clone();
            commit(&store, changes().change_customer(&read, linked)).await;
            assert_eq!(
                store.customer_of(owner).await.unwrap().unwrap().value,
                expected
            );
        }

        let (pending, event) =
            TenantAdmin::new(id(), world.tenant.id, email("x@example.com"), None);
        commit(
            &store,
            changes().insert_tenant_admin(pending.clone(), event),
        )
        .await;
        let read = store
            .admin_by_email(world.tenant.id, &pending.email)
            .await
            .unwrap()
            .unwrap();
        let linked = pending.link_user(world.user.id);
        commit(&store, changes().change_tenant_admin(&read, linked)).await;
        let read = store
            .admin_by_user(world.tenant.id, world.user.id)
            .await
            .unwrap()
            .unwrap();
        assert_eq!(read.value.email, pending.email);

        for (status, moment) in SubscriptionStatus::ALL
            .into_iter()
            .zip([None, Some(at(4))].into_iter().cycle())
        {
            let subscription = subscription(status, moment, world.intent.id());
            let event = DomainEvent::SubscriptionObserved {
                subscription_id: subscription.id,
                previous_status: None,
                status: status.name(),
                quantity: 3,
            };
            commit(
                &store,
                changes().insert_subscription(subscription.clone(), event),
            )
            .await;
            let read = store
                .subscription(&subscription.facts.provider_id)
                .await
                .unwrap();
            assert_eq!(read, Some(inserted(subscription)), "{}", database.name());
        }

        let source = EntitlementSource::License(world.license.id);
        let states = [
            EntitlementState::Active,
            EntitlementState::Revoked { revoked_at: at(7) },
        ];
        let mut expected = Vec::new();
        for (state, code) in states.into_iter().zip(["one", "two"]) {
            let entitlement = Entitlement {
                id: id(),
                user_id: world.user.id,
                project_id: world.project.id,
                feature_code: FeatureCode::parse(code).unwrap(),
                source,
                state,
                valid_from: at(0),
                valid_to: (code == "one").then(|| at(5)),
            };
            let event = entitlement.granted();
            commit(
                &store,
                changes().insert_entitlement(entitlement.clone(), event),
            )
            .await;
            expected.push(inserted(entitlement));
        }
        assert_eq!(
            store.entitlements_of(world.user.id).await.unwrap(),
            expected
        );
        assert_eq!(store.entitlements_from(source).await.unwrap(), expected);
    }
}

fn subscription(
    status: SubscriptionStatus,
    moment: Option<Timestamp>,
    intent: billing_domain::kernel::id::IntentId,
) -> Subscription {
    Subscription {
        id: id(),
        intent_id: moment.map(|_| intent),
        facts: SubscriptionFacts {
            provider_id: reference(&format!("sub_{}", status.name())),
            customer: reference("cus_1"),
            status,
            quantity: 3,
            price: moment.map(|_| reference("price_1")),
            period_start: moment,
            period_end: moment,
            trial_end: moment,
            cancel_at: moment,
            canceled_at: moment,
            ended_at: moment,
            has_pending_update: moment.is_some(),
        },
        quantity_max: 7,
        observed_at: at(3),
        created_at: at(4),
    }
}
