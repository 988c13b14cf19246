//! The original paths and trailing slashes: the same route, the same codes (F.3, F.5 row 43).

use serde_json::json;

use crate::checkout::session_body;
use crate::service::{Service, get, post};
use crate::webhook::{deliver, registered};

const WEBHOOKS: [&str; 7] = [
    "/api/v1/webhooks/stripe",
    "/api/v1/webhooks/stripe/",
    "/webhooks/stripe/",
    "/api/v1/customer-billing/stripe-webhook/",
    "/api/billing/webhooks/stripe/",
    "/billing/webhooks/stripe/",
    "/api/v1/stripe/webhooks",
];

#[actix_web::test]
async fn f_3_every_webhook_path_is_the_same_route_over_the_same_store() {
    let service = Service::new().await;
    let delivery = registered(&service, "evt_1");
    for (index, path) in WEBHOOKS.into_iter().enumerate() {
        let answer = service.send(deliver(path, &delivery)).await;
        let expected = if index == 0 { "received" } else { "duplicate" };
        assert_eq!(
            (answer.status, answer.json()["status"].as_str().unwrap()),
            (200, expected),
            "{path}"
        );
        let unsigned = service.send(post(path, &json!({}))).await;
        assert_eq!(
            (unsigned.status, unsigned.code().as_str()),
            (400, "invalid_signature"),
            "{path}"
        );
        let read = service.send(get(path)).await;
        assert_eq!((read.status, read.header("allow")), (405, "POST"), "{path}");
    }
}

#[actix_web::test]
async fn a_post_with_a_trailing_slash_or_by_an_old_name_needs_no_redirect() {
    let service = Service::new().await;
    let paths = [
        "/api/v1/customer-billing/checkout-session",
        "/api/v1/customer-billing/checkout-session/",
        "/api/v1/customer-billing/create-checkout-session/",
    ];
    let mut bodies = Vec::new();
    for path in paths {
        // One key: an alias is the same route, so the answer is the same one.
        let call = post(path, &session_body("acme", "ada"))
            .by("ada")
            .with_key("once");
        let answer = service.send(call).await;
        assert_eq!(answer.status, 201, "{path}: {}", answer.body);
        bodies.push(answer.body);
    }
    assert!(bodies.iter().all(|body| *body == bodies[0]));
    let intent = &serde_json::from_str::<serde_json::Value>(&bodies[0]).unwrap()["checkout_intent"];
    let path = format!(
        "/api/v1/checkout-intent/{}/?poll=1",
        intent["id"].as_str().unwrap()
    );
    assert_eq!(service.send(get(&path).by("ada")).await.json(), *intent);
}

#[actix_web::test]
async fn without_aliases_the_old_paths_are_gone() {
    let service = Service::configured(|config| config.has_legacy_aliases = false).await;
    let delivery = registered(&service, "evt_1");
    for path in WEBHOOKS {
        let answer = service.send(deliver(path, &delivery)).await;
        let expected = if path.starts_with("/api/v1/webhooks/stripe") {
            200
        } else {
            404
        };
        assert_eq!(answer.status, expected, "{path}");
    }
}
