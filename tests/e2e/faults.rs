//! Stripe down, Stripe's answers lost, Stripe's words in any version.

use billing_sandbox::{Fault, FaultKind};
use billing_tests::house::{House, purchase};
use reqwest::{Method, StatusCode};

#[tokio::test]
async fn stripe_down_keeps_the_intent_and_says_when_to_come_back() {
    for house in House::every().await {
        let buyer = &house.world.credentials.buyer;
        house.world.sandbox.set_offline(true);
        let down = house.checkout(buyer, "sale", &purchase("acme", 10)).await;
        assert!(
            [StatusCode::BAD_GATEWAY, StatusCode::SERVICE_UNAVAILABLE].contains(&down.status),
            "{}: {}",
            down.status,
            down.text
        );
        assert_eq!(down.code(), "stripe_unavailable");
        assert!(
            down.headers.contains_key("retry-after"),
            "{:?}",
            down.headers
        );
        assert_eq!(
            house.database.row_count("checkout_intents").await,
            1,
            "the intent is kept"
        );

        house.world.sandbox.set_offline(false);
        let up = house.checkout(buyer, "sale", &purchase("acme", 10)).await;
        assert_eq!(up.status, StatusCode::CREATED, "{}", up.text);
        assert_eq!(house.at_stripe("/v1/customers").await.len(), 1);
        assert_eq!(house.at_stripe("/v1/checkout/sessions").await.len(), 1);
        house.stop().await;
    }
}

#[tokio::test]
async fn f_6_6_an_answer_that_is_lost_leads_to_the_same_single_objects() {
    for house in House::every().await {
        let lose = [
            Fault::once("POST", "/v1/customers", FaultKind::CutAfter),
            Fault::once("POST", "/v1/checkout/sessions", FaultKind::CutAfter),
        ];
        house.world.sandbox.faults(lose);
        let buyer = &house.world.credentials.buyer;
        let mut answer = house.checkout(buyer, "sale", &purchase("acme", 10)).await;
        for _ in 0..3 {
            if answer.status == StatusCode::CREATED {
                break;
            }
            answer = house.checkout(buyer, "sale", &purchase("acme", 10)).await;
        }
        assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.text);
        assert_eq!(
            house.at_stripe("/v1/customers").await.len(),
            1,
            "{}",
            house.name()
        );
        assert_eq!(
            house.at_stripe("/v1/checkout/sessions").await.len(),
            1,
            "{}",
            house.name()
        );
        house.stop().await;
    }
}

/// The return page asks Stripe itself, so it is right before any webhook came; the webhooks that
/// come later change nothing.
#[tokio::test]
async fn the_return_page_never_shows_unpaid_to_somebody_who_paid() {
    for house in House::every().await {
        let started = house
            .checkout(&house.world.credentials.buyer, "sale", &purchase("acme", 5))
            .await;
        let session = started.text_at("/checkout_session_id");
        house.pay(&session);
        let path = format!("/checkout/success?session_id={session}");
        let page = house
            .send(
                house
                    .request(Method::GET, &path)
                    .header("Accept", "text/html"),
            )
            .await;
        assert_eq!(page.status, StatusCode::OK, "{}", page.text);
        assert!(
            !page.text.to_lowercase().contains("unpaid"),
            "{}",
            page.text
        );
        let intent_id = started.text_at("/checkout_intent/id");
        assert_ne!(house.intent(&intent_id).await.text_at("/state"), "created");
        house.world.sandbox.deliver_due().await;
        house.drain().await;
        assert_eq!(
            house.intent(&intent_id).await.text_at("/state"),
            "fulfilled"
        );
        assert_eq!(house.database.row_count("provisioning_workflows").await, 1);
        assert_eq!(house.database.row_count("licenses").await, 5);
        house.stop().await;
    }
}

#[tokio::test]
async fn a_102_a_paid_checkout_gets_no_second_session() {
    for house in House::every().await {
        let buyer = &house.world.credentials.buyer;
        let started = house.checkout(buyer, "sale", &purchase("acme", 5)).await;
        house.pay(&started.text_at("/checkout_session_id"));
        house.world.sandbox.deliver_due().await;
        // Applied, not yet provisioned: the intent is paid.
        for applier in &house.world.service.application.workers.inbox {
            applier.run().await.expect("nothing fails");
        }
        let again = house.checkout(buyer, "again", &purchase("acme", 5)).await;
        assert_eq!(
            (again.status, again.code()),
            (StatusCode::CONFLICT, "checkout_intent_already_paid")
        );
        assert_eq!(house.at_stripe("/v1/checkout/sessions").await.len(), 1);
        house.stop().await;
    }
}

/// Another quantity is another page: the first one is closed, so that nobody pays both.
#[tokio::test]
async fn a_105_the_same_wish_reuses_the_page_and_another_one_replaces_it() {
    for house in House::every().await {
        let buyer = &house.world.credentials.buyer;
        let first = house.checkout(buyer, "one", &purchase("acme", 5)).await;
        let same = house.checkout(buyer, "two", &purchase("acme", 5)).await;
        assert_eq!(
            first.text_at("/checkout_session_id"),
            same.text_at("/checkout_session_id")
        );
        let other = house.checkout(buyer, "three", &purchase("acme", 6)).await;
        assert_ne!(
            first.text_at("/checkout_session_id"),
            other.text_at("/checkout_session_id")
        );
        let sessions = house.at_stripe("/v1/checkout/sessions").await;
        let open = sessions
            .iter()
            .filter(|session| session["status"] == "open")
            .count();
        assert_eq!((sessions.len(), open), (2, 1), "{}", house.name());
        house.stop().await;
    }
}
