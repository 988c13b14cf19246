//! Random histories of a business: what buyers, cards, operators and time do, told by the sandbox.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use billing_app::wiring::Storage;
use billing_domain::access::user::User;
use billing_domain::catalog::ports::PriceName;
use billing_domain::catalog::price::BillingPeriod;
use billing_domain::checkout::intent::{CheckoutIntent, CheckoutUi, Quantity, Reservation, Terms};
use billing_domain::checkout::ports::CheckoutProvider;
use billing_domain::checkout::start_checkout::StartCheckoutRequest;
use billing_domain::customers::customer::BillingCustomer;
use billing_domain::kernel::change_set::ChangeSet;
use billing_domain::kernel::event::DomainEvent;
use billing_domain::kernel::principal::Principal;
use billing_domain::kernel::request::Request;
use billing_domain::kernel::stored::Stored;
use billing_domain::kernel::text::{CompanyName, ProviderRef, Slug};
use billing_domain::kernel::timestamp::Timestamp;
use billing_domain::provider_events::ports::PartyProvider;
use billing_domain::provider_events::reports::CatalogueItem;
use billing_domain::testing::MemoryStore;
use billing_domain::testing::fixtures::{World, email};
use billing_sandbox::SignedDelivery;
use billing_stripe::{StripeConfig, StripeMode, StripeProvider};
use billing_tests::corpus::{THIN, VERSIONS};
use billing_tests::sandbox_client::SandboxClient;
use billing_tests::stage::readiness::AlwaysReady;
use serde_json::Value;

use crate::chance::Chance;
use crate::frozen::Frozen;
use crate::portrait::{Portrait, portrait};
use crate::service::{Listener, Words, deliver, use_a_licence};

mod acts;

/// How many endpoints listen, each in a version of its own.
const ENDPOINTS: usize = 3;

/// How many things happen after the pages are open.
const ACTS_MIN: usize = 5;
const ACTS_MAX: usize = 18;

/// One event, in each version in which an endpoint is told of it.
#[derive(Debug, Clone)]
pub(crate) struct Told {
    pub(crate) event_type: String,
    pub(crate) deliveries: Vec<SignedDelivery>,
}

/// What happened, and what is known of it.
pub(crate) struct History {
    pub(crate) world: World,
    pub(crate) users: Vec<User>,
    pub(crate) customers: Vec<Stored<BillingCustomer>>,
    /// The sales before any event was heard.
    pub(crate) sales: Vec<CheckoutIntent>,
    /// Every event in the order in which it was made.
    pub(crate) told: Vec<Told>,
    pub(crate) words: Words,
    /// What the provider knows in the end.
    pub(crate) frozen: Frozen,
    /// The record of a service that heard of each thing as it happened and could ask at once.
    pub(crate) live: Portrait,
    /// When the pages were open and nothing had been heard.
    pub(crate) opened_at: Timestamp,
    /// What happened, in words.
    pub(crate) script: Vec<String>,
}

impl History {
    /// Lets a history happen.
    pub(crate) async fn of(seed: u64) -> Self {
        let mut chance = Chance::new(seed);
        let mut shop = Shop::open(&mut chance).await;
        let sales = 1 + chance.below(2);
        for number in 0..sales {
            shop.open_page(number, &mut chance).await;
            if chance.one_in(4) {
                // Another page for another number of licences; the provider closes the first.
                shop.open_page(number, &mut chance).await;
            }
        }
        let opened_at = shop.world.now();
        let customers = shop.live.rows();
        let sales: Vec<CheckoutIntent> = {
            let rows = shop.live.intents().into_iter();
            rows.map(|row| row.value).collect()
        };
        shop.hear().await;
        let acts = ACTS_MIN + chance.below(ACTS_MAX - ACTS_MIN);
        for _ in 0..acts {
            let sale = chance.pick(&sales).clone();
            shop.act(&sale, &mut chance).await;
            shop.hear().await;
        }
        let frozen = shop.freeze().await;
        let subscriptions = references(frozen.subscriptions.keys());
        let live = portrait(&shop.storage(), &subscriptions).await;
        let history = Self {
            users: shop.users,
            customers,
            sales,
            told: shop.told,
            words: shop.words,
            frozen,
            live,
            opened_at,
            script: shop.script,
            world: shop.world,
        };
        shop.client.sandbox.stop().await;
        history
    }

    /// The subscriptions that the provider knows in the end.
    pub(crate) fn subscriptions(&self) -> Vec<ProviderRef> {
        references(self.frozen.subscriptions.keys())
    }

    /// Who and what is there before anybody buys.
    pub(crate) fn people(&self) -> ChangeSet {
        let mut changes = self.world.insertion();
        for user in &self.users[1..] {
            let registered = DomainEvent::UserRegistered {
                user_id: user.id,
                project_id: user.project_id,
            };
            changes = changes.insert_user(user.clone(), registered);
        }
        for customer in &self.customers {
            let customer_id = customer.value.id;
            let requested = DomainEvent::CustomerRequested { customer_id };
            changes = changes.insert_customer(customer.value.clone(), requested);
        }
        changes
    }

    /// One sale, as it is before any event of it is heard.
    pub(crate) fn sale(&self, number: usize) -> ChangeSet {
        let (_, created) = self.world.intent(self.world.user.id, "any");
        let changes = self.world.changes();
        changes.insert_intent(self.sales[number].clone(), created)
    }
}

fn references<'a>(ids: impl Iterator<Item = &'a String>) -> Vec<ProviderRef> {
    ids.map(|id| ProviderRef::parse(id).expect("the provider's id"))
        .collect()
}

/// A user, signed in.
pub(crate) fn principal(user: &User) -> Principal {
    Principal::User {
        user_id: user.id,
        project_id: user.project_id,
        email: user.email.clone(),
    }
}

/// The sandbox, and the service that hears of everything at once.
struct Shop {
    client: SandboxClient,
    provider: Arc<StripeProvider>,
    world: World,
    users: Vec<User>,
    live: MemoryStore,
    words: Words,
    told: Vec<Told>,
    /// Which event is where in `told`.
    places: BTreeMap<String, usize>,
    script: Vec<String>,
    trial_days: u16,
}

impl Shop {
    async fn open(chance: &mut Chance) -> Self {
        let mut world = World::new(1);
        let start = world.now().unix_seconds();
        let client = SandboxClient::start(chance.draw(), start).await;
        let config = StripeConfig {
            api_base: client.sandbox.url().to_owned(),
            ..StripeConfig::new(StripeMode::Test, Some(client.sandbox.secret_key().into()))
        };
        let clock = Arc::new(world.clock.clone());
        let provider = StripeProvider::new(&config, clock).expect("a configuration");
        let mut shop = Self {
            provider: Arc::new(provider),
            client,
            users: vec![world.user.clone()],
            world: World::new(1),
            live: MemoryStore::new(),
            words: Words::default(),
            told: Vec::new(),
            places: BTreeMap::new(),
            script: Vec::new(),
            trial_days: if chance.one_in(3) { 14 } else { 0 },
        };
        let product = shop.client.post("/v1/products", "name=Team").await;
        world.product.provider_id = reference(&product["id"]);
        let recurring = if chance.one_in(6) {
            world.price.period = BillingPeriod::OneTime;
            ""
        } else {
            world.price.period = BillingPeriod::Monthly;
            "&recurring[interval]=month"
        };
        let price = format!(
            "product={}&currency=usd&unit_amount=1000{recurring}",
            world.product.provider_id
        );
        let price = shop.client.post("/v1/prices", &price).await;
        world.price.provider_id = reference(&price["id"]);
        world.seed(&shop.live).await;
        world.seed_user(&shop.live, "bob").await;
        let users: Vec<Stored<User>> = shop.live.rows();
        let others = users.into_iter().map(|user| user.value);
        shop.users
            .extend(others.filter(|user| user.id != world.user.id));
        shop.world = world;
        let mut versions = VERSIONS;
        chance.shuffle(&mut versions);
        for version in &versions[..ENDPOINTS] {
            let secret = shop.client.listen(version).await;
            shop.words.secrets.push(secret);
        }
        shop.say(format!("endpoints in {:?}", &versions[..ENDPOINTS]));
        if chance.one_in(3) {
            let secret = shop.client.listen_thinly(THIN).await;
            shop.words.secrets.push(secret);
            shop.say("thin events besides");
        }
        shop
    }

    fn say(&mut self, text: impl std::fmt::Display) {
        let at = self.client.sandbox.now();
        self.script.push(format!("{at}: {text}"));
    }

    fn storage(&self) -> Storage {
        Storage::of(self.live.clone(), Arc::new(AlwaysReady))
    }

    fn listener(&self) -> Listener {
        let mut listener = self.words.listener(&self.world, self.storage());
        listener.trial_days = self.trial_days;
        listener.provider(&self.provider)
    }

    /// A buyer asks for a page.
    async fn open_page(&mut self, number: usize, chance: &mut Chance) {
        let user = self.users[number].clone();
        let buyer = principal(&user);
        let quantity = i64::try_from(5 + chance.below(10)).expect("a few");
        let wish = StartCheckoutRequest {
            admin_email: user.email.unwrap_or_else(|| email("ada@example.com")),
            reservation: Reservation {
                slug: Slug::parse(&format!("shop{number}")).expect("a slug"),
                name: CompanyName::parse(&format!("Shop {number}")).expect("a name"),
            },
            quantity: Quantity::parse(quantity).expect("a number"),
            price: PriceName::Id(self.world.price.id),
            country: None,
            terms: Terms::default(),
            ui: CheckoutUi::Hosted,
            success_url: None,
            cancel_url: None,
        };
        let application = self.listener().application();
        let start = &application.use_cases.start_checkout;
        let started = start.run(&Request::new(&buyer), &wish).await;
        started.expect("the page opens");
        self.say(format!("buyer {number} opens a page for {quantity}"));
    }

    /// Takes what the sandbox would send, and lets the service hear of it.
    async fn hear(&mut self) {
        let now = Timestamp::from_unix_seconds(self.client.sandbox.now()).expect("a time");
        self.world.clock.set(now);
        let mut fresh = Vec::new();
        for delivery in self.client.sandbox.take_pending_deliveries() {
            // Both forms of an event are deliveries of the sandbox's one event.
            let body: Value = serde_json::from_str(&delivery.body).expect("JSON");
            let place = *self
                .places
                .entry(body["id"].to_string())
                .or_insert_with(|| {
                    fresh.push(self.told.len());
                    self.told.push(Told {
                        event_type: delivery.event_type.clone(),
                        deliveries: Vec::new(),
                    });
                    self.told.len() - 1
                });
            self.told[place].deliveries.push(delivery);
        }
        let application = self.listener().application();
        for place in fresh {
            deliver(&application, &self.told[place].deliveries[0]).await;
        }
        application.workers.drain().await.expect("nothing fails");
        for user in &self.users {
            use_a_licence(&application, &self.storage(), &principal(user)).await;
        }
    }

    /// Reads every object that an event was about.
    async fn freeze(&self) -> Frozen {
        let mut frozen = Frozen::default();
        for told in &self.told {
            let body: Value = serde_json::from_str(&told.deliveries[0].body).expect("JSON");
            // A thin event is about the same object as its snapshot.
            let object = &body["data"]["object"];
            let (Some(kind), Some(id)) = (object["object"].as_str(), object["id"].as_str()) else {
                continue;
            };
            let reference = ProviderRef::parse(id).expect("the provider's id");
            let asked = &self.provider;
            match kind {
                "checkout.session" => {
                    let it = asked.session(&reference).await.expect("read");
                    frozen.sessions.extend(it.map(|it| (id.to_owned(), it)));
                }
                "subscription" => {
                    let it = asked.subscription(&reference).await.expect("read");
                    frozen
                        .subscriptions
                        .extend(it.map(|it| (id.to_owned(), it)));
                }
                "invoice" => {
                    let it = asked.invoice(&reference).await.expect("read");
                    frozen.invoices.extend(it.map(|it| (id.to_owned(), it)));
                }
                "customer" => {
                    let it = asked.customer(&reference).await.expect("read");
                    frozen.customers.extend(it.map(|it| (id.to_owned(), it)));
                }
                "product" | "price" => {
                    let item = if kind == "price" {
                        CatalogueItem::Price
                    } else {
                        CatalogueItem::Product
                    };
                    let it = asked.catalogue_item(item, &reference).await.expect("read");
                    frozen.catalogue.extend(it.map(|it| (id.to_owned(), it)));
                }
                _ => {}
            }
        }
        frozen
    }

    fn advance(&mut self, by: Duration) {
        self.client.sandbox.advance(by);
    }
}

fn reference(id: &Value) -> ProviderRef {
    let id = id.as_str().expect("an object has an id");
    ProviderRef::parse(id).expect("the provider's id")
}
