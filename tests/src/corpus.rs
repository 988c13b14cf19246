//! Every event of the pipeline's table (F.2), made by the sandbox and told in ten API versions.

use billing_sandbox::{ClockStart, Sandbox, SandboxConfig};
use serde_json::Value;

/// One version of each generation, and both of those that were described twice.
pub const VERSIONS: [&str; 10] = [
    "2023-10-16",
    "2024-04-10",
    "2024-06-20",
    "2025-02-24.acacia",
    "2025-08-27.basil",
    "2025-10-29.clover",
    "2026-02-25.clover",
    "2026-03-25.dahlia",
    "2026-08-26.dahlia",
    "2026-10-28.endive",
];

/// What is asked of the sandbox, one after the other. Other events come along with them.
const TRIGGERS: [&str; 27] = [
    "charge.dispute.closed",
    "charge.refunded",
    "checkout.session.async_payment_failed",
    "checkout.session.async_payment_succeeded",
    "checkout.session.completed",
    "checkout.session.expired",
    "customer.deleted",
    "customer.subscription.deleted",
    "customer.subscription.paused",
    "customer.subscription.trial_will_end",
    "customer.subscription.updated",
    "customer.updated",
    "invoice.marked_uncollectible",
    "invoice.paid",
    "invoice.payment_failed",
    "invoice.updated",
    "invoice.voided",
    "payment_intent.canceled",
    "payment_intent.payment_failed",
    "payment_intent.requires_action",
    "payment_intent.succeeded",
    "payment_method.detached",
    "price.updated",
    "product.deleted",
    "product.updated",
    "setup_intent.canceled",
    "setup_intent.succeeded",
];

/// What stands in the place of a version for a thin event, which has none.
pub const THIN: &str = "thin";

/// One event in one version.
#[derive(Debug, Clone)]
pub struct Told {
    /// The same in every version.
    pub event_id: String,
    /// For example `invoice.paid`.
    pub event_type: String,
    /// In whose shape the body is.
    pub version: String,
    /// As it would be sent.
    pub body: String,
}

async fn post(sandbox: &Sandbox, path: &str, body: &str) -> Value {
    let answer = reqwest::Client::new()
        .post(format!("{}{path}", sandbox.url()))
        .bearer_auth(sandbox.secret_key())
        .body(body.to_owned())
        .send()
        .await
        .expect("it is there");
    let status = answer.status();
    let text = answer.text().await.expect("it is there");
    assert!(status.is_success(), "{path}: {status} {text}");
    serde_json::from_str(&text).expect("it is there")
}

/// Its first invoice waits for the customer to confirm.
async fn subscribe_with_a_card_that_asks(sandbox: &Sandbox) {
    let id = |object: &Value| object["id"].as_str().expect("it is there").to_owned();
    let price = "currency=usd&unit_amount=500&recurring[interval]=month&product_data[name]=Pro";
    let price = id(&post(sandbox, "/v1/prices", price).await);
    let customer = id(&post(sandbox, "/v1/customers", "email=ada@example.com").await);
    let attach = "/v1/payment_methods/pm_card_threeDSecure2Required/attach";
    let card = id(&post(sandbox, attach, &format!("customer={customer}")).await);
    let body = format!(
        "customer={customer}&items[0][price]={price}&default_payment_method={card}&off_session=false"
    );
    post(sandbox, "/v1/subscriptions", &body).await;
}

/// A card whose payments are disputed, and evidence against that.
async fn contest_a_dispute(sandbox: &Sandbox) {
    let body = "amount=500&currency=usd&confirm=true&payment_method=pm_card_createDispute\
                &automatic_payment_methods[enabled]=true\
                &automatic_payment_methods[allow_redirects]=never";
    post(sandbox, "/v1/payment_intents", body).await;
    let event = (sandbox.events().into_iter().rev())
        .find(|event| event["type"] == "charge.dispute.created")
        .expect("it is there");
    let dispute = event["data"]["object"]["id"].as_str().expect("it is there");
    let evidence = "evidence[uncategorized_text]=winning_evidence";
    post(sandbox, &format!("/v1/disputes/{dispute}"), evidence).await;
}

/// A destination of thin events, told of everything; gives its signing secret.
///
/// # Panics
/// If the sandbox refuses it.
pub async fn listen_thinly(sandbox: &Sandbox, url: &str) -> String {
    let body = serde_json::json!({
        "name": "thin",
        "type": "webhook_endpoint",
        "event_payload": "thin",
        "enabled_events": ["*"],
        "webhook_endpoint": { "url": url },
        "include": ["webhook_endpoint.signing_secret"],
    });
    let answer = reqwest::Client::new()
        .post(format!("{}/v2/core/event_destinations", sandbox.url()))
        .bearer_auth(sandbox.secret_key())
        .json(&body)
        .send()
        .await;
    let answer: Value = answer
        .expect("the sandbox answers")
        .json()
        .await
        .expect("JSON");
    let secret = answer["webhook_endpoint"]["signing_secret"].as_str();
    secret
        .unwrap_or_else(|| panic!("no secret in {answer}"))
        .to_owned()
}

/// The object of the last event of a type.
fn last_object(sandbox: &Sandbox, kind: &str) -> String {
    let events = sandbox.events().into_iter().rev();
    let mut events = events.filter(|event| event["type"] == kind);
    let event = events.next().expect("it came");
    let id = event["data"]["object"]["id"].as_str();
    id.expect("an object has an id").to_owned()
}

/// What no trigger makes: a subscription that goes on, a refund that fails, a price that goes away.
async fn go_on_fail_and_go_away(sandbox: &Sandbox) {
    let paused = last_object(sandbox, "customer.subscription.paused");
    let resumed = post(sandbox, &format!("/v1/subscriptions/{paused}/resume"), "").await;
    // It goes on when what it owes is paid.
    let invoice = resumed["latest_invoice"].as_str().expect("it is billed");
    let pay = format!("/v1/invoices/{invoice}/pay");
    post(sandbox, &pay, "payment_method=pm_card_visa").await;
    let body = "amount=500&currency=usd&confirm=true&payment_method=pm_card_refundFail\
                &automatic_payment_methods[enabled]=true\
                &automatic_payment_methods[allow_redirects]=never";
    let payment = post(sandbox, "/v1/payment_intents", body).await;
    let payment = payment["id"].as_str().expect("an object has an id");
    post(sandbox, "/v1/refunds", &format!("payment_intent={payment}")).await;
    let plan = "amount=500&currency=usd&interval=month&product[name]=Old&id=price_old";
    post(sandbox, "/v1/plans", plan).await;
    let answer = reqwest::Client::new()
        .delete(format!("{}/v1/plans/price_old", sandbox.url()))
        .bearer_auth(sandbox.secret_key())
        .send()
        .await;
    let answer = answer.expect("the sandbox answers");
    assert!(answer.status().is_success(), "{}", answer.status());
}

/// Lets everything happen; gives what each version is told, in order.
///
/// # Panics
/// If the sandbox refuses a step.
pub async fn corpus() -> Vec<Told> {
    // Fails only if a provider is installed already, which serves as well.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let sandbox = Sandbox::start(SandboxConfig {
        clock: ClockStart::Fixed(1_790_000_000),
        auto_deliver: false,
        ..SandboxConfig::default()
    })
    .await
    .expect("it is there");
    for version in VERSIONS {
        let body =
            format!("url=http://127.0.0.1:9/{version}&enabled_events[]=*&api_version={version}");
        post(&sandbox, "/v1/webhook_endpoints", &body).await;
    }
    listen_thinly(&sandbox, &format!("http://127.0.0.1:9/{THIN}")).await;
    for kind in TRIGGERS {
        post(&sandbox, &format!("/sandbox/trigger/{kind}"), "").await;
        sandbox.advance(std::time::Duration::from_secs(10));
    }
    subscribe_with_a_card_that_asks(&sandbox).await;
    contest_a_dispute(&sandbox).await;
    go_on_fail_and_go_away(&sandbox).await;
    // Everything that is still alive renews, and is announced before.
    sandbox.advance(std::time::Duration::from_hours(40 * 24));
    let deliveries = sandbox.take_pending_deliveries();
    sandbox.stop().await;
    let told = deliveries.into_iter().map(|delivery| Told {
        version: delivery
            .url
            .rsplit('/')
            .next()
            .unwrap_or_default()
            .to_owned(),
        event_id: delivery.event_id,
        event_type: delivery.event_type,
        body: delivery.body,
    });
    told.collect()
}
