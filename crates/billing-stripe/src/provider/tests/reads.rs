//! Reading and closing, and the catalogue.

use billing_domain::catalog::ports::PriceProvider;
use billing_domain::catalog::price::BillingPeriod;
use billing_domain::checkout::ports::{CheckoutProvider, SessionStatus};
use billing_domain::kernel::currency::Currency;
use billing_domain::kernel::money::Money;
use billing_domain::kernel::provider::ProviderError;
use billing_domain::kernel::text::LookupKey;
use billing_domain::subscriptions::subscription::SubscriptionStatus;

use super::{INTENT, id, provider};
use crate::stub_stripe::{Reply, StubStripe};

const MISSING: &str = r#"{"type":"invalid_request_error","code":"resource_missing","param":"id"}"#;
const OPEN: &str = r#"{"id":"cs_1","status":"open","payment_status":"unpaid","metadata":{},
    "customer":null,"subscription":null,"invoice":null}"#;

#[tokio::test]
async fn objects_are_read_and_missing_ones_are_none() {
    let subscription = format!(
        r#"{{"id":"sub_1","status":"active","customer":"cus_1","metadata":{{"checkout_intent_id":"{INTENT}"}},
        "trial_end":null,"cancel_at":null,"cancel_at_period_end":false,"canceled_at":null,"ended_at":null,
        "pending_update":null,"items":{{"data":[{{"quantity":2,"price":{{"id":"price_1"}},"current_period_start":1,"current_period_end":2}}]}}}}"#
    );
    let invoice = format!(
        r#"{{"id":"in_1","status":"paid","customer":"cus_1","parent":{{"subscription_details":
        {{"subscription":"sub_1","metadata":{{"checkout_intent_id":"{INTENT}"}}}}}}}}"#
    );
    let stub = StubStripe::playing([
        Reply::ok(OPEN),
        Reply::ok(&subscription),
        Reply::ok(&invoice),
        Reply::error(404, MISSING),
        Reply::error(404, MISSING),
        Reply::error(404, MISSING),
    ]);
    let provider = provider(&stub);
    let session = provider.session(&id("cs_1")).await.unwrap().unwrap();
    assert_eq!(
        (session.status, session.is_paid),
        (SessionStatus::Open, false)
    );
    let report = provider.subscription(&id("sub_1")).await.unwrap().unwrap();
    assert_eq!(report.facts.status, SubscriptionStatus::Active);
    assert_eq!(report.facts.period_end.unwrap().unix_seconds(), 2);
    assert_eq!(report.intent_id.unwrap().to_string(), INTENT);
    let invoice = provider.invoice(&id("in_1")).await.unwrap().unwrap();
    assert!(invoice.is_paid);
    assert_eq!(invoice.subscription, Some(id("sub_1")));
    assert_eq!(provider.session(&id("cs_2")).await.unwrap(), None);
    assert_eq!(provider.subscription(&id("sub_2")).await.unwrap(), None);
    assert_eq!(provider.invoice(&id("in_2")).await.unwrap(), None);
}

#[tokio::test]
async fn an_id_that_is_no_segment_of_a_path_reaches_no_url() {
    let stub = StubStripe::playing([]);
    let provider = provider(&stub);
    for text in [
        "../customers/cus_1",
        "cs_1?expand[]=customer",
        "cs_1/expire",
        "%2e%2e",
    ] {
        assert_eq!(provider.session(&id(text)).await.unwrap(), None);
        assert_eq!(provider.subscription(&id(text)).await.unwrap(), None);
        assert_eq!(provider.invoice(&id(text)).await.unwrap(), None);
        provider.expire_session(&id(text)).await.unwrap();
        assert!(provider.hold_changes_until_paid(&id(text)).await.is_err());
    }
    assert!(stub.seen().is_empty());
}

#[tokio::test]
async fn an_answer_that_lacks_a_needed_fact_is_an_error_and_not_a_guess() {
    let stub = StubStripe::playing([Reply::ok(r#"{"id":"cs_1","status":"open"}"#)]);
    let error = provider(&stub).session(&id("cs_1")).await.unwrap_err();
    match error {
        ProviderError::Rejected { code, message } => {
            assert_eq!(code, "unreadable_answer");
            assert!(message.contains("payment_status"), "{message}");
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn closing_a_session_that_is_not_open_is_harmless() {
    let only_open = r#"{"type":"invalid_request_error","message":"Only Checkout Sessions with a status in [\"open\"] can be expired."}"#;
    let expired = OPEN.replace(r#""open""#, r#""expired""#);
    let stub = StubStripe::playing([
        Reply::ok(&expired),
        Reply::error(400, only_open),
        Reply::ok(&expired),
        Reply::error(404, MISSING),
    ]);
    let provider = provider(&stub);
    for _ in 0..3 {
        provider.expire_session(&id("cs_1")).await.unwrap();
    }
    assert_eq!(
        stub.seen()[0].line,
        "POST /v1/checkout/sessions/cs_1/expire HTTP/1.1"
    );

    let stub = StubStripe::playing([Reply::error(400, only_open), Reply::ok(OPEN)]);
    let error = super::provider(&stub).expire_session(&id("cs_1")).await;
    assert!(matches!(error, Err(ProviderError::Rejected { .. })));
}

#[tokio::test]
async fn changes_wait_for_their_payment_a_071() {
    let stub = StubStripe::playing([Reply::ok(r#"{"id":"sub_1"}"#)]);
    let provider = provider(&stub);
    provider
        .hold_changes_until_paid(&id("sub_1"))
        .await
        .unwrap();
    let seen = stub.seen();
    assert_eq!(seen[0].line, "POST /v1/subscriptions/sub_1 HTTP/1.1");
    assert_eq!(seen[0].form(), ["payment_behavior=pending_if_incomplete"]);
}

fn price(extra: &str) -> String {
    format!(
        r#"{{"object":"list","data":[{{"id":"price_1","product":"prod_1","active":true,"billing_scheme":"per_unit",
        "currency":"usd","unit_amount":39600,"lookup_key":"teams","recurring":{{"usage_type":"licensed","interval":"year","interval_count":1}}{extra}}}]}}"#
    )
}

#[tokio::test]
async fn usable_prices_are_found_by_lookup_key_a_094() {
    let monthly = r#","recurring":{"usage_type":"licensed","interval":"month","interval_count":1}"#;
    let quarterly =
        r#","recurring":{"usage_type":"licensed","interval":"month","interval_count":3}"#;
    for (extra, period) in [
        ("", BillingPeriod::Yearly),
        (monthly, BillingPeriod::Monthly),
        (quarterly, BillingPeriod::Quarterly),
        (r#","recurring":null"#, BillingPeriod::OneTime),
    ] {
        let stub = StubStripe::playing([Reply::ok(&price(extra))]);
        let keys = [LookupKey::parse("teams").unwrap()];
        let prices = provider(&stub).prices_by_lookup_key(&keys).await.unwrap();
        assert_eq!(prices.len(), 1);
        assert_eq!(prices[0].id, id("price_1"));
        assert_eq!(prices[0].product, id("prod_1"));
        assert_eq!(prices[0].lookup_key.as_ref(), Some(&keys[0]));
        assert_eq!(
            prices[0].unit_amount,
            Money::from_minor(39_600, Currency::USD)
        );
        assert_eq!(prices[0].period, period);
        let query = stub.seen()[0].query();
        assert_eq!(query, ["active=true", "limit=100", "lookup_keys[0]=teams"]);
    }
}

#[tokio::test]
async fn a_price_that_is_not_usable_is_refused_with_its_reason_a_095() {
    for (extra, field) in [
        (r#","active":false"#, "data.0.active"),
        (r#","billing_scheme":"tiered""#, "data.0.billing_scheme"),
        (r#","unit_amount":null"#, "data.0.unit_amount"),
        (r#","currency":"zzz9""#, "data.0.currency"),
        (
            r#","transform_quantity":{"divide_by":10}"#,
            "data.0.transform_quantity",
        ),
        (
            r#","recurring":{"usage_type":"metered"}"#,
            "data.0.recurring.usage_type",
        ),
        (
            r#","recurring":{"usage_type":"licensed","interval":"week","interval_count":1}"#,
            "data.0.recurring.interval",
        ),
    ] {
        let stub = StubStripe::playing([Reply::ok(&price(extra))]);
        let keys = [LookupKey::parse("teams").unwrap()];
        let error = provider(&stub)
            .prices_by_lookup_key(&keys)
            .await
            .unwrap_err();
        match error {
            ProviderError::Rejected { code, message } => {
                assert_eq!(code, "price_unusable");
                assert!(message.contains(field), "{message}");
            }
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn no_keys_are_no_prices_and_eleven_are_too_many() {
    let stub = StubStripe::playing([]);
    let provider = provider(&stub);
    assert_eq!(provider.prices_by_lookup_key(&[]).await.unwrap(), []);
    let keys = vec![LookupKey::parse("teams").unwrap(); 11];
    assert!(provider.prices_by_lookup_key(&keys).await.is_err());
    assert!(stub.seen().is_empty());
}

#[tokio::test]
async fn without_a_key_every_call_says_so() {
    let stub = StubStripe::playing([]);
    let mut config = stub.config();
    config.secret_key = None;
    let clock = std::sync::Arc::new(super::StoppedClock(0));
    let provider = super::StripeProvider::new(&config, clock).unwrap();
    let not_configured = |error| matches!(error, ProviderError::NotConfigured);
    assert!(not_configured(
        provider.session(&id("cs_1")).await.unwrap_err()
    ));
    assert!(not_configured(
        provider.expire_session(&id("cs_1")).await.unwrap_err()
    ));
    let order = super::customer_order();
    assert!(not_configured(
        provider.ensure_customer(&order).await.unwrap_err()
    ));
    let order = super::checkout_order();
    assert!(not_configured(
        provider.open_checkout(&order).await.unwrap_err()
    ));
}
