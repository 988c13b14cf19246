//! Opening sessions (A-103, B-046…B-048, E-038, E-039).

use billing_domain::checkout::intent::CheckoutUi;
use billing_domain::checkout::ports::{CheckoutOutcome, CheckoutProvider};
use billing_domain::kernel::provider::ProviderError;

use super::{HOUR, INTENT, REQUESTED_AT, USER, checkout_order, id, provider, provider_after};
use crate::provider::StripeProvider;
use crate::stub_stripe::{Reply, StubStripe};

const SESSION: &str = r#"{"id":"cs_test_1","object":"checkout.session","status":"open","expires_at":1790086400,"url":"https://checkout.stripe.com/c/pay/cs_test_1","client_secret":null}"#;

fn opened_id(outcome: &CheckoutOutcome) -> &str {
    match outcome {
        CheckoutOutcome::Opened(session) => session.id.as_str(),
        CheckoutOutcome::Refused { reason } => panic!("refused: {reason}"),
    }
}

#[tokio::test]
async fn a_subscription_session_says_everything_that_later_events_need() {
    let stub = StubStripe::playing([Reply::ok(SESSION)]);
    let outcome = provider(&stub).open_checkout(&checkout_order()).await;
    match outcome.unwrap() {
        CheckoutOutcome::Opened(session) => {
            assert_eq!(session.id, id("cs_test_1"));
            assert!(session.url.is_some() && session.client_secret.is_none());
            assert_eq!(session.expires_at.unix_seconds(), 1_790_086_400);
        }
        CheckoutOutcome::Refused { reason } => panic!("{reason}"),
    }
    let seen = stub.seen();
    assert_eq!(seen[0].line, "POST /v1/checkout/sessions HTTP/1.1");
    assert_eq!(seen[0].header("idempotency-key"), Some("checkout:1:1"));
    let metadata = [
        format!("[checkout_intent_id]={INTENT}"),
        "[checkout_request]=checkout:1:1".to_owned(),
        "[enterprise_name]=Acme".to_owned(),
        "[enterprise_slug]=acme".to_owned(),
        format!("[user_id]={USER}"),
    ];
    let mut expected: Vec<String> = [
        "allowed_payment_method_types[0]=card",
        "cancel_url=https://shop.example/back",
        "customer=cus_1",
        "line_items[0][price]=price_stripe",
        "line_items[0][quantity]=3",
        "mode=subscription",
        "payment_method_collection=always",
        "subscription_data[trial_period_days]=14",
        "subscription_data[trial_settings][end_behavior][missing_payment_method]=cancel",
        "success_url=https://shop.example/done?session_id={CHECKOUT_SESSION_ID}",
        "ui_mode=hosted_page",
    ]
    .map(str::to_owned)
    .to_vec();
    expected.push(format!("client_reference_id={INTENT}"));
    expected.extend(metadata.iter().map(|pair| format!("metadata{pair}")));
    expected.extend(
        metadata
            .iter()
            .map(|pair| format!("subscription_data[metadata]{pair}")),
    );
    expected.sort();
    assert_eq!(seen[0].form(), expected);
}

#[tokio::test]
async fn a_payment_session_puts_the_metadata_on_the_payment_e_039() {
    let stub = StubStripe::playing([Reply::ok(SESSION)]);
    let mut order = checkout_order();
    order.request.is_recurring = false;
    order.reservation = None;
    provider(&stub).open_checkout(&order).await.unwrap();
    let form = stub.seen()[0].form();
    assert!(form.contains(&"mode=payment".to_owned()));
    let expected = format!("payment_intent_data[metadata][checkout_intent_id]={INTENT}");
    assert!(form.contains(&expected), "{form:?}");
    let of_subscriptions =
        |pair: &String| pair.starts_with("subscription_data") || pair.contains("collection");
    assert!(!form.iter().any(of_subscriptions), "{form:?}");
}

#[tokio::test]
async fn a_custom_page_returns_and_cannot_cancel_a_103() {
    let session = SESSION.replace(r#""client_secret":null"#, r#""client_secret":"cs_secret""#);
    let stub = StubStripe::playing([Reply::ok(&session)]);
    let mut order = checkout_order();
    order.request.ui = CheckoutUi::Custom;
    order.request.success_url = "https://shop.example/a?b=1#c".to_owned();
    order.request.trial_days = 0;
    match provider(&stub).open_checkout(&order).await.unwrap() {
        CheckoutOutcome::Opened(session) => {
            assert_eq!(session.client_secret.as_deref(), Some("cs_secret"));
        }
        CheckoutOutcome::Refused { reason } => panic!("{reason}"),
    }
    let form = stub.seen()[0].form();
    assert!(form.contains(&"ui_mode=elements".to_owned()));
    let back = "return_url=https://shop.example/a?b=1&session_id={CHECKOUT_SESSION_ID}#c";
    assert!(form.contains(&back.to_owned()), "{form:?}");
    for absent in ["success_url", "cancel_url", "subscription_data[trial"] {
        assert!(
            !form.iter().any(|pair| pair.starts_with(absent)),
            "{absent}"
        );
    }
}

#[tokio::test]
async fn an_older_pinned_version_is_spoken_to_in_its_own_words() {
    for (version, ui_mode, has_filter) in [
        ("2025-02-24.acacia", "ui_mode=hosted", false),
        ("2026-08-26.dahlia", "ui_mode=hosted_page", false),
        ("2026-10-28.endive", "ui_mode=hosted_page", true),
    ] {
        let stub = StubStripe::playing([Reply::ok(SESSION)]);
        let mut config = stub.config();
        config.api_version = Some(version.to_owned());
        let clock = std::sync::Arc::new(super::StoppedClock(REQUESTED_AT));
        let provider = StripeProvider::new(&config, clock).unwrap();
        provider.open_checkout(&checkout_order()).await.unwrap();
        let form = stub.seen()[0].form();
        assert!(form.contains(&ui_mode.to_owned()), "{version}: {form:?}");
        let filter = form.contains(&"allowed_payment_method_types[0]=card".to_owned());
        let list = form.contains(&"payment_method_types[0]=card".to_owned());
        assert_eq!((filter, list), (has_filter, !has_filter), "{version}");
    }
}

#[tokio::test]
async fn a_lost_answer_is_asked_for_again_under_the_same_key_e_038() {
    let down = r#"{"type":"api_error"}"#;
    let stub = StubStripe::playing([Reply::error(500, down), Reply::ok(SESSION)]);
    let provider = provider(&stub);
    let outcome = provider.open_checkout(&checkout_order()).await.unwrap();
    assert_eq!(opened_id(&outcome), "cs_test_1");
    let seen = stub.seen();
    assert_eq!(seen[0].header("idempotency-key"), Some("checkout:1:1"));
    assert_eq!(seen[1].header("idempotency-key"), Some("checkout:1:1"));
    assert_eq!(seen[0].form(), seen[1].form());
}

#[tokio::test]
async fn past_the_key_window_the_session_is_looked_up_before_it_is_asked_for() {
    let other = r#"{"id":"cs_other","object":"checkout.session","expires_at":1,"metadata":{"checkout_request":"checkout:1:0"}}"#;
    let ours = SESSION.replace(
        r#""status""#,
        r#""metadata":{"checkout_request":"checkout:1:1"},"status""#,
    );
    let first = format!(r#"{{"object":"list","data":[{other}],"has_more":true}}"#);
    let second = format!(r#"{{"object":"list","data":[{ours}],"has_more":false}}"#);
    let stub = StubStripe::playing([Reply::ok(&first), Reply::ok(&second)]);
    let provider = provider_after(&stub, 23 * HOUR);
    let outcome = provider.open_checkout(&checkout_order()).await.unwrap();
    assert_eq!(opened_id(&outcome), "cs_test_1");
    let seen = stub.seen();
    assert_eq!(
        seen[0].query(),
        ["created[gte]=1789999400", "customer=cus_1", "limit=100"]
    );
    assert!(
        seen[1]
            .query()
            .contains(&"starting_after=cs_other".to_owned())
    );
    assert_eq!(seen.len(), 2);
}

#[tokio::test]
async fn past_the_key_window_a_session_that_never_was_is_opened() {
    let nothing = r#"{"object":"list","data":[],"has_more":false}"#;
    let stub = StubStripe::playing([Reply::ok(nothing), Reply::ok(SESSION)]);
    let provider = provider_after(&stub, 30 * HOUR);
    let outcome = provider.open_checkout(&checkout_order()).await.unwrap();
    assert_eq!(opened_id(&outcome), "cs_test_1");
    assert!(stub.seen()[1].line.starts_with("POST"));
}

#[tokio::test]
async fn within_the_key_window_nothing_is_looked_up() {
    let stub = StubStripe::playing([Reply::ok(SESSION)]);
    let provider = provider_after(&stub, 23 * HOUR - 1);
    provider.open_checkout(&checkout_order()).await.unwrap();
    assert_eq!(stub.seen().len(), 1);
}

#[tokio::test]
async fn a_key_that_met_other_metadata_gives_the_session_that_it_made() {
    let reused = r#"{"type":"idempotency_error","message":"Keys for idempotent requests …"}"#;
    let ours = SESSION.replace(
        r#""status""#,
        r#""metadata":{"checkout_request":"checkout:1:1"},"status""#,
    );
    let list = format!(r#"{{"object":"list","data":[{ours}],"has_more":false}}"#);
    let stub = StubStripe::playing([Reply::error(400, reused), Reply::ok(&list)]);
    let outcome = provider(&stub).open_checkout(&checkout_order()).await;
    assert_eq!(opened_id(&outcome.unwrap()), "cs_test_1");
}

#[tokio::test]
async fn an_inactive_price_is_a_final_no_and_an_unknown_parameter_is_our_bug() {
    let inactive = r#"{"type":"invalid_request_error","param":"line_items[0][price]","message":"The price specified is inactive. This field only accepts active prices."}"#;
    let stub = StubStripe::playing([Reply::error(400, inactive)]);
    let outcome = provider(&stub).open_checkout(&checkout_order()).await;
    let reason = "price_not_accepted".to_owned();
    assert_eq!(outcome.unwrap(), CheckoutOutcome::Refused { reason });

    for (status, error, expected) in [
        (
            400,
            r#"{"type":"invalid_request_error","code":"parameter_unknown","param":"x"}"#,
            "parameter_unknown",
        ),
        (
            401,
            r#"{"type":"invalid_request_error","message":"Invalid API Key"}"#,
            "http_401",
        ),
        (
            400,
            r#"{"type":"invalid_request_error","code":"resource_missing","param":"customer"}"#,
            "customer_missing",
        ),
    ] {
        let stub = StubStripe::playing([Reply::error(status, error)]);
        let error = provider(&stub)
            .open_checkout(&checkout_order())
            .await
            .unwrap_err();
        match error {
            ProviderError::Rejected { code, message: _ }
            | ProviderError::Unauthorized { code, message: _ } => assert_eq!(code, expected),
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn not_knowing_is_not_a_no() {
    let in_use = r#"{"type":"idempotency_error","code":"idempotency_key_in_use"}"#;
    for reply in [
        Reply::error(409, in_use),
        Reply::Answer(502, &[], "<html>".to_owned()),
        Reply::CutBody,
    ] {
        let stub = StubStripe::playing(vec![reply.clone(); 3]);
        let error = provider(&stub)
            .open_checkout(&checkout_order())
            .await
            .unwrap_err();
        assert!(
            matches!(error, ProviderError::Unreachable(_)),
            "{reply:?}: {error:?}"
        );
        assert!(error.is_retryable());
        assert_eq!(stub.seen().len(), 3);
    }
    let limit = Reply::Answer(429, &["Retry-After: 60"], r#"{"error":{}}"#.to_owned());
    let stub = StubStripe::playing([limit]);
    let error = provider(&stub)
        .open_checkout(&checkout_order())
        .await
        .unwrap_err();
    let minute = Some(time::Duration::MINUTE);
    assert!(matches!(error, ProviderError::RateLimited { retry_after } if retry_after == minute));
}

#[tokio::test]
async fn a_failure_that_stripe_remembers_under_the_key_does_not_end_the_sale() {
    let failed = Reply::Answer(
        500,
        &["Idempotent-Replayed: true", "Stripe-Should-Retry: false"],
        r#"{"error":{"type":"api_error"}}"#.to_owned(),
    );
    let nothing = r#"{"object":"list","data":[],"has_more":false}"#;
    let stub = StubStripe::playing([failed.clone(), Reply::ok(nothing), Reply::ok(SESSION)]);
    let outcome = provider(&stub).open_checkout(&checkout_order()).await;
    assert_eq!(opened_id(&outcome.unwrap()), "cs_test_1");
    let next = "checkout:1:1:again";
    assert_eq!(stub.seen()[2].header("idempotency-key"), Some(next));

    let ours = SESSION.replace(
        r#""status""#,
        r#""metadata":{"checkout_request":"checkout:1:1"},"status""#,
    );
    let list = format!(r#"{{"object":"list","data":[{ours}],"has_more":false}}"#);
    let stub = StubStripe::playing([failed, Reply::ok(&list)]);
    let outcome = provider(&stub).open_checkout(&checkout_order()).await;
    assert_eq!(opened_id(&outcome.unwrap()), "cs_test_1");
    assert_eq!(stub.seen().len(), 2);
}
