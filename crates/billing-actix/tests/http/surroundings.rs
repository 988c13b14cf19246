//! What surrounds every route: health, unknown paths, panics, request ids, the switch.

use actix_web::http::Method;
use serde_json::json;

use crate::checkout::session_body;
use crate::service::{Call, Mood, Service, get, patch, post};

#[actix_web::test]
async fn a_path_without_a_route_and_a_method_without_one_are_told_apart() {
    let service = Service::new().await;
    let unknown = service.send(get("/api/v2/nothing")).await;
    assert_eq!(
        (unknown.status, unknown.code().as_str()),
        (404, "not_found")
    );
    let cases = [
        (
            Method::DELETE,
            "/api/v1/checkout-intents",
            "GET, HEAD, POST",
        ),
        (
            Method::PUT,
            "/api/v1/checkout-intents/x",
            "GET, HEAD, PATCH",
        ),
        (
            Method::GET,
            "/api/v1/customer-billing/checkout-session",
            "POST",
        ),
        (Method::POST, "/health", "GET, HEAD"),
    ];
    for (method, path, allow) in cases {
        let answer = service.send(Call::new(method, path)).await;
        assert_eq!(
            (answer.status, answer.code().as_str()),
            (405, "method_not_allowed"),
            "{path}"
        );
        assert_eq!(answer.header("allow"), allow);
    }
}

#[actix_web::test]
async fn a_panic_is_answered_like_any_other_error() {
    let service = Service::new().await;
    service.readiness.turn(Mood::Panics);
    let call = get("/ready").header("X-Request-Id", "abc-1");
    let answer = service.send(call).await;
    assert_eq!(
        (answer.status, answer.code().as_str()),
        (500, "internal_error")
    );
    assert_eq!(answer.header("x-request-id"), "abc-1");
    assert!(!answer.body.contains("on purpose"), "{}", answer.body);
    service.readiness.turn(Mood::Ready);
    assert_eq!(service.send(get("/ready")).await.status, 200);
}

#[actix_web::test]
async fn a_request_that_takes_too_long_is_ended() {
    let limit = std::time::Duration::from_millis(1);
    let service = Service::configured(|config| config.request_timeout = limit).await;
    service.readiness.turn(Mood::Hangs);
    let answer = service.send(get("/ready")).await;
    assert_eq!(
        (answer.status, answer.code().as_str()),
        (503, "request_timeout")
    );
    assert_eq!(answer.header("retry-after"), "1");
}

#[actix_web::test]
async fn a_sane_request_id_is_kept_and_any_other_is_replaced() {
    let service = Service::new().await;
    let kept = service
        .send(get("/health").header("X-Request-Id", "Trace.1-a_b"))
        .await;
    assert_eq!(kept.header("x-request-id"), "Trace.1-a_b");
    for odd in ["a b", "<script>", &"x".repeat(129), ""] {
        let replaced = service
            .send(get("/health").header("X-Request-Id", odd))
            .await;
        assert!(replaced.header("x-request-id").starts_with("req_"), "{odd}");
    }
}

#[actix_web::test]
async fn every_answer_has_the_same_guarding_headers() {
    let service = Service::new().await;
    for path in ["/health", "/nowhere", "/checkout/cancel", "/openapi.json"] {
        let answer = service.send(get(path)).await;
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{path}");
        assert_eq!(answer.header("x-frame-options"), "DENY", "{path}");
        assert_eq!(answer.header("cache-control"), "no-store", "{path}");
    }
}

#[actix_web::test]
async fn f_5_row_42_a_service_that_cannot_work_is_not_ready_and_still_alive() {
    let service = Service::new().await;
    let ready = service.send(get("/ready")).await;
    assert_eq!(
        (ready.status, ready.json()["status"].clone()),
        (200, json!("ready"))
    );
    service.readiness.turn(Mood::Broken);
    let broken = service.send(get("/ready")).await;
    assert_eq!((broken.status, broken.code().as_str()), (503, "not_ready"));
    assert!(broken.json()["fields"]["database"].is_object());
    for path in ["/health", "/live", "/billing/health"] {
        assert_eq!(service.send(get(path)).await.status, 200, "{path}");
    }
}

#[actix_web::test]
async fn c_004_while_billing_is_off_nothing_is_sold_or_changed_and_the_rest_stays() {
    let service = Service::configured(|config| config.is_billing_enabled = false).await;
    let id = "01890a5d-ac96-774b-bcce-b302099a8057";
    let intent = format!("/api/v1/checkout-intents/{id}");
    let off = [
        post("/api/v1/checkout-intents", &json!({"quantity": 7})),
        patch(&intent, &json!({})),
        post(&format!("{intent}/sync"), &json!({})),
        post(&format!("{intent}/retry-provisioning"), &json!({})),
        post(
            "/api/v1/customer-billing/checkout-session",
            &session_body("acme", "ada"),
        ),
        post(
            &format!("/api/v1/licensing/plans/{id}/licenses/assign"),
            &json!({"user_emails": []}),
        ),
        post(
            &format!("/api/v1/licensing/licenses/{id}/revoke"),
            &json!({}),
        ),
        post(
            "/api/v1/licensing/license-activation?activation_key=x",
            &json!({}),
        ),
    ];
    for call in off {
        let answer = service.send(call.by("ada")).await;
        assert_eq!(
            (answer.status, answer.code().as_str()),
            (503, "billing_disabled")
        );
    }
    let on = [
        "/api/v1/checkout-intents",
        "/api/v1/entitlements?user_id=ada",
        "/health",
        "/docs/index.html",
    ];
    for path in on {
        let call = get(path).by("ada");
        assert_eq!(service.send(call).await.status, 200, "{path}");
    }
    let health = service.send(get("/billing/health/")).await.json();
    assert_eq!(
        (
            health["enabled"].clone(),
            health["stripe_configured"].clone()
        ),
        (json!(false), json!(true))
    );
}
