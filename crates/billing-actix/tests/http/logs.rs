//! What the log says: every request once, a failure with its cause, and never a secret.

use std::io::Write;
use std::sync::{Arc, Mutex};

use billing_domain::testing::faults::FaultPoint;
use serde_json::json;
use tracing::subscriber::DefaultGuard;

use crate::service::{Mood, Service, claims, get, mint, post};
use crate::webhook::{deliver, registered};

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Log {
    /// Listens to this thread until the guard is dropped.
    fn listen() -> (Self, DefaultGuard) {
        let log = Self::default();
        let sink = log.clone();
        let subscriber = tracing_subscriber::fmt()
            .json()
            .with_max_level(tracing::Level::TRACE)
            .with_writer(move || sink.clone())
            .finish();
        (log, tracing::subscriber::set_default(subscriber))
    }

    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

#[actix_web::test]
async fn no_secret_of_a_request_reaches_the_log() {
    let service = Service::new().await;
    let (log, _guard) = Log::listen();
    let key = "activation-key-0123456789";
    let path = format!("/api/v1/licensing/license-activation?activation_key={key}");
    service
        .send(post(&path, &json!({"pin": "body-0451"})).by("ada"))
        .await;
    service
        .send(get("/api/v1/checkout-intents").header("X-API-Key", "bk_wrong_key_0451"))
        .await;
    service
        .send(get("/api/v1/checkout-intents").by_operator())
        .await;
    let delivery = registered(&service, "evt_body_0451");
    service
        .send(deliver("/api/v1/webhooks/stripe", &delivery))
        .await;
    let text = log.text();
    assert!(
        text.contains("/api/v1/licensing/license-activation"),
        "{text}"
    );
    let token = mint(&claims("ada"));
    let secrets = [
        key,
        "body-0451",
        "bk_wrong_key_0451",
        crate::service::OPERATOR_KEY,
        &token,
    ];
    for secret in secrets {
        assert!(!text.contains(secret), "{secret} is in {text}");
    }
}

#[actix_web::test]
async fn a_failure_is_logged_once_with_its_cause_and_the_requests_id() {
    let service = Service::new().await;
    let (log, _guard) = Log::listen();
    service.faults.fail_nth(1, FaultPoint::BeforeEffect);
    let delivery = registered(&service, "evt_1");
    let call = deliver("/api/v1/webhooks/stripe", &delivery).header("X-Request-Id", "trace-7");
    assert_eq!(service.send(call).await.status, 503);
    service.readiness.turn(Mood::Panics);
    assert_eq!(
        service
            .send(get("/ready").header("X-Request-Id", "trace-8"))
            .await
            .status,
        500
    );
    let text = log.text();
    for (id, code) in [
        ("trace-7", "store_unavailable"),
        ("trace-8", "internal_error"),
    ] {
        let errors = text
            .lines()
            .filter(|line| line.contains("\"level\":\"ERROR\"") && line.contains(id));
        let errors: Vec<&str> = errors.collect();
        assert_eq!(errors.len(), 1, "{text}");
        assert!(errors[0].contains(code), "{}", errors[0]);
    }
}
