//! One id from the request that delivers an event to the message that tells of its effect: spans as
//! a collector sees them, over real HTTP; and what a scan says when it nears the horizon.
#![expect(
    clippy::unwrap_used,
    reason = "an unwrap of a test is one of its assertions"
)]

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, OnceLock};

use async_trait::async_trait;
use billing_actix::MetricsPage;
use billing_app::metrics::{LiveMetrics, Metrics};
use billing_domain::deliveries::scan::ScanPolicy;
use billing_domain::deliveries::scan_for_missing_events::ScanForMissingEvents;
use billing_domain::kernel::ports::{Clock, Core};
use billing_domain::kernel::timestamp::Timestamp;
use billing_domain::outbox::ports::{EventPublisher, OutboxMessage, PublishError};
use billing_domain::outbox::publish_messages::PublishMessages;
use billing_domain::testing::SequentialIds;
use billing_sandbox::{ClockStart, Sandbox, SandboxConfig, WebhookConfig};
use billing_seaorm::testing::TestDatabase;
use billing_stripe::{EVENT_TYPES, StripeConfig, StripeMode, StripeProvider};
use billing_tests::house::{House, purchase};
use reqwest::{Method, StatusCode};
use secrecy::SecretString;
use serde_json::json;
use time::Duration;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id};
use tracing::{Event, Subscriber};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};
use tracing_subscriber::registry::LookupSpan;

/// A span or an event: its name or its message, and its fields.
#[derive(Debug, Clone)]
struct Seen {
    name: String,
    fields: BTreeMap<&'static str, String>,
}

impl Seen {
    fn field(&self, name: &str) -> &str {
        self.fields.get(name).map_or("", String::as_str)
    }
}

impl Visit for Seen {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.fields.insert(field.name(), value.to_owned());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        self.fields.insert(field.name(), format!("{value:?}"));
    }
}

/// Keeps every span of the process, and every error.
#[derive(Clone, Default)]
struct Collector(Arc<Mutex<Vec<Seen>>>);

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Collector {
    fn on_new_span(&self, attributes: &Attributes<'_>, _: &Id, _: Context<'_, S>) {
        let mut seen = Seen {
            name: attributes.metadata().name().to_owned(),
            fields: BTreeMap::new(),
        };
        attributes.record(&mut seen);
        self.0.lock().unwrap().push(seen);
    }

    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        if *event.metadata().level() == tracing::Level::ERROR {
            let mut seen = Seen {
                name: "error".to_owned(),
                fields: BTreeMap::new(),
            };
            event.record(&mut seen);
            self.0.lock().unwrap().push(seen);
        }
    }
}

/// One for the process: requests and workers are on other threads than the test.
fn collector() -> &'static Collector {
    static COLLECTOR: OnceLock<Collector> = OnceLock::new();
    COLLECTOR.get_or_init(|| {
        let collector = Collector::default();
        let subscriber = tracing_subscriber::registry().with(collector.clone());
        tracing::subscriber::set_global_default(subscriber).unwrap();
        collector
    })
}

fn seen(name: &str, is_wanted: impl Fn(&Seen) -> bool) -> Vec<Seen> {
    let all = collector().0.lock().unwrap();
    let wanted = all
        .iter()
        .filter(|seen| seen.name == name && is_wanted(seen));
    wanted.cloned().collect()
}

/// Keeps what goes out.
#[derive(Default)]
struct Outgoing(Mutex<Vec<OutboxMessage>>);

#[async_trait]
impl EventPublisher for Outgoing {
    async fn publish(&self, message: &OutboxMessage) -> Result<(), PublishError> {
        self.0.lock().unwrap().push(message.clone());
        Ok(())
    }
}

/// C-110.
#[tokio::test]
async fn one_id_goes_from_the_delivery_of_an_event_to_the_messages_about_it() {
    collector();
    for house in House::every().await {
        let buyer = &house.world.credentials.buyer;
        let started = house.checkout(buyer, "sale", &purchase("acme", 5)).await;
        assert_eq!(started.status, StatusCode::CREATED, "{}", started.text);
        house.drain().await;
        house.pay(&started.text_at("/checkout_session_id"));
        // Each delivery under an id of its own, as a proxy would give it.
        let prefix = format!("proxy-{}", house.name());
        let mut events = BTreeMap::new();
        for (number, delivery) in house
            .world
            .sandbox
            .take_pending_deliveries()
            .iter()
            .enumerate()
        {
            let id = format!("{prefix}-{number}");
            let mut request = house
                .request(reqwest::Method::POST, "/api/v1/webhooks/stripe")
                .header("X-Request-Id", &id);
            for (name, value) in &delivery.headers {
                request = request.header(name, value);
            }
            let answer = house.send(request.body(delivery.body.clone())).await;
            assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
            events.insert(id, delivery.event_type.clone());
        }
        let workers = &house.world.service.application.workers;
        for applier in &workers.inbox {
            applier.run().await.unwrap();
        }
        let outgoing = Arc::new(Outgoing::default());
        let publish = PublishMessages {
            clock: workers.outbox.clock.clone(),
            queue: workers.outbox.queue.clone(),
            publisher: outgoing.clone(),
            name: "correlation".to_owned(),
        };
        publish.run().await.unwrap();

        let is_ours = |seen: &Seen| seen.field("correlation.id").starts_with(&prefix);
        let received = seen("provider_event.receive", is_ours);
        assert_eq!(received.len(), events.len(), "a span for each delivery");
        let of = |name: &str, id: &str| seen(name, |seen| seen.field("correlation.id") == id);
        for span in &received {
            let (id, event) = (
                span.field("correlation.id"),
                span.field("provider_event.id"),
            );
            let applied = of("provider_event.apply", id);
            assert!(!applied.is_empty(), "{}: {}", house.name(), events[id]);
            assert!(
                applied
                    .iter()
                    .all(|span| span.field("provider_event.id") == event)
            );
        }
        // What the payment of the invoice changed is told under the id of one of its deliveries.
        let messages = outgoing.0.lock().unwrap().clone();
        let paid = messages
            .iter()
            .find(|message| message.topic == "checkout_intent_paid");
        let id = paid.unwrap().correlation_id.clone().unwrap();
        assert!(events[&id].starts_with("invoice.pa"), "{}", events[&id]);
        let published = of("outbox.publish", &id);
        assert!(
            published
                .iter()
                .any(|span| span.field("message.topic") == "checkout_intent_paid")
        );
        for message in &messages {
            let id = message.correlation_id.clone().unwrap_or_default();
            assert!(events.contains_key(&id), "{}: {id}", message.topic);
        }
        house.stop().await;
    }
}

/// C-110: the same for what somebody asks for over the API.
#[tokio::test]
async fn one_id_goes_from_an_api_request_to_the_audit_and_the_messages_of_what_it_changed() {
    for house in House::every().await {
        let buyer = &house.world.credentials.buyer;
        let post = |path: &str| house.request(Method::POST, path).bearer_auth(buyer);
        let checkout = post("/api/v1/customer-billing/checkout-session")
            .header("X-Request-Id", "req-checkout")
            .header("Idempotency-Key", "sale")
            .json(&purchase("acme", 5));
        let started = house.send(checkout).await;
        assert_eq!(started.status, StatusCode::CREATED, "{}", started.text);
        let intent = started.text_at("/checkout_intent/id");
        let path = format!("/api/v1/checkout-intents/{intent}");
        let amend = house.request(Method::PATCH, &path).bearer_auth(buyer);
        let amend = amend
            .header("X-Request-Id", "req-amend")
            .json(&json!({ "country": "FR" }));
        let amended = house.send(amend).await;
        assert_eq!(amended.status, StatusCode::OK, "{}", amended.text);
        house.pay(&started.text_at("/checkout_session_id"));
        let sync = post(&format!("{path}/sync")).header("X-Request-Id", "req-sync");
        let synced = house.send(sync).await;
        assert_eq!(synced.status, StatusCode::OK, "{}", synced.text);

        let written = "SELECT request_id || ' ' || action AS line FROM audit_entries \
                       WHERE request_id IS NOT NULL ORDER BY request_id, action, version";
        let written = house.database.lines(written).await;
        let told = "SELECT correlation_id || ' ' || topic AS line FROM outbox_messages \
                    WHERE correlation_id IS NOT NULL ORDER BY correlation_id, topic, entity_version";
        assert_eq!(
            house.database.lines(told).await,
            written,
            "{}",
            house.name()
        );
        for change in [
            "req-checkout user_registered",
            "req-checkout checkout_intent_created",
            "req-checkout customer_requested",
            "req-amend checkout_intent_amended",
            "req-sync checkout_intent_paid",
        ] {
            assert!(written.iter().any(|line| line == change), "{written:#?}");
        }
        let unnamed = "audit_entries WHERE cause LIKE 'request%' AND request_id IS NULL";
        assert_eq!(house.database.row_count(unnamed).await, 0);
        house.stop().await;
    }
}

struct SandboxClock(Arc<Sandbox>);

impl Clock for SandboxClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_unix_seconds(self.0.now()).unwrap()
    }
}

/// Stripe forgets after 30 days: a week before, the log and the metric say so; afterwards, what is
/// out of reach.
#[tokio::test]
async fn a_scan_that_nears_the_horizon_is_an_error_and_a_metric() {
    collector();
    let sandbox = Arc::new(
        Sandbox::start(SandboxConfig {
            clock: ClockStart::Fixed(1_790_000_000),
            auto_deliver: false,
            webhook: Some(WebhookConfig {
                url: "http://127.0.0.1:9/".to_owned(),
                secret: None,
                api_version: None,
            }),
            ..SandboxConfig::default()
        })
        .await
        .unwrap(),
    );
    let clock: Arc<dyn Clock> = Arc::new(SandboxClock(sandbox.clone()));
    let key = SecretString::from(sandbox.secret_key().to_owned());
    let mut config = StripeConfig::new(StripeMode::Test, Some(key));
    sandbox.url().clone_into(&mut config.api_base);
    config.retries_max = 0;
    let database = TestDatabase::sqlite().await;
    let store = Arc::new(database.store());
    let metrics = Arc::new(Metrics::new(EVENT_TYPES).unwrap());
    let scan = ScanForMissingEvents {
        core: Core {
            writer: store.clone(),
            clock: clock.clone(),
            ids: Arc::new(SequentialIds::new(1)),
        },
        source: Arc::new(StripeProvider::new(&config, clock.clone()).unwrap()),
        log: store.clone(),
        inbox: store.clone(),
        policy: ScanPolicy {
            interval: Duration::minutes(5),
            delay: Duration::minutes(2),
            overlap: Duration::hours(1),
        },
        observer: metrics.clone(),
    };
    let until_finished = async || {
        while !scan
            .run()
            .await
            .unwrap()
            .iter()
            .all(|turn| turn.is_finished)
        {}
    };
    until_finished().await;
    let errors = |part: &str| seen("error", |seen| seen.field("message").contains(part)).len();

    sandbox.set_offline(true);
    sandbox.advance(std::time::Duration::from_hours(24 * 24));
    assert!(scan.run().await.is_err(), "the short list cannot be read");
    assert!(scan.run().await.is_err(), "nor can the other one");
    assert_eq!(errors("no event since"), 1);
    let page = LiveMetrics::new(metrics, clock, store.clone(), store.clone(), store);
    let page = page.render().await;
    let age = "billing_event_scan_position_age_seconds{kind=\"all_events\"} ";
    let age = page
        .lines()
        .find_map(|line| line.strip_prefix(age))
        .unwrap();
    assert!(age.parse::<f64>().unwrap() >= 24.0 * 86_400.0, "{age}");
    assert_eq!(errors("no longer lists them"), 0);

    sandbox.set_offline(false);
    sandbox.advance(std::time::Duration::from_hours(24 * 10));
    until_finished().await;
    assert_eq!(
        errors("no longer lists them"),
        1,
        "what is lost is said once"
    );
}
