//! A running service with its sandbox, and a sale that somebody is in the middle of.

use std::time::Duration;

use billing_app::demo::DemoArgs;
use billing_app::demo::world::{LOOKUP_KEY, World};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::time::{interval, timeout};

use crate::chromium::{Browser, PATIENCE};

const QUANTITY: u32 = 10;

/// The Tab key, and the Enter key.
const TAB: char = '\u{e004}';
const ENTER: char = '\u{e007}';

/// Pays.
pub(crate) const GOOD_CARD: &str = "4242 4242 4242 4242";

/// Is declined.
pub(crate) const DECLINED_CARD: &str = "4000 0000 0000 0002";

/// One sale whose checkout page is open.
pub(crate) struct Sale {
    world: World,
    _folder: TempDir,
    intent_id: String,
    /// The checkout page.
    pub(crate) url: String,
}

impl Sale {
    /// Starts service and sandbox, and asks for licences.
    pub(crate) async fn begin() -> Self {
        let folder = TempDir::new().expect("a temporary folder");
        let args = DemoArgs {
            auto: false,
            port: 0,
            sandbox_port: 0,
            data: None,
            database_url: None,
            seed: 42,
            quantity: QUANTITY,
        };
        let world = World::start(&args, folder.path()).await;
        let world = world.unwrap_or_else(|failure| panic!("{}", failure.message));
        let answer = world
            .http
            .post(format!(
                "{}/api/v1/customer-billing/checkout-session",
                world.service_url
            ))
            .bearer_auth(&world.credentials.buyer)
            .header("Idempotency-Key", "browser-sale")
            .json(&json!({
                "admin_email": "ada@acme.example",
                "enterprise_slug": "acme",
                "company_name": "Acme",
                "quantity": QUANTITY,
                "lookup_key": LOOKUP_KEY,
            }))
            .send()
            .await
            .expect("the service answers");
        assert_eq!(answer.status(), 201);
        let answer: Value = answer.json().await.expect("JSON");
        Self {
            world,
            _folder: folder,
            intent_id: text(&answer["checkout_intent"]["id"]),
            url: text(&answer["checkout_session_url"]),
        }
    }

    /// The front page of the sandbox.
    pub(crate) fn sandbox_url(&self) -> &str {
        self.world.sandbox.url()
    }

    /// The service's own address.
    pub(crate) fn service_url(&self) -> &str {
        &self.world.service_url
    }

    /// The state of the intent, as the buyer sees it.
    pub(crate) async fn state(&self) -> String {
        let path = format!("/api/v1/checkout-intents/{}", self.intent_id);
        let request = self
            .world
            .http
            .get(format!("{}{path}", self.world.service_url))
            .bearer_auth(&self.world.credentials.buyer);
        text(&answer_of(request).await["state"])
    }

    /// Looks until the intent is fulfilled.
    pub(crate) async fn becomes_fulfilled(&self) {
        let look = async {
            let mut looks = interval(Duration::from_millis(50));
            while self.state().await != "fulfilled" {
                looks.tick().await;
            }
        };
        let done = timeout(PATIENCE, look).await;
        assert!(done.is_ok(), "still {}", self.state().await);
    }

    /// How many objects of a kind Stripe has.
    pub(crate) async fn count_at_stripe(&self, list: &str) -> usize {
        let sandbox = &self.world.sandbox;
        let request = self
            .world
            .http
            .get(format!("{}/v1/{list}", sandbox.url()))
            .bearer_auth(sandbox.secret_key());
        let answer = answer_of(request).await;
        answer["data"].as_array().map_or(0, Vec::len)
    }

    /// Stops what was started.
    pub(crate) async fn end(self) {
        let stopped = self.world.stop().await;
        stopped.unwrap_or_else(|failure| panic!("{}", failure.message));
    }
}

/// Types a card from field to field, as somebody without a mouse does after the first click.
pub(crate) async fn type_card(browser: &Browser, number: &str) {
    browser.click("Card number").await;
    let entries = [
        ("Card number", number),
        ("Expiry (MM/YY)", "12/34"),
        ("CVC", "123"),
        ("Name on card", "Ada Lovelace"),
    ];
    for (index, (label, entry)) in entries.iter().enumerate() {
        if index > 0 {
            browser.press(&TAB.to_string()).await;
        }
        assert_eq!(&browser.focused_label().await, label);
        // What a first try left in the field is replaced: Tab selects it.
        browser.press(entry).await;
    }
}

/// Submits the form from its last field.
pub(crate) async fn press_enter(browser: &Browser) {
    browser.press(&ENTER.to_string()).await;
}

/// Follows the return page, which looks again by itself, until all is ready.
pub(crate) async fn watch_it_become_ready(browser: &Browser) {
    let landed = browser.see("Your payment has arrived").await;
    assert_eq!(browser.path().await, "/checkout/success");
    assert_promises_nothing_false(&landed);
    let ready = browser.see("everything is ready").await;
    assert_promises_nothing_false(&ready);
    assert!(!ready.contains("http-equiv=\"refresh\""), "{ready}");
}

/// Whoever has paid never reads the opposite.
fn assert_promises_nothing_false(page: &str) {
    let page = page.to_lowercase();
    for word in ["unpaid", "not paid", "waiting for the payment"] {
        assert!(!page.contains(word), "{word} on {page}");
    }
}

async fn answer_of(request: reqwest::RequestBuilder) -> Value {
    let answer = request.send().await.expect("an answer");
    assert!(answer.status().is_success(), "{}", answer.status());
    answer.json().await.expect("JSON")
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
