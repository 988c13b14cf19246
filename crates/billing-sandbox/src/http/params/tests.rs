//! What the table of parameters lets through, and how it refuses.

use super::*;
use crate::http::form;

fn refused(endpoint: &str, body: &str) -> StripeError {
    check(endpoint, &form::parse(body).unwrap(), Version::newest()).unwrap_err()
}

#[test]
fn unknown_names_are_refused_with_their_path() {
    let error = refused(
        "POST /v1/checkout/sessions",
        "subscription_data[cancel_at]=1&mode=payment",
    );
    assert_eq!(
        error.message,
        "Received unknown parameter: subscription_data[cancel_at]"
    );
    assert_eq!(error.code.as_deref(), Some("parameter_unknown"));
    let error = refused("POST /v1/customers", "foo=1&bar=2");
    assert_eq!(error.message, "Received unknown parameters: foo, bar");
    assert_eq!(error.param.as_deref(), Some("foo"));
}

#[test]
fn a_removed_parameter_is_accepted_only_before_its_removal() {
    let sent = form::parse("payment_method_types[]=card&mode=setup").unwrap();
    let endpoint = "POST /v1/checkout/sessions";
    let old = Version::parse("2026-08-26.dahlia").unwrap();
    check(endpoint, &sent, old).unwrap();
    check(endpoint, &sent, Version::newest()).unwrap_err();
}

#[test]
fn types_are_checked_and_missing_names_reported() {
    assert_eq!(
        refused("POST /v1/prices", "").message,
        "Missing required param: currency."
    );
    let error = refused("POST /v1/prices", "currency=usd&unit_amount=5.5");
    assert_eq!(error.message, "Invalid integer: 5.5");
    let error = refused("POST /v1/products", "name=x&active=maybe");
    assert_eq!(error.message, "Invalid boolean: maybe");
    let error = refused("POST /v1/customers", "address=x");
    assert_eq!(error.message, "Invalid object");
}
