//! A world in which something can be bought, and entities in each of their states.

use std::collections::BTreeMap;

use time::Duration;

use super::clock::ManualClock;
use super::ids::SequentialIds;
use crate::access::project::{App, Project};
use crate::access::user::User;
use crate::catalog::ports::ProviderPrice;
use crate::catalog::price::{BillingPeriod, Price};
use crate::catalog::product::{Product, ProductKind, QuantityRange};
use crate::checkout::intent::{
    CheckoutIntent, CheckoutRequest, CheckoutUi, IntentCommand, IntentRequest, OpenedSession,
    ProviderLinks, Quantity, RESERVATION_DEFAULT, Reservation, Terms,
};
use crate::kernel::change_set::{Cause, ChangeSet};
use crate::kernel::currency::Currency;
use crate::kernel::email::Email;
use crate::kernel::event::DomainEvent;
use crate::kernel::id::{Id, IdKind, TenantId, UserId, WorkflowId};
use crate::kernel::money::Money;
use crate::kernel::ports::{BillingWriter, Clock, new_id};
use crate::kernel::text::{
    ActivationKey, CompanyName, CountryCode, ExternalUserId, FeatureCode, LookupKey, ProviderRef,
    Slug, Title,
};
use crate::kernel::timestamp::Timestamp;
use crate::licensing::agreement::{Catalog, CustomerAgreement};
use crate::licensing::license::{Assignment, License, LicenseCommand};
use crate::licensing::plan::SubscriptionPlan;
use crate::tenants::tenant::Tenant;

const VALID: &str = "a fixture's text is valid";

/// One project with one application, one user and one licence pack of 5 to 30 seats.
#[derive(Debug, Clone)]
pub struct World {
    /// The time.
    pub clock: ManualClock,
    /// The ids.
    pub ids: SequentialIds,
    /// The project.
    pub project: Project,
    /// Its application.
    pub app: App,
    /// Its user.
    pub user: User,
    /// What is sold.
    pub product: Product,
    /// For how much: 100.00 USD per seat and year.
    pub price: Price,
}

impl World {
    /// Makes the world of a seed; the same seed makes the same world.
    pub fn new(seed: u32) -> Self {
        let (clock, ids) = (ManualClock::new(), SequentialIds::new(seed));
        let (project, _) = Project::new(new_id(&ids), title("Academy"));
        let (app, _) = App::new(new_id(&ids), project.id, title("Web"));
        let (user, _) = User::new(
            new_id(&ids),
            project.id,
            ExternalUserId::parse("ada").expect(VALID),
            Some(email("ada@example.com")),
        );
        let product = Product {
            id: new_id(&ids),
            project_id: project.id,
            kind: ProductKind::LicensePack,
            name: title("Team licences"),
            provider_id: provider_ref("prod_team"),
            feature_codes: vec![feature("catalog:all"), feature("certificates")],
            quantity: QuantityRange { min: 5, max: 30 },
            is_active: true,
        };
        let price = Price {
            id: new_id(&ids),
            product_id: product.id,
            provider_id: provider_ref("price_team_year"),
            lookup_key: Some(LookupKey::parse("team_yearly").expect(VALID)),
            unit_amount: Money::from_minor(10_000, Currency::USD),
            period: BillingPeriod::Yearly,
            is_active: true,
        };
        Self {
            clock,
            ids,
            project,
            app,
            user,
            product,
            price,
        }
    }

    /// Now.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// A new id.
    pub fn id<K: IdKind>(&self) -> Id<K> {
        new_id(&self.ids)
    }

    /// An empty change set of now.
    pub fn changes(&self) -> ChangeSet {
        ChangeSet::caused_by(Cause::Job("fixture"), self.now())
    }

    /// The insertion of project, application, user, product and price.
    pub fn insertion(&self) -> ChangeSet {
        let project_id = self.project.id;
        self.changes()
            .insert_project(
                self.project.clone(),
                DomainEvent::ProjectCreated { project_id },
            )
            .insert_app(
                self.app.clone(),
                DomainEvent::AppCreated {
                    app_id: self.app.id,
                    project_id,
                },
            )
            .insert_user(
                self.user.clone(),
                DomainEvent::UserRegistered {
                    user_id: self.user.id,
                    project_id,
                },
            )
            .insert_product(
                self.product.clone(),
                DomainEvent::ProductChanged {
                    product_id: self.product.id,
                },
            )
            .insert_price(
                self.price.clone(),
                DomainEvent::PriceChanged {
                    price_id: self.price.id,
                    product_id: self.product.id,
                },
            )
    }

    /// Commits [`Self::insertion`].
    pub async fn seed<W: BillingWriter>(&self, writer: &W) {
        let outcome = writer.commit(self.insertion()).await;
        outcome.expect("an empty store takes a world");
    }

    /// The price as the provider has it.
    pub fn provider_price(&self) -> ProviderPrice {
        ProviderPrice {
            id: self.price.provider_id.clone(),
            product: self.product.provider_id.clone(),
            lookup_key: self.price.lookup_key.clone(),
            unit_amount: self.price.unit_amount,
            period: self.price.period,
        }
    }

    /// A further user of the project, not stored yet.
    pub fn another_user(&self, name: &str) -> (User, DomainEvent) {
        User::new(
            self.id(),
            self.project.id,
            ExternalUserId::parse(name).expect(VALID),
            Some(email(&format!("{name}@example.com"))),
        )
    }

    /// Stores a further user.
    pub async fn seed_user<W: BillingWriter>(&self, writer: &W, name: &str) -> User {
        let (user, event) = self.another_user(name);
        let outcome = writer
            .commit(self.changes().insert_user(user.clone(), event))
            .await;
        outcome.expect("the user is new");
        user
    }

    /// A new intent of a user; slug and name are made of one word.
    pub fn intent(&self, user: UserId, word: &str) -> (CheckoutIntent, DomainEvent) {
        let expires_at = self.now().plus(RESERVATION_DEFAULT);
        CheckoutIntent::new(
            self.id(),
            user,
            intent_request(word),
            expires_at,
            self.now(),
        )
    }

    /// What is asked of the provider for this world's price.
    pub fn checkout_request(&self) -> CheckoutRequest {
        CheckoutRequest {
            price_id: self.price.id,
            price: self.price.provider_id.clone(),
            is_recurring: self.price.period.is_recurring(),
            quantity: Quantity::parse(10).expect("10 is in 1..=1000"),
            admin_email: email("ada@example.com"),
            ui: CheckoutUi::Hosted,
            success_url: "https://app.example/done".to_owned(),
            cancel_url: "https://app.example/back".to_owned(),
            trial_days: 0,
        }
    }

    /// A page that the provider opened.
    pub fn opened_session(&self, id: &str) -> OpenedSession {
        OpenedSession {
            id: provider_ref(id),
            url: Some(format!("https://checkout.example/{id}")),
            client_secret: None,
            expires_at: self.now().plus(Duration::hours(24)),
        }
    }

    /// A command that leads to each state, in the order in which they are given.
    pub fn after(&self, intent: &CheckoutIntent, commands: Vec<IntentCommand>) -> CheckoutIntent {
        commands
            .into_iter()
            .fold(intent.clone(), |intent, command| {
                let transition = intent.apply(command, self.now());
                let transition = transition.expect("a fixture's commands are legal in their order");
                transition.outcome(&intent).clone()
            })
    }

    /// One intent of a user in each of the seven states, in the order of A-030.
    pub fn intents_in_every_state(&self, user: UserId, word: &str) -> Vec<CheckoutIntent> {
        let (created, _) = self.intent(user, word);
        let pay = || IntentCommand::MarkPaid {
            links: links(word, Some("sub")),
        };
        let message = || "it did not work".to_owned();
        let paths = [
            vec![],
            vec![pay()],
            vec![pay(), IntentCommand::MarkFulfilled],
            vec![
                pay(),
                IntentCommand::MarkBackofficeError { message: message() },
            ],
            vec![pay(), IntentCommand::MarkStalled { message: message() }],
            vec![
                pay(),
                IntentCommand::MarkProvisioningError { message: message() },
            ],
            vec![IntentCommand::Expire],
        ];
        paths
            .into_iter()
            .map(|commands| self.after(&created, commands))
            .collect()
    }

    /// A tenant with catalogue, agreement and plan, not stored yet.
    pub fn customer_records(&self, word: &str, workflow: Option<WorkflowId>) -> CustomerRecords {
        let now = self.now();
        let name = CompanyName::parse(word).expect(VALID);
        let slug = Slug::parse(word).expect(VALID);
        let (tenant, _) = Tenant::new(self.id(), name, slug, None, now);
        let (catalog, _) = Catalog::new(
            self.id(),
            tenant.id,
            title("Subscription Catalog"),
            self.product.id,
            now,
        );
        let (agreement, _) = CustomerAgreement::new(self.id(), tenant.id, catalog.id, now);
        let plan = SubscriptionPlan {
            id: self.id(),
            agreement_id: agreement.id,
            tenant_id: tenant.id,
            catalog_id: catalog.id,
            product_id: self.product.id,
            workflow_id: workflow,
            title: title("First plan"),
            starts_at: now,
            ends_at: now.plus(Duration::days(365)),
            license_count: 5,
            created_license_count: 0,
            created_at: now,
        };
        CustomerRecords {
            tenant,
            catalog,
            agreement,
            plan,
        }
    }

    /// A licence in each of its four states.
    pub fn licenses_in_every_state(&self, plan: &SubscriptionPlan) -> Vec<License> {
        let assign = |word: &str| LicenseCommand::Assign(self.assignment(word));
        let activate = || LicenseCommand::Activate {
            user_id: self.user.id,
        };
        let paths = [
            vec![],
            vec![assign("bob")],
            vec![assign("cyd"), activate()],
            vec![assign("dan"), LicenseCommand::Revoke],
        ];
        paths
            .into_iter()
            .map(|commands| {
                let (license, _) = License::new(self.id(), plan.id, self.now());
                commands.into_iter().fold(license, |license, command| {
                    let transition = license.apply(command, self.now());
                    let transition = transition.expect("a fixture's commands are legal");
                    transition.outcome(&license).clone()
                })
            })
            .collect()
    }

    /// An invitation of somebody by one word.
    pub fn assignment(&self, word: &str) -> Assignment {
        Assignment {
            email: email(&format!("{word}@example.com")),
            activation_key: ActivationKey::parse(&format!("activation-key-of-{word}"))
                .expect(VALID),
            assigned_at: self.now(),
        }
    }
}

/// What provisioning builds for one customer.
#[derive(Debug, Clone)]
pub struct CustomerRecords {
    /// The customer.
    pub tenant: Tenant,
    /// Its catalogue.
    pub catalog: Catalog,
    /// Its agreement.
    pub agreement: CustomerAgreement,
    /// Its plan.
    pub plan: SubscriptionPlan,
}

impl CustomerRecords {
    /// The insertion of all four.
    pub fn insert_into(&self, changes: ChangeSet) -> ChangeSet {
        let tenant_id: TenantId = self.tenant.id;
        changes
            .insert_tenant(
                self.tenant.clone(),
                DomainEvent::TenantCreated {
                    tenant_id,
                    slug: self.tenant.slug.to_string(),
                    name: self.tenant.name.to_string(),
                },
            )
            .insert_catalog(
                self.catalog.clone(),
                DomainEvent::CatalogCreated {
                    catalog_id: self.catalog.id,
                    tenant_id,
                },
            )
            .insert_agreement(
                self.agreement.clone(),
                DomainEvent::AgreementCreated {
                    agreement_id: self.agreement.id,
                    tenant_id,
                },
            )
            .insert_plan(self.plan.clone(), self.plan.created())
    }
}

/// What a user asks for: ten licences, slug and name made of one word.
pub fn intent_request(word: &str) -> IntentRequest {
    IntentRequest {
        quantity: Quantity::parse(10).expect("10 is in 1..=1000"),
        reservation: Some(Reservation {
            slug: Slug::parse(word).expect(VALID),
            name: CompanyName::parse(&format!("Company {word}")).expect(VALID),
        }),
        country: Some(CountryCode::parse("DE").expect(VALID)),
        terms: Terms(BTreeMap::from([("tos".to_owned(), "true".to_owned())])),
    }
}

/// The provider's ids of one sale, made of one word.
pub fn links(word: &str, subscription: Option<&str>) -> ProviderLinks {
    ProviderLinks {
        customer: Some(provider_ref(&format!("cus_{word}"))),
        session: Some(provider_ref(&format!("cs_{word}"))),
        subscription: subscription.map(|prefix| provider_ref(&format!("{prefix}_{word}"))),
    }
}

/// A provider's id from a literal.
pub fn provider_ref(text: &str) -> ProviderRef {
    ProviderRef::parse(text).expect(VALID)
}

/// An address from a literal.
pub fn email(text: &str) -> Email {
    Email::parse(text).expect(VALID)
}

/// A title from a literal.
pub fn title(text: &str) -> Title {
    Title::parse(text).expect(VALID)
}

/// A feature code from a literal.
pub fn feature(text: &str) -> FeatureCode {
    FeatureCode::parse(text).expect(VALID)
}
