//! The Stripe adapter against the sandbox: whole sales over real HTTP, in every generation of API
//! versions, with lost answers, forgotten keys and an unreachable Stripe.
#![expect(
    clippy::unwrap_used,
    reason = "an unwrap of a test is one of its assertions"
)]

use std::sync::Arc;
use std::time::Duration;

use billing_domain::catalog::ports::{PriceProvider, ProviderPrice};
use billing_domain::catalog::price::BillingPeriod;
use billing_domain::checkout::intent::{CheckoutRequest, CheckoutUi, OpenedSession, Quantity};
use billing_domain::checkout::ports::{
    CheckoutOrder, CheckoutOutcome, CheckoutProvider, CustomerOrder, SessionStatus,
};
use billing_domain::kernel::email::Email;
use billing_domain::kernel::id::{CustomerId, IntentId, PriceId, UserId};
use billing_domain::kernel::ports::Clock;
use billing_domain::kernel::provider::ProviderError;
use billing_domain::kernel::text::{LookupKey, ProviderRef};
use billing_domain::kernel::timestamp::Timestamp;
use billing_domain::provider_events::event::{Payload, ProviderEvent, SubscriptionChange};
use billing_domain::provider_events::ports::{EventDecoder, WebhookVerifier};
use billing_domain::subscriptions::subscription::SubscriptionStatus;
use billing_sandbox::{
    ClockStart, Fault, FaultKind, Sandbox, SandboxConfig, SignedDelivery, WebhookConfig,
};
use billing_stripe::{
    StripeConfig, StripeEventDecoder, StripeMode, StripeProvider, StripeWebhookVerifier,
};

const START: i64 = 1_790_000_000;
const HEX: &str = "0192f0c1a2b37c4d8e5f60718293a4b5";
const GOOD_CARD: &str = "4242424242424242";
const SESSIONS: &str = "/v1/checkout/sessions";
const CUSTOMERS: &str = "/v1/customers";

/// One version of each generation that our readers must know.
const VERSIONS: [&str; 7] = [
    "2023-10-16",
    "2024-06-20",
    "2025-02-24.acacia",
    "2025-08-27.basil",
    "2025-10-29.clover",
    "2026-08-26.dahlia",
    "2026-10-28.endive",
];

struct SandboxClock(Arc<Sandbox>);

impl Clock for SandboxClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_unix_seconds(self.0.now()).unwrap()
    }
}

/// A sandbox with one yearly price, and an adapter that talks to it.
struct Shop {
    sandbox: Arc<Sandbox>,
    provider: StripeProvider,
    price: ProviderPrice,
}

impl Shop {
    async fn open(webhook_version: &str) -> Self {
        let sandbox = Sandbox::start(SandboxConfig {
            clock: ClockStart::Fixed(START),
            auto_deliver: false,
            webhook: Some(WebhookConfig {
                url: "http://127.0.0.1:9/stripe".to_owned(),
                secret: None,
                api_version: Some(webhook_version.to_owned()),
            }),
            ..SandboxConfig::default()
        });
        let sandbox = Arc::new(sandbox.await.unwrap());
        post(&sandbox, "/v1/products", "id=prod_teams&name=Teams").await;
        let price = "product=prod_teams&currency=usd&unit_amount=39600&lookup_key=teams&recurring[interval]=year";
        post(&sandbox, "/v1/prices", price).await;
        let provider = provider(&sandbox, 2, None);
        let keys = [LookupKey::parse("teams").unwrap()];
        let price = provider
            .prices_by_lookup_key(&keys)
            .await
            .unwrap()
            .remove(0);
        Self {
            sandbox,
            provider,
            price,
        }
    }

    async fn newest() -> Self {
        Self::open(VERSIONS[6]).await
    }

    async fn order(&self) -> CheckoutOrder {
        let customer = self
            .provider
            .ensure_customer(&customer_order())
            .await
            .unwrap();
        CheckoutOrder {
            intent_id: our_intent(),
            user_id: UserId::parse(&format!("user_{HEX}")).unwrap(),
            reservation: None,
            customer,
            request: CheckoutRequest {
                price_id: PriceId::parse(&format!("price_{HEX}")).unwrap(),
                price: self.price.id.clone(),
                is_recurring: true,
                quantity: Quantity::parse(3).unwrap(),
                admin_email: email(),
                ui: CheckoutUi::Hosted,
                success_url: "https://shop.example/done".to_owned(),
                cancel_url: "https://shop.example/back".to_owned(),
                trial_days: 0,
            },
            idempotency_key: "checkout:1:1".to_owned(),
            requested_at: Timestamp::from_unix_seconds(START).unwrap(),
        }
    }

    async fn opened(&self, order: &CheckoutOrder) -> OpenedSession {
        match self.provider.open_checkout(order).await.unwrap() {
            CheckoutOutcome::Opened(session) => session,
            CheckoutOutcome::Refused { reason } => panic!("refused: {reason}"),
        }
    }

    fn fail(&self, method: &str, path: &str, kind: FaultKind) {
        self.sandbox.faults([Fault::once(method, path, kind)]);
    }

    /// Verifies and decodes what the sandbox would send.
    fn events(&self) -> Vec<(String, ProviderEvent)> {
        let secret = self.sandbox.webhook_secret().unwrap().to_owned();
        let tolerance = StripeWebhookVerifier::TOLERANCE_DEFAULT;
        let verifier =
            StripeWebhookVerifier::try_new(vec![secret.into()], StripeMode::Test, tolerance);
        let verifier = verifier.unwrap();
        let now = Timestamp::from_unix_seconds(self.sandbox.now()).unwrap();
        let deliveries = self.sandbox.take_pending_deliveries();
        let decoded = deliveries.into_iter().map(|delivery| {
            let body = delivery.body.as_bytes();
            let envelope = verifier.verify(body, signature(&delivery), now).unwrap();
            assert_eq!(envelope.event_type, delivery.event_type);
            let event = StripeEventDecoder.decode(&envelope.event_type, body);
            (delivery.event_type, event.unwrap())
        });
        decoded.collect()
    }
}

fn provider(sandbox: &Arc<Sandbox>, retries_max: u32, api_version: Option<&str>) -> StripeProvider {
    let key = sandbox.secret_key().to_owned();
    let config = StripeConfig {
        api_base: sandbox.url().to_owned(),
        api_version: api_version.map(str::to_owned),
        backoff_base: Duration::from_millis(1),
        retries_max,
        ..StripeConfig::new(StripeMode::Test, Some(key.into()))
    };
    StripeProvider::new(&config, Arc::new(SandboxClock(Arc::clone(sandbox)))).unwrap()
}

fn signature(delivery: &SignedDelivery) -> Option<&str> {
    let mut headers = delivery.headers.iter();
    let found = headers.find(|(name, _)| name.eq_ignore_ascii_case("stripe-signature"));
    found.map(|(_, value)| value.as_str())
}

async fn post(sandbox: &Sandbox, path: &str, form: &str) {
    let answer = reqwest::Client::new()
        .post(format!("{}{path}", sandbox.url()))
        .bearer_auth(sandbox.secret_key())
        .header("content-type", "application/x-www-form-urlencoded")
        .body(form.to_owned())
        .send()
        .await
        .unwrap();
    assert!(
        answer.status().is_success(),
        "{}",
        answer.text().await.unwrap()
    );
}

/// How many objects the sandbox lists.
async fn count(sandbox: &Sandbox, path: &str) -> usize {
    let answer = reqwest::Client::new()
        .get(format!("{}{path}?limit=100", sandbox.url()))
        .bearer_auth(sandbox.secret_key())
        .send();
    let list: serde_json::Value = answer.await.unwrap().json().await.unwrap();
    list["data"].as_array().unwrap().len()
}

fn email() -> Email {
    Email::parse("ada@example.com").unwrap()
}

fn our_intent() -> IntentId {
    IntentId::parse(&format!("chk_{HEX}")).unwrap()
}

fn customer_order() -> CustomerOrder {
    CustomerOrder {
        customer_id: CustomerId::parse(&format!("cust_{HEX}")).unwrap(),
        email: email(),
        name: None,
        idempotency_key: "customer:1".to_owned(),
    }
}

#[tokio::test]
async fn a_sale_is_told_the_same_way_in_every_version() {
    for version in VERSIONS {
        let shop = Shop::open(version).await;
        assert_eq!(shop.price.period, BillingPeriod::Yearly);
        let order = shop.order().await;
        let session = shop.opened(&order).await;
        assert!(session.url.is_some(), "{version}");
        shop.sandbox
            .pay_checkout(session.id.as_str(), GOOD_CARD)
            .unwrap();

        let read = shop.provider.session(&session.id).await.unwrap().unwrap();
        assert_eq!((read.status, read.is_paid), (SessionStatus::Complete, true));
        assert_eq!(read.intent_id, Some(our_intent()));
        let subscription = read.subscription.unwrap();
        let report = shop
            .provider
            .subscription(&subscription)
            .await
            .unwrap()
            .unwrap();
        assert_eq!(report.intent_id, Some(our_intent()));
        assert_eq!(report.facts.status, SubscriptionStatus::Active);
        assert_eq!(report.facts.quantity, 3);
        let invoice = shop
            .provider
            .invoice(&read.invoice.unwrap())
            .await
            .unwrap()
            .unwrap();
        assert!(invoice.is_paid);
        assert_eq!(invoice.intent_id, Some(our_intent()));
        assert_eq!(invoice.subscription.as_ref(), Some(&subscription));
        shop.provider
            .hold_changes_until_paid(&subscription)
            .await
            .unwrap();

        let events = shop.events();
        let has = |wanted: &ProviderEvent| events.iter().any(|(_, event)| event == wanted);
        let paid = ProviderEvent::InvoicePaid(Payload::Read(invoice));
        assert!(has(&paid), "{version}: {events:#?}");
        let completed = events.iter().find_map(|(_, event)| match event {
            ProviderEvent::CheckoutCompleted(Payload::Read(session)) => Some(session),
            _ => None,
        });
        assert_eq!(
            completed.unwrap().subscription.as_ref(),
            Some(&subscription)
        );
        let created = events.iter().find_map(|(_, event)| match event {
            ProviderEvent::SubscriptionChanged(
                SubscriptionChange::Created,
                Payload::Read(report),
            ) => Some(report),
            _ => None,
        });
        let created = created.unwrap();
        assert_eq!(created.intent_id, Some(our_intent()));
        assert_eq!(
            created.facts.period_end, report.facts.period_end,
            "{version}"
        );
        assert!(created.facts.period_end.is_some(), "{version}");
    }
}

#[tokio::test]
async fn the_adapter_can_be_pinned_to_every_version() {
    for version in VERSIONS {
        let mut shop = Shop::newest().await;
        shop.provider = provider(&shop.sandbox, 0, Some(version));
        let mut order = shop.order().await;
        order.request.trial_days = 14;
        let session = shop.opened(&order).await;
        shop.sandbox
            .pay_checkout(session.id.as_str(), GOOD_CARD)
            .unwrap();
        let read = shop.provider.session(&session.id).await.unwrap().unwrap();
        let subscription = read.subscription.unwrap();
        let report = shop
            .provider
            .subscription(&subscription)
            .await
            .unwrap()
            .unwrap();
        assert_eq!(
            report.facts.status,
            SubscriptionStatus::Trialing,
            "{version}"
        );
        assert_eq!(report.facts.period_end, report.facts.trial_end, "{version}");
        assert!(report.facts.trial_end.is_some(), "{version}");
        let invoice = shop
            .provider
            .invoice(&read.invoice.unwrap())
            .await
            .unwrap()
            .unwrap();
        assert!(
            invoice.is_paid,
            "a trial's invoice of nothing counts (A-069)"
        );
        assert_eq!(invoice.intent_id, Some(our_intent()), "{version}");
    }
}

#[tokio::test]
async fn one_key_is_one_session_whatever_happens_to_the_answers() {
    for kind in [
        FaultKind::CutBefore,
        FaultKind::CutAfter,
        FaultKind::FailBefore { status: 503 },
        FaultKind::FailAfter { status: 502 },
        FaultKind::FailAfter { status: 500 },
        FaultKind::RateLimit { retry_after_s: 0 },
    ] {
        let shop = Shop::newest().await;
        let order = shop.order().await;
        shop.fail("POST", SESSIONS, kind.clone());
        let first = shop.opened(&order).await;
        let second = shop.opened(&order).await;
        assert_eq!(first.id, second.id, "{kind:?}");
        assert_eq!(count(&shop.sandbox, SESSIONS).await, 1, "{kind:?}");
    }
}

#[tokio::test]
async fn a_session_is_found_after_its_key_was_forgotten() {
    let shop = Shop::newest().await;
    let order = shop.order().await;
    let session = shop.opened(&order).await;
    shop.sandbox.advance(Duration::from_hours(49));
    assert_eq!(shop.opened(&order).await.id, session.id);
    let read = shop.provider.session(&session.id).await.unwrap().unwrap();
    assert_eq!(read.status, SessionStatus::Expired);
    let expired = shop
        .events()
        .into_iter()
        .find_map(|(_, event)| match event {
            ProviderEvent::CheckoutExpired(Payload::Read(session)) => Some(session),
            _ => None,
        });
    assert_eq!(expired.unwrap().intent_id, Some(our_intent()));
}

#[tokio::test]
async fn one_owner_is_one_customer_whatever_happens_to_the_answers() {
    for kind in [
        FaultKind::CutAfter,
        FaultKind::FailAfter { status: 502 },
        FaultKind::FailBefore { status: 500 },
    ] {
        let shop = Shop::newest().await;
        shop.fail("POST", CUSTOMERS, kind.clone());
        let first = shop
            .provider
            .ensure_customer(&customer_order())
            .await
            .unwrap();
        let second = shop
            .provider
            .ensure_customer(&customer_order())
            .await
            .unwrap();
        shop.sandbox.advance(Duration::from_hours(49));
        let late = shop
            .provider
            .ensure_customer(&customer_order())
            .await
            .unwrap();
        assert_eq!((&first, &first), (&second, &late), "{kind:?}");
        assert_eq!(count(&shop.sandbox, CUSTOMERS).await, 1, "{kind:?}");
    }
}

#[tokio::test]
async fn a_closed_page_cannot_be_paid_and_closing_again_is_harmless() {
    let shop = Shop::newest().await;
    let session = shop.opened(&shop.order().await).await;
    for _ in 0..2 {
        shop.provider.expire_session(&session.id).await.unwrap();
    }
    let read = shop.provider.session(&session.id).await.unwrap().unwrap();
    assert_eq!(read.status, SessionStatus::Expired);
    let unknown = ProviderRef::parse("cs_test_none").unwrap();
    shop.provider.expire_session(&unknown).await.unwrap();
}

#[tokio::test]
async fn a_price_that_is_not_sold_any_more_is_a_final_no() {
    let shop = Shop::newest().await;
    let order = shop.order().await;
    let path = format!("/v1/prices/{}", shop.price.id);
    post(&shop.sandbox, &path, "active=false").await;
    let outcome = shop.provider.open_checkout(&order).await.unwrap();
    assert!(
        matches!(outcome, CheckoutOutcome::Refused { .. }),
        "{outcome:?}"
    );
}

#[tokio::test]
async fn a_custom_page_has_a_secret_and_no_address() {
    let shop = Shop::newest().await;
    let mut order = shop.order().await;
    order.request.ui = CheckoutUi::Custom;
    order.request.trial_days = 14;
    let session = shop.opened(&order).await;
    assert!(session.client_secret.is_some());
    assert_eq!(session.url, None);
}

#[tokio::test]
async fn what_is_not_known_is_an_error_that_may_be_retried() {
    let shop = Shop::newest().await;
    let order = shop.order().await;
    let hasty = provider(&shop.sandbox, 0, None);
    shop.fail("POST", SESSIONS, FaultKind::RateLimit { retry_after_s: 60 });
    let limited = hasty.open_checkout(&order).await.unwrap_err();
    assert!(matches!(
        limited,
        ProviderError::RateLimited {
            retry_after: Some(_)
        }
    ));

    shop.sandbox.set_offline(true);
    let offline = hasty.open_checkout(&order).await.unwrap_err();
    assert!(
        matches!(offline, ProviderError::Unreachable(_)),
        "{offline:?}"
    );
    shop.sandbox.set_offline(false);
    shop.opened(&order).await;
}
