//! The paywall's questions over HTTP.

use serde_json::json;

use crate::service::{Service, get};

#[actix_web::test]
async fn f_5_row_36_an_unknown_user_is_an_error_unless_it_is_allowed() {
    let service = Service::new().await;
    let key = service.api_key("Academy").await;
    let unknown = "/api/v1/entitlements?user_id=nobody";
    let answer = service.send(get(unknown).header("X-API-Key", &key)).await;
    assert_eq!(
        (answer.status, answer.code().as_str()),
        (404, "user_not_found")
    );
    let allowed = format!("{unknown}&allow_unknown=true");
    let answer = service.send(get(&allowed).header("X-API-Key", &key)).await;
    assert_eq!(answer.json()["entitlements"], json!([]));
    let check = "/api/v1/entitlements/check?user_id=nobody&feature=certificates&allow_unknown=true";
    let answer = service
        .send(get(check).header("X-API-Key", &key))
        .await
        .json();
    assert_eq!(answer["entitled"], false);
    assert_eq!(answer["checked_at"], service.now().to_string());
}

#[actix_web::test]
async fn a_user_asks_about_themselves_and_nobody_else() {
    let service = Service::new().await;
    let own = service
        .send(get("/api/v1/entitlements?user_id=ada").by("ada"))
        .await;
    assert_eq!(
        (own.status, own.json()["entitlements"].clone()),
        (200, json!([]))
    );
    let foreign = service
        .send(get("/api/v1/entitlements?user_id=ada").by("eve"))
        .await;
    assert_eq!(
        (foreign.status, foreign.code().as_str()),
        (403, "forbidden")
    );
}

#[actix_web::test]
async fn an_operator_names_the_project() {
    let service = Service::new().await;
    let missing = service
        .send(get("/api/v1/entitlements?user_id=ada").by_operator())
        .await;
    assert_eq!(
        missing.json()["fields"]["project_id"]["error_code"],
        "is_null"
    );
    let path = format!(
        "/api/v1/entitlements?user_id=ada&project_id={}",
        service.world.project.id
    );
    assert_eq!(service.send(get(&path).by_operator()).await.status, 200);
}
