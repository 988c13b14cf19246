//! A sandbox whose clock stands still and which delivers nothing by itself, asked by forms as Stripe is.

use billing_sandbox::{ClockStart, Sandbox, SandboxConfig};
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

/// Where nobody listens: deliveries are taken from the sandbox.
const NOBODY: &str = "http://127.0.0.1:9";

/// A sandbox and who asks it.
pub struct SandboxClient {
    /// The sandbox.
    pub sandbox: Sandbox,
    http: reqwest::Client,
}

impl SandboxClient {
    /// Starts a sandbox at a time.
    ///
    /// # Panics
    /// If there is no free port.
    pub async fn start(seed: u64, unix_seconds: i64) -> Self {
        // Fails only if a provider is installed already, which serves as well.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let sandbox = Sandbox::start(SandboxConfig {
            seed,
            clock: ClockStart::Fixed(unix_seconds),
            auto_deliver: false,
            ..SandboxConfig::default()
        });
        Self {
            sandbox: sandbox.await.expect("a free port"),
            http: reqwest::Client::new(),
        }
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let url = format!("{}{path}", self.sandbox.url());
        let request = self.http.request(method, url);
        request.bearer_auth(self.sandbox.secret_key())
    }

    /// Asks with a form; gives whether it was done, and the answer.
    ///
    /// # Panics
    /// If the sandbox fails.
    pub async fn ask(&self, method: Method, path: &str, form: &str) -> (bool, Value) {
        let answer = self
            .request(method, path)
            .body(form.to_owned())
            .send()
            .await;
        let answer = answer.expect("the sandbox answers");
        let status = answer.status();
        assert!(!status.is_server_error(), "{path} {form}: {status}");
        (
            status.is_success(),
            answer.json().await.expect("it answers JSON"),
        )
    }

    /// Posts a form that must be taken.
    ///
    /// # Panics
    /// If it is refused.
    pub async fn post(&self, path: &str, form: &str) -> Value {
        let (is_done, answer) = self.ask(Method::POST, path, form).await;
        assert!(is_done, "{path} {form}: {answer}");
        answer
    }

    /// The first page of a list.
    pub async fn list(&self, path: &str) -> Vec<Value> {
        let (_, answer) = self.ask(Method::GET, path, "").await;
        answer["data"].as_array().cloned().unwrap_or_default()
    }

    /// An endpoint in a version, told of everything, at an address that ends with the version; gives
    /// its signing secret.
    ///
    /// # Panics
    /// If the sandbox refuses it.
    pub async fn listen(&self, version: &str) -> String {
        let form = format!("url={NOBODY}/{version}&enabled_events[]=*&api_version={version}");
        let endpoint = self.post("/v1/webhook_endpoints", &form).await;
        endpoint["secret"].as_str().expect("told once").to_owned()
    }

    /// A destination of thin events, told of everything, at an address that ends with this; gives its
    /// signing secret.
    ///
    /// # Panics
    /// If the sandbox refuses it.
    pub async fn listen_thinly(&self, name: &str) -> String {
        let body = json!({
            "name": "thin",
            "type": "webhook_endpoint",
            "event_payload": "thin",
            "enabled_events": ["*"],
            "webhook_endpoint": { "url": format!("{NOBODY}/{name}") },
            "include": ["webhook_endpoint.signing_secret"],
        });
        let path = "/v2/core/event_destinations";
        let answer = self.request(Method::POST, path).json(&body).send().await;
        let answer = answer.expect("the sandbox answers");
        let answer: Value = answer.json().await.expect("it answers JSON");
        let secret = answer["webhook_endpoint"]["signing_secret"].as_str();
        secret
            .unwrap_or_else(|| panic!("no secret in {answer}"))
            .to_owned()
    }
}
