//! The OpenAPI document: checked in, up to date, and shown from the binary alone.

use crate::service::{Service, get};

/// Set to write the document instead of comparing it.
const REGENERATE: &str = "BILLING_REGENERATE_OPENAPI";

#[test]
fn the_document_that_is_checked_in_is_the_services() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/openapi.json");
    let mut made = billing_actix::openapi().to_pretty_json().unwrap();
    made.push('\n');
    if std::env::var_os(REGENERATE).is_some() {
        std::fs::write(path, &made).unwrap();
    }
    let kept = std::fs::read_to_string(path).unwrap_or_default();
    assert!(
        kept == made,
        "docs/openapi.json is out of date: run this test with {REGENERATE}=1 and commit the file"
    );
}

#[actix_web::test]
async fn the_documentation_is_served_without_the_network() {
    let service = Service::new().await;
    let document = service.send(get("/openapi.json")).await;
    assert_eq!(document.json()["info"]["title"], "Billing");
    for path in ["/docs", "/docs/"] {
        let moved = service.send(get(path)).await;
        assert!(
            moved.status == 200 || moved.header("location") == "/docs/index.html",
            "{path}"
        );
    }
    let page = service.send(get("/docs/index.html")).await;
    assert_eq!(page.status, 200);
    assert!(!page.body.contains("https://"), "{}", page.body);
    assert_eq!(
        service.send(get("/docs/swagger-ui-bundle.js")).await.status,
        200
    );
}

#[test]
fn everything_that_the_document_refers_to_is_in_it() {
    let document = serde_json::to_value(billing_actix::openapi()).unwrap();
    let text = document.to_string();
    let references = text.split("\"$ref\":\"#").skip(1);
    let mut count = 0;
    for pointer in references.map(|rest| rest.split('"').next().unwrap()) {
        assert!(document.pointer(pointer).is_some(), "{pointer}");
        count += 1;
    }
    assert!(count > 0);
}
