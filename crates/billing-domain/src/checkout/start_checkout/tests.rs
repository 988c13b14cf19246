//! From a wish to an open page, once, whoever else is at it (A-100… ).

use time::Duration;

use super::*;
use crate::checkout::create_intent::CreateIntentError;
use crate::kernel::ports::AnswerReader;
use crate::kernel::recorded_answer::{RecordedAnswer, RequestKey};
use crate::testing::Workbench;
use crate::testing::fake_provider::Failure;
use crate::testing::faults::FaultPoint;
use crate::testing::fixtures::email;

type Started = Result<CheckoutIntent, StartCheckoutError>;

async fn start(bench: &Workbench, wanted: &StartCheckoutRequest) -> Started {
    let buyer = bench.buyer();
    let request = Request::new(&buyer);
    bench.start_checkout().run(&request, wanted).await
}

fn open_count(bench: &Workbench) -> usize {
    let sessions = bench.provider.sessions();
    let open = sessions.iter().filter(|s| s.status == SessionStatus::Open);
    open.count()
}

fn session(intent: &CheckoutIntent) -> ProviderRef {
    intent.parts().links.session.clone().unwrap()
}

#[tokio::test]
async fn a_103_a_104_the_page_is_opened_for_what_was_asked_and_is_linked() {
    let mut bench = Workbench::new().await;
    bench.policy.trial_days = 14;
    let intent = start(&bench, &bench.wish("acme")).await.unwrap();
    let order = bench.provider.order_of(&session(&intent)).unwrap();
    assert_eq!(order.intent_id, intent.id());
    assert_eq!(order.user_id, bench.world.user.id);
    assert_eq!(order.reservation, intent.parts().reservation);
    assert_eq!(order.request.trial_days, 14);
    assert_eq!(order.request.quantity.count(), 10);
    assert_eq!(intent.parts().links.customer, Some(order.customer));
}

#[tokio::test]
async fn a_105_the_same_request_again_gives_the_same_page() {
    let bench = Workbench::new().await;
    let first = start(&bench, &bench.wish("acme")).await.unwrap();
    bench.clock().advance(Duration::hours(1));
    let second = start(&bench, &bench.wish("acme")).await.unwrap();
    assert_eq!(first.checkout(), second.checkout());
    assert_eq!(bench.provider.sessions().len(), 1);
}

#[tokio::test]
async fn a_105_a_different_request_closes_the_page_before_it_opens_another() {
    let bench = Workbench::new().await;
    let first = start(&bench, &bench.wish("acme")).await.unwrap();
    let wanted = StartCheckoutRequest {
        quantity: Quantity::parse(20).unwrap(),
        ..bench.wish("acme")
    };
    let second = start(&bench, &wanted).await.unwrap();
    assert_eq!(first.id(), second.id());
    assert_ne!(session(&first), session(&second));
    assert_eq!(
        (bench.provider.sessions().len(), open_count(&bench)),
        (2, 1)
    );
    assert_eq!(bench.provider.customer_count(), 1);
}

#[tokio::test]
async fn a_105_a_page_that_ran_out_is_replaced() {
    let bench = Workbench::new().await;
    let first = start(&bench, &bench.wish("acme")).await.unwrap();
    bench.clock().advance(Duration::hours(24));
    bench.provider.time_out(&session(&first));
    let second = start(&bench, &bench.wish("acme")).await.unwrap();
    assert_ne!(session(&first), session(&second));
    assert_eq!(open_count(&bench), 1);
}

#[tokio::test]
async fn a_102_a_page_that_was_completed_meanwhile_is_not_replaced() {
    let bench = Workbench::new().await;
    let first = start(&bench, &bench.wish("acme")).await.unwrap();
    bench.provider.pay(&session(&first)).unwrap();
    let wanted = StartCheckoutRequest {
        quantity: Quantity::parse(20).unwrap(),
        ..bench.wish("acme")
    };
    let refused = start(&bench, &wanted).await;
    assert!(matches!(refused, Err(StartCheckoutError::AlreadyPaid)));
    assert_eq!(bench.provider.sessions().len(), 1);
}

#[tokio::test]
async fn a_102_a_paid_intent_gets_no_second_page() {
    let bench = Workbench::new().await;
    bench.buy("acme").await;
    let refused = start(&bench, &bench.wish("acme")).await;
    assert!(matches!(refused, Err(StartCheckoutError::AlreadyPaid)));
    assert_eq!(bench.provider.sessions().len(), 1);
}

#[tokio::test]
async fn a_101_a_reserved_slug_is_refused_without_asking_the_provider() {
    let bench = Workbench::new().await;
    let eve = bench.world.seed_user(&bench.store, "eve").await;
    let (intent, event) = bench.world.intent(eve.id, "acme");
    let reserved = bench.world.changes().insert_intent(intent, event);
    bench.writer.commit(reserved).await.unwrap();
    let refused = start(&bench, &bench.wish("acme")).await;
    assert!(matches!(refused, Err(StartCheckoutError::SlugReserved)));
    assert_eq!(bench.provider.customer_count(), 0);
}

#[tokio::test]
async fn a_lost_answer_is_found_again_under_the_same_key() {
    let bench = Workbench::new().await;
    bench.provider.fail_next(Failure::AnswerLost);
    let unknown = start(&bench, &bench.wish("acme")).await;
    assert!(matches!(unknown, Err(StartCheckoutError::Provider(_))));
    bench.clock().advance(Duration::minutes(5));
    start(&bench, &bench.wish("acme")).await.unwrap();
    assert_eq!(
        bench.provider.customer_count(),
        1,
        "the customer's key is the same"
    );
    assert_eq!(bench.provider.sessions().len(), 1);
}

/// The customer exists, and the answer about the page is lost.
async fn with_a_page_of_which_nobody_heard() -> Workbench {
    let bench = Workbench::new().await;
    let buyer = bench.buyer();
    let customer = bench.ensure_customer();
    let owner = crate::customers::customer::CustomerOwner::User(bench.world.user.id);
    let cause = crate::kernel::change_set::Cause::request(&buyer);
    let address = email("ada@example.com");
    customer.run(owner, &address, None, &cause).await.unwrap();
    bench.provider.fail_next(Failure::AnswerLost);
    let unknown = start(&bench, &bench.wish("acme")).await;
    assert!(matches!(unknown, Err(StartCheckoutError::Provider(_))));
    assert_eq!(bench.intent().checkout().name(), "requested");
    assert_eq!(open_count(&bench), 1);
    bench
}

#[tokio::test]
async fn an_answer_that_is_lost_anywhere_ends_with_one_customer_and_one_page() {
    let bench = Workbench::new().await;
    bench.faults.restart();
    start(&bench, &bench.wish("acme")).await.unwrap();
    let calls = bench.faults.call_count();
    for n in 1..=calls {
        let bench = Workbench::new().await;
        bench.faults.fail_nth(n, FaultPoint::AfterEffect);
        assert!(
            start(&bench, &bench.wish("acme")).await.is_err(),
            "call {n}"
        );
        bench.faults.restart();
        start(&bench, &bench.wish("acme")).await.unwrap();
        assert_eq!(bench.store.intents().len(), 1, "call {n}");
        assert_eq!(bench.provider.customer_count(), 1, "call {n}");
        assert_eq!(bench.provider.sessions().len(), 1, "call {n}");
    }
}

#[tokio::test]
async fn a_pending_request_is_continued_by_the_same_request() {
    let bench = with_a_page_of_which_nobody_heard().await;
    let intent = start(&bench, &bench.wish("acme")).await.unwrap();
    assert_eq!(session(&intent), bench.provider.sessions()[0].id);
    assert_eq!(bench.provider.sessions().len(), 1);
}

#[tokio::test]
async fn a_pending_request_that_differs_is_learnt_and_then_replaced() {
    let bench = with_a_page_of_which_nobody_heard().await;
    let wanted = StartCheckoutRequest {
        quantity: Quantity::parse(20).unwrap(),
        ..bench.wish("acme")
    };
    let intent = start(&bench, &wanted).await.unwrap();
    assert_eq!(
        (bench.provider.sessions().len(), open_count(&bench)),
        (2, 1)
    );
    let order = bench.provider.order_of(&session(&intent)).unwrap();
    assert_eq!(order.request.quantity.count(), 20);
}

#[tokio::test]
async fn a_105_of_two_twins_both_get_the_page_that_one_of_them_opened() {
    let bench = with_a_page_of_which_nobody_heard().await;
    let twin = bench.clone();
    // The twin commits its answer between this one's call of the provider and its commit.
    let opened = twin.provider.sessions()[0].id.clone();
    let stored = bench.store.intents()[0].clone();
    let command = IntentCommand::OpenCheckout {
        session: bench.world.opened_session(opened.as_str()),
        customer: bench.provider.sessions()[0].customer.clone().unwrap(),
    };
    let transition = stored.value.apply(command, bench.now()).unwrap();
    let rival = bench.world.changes().change_intent(&stored, transition);
    let buyer = bench.buyer();
    let key = RequestKey {
        principal: buyer.label(),
        route: "/checkouts".to_owned(),
        key: "twin".to_owned(),
        fingerprint: "same".to_owned(),
    };
    let render = |intent: &CheckoutIntent| RecordedAnswer {
        code: 201,
        body: intent.id().to_string(),
    };
    let request = Request::remembered(&buyer, key.clone(), &render);
    let rivals = bench.with_rivals(vec![rival]);
    let wanted = bench.wish("acme");
    let intent = rivals
        .start_checkout()
        .run(&request, &wanted)
        .await
        .unwrap();
    assert_eq!(session(&intent), opened);
    assert_eq!(bench.provider.sessions().len(), 1);
    let remembered = bench.store.answer(&key).await.unwrap().unwrap();
    assert_eq!(remembered.answer.body, intent.id().to_string());
}

#[tokio::test]
async fn a_refusal_is_final_for_its_request_and_the_next_one_asks_anew() {
    let bench = Workbench::new().await;
    bench.provider.refuse_checkouts("card_declined");
    let refused = start(&bench, &bench.wish("acme")).await;
    assert!(
        matches!(refused, Err(StartCheckoutError::Refused { reason }) if reason == "card_declined")
    );
    assert_eq!(bench.intent().checkout().name(), "closed");
    bench.provider.accept_checkouts();
    let intent = start(&bench, &bench.wish("acme")).await.unwrap();
    assert_eq!(intent.checkout().attempt(), 2);
}

#[tokio::test]
async fn a_113_no_page_is_opened_for_a_country_under_embargo() {
    let bench = Workbench::new().await;
    let wanted = StartCheckoutRequest {
        country: CountryCode::parse("KP").ok(),
        ..bench.wish("acme")
    };
    let refused = start(&bench, &wanted).await;
    assert!(matches!(
        refused,
        Err(StartCheckoutError::CountryNotSupported)
    ));
}

#[tokio::test]
async fn a_090_a_093_a_107_what_does_not_fit_is_refused_before_anything_is_reserved() {
    let bench = Workbench::new().await;
    let wish = || bench.wish("acme");
    let unknown = crate::kernel::text::LookupKey::parse("nothing").unwrap();
    let other_address = StartCheckoutRequest {
        admin_email: email("eve@example.com"),
        ..wish()
    };
    let too_few = StartCheckoutRequest {
        quantity: Quantity::parse(4).unwrap(),
        ..wish()
    };
    let no_price = StartCheckoutRequest {
        price: PriceName::LookupKey(unknown),
        ..wish()
    };
    let elsewhere = StartCheckoutRequest {
        success_url: Some("https://evil.example/".to_owned()),
        ..wish()
    };
    let refusals = [
        start(&bench, &other_address).await.unwrap_err(),
        start(&bench, &too_few).await.unwrap_err(),
        start(&bench, &no_price).await.unwrap_err(),
        start(&bench, &elsewhere).await.unwrap_err(),
    ];
    assert!(matches!(
        refusals,
        [
            StartCheckoutError::AdminEmailMismatch,
            StartCheckoutError::QuantityOutOfRange { min: 5, max: 30 },
            StartCheckoutError::UnknownPrice,
            StartCheckoutError::RedirectNotAllowed,
        ]
    ));
    assert!(bench.store.intents().is_empty());
}

#[test]
fn every_reason_not_to_create_an_intent_is_a_reason_not_to_start() {
    let reserved = StartCheckoutError::from(CreateIntentError::SlugReserved);
    assert!(matches!(reserved, StartCheckoutError::SlugReserved));
    let failed = StartCheckoutError::from(CreateIntentError::EarlierPurchaseFailed);
    assert!(matches!(failed, StartCheckoutError::EarlierPurchaseFailed));
}
