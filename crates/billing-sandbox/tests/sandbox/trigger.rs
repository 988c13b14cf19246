//! `POST /sandbox/trigger/{type}`: every type of the list happens, on fresh objects or on mine.

use serde_json::json;

use crate::client::Client;

#[tokio::test]
async fn every_type_of_the_list_happens() {
    let client = Client::start().await;
    let types = client.get("/sandbox/trigger").await.json["types"].clone();
    let types: Vec<&str> = types
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|t| t.as_str())
        .collect();
    let mut failed = Vec::new();
    for kind in types {
        let answer = client.post(&format!("/sandbox/trigger/{kind}"), &[]).await;
        let raised = answer.json["raised"]
            .as_array()
            .cloned()
            .unwrap_or_default();
        // An area that is not simulated says so, and nothing can be triggered in it.
        let is_lacking = answer.message().contains("This sandbox does not simulate");
        if is_lacking {
            continue;
        }
        if answer.status != 200 || !raised.iter().any(|event| event["type"] == kind) {
            failed.push(format!("{kind}: {}", answer.message()));
        }
        client.pass(1);
    }
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}

#[tokio::test]
async fn my_own_objects_metadata_and_parameters_are_used() {
    let client = Client::start().await;
    let mine = client
        .post("/v1/customers", &[("email", "mine@example.com")])
        .await
        .id();
    let wishes = [
        ("customer", mine.as_str()),
        ("metadata[order]", "7"),
        ("override[item][amount]", "4321"),
    ];
    let done = client
        .post("/sandbox/trigger/invoice.finalized", &wishes)
        .await;
    assert_eq!(done.status, 200, "{}", done.text);
    let invoice = done.json["objects"]["invoice"].as_str().unwrap();
    let invoice = client.get(&format!("/v1/invoices/{invoice}")).await.json;
    assert_eq!(invoice["customer"], mine);
    assert_eq!(invoice["total"], 4321);
    assert_eq!(invoice["metadata"], json!({ "order": "7" }));
}

#[tokio::test]
async fn an_unknown_type_is_answered_with_the_list() {
    let client = Client::start().await;
    let unknown = client.post("/sandbox/trigger/nothing.happened", &[]).await;
    assert_eq!(unknown.status, 400);
    assert!(
        unknown.json["error"]["types"]
            .as_array()
            .unwrap()
            .contains(&json!("invoice.paid"))
    );
    let missing = [("customer", "cus_none")];
    let refused = client.post("/sandbox/trigger/invoice.paid", &missing).await;
    assert_eq!(refused.status, 409);
    assert!(
        refused.message().contains("No such customer: 'cus_none'"),
        "{}",
        refused.text
    );
}
