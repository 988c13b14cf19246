//! What arrives on the wire and is not what Stripe's clients send: methods, paths, headers, bodies.

use crate::client::Client;

#[tokio::test]
async fn odd_methods_and_paths_are_answered_like_stripe_does() {
    let client = Client::start().await;
    for method in ["PUT", "PATCH", "TRACE", "FOO"] {
        let answer = Client::answer(client.request(method, "/v1/customers")).await;
        assert_eq!(answer.status, 404, "{method}");
        let expected = format!("Unrecognized request URL ({method}: /v1/customers).");
        assert!(answer.message().starts_with(&expected), "{}", answer.text);
    }
    let head = Client::answer(client.request("HEAD", "/v1/customers")).await;
    assert_eq!((head.status, head.text.as_str()), (200, ""));
    let empty = client.get("/v1/customers/").await;
    assert_eq!(empty.status, 404);
    assert!(
        empty
            .message()
            .contains("If you are trying to list objects, remove the trailing slash.")
    );
    for path in [
        "/v1",
        "/v1/",
        "/v1//",
        "/v1/%00",
        "/v1/..%2F",
        "/v2/",
        "/v2/core",
        "/nothing",
        "/v1/customers/%ff",
    ] {
        let answer = client.get(path).await;
        assert!(
            [404, 501].contains(&answer.status),
            "{path}: {}",
            answer.status
        );
    }
}

#[tokio::test]
async fn a_browser_may_ask_before_it_sends_a_key() {
    let client = Client::start().await;
    let url = format!("{}/v1/customers", client.sandbox.url());
    let method = reqwest::Method::OPTIONS;
    let asked = client
        .http
        .request(method, url)
        .header("origin", "http://shop.test");
    let asked = asked.header("access-control-request-headers", "authorization");
    let answer = Client::answer(asked).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("access-control-allow-origin"), "*");
    assert_eq!(
        answer.header("access-control-allow-headers"),
        "authorization"
    );
    assert_eq!(
        answer.header("access-control-allow-methods"),
        "GET, HEAD, PUT, PATCH, POST, DELETE"
    );
    let listed = client.get("/v1/customers").await;
    assert!(
        listed
            .header("access-control-expose-headers")
            .contains("Stripe-Should-Retry")
    );
    assert_eq!(listed.header("access-control-max-age"), "300");
}

#[tokio::test]
async fn bodies_that_are_no_forms_are_told_so() {
    let client = Client::start().await;
    let json = client
        .request("POST", "/v1/customers")
        .body("{\"email\":\"a@b.co\"}");
    let json = Client::answer(json.header("content-type", "application/json")).await;
    assert_eq!(json.status, 400);
    assert!(json.message().contains("application/x-www-form-urlencoded"));
    let upload = client
        .request("POST", "/v1/customers")
        .body("--x\r\n\r\n--x--");
    let upload =
        Client::answer(upload.header("content-type", "multipart/form-data; boundary=x")).await;
    assert_eq!(upload.status, 501);
}

#[tokio::test]
async fn parameters_nest_in_every_encoding_and_are_taken_from_query_and_body() {
    let client = Client::start().await;
    for body in [
        "metadata[a]=1&address[city]=X&preferred_locales[]=en&preferred_locales[]=de",
        "metadata%5Ba%5D=1&address%5Bcity%5D=X&preferred_locales%5B0%5D=en&preferred_locales%5B1%5D=de",
        "metadata[a%5D=1&address%5bcity]=X&preferred_locales[1]=de&preferred_locales[0]=en",
        "metadata[a]=0&metadata[a]=1&address[city]=X&preferred_locales[]=en&preferred_locales[1]=de",
    ] {
        let made = Client::answer(client.request("POST", "/v1/customers").body(body))
            .await
            .json;
        assert_eq!(made["metadata"]["a"], "1", "{body}");
        assert_eq!(made["address"]["city"], "X", "{body}");
        assert_eq!(
            made["preferred_locales"],
            serde_json::json!(["en", "de"]),
            "{body}"
        );
    }
    let both = client
        .request("POST", "/v1/customers?metadata[q]=1")
        .body("metadata[b]=2");
    let both = Client::answer(both).await.json;
    assert_eq!(both["metadata"], serde_json::json!({ "q": "1", "b": "2" }));
    for body in ["preferred_locales=en", "preferred_locales[x]=en"] {
        let refused = Client::answer(client.request("POST", "/v1/customers").body(body)).await;
        assert_eq!(
            (refused.status, refused.message()),
            (400, "Invalid array"),
            "{body}"
        );
    }
}

#[tokio::test]
async fn headers_of_any_kind_do_no_harm() {
    let client = Client::start().await;
    let long = "k".repeat(256);
    let keyed = client
        .request("POST", "/v1/customers")
        .header("idempotency-key", &long);
    assert_eq!(Client::answer(keyed).await.status, 400);
    let own = client.get("/v1/account").await.id();
    for (name, value, status) in [
        ("stripe-account", own.as_str(), 200),
        ("stripe-account", "acct_other", 403),
        ("stripe-version", "2099-01-01", 400),
        ("stripe-version", "", 400),
        ("content-type", "\u{e4}", 200),
        ("accept", "nothing/at-all", 200),
    ] {
        let answer =
            Client::answer(client.request("GET", "/v1/customers").header(name, value)).await;
        assert_eq!(answer.status, status, "{name}: {value}");
    }
    let other = client
        .request("GET", "/v1/customers")
        .header("stripe-account", "acct_x");
    let other = Client::answer(other).await;
    assert_eq!(other.json["error"]["code"], "account_invalid");
    for value in [
        "Bearer",
        "Basic %%%",
        "Basic ",
        "Bearer sk_test_",
        "Digest x",
        "Bearer \u{1F4B3}",
    ] {
        let request = client
            .http
            .get(format!("{}/v1/customers", client.sandbox.url()));
        assert_eq!(
            Client::answer(request.header("authorization", value))
                .await
                .status,
            401,
            "{value}"
        );
    }
}

#[tokio::test]
async fn a_key_is_bound_to_its_endpoint_for_a_day_of_the_sandbox() {
    let client = Client::start().await;
    let send = |path: &'static str, body: &'static str| {
        let request = client.request("POST", path).header("idempotency-key", "k");
        Client::answer(request.body(body))
    };
    let first = send("/v1/customers", "name=a").await;
    let other = send("/v1/products", "name=a").await;
    assert_eq!(other.json["error"]["type"], "idempotency_error");
    assert!(
        other
            .message()
            .contains("('/v1/products' vs. '/v1/customers')"),
        "{}",
        other.text
    );
    client.pass(86_399);
    assert_eq!(
        send("/v1/customers", "name=a")
            .await
            .header("idempotent-replayed"),
        "true"
    );
    client.pass(1);
    let anew = send("/v1/customers", "name=a").await;
    assert_eq!((anew.status, anew.header("idempotent-replayed")), (200, ""));
    assert_ne!(first.id(), anew.id());
    let missing = client
        .request("DELETE", "/v1/customers/cus_x")
        .header("idempotency-key", "d");
    let missing = Client::answer(missing).await;
    assert_eq!(
        (
            missing.header("idempotency-key"),
            missing.header("original-request")
        ),
        ("d", "")
    );
}
