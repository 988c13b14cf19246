//! Who may call: keys, tokens and the operator.

use billing_domain::access::ports::AccessReader;
use billing_domain::kernel::change_set::ChangeSet;
use serde_json::json;

use crate::service::{OPERATOR_KEY, Service, claims, get, mint, post};

const INTENTS: &str = "/api/v1/checkout-intents";

#[actix_web::test]
async fn e_010_without_credentials_nothing_opens() {
    let service = Service::new().await;
    let calls = [
        get(INTENTS),
        post(INTENTS, &json!({"quantity": 7})),
        get("/api/v1/entitlements?user_id=ada"),
        get("/api/v1/licensing/plans/x"),
    ];
    for call in calls {
        let answer = service.send(call).await;
        assert_eq!(
            (answer.status, answer.code().as_str()),
            (401, "authentication_required")
        );
        assert_eq!(answer.header("www-authenticate"), "Bearer");
    }
}

#[actix_web::test]
async fn e_010_a_wrong_key_opens_nothing() {
    let service = Service::new().await;
    let key = service.api_key("Academy").await;
    for wrong in ["bk_nothing", &key[..20], &format!("{key}x"), ""] {
        let answer = service
            .send(get("/api/v1/entitlements?user_id=ada").header("X-API-Key", wrong))
            .await;
        assert_eq!(
            (answer.status, answer.code().as_str()),
            (401, "invalid_api_key"),
            "{wrong}"
        );
    }
    let operator = service
        .send(get(INTENTS).header("X-Operator-Key", "nearly"))
        .await;
    assert_eq!(
        (operator.status, operator.code().as_str()),
        (401, "invalid_api_key")
    );
}

#[actix_web::test]
async fn e_011_a_key_of_another_project_and_an_inactive_project_are_refused() {
    let service = Service::new().await;
    let other = service.api_key("Another project").await;
    let path = format!(
        "/api/v1/entitlements?user_id=ada&project_id={}",
        service.world.project.id
    );
    let answer = service.send(get(&path).header("X-API-Key", &other)).await;
    assert_eq!(
        (answer.status, answer.code().as_str()),
        (403, "other_project")
    );
}

#[actix_web::test]
async fn e_013_an_apps_key_never_suffices_for_an_operators_work_nor_for_a_sale() {
    let service = Service::new().await;
    let key = service.api_key("Academy").await;
    let path = format!("{INTENTS}/{}/retry-provisioning", uuid_of_nothing());
    let calls = [
        post(&path, &json!({})),
        get(INTENTS),
        post(INTENTS, &json!({"quantity": 7})),
    ];
    for call in calls {
        let answer = service.send(call.header("X-API-Key", &key)).await;
        assert_eq!((answer.status, answer.code().as_str()), (403, "forbidden"));
    }
}

fn uuid_of_nothing() -> &'static str {
    "01890a5d-ac96-774b-bcce-b302099a8057"
}

#[actix_web::test]
async fn the_operators_static_key_and_the_operators_role_make_an_operator() {
    let service = Service::new().await;
    let mut with_role = claims("root");
    with_role["roles"] = json!(["reader", "operator"]);
    let calls = [
        get(INTENTS).header("X-API-Key", OPERATOR_KEY),
        get(INTENTS).header("X-Operator-Key", OPERATOR_KEY),
        get(INTENTS).header("Authorization", &format!("bearer {}", mint(&with_role))),
    ];
    let created = service
        .send(post(INTENTS, &json!({"quantity": 7})).by("ada"))
        .await
        .json();
    for call in calls {
        let answer = service.send(call).await;
        assert_eq!(
            answer.json()["items"][0]["id"],
            created["id"],
            "{}",
            answer.body
        );
    }
    // The audit trail names them by their subject.
    let path = format!("{INTENTS}/{}", created["id"].as_str().unwrap());
    let call = crate::service::patch(&path, &json!({"state": "expired"}));
    let token = format!("Bearer {}", mint(&with_role));
    assert_eq!(
        service
            .send(call.header("Authorization", &token))
            .await
            .status,
        200
    );
    let audit = service.store.audit();
    assert_eq!(audit.last().unwrap().actor, "operator:root");
}

#[actix_web::test]
async fn two_credentials_in_one_request_are_refused() {
    let service = Service::new().await;
    let calls = [
        get(INTENTS).by("ada").by_operator(),
        get(INTENTS).by("ada").header("X-API-Key", "bk_x"),
        get(INTENTS).by("ada").by("eve"),
    ];
    for call in calls {
        let answer = service.send(call).await;
        assert_eq!(
            (answer.status, answer.code().as_str()),
            (400, "ambiguous_credentials")
        );
    }
}

#[actix_web::test]
async fn e_011_a_key_of_an_inactive_project_is_refused() {
    let service = Service::new().await;
    let key = service.api_key("Sleeping").await;
    let title = billing_domain::testing::fixtures::title("Sleeping");
    let project = service
        .store
        .project_by_name(&title)
        .await
        .unwrap()
        .unwrap();
    let mut asleep = project.value.clone();
    asleep.is_active = false;
    let event = billing_domain::kernel::event::DomainEvent::ProjectCreated {
        project_id: asleep.id,
    };
    let transition = billing_domain::kernel::transition::Transition::Applied {
        next: asleep,
        event,
    };
    let changes: ChangeSet = service.world.changes().change_project(&project, transition);
    service.core.writer.commit(changes).await.unwrap();
    let answer = service
        .send(get("/api/v1/entitlements?user_id=ada").header("X-API-Key", &key))
        .await;
    assert_eq!(
        (answer.status, answer.code().as_str()),
        (403, "project_inactive")
    );
}
