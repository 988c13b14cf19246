//! The story of a sale over the memory store and the fake provider, told by somebody who repeats
//! whatever fails: what a client, Stripe's deliveries and a restarted service do.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use billing_app::wiring::{Application, Provider, Storage, build};
use billing_domain::catalog::ports::PriceName;
use billing_domain::checkout::intent::{CheckoutUi, Quantity, Reservation, Terms};
use billing_domain::checkout::start_checkout::{StartCheckoutError, StartCheckoutRequest};
use billing_domain::deliveries::ports::MockEndpointRegistry;
use billing_domain::kernel::change_set::Cause;
use billing_domain::kernel::email::Email;
use billing_domain::kernel::failure::StoreFailure;
use billing_domain::kernel::ports::{BillingWriter, Clock};
use billing_domain::kernel::principal::Principal;
use billing_domain::kernel::recorded_answer::{RecordedAnswer, RequestKey};
use billing_domain::kernel::request::Request;
use billing_domain::kernel::text::{ActivationKey, CompanyName, ExternalUserId, ProviderRef, Slug};
use billing_domain::licensing::license::LicenseState;
use billing_domain::provider_events::delivery::Delivery as Carried;
use billing_domain::provider_events::event::{Payload, ProviderEvent, SubscriptionChange};

use billing_domain::testing::fake_provider::FakePayment;
use billing_domain::testing::fake_webhooks::Delivery;
use billing_domain::testing::fixtures::World;
use billing_domain::testing::{FakeEventList, FakeProvider, FakeWebhooks, Faults, MemoryStore};
use time::Duration;

use crate::stage::hasher::PlainHasher;

pub mod hasher;
pub mod readiness;
pub mod rules;

/// How often somebody repeats a step before the test calls it stuck.
const REPEATS_MAX: u32 = 40;

/// How long somebody waits before repeating: longer than every lease and every first backoff.
const PATIENCE: Duration = Duration::seconds(90);

/// The parts that outlive a crash of the service.
pub struct Stage {
    /// Counts and breaks port calls.
    pub faults: Faults,
    /// The record.
    pub store: MemoryStore,
    /// Stripe.
    pub provider: FakeProvider,
    /// Stripe's events.
    pub webhooks: FakeWebhooks,
    /// What can be bought, by whom, and the time.
    pub world: World,
}

impl Stage {
    /// A world in which a licence pack is for sale.
    ///
    /// # Panics
    /// If the world cannot be stored.
    pub async fn new() -> Self {
        let world = World::new(7);
        let faults = Faults::new();
        let store = MemoryStore::with_faults(faults.clone());
        let provider = FakeProvider::with_faults(world.clock.clone(), faults.clone());
        provider.add_price(world.provider_price());
        store
            .commit(world.insertion())
            .await
            .expect("the world is consistent");
        Self {
            faults,
            store,
            provider,
            webhooks: FakeWebhooks::new(),
            world,
        }
    }

    /// The service, started anew: nothing of an earlier one is left but the record.
    pub fn application(&self) -> Application {
        let rules = rules::of_a_quiet_shop(0);
        let provider = Arc::new(self.provider.clone());
        let webhooks = Arc::new(self.webhooks.clone());
        let provider = Provider {
            checkout: provider.clone(),
            prices: provider.clone(),
            parties: provider,
            verifier: webhooks.clone(),
            scrubber: webhooks.clone(),
            decoder: webhooks,
            event_source: Arc::new(FakeEventList::new(
                self.webhooks.clone(),
                self.world.clock.clone(),
            )),
            endpoints: Arc::new(MockEndpointRegistry::new()),
        };
        let storage = Storage::of(self.store.clone(), Arc::new(readiness::AlwaysReady));
        build(
            &rules,
            Arc::new(self.world.clock.clone()),
            Arc::new(self.world.ids.clone()),
            Arc::new(PlainHasher),
            &provider,
            &storage,
        )
    }

    /// The buyer.
    pub fn buyer(&self) -> Principal {
        let user = &self.world.user;
        Principal::User {
            user_id: user.id,
            project_id: user.project_id,
            email: user.email.clone(),
        }
    }

    /// The address of the buyer.
    ///
    /// # Panics
    /// If the fixture's user has none.
    pub fn buyer_email(&self) -> Email {
        self.world
            .user
            .email
            .clone()
            .expect("the fixture's user has an address")
    }

    /// What the buyer asks for.
    ///
    /// # Panics
    /// Never: its parts are valid.
    pub fn wish(&self) -> StartCheckoutRequest {
        StartCheckoutRequest {
            admin_email: self.buyer_email(),
            reservation: Reservation {
                slug: Slug::parse("acme").expect("a slug"),
                name: CompanyName::parse("Acme").expect("a name"),
            },
            quantity: Quantity::parse(10).expect("a quantity"),
            price: PriceName::Id(self.world.price.id),
            country: None,
            terms: Terms(BTreeMap::new()),
            ui: CheckoutUi::Hosted,
            success_url: None,
            cancel_url: None,
        }
    }

    /// Lets time pass, as somebody does who waits before trying again.
    pub fn wait(&self) {
        self.world.clock.advance(PATIENCE);
    }

    /// The events that Stripe has for a payment, in the order in which they happened.
    pub fn events_of(&self, payment: &FakePayment) -> Vec<Delivery> {
        let at = self.world.clock.now();
        let invoice = payment
            .invoice
            .clone()
            .expect("a recurring price makes an invoice");
        let report = payment
            .subscription
            .clone()
            .expect("a recurring price makes a subscription");
        let told = [
            (
                "evt_sub",
                "customer.subscription.created",
                ProviderEvent::SubscriptionChanged(
                    SubscriptionChange::Created,
                    Payload::Read(report.clone()),
                ),
            ),
            (
                "evt_paid",
                "invoice.paid",
                ProviderEvent::InvoicePaid(Payload::Read(invoice.clone())),
            ),
            (
                "evt_payment",
                "invoice.payment_succeeded",
                ProviderEvent::InvoicePaid(Payload::Read(invoice)),
            ),
            (
                "evt_done",
                "checkout.session.completed",
                ProviderEvent::CheckoutCompleted(Payload::Read(payment.session.clone())),
            ),
            (
                "evt_update",
                "customer.subscription.updated",
                ProviderEvent::SubscriptionChanged(
                    SubscriptionChange::Updated,
                    Payload::Read(report),
                ),
            ),
        ];
        told.into_iter()
            .map(|(id, kind, event)| self.webhooks.register(id, kind, at, event))
            .collect()
    }

    /// What everything has come to, without ids and times: equal for every history of one sale.
    pub fn end_state(&self) -> EndState {
        let mut facts = Vec::new();
        for intent in self.store.intents() {
            let parts = intent.value.parts();
            facts.push(format!(
                "intent {} of {} licences, tenant {}, subscription {}, error {:?}",
                parts.state.name(),
                parts.quantity.count(),
                parts.tenant_id.is_some(),
                parts.links.subscription.is_some(),
                parts.last_provisioning_error,
            ));
        }
        for workflow in self.store.workflows() {
            facts.push(format!(
                "workflow with {} steps: {:?}",
                workflow.value.steps.len(),
                workflow.value.next_step()
            ));
        }
        let mut licenses: BTreeMap<&'static str, u32> = BTreeMap::new();
        for license in self.store.licenses() {
            *licenses.entry(license.value.state.name()).or_default() += 1;
        }
        facts.push(format!("licences {licenses:?}"));
        facts.push(format!("tenants {}", self.store.tenants().len()));
        facts.push(format!("admins {}", self.store.tenant_admins().len()));
        facts.push(format!("plans {}", self.store.plans().len()));
        facts.push(format!(
            "subscriptions {}",
            self.store.subscriptions().len()
        ));
        facts.push(format!("entitlements {}", self.store.entitlements().len()));
        facts.push(format!(
            "undelivered messages {}",
            self.store.undelivered_count()
        ));
        facts.push(format!(
            "customers at Stripe {}",
            self.provider.customer_count()
        ));
        facts.push(format!(
            "sessions at Stripe {}",
            self.provider.sessions().len()
        ));
        let paid = self
            .store
            .audit()
            .iter()
            .filter(|entry| entry.action == "checkout_intent_paid")
            .count();
        facts.push(format!("times paid {paid}"));
        EndState(facts)
    }
}

/// The facts, comparable.
#[derive(Debug, PartialEq, Eq)]
pub struct EndState(Vec<String>);

/// The service while the story is told; somebody restarts it when it fails.
pub struct Teller<'a> {
    stage: &'a Stage,
    application: Application,
}

impl<'a> Teller<'a> {
    /// Starts the service.
    pub fn new(stage: &'a Stage) -> Self {
        Self {
            stage,
            application: stage.application(),
        }
    }

    /// The service.
    pub fn application(&self) -> &Application {
        &self.application
    }

    fn restart(&mut self) {
        self.stage.faults.restart();
        self.stage.wait();
        self.application = self.stage.application();
    }

    /// Tells the whole story: checkout, payment, events, provisioning, a licence in use, "yes".
    ///
    /// # Panics
    /// If a step does not succeed however often it is repeated.
    pub async fn tell(&mut self) {
        let session = self.start_checkout().await;
        let payment = self.stage.provider.pay(&session).expect("the page is open");
        for delivery in self.stage.events_of(&payment) {
            self.deliver(&delivery).await;
        }
        self.settle().await;
        let key = self.assign().await;
        self.activate(&key).await;
        self.ask().await;
        self.settle().await;
    }

    /// Asks for the page, with one idempotency key, until there is one.
    ///
    /// # Panics
    /// If there never is.
    pub async fn start_checkout(&mut self) -> ProviderRef {
        for _ in 0..REPEATS_MAX {
            let buyer = self.stage.buyer();
            let answer = |_: &_| RecordedAnswer {
                code: 201,
                body: String::new(),
            };
            let request = Request::remembered(&buyer, request_key("checkout"), &answer);
            let started = self
                .application
                .use_cases
                .start_checkout
                .run(&request, &self.stage.wish())
                .await;
            // A repetition whose answer was lost is told so; the page is on the intent.
            let opened = self.stage.store.intents().into_iter().find_map(|intent| {
                let links = intent.value.parts().links.clone();
                links.session
            });
            match (started, opened) {
                (
                    Ok(_) | Err(StartCheckoutError::Store(StoreFailure::AlreadyApplied)),
                    Some(session),
                ) => return session,
                _ => self.restart(),
            }
        }
        panic!("the checkout never started");
    }

    /// Delivers an event until it is acknowledged, as Stripe does.
    ///
    /// # Panics
    /// If it never is.
    pub async fn deliver(&mut self, delivery: &Delivery) {
        for _ in 0..REPEATS_MAX {
            let receive = &self.application.use_cases.receive_webhook;
            let received = receive
                .run(
                    delivery.payload.clone(),
                    Some(&delivery.signature),
                    Carried::default(),
                    None,
                )
                .await;
            if received.is_ok() {
                return;
            }
            self.restart();
        }
        panic!("the event was never acknowledged");
    }

    /// Lets the workers and the sweeper work until the sale is fulfilled and nothing waits.
    ///
    /// # Panics
    /// If that never happens.
    pub async fn settle(&mut self) {
        for _ in 0..REPEATS_MAX {
            let drained = self.application.workers.drain().await;
            let swept = self.application.workers.sweep.run().await;
            let is_fulfilled = self
                .stage
                .store
                .intents()
                .iter()
                .all(|i| i.value.state().name() == "fulfilled");
            if drained.is_ok()
                && swept.is_ok()
                && is_fulfilled
                && self.stage.store.undelivered_count() == 0
            {
                return;
            }
            self.restart();
        }
        panic!("the sale was never fulfilled: {:?}", self.stage.end_state());
    }

    /// Assigns a licence to the buyer until it is assigned; gives the key.
    ///
    /// # Panics
    /// If it never is.
    pub async fn assign(&mut self) -> ActivationKey {
        for _ in 0..REPEATS_MAX {
            let buyer = self.stage.buyer();
            let plan = self
                .stage
                .store
                .plans()
                .first()
                .expect("there is a plan")
                .value
                .id;
            let emails = BTreeSet::from([self.stage.buyer_email()]);
            let assign = &self.application.use_cases.assign_licenses;
            let done = assign.run(&Request::new(&buyer), plan, &emails).await;
            let key = self.stage.store.licenses().into_iter().find_map(|license| {
                match license.value.state {
                    LicenseState::Assigned(assignment) => Some(assignment.activation_key),
                    LicenseState::Unassigned
                    | LicenseState::Activated { .. }
                    | LicenseState::Revoked { .. } => None,
                }
            });
            match (done, key) {
                (Ok(_), Some(key)) => return key,
                _ => self.restart(),
            }
        }
        panic!("the licence was never assigned");
    }

    /// Activates a licence until it is activated.
    ///
    /// # Panics
    /// If it never is.
    pub async fn activate(&mut self, key: &ActivationKey) {
        for _ in 0..REPEATS_MAX {
            let buyer = self.stage.buyer();
            let activate = &self.application.use_cases.activate_license;
            if activate.run(&Request::new(&buyer), key).await.is_ok() {
                return;
            }
            self.restart();
        }
        panic!("the licence was never activated");
    }

    /// Asks, as an application, whether the buyer may use what was bought; the answer must be yes.
    ///
    /// # Panics
    /// If it is not.
    pub async fn ask(&mut self) {
        for _ in 0..REPEATS_MAX {
            let world = &self.stage.world;
            let principal = Principal::App {
                app_id: world.app.id,
                project_id: world.project.id,
            };
            let user =
                ExternalUserId::parse(world.user.external_id.as_str()).expect("the fixture's id");
            let feature = world.product.feature_codes[0].clone();
            let check = &self.application.use_cases.check_entitlement;
            match check
                .run(&principal, world.project.id, &user, &feature)
                .await
            {
                Ok(verdict) => {
                    assert!(verdict.is_entitled, "{}", verdict.sentence());
                    return;
                }
                Err(_) => self.restart(),
            }
        }
        panic!("the application was never answered");
    }

    /// What the return page does.
    ///
    /// # Panics
    /// If the provider does not know the session.
    pub async fn sync(&self, session: &ProviderRef) {
        let sync = &self.application.use_cases.sync_checkout;
        sync.run(session, &Cause::Job("return_page"))
            .await
            .expect("the session exists");
    }
}

fn request_key(key: &str) -> RequestKey {
    RequestKey {
        principal: "buyer".to_owned(),
        route: "test".to_owned(),
        key: key.to_owned(),
        fingerprint: "same".to_owned(),
    }
}
