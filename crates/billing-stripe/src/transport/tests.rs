//! The transport against a scripted server: headers, retries, broken answers, connections.

use std::time::Duration;

use secrecy::SecretString;
use stripe_client_core::{
    IdempotencyKey, RequestBuilder, RequestStrategy, StripeClient, StripeMethod, StripeRequest,
};

use super::*;
use crate::config::StripeMode;
use crate::stub_stripe::{Reply, StubStripe};

fn post() -> RequestBuilder {
    let mut request = RequestBuilder::new(StripeMethod::Post, "/things");
    request.body = Some("b=2&a=1".to_owned());
    request
}

fn get() -> RequestBuilder {
    RequestBuilder::new(StripeMethod::Get, "/things/t_1")
}

fn transport(stub: &StubStripe) -> StripeTransport {
    StripeTransport::new(&stub.config()).unwrap()
}

async fn send(transport: &StripeTransport, request: RequestBuilder) -> Result<Answer, CallError> {
    transport.send(request, CallOptions::default()).await
}

const DOWN: &str = r#"{"type":"api_error","message":"down"}"#;

#[tokio::test]
async fn every_request_carries_key_version_and_agent_and_a_post_its_idempotency_key() {
    let stub = StubStripe::playing([Reply::ok("{}"), Reply::ok("{}")]);
    let transport = transport(&stub);
    send(&transport, post()).await.unwrap();
    send(&transport, get()).await.unwrap();
    let seen = stub.seen();
    assert_eq!(seen[0].line, "POST /v1/things HTTP/1.1");
    assert_eq!(seen[1].line, "GET /v1/things/t_1 HTTP/1.1");
    for request in &seen {
        assert_eq!(request.header("authorization"), Some("Bearer sk_test_stub"));
        assert_eq!(request.header("stripe-version"), Some("2026-09-30.endive"));
        let agent = request.header("user-agent").unwrap();
        assert!(agent.starts_with("billing-stripe/"), "{agent}");
    }
    assert_eq!(seen[0].body, "a=1&b=2", "the pairs are in order");
    let form_type = Some("application/x-www-form-urlencoded");
    assert_eq!(seen[0].header("content-type"), form_type);
    let key = seen[0].header("idempotency-key").unwrap();
    assert!(key.starts_with("call:") && key.len() > 30, "{key}");
    assert_eq!(seen[1].header("idempotency-key"), None);
}

#[tokio::test]
async fn the_version_can_be_pinned_elsewhere() {
    let stub = StubStripe::playing([Reply::ok("{}")]);
    let mut config = stub.config();
    config.api_version = Some("2024-06-20".to_owned());
    let transport = StripeTransport::new(&config).unwrap();
    send(&transport, get()).await.unwrap();
    assert_eq!(stub.seen()[0].header("stripe-version"), Some("2024-06-20"));
}

#[tokio::test]
async fn a_failure_in_passing_is_retried_under_the_same_key() {
    let stub = StubStripe::playing([
        Reply::error(500, DOWN),
        Reply::Cut,
        Reply::ok(r#"{"id":"t_1"}"#),
    ]);
    let answer = send(&transport(&stub), post()).await.unwrap();
    assert_eq!(answer.body, r#"{"id":"t_1"}"#);
    let seen = stub.seen();
    assert_eq!(seen.len(), 3);
    let keys: Vec<_> = seen
        .iter()
        .map(|seen| seen.header("idempotency-key"))
        .collect();
    assert!(keys[0].is_some() && keys[0] == keys[1] && keys[1] == keys[2]);
}

#[tokio::test]
async fn attempts_are_bounded() {
    let stub = StubStripe::playing(vec![Reply::error(503, DOWN); 9]);
    let error = send(&transport(&stub), post()).await.unwrap_err();
    assert!(matches!(error, CallError::Refused(error) if error.status == 503));
    assert_eq!(stub.seen().len(), 3);
}

#[tokio::test]
async fn a_rate_limit_is_retried_and_a_long_one_is_handed_on_with_its_time() {
    let limited = |after| {
        let error = r#"{"error":{"type":"invalid_request_error","code":"rate_limit"}}"#;
        Reply::Answer(429, after, error.to_owned())
    };
    let soon = StubStripe::playing([limited(&["Retry-After: 0"]), Reply::ok("{}")]);
    send(&transport(&soon), get()).await.unwrap();
    assert_eq!(soon.seen().len(), 2);

    let late = StubStripe::playing([limited(&["Retry-After: 60"])]);
    let error = send(&transport(&late), get()).await.unwrap_err();
    let CallError::Refused(error) = error else {
        panic!("{error:?}");
    };
    assert_eq!(error.retry_after, Some(Duration::from_mins(1)));
    assert_eq!(late.seen().len(), 1);
}

#[tokio::test]
async fn stripe_decides_whether_a_retry_makes_sense() {
    let no = Reply::Answer(
        500,
        &["Stripe-Should-Retry: false"],
        r#"{"error":{}}"#.to_owned(),
    );
    let stub = StubStripe::playing([no]);
    assert!(send(&transport(&stub), post()).await.is_err());
    assert_eq!(stub.seen().len(), 1);

    let yes = Reply::Answer(
        400,
        &["Stripe-Should-Retry: true"],
        r#"{"error":{}}"#.to_owned(),
    );
    let stub = StubStripe::playing([yes, Reply::ok("{}")]);
    assert!(send(&transport(&stub), post()).await.is_ok());
    assert_eq!(stub.seen().len(), 2);
}

#[tokio::test]
async fn a_lock_is_waited_out_and_a_refusal_is_not() {
    let lock = r#"{"type":"invalid_request_error","code":"lock_timeout"}"#;
    let stub = StubStripe::playing([Reply::error(409, lock), Reply::ok("{}")]);
    assert!(send(&transport(&stub), post()).await.is_ok());

    let unknown = r#"{"type":"invalid_request_error","code":"parameter_unknown","param":"x"}"#;
    let stub = StubStripe::playing([Reply::error(400, unknown), Reply::ok("{}")]);
    let error = send(&transport(&stub), post()).await.unwrap_err();
    let CallError::Refused(error) = error else {
        panic!("{error:?}");
    };
    assert_eq!(error.param.as_deref(), Some("x"));
    assert_eq!(error.request_id.as_deref(), Some("req_stub"));
    assert_eq!(stub.seen().len(), 1);
}

#[tokio::test]
async fn a_page_of_a_proxy_is_no_answer_of_stripe() {
    let html = "<html>Bad gateway</html>".to_owned();
    for reply in [
        Reply::Answer(502, &["Content-Type: text/html"], html.clone()),
        Reply::Answer(200, &["Content-Type: text/html"], html),
        Reply::CutBody,
        Reply::Cut,
    ] {
        let stub = StubStripe::playing(vec![reply.clone(); 3]);
        let error = send(&transport(&stub), post()).await.unwrap_err();
        assert!(
            matches!(error, CallError::Unreachable(_)),
            "{reply:?}: {error:?}"
        );
        assert_eq!(stub.seen().len(), 3, "{reply:?}");
    }
}

#[tokio::test]
async fn a_silent_server_is_given_up_on_after_the_timeout() {
    let stub = StubStripe::playing([Reply::Silence]);
    let mut config = stub.config();
    config.timeout = Duration::from_millis(50);
    config.retries_max = 0;
    let transport = StripeTransport::new(&config).unwrap();
    let error = send(&transport, get()).await.unwrap_err();
    assert!(matches!(error, CallError::Unreachable(_)), "{error:?}");
}

#[tokio::test]
async fn fifty_requests_in_a_row_use_one_connection() {
    let stub = StubStripe::playing(vec![Reply::ok("{}"); 50]);
    let transport = transport(&stub);
    for _ in 0..50 {
        send(&transport, get()).await.unwrap();
    }
    let seen = stub.seen();
    assert_eq!(seen.len(), 50);
    assert!(seen.iter().all(|request| request.connection == 0));
}

#[tokio::test]
async fn without_a_key_nothing_is_sent() {
    let stub = StubStripe::playing([]);
    for key in [None, Some(SecretString::from(" ".to_owned()))] {
        let mut config = stub.config();
        config.secret_key = key;
        let transport = StripeTransport::new(&config).unwrap();
        let error = send(&transport, get()).await.unwrap_err();
        assert!(matches!(error, CallError::NotConfigured));
    }
    assert!(stub.seen().is_empty());
}

#[tokio::test]
async fn the_typed_builders_send_through_it_with_their_own_key() {
    let stub = StubStripe::playing([Reply::ok(r#"{"id":"cs_1"}"#)]);
    let key = IdempotencyKey::new("mine").unwrap();
    let request = stripe_checkout::checkout_session::ExpireCheckoutSession::new("cs_1")
        .customize()
        .request_strategy(RequestStrategy::Idempotent(key));
    // The typed answer is not what this is about: it wants every field.
    let _ = request.send(&transport(&stub)).await;
    let seen = stub.seen();
    assert_eq!(
        seen[0].line,
        "POST /v1/checkout/sessions/cs_1/expire HTTP/1.1"
    );
    assert_eq!(seen[0].header("idempotency-key"), Some("mine"));
}

/// Plain HTTP, so that no certificates of this machine are needed.
fn unreached() -> StripeConfig {
    StripeConfig {
        api_base: "http://127.0.0.1:1".to_owned(),
        ..StripeConfig::new(StripeMode::Test, None)
    }
}

#[test]
fn neither_the_key_nor_an_error_shows_the_secret() {
    let mut config = unreached();
    config.secret_key = Some(SecretString::from("sk_test_hidden".to_owned()));
    let text = format!("{:?}", StripeTransport::new(&config).unwrap());
    assert!(!text.contains("sk_test") && text.contains("***"), "{text}");
    let mut bad = config;
    bad.secret_key = Some(SecretString::from("sk_test_\u{1}hidden".to_owned()));
    let error = StripeTransport::new(&bad).unwrap_err();
    assert!(!format!("{error:?} {error}").contains("hidden"));
}

fn assert_client<C: StripeClient>(_: &C) {}

#[test]
fn the_transport_is_a_client_of_the_request_builders() {
    assert_client(&StripeTransport::new(&unreached()).unwrap());
}
