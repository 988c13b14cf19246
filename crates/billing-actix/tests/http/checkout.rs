//! Intents and checkout pages over HTTP.

use billing_domain::testing::fake_provider::Failure;
use serde_json::{Value, json};

use crate::service::{Service, get, patch, post};

pub(crate) fn session_body(slug: &str, admin: &str) -> Value {
    json!({
        "admin_email": format!("{admin}@example.com"),
        "enterprise_slug": slug,
        "company_name": format!("Company {slug}"),
        "quantity": 7,
        "lookup_key": "team_yearly",
        "country": "DE",
        "terms_metadata": {"version": 1.10, "accepted": true},
    })
}

const INTENTS: &str = "/api/v1/checkout-intents";
const SESSION: &str = "/api/v1/customer-billing/checkout-session";

#[actix_web::test]
async fn a_111_an_intent_is_created_and_read_by_its_owner_and_by_an_operator() {
    let service = Service::new().await;
    let body = json!({"quantity": 7, "enterprise_slug": "acme", "enterprise_name": "Acme"});
    let created = service.send(post(INTENTS, &body).by("ada")).await;
    assert_eq!(created.status, 201, "{}", created.body);
    let intent = created.json();
    assert_eq!(intent["state"], "created");
    assert_eq!(intent["enterprise_slug"], "acme");
    assert_eq!(intent["quantity"], 7);
    assert_eq!(service.wake_count(), 1);

    let path = format!("{INTENTS}/{}", intent["id"].as_str().unwrap());
    let bare = path.replace("chk_", "");
    for call in [
        get(&path).by("ada"),
        get(&bare).by("ada"),
        get(&path).by_operator(),
    ] {
        let read = service.send(call).await;
        assert_eq!((read.status, read.json()), (200, intent.clone()));
    }
    for call in [get(INTENTS).by("ada"), get(INTENTS).by_operator()] {
        assert_eq!(service.send(call).await.json()["items"], json!([intent]));
    }
}

#[actix_web::test]
async fn a_110_somebody_elses_intent_does_not_exist() {
    let service = Service::new().await;
    let created = service
        .send(post(INTENTS, &json!({"quantity": 7})).by("ada"))
        .await;
    let path = format!("{INTENTS}/{}", created.json()["id"].as_str().unwrap());
    let calls = [
        get(&path).by("eve"),
        patch(&path, &json!({"country": "FR"})).by("eve"),
        post(&format!("{path}/sync"), &json!({})).by("eve"),
    ];
    for call in calls {
        let answer = service.send(call).await;
        assert_eq!((answer.status, answer.code().as_str()), (404, "not_found"));
    }
    assert_eq!(
        service.send(get(INTENTS).by("eve")).await.json()["items"],
        json!([])
    );
}

#[actix_web::test]
async fn a_112_an_owner_changes_country_and_terms_and_never_the_state() {
    let service = Service::new().await;
    let created = service
        .send(post(INTENTS, &json!({"quantity": 7})).by("ada"))
        .await;
    let path = format!("{INTENTS}/{}", created.json()["id"].as_str().unwrap());

    let change = json!({"country": "FR", "terms_metadata": {"b": [1, "x"]}});
    let amended = service.send(patch(&path, &change).by("ada")).await;
    assert_eq!(amended.status, 200, "{}", amended.body);
    assert_eq!(amended.json()["country"], "FR");
    assert_eq!(amended.json()["terms_metadata"], json!({"b": [1, "x"]}));

    let refused = service
        .send(patch(&path, &json!({"state": "fulfilled"})).by("ada"))
        .await;
    assert_eq!(
        (refused.status, refused.code().as_str()),
        (403, "forbidden")
    );
    let illegal = service
        .send(patch(&path, &json!({"state": "fulfilled"})).by_operator())
        .await;
    assert_eq!(
        (illegal.status, illegal.code().as_str()),
        (400, "invalid_transition")
    );
    let detail = illegal.json()["detail"].as_str().unwrap().to_owned();
    assert!(detail.contains("created"), "{detail}");
    let expired = service
        .send(patch(&path, &json!({"state": "expired"})).by_operator())
        .await;
    assert_eq!(expired.json()["state"], "expired");
}

#[actix_web::test]
async fn a_113_an_embargoed_country_is_refused_on_every_way_in() {
    let service = Service::new().await;
    let intent = json!({"quantity": 7, "country": "KP"});
    let mut session = session_body("acme", "ada");
    session["country"] = json!("KP");
    for call in [post(INTENTS, &intent), post(SESSION, &session)] {
        let answer = service.send(call.by("ada")).await;
        assert_eq!(
            (answer.status, answer.code().as_str()),
            (400, "country_not_supported")
        );
        assert!(answer.json()["fields"]["country"].is_object());
    }
    assert!(service.provider.sessions().is_empty());
}

#[actix_web::test]
async fn a_100_a_checkout_page_is_opened_and_the_same_request_gives_the_same_page() {
    let service = Service::new().await;
    let body = session_body("acme", "ada");
    let first = service.send(post(SESSION, &body).by("ada")).await;
    assert_eq!(first.status, 201, "{}", first.body);
    let page = first.json();
    assert!(page["checkout_session_url"].is_string(), "{page}");
    assert_eq!(
        page["checkout_intent"]["terms_metadata"],
        body["terms_metadata"]
    );
    assert_eq!(
        page["checkout_intent"]["checkout_url"],
        page["checkout_session_url"]
    );
    let again = service.send(post(SESSION, &body).by("ada")).await;
    assert_eq!(again.json(), page);
    assert_eq!(service.provider.sessions().len(), 1);
}

#[actix_web::test]
async fn each_rule_of_a_checkout_answers_with_its_own_code_and_opens_no_page() {
    let service = Service::new().await;
    let taken = json!({"quantity": 7, "enterprise_slug": "taken", "enterprise_name": "Taken"});
    assert_eq!(
        service.send(post(INTENTS, &taken).by("bob")).await.status,
        201
    );
    let with = |name: &str, value: Value| {
        let mut body = session_body("acme", "ada");
        body[name] = value;
        body
    };
    let mut unknown_price = with("stripe_price_id", json!("price_unknown"));
    unknown_price.as_object_mut().unwrap().remove("lookup_key");
    let cases = [
        (
            with("enterprise_slug", json!("taken")),
            422,
            "slug_reserved",
        ),
        (
            with("admin_email", json!("eve@example.com")),
            422,
            "admin_email_mismatch",
        ),
        (with("quantity", json!(31)), 422, "range_exceeded"),
        (unknown_price, 422, "does_not_exist"),
        (
            with("success_url", json!("https://evil.example/")),
            422,
            "redirect_not_allowed",
        ),
        (
            with("stripe_price_id", json!("price_team_year")),
            400,
            "incomplete_data",
        ),
    ];
    for (body, status, code) in cases {
        let answer = service.send(post(SESSION, &body).by("ada")).await;
        assert_eq!(
            (answer.status, answer.code().as_str()),
            (status, code),
            "{body}"
        );
    }
    assert!(service.provider.sessions().is_empty());
}

#[actix_web::test]
async fn f_5_row_8_the_providers_failures_are_told_apart() {
    let service = Service::new().await;
    let cases = [
        (
            Failure::UnreachableBeforeEffect,
            502,
            "stripe_unavailable",
            "5",
        ),
        (
            Failure::RateLimited {
                retry_after: Some(time::Duration::seconds(9)),
            },
            503,
            "stripe_unavailable",
            "9",
        ),
        (
            Failure::Rejected {
                code: "parameter_missing".to_owned(),
            },
            400,
            "stripe_error",
            "",
        ),
        (
            Failure::Unauthorized {
                code: "api_key_expired".to_owned(),
            },
            400,
            "stripe_error",
            "",
        ),
        (Failure::NotConfigured, 500, "stripe_not_configured", ""),
    ];
    for (failure, status, code, retry_after) in cases {
        service.provider.fail_next(failure);
        let answer = service
            .send(post(SESSION, &session_body("acme", "ada")).by("ada"))
            .await;
        assert_eq!((answer.status, answer.code().as_str()), (status, code));
        assert_eq!(answer.header("retry-after"), retry_after);
    }
    // The intent was kept, and the same request continues it.
    let opened = service
        .send(post(SESSION, &session_body("acme", "ada")).by("ada"))
        .await;
    assert_eq!(opened.status, 201, "{}", opened.body);
}

#[actix_web::test]
async fn a_102_a_paid_checkout_opens_no_second_page() {
    let service = Service::new().await;
    let body = session_body("acme", "ada");
    let opened = service.send(post(SESSION, &body).by("ada")).await.json();
    service
        .provider
        .pay(&service.provider.sessions()[0].id)
        .unwrap();
    let id = opened["checkout_intent"]["id"].as_str().unwrap();
    let synced = service
        .send(post(&format!("{INTENTS}/{id}/sync"), &json!({})).by("ada"))
        .await;
    assert_eq!(synced.json()["state"], "paid", "{}", synced.body);
    assert!(synced.json()["checkout_url"].is_null());
    let again = service.send(post(SESSION, &body).by("ada")).await;
    assert_eq!(
        (again.status, again.code().as_str()),
        (409, "checkout_intent_already_paid")
    );
    assert_eq!(service.provider.sessions().len(), 1);
}

#[actix_web::test]
async fn a_137_only_an_operator_retries_provisioning() {
    let service = Service::new().await;
    let opened = service
        .send(post(SESSION, &session_body("acme", "ada")).by("ada"))
        .await
        .json();
    let id = opened["checkout_intent"]["id"].as_str().unwrap().to_owned();
    let path = format!("{INTENTS}/{id}/retry-provisioning");
    let forbidden = service.send(post(&path, &json!({})).by("ada")).await;
    assert_eq!(
        (forbidden.status, forbidden.code().as_str()),
        (403, "forbidden")
    );
    let unpaid = service.send(post(&path, &json!({})).by_operator()).await;
    assert_eq!((unpaid.status, unpaid.code().as_str()), (404, "not_found"));
    service
        .provider
        .pay(&service.provider.sessions()[0].id)
        .unwrap();
    service
        .send(post(&format!("{INTENTS}/{id}/sync"), &json!({})).by("ada"))
        .await;
    let retried = service.send(post(&path, &json!({})).by_operator()).await;
    assert_eq!(
        (retried.status, retried.json()["state"].clone()),
        (202, json!("pending"))
    );
    service.provision().await;
    let done = service.send(post(&path, &json!({})).by_operator()).await;
    assert_eq!(
        (done.status, done.code().as_str()),
        (409, "already_provisioned")
    );
}
