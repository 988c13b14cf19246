//! The service under test, and how a test talks to it.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration as StdDuration;

use actix_web::body::{BoxBody, to_bytes};
use actix_web::dev::Service as _;
use actix_web::http::{Method, StatusCode, header::HeaderMap};
use actix_web::test::TestRequest;
use actix_web::web::Data;
use async_trait::async_trait;
use billing_actix::{
    AppState, BearerConfig, BearerKey, EventUseCases, HttpConfig, Readiness, ReadinessCheck,
    Sha256KeyHasher, UseCases, app,
};
use billing_domain::access::authenticate_app::AuthenticateApp;
use billing_domain::access::issue_api_key::IssueApiKey;
use billing_domain::access::ports::KeyHasher;
use billing_domain::access::register_user::RegisterUser;
use billing_domain::checkout::amend_intent::AmendIntent;
use billing_domain::checkout::create_intent::CreateIntent;
use billing_domain::checkout::open_requested_checkout::OpenRequestedCheckout;
use billing_domain::checkout::policy::CheckoutPolicy;
use billing_domain::checkout::read_intents::ReadIntents;
use billing_domain::checkout::start_checkout::StartCheckout;
use billing_domain::checkout::sync_checkout::SyncCheckout;
use billing_domain::customers::ensure_customer::EnsureCustomer;
use billing_domain::entitlements::check_entitlement::CheckEntitlement;
use billing_domain::kernel::ports::Core;
use billing_domain::kernel::text::CountryCode;
use billing_domain::kernel::timestamp::Timestamp;
use billing_domain::licensing::activate_license::ActivateLicense;
use billing_domain::licensing::assign_licenses::AssignLicenses;
use billing_domain::licensing::read_licenses::ReadLicenses;
use billing_domain::licensing::revoke_license::RevokeLicense;
use billing_domain::provider_events::handoff::Handoff;
use billing_domain::provider_events::observer::Unobserved;
use billing_domain::provider_events::ports::EventLog;
use billing_domain::provider_events::receive_webhook::ReceiveWebhook;
use billing_domain::provisioning::retry_provisioning::RetryProvisioning;
use billing_domain::provisioning::run_provisioning::RunProvisioning;
use billing_domain::testing::fixtures::World;
use billing_domain::testing::{FakeProvider, FakeWebhooks, Faults, MemoryStore};
use jsonwebtoken::{EncodingKey, Header};
use serde_json::{Value, json};
use time::Duration;

use crate::metrics::FixedMetrics;

pub(crate) const SECRET: &str = "0123456789abcdef0123456789abcdef";
pub(crate) const OPERATOR_KEY: &str = "op_the_operators_own_key";
pub(crate) const ISSUER: &str = "https://issuer.example";
pub(crate) const AUDIENCE: &str = "billing";

/// How the readiness port behaves, which stands for any port that a route calls.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) enum Mood {
    #[default]
    Ready,
    Broken,
    Panics,
    Hangs,
}

/// What `/ready` is told.
#[derive(Default)]
pub(crate) struct Switch(Mutex<Mood>);

impl Switch {
    pub(crate) fn turn(&self, mood: Mood) {
        *self.0.lock().unwrap() = mood;
    }
}

#[async_trait]
impl Readiness for Switch {
    async fn checks(&self) -> Vec<ReadinessCheck> {
        let mood = *self.0.lock().unwrap();
        let is_ready = match mood {
            Mood::Ready => true,
            Mood::Broken => false,
            Mood::Panics => panic!("a panic on purpose"),
            Mood::Hangs => std::future::pending().await,
        };
        vec![ReadinessCheck {
            name: "database",
            is_ready,
            detail: "answers within a second".to_owned(),
        }]
    }
}

pub(crate) struct Service {
    pub(crate) world: World,
    pub(crate) store: MemoryStore,
    pub(crate) faults: Faults,
    pub(crate) provider: FakeProvider,
    pub(crate) webhooks: FakeWebhooks,
    pub(crate) readiness: Arc<Switch>,
    pub(crate) wakes: Arc<AtomicU32>,
    pub(crate) core: Core,
    pub(crate) state: Data<AppState>,
}

/// A request in the making.
pub(crate) struct Call {
    method: Method,
    path: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

/// An answer as it came.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("not JSON: {}", self.body))
    }

    pub(crate) fn code(&self) -> String {
        assert_eq!(
            self.header("content-type"),
            "application/problem+json",
            "{}",
            self.body
        );
        let body = self.json();
        assert_eq!(body["status"], self.status);
        assert_eq!(body["request_id"], self.header("x-request-id"));
        body["code"].as_str().unwrap().to_owned()
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        let found = self.headers.iter().find(|(known, _)| known == name);
        found.map_or("", |(_, value)| value)
    }
}

pub(crate) fn get(path: &str) -> Call {
    Call::new(Method::GET, path)
}

pub(crate) fn post(path: &str, body: &Value) -> Call {
    Call::new(Method::POST, path).json(body)
}

pub(crate) fn patch(path: &str, body: &Value) -> Call {
    Call::new(Method::PATCH, path).json(body)
}

impl Call {
    pub(crate) fn new(method: Method, path: &str) -> Self {
        let (path, headers, body) = (path.to_owned(), Vec::new(), Vec::new());
        Self {
            method,
            path,
            headers,
            body,
        }
    }

    pub(crate) fn json(self, body: &Value) -> Self {
        let body = body.to_string();
        self.header("Content-Type", "application/json")
            .raw(body.into_bytes())
    }

    pub(crate) fn raw(mut self, body: Vec<u8>) -> Self {
        self.body = body;
        self
    }

    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(crate) fn by(self, name: &str) -> Self {
        let token = mint(&claims(name));
        self.header("Authorization", &format!("Bearer {token}"))
    }

    pub(crate) fn by_operator(self) -> Self {
        self.header("X-Operator-Key", OPERATOR_KEY)
    }

    pub(crate) fn with_key(self, key: &str) -> Self {
        self.header("Idempotency-Key", key)
    }

    fn into_request(self) -> TestRequest {
        let mut request = TestRequest::with_uri(&self.path).method(self.method);
        for (name, value) in self.headers {
            request = request.append_header((name, value));
        }
        request.peer_addr(PEER).set_payload(self.body)
    }
}

/// Where every call comes from.
const PEER: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 7)), 4711);

/// Claims that the service believes for an hour.
pub(crate) fn claims(name: &str) -> Value {
    let now = 1_767_225_600; // where the manual clock begins
    json!({
        "sub": name, "iss": ISSUER, "aud": AUDIENCE, "exp": now + 3_600,
        "email": format!("{name}@example.com"),
    })
}

pub(crate) fn mint(claims: &Value) -> String {
    let key = EncodingKey::from_secret(SECRET.as_bytes());
    jsonwebtoken::encode(&Header::default(), claims, &key).unwrap()
}

impl Service {
    pub(crate) async fn new() -> Self {
        Self::configured(|_| {}).await
    }

    pub(crate) async fn configured(configure: impl FnOnce(&mut HttpConfig)) -> Self {
        Self::with(configure, |_, _| {}).await
    }

    pub(crate) async fn with(
        configure: impl FnOnce(&mut HttpConfig),
        replace: impl FnOnce(&MemoryStore, &mut UseCases),
    ) -> Self {
        let world = World::new(7);
        let faults = Faults::new();
        let store = MemoryStore::with_faults(faults.clone());
        let provider = FakeProvider::new(world.clock.clone());
        provider.add_price(world.provider_price());
        let webhooks = FakeWebhooks::new();
        world.seed(&store).await;
        let core = Core {
            writer: Arc::new(store.clone()),
            clock: Arc::new(world.clock.clone()),
            ids: Arc::new(world.ids.clone()),
        };
        let readiness = Arc::new(Switch::default());
        let wakes = Arc::new(AtomicU32::new(0));
        let mut config = HttpConfig {
            is_billing_enabled: true,
            is_stripe_configured: true,
            request_timeout: StdDuration::from_secs(20),
            operator_key_hash: Some(Sha256KeyHasher.hash(OPERATOR_KEY)),
            bearer: Some(BearerConfig {
                issuer: ISSUER.to_owned(),
                audience: AUDIENCE.to_owned(),
                keys: vec![BearerKey::hs256(&SECRET.into()).unwrap()],
                leeway_seconds: 30,
                project: world.project.id,
            }),
            ..HttpConfig::default()
        };
        configure(&mut config);
        let mut use_cases = use_cases(&core, &store, &provider, &webhooks, &readiness, &wakes);
        replace(&store, &mut use_cases);
        let state = Data::new(AppState::new(use_cases, config));
        Self {
            world,
            store,
            faults,
            provider,
            webhooks,
            readiness,
            wakes,
            core,
            state,
        }
    }

    pub(crate) async fn send(&self, call: Call) -> Answer {
        self.send_all(vec![call]).await.remove(0)
    }

    /// Sends requests at once to one application.
    pub(crate) async fn send_all(&self, calls: Vec<Call>) -> Vec<Answer> {
        let app = actix_web::test::init_service(app(self.state.clone())).await;
        let sent = calls.into_iter().map(|call| {
            let answered = app.call(call.into_request().to_request());
            async move {
                match answered.await {
                    Ok(response) => answer(response.into_parts().1).await,
                    Err(error) => answer(error.error_response()).await,
                }
            }
        });
        futures_util::future::join_all(sent).await
    }

    /// An application's key of the world's project.
    pub(crate) async fn api_key(&self, project: &str) -> String {
        let issue = IssueApiKey {
            core: self.core.clone(),
            access: Arc::new(self.store.clone()),
            hasher: Arc::new(Sha256KeyHasher),
        };
        let title = |text| billing_domain::testing::fixtures::title(text);
        issue
            .run(&title(project), &title("Web"), None)
            .await
            .unwrap()
            .secret
    }

    /// Runs every workflow that is due.
    pub(crate) async fn provision(&self) {
        let store = Arc::new(self.store.clone());
        let run = RunProvisioning {
            core: self.core.clone(),
            workflows: store.clone(),
            intents: store.clone(),
            tenants: store.clone(),
            licensing: store.clone(),
            catalog: store.clone(),
            subscriptions: store.clone(),
            users: store,
        };
        run.run_due().await.unwrap();
    }

    pub(crate) fn wake_count(&self) -> u32 {
        self.wakes.load(Ordering::SeqCst)
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.world.now()
    }
}

async fn answer(response: actix_web::HttpResponse<BoxBody>) -> Answer {
    let status: StatusCode = response.status();
    let headers = texts(response.headers());
    let body = to_bytes(response.into_body()).await.unwrap();
    Answer {
        status: status.as_u16(),
        headers,
        body: String::from_utf8_lossy(&body).into_owned(),
    }
}

fn texts(headers: &HeaderMap) -> Vec<(String, String)> {
    let text = |value: &actix_web::http::header::HeaderValue| value.to_str().unwrap().to_owned();
    headers
        .iter()
        .map(|(name, value)| (name.to_string(), text(value)))
        .collect()
}

pub(crate) fn policy() -> CheckoutPolicy {
    CheckoutPolicy {
        embargoed_countries: [CountryCode::parse("KP").unwrap()].into(),
        reservation: Duration::hours(24),
        trial_days: 14,
        success_url: "https://billing.example/checkout/success?session_id={CHECKOUT_SESSION_ID}"
            .to_owned(),
        cancel_url: "https://billing.example/checkout/cancel".to_owned(),
        redirect_allowlist: vec!["https://shop.example".to_owned()],
    }
}

fn receiver(core: &Core, store: &Arc<MemoryStore>, webhooks: &FakeWebhooks) -> ReceiveWebhook {
    ReceiveWebhook {
        core: core.clone(),
        verifier: Arc::new(webhooks.clone()),
        inbox: store.clone(),
        observer: Arc::new(Unobserved),
        handoff: Arc::new(Handoff::new(0)),
    }
}

fn use_cases(
    core: &Core,
    store: &MemoryStore,
    provider: &FakeProvider,
    webhooks: &FakeWebhooks,
    readiness: &Arc<Switch>,
    wakes: &Arc<AtomicU32>,
) -> UseCases {
    let (core, store) = (core.clone(), Arc::new(store.clone()));
    let events: Arc<dyn EventLog> = store.clone();
    let provider = Arc::new(provider.clone());
    let policy = Arc::new(policy());
    let wakes = wakes.clone();
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
    UseCases {
        create_intent: create_intent.clone(),
        start_checkout: Arc::new(StartCheckout {
            core: core.clone(),
            intents: store.clone(),
            catalog: store.clone(),
            create_intent,
            open_requested: Arc::new(OpenRequestedCheckout {
                core: core.clone(),
                intents: store.clone(),
                customers,
                provider: provider.clone(),
            }),
            provider: provider.clone(),
            policy: policy.clone(),
        }),
        sync_checkout: Arc::new(SyncCheckout {
            core: core.clone(),
            intents: store.clone(),
            provider,
        }),
        amend_intent: Arc::new(AmendIntent {
            core: core.clone(),
            intents: store.clone(),
            policy,
        }),
        read_intents: Arc::new(ReadIntents {
            intents: store.clone(),
            listing: store.clone(),
        }),
        receive_webhook: Arc::new(receiver(&core, &store, webhooks)),
        provider_events: EventUseCases::of(&core, &events),
        retry_provisioning: Arc::new(RetryProvisioning {
            core: core.clone(),
            workflows: store.clone(),
        }),
        assign_licenses: Arc::new(AssignLicenses {
            core: core.clone(),
            licenses: store.clone(),
            tenants: store.clone(),
        }),
        activate_license: Arc::new(ActivateLicense {
            core: core.clone(),
            licenses: store.clone(),
            catalog: store.clone(),
        }),
        revoke_license: Arc::new(RevokeLicense {
            core: core.clone(),
            licenses: store.clone(),
            tenants: store.clone(),
            entitlements: store.clone(),
        }),
        read_licenses: Arc::new(ReadLicenses {
            licenses: store.clone(),
            licensing: store.clone(),
            tenants: store.clone(),
        }),
        check_entitlement: Arc::new(CheckEntitlement {
            clock: core.clock.clone(),
            users: store.clone(),
            entitlements: store.clone(),
        }),
        authenticate_app: Arc::new(AuthenticateApp {
            clock: core.clock.clone(),
            access: store.clone(),
            hasher: Arc::new(Sha256KeyHasher),
        }),
        register_user: Arc::new(RegisterUser {
            core: core.clone(),
            users: store.clone(),
        }),
        answers: store,
        clock: core.clock,
        ids: core.ids,
        readiness: readiness.clone(),
        metrics: Arc::new(FixedMetrics),
        wake_workers: Arc::new(move || {
            wakes.fetch_add(1, Ordering::SeqCst);
        }),
    }
}
