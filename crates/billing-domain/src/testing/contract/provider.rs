//! What every adapter of the checkout port must do, against whatever plays the provider.

use time::Duration;

use crate::checkout::intent::OpenedSession;
use crate::checkout::ports::{
    CheckoutOrder, CheckoutOutcome, CheckoutProvider, CustomerOrder, SessionStatus,
};
use crate::kernel::provider::ProviderError;
use crate::kernel::text::ProviderRef;
use crate::testing::fixtures::{World, email, provider_ref};

/// A provider and the way to make it lose its next answer.
pub struct Subject<P> {
    /// The adapter.
    pub provider: P,
    /// Lets the next call have its effect and its answer be lost.
    pub lose_next_answer: Box<dyn Fn()>,
}

/// Runs every case. `new_subject` gives a provider without customers and sessions, in which the
/// prices of [`World`] exist.
pub async fn run_checkout_provider<P: CheckoutProvider>(new_subject: impl AsyncFn() -> Subject<P>) {
    the_same_key_gives_the_same_customer(&new_subject().await.provider).await;
    the_same_key_gives_the_same_session(&new_subject().await.provider).await;
    a_lost_answer_is_given_again(&new_subject().await).await;
    closing_a_session_is_harmless_twice(&new_subject().await.provider).await;
    what_is_unknown_is_not_there(&new_subject().await.provider).await;
}

fn customer_order(world: &World) -> CustomerOrder {
    let customer_id = world.id();
    CustomerOrder {
        customer_id,
        email: email("ada@example.com"),
        name: None,
        idempotency_key: format!("customer:{customer_id}"),
    }
}

fn checkout_order(world: &World, customer: ProviderRef) -> CheckoutOrder {
    let (intent, _) = world.intent(world.user.id, "acme");
    CheckoutOrder {
        intent_id: intent.id(),
        user_id: world.user.id,
        reservation: intent.parts().reservation.clone(),
        customer,
        request: world.checkout_request(),
        idempotency_key: format!("checkout:{}:1", intent.id()),
        requested_at: world.now(),
    }
}

async fn opened<P: CheckoutProvider>(provider: &P, order: &CheckoutOrder) -> OpenedSession {
    match provider.open_checkout(order).await {
        Ok(CheckoutOutcome::Opened(session)) => session,
        other => panic!("a session is opened: {other:?}"),
    }
}

async fn customer<P: CheckoutProvider>(provider: &P, order: &CustomerOrder) -> ProviderRef {
    let customer = provider.ensure_customer(order).await;
    customer.expect("a customer is made")
}

async fn the_same_key_gives_the_same_customer<P: CheckoutProvider>(provider: &P) {
    let world = World::new(1);
    let order = customer_order(&world);
    let first = customer(provider, &order).await;
    assert_eq!(customer(provider, &order).await, first);
    let other = customer(provider, &customer_order(&world)).await;
    assert_ne!(
        other, first,
        "another of our customers is another of theirs"
    );
}

async fn the_same_key_gives_the_same_session<P: CheckoutProvider>(provider: &P) {
    let world = World::new(1);
    let customer = customer(provider, &customer_order(&world)).await;
    let order = checkout_order(&world, customer.clone());
    let first = opened(provider, &order).await;
    assert!(first.url.is_some(), "a hosted page has an address");
    assert_eq!(opened(provider, &order).await.id, first.id);
    let second = checkout_order(&world, customer.clone());
    assert_ne!(opened(provider, &second).await.id, first.id);

    let session = provider.session(&first.id).await;
    let session = session.expect("it can be read").expect("it is there");
    assert_eq!(session.intent_id, Some(order.intent_id), "B-048");
    assert_eq!(session.status, SessionStatus::Open);
    assert_eq!(session.customer, Some(customer));
    assert!(!session.is_paid);
}

async fn a_lost_answer_is_given_again<P: CheckoutProvider>(subject: &Subject<P>) {
    let world = World::new(1);
    let order = customer_order(&world);
    (subject.lose_next_answer)();
    let lost = subject.provider.ensure_customer(&order).await;
    assert!(lost.is_err_and(|error| error.is_retryable()));
    let made = customer(&subject.provider, &order).await;
    assert_eq!(customer(&subject.provider, &order).await, made);

    let order = checkout_order(&world, made);
    (subject.lose_next_answer)();
    let lost = subject.provider.open_checkout(&order).await;
    assert!(
        matches!(lost, Err(ProviderError::Unreachable(_))),
        "no answer is neither yes nor no: {lost:?}"
    );
    let session = opened(&subject.provider, &order).await;
    assert_eq!(opened(&subject.provider, &order).await.id, session.id);
}

async fn closing_a_session_is_harmless_twice<P: CheckoutProvider>(provider: &P) {
    let world = World::new(1);
    let customer = customer(provider, &customer_order(&world)).await;
    let order = checkout_order(&world, customer);
    let session = opened(provider, &order).await;
    assert!(session.expires_at > world.now().minus(Duration::days(1)));
    for _ in 0..2 {
        let closed = provider.expire_session(&session.id).await;
        closed.expect("closing is harmless for one that is not open");
        let read = provider.session(&session.id).await;
        let read = read.expect("it can be read").expect("it is there");
        assert_eq!(read.status, SessionStatus::Expired);
    }
}

async fn what_is_unknown_is_not_there<P: CheckoutProvider>(provider: &P) {
    let session = provider.session(&provider_ref("cs_test_unknown")).await;
    assert!(session.expect("an answer").is_none());
    let subscription = provider.subscription(&provider_ref("sub_unknown")).await;
    assert!(subscription.expect("an answer").is_none());
    let invoice = provider.invoice(&provider_ref("in_unknown")).await;
    assert!(invoice.expect("an answer").is_none());
}
