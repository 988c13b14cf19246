//! What the program is started with: a sandbox with one product, a folder with a database, tokens;
//! and one sale, step by step, over HTTP.

use std::ops::Deref;
use std::path::PathBuf;
use std::time::Duration;

use billing_app::clock::SystemClock;
use billing_app::demo::credentials::{AUDIENCE, ISSUER, token};
use billing_app::demo::world::form_encoded;
use billing_domain::kernel::ports::Clock;
use billing_sandbox::{Sandbox, SandboxConfig, SignedDelivery, WebhookConfig};
use billing_seaorm::testing::TestDatabase;
use reqwest::{Client, Response, StatusCode};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::time::{Instant, MissedTickBehavior, interval};

use crate::program::{DEADLINE, Running, program};

/// What signs tokens in these tests.
pub(crate) const BEARER_SECRET: &str = "a-secret-of-these-tests-with-32-characters";
pub(crate) const LOOKUP_KEY: &str = "team_yearly";

const PLAN: &str = r#"
[[product]]
kind = "licence_pack"
name = "Team licences"
lookup_key = "team_yearly"
feature_codes = ["reports.export"]
"#;

/// Everything but the program.
pub(crate) struct Stage {
    pub(crate) sandbox: Sandbox,
    pub(crate) http: Client,
    pub(crate) folder: TempDir,
    /// What Stripe has sent and was not answered 200.
    unanswered: Vec<SignedDelivery>,
    /// The test's own eyes on the database, where it is not the folder's file.
    pub(crate) database: Option<TestDatabase>,
    settings: Vec<(&'static str, String)>,
}

impl Stage {
    pub(crate) async fn new() -> Self {
        let sandbox = Sandbox::start(SandboxConfig {
            auto_deliver: false,
            webhook: Some(WebhookConfig {
                // The address changes with each start, so the test carries the deliveries.
                url: "http://127.0.0.1:9/".to_owned(),
                secret: None,
                api_version: None,
            }),
            ..SandboxConfig::default()
        })
        .await
        .unwrap();
        let http = Client::builder()
            .timeout(DEADLINE)
            .no_proxy()
            .build()
            .unwrap();
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("products.toml"), PLAN).unwrap();
        let mut stage = Self {
            sandbox,
            http,
            folder,
            unanswered: Vec::new(),
            database: None,
            settings: Vec::new(),
        };
        stage.settings = stage.default_settings();
        let product = stage
            .stripe_post("/v1/products", &[("name", "Team licences")])
            .await;
        let price = [
            ("product", product["id"].as_str().unwrap()),
            ("currency", "usd"),
            ("unit_amount", "12000"),
            ("recurring[interval]", "year"),
            ("lookup_key", LOOKUP_KEY),
        ];
        stage.stripe_post("/v1/prices", &price).await;
        stage
    }

    /// On a database that the test looks into, which has its tables.
    pub(crate) async fn on(database: TestDatabase) -> Self {
        let mut stage = Self::new().await;
        stage.set("DATABASE_URL", &database.config().url);
        stage.database = Some(database);
        stage
    }

    fn default_settings(&self) -> Vec<(&'static str, String)> {
        let database = format!("sqlite://{}", self.path("billing.db").display());
        let plan = self.path("products.toml").display().to_string();
        let webhook_secret = self.sandbox.webhook_secret().unwrap().to_owned();
        vec![
            ("DATABASE_URL", database),
            ("BIND_ADDR", "127.0.0.1:0".to_owned()),
            ("BILLING_ENABLED", "true".to_owned()),
            ("STRIPE_SECRET_KEY", self.sandbox.secret_key().to_owned()),
            ("STRIPE_WEBHOOK_SECRET", webhook_secret),
            ("STRIPE_API_BASE", self.sandbox.url().to_owned()),
            ("TRIAL_PERIOD_DAYS", "0".to_owned()),
            ("PLAN_CATALOG_FILE", plan),
            ("BEARER_ISSUER", ISSUER.to_owned()),
            ("BEARER_AUDIENCE", AUDIENCE.to_owned()),
            ("BEARER_HS256_SECRET", BEARER_SECRET.to_owned()),
        ]
    }

    /// A path in the stage's folder.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Every start from now on has this setting.
    pub(crate) fn set(&mut self, key: &'static str, value: &str) {
        self.unset(key);
        self.settings.push((key, value.to_owned()));
    }

    /// Every start from now on is without this setting.
    pub(crate) fn unset(&mut self, key: &'static str) {
        self.settings.retain(|(known, _)| *known != key);
    }

    pub(crate) fn settings(&self) -> Vec<(&'static str, String)> {
        self.settings.clone()
    }

    /// Starts `serve` and waits until it is ready.
    pub(crate) fn serve(&self) -> Serving {
        let running = Running::start(program(&["serve"], self.settings()));
        let rest = running.line("ready on ");
        let url = rest.split(' ').next().unwrap_or_default().to_owned();
        let client = ApiClient {
            url,
            http: self.http.clone(),
        };
        Serving { running, client }
    }

    /// Stripe sends what it has to say, and again what was not answered 200; gives how many were.
    pub(crate) async fn deliver(&mut self, serving: &Serving) -> usize {
        self.unanswered
            .extend(self.sandbox.take_pending_deliveries());
        let mut answered = 0;
        for delivery in std::mem::take(&mut self.unanswered) {
            let answer = serving.webhook(&delivery).await;
            if answer.is_ok_and(|answer| answer.status() == StatusCode::OK) {
                answered += 1;
            } else {
                self.unanswered.push(delivery);
            }
        }
        answered
    }

    /// Whether everything that was sent had its 200.
    pub(crate) fn has_no_unanswered(&self) -> bool {
        self.unanswered.is_empty()
    }

    /// Sends the first delivery that has no 200 yet and does not wait for the answer.
    pub(crate) async fn begin_delivery(&mut self, serving: &Serving) {
        self.unanswered
            .extend(self.sandbox.take_pending_deliveries());
        for delivery in self.unanswered.clone() {
            let sending = serving.webhook(&delivery);
            // Long enough to be sent on this machine, rarely long enough to be answered.
            let _ = tokio::time::timeout(Duration::from_millis(2), sending).await;
        }
    }

    /// How many objects of a kind Stripe has.
    pub(crate) async fn stripe_list(&self, path: &str) -> Vec<Value> {
        let answer = self
            .http
            .get(format!("{}{path}?limit=100", self.sandbox.url()))
            .bearer_auth(self.sandbox.secret_key())
            .send()
            .await
            .unwrap();
        let list: Value = answer.json().await.unwrap();
        list["data"].as_array().expect("a list has data").clone()
    }

    pub(crate) async fn stripe_post(&self, path: &str, form: &[(&str, &str)]) -> Value {
        let answer = self
            .http
            .post(format!("{}{path}", self.sandbox.url()))
            .bearer_auth(self.sandbox.secret_key())
            .header("Content-Type", "application/x-www-form-urlencoded")
            .body(form_encoded(form))
            .send()
            .await
            .unwrap();
        assert_eq!(answer.status(), StatusCode::OK);
        answer.json().await.unwrap()
    }

    /// Waits until every fault has hit a request: with a delay, that request is under way then.
    pub(crate) async fn faults_are_used_up(&self) {
        eventually("the faults are used up", async || {
            let url = format!("{}/sandbox/faults", self.sandbox.url());
            let faults: Value = self.http.get(url).send().await.ok()?.json().await.ok()?;
            faults["data"].as_array()?.is_empty().then_some(())
        })
        .await;
    }
}

/// The program while it serves.
pub(crate) struct Serving {
    pub(crate) running: Running,
    client: ApiClient,
}

impl Serving {
    /// Calls it, also from another task.
    pub(crate) fn client(&self) -> ApiClient {
        self.client.clone()
    }

    /// A power cut.
    pub(crate) fn kill(self) -> String {
        self.running.kill()
    }
}

impl Deref for Serving {
    type Target = ApiClient;

    fn deref(&self) -> &ApiClient {
        &self.client
    }
}

/// Calls the API.
#[derive(Clone)]
pub(crate) struct ApiClient {
    pub(crate) url: String,
    pub(crate) http: Client,
}

/// An answer that was read to its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).expect("every answer of the API is JSON")
    }
}

impl ApiClient {
    /// Asks for ten licences, as the buyer.
    pub(crate) async fn buy(&self, key: &str) -> Option<Answer> {
        let body = json!({
            "admin_email": "ada@acme.example",
            "enterprise_slug": "acme",
            "company_name": "Acme",
            "quantity": 10,
            "lookup_key": LOOKUP_KEY,
        });
        let request = self
            .http
            .post(self.api("/customer-billing/checkout-session"))
            .bearer_auth(buyer())
            .header("Idempotency-Key", key)
            .json(&body);
        let answer = request.send().await.ok()?;
        let status = answer.status();
        let body = answer.text().await.ok()?;
        Some(Answer { status, body })
    }

    /// Repeats the same request until it is answered 201, as a client does that lost an answer.
    pub(crate) async fn buy_until_created(&self, key: &str) -> Answer {
        eventually("the checkout is created", async || {
            let answer = self.buy(key).await?;
            let is_worth_a_repeat =
                answer.status.is_server_error() || answer.status == StatusCode::CONFLICT;
            assert!(
                answer.status == StatusCode::CREATED || is_worth_a_repeat,
                "{answer:?}"
            );
            (answer.status == StatusCode::CREATED).then_some(answer)
        })
        .await
    }

    /// Sends an event exactly as Stripe would.
    pub(crate) async fn webhook(&self, delivery: &SignedDelivery) -> reqwest::Result<Response> {
        let mut request = self.http.post(self.api("/webhooks/stripe"));
        for (name, value) in &delivery.headers {
            request = request.header(name, value);
        }
        request.body(delivery.body.clone()).send().await
    }

    /// Reads as the buyer.
    pub(crate) async fn get(&self, path: &str) -> Answer {
        let request = self.http.get(self.api(path)).bearer_auth(buyer());
        let answer = request.send().await.unwrap();
        let status = answer.status();
        let body = answer.text().await.unwrap();
        Answer { status, body }
    }

    pub(crate) async fn state(&self, intent_id: &str) -> String {
        let intent = self.get(&format!("/checkout-intents/{intent_id}")).await;
        assert_eq!(intent.status, StatusCode::OK, "{}", intent.body);
        intent.json()["state"].as_str().unwrap().to_owned()
    }

    /// Waits until everything that was bought exists; gives the intent.
    pub(crate) async fn fulfilled(&self, intent_id: &str) -> Value {
        eventually("the intent is fulfilled", async || {
            let intent = self.get(&format!("/checkout-intents/{intent_id}")).await;
            let intent = intent.json();
            (intent["state"] == "fulfilled").then_some(intent)
        })
        .await
    }

    pub(crate) fn api(&self, path: &str) -> String {
        format!("{}/api/v1{path}", self.url)
    }
}

/// The buyer's token.
pub(crate) fn buyer() -> String {
    let now = SystemClock.now();
    token(BEARER_SECRET, "ada", "ada@acme.example", &[], now).expect("the claims are plain")
}

/// The token of the one who gets a licence.
pub(crate) fn learner() -> String {
    let now = SystemClock.now();
    token(BEARER_SECRET, "grace", "grace@acme.example", &[], now).expect("the claims are plain")
}

/// Asks again and again until there is an answer, or fails at the deadline.
pub(crate) async fn eventually<T>(what: &str, ask: impl AsyncFn() -> Option<T>) -> T {
    let deadline = Instant::now() + DEADLINE;
    let mut ticks = interval(Duration::from_millis(20));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        if let Some(found) = ask().await {
            return found;
        }
        assert!(Instant::now() < deadline, "not within {DEADLINE:?}: {what}");
    }
}
