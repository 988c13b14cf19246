//! Stripe's HTTP conventions: keys, errors, parameters, lists, expansion, idempotency.

use billing_sandbox::{Fault, FaultKind, Sandbox, SandboxConfig, StartError};
use serde_json::json;

use crate::client::{Client, config};

#[tokio::test]
async fn a_request_without_a_key_or_with_a_bad_one_is_a_401() {
    let client = Client::start().await;
    let url = format!("{}/v1/customers", client.sandbox.url());
    let none = Client::answer(client.http.get(&url)).await;
    assert_eq!(none.status, 401);
    assert!(
        none.message()
            .starts_with("You did not provide an API key.")
    );
    assert_eq!(none.header("www-authenticate"), "Bearer realm=\"Stripe\"");
    assert_eq!(none.header("request-id"), "");
    let bad = Client::answer(client.http.get(&url).bearer_auth("sk_wrong_1234567890")).await;
    assert_eq!(
        (bad.status, bad.message()),
        (401, "Invalid API Key provided: sk_wrong*******7890")
    );
    let published = Client::answer(client.http.get(&url).bearer_auth("pk_test_1")).await;
    assert_eq!(published.status, 403);
    let basic = Client::answer(client.http.get(&url).basic_auth(&client.key, Some(""))).await;
    assert_eq!(basic.status, 200);
}

#[tokio::test]
async fn live_keys_are_refused_in_requests_and_in_the_configuration() {
    let client = Client::start().await;
    let url = format!("{}/v1/customers", client.sandbox.url());
    for key in ["sk_live_abc", "rk_live_abc"] {
        let answer = Client::answer(client.http.get(&url).bearer_auth(key)).await;
        assert_eq!(answer.status, 401);
        assert!(answer.message().contains("refuses live keys"));
        assert!(!answer.text.contains(key));
    }
    let live = SandboxConfig {
        secret_key: Some("sk_live_abc".into()),
        ..config()
    };
    assert!(matches!(
        Sandbox::start(live).await,
        Err(StartError::LiveKey)
    ));
}

#[tokio::test]
async fn a_taken_port_names_the_flag_that_helps() {
    let client = Client::start().await;
    let port: u16 = client
        .sandbox
        .url()
        .rsplit(':')
        .next()
        .unwrap()
        .parse()
        .unwrap();
    let error = Sandbox::start(SandboxConfig { port, ..config() })
        .await
        .unwrap_err();
    assert!(error.to_string().contains("--port"), "{error}");
}

#[tokio::test]
async fn errors_have_stripes_envelope() {
    let client = Client::start().await;
    let missing = client.get("/v1/customers/cus_none").await;
    assert_eq!(missing.status, 404);
    let error = &missing.json["error"];
    assert_eq!(error["type"], "invalid_request_error");
    assert_eq!(error["code"], "resource_missing");
    assert_eq!(error["param"], "id");
    assert_eq!(error["message"], "No such customer: 'cus_none'");
    assert_eq!(
        error["doc_url"],
        "https://stripe.com/docs/error-codes/resource-missing"
    );
    let log = error["request_log_url"].as_str().unwrap();
    assert!(log.ends_with(missing.header("request-id")), "{log}");
    let keys: Vec<&String> = error.as_object().unwrap().keys().collect();
    assert!(keys.is_sorted());
    let session = client.get("/v1/checkout/sessions/cs_none").await;
    assert_eq!(session.message(), "No such checkout.session: cs_none");
    let unknown = client.post("/v1/customers", &[("emial", "x@y.z")]).await;
    assert_eq!(
        (unknown.status, unknown.message()),
        (400, "Received unknown parameter: emial")
    );
    let required = client.post("/v1/products", &[]).await;
    assert_eq!(required.json["error"]["code"], "parameter_missing");
    assert_eq!(required.message(), "Missing required param: name.");
}

#[tokio::test]
async fn what_is_not_simulated_is_a_501_and_what_stripe_lacks_is_a_404() {
    let client = Client::start().await;
    let cards = client
        .post("/v1/issuing/cards", &[("currency", "usd")])
        .await;
    assert_eq!(cards.status, 501);
    let supported = cards.json["error"]["supported"].as_array().unwrap();
    assert!(supported.contains(&json!("POST /v1/checkout/sessions")));
    let price = client.one_time_price().await;
    let taxed = client
        .session("payment", &price, &[("automatic_tax[enabled]", "true")])
        .await;
    assert_eq!(taxed.status, 501, "{}", taxed.text);
    let unknown = client.get("/v1/nothing").await;
    assert_eq!(unknown.status, 404);
    assert!(
        unknown
            .message()
            .starts_with("Unrecognized request URL (GET: /v1/nothing).")
    );
}

#[tokio::test]
async fn versions_are_echoed_and_unknown_ones_refused() {
    let client = Client::start().await;
    let old = client.get_as("2023-10-16", "/v1/customers").await;
    assert_eq!(old.header("stripe-version"), "2023-10-16");
    let bad = client.get_as("2019-2-19", "/v1/customers").await;
    assert_eq!(
        (bad.status, bad.message()),
        (400, "Invalid Stripe API version: 2019-2-19")
    );
}

#[tokio::test]
async fn lists_go_newest_first_page_by_cursor_and_clamp_the_limit() {
    let client = Client::start().await;
    let mut ids = Vec::new();
    for n in 0..5 {
        let email = format!("c{n}@example.com");
        ids.push(
            client
                .post("/v1/customers", &[("email", &email)])
                .await
                .id(),
        );
    }
    let first = client.get("/v1/customers?limit=2").await.json;
    assert_eq!(
        (first["data"][0]["id"].as_str(), &first["has_more"]),
        (Some(&*ids[4]), &json!(true))
    );
    let next = client
        .get(&format!("/v1/customers?limit=2&starting_after={}", ids[3]))
        .await
        .json;
    assert_eq!(next["data"][0]["id"], ids[2]);
    let back = client
        .get(&format!("/v1/customers?limit=2&ending_before={}", ids[0]))
        .await
        .json;
    assert_eq!(back["data"][1]["id"], ids[1]);
    assert_eq!(
        client.get("/v1/customers?limit=0").await.json["data"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
    assert_eq!(
        client
            .get("/v1/customers?starting_after=cus_x")
            .await
            .status,
        400
    );
    let by_email = client.get("/v1/customers?email=c1@example.com").await.json;
    assert_eq!(by_email["data"][0]["id"], ids[1]);
}

#[tokio::test]
async fn customers_are_found_by_metadata_and_metadata_merges() {
    let client = Client::start().await;
    let id = client
        .post(
            "/v1/customers",
            &[("metadata[user]", "7"), ("metadata[x]", "1")],
        )
        .await
        .id();
    let path = format!("/v1/customers/{id}");
    let updated = client
        .post(&path, &[("metadata[x]", ""), ("metadata[y]", "2")])
        .await;
    assert_eq!(updated.json["metadata"], json!({ "user": "7", "y": "2" }));
    let event = client.sandbox.events().pop().unwrap();
    assert_eq!(
        event["data"]["previous_attributes"],
        json!({ "metadata": { "x": "1", "y": null } })
    );
    let query = crate::client::encoded("metadata[\"user\"]:\"7\"");
    let found = client
        .get(&format!("/v1/customers/search?query={query}"))
        .await
        .json;
    assert_eq!(
        (&found["object"], &found["data"][0]["id"]),
        (&json!("search_result"), &json!(id))
    );
    let deleted = Client::answer(client.request("DELETE", &path)).await.json;
    assert_eq!(
        deleted,
        json!({ "id": id, "object": "customer", "deleted": true })
    );
    assert_eq!(client.get(&path).await.json["deleted"], true);
}

#[tokio::test]
async fn a_lookup_key_belongs_to_one_price_and_can_be_transferred() {
    let client = Client::start().await;
    let first = client.monthly_price().await;
    let fields = [
        ("product_data[name]", "Pro 2"),
        ("currency", "usd"),
        ("unit_amount", "2000"),
        ("recurring[interval]", "month"),
        ("lookup_key", "pro_monthly"),
    ];
    let refused = client.post("/v1/prices", &fields).await;
    assert_eq!(
        refused.message(),
        format!("A price (`{first}`) already uses that lookup key.")
    );
    let mut transfer = fields.to_vec();
    transfer.push(("transfer_lookup_key", "true"));
    let second = client.post("/v1/prices", &transfer).await.id();
    let found = client
        .get("/v1/prices?lookup_keys[]=pro_monthly&expand[]=data.product")
        .await
        .json;
    assert_eq!(found["data"].as_array().unwrap().len(), 1);
    assert_eq!(found["data"][0]["id"], second);
    assert_eq!(found["data"][0]["product"]["name"], "Pro 2");
    let bad = client.get("/v1/prices?expand[]=product").await;
    assert!(
        bad.message()
            .contains("You may want to try expanding 'data.product' instead.")
    );
}

#[tokio::test]
async fn an_idempotency_key_replays_the_first_answer_and_refuses_another_body() {
    let client = Client::start().await;
    let send = |body: &'static str| {
        Client::answer(
            client
                .request("POST", "/v1/customers")
                .header("idempotency-key", "k1")
                .body(body),
        )
    };
    let first = send("email=a@b.co").await;
    let again = send("email=a@b.co").await;
    assert_eq!(first.text, again.text);
    assert_eq!(again.header("idempotent-replayed"), "true");
    assert_eq!(again.header("original-request"), first.header("request-id"));
    assert_ne!(again.header("request-id"), first.header("request-id"));
    let other = send("email=c@d.co").await;
    assert_eq!(
        (other.status, &other.json["error"]["type"]),
        (400, &json!("idempotency_error"))
    );
    assert_eq!(
        client.get("/v1/customers").await.json["data"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
    let event = &client.sandbox.events()[0];
    assert_eq!(event["request"]["idempotency_key"], "k1");
    assert_eq!(event["request"]["id"], first.header("request-id"));
}

#[tokio::test]
async fn a_key_is_in_use_while_its_first_request_goes_on() {
    let client = Client::start().await;
    let kind = FaultKind::Delay { delay_ms: 1_000 };
    client
        .sandbox
        .faults([Fault::once("POST", "/v1/customers", kind)]);
    let request = || {
        let request = client
            .request("POST", "/v1/customers")
            .header("idempotency-key", "k");
        Client::answer(request.body("email=a@b.co"))
    };
    let (one, two) = tokio::join!(request(), request());
    let mut statuses = [one.status, two.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 409]);
    let busy = if one.status == 409 { &one } else { &two };
    assert_eq!(busy.json["error"]["code"], "idempotency_key_in_use");
    assert_eq!(request().await.header("idempotent-replayed"), "true");
}

#[tokio::test]
async fn a_validation_failure_leaves_its_key_free() {
    let client = Client::start().await;
    let send = |body: &'static str| {
        Client::answer(
            client
                .request("POST", "/v1/products")
                .header("idempotency-key", "k")
                .body(body),
        )
    };
    assert_eq!(send("nmae=x").await.status, 400);
    assert_eq!(send("name=x").await.status, 200);
}

#[tokio::test]
async fn each_key_is_an_account_of_its_own() {
    let mut client = Client::start().await;
    let id = client.post("/v1/customers", &[]).await.id();
    let account = client.get("/v1/account").await.id();
    client.key = "sk_test_another".into();
    assert_eq!(client.get(&format!("/v1/customers/{id}")).await.status, 404);
    assert_ne!(client.get("/v1/account").await.id(), account);
}

#[tokio::test]
async fn strange_bodies_are_refused_and_never_a_500() {
    let client = Client::start().await;
    for body in [
        "%",
        "a[=",
        "email[x]=1",
        "metadata=1",
        "metadata[a][b]=1",
        "expand=1",
        "]=1",
        "=",
        "address[]=1",
    ] {
        let answer = Client::answer(client.request("POST", "/v1/customers").body(body)).await;
        assert!(answer.status < 500, "{body}: {}", answer.text);
    }
    let price = client.monthly_price().await;
    let huge = i64::MAX.to_string();
    let session = client
        .session(
            "subscription",
            &price,
            &[("line_items[0][quantity]", &huge)],
        )
        .await;
    assert_eq!(session.status, 400);
    let many = [
        ("currency", "usd"),
        ("product_data[name]", "x"),
        ("unit_amount", &*huge),
    ];
    assert_eq!(client.post("/v1/prices", &many).await.status, 400);
    let large = "x".repeat(2 << 20);
    let answer = Client::answer(client.request("POST", "/v1/customers").body(large)).await;
    assert_eq!(answer.status, 413);
}
