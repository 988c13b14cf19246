//! Every event of the pipeline's table (F.2), made by the sandbox and told in ten API versions.

use billing_sandbox::SandboxConfig;
use reqwest::Method;
use serde_json::Value;

use crate::sandbox_client::SandboxClient;

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

/// Its first invoice waits for the customer to confirm.
async fn subscribe_with_a_card_that_asks(stripe: &SandboxClient) {
    let id = |object: &Value| object["id"].as_str().expect("it is there").to_owned();
    let price = "currency=usd&unit_amount=500&recurring[interval]=month&product_data[name]=Pro";
    let price = id(&stripe.post("/v1/prices", price).await);
    let customer = id(&stripe.post("/v1/customers", "email=ada@example.com").await);
    let attach = "/v1/payment_methods/pm_card_threeDSecure2Required/attach";
    let card = id(&stripe.post(attach, &format!("customer={customer}")).await);
    let body = format!(
        "customer={customer}&items[0][price]={price}&default_payment_method={card}&off_session=false"
    );
    stripe.post("/v1/subscriptions", &body).await;
}

/// The sale that the objects of ours name.
pub const INTENT: &str = "chk_01890a5dac96774bbcceb302099a8057";

/// Lets a subscription go on, which it does when what it owes is paid.
async fn resume(stripe: &SandboxClient, subscription: &str) {
    let resumed = stripe.post(&format!("{subscription}/resume"), "").await;
    let invoice = resumed["latest_invoice"].as_str().expect("it is billed");
    let pay = format!("/v1/invoices/{invoice}/pay");
    stripe.post(&pay, "payment_method=pm_card_visa").await;
}

/// A sale of ours, from its page to its end: everything names it, as a purchase by this service does.
async fn sell(stripe: &SandboxClient) {
    let sandbox = &stripe.sandbox;
    let id = |object: &Value| object["id"].as_str().expect("it is there").to_owned();
    let price = "currency=usd&unit_amount=500&recurring[interval]=month&product_data[name]=Team";
    let price = id(&stripe.post("/v1/prices", price).await);
    let customer = id(&stripe
        .post("/v1/customers", "email=grace@example.com")
        .await);
    let page = format!(
        "mode=subscription&customer={customer}&line_items[0][price]={price}\
         &line_items[0][quantity]=3&success_url=https://shop.example/thanks\
         &metadata[checkout_intent_id]={INTENT}\
         &subscription_data[metadata][checkout_intent_id]={INTENT}"
    );
    let abandoned = id(&stripe.post("/v1/checkout/sessions", &page).await);
    stripe
        .post(&format!("/v1/checkout/sessions/{abandoned}/expire"), "")
        .await;
    let session = id(&stripe.post("/v1/checkout/sessions", &page).await);
    let paid = sandbox.pay_checkout(&session, "4242424242424242");
    assert_eq!(paid.expect("it is there")["status"], "complete");
    let subscription = last_object(stripe, "customer.subscription.created");
    let subscription = format!("/v1/subscriptions/{subscription}");
    stripe.post(&format!("{subscription}/pause"), "").await;
    sandbox.advance(std::time::Duration::from_secs(10));
    resume(stripe, &subscription).await;
    let end = sandbox.now() + 2 * 24 * 3_600;
    let trial = format!("trial_end={end}&proration_behavior=none");
    stripe.post(&subscription, &trial).await;
    stripe.post(&subscription, "trial_end=now").await;
    let attach = "/v1/payment_methods/pm_card_chargeCustomerFail/attach";
    let card = id(&stripe.post(attach, &format!("customer={customer}")).await);
    let body = format!("default_payment_method={card}");
    let changed = stripe.post(&subscription, &body).await;
    let item = id(&changed["items"]["data"][0]);
    let more =
        format!("items[0][id]={item}&items[0][quantity]=9&proration_behavior=always_invoice");
    stripe.post(&subscription, &more).await;
    let (is_ended, answer) = stripe.ask(Method::DELETE, &subscription, "").await;
    assert!(is_ended, "{answer}");
    sandbox.advance(std::time::Duration::from_secs(10));
}

/// A card whose payments are disputed, and evidence against that.
async fn contest_a_dispute(stripe: &SandboxClient) {
    let body = "amount=500&currency=usd&confirm=true&payment_method=pm_card_createDispute\
                &automatic_payment_methods[enabled]=true\
                &automatic_payment_methods[allow_redirects]=never";
    stripe.post("/v1/payment_intents", body).await;
    let event = (stripe.sandbox.events().into_iter().rev())
        .find(|event| event["type"] == "charge.dispute.created")
        .expect("it is there");
    let dispute = event["data"]["object"]["id"].as_str().expect("it is there");
    let evidence = "evidence[uncategorized_text]=winning_evidence";
    stripe
        .post(&format!("/v1/disputes/{dispute}"), evidence)
        .await;
}

/// The object of the last event of a type.
fn last_object(stripe: &SandboxClient, kind: &str) -> String {
    let events = stripe.sandbox.events().into_iter().rev();
    let mut events = events.filter(|event| event["type"] == kind);
    let event = events.next().expect("it came");
    let id = event["data"]["object"]["id"].as_str();
    id.expect("an object has an id").to_owned()
}

/// What no trigger makes: a subscription that goes on, a refund that fails, a price that goes away.
async fn go_on_fail_and_go_away(stripe: &SandboxClient) {
    let paused = last_object(stripe, "customer.subscription.paused");
    resume(stripe, &format!("/v1/subscriptions/{paused}")).await;
    let body = "amount=500&currency=usd&confirm=true&payment_method=pm_card_refundFail\
                &automatic_payment_methods[enabled]=true\
                &automatic_payment_methods[allow_redirects]=never";
    let payment = stripe.post("/v1/payment_intents", body).await;
    let payment = payment["id"].as_str().expect("an object has an id");
    stripe
        .post("/v1/refunds", &format!("payment_intent={payment}"))
        .await;
    let plan = "amount=500&currency=usd&interval=month&product[name]=Old&id=price_old";
    stripe.post("/v1/plans", plan).await;
    let (is_gone, answer) = stripe.ask(Method::DELETE, "/v1/plans/price_old", "").await;
    assert!(is_gone, "{answer}");
}

/// Lets everything happen; gives what each version is told, in order.
///
/// # Panics
/// If the sandbox refuses a step.
pub async fn corpus() -> Vec<Told> {
    let stripe = SandboxClient::start(SandboxConfig::default().seed, 1_790_000_000).await;
    let sandbox = &stripe.sandbox;
    for version in VERSIONS {
        stripe.listen(version).await;
    }
    stripe.listen_thinly(THIN).await;
    // First, so that of each type ours is the one that is looked at closely.
    sell(&stripe).await;
    for kind in TRIGGERS {
        stripe.post(&format!("/sandbox/trigger/{kind}"), "").await;
        sandbox.advance(std::time::Duration::from_secs(10));
    }
    subscribe_with_a_card_that_asks(&stripe).await;
    contest_a_dispute(&stripe).await;
    go_on_fail_and_go_away(&stripe).await;
    // Everything that is still alive renews, and is announced before.
    sandbox.advance(std::time::Duration::from_hours(40 * 24));
    let deliveries = sandbox.take_pending_deliveries();
    stripe.sandbox.stop().await;
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
