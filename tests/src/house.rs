//! The whole service over a real database, with the sandbox as Stripe, everything over real HTTP.
//! Nothing runs by itself: deliveries and workers take their turns by a call.

use billing_app::demo::DemoArgs;
use billing_app::demo::world::World;
use billing_seaorm::testing::TestDatabase;
use reqwest::{Method, RequestBuilder, StatusCode};
use serde_json::{Value, json};

/// A service, its Stripe, its database.
pub struct House {
    /// Service, sandbox, credentials.
    pub world: World,
    /// For looking into tables; dropped last, since it takes the database with it.
    pub database: TestDatabase,
    _folder: tempfile::TempDir,
}

/// An answer, taken apart.
#[derive(Debug)]
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: reqwest::header::HeaderMap,
    /// The body, or null where it is not JSON.
    pub body: Value,
    /// The body as it came.
    pub text: String,
}

impl Answer {
    /// The stable code of a problem.
    pub fn code(&self) -> &str {
        self.body["code"].as_str().unwrap_or_default()
    }

    /// A text of the body by its JSON pointer.
    ///
    /// # Panics
    /// If it is not there.
    pub fn text_at(&self, pointer: &str) -> String {
        let value = self.body.pointer(pointer).and_then(Value::as_str);
        value
            .unwrap_or_else(|| panic!("no text at {pointer} in {}", self.text))
            .to_owned()
    }
}

/// The body of a purchase.
pub fn purchase(slug: &str, quantity: u32) -> Value {
    json!({
        "admin_email": "ada@acme.example",
        "enterprise_slug": slug,
        "company_name": format!("The {slug} company"),
        "quantity": quantity,
        "lookup_key": "team_yearly",
    })
}

impl House {
    /// A house on each database that this machine has: SQLite always, PostgreSQL where it is.
    pub async fn every() -> Vec<Self> {
        let mut houses = Vec::new();
        for database in TestDatabase::every().await {
            houses.push(Self::on(database).await);
        }
        houses
    }

    /// A house on one database.
    ///
    /// # Panics
    /// If it does not start.
    pub async fn on(database: TestDatabase) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let args = DemoArgs {
            auto: true,
            port: 0,
            sandbox_port: 0,
            data: None,
            database_url: Some(database.config().url),
            seed: 42,
            quantity: 10,
        };
        let world = World::start(&args, folder.path()).await;
        let world = world.unwrap_or_else(|failure| panic!("{}", failure.message));
        Self {
            world,
            database,
            _folder: folder,
        }
    }

    /// The same house, whose service believes another webhook secret as well.
    ///
    /// # Panics
    /// If it does not start again.
    pub async fn believing(self, secret: String) -> Self {
        let world = self.world.believing(secret).await;
        let world = world.unwrap_or_else(|failure| panic!("{}", failure.message));
        Self { world, ..self }
    }

    /// What the house stands on.
    pub fn name(&self) -> &'static str {
        self.database.name()
    }

    /// A request to the service.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.world
            .http
            .request(method, format!("{}{path}", self.world.service_url))
    }

    /// Sends a request.
    ///
    /// # Panics
    /// If there is no answer.
    pub async fn send(&self, request: RequestBuilder) -> Answer {
        let answer = request.send().await.expect("the service answers");
        let (status, headers) = (answer.status(), answer.headers().clone());
        let text = answer.text().await.expect("the answer has a body");
        let body = serde_json::from_str(&text).unwrap_or(Value::Null);
        Answer {
            status,
            headers,
            body,
            text,
        }
    }

    /// Asks for a checkout page as somebody.
    pub async fn checkout(&self, token: &str, key: &str, body: &Value) -> Answer {
        let request = self
            .request(Method::POST, "/api/v1/customer-billing/checkout-session")
            .bearer_auth(token)
            .header("Idempotency-Key", key)
            .json(body);
        self.send(request).await
    }

    /// Pays a session at the sandbox.
    ///
    /// # Panics
    /// If the card is declined.
    pub fn pay(&self, session: &str) {
        let paid = self.world.sandbox.pay_checkout(session, "4242424242424242");
        let paid = paid.expect("the sandbox has the session");
        assert_eq!(paid["status"], "complete", "{paid}");
    }

    /// Lets workers take turns until nothing is due.
    ///
    /// # Panics
    /// If they cannot.
    pub async fn drain(&self) {
        self.world
            .service
            .application
            .workers
            .drain()
            .await
            .expect("nothing fails");
    }

    /// The intent as its owner sees it.
    pub async fn intent(&self, id: &str) -> Answer {
        let request = self.request(Method::GET, &format!("/api/v1/checkout-intents/{id}"));
        self.send(request.bearer_auth(&self.world.credentials.buyer))
            .await
    }

    /// A list at the sandbox, as Stripe answers it.
    ///
    /// # Panics
    /// If the sandbox does not answer.
    pub async fn at_stripe(&self, path: &str) -> Vec<Value> {
        let sandbox = &self.world.sandbox;
        let request = self
            .world
            .http
            .get(format!("{}{path}", sandbox.url()))
            .bearer_auth(sandbox.secret_key());
        let answer = self.send(request).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
        answer.body["data"]
            .as_array()
            .expect("a list has data")
            .clone()
    }

    /// Stops the service and the sandbox.
    pub async fn stop(self) {
        // The database goes away with the house; what could not be stopped goes with it.
        let _ = self.world.stop().await;
    }
}
