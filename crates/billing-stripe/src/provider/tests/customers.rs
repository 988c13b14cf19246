//! One customer at Stripe for each of ours (B-044, B-045, E-037).

use billing_domain::checkout::ports::CheckoutProvider;
use billing_domain::kernel::provider::ProviderError;

use super::{CUSTOMER, customer_order, id, provider};
use crate::stub_stripe::{Reply, StubStripe};

const NONE: &str = r#"{"object":"search_result","data":[],"has_more":false}"#;

fn found(customers: &[(&str, i64)]) -> Reply {
    let customers: Vec<String> = customers
        .iter()
        .map(|(id, created)| {
            format!(
                r#"{{"id":"{id}","object":"customer","created":{created},"metadata":{{"billing_customer_id":"{CUSTOMER}"}}}}"#
            )
        })
        .collect();
    Reply::ok(&format!(
        r#"{{"object":"list","data":[{}]}}"#,
        customers.join(",")
    ))
}

#[tokio::test]
async fn a_new_customer_carries_our_id_e_037() {
    let stub = StubStripe::playing([Reply::ok(NONE), Reply::ok(r#"{"id":"cus_1"}"#)]);
    let customer = provider(&stub).ensure_customer(&customer_order()).await;
    assert_eq!(customer.unwrap(), id("cus_1"));
    let seen = stub.seen();
    let query = format!("query=metadata[\"billing_customer_id\"]:\"{CUSTOMER}\"");
    assert_eq!(seen[0].query(), ["limit=10".to_owned(), query]);
    assert_eq!(seen[1].header("idempotency-key"), Some("customer:1"));
    let expected = [
        "email=ada@example.com".to_owned(),
        format!("metadata[billing_customer_id]={CUSTOMER}"),
        "name=Acme & Söhne".to_owned(),
    ];
    assert_eq!(seen[1].form(), expected);
}

#[tokio::test]
async fn a_known_customer_is_found_and_the_oldest_of_two_wins() {
    let stub = StubStripe::playing([found(&[("cus_2", 20), ("cus_1", 10)])]);
    let customer = provider(&stub).ensure_customer(&customer_order()).await;
    assert_eq!(customer.unwrap(), id("cus_1"));
    assert_eq!(stub.seen().len(), 1);
}

#[tokio::test]
async fn where_there_is_no_search_the_list_by_address_is_used() {
    let no_search = r#"{"type":"invalid_request_error","message":"Search is not available"}"#;
    let stub = StubStripe::playing([Reply::error(400, no_search), found(&[("cus_1", 10)])]);
    let customer = provider(&stub).ensure_customer(&customer_order()).await;
    assert_eq!(customer.unwrap(), id("cus_1"));
    let seen = stub.seen();
    assert_eq!(seen[1].query(), ["email=ada@example.com", "limit=100"]);
}

#[tokio::test]
async fn a_customer_that_was_deleted_under_its_key_is_created_again_b_045() {
    let replay = Reply::Answer(
        200,
        &["Idempotent-Replayed: true"],
        r#"{"id":"cus_1"}"#.to_owned(),
    );
    let stub = StubStripe::playing([
        Reply::ok(NONE),
        replay,
        Reply::ok(r#"{"id":"cus_1","object":"customer","deleted":true}"#),
        Reply::ok(r#"{"id":"cus_2"}"#),
    ]);
    let customer = provider(&stub).ensure_customer(&customer_order()).await;
    assert_eq!(customer.unwrap(), id("cus_2"));
    let key = "customer:1:after:cus_1";
    assert_eq!(stub.seen()[3].header("idempotency-key"), Some(key));
}

#[tokio::test]
async fn a_repeated_creation_gives_the_same_customer() {
    let replay = Reply::Answer(
        200,
        &["Idempotent-Replayed: true"],
        r#"{"id":"cus_1"}"#.to_owned(),
    );
    let alive = Reply::ok(r#"{"id":"cus_1","object":"customer"}"#);
    let stub = StubStripe::playing([Reply::ok(NONE), replay, alive]);
    let customer = provider(&stub).ensure_customer(&customer_order()).await;
    assert_eq!(customer.unwrap(), id("cus_1"));
}

#[tokio::test]
async fn a_key_that_met_other_parameters_waits_for_the_search() {
    let reused = r#"{"type":"idempotency_error","message":"Keys for idempotent requests …"}"#;
    let stub = StubStripe::playing([Reply::ok(NONE), Reply::error(400, reused)]);
    let error = provider(&stub)
        .ensure_customer(&customer_order())
        .await
        .unwrap_err();
    assert!(matches!(error, ProviderError::Unreachable(_)), "{error:?}");
}
