//! The pages that show what happened: requests, events, deliveries, objects, and what is simulated.

use crate::client::{Answer, Client};
use crate::receiver::Receiver;

async fn page(client: &Client, method: &str, path: &str) -> Answer {
    let request = client.request(method, path);
    Client::answer(request.header("accept", "text/html,*/*")).await
}

#[tokio::test]
async fn the_front_page_leads_to_requests_events_deliveries_and_objects() {
    let client = Client::start().await;
    let receiver = Receiver::answering(&[]).await;
    let fields = [("url", receiver.url.as_str()), ("enabled_events[0]", "*")];
    client.post("/v1/webhook_endpoints", &fields).await.id();
    let made = client.post("/v1/customers", &[("name", "<b>&'\"")]).await;
    client.sandbox.deliver_due().await;
    let front = page(&client, "GET", "/").await;
    let request = format!("/sandbox/requests/{}", made.header("request-id"));
    assert!(front.text.contains(&format!("href=\"{request}\"")));
    let event = client.sandbox.events()[0]["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let event = format!("/sandbox/events/{event}");
    assert!(front.text.contains(&format!("href=\"{event}\"")));

    let shown = page(&client, "GET", &request).await.text;
    assert!(
        shown.contains("name = &lt;b&gt;&amp;&#39;&quot;"),
        "{shown}"
    );
    assert!(shown.contains("curl -X POST "));
    assert!(!shown.contains("<b>&"));
    let object = format!("/sandbox/objects/{}", made.id());
    assert!(shown.contains(&format!("href=\"{object}\"")));
    assert!(
        page(&client, "GET", &object)
            .await
            .text
            .contains("<h1>customer</h1>")
    );

    let shown = page(&client, "GET", &event).await.text;
    assert!(shown.contains("<h1>customer.created</h1>"));
    let again = page(&client, "POST", &format!("{event}/resend")).await;
    assert_eq!(
        (again.status, again.header("location")),
        (303, event.as_str())
    );
    client.sandbox.deliver_due().await;
    assert_eq!(receiver.received().len(), 2);
    let account = client.get("/v1/account").await.id();
    let delivery = page(&client, "GET", &format!("/sandbox/deliveries/{account}/1"))
        .await
        .text;
    assert!(delivery.contains("status 200"), "{delivery}");
    for gone in [
        "requests/req_none",
        "events/evt_none",
        "objects/x",
        "deliveries/x/1",
    ] {
        assert_eq!(
            page(&client, "GET", &format!("/sandbox/{gone}"))
                .await
                .status,
            404
        );
    }
}

#[tokio::test]
async fn programs_are_told_the_same_as_json() {
    let client = Client::start().await;
    let made = client.post("/v1/customers", &[("name", "a")]).await;
    let id = made.header("request-id").to_owned();
    let told = client.get(&format!("/sandbox/requests/{id}")).await.json;
    assert_eq!(told["body"], "name=a");
    assert_eq!(told["answer"], made.text);
    assert!(!told.to_string().contains(&client.key), "the key is masked");
    let routes = client.get("/sandbox/routes").await.json;
    let routes = routes["data"].as_array().unwrap();
    assert!(
        routes
            .iter()
            .any(|route| route["endpoint"] == "POST /v1/customers")
    );
    assert!(
        page(&client, "GET", "/sandbox/routes")
            .await
            .text
            .contains("POST /v1/customers")
    );
}

#[tokio::test]
async fn nothing_on_the_pages_comes_from_elsewhere() {
    let client = Client::start().await;
    let made = client.post("/v1/customers", &[("name", "a")]).await;
    let request = format!("/sandbox/requests/{}", made.header("request-id"));
    for path in ["/", "/sandbox/routes", &request] {
        let text = page(&client, "GET", path).await.text;
        for attribute in [
            "src=\"http",
            "<link rel=\"stylesheet\"",
            "@import",
            "url(http",
        ] {
            assert!(!text.contains(attribute), "{path}: {attribute}");
        }
        assert!(text.contains("<html lang=\"en\">") && text.contains("<title>"));
    }
}
