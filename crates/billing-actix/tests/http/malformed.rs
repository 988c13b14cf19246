//! Bad input: each kind answers a problem that names the field, and nothing is written.

use actix_web::http::Method;
use serde_json::{Value, json};

use crate::checkout::session_body;
use crate::service::{Call, Service, get, patch, post};

const INTENTS: &str = "/api/v1/checkout-intents";
const SESSION: &str = "/api/v1/customer-billing/checkout-session";

#[actix_web::test]
async fn f_5_row_10_a_body_of_the_wrong_shape_names_the_field() {
    let service = Service::new().await;
    let cases = [
        (r#"{"quantity": "#, "invalid_json", None),
        (r#"{"quantity": 1e999}"#, "invalid_json", None),
        (r#"{"quantity": 7} x"#, "invalid_json", None),
        ("", "invalid_json", None),
        ("[]", "invalid_request", None),
        ("{}", "invalid_request", Some(("quantity", "is_null"))),
        (
            r#"{"quantity": "7"}"#,
            "invalid_request",
            Some(("quantity", "invalid_format")),
        ),
        (
            r#"{"quantity": 7.5}"#,
            "invalid_request",
            Some(("quantity", "invalid_format")),
        ),
        (
            r#"{"quantity": 99999999999999999999}"#,
            "invalid_request",
            Some(("quantity", "invalid_format")),
        ),
        (
            r#"{"quantity": 7, "seats": 1}"#,
            "invalid_request",
            Some(("seats", "unknown_field")),
        ),
        (
            r#"{"quantity": 7, "quantity": 8}"#,
            "invalid_request",
            Some(("quantity", "duplicate_field")),
        ),
        (
            r#"{"quantity": 7, "terms_metadata": []}"#,
            "invalid_request",
            Some(("terms_metadata", "invalid_format")),
        ),
        (
            r#"{"quantity": 7, "enterprise_slug": "a"}"#,
            "incomplete_data",
            Some(("enterprise_name", "is_null")),
        ),
        (
            r#"{"quantity": 7, "enterprise_name": "a"}"#,
            "incomplete_data",
            Some(("enterprise_slug", "is_null")),
        ),
    ];
    for (body, code, field) in cases {
        let call = Call::new(Method::POST, INTENTS)
            .raw(body.as_bytes().to_vec())
            .by("ada");
        let answer = service.send(call).await;
        assert_eq!(
            (answer.status, answer.code().as_str()),
            (400, code),
            "{body}"
        );
        if let Some((name, error_code)) = field {
            assert_eq!(
                answer.json()["fields"][name]["error_code"],
                error_code,
                "{}",
                answer.body
            );
        }
    }
    assert!(service.store.intents().is_empty());
}

#[actix_web::test]
async fn every_field_at_fault_is_named_at_once() {
    let service = Service::new().await;
    let body = json!({
        "admin_email": "ada", "enterprise_slug": "Not A Slug", "company_name": "a\u{0}b",
        "quantity": -1, "lookup_key": "k".repeat(201), "country": "Germany",
        "terms_metadata": {"a": "\u{0}"}, "success_url": "",
    });
    let answer = service.send(post(SESSION, &body).by("ada")).await;
    assert_eq!(
        (answer.status, answer.code().as_str()),
        (422, "validation_failed")
    );
    let fields = answer.json()["fields"].clone();
    let names: Vec<&str> = fields
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect();
    assert_eq!(
        names,
        [
            "admin_email",
            "company_name",
            "country",
            "enterprise_slug",
            "lookup_key",
            "quantity",
            "success_url",
            "terms_metadata",
        ]
    );
    assert_eq!(fields["quantity"]["error_code"], "range_exceeded");
    assert_eq!(fields["enterprise_slug"]["error_code"], "invalid_format");
}

#[actix_web::test]
async fn values_that_are_too_long_or_too_large_are_refused() {
    let service = Service::new().await;
    let with = |name: &str, value: Value| {
        let mut body = json!({"quantity": 7, "enterprise_slug": "a", "enterprise_name": "A"});
        body[name] = value;
        body
    };
    let many: serde_json::Map<String, Value> =
        (0..101).map(|n| (n.to_string(), json!(n))).collect();
    let cases = [
        ("quantity", with("quantity", json!(0))),
        ("quantity", with("quantity", json!(1_001))),
        ("quantity", with("quantity", json!(i64::MAX))),
        (
            "enterprise_slug",
            with("enterprise_slug", json!("a".repeat(256))),
        ),
        (
            "enterprise_name",
            with("enterprise_name", json!("a".repeat(256))),
        ),
        (
            "terms_metadata",
            with("terms_metadata", Value::Object(many)),
        ),
    ];
    for (name, body) in cases {
        let answer = service.send(post(INTENTS, &body).by("ada")).await;
        assert_eq!(
            (answer.status, answer.code().as_str()),
            (422, "validation_failed")
        );
        assert!(answer.json()["fields"][name].is_object(), "{}", answer.body);
    }
    assert!(service.store.intents().is_empty());
}

#[actix_web::test]
async fn a_body_of_five_megabytes_is_refused_everywhere() {
    let service = Service::new().await;
    let large = vec![b'a'; 5 * 1024 * 1024];
    for path in [INTENTS, SESSION, "/api/v1/webhooks/stripe"] {
        let call = Call::new(Method::POST, path).raw(large.clone()).by("ada");
        let answer = service.send(call).await;
        assert_eq!(
            (answer.status, answer.code().as_str()),
            (413, "payload_too_large"),
            "{path}"
        );
    }
}

#[actix_web::test]
async fn a_body_that_is_not_json_by_its_own_word_is_refused() {
    let service = Service::new().await;
    let call = Call::new(Method::POST, INTENTS)
        .header("Content-Type", "application/x-www-form-urlencoded")
        .raw(b"quantity=7".to_vec());
    let answer = service.send(call.by("ada")).await;
    assert_eq!(
        (answer.status, answer.code().as_str()),
        (415, "unsupported_media_type")
    );
}

#[actix_web::test]
async fn an_id_of_another_kind_or_no_id_is_refused() {
    let service = Service::new().await;
    let ord = "ord_01890a5dac96774bbcceb302099a8057";
    for id in ["42", ord, "chk_", "%00", "..%2f"] {
        let path = format!("{INTENTS}/{id}");
        for call in [get(&path), patch(&path, &json!({}))] {
            let answer = service.send(call.by("ada")).await;
            assert_eq!(
                (answer.status, answer.code().as_str()),
                (400, "invalid_id"),
                "{id}"
            );
            assert!(answer.json()["fields"]["id"].is_object());
        }
    }
}

#[actix_web::test]
async fn a_query_that_cannot_be_read_names_its_parameter() {
    let service = Service::new().await;
    let cases = [
        ("/api/v1/checkout-intents?limit=0", "limit"),
        ("/api/v1/checkout-intents?limit=101", "limit"),
        ("/api/v1/checkout-intents?limit=x", "limit"),
        ("/api/v1/checkout-intents?limit=-1", "limit"),
        ("/api/v1/checkout-intents?after=%00", "after"),
        ("/api/v1/checkout-intents?after=42", "after"),
        ("/api/v1/entitlements", "user_id"),
        (
            "/api/v1/entitlements?user_id=ada&allow_unknown=perhaps",
            "allow_unknown",
        ),
        ("/api/v1/entitlements?user_id=ada&feature=NOT", "feature"),
        (
            "/api/v1/entitlements?user_id=ada&project_id=1",
            "project_id",
        ),
        ("/api/v1/entitlements/check?user_id=ada", "feature"),
    ];
    for (path, name) in cases {
        let answer = service.send(get(path).by("ada")).await;
        assert_eq!(
            (answer.status, answer.code().as_str()),
            (400, "invalid_query"),
            "{path}"
        );
        assert!(answer.json()["fields"][name].is_object(), "{}", answer.body);
    }
    let body = session_body("acme", "ada");
    assert_eq!(
        service.send(post(SESSION, &body).by("ada")).await.status,
        201
    );
}

#[actix_web::test]
async fn an_array_does_not_pass_for_an_object_by_position() {
    let service = Service::new().await;
    for body in ["[7,null,null,null,null]", " \n[7]", "[[[["] {
        let call = Call::new(Method::POST, INTENTS)
            .raw(body.as_bytes().to_vec())
            .by("ada");
        let answer = service.send(call).await;
        assert_eq!(
            (answer.status, answer.code().as_str()),
            (400, "invalid_request"),
            "{body}"
        );
        assert!(answer.body.contains("must be a JSON object"));
    }
    assert!(service.store.intents().is_empty());
}

#[actix_web::test]
async fn a_problem_speaks_of_json_and_not_of_our_types() {
    let service = Service::new().await;
    let cases = [
        ("null", "an object"),
        (r#"{"quantity": "7"}"#, "a whole number"),
        (r#"{"quantity": 7, "terms_metadata": 3}"#, "an object"),
    ];
    for (body, expected) in cases {
        let call = Call::new(Method::POST, INTENTS)
            .raw(body.as_bytes().to_vec())
            .by("ada");
        let detail = service.send(call).await.json()["detail"].clone();
        let detail = detail.as_str().unwrap();
        assert!(
            detail.contains(&format!("expected {expected} at line 1")),
            "{detail}"
        );
    }
}

#[actix_web::test]
async fn a_parameter_that_is_sent_twice_is_called_a_duplicate() {
    let service = Service::new().await;
    let path = "/api/v1/checkout-intents?limit=5&limit=6";
    let answer = service.send(get(path).by("ada")).await;
    assert_eq!(answer.status, 400);
    assert_eq!(
        answer.json()["fields"]["limit"]["error_code"],
        "duplicate_field"
    );
}

#[actix_web::test]
async fn the_field_at_fault_has_the_name_under_which_it_was_sent() {
    let service = Service::new().await;
    let cases = [
        ("lookup_key", "nothing_of_ours", "does_not_exist"),
        (
            "success_url",
            "https://evil.example/",
            "redirect_not_allowed",
        ),
        (
            "cancel_url",
            "https://evil.example/",
            "redirect_not_allowed",
        ),
    ];
    for (name, value, code) in cases {
        let mut body = session_body("acme", "ada");
        body[name] = json!(value);
        let answer = service.send(post(SESSION, &body).by("ada")).await;
        assert_eq!((answer.status, answer.code().as_str()), (422, code));
        let fields = answer.json()["fields"].clone();
        assert_eq!(fields.as_object().unwrap().len(), 1, "{fields}");
        assert_eq!(fields[name]["error_code"], code, "{fields}");
    }
}

#[actix_web::test]
async fn a_112_a_state_is_set_alone_because_nothing_sent_may_be_dropped() {
    let service = Service::new().await;
    let created = service
        .send(post(INTENTS, &json!({"quantity": 7})).by("ada"))
        .await;
    let id = created.json()["id"].as_str().unwrap().to_owned();
    let path = format!("{INTENTS}/{id}");
    for body in [
        json!({"state": "expired", "country": "DE"}),
        json!({"state": "expired", "terms_metadata": {}}),
    ] {
        let answer = service.send(patch(&path, &body).by_operator()).await;
        assert_eq!(
            (answer.status, answer.code().as_str()),
            (422, "validation_failed")
        );
        assert!(answer.json()["fields"]["state"].is_object());
    }
    let read = service.send(get(&path).by("ada")).await.json();
    assert_eq!(read["state"], "created");
}

#[actix_web::test]
async fn a_value_that_belongs_in_the_query_is_missed_there_by_name() {
    let service = Service::new().await;
    let body = json!({"activation_key": "a".repeat(32)});
    let path = "/api/v1/licensing/license-activation";
    let answer = service.send(post(path, &body).by("ada")).await;
    assert_eq!(answer.status, 400);
    assert_eq!(
        answer.json()["detail"],
        "missing query parameter `activation_key`"
    );
}
