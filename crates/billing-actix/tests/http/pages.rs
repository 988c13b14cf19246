//! The pages that a payer comes back to.

use serde_json::json;

use crate::checkout::session_body;
use crate::service::{Service, get, post};

async fn opened(service: &Service) -> String {
    let path = "/api/v1/customer-billing/checkout-session";
    service
        .send(post(path, &session_body("acme", "ada")).by("ada"))
        .await;
    service.provider.sessions()[0].id.to_string()
}

#[actix_web::test]
async fn the_return_page_never_says_unpaid_to_somebody_who_has_paid() {
    let service = Service::new().await;
    let session = opened(&service).await;
    let path = format!("/checkout/success?session_id={session}");
    let before = service.send(get(&path)).await;
    assert!(
        before.body.contains("waiting for the payment provider"),
        "{}",
        before.body
    );

    service
        .provider
        .pay(&service.provider.sessions()[0].id)
        .unwrap();
    let paid = service.send(get(&path)).await;
    assert_eq!(
        (paid.status, paid.header("content-type")),
        (200, "text/html; charset=utf-8")
    );
    assert!(
        paid.body.contains("Your payment has arrived"),
        "{}",
        paid.body
    );
    assert!(paid.body.contains("http-equiv=\"refresh\""));
    assert!(!paid.body.to_lowercase().contains("unpaid"));
    assert!(
        paid.header("content-security-policy")
            .starts_with("default-src 'none'")
    );

    service.provision().await;
    let done = service.send(get(&path)).await;
    assert!(done.body.contains("everything is ready"), "{}", done.body);
    assert!(!done.body.contains("http-equiv=\"refresh\""));
    let json = service
        .send(get(&path).header("Accept", "application/json"))
        .await
        .json();
    assert_eq!(
        (json["state"].clone(), json["pending"].clone()),
        (json!("fulfilled"), json!(false))
    );
}

#[actix_web::test]
async fn an_unknown_session_is_a_page_without_markup_from_outside() {
    let service = Service::new().await;
    for (session, status) in [
        ("cs_unknown", 404),
        ("%3Cscript%3E", 404),
        ("a%20b", 400),
        ("", 400),
    ] {
        let path = format!("/checkout/success?session_id={session}");
        let page = service.send(get(&path)).await;
        assert_eq!(page.status, status, "{session}");
        assert!(page.body.starts_with("<!doctype html>"));
        assert!(!page.body.contains("<script"), "{}", page.body);
        let json = service
            .send(get(&path).header("Accept", "application/json"))
            .await;
        assert_eq!(json.status, status);
        json.code();
    }
}

#[actix_web::test]
async fn whoever_leaves_the_checkout_reads_that_nothing_was_charged() {
    let service = Service::new().await;
    let page = service.send(get("/checkout/cancel/")).await;
    assert_eq!(page.status, 200);
    assert!(page.body.contains("Nothing was charged"));
    let json = service
        .send(get("/checkout/cancel").header("Accept", "application/json"))
        .await;
    assert_eq!(json.json()["state"], "canceled");
}
