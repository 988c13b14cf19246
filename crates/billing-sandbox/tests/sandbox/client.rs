//! A small client for the tests: forms out, JSON in, and a shop with a product.

use std::fmt::Write;

use billing_sandbox::{ClockStart, Sandbox, SandboxConfig};
use serde_json::Value;

pub(crate) const START: i64 = 1_790_000_000;
pub(crate) const NEWEST: &str = "2026-10-28.endive";

pub(crate) struct Client {
    pub(crate) sandbox: Sandbox,
    pub(crate) http: reqwest::Client,
    pub(crate) key: String,
}

pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: reqwest::header::HeaderMap,
    pub(crate) text: String,
    pub(crate) json: Value,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().unwrap())
    }

    pub(crate) fn message(&self) -> &str {
        self.json["error"]["message"].as_str().unwrap_or_default()
    }

    pub(crate) fn id(&self) -> String {
        assert_eq!(self.status, 200, "{}", self.text);
        self.json["id"].as_str().unwrap().to_owned()
    }
}

pub(crate) fn config() -> SandboxConfig {
    SandboxConfig {
        clock: ClockStart::Fixed(START),
        auto_deliver: false,
        check_shapes: true,
        ..SandboxConfig::default()
    }
}

pub(crate) fn encoded(text: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"[]-_.".contains(&byte) {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

pub(crate) fn form(fields: &[(&str, &str)]) -> String {
    let pairs: Vec<String> = fields
        .iter()
        .map(|(n, v)| format!("{}={}", encoded(n), encoded(v)))
        .collect();
    pairs.join("&")
}

/// Whatever a test does, what it was answered has to have Stripe's shape in every version.
impl Drop for Client {
    fn drop(&mut self) {
        let violations = self.sandbox.shape_violations();
        assert!(
            violations.is_empty() || std::thread::panicking(),
            "shapes that are not Stripe's:\n{}",
            violations.join("\n")
        );
    }
}

impl Client {
    pub(crate) async fn start() -> Self {
        Self::with(config()).await
    }

    pub(crate) async fn with(config: SandboxConfig) -> Self {
        let sandbox = Sandbox::start(config).await.unwrap();
        let http = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .build()
            .unwrap();
        let key = sandbox.secret_key().to_owned();
        Self { sandbox, http, key }
    }

    /// Lets this many seconds pass.
    pub(crate) fn pass(&self, seconds: u64) {
        self.sandbox
            .advance(std::time::Duration::from_secs(seconds));
    }

    pub(crate) fn request(&self, method: &str, path: &str) -> reqwest::RequestBuilder {
        let method = method.parse().unwrap();
        self.http
            .request(method, format!("{}{path}", self.sandbox.url()))
            .bearer_auth(&self.key)
    }

    pub(crate) async fn answer(request: reqwest::RequestBuilder) -> Answer {
        let response = request.send().await.unwrap();
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let text = response.text().await.unwrap();
        let json = serde_json::from_str(&text).unwrap_or(Value::Null);
        Answer {
            status,
            headers,
            text,
            json,
        }
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        Self::answer(self.request("GET", path)).await
    }

    pub(crate) async fn get_as(&self, version: &str, path: &str) -> Answer {
        Self::answer(self.request("GET", path).header("stripe-version", version)).await
    }

    pub(crate) async fn post(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        Self::answer(self.request("POST", path).body(form(fields))).await
    }

    /// A product with a price of 10.00 USD a month, by its price id.
    pub(crate) async fn monthly_price(&self) -> String {
        let product = self.post("/v1/products", &[("name", "Pro")]).await.id();
        let fields = [
            ("product", product.as_str()),
            ("currency", "usd"),
            ("unit_amount", "1000"),
            ("recurring[interval]", "month"),
            ("lookup_key", "pro_monthly"),
        ];
        self.post("/v1/prices", &fields).await.id()
    }

    pub(crate) async fn one_time_price(&self) -> String {
        let fields = [
            ("product_data[name]", "Pack"),
            ("currency", "usd"),
            ("unit_amount", "1500"),
        ];
        self.post("/v1/prices", &fields).await.id()
    }

    pub(crate) async fn session(&self, mode: &str, price: &str, more: &[(&str, &str)]) -> Answer {
        let mut fields = vec![
            ("mode", mode),
            (
                "success_url",
                "http://shop.test/done?session={CHECKOUT_SESSION_ID}",
            ),
            ("cancel_url", "http://shop.test/cart"),
            ("line_items[0][price]", price),
            ("line_items[0][quantity]", "3"),
        ];
        fields.extend_from_slice(more);
        self.post("/v1/checkout/sessions", &fields).await
    }

    /// Types a card into the hosted page and submits it.
    pub(crate) async fn submit(&self, session_id: &str, number: &str) -> Answer {
        let fields = [
            ("email", "jenny@example.com"),
            ("number", number),
            ("expiry", "12/34"),
            ("cvc", "123"),
            ("name", "Jenny Rosen"),
        ];
        let url = format!("{}/c/pay/{session_id}", self.sandbox.url());
        Self::answer(self.http.post(url).body(form(&fields))).await
    }

    pub(crate) fn event_types(&self) -> Vec<String> {
        let text = |event: &Value| event["type"].as_str().unwrap().to_owned();
        self.sandbox.events().iter().map(text).collect()
    }
}
