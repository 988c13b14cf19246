//! The contract suite of the checkout port, run by the Stripe adapter against the sandbox.
#![expect(
    clippy::unwrap_used,
    reason = "an unwrap of a test is one of its assertions"
)]

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use billing_domain::checkout::ports::{
    CheckoutOrder, CheckoutOutcome, CheckoutProvider, CustomerOrder, ProviderInvoice,
    ProviderSession,
};
use billing_domain::kernel::ports::Clock;
use billing_domain::kernel::provider::ProviderError;
use billing_domain::kernel::text::ProviderRef;
use billing_domain::kernel::timestamp::Timestamp;
use billing_domain::subscriptions::subscription::SubscriptionReport;
use billing_domain::testing::contract::provider::{Subject, run_checkout_provider};
use billing_domain::testing::fixtures::World;
use billing_sandbox::{ClockStart, Fault, FaultKind, Sandbox, SandboxConfig};
use billing_stripe::{StripeConfig, StripeMode, StripeProvider};

/// The sandbox's time, which is also the suite's.
struct SandboxClock(Arc<Sandbox>);

impl Clock for SandboxClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_unix_seconds(self.0.now()).unwrap()
    }
}

type Answer<'f, T> = Pin<Box<dyn Future<Output = Result<T, ProviderError>> + Send + 'f>>;

/// The adapter, asked for the sandbox's price instead of the suite's: Stripe chooses the ids of
/// prices itself.
struct Priced {
    stripe: StripeProvider,
    price: ProviderRef,
}

impl CheckoutProvider for Priced {
    fn ensure_customer<'s: 'f, 'o: 'f, 'f>(
        &'s self,
        order: &'o CustomerOrder,
    ) -> Answer<'f, ProviderRef> {
        self.stripe.ensure_customer(order)
    }

    fn open_checkout<'s: 'f, 'o: 'f, 'f>(
        &'s self,
        order: &'o CheckoutOrder,
    ) -> Answer<'f, CheckoutOutcome> {
        let mut order = order.clone();
        order.request.price = self.price.clone();
        Box::pin(async move { self.stripe.open_checkout(&order).await })
    }

    fn session<'s: 'f, 'i: 'f, 'f>(
        &'s self,
        id: &'i ProviderRef,
    ) -> Answer<'f, Option<ProviderSession>> {
        self.stripe.session(id)
    }

    fn expire_session<'s: 'f, 'i: 'f, 'f>(&'s self, id: &'i ProviderRef) -> Answer<'f, ()> {
        self.stripe.expire_session(id)
    }

    fn subscription<'s: 'f, 'i: 'f, 'f>(
        &'s self,
        id: &'i ProviderRef,
    ) -> Answer<'f, Option<SubscriptionReport>> {
        self.stripe.subscription(id)
    }

    fn invoice<'s: 'f, 'i: 'f, 'f>(
        &'s self,
        id: &'i ProviderRef,
    ) -> Answer<'f, Option<ProviderInvoice>> {
        self.stripe.invoice(id)
    }

    fn hold_changes_until_paid<'s: 'f, 'i: 'f, 'f>(
        &'s self,
        subscription: &'i ProviderRef,
    ) -> Answer<'f, ()> {
        self.stripe.hold_changes_until_paid(subscription)
    }
}

async fn new_subject() -> Subject<Priced> {
    let sandbox = Sandbox::start(SandboxConfig {
        clock: ClockStart::Fixed(World::new(1).now().unix_seconds()),
        auto_deliver: false,
        ..SandboxConfig::default()
    });
    let sandbox = Arc::new(sandbox.await.unwrap());
    let price = "product_data[name]=Team&currency=usd&unit_amount=10000&recurring[interval]=year";
    let answer = reqwest::Client::new()
        .post(format!("{}/v1/prices", sandbox.url()))
        .bearer_auth(sandbox.secret_key())
        .header("content-type", "application/x-www-form-urlencoded")
        .body(price)
        .send();
    let price: serde_json::Value = answer.await.unwrap().json().await.unwrap();
    let config = StripeConfig {
        api_base: sandbox.url().to_owned(),
        // The suite wants to see the lost answer, which a retry would hide.
        retries_max: 0,
        ..StripeConfig::new(
            StripeMode::Test,
            Some(sandbox.secret_key().to_owned().into()),
        )
    };
    let clock = Arc::new(SandboxClock(Arc::clone(&sandbox)));
    Subject {
        provider: Priced {
            stripe: StripeProvider::new(&config, clock).unwrap(),
            price: ProviderRef::parse(price["id"].as_str().unwrap()).unwrap(),
        },
        lose_next_answer: Box::new(move || {
            sandbox.faults([Fault::once("POST", "", FaultKind::CutAfter)]);
        }),
    }
}

#[tokio::test]
async fn the_stripe_adapter_keeps_every_promise_of_the_checkout_port() {
    run_checkout_provider(new_subject).await;
}
