//! Deliveries under load: several sales whose subscriptions change again and again, sent as Stripe
//! sends them, over and over until each has its 200, to whichever replica answers.

use std::collections::{BTreeSet, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use billing_app::clock::SystemClock;
use billing_app::demo::credentials::token;
use billing_domain::kernel::ports::Clock;
use billing_sandbox::SignedDelivery;
use reqwest::StatusCode;
use serde_json::json;
use tokio::task::JoinSet;

use crate::stage::{ApiClient, BEARER_SECRET, LOOKUP_KEY, Serving, Stage, eventually};

/// How many connections deliver at once.
const CONNECTIONS: usize = 8;

/// How many seats each sale begins with; each later change adds one.
pub(crate) const SEATS: usize = 5;

/// How long a sender waits for an answer: a frozen replica must not hold it up.
const ANSWER_WITHIN: Duration = Duration::from_secs(2);

/// What has been sent and what became of it.
#[derive(Default)]
struct Ledger {
    waiting: VecDeque<SignedDelivery>,
    acknowledged: BTreeSet<String>,
    refusals: Vec<StatusCode>,
}

/// Somebody who delivers.
pub(crate) struct Sender {
    ledger: Arc<Mutex<Ledger>>,
    replicas: Arc<Mutex<Vec<ApiClient>>>,
    tasks: JoinSet<()>,
    expected: BTreeSet<String>,
}

impl Sender {
    /// Begins to deliver to these replicas.
    pub(crate) fn start(deliveries: Vec<SignedDelivery>, replicas: &[&Serving]) -> Self {
        let expected = deliveries.iter().map(|d| d.event_id.clone()).collect();
        let ledger = Arc::new(Mutex::new(Ledger {
            waiting: deliveries.into(),
            ..Ledger::default()
        }));
        let mut sender = Self {
            ledger,
            replicas: Arc::default(),
            tasks: JoinSet::new(),
            expected,
        };
        sender.send_to(replicas);
        for number in 0..CONNECTIONS {
            let (ledger, replicas) = (sender.ledger.clone(), sender.replicas.clone());
            sender.tasks.spawn(deliver(number, ledger, replicas));
        }
        sender
    }

    /// From now on to these.
    pub(crate) fn send_to(&self, replicas: &[&Serving]) {
        let clients = replicas.iter().map(|serving| serving.client()).collect();
        *self.replicas.lock().unwrap() = clients;
    }

    /// How many events have had a 200.
    pub(crate) fn acknowledged(&self) -> usize {
        self.ledger.lock().unwrap().acknowledged.len()
    }

    /// Waits until this part of all events has had a 200, and tells that there is more to come.
    pub(crate) async fn is_under_way(&self, percent: usize) {
        eventually("a part is acknowledged", async || {
            (self.acknowledged() * 100 >= self.expected.len() * percent).then_some(())
        })
        .await;
        let open = self.expected.len() - self.acknowledged();
        assert!(open > 0, "everything is delivered: the load is too small");
    }

    /// Waits until a delivery was refused, as by a service without its database.
    pub(crate) async fn is_refused(&self, status: StatusCode) {
        eventually("a delivery is refused", async || {
            let ledger = self.ledger.lock().unwrap();
            ledger.refusals.contains(&status).then_some(())
        })
        .await;
    }

    /// Waits until every event has had its 200; gives their ids and every other status there was.
    pub(crate) async fn finish(mut self) -> (BTreeSet<String>, BTreeSet<StatusCode>) {
        eventually("every event is acknowledged", async || {
            (self.acknowledged() == self.expected.len()).then_some(())
        })
        .await;
        self.tasks.shutdown().await;
        let mut ledger = self.ledger.lock().unwrap();
        let refusals = std::mem::take(&mut ledger.refusals);
        (self.expected.clone(), refusals.into_iter().collect())
    }
}

/// Every fifth delivery is sent twice, the second time to the other replica.
async fn deliver(number: usize, ledger: Arc<Mutex<Ledger>>, replicas: Arc<Mutex<Vec<ApiClient>>>) {
    let mut turn = number;
    loop {
        let Some(delivery) = ledger.lock().unwrap().waiting.pop_front() else {
            // What another connection has in its hands may come back.
            tokio::time::sleep(Duration::from_millis(5)).await;
            continue;
        };
        turn += 1;
        let mut is_acknowledged = false;
        for copy in 0..=usize::from(turn.is_multiple_of(5)) {
            let replica = {
                let replicas = replicas.lock().unwrap();
                replicas[(turn + copy) % replicas.len()].clone()
            };
            let sending = tokio::time::timeout(ANSWER_WITHIN, replica.webhook(&delivery));
            let Ok(Ok(answer)) = sending.await else {
                continue;
            };
            if answer.status() == StatusCode::OK {
                is_acknowledged = true;
            } else {
                ledger.lock().unwrap().refusals.push(answer.status());
            }
        }
        let mut ledger = ledger.lock().unwrap();
        if is_acknowledged {
            ledger.acknowledged.insert(delivery.event_id);
        } else {
            ledger.waiting.push_back(delivery);
        }
    }
}

/// Makes sales and lets them be fulfilled; then changes each subscription again and again, and
/// gives what Stripe has to say about that. Each change adds a seat.
pub(crate) async fn sales_with_changes(
    stage: &mut Stage,
    serving: &Serving,
    sales: usize,
    changes: usize,
) -> Vec<SignedDelivery> {
    for number in 0..sales {
        buy_and_pay(stage, serving, number).await;
    }
    assert!(stage.deliver(serving).await > 0);
    let fulfilled = eventually_all_fulfilled(stage, sales);
    fulfilled.await;
    let subscriptions = stage.stripe_list("/v1/subscriptions").await;
    assert_eq!(subscriptions.len(), sales);
    for change in 1..=changes {
        // Two changes of one second would be settled by asking Stripe.
        stage.sandbox.advance(Duration::from_secs(1));
        for subscription in &subscriptions {
            let id = subscription["id"].as_str().unwrap();
            let item = subscription["items"]["data"][0]["id"].as_str().unwrap();
            let seats = (SEATS + change).to_string();
            let form = [
                ("items[0][id]", item),
                ("items[0][quantity]", seats.as_str()),
                ("proration_behavior", "none"),
            ];
            let path = format!("/v1/subscriptions/{id}");
            stage.stripe_post(&path, &form).await;
        }
    }
    stage.sandbox.take_pending_deliveries()
}

async fn eventually_all_fulfilled(stage: &Stage, sales: usize) {
    let database = stage.database.as_ref().unwrap();
    eventually("the sales are fulfilled", async || {
        let fulfilled = "checkout_intents WHERE state = 'fulfilled'";
        let count = database.row_count(fulfilled).await;
        (count == i64::try_from(sales).unwrap()).then_some(())
    })
    .await;
}

async fn buy_and_pay(stage: &Stage, serving: &Serving, number: usize) {
    let (user, email) = (format!("buyer-{number}"), format!("b{number}@acme.example"));
    let bearer = token(BEARER_SECRET, &user, &email, &[], SystemClock.now()).unwrap();
    let body = json!({
        "admin_email": email,
        "enterprise_slug": format!("acme-{number}"),
        "company_name": format!("Acme {number}"),
        "quantity": SEATS,
        "lookup_key": LOOKUP_KEY,
    });
    let request = stage
        .http
        .post(serving.api("/customer-billing/checkout-session"))
        .bearer_auth(bearer)
        .header("Idempotency-Key", &user)
        .json(&body);
    let answer = request.send().await.unwrap();
    let status = answer.status();
    let body: serde_json::Value = answer.json().await.unwrap();
    assert_eq!(status, StatusCode::CREATED, "{body}");
    let session = body["checkout_session_id"].as_str().unwrap();
    let paid = stage.sandbox.pay_checkout(session, "4242424242424242");
    assert_eq!(paid.unwrap()["status"], "complete");
}
