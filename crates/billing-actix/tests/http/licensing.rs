//! From a paid sale to a licence in use, over HTTP.

use serde_json::{Value, json};

use crate::checkout::session_body;
use crate::service::{Service, get, post};

/// A sale that is paid and provisioned; gives the intent and the plan.
pub(crate) async fn sold(service: &Service) -> (Value, Value) {
    let session = "/api/v1/customer-billing/checkout-session";
    let opened = service
        .send(post(session, &session_body("acme", "ada")).by("ada"))
        .await;
    assert_eq!(opened.status, 201, "{}", opened.body);
    service
        .provider
        .pay(&service.provider.sessions()[0].id)
        .unwrap();
    let id = opened.json()["checkout_intent"]["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let path = format!("/api/v1/checkout-intents/{id}");
    service
        .send(post(&format!("{path}/sync"), &json!({})).by("ada"))
        .await;
    service.provision().await;
    let intent = service.send(get(&path).by("ada")).await.json();
    assert_eq!(intent["state"], "fulfilled", "{intent}");
    let tenant = intent["tenant_id"].as_str().unwrap();
    let plans = service
        .send(get(&format!("/api/v1/licensing/tenants/{tenant}/plans")).by("ada"))
        .await;
    let plan = plans.json()["items"][0].clone();
    (intent, plan)
}

#[actix_web::test]
async fn a_168_licences_are_assigned_all_or_none_and_once_for_each_address() {
    let service = Service::new().await;
    let (_, plan) = sold(&service).await;
    let path = format!("/api/v1/licensing/plans/{}", plan["id"].as_str().unwrap());
    let counts = |answer: &Value| answer["licenses"].clone();
    let read = service.send(get(&path).by("ada")).await.json();
    assert_eq!(counts(&read)["unassigned"], 7);

    let emails = json!({"user_emails": ["Bob@Example.com", "bob@example.com", "eve@example.com"]});
    let assign = format!("{path}/licenses/assign");
    let assigned = service.send(post(&assign, &emails).by("ada")).await;
    assert_eq!(assigned.status, 200, "{}", assigned.body);
    assert_eq!(assigned.json()["num_successful_assignments"], 2);
    let again = service.send(post(&assign, &emails).by("ada")).await.json();
    assert_eq!(again["num_successful_assignments"], 0);
    assert_eq!(again["num_already_associated"], 2);

    let many: Vec<String> = (0..6).map(|n| format!("user{n}@example.com")).collect();
    let refused = service
        .send(post(&assign, &json!({"user_emails": many})).by("ada"))
        .await;
    assert_eq!(
        (refused.status, refused.code().as_str()),
        (400, "not_enough_licenses")
    );
    let read = service.send(get(&path).by("ada")).await.json();
    assert_eq!(
        counts(&read),
        json!({"unassigned": 5, "assigned": 2, "activated": 0, "revoked": 0, "total": 7})
    );
    let page = service
        .send(get(&format!("{path}/licenses?limit=3")).by("ada"))
        .await
        .json();
    assert_eq!(page["items"].as_array().unwrap().len(), 3);
    let next = page["next"].as_str().unwrap();
    let rest = service
        .send(get(&format!("{path}/licenses?limit=100&after={next}")).by("ada"))
        .await
        .json();
    assert_eq!(
        (rest["items"].as_array().unwrap().len(), &rest["next"]),
        (4, &Value::Null)
    );
    assert!(!page.to_string().contains("activation_key"), "{page}");

    let bad = service
        .send(post(&assign, &json!({"user_emails": ["x", "a@b.example"]})).by("ada"))
        .await;
    assert_eq!(
        (bad.status, bad.code().as_str()),
        (422, "validation_failed")
    );
    assert!(
        bad.json()["fields"]["user_emails[0]"].is_object(),
        "{}",
        bad.body
    );
    let none = service
        .send(post(&assign, &json!({"user_emails": []})).by("ada"))
        .await;
    assert!(
        none.json()["fields"]["user_emails"].is_object(),
        "{}",
        none.body
    );
}

#[actix_web::test]
async fn another_users_tenant_and_plan_do_not_exist() {
    let service = Service::new().await;
    let (intent, plan) = sold(&service).await;
    let tenant = intent["tenant_id"].as_str().unwrap();
    let path = format!("/api/v1/licensing/plans/{}", plan["id"].as_str().unwrap());
    let calls = [
        get(&format!("/api/v1/licensing/tenants/{tenant}/plans")),
        get(&path),
        get(&format!("{path}/licenses")),
        post(
            &format!("{path}/licenses/assign"),
            &json!({"user_emails": ["eve@example.com"]}),
        ),
    ];
    for call in calls {
        let answer = service.send(call.by("eve")).await;
        assert_eq!((answer.status, answer.code().as_str()), (404, "not_found"));
    }
}

#[actix_web::test]
async fn a_169_an_invitation_is_used_by_its_own_address_and_ends_when_it_is_taken_back() {
    let service = Service::new().await;
    let (_, plan) = sold(&service).await;
    let assign = format!(
        "/api/v1/licensing/plans/{}/licenses/assign",
        plan["id"].as_str().unwrap()
    );
    let assigned = service
        .send(post(&assign, &json!({"user_emails": ["bob@example.com"]})).by("ada"))
        .await
        .json();
    let assignment = &assigned["license_assignments"][0];
    let key = assignment["activation_key"].as_str().unwrap();
    let activate = format!("/api/v1/licensing/license-activation?activation_key={key}");

    let foreign = service.send(post(&activate, &json!({})).by("eve")).await;
    assert_eq!(
        (foreign.status, foreign.code().as_str()),
        (404, "not_found")
    );
    let short = "/api/v1/licensing/license-activation?activation_key=short";
    assert_eq!(
        service.send(post(short, &json!({})).by("bob")).await.code(),
        "invalid_query"
    );
    for _ in 0..2 {
        let activated = service.send(post(&activate, &json!({})).by("bob")).await;
        assert_eq!(
            (activated.status, activated.json()["status"].clone()),
            (200, json!("activated"))
        );
    }
    let app = service.api_key("Academy").await;
    let check = "/api/v1/entitlements/check?user_id=bob&feature=certificates";
    let yes = service
        .send(get(check).header("X-API-Key", &app))
        .await
        .json();
    assert_eq!(yes["entitled"], true, "{yes}");
    assert!(
        yes["reason"]
            .as_str()
            .unwrap()
            .starts_with("yes, because of"),
        "{yes}"
    );

    let revoke = format!(
        "/api/v1/licensing/licenses/{}/revoke",
        assignment["license"].as_str().unwrap()
    );
    assert_eq!(
        service
            .send(post(&revoke, &json!({})).by("bob"))
            .await
            .code(),
        "not_found"
    );
    let revoked = service.send(post(&revoke, &json!({})).by("ada")).await;
    assert_eq!(
        (revoked.status, revoked.json()["status"].clone()),
        (200, json!("revoked"))
    );
    let no = service
        .send(get(check).header("X-API-Key", &app))
        .await
        .json();
    assert_eq!(no["entitled"], false, "{no}");
    let late = service.send(post(&activate, &json!({})).by("bob")).await;
    assert_eq!(
        (late.status, late.code().as_str()),
        (422, "license_revoked")
    );
}
