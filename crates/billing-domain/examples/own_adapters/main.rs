//! A team's own store and payment provider take one sale from its start to FULFILLED:
//! `cargo run -p billing-domain --example own_adapters --features testing`

use std::collections::BTreeSet;
use std::io::Write as _;
use std::sync::Arc;

use billing_domain::catalog::ports::PriceName;
use billing_domain::catalog::price::BillingPeriod;
use billing_domain::checkout::create_intent::CreateIntent;
use billing_domain::checkout::intent::{
    CheckoutUi, Quantity, RESERVATION_DEFAULT, Reservation, Terms,
};
use billing_domain::checkout::open_requested_checkout::OpenRequestedCheckout;
use billing_domain::checkout::policy::CheckoutPolicy;
use billing_domain::checkout::ports::IntentReader;
use billing_domain::checkout::start_checkout::{StartCheckout, StartCheckoutRequest};
use billing_domain::checkout::sync_checkout::SyncCheckout;
use billing_domain::customers::ensure_customer::EnsureCustomer;
use billing_domain::kernel::change_set::{Cause, CommitError};
use billing_domain::kernel::event::DomainEvent;
use billing_domain::kernel::ports::{BillingWriter, Core};
use billing_domain::kernel::text::{CompanyName, Slug};
use billing_domain::kernel::{principal::Principal, request::Request};
use billing_domain::licensing::license::License;
use billing_domain::provisioning::run_provisioning::RunProvisioning;
use billing_domain::testing::fixtures::World;

use adapters::{OwnProvider, OwnStore};

mod adapters;

/// The use cases of the story.
struct Sale {
    start: StartCheckout,
    sync: SyncCheckout,
    provision: RunProvisioning,
}

/// Use cases are structs of ports: wire them as you like.
fn wire(core: &Core, store: &Arc<OwnStore>, provider: &Arc<OwnProvider>) -> Sale {
    let policy = Arc::new(CheckoutPolicy {
        embargoed_countries: BTreeSet::new(),
        reservation: RESERVATION_DEFAULT,
        trial_days: 0,
        redirect_allowlist: vec![],
        success_url: "https://shop.example/thanks".to_owned(),
        cancel_url: "https://shop.example/".to_owned(),
    });
    let create_intent = Arc::new(CreateIntent {
        core: core.clone(),
        intents: store.clone(),
        tenants: store.clone(),
        policy: policy.clone(),
    });
    let customers = Arc::new(EnsureCustomer {
        core: core.clone(),
        customers: store.clone(),
        provider: provider.clone(),
    });
    let open_requested = Arc::new(OpenRequestedCheckout {
        core: core.clone(),
        intents: store.clone(),
        customers,
        provider: provider.clone(),
    });
    let start = StartCheckout {
        core: core.clone(),
        intents: store.clone(),
        catalog: store.clone(),
        create_intent,
        open_requested,
        provider: provider.clone(),
        policy,
    };
    let sync = SyncCheckout {
        core: core.clone(),
        intents: store.clone(),
        provider: provider.clone(),
    };
    let provision = RunProvisioning {
        core: core.clone(),
        workflows: store.clone(),
        intents: store.clone(),
        tenants: store.clone(),
        licensing: store.clone(),
        catalog: store.clone(),
        subscriptions: store.clone(),
        users: store.clone(),
    };
    Sale {
        start,
        sync,
        provision,
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    // A clock, ids, a user and something to sell; the team has its own of each.
    let mut world = World::new(1);
    world.price.period = BillingPeriod::OneTime;
    let store = Arc::new(OwnStore::default());
    let for_sale = world
        .changes()
        .insert_user(
            world.user.clone(),
            DomainEvent::UserRegistered {
                user_id: world.user.id,
                project_id: world.project.id,
            },
        )
        .insert_product(
            world.product.clone(),
            DomainEvent::ProductChanged {
                product_id: world.product.id,
            },
        )
        .insert_price(
            world.price.clone(),
            DomainEvent::PriceChanged {
                price_id: world.price.id,
                product_id: world.product.id,
            },
        );
    let core = Core {
        writer: store.clone(),
        clock: Arc::new(world.clock.clone()),
        ids: Arc::new(world.ids.clone()),
    };
    // This store keeps no projects and says so; what it keeps of the world it takes.
    let refused = store.commit(world.insertion()).await;
    assert!(
        matches!(refused, Err(CommitError::Unsupported(_))),
        "{refused:?}"
    );
    store.commit(for_sale).await?;

    let Sale {
        start,
        sync,
        provision,
    } = wire(&core, &store, &Arc::new(OwnProvider));

    // The user asks for seven licences.
    let email = world.user.email.clone();
    let buyer = Principal::User {
        user_id: world.user.id,
        project_id: world.user.project_id,
        email: email.clone(),
    };
    let wanted = StartCheckoutRequest {
        admin_email: email.ok_or("the user has an address")?,
        quantity: Quantity::parse(7)?,
        price: PriceName::Id(world.price.id),
        country: None,
        reservation: Reservation {
            slug: Slug::parse("acme")?,
            name: CompanyName::parse("Acme")?,
        },
        terms: Terms::default(),
        ui: CheckoutUi::Hosted,
        success_url: None,
        cancel_url: None,
    };
    let intent = start.run(&Request::new(&buyer), &wanted).await?;
    let page = intent
        .parts()
        .links
        .session
        .clone()
        .ok_or("the page is open")?;

    // The provider says that somebody has paid on this page; hearing it twice changes nothing.
    for _ in 0..2 {
        let heard = sync.run(&page, &Cause::Job("page_paid")).await?;
        assert_eq!(heard.state().name(), "paid");
    }

    // A worker makes everything that was bought.
    provision.run_due().await?;
    let intent = store
        .intent(intent.id())
        .await?
        .ok_or("the intent is stored")?
        .value;
    let licenses = store.all(|_: &License| true);
    assert_eq!((intent.state().name(), licenses.len()), ("fulfilled", 7));
    writeln!(
        std::io::stdout(),
        "intent {} is {} with {} licences",
        intent.id(),
        intent.state().name(),
        licenses.len()
    )?;
    Ok(())
}
