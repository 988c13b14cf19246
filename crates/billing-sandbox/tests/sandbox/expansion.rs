//! What `expand[]` does: levels, names that cannot be expanded, lists, and what was deleted.

use serde_json::json;

use crate::client::Client;

#[tokio::test]
async fn only_the_first_name_of_a_path_is_checked() {
    let client = Client::start().await;
    let price = client.monthly_price().await;
    let path = format!("/v1/prices/{price}");
    let refused = client.get(&format!("{path}?expand[]=foo")).await;
    assert_eq!(
        (refused.status, refused.message()),
        (400, "This property cannot be expanded (foo).")
    );
    let plain = client.get(&format!("{path}?expand[]=currency")).await;
    assert_eq!(
        plain.message(),
        "This property cannot be expanded (currency)."
    );
    let deeper = client
        .get(&format!("{path}?expand[]=product.foo.bar"))
        .await;
    assert_eq!(deeper.status, 200, "{}", deeper.text);
    assert_eq!(deeper.json["product"]["name"], "Pro");
}

#[tokio::test]
async fn five_levels_are_too_many() {
    let client = Client::start().await;
    let refused = client.get("/v1/prices?expand[]=data.a.b.c.d").await;
    assert_eq!(
        refused.message(),
        "You cannot expand more than 4 levels of a property. Property: data.a.b.c.d"
    );
    let error = &refused.json["error"];
    assert_eq!(error["code"], "property_expansion_max_depth");
    assert!(error.get("doc_url").is_none());
    // Nothing was made by a request that was refused for its levels.
    let made = client
        .post("/v1/customers", &[("expand[]", "a.b.c.d.e")])
        .await;
    assert_eq!(made.status, 400);
    assert_eq!(client.get("/v1/customers").await.json["data"], json!([]));
    // Nor by one that was refused for a name.
    let made = client
        .post("/v1/customers", &[("expand[]", "nothing.of_it")])
        .await;
    assert_eq!(
        made.message(),
        "This property cannot be expanded (nothing.of_it)."
    );
    assert_eq!(client.get("/v1/customers").await.json["data"], json!([]));
}

#[tokio::test]
async fn lists_are_expanded_below_data() {
    let client = Client::start().await;
    client.monthly_price().await;
    let refused = client.get("/v1/prices?expand[]=product").await;
    assert_eq!(
        refused.message(),
        "This property cannot be expanded (product). You may want to try expanding \
         'data.product' instead."
    );
    let listed = client
        .get("/v1/prices?expand[]=data.product&expand[]=data")
        .await
        .json;
    assert_eq!(listed["data"][0]["product"]["object"], "product");
    let unknown = client.get("/v1/prices?expand[]=data.foo").await;
    assert_eq!(unknown.message(), "This property cannot be expanded (foo).");
}

#[tokio::test]
async fn a_deleted_customer_is_shown_as_deleted() {
    let client = Client::start().await;
    let price = client.monthly_price().await;
    let session = client.session("subscription", &price, &[]).await.id();
    client
        .sandbox
        .pay_checkout(&session, "4242424242424242")
        .unwrap();
    let path = format!("/v1/checkout/sessions/{session}");
    let customer = client.get(&path).await.json["customer"]
        .as_str()
        .unwrap()
        .to_owned();
    let delete = client.request("DELETE", &format!("/v1/customers/{customer}"));
    assert_eq!(Client::answer(delete).await.status, 200);
    let expanded = client.get(&format!("{path}?expand[]=customer")).await.json;
    assert_eq!(
        expanded["customer"],
        json!({ "id": customer, "object": "customer", "deleted": true })
    );
}
