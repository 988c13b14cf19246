//! Every use case over one memory store and one fake provider, put together as a service does it,
//! and the steps of a sale that tests of later steps begin with.

use std::sync::Arc;

use time::Duration;

use super::clock::ManualClock;
use super::fake_provider::{FakePayment, FakeProvider};
use super::fake_webhooks::FakeWebhooks;
use super::faults::Faults;
use super::fixtures::World;
use super::memory_store::{InboxStatus, MemoryStore};
use super::rigged_writers::{RivalWriter, StoppingWriter};
use crate::catalog::ports::PriceName;
use crate::checkout::amend_intent::AmendIntent;
use crate::checkout::create_intent::CreateIntent;
use crate::checkout::intent::{CheckoutIntent, CheckoutUi, IntentRequest, RESERVATION_DEFAULT};
use crate::checkout::open_requested_checkout::OpenRequestedCheckout;
use crate::checkout::policy::CheckoutPolicy;
use crate::checkout::start_checkout::{StartCheckout, StartCheckoutRequest};
use crate::checkout::sweep_intents::SweepIntents;
use crate::checkout::sync_checkout::SyncCheckout;
use crate::customers::ensure_customer::EnsureCustomer;
use crate::kernel::change_set::ChangeSet;
use crate::kernel::id::IntentId;
use crate::kernel::ports::{BillingWriter, Core};
use crate::kernel::principal::Principal;
use crate::kernel::request::Request;
use crate::kernel::text::{CountryCode, ProviderRef};
use crate::kernel::timestamp::Timestamp;
use crate::licensing::activate_license::ActivateLicense;
use crate::licensing::assign_licenses::AssignLicenses;
use crate::licensing::revoke_license::RevokeLicense;
use crate::provider_events::apply_provider_event::ApplyProviderEvent;
use crate::provider_events::delivery::Delivery;
use crate::provider_events::drain_inbox::{DrainInbox, DrainReport, LanesInHand};
use crate::provider_events::event::{Payload, ProviderEvent, SubscriptionChange};
use crate::provider_events::handoff::Handoff;
use crate::provider_events::lane::LaneShare;
use crate::provider_events::observer::Unobserved;
use crate::provider_events::ports::Receipt;
use crate::provider_events::receive_webhook::ReceiveWebhook;
use crate::provisioning::retry_provisioning::RetryProvisioning;
use crate::provisioning::run_provisioning::RunProvisioning;
use crate::subscriptions::subscription::SubscriptionReport;

const STORY: &str = "nothing fails in the story of this workbench";

/// Customer, admins, catalogue, agreement, plan: each is one commit.
const STEPS_UP_TO_THE_PLAN: u32 = 5;

/// Use cases and the parts that they share. Every method that gives a use case puts it together
/// anew, as after a restart.
#[derive(Clone)]
pub struct Workbench {
    /// Who buys what, and when.
    pub world: World,
    /// Counts every call of record and provider, and lets one fail.
    pub faults: Faults,
    /// The record.
    pub store: MemoryStore,
    /// What use cases commit to: the record, unless a test puts something in between.
    pub writer: Arc<dyn BillingWriter>,
    /// The provider.
    pub provider: FakeProvider,
    /// What the provider delivers.
    pub webhooks: FakeWebhooks,
    /// The operator's rules.
    pub policy: CheckoutPolicy,
    /// Whether billing is switched on.
    pub billing_enabled: bool,
    /// From receiver to worker in memory; nobody is handed anything unless a test wants it.
    pub handoff: Arc<Handoff>,
}

impl Workbench {
    /// A world that is stored, and whose price the provider has.
    pub async fn new() -> Self {
        Self::of(World::new(1)).await
    }

    /// The same with a world of the test's own.
    pub async fn of(world: World) -> Self {
        let faults = Faults::new();
        let store = MemoryStore::with_faults(faults.clone());
        world.seed(&store).await;
        let provider = FakeProvider::with_faults(world.clock.clone(), faults.clone());
        provider.add_price(world.provider_price());
        Self {
            writer: Arc::new(store.clone()),
            faults,
            store,
            provider,
            webhooks: FakeWebhooks::new(),
            policy: CheckoutPolicy {
                embargoed_countries: CountryCode::parse("KP").into_iter().collect(),
                reservation: RESERVATION_DEFAULT,
                trial_days: 0,
                success_url: "https://shop.example/success".to_owned(),
                cancel_url: "https://shop.example/cancel".to_owned(),
                redirect_allowlist: vec!["https://shop.example".to_owned()],
            },
            billing_enabled: true,
            handoff: Arc::new(Handoff::new(0)),
            world,
        }
    }

    /// The same parts with rivals who commit first.
    #[must_use]
    pub fn with_rivals(&self, rivals: Vec<ChangeSet>) -> Self {
        let writer = RivalWriter::new(self.store.clone(), rivals);
        Self {
            writer: Arc::new(writer),
            ..self.clone()
        }
    }

    /// Write, time and ids.
    pub fn core(&self) -> Core {
        Core {
            writer: self.writer.clone(),
            clock: Arc::new(self.world.clock.clone()),
            ids: Arc::new(self.world.ids.clone()),
        }
    }

    /// The clock.
    pub fn clock(&self) -> &ManualClock {
        &self.world.clock
    }

    /// Now.
    pub fn now(&self) -> Timestamp {
        self.world.now()
    }

    fn store(&self) -> Arc<MemoryStore> {
        Arc::new(self.store.clone())
    }

    /// Creates intents.
    pub fn create_intent(&self) -> CreateIntent {
        CreateIntent {
            core: self.core(),
            intents: self.store(),
            tenants: self.store(),
            policy: Arc::new(self.policy.clone()),
        }
    }

    /// Amends intents.
    pub fn amend_intent(&self) -> AmendIntent {
        AmendIntent {
            core: self.core(),
            intents: self.store(),
            policy: Arc::new(self.policy.clone()),
        }
    }

    /// Gives customers to owners.
    pub fn ensure_customer(&self) -> EnsureCustomer {
        EnsureCustomer {
            core: self.core(),
            customers: self.store(),
            provider: Arc::new(self.provider.clone()),
        }
    }

    /// Opens pages that were requested.
    pub fn open_requested(&self) -> OpenRequestedCheckout {
        OpenRequestedCheckout {
            core: self.core(),
            intents: self.store(),
            customers: Arc::new(self.ensure_customer()),
            provider: Arc::new(self.provider.clone()),
        }
    }

    /// Starts checkouts.
    pub fn start_checkout(&self) -> StartCheckout {
        StartCheckout {
            core: self.core(),
            intents: self.store(),
            catalog: self.store(),
            create_intent: Arc::new(self.create_intent()),
            open_requested: Arc::new(self.open_requested()),
            provider: Arc::new(self.provider.clone()),
            policy: Arc::new(self.policy.clone()),
        }
    }

    /// Asks the provider what became of a page.
    pub fn sync_checkout(&self) -> SyncCheckout {
        SyncCheckout {
            core: self.core(),
            intents: self.store(),
            provider: Arc::new(self.provider.clone()),
        }
    }

    /// Looks after intents that nobody moves.
    pub fn sweep_intents(&self) -> SweepIntents {
        SweepIntents {
            core: self.core(),
            intents: self.store(),
            sweep: self.store(),
            open_requested: Arc::new(self.open_requested()),
            stalled_after: Duration::seconds(180),
        }
    }

    /// Receives deliveries.
    pub fn receive_webhook(&self) -> ReceiveWebhook {
        ReceiveWebhook {
            core: self.core(),
            verifier: Arc::new(self.webhooks.clone()),
            inbox: self.store(),
            observer: Arc::new(Unobserved),
            handoff: Arc::clone(&self.handoff),
        }
    }

    /// Applies deliveries.
    pub fn drain_inbox(&self) -> DrainInbox {
        DrainInbox {
            core: self.core(),
            inbox: self.store(),
            apply: Arc::new(ApplyProviderEvent {
                core: self.core(),
                decoder: Arc::new(self.webhooks.clone()),
                provider: Arc::new(self.provider.clone()),
                parties: Arc::new(self.provider.clone()),
                customers: self.store(),
                catalog: self.store(),
                intents: self.store(),
                subscriptions: self.store(),
                workflows: self.store(),
                licensing: self.store(),
                entitlements: self.store(),
            }),
            billing_enabled: self.billing_enabled,
            observer: Arc::new(Unobserved),
            handoff: Arc::clone(&self.handoff),
            share: LaneShare::WHOLE,
            owner: "workbench".to_owned(),
            lanes: LanesInHand::default(),
        }
    }

    /// Makes what was bought.
    pub fn run_provisioning(&self) -> RunProvisioning {
        RunProvisioning {
            core: self.core(),
            workflows: self.store(),
            intents: self.store(),
            tenants: self.store(),
            licensing: self.store(),
            catalog: self.store(),
            subscriptions: self.store(),
            users: self.store(),
        }
    }

    /// Asks for another attempt.
    pub fn retry_provisioning(&self) -> RetryProvisioning {
        RetryProvisioning {
            core: self.core(),
            workflows: self.store(),
        }
    }

    /// Hands licences out.
    pub fn assign_licenses(&self) -> AssignLicenses {
        AssignLicenses {
            core: self.core(),
            licenses: self.store(),
            tenants: self.store(),
        }
    }

    /// Turns invitations into use.
    pub fn activate_license(&self) -> ActivateLicense {
        ActivateLicense {
            core: self.core(),
            licenses: self.store(),
            catalog: self.store(),
        }
    }

    /// Takes licences back.
    pub fn revoke_license(&self) -> RevokeLicense {
        RevokeLicense {
            core: self.core(),
            licenses: self.store(),
            tenants: self.store(),
            entitlements: self.store(),
        }
    }

    /// The world's user.
    pub fn buyer(&self) -> Principal {
        self.principal(&self.world.user)
    }

    /// A user, signed in.
    pub fn principal(&self, user: &crate::access::user::User) -> Principal {
        Principal::User {
            user_id: user.id,
            project_id: user.project_id,
            email: user.email.clone(),
        }
    }

    /// Somebody who runs the service.
    pub fn operator(&self) -> Principal {
        Principal::Operator {
            name: "grace".to_owned(),
        }
    }

    /// What the buyer asks for: ten licences for a company of one word.
    pub fn wish(&self, word: &str) -> StartCheckoutRequest {
        let IntentRequest {
            quantity,
            reservation,
            country,
            terms,
        } = super::fixtures::intent_request(word);
        StartCheckoutRequest {
            admin_email: super::fixtures::email("ada@example.com"),
            reservation: reservation.expect("the fixture reserves"),
            quantity,
            price: PriceName::Id(self.world.price.id),
            country,
            terms,
            ui: CheckoutUi::Hosted,
            success_url: None,
            cancel_url: None,
        }
    }

    /// The one intent.
    pub fn intent(&self) -> CheckoutIntent {
        let intents = self.store.intents();
        assert_eq!(intents.len(), 1, "there is one intent: {intents:?}");
        intents[0].value.clone()
    }

    /// An intent as it is now.
    pub fn intent_with(&self, id: IntentId) -> CheckoutIntent {
        let mut intents = self.store.intents().into_iter();
        let found = intents.find(|intent| intent.value.id() == id);
        found.expect("the intent is stored").value
    }

    /// Opens a page for a company of one word; gives the provider's id of the page.
    pub async fn open_page(&self, word: &str) -> ProviderRef {
        let buyer = self.buyer();
        let started = self
            .start_checkout()
            .run(&Request::new(&buyer), &self.wish(word))
            .await;
        let intent = started.expect(STORY);
        let session = intent.parts().links.session.clone();
        session.expect("an open page is linked")
    }

    /// Opens a page and lets the buyer pay on it; nobody has told us yet.
    pub async fn pay_page(&self, word: &str) -> FakePayment {
        let page = self.open_page(word).await;
        self.provider.pay(&page).expect("the page is open")
    }

    /// Receives an event that the provider makes now.
    pub async fn receive(&self, id: &str, event: ProviderEvent) -> Receipt {
        self.receive_from(id, event, self.now()).await
    }

    /// Receives an event that the provider made then.
    pub async fn receive_from(&self, id: &str, event: ProviderEvent, made: Timestamp) -> Receipt {
        let sent = self.webhooks.register(id, "test.event", made, event);
        self.receive_sent(sent).await
    }

    /// Receives what was sent.
    pub async fn receive_sent(&self, sent: crate::testing::fake_webhooks::Delivery) -> Receipt {
        let received = self
            .receive_webhook()
            .run(
                sent.payload,
                Some(&sent.signature),
                Delivery::default(),
                None,
            )
            .await;
        received.expect(STORY)
    }

    /// Receives that a subscription changed.
    pub async fn receive_subscription(
        &self,
        id: &str,
        change: SubscriptionChange,
        report: SubscriptionReport,
    ) {
        let event = ProviderEvent::SubscriptionChanged(change, Payload::Read(report));
        self.receive(id, event).await;
    }

    /// Lets the worker take its turn.
    pub async fn drain(&self) -> DrainReport {
        self.drain_inbox().run().await.expect(STORY)
    }

    /// What became of the event that was received last.
    pub fn last_status(&self) -> InboxStatus {
        let statuses = self.store.event_statuses();
        statuses.last().expect("an event was received").clone()
    }

    /// A company of one word has paid, and we have heard of it; nothing is provisioned.
    pub async fn buy(&self, word: &str) -> FakePayment {
        let payment = self.pay_page(word).await;
        let report = payment.subscription.clone().expect("the price recurs");
        let invoice = payment.invoice.clone().expect("the price recurs");
        self.receive_subscription(
            &format!("evt_{word}_sub"),
            SubscriptionChange::Created,
            report,
        )
        .await;
        let paid = ProviderEvent::InvoicePaid(Payload::Read(invoice));
        self.receive(&format!("evt_{word}_paid"), paid).await;
        self.drain().await;
        payment
    }

    /// Provisioning stops when the plan exists and its licences do not, as if the program were gone.
    pub async fn run_provisioning_until_the_plan_exists(&self) {
        let writer = StoppingWriter::new(self.store.clone(), STEPS_UP_TO_THE_PLAN);
        let stopping = Self {
            writer: Arc::new(writer),
            ..self.clone()
        };
        stopping.run_provisioning().run_due().await.expect(STORY);
    }

    /// A company of one word has everything that it paid for.
    pub async fn sell(&self, word: &str) -> FakePayment {
        let payment = self.buy(word).await;
        let provisioned = self.run_provisioning().run_due().await;
        provisioned.expect(STORY);
        payment
    }
}
