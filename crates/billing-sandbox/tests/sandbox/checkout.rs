//! The sale: a session is made, a person pays on the hosted page, and everything follows once.

use crate::client::{Client, START, form};

#[tokio::test]
async fn a_subscription_is_bought_on_the_hosted_page() {
    let client = Client::start().await;
    let price = client.monthly_price().await;
    let more = [
        ("subscription_data[metadata][intent]", "i_1"),
        ("client_reference_id", "ref_1"),
    ];
    let created = client.session("subscription", &price, &more).await;
    let id = created.id();
    let session = &created.json;
    assert_eq!(session["status"], "open");
    assert_eq!(session["payment_status"], "unpaid");
    assert_eq!(session["amount_total"], 3000);
    assert_eq!(session["expires_at"], START + 86_400);
    assert!(session["subscription"].is_null() && session["invoice"].is_null());
    assert_eq!(
        session["url"],
        format!("{}/c/pay/{id}", client.sandbox.url())
    );

    let paid = client.submit(&id, "4242 4242 4242 4242").await;
    assert_eq!(paid.status, 303);
    assert_eq!(
        paid.header("location"),
        format!("http://shop.test/done?session={id}")
    );

    let path = format!(
        "/v1/checkout/sessions/{id}?expand[]=subscription&expand[]=invoice&expand[]=customer"
    );
    let done = client.get(&path).await.json;
    assert_eq!(
        (done["status"].as_str(), done["payment_status"].as_str()),
        (Some("complete"), Some("paid"))
    );
    assert!(done["url"].is_null());
    assert_eq!(done["client_reference_id"], "ref_1");
    assert_eq!(
        done["success_url"],
        "http://shop.test/done?session={CHECKOUT_SESSION_ID}"
    );
    assert_eq!(done["subscription"]["status"], "active");
    assert_eq!(done["subscription"]["metadata"]["intent"], "i_1");
    assert_eq!(done["subscription"]["items"]["data"][0]["quantity"], 3);
    assert_eq!(done["invoice"]["status"], "paid");
    assert_eq!(done["invoice"]["amount_paid"], 3000);
    assert_eq!(done["invoice"]["billing_reason"], "subscription_create");
    assert!(
        done["invoice"]["number"]
            .as_str()
            .unwrap()
            .ends_with("-0001")
    );
    assert_eq!(
        done["invoice"]["parent"]["subscription_details"]["metadata"]["intent"],
        "i_1"
    );
    assert_eq!(
        done["invoice"]["lines"]["data"][0]["description"],
        "3 × Pro (at $10.00 / month)"
    );
    assert_eq!(done["customer"]["email"], "jenny@example.com");
    let subscription = done["subscription"]["id"].as_str().unwrap();
    let listed = client
        .get(&format!(
            "/v1/checkout/sessions?subscription={subscription}"
        ))
        .await
        .json;
    assert_eq!(listed["data"][0]["id"], id.as_str());
    let items = client
        .get(&format!("/v1/checkout/sessions/{id}/line_items"))
        .await
        .json;
    assert_eq!(items["data"][0]["price"]["id"], price);
}

#[tokio::test]
async fn the_events_of_a_sale_come_in_stripes_order() {
    let client = Client::start().await;
    let price = client.monthly_price().await;
    let id = client.session("subscription", &price, &[]).await.id();
    let before = client.event_types().len();
    client
        .sandbox
        .pay_checkout(&id, "4242424242424242")
        .unwrap();
    let expected = [
        "charge.succeeded",
        "payment_method.attached",
        "customer.created",
        "customer.updated",
        "invoice.created",
        "customer.subscription.created",
        "invoice.finalized",
        "invoice.paid",
        "invoice.payment_succeeded",
        "payment_intent.succeeded",
        "payment_intent.created",
        "checkout.session.completed",
        "invoice_payment.paid",
    ];
    assert_eq!(client.event_types()[before..], expected);
}

#[tokio::test]
async fn a_one_time_payment_copies_its_metadata_to_the_intent() {
    let client = Client::start().await;
    let price = client.one_time_price().await;
    let more = [("payment_intent_data[metadata][intent]", "i_2")];
    let id = client.session("payment", &price, &more).await.id();
    assert_eq!(client.submit(&id, "5555555555554444").await.status, 303);
    let path = format!("/v1/checkout/sessions/{id}?expand[]=payment_intent.latest_charge");
    let done = client.get(&path).await.json;
    assert_eq!(done["payment_intent"]["status"], "succeeded");
    assert_eq!(done["payment_intent"]["metadata"]["intent"], "i_2");
    assert_eq!(done["payment_intent"]["amount_received"], 4500);
    assert_eq!(
        done["payment_intent"]["latest_charge"]["payment_method_details"]["card"]["brand"],
        "mastercard"
    );
    assert!(done["customer"].is_null(), "a guest");
}

#[tokio::test]
async fn a_declined_card_says_why_and_leaves_the_session_open() {
    let client = Client::start().await;
    let price = client.monthly_price().await;
    let id = client.session("subscription", &price, &[]).await.id();
    let cards = [
        ("4000000000000002", "Your card was declined."),
        ("4000000000009995", "Your card has insufficient funds."),
        ("4000000000009987", "Your card was declined."),
        ("4000000000000069", "Your card has expired."),
        (
            "4000000000000127",
            "Your card&#39;s security code is incorrect.",
        ),
        (
            "4000000000000119",
            "An error occurred while processing your card.",
        ),
        ("4242424242424241", "Your card number is incorrect."),
    ];
    for (number, text) in cards {
        let shown = client.submit(&id, number).await;
        assert_eq!(shown.status, 402);
        assert!(shown.text.contains(text), "{number}: {}", shown.text);
        assert!(shown.text.contains("role=\"alert\""));
    }
    let session = client
        .get(&format!("/v1/checkout/sessions/{id}"))
        .await
        .json;
    assert_eq!(
        (&session["status"], session["subscription"].is_null()),
        (&"open".into(), true)
    );
    let types = client.event_types();
    assert_eq!(types.iter().filter(|t| *t == "charge.failed").count(), 6);
    assert_eq!(
        types
            .iter()
            .filter(|t| *t == "payment_intent.created")
            .count(),
        1
    );
    let intents = client.get("/v1/payment_intents").await.json;
    assert_eq!(
        intents["data"][0]["last_payment_error"]["code"],
        "processing_error"
    );
    assert_eq!(client.submit(&id, "4242424242424242").await.status, 303);
    assert!(
        client
            .event_types()
            .contains(&"checkout.session.completed".to_owned())
    );
}

#[tokio::test]
async fn submitting_twice_pays_once() {
    let client = Client::start().await;
    let price = client.monthly_price().await;
    let id = client.session("subscription", &price, &[]).await.id();
    let (one, two) = tokio::join!(
        client.submit(&id, "4242424242424242"),
        client.submit(&id, "4242424242424242")
    );
    assert_eq!((one.status, two.status), (303, 303));
    assert_eq!(
        client.get("/v1/charges").await.json["data"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
    let page = Client::answer(
        client
            .http
            .get(format!("{}/c/pay/{id}", client.sandbox.url())),
    )
    .await;
    assert!(page.text.contains("This checkout is complete"));
}

#[tokio::test]
async fn a_closed_tab_leaves_the_session_open_until_it_expires() {
    let client = Client::start().await;
    let price = client.monthly_price().await;
    let id = client.session("subscription", &price, &[]).await.id();
    let path = format!("/v1/checkout/sessions/{id}");
    client.pass(86_399);
    assert_eq!(client.get(&path).await.json["status"], "open");
    client.pass(1);
    let expired = client.get(&path).await.json;
    assert_eq!(
        (&expired["status"], expired["url"].is_null()),
        (&"expired".into(), true)
    );
    let event = client.sandbox.events().pop().unwrap();
    assert_eq!(
        (&event["type"], &event["created"]),
        (&"checkout.session.expired".into(), &(START + 86_400).into())
    );
    assert!(event["request"]["id"].is_null());
    let shown = client.submit(&id, "4242424242424242").await;
    assert!(shown.text.contains("This checkout has expired"));
    assert!(
        client.get("/v1/charges").await.json["data"]
            .as_array()
            .unwrap()
            .is_empty()
    );
}

#[tokio::test]
async fn a_session_can_be_expired_once() {
    let client = Client::start().await;
    let price = client.monthly_price().await;
    let id = client.session("subscription", &price, &[]).await.id();
    let path = format!("/v1/checkout/sessions/{id}/expire");
    assert_eq!(client.post(&path, &[]).await.json["status"], "expired");
    let again = client.post(&path, &[]).await;
    assert_eq!(again.status, 400);
    assert!(
        again
            .message()
            .ends_with("This Checkout Session has a status of `expired`.")
    );
}

#[tokio::test]
async fn a_trial_takes_a_card_and_charges_nothing() {
    let client = Client::start().await;
    let price = client.monthly_price().await;
    let more = [("subscription_data[trial_period_days]", "14")];
    let created = client.session("subscription", &price, &more).await;
    assert_eq!(created.json["amount_total"], 0);
    let id = created.id();
    assert_eq!(client.submit(&id, "4242424242424242").await.status, 303);
    let path = format!("/v1/checkout/sessions/{id}?expand[]=subscription&expand[]=invoice");
    let done = client.get(&path).await.json;
    assert_eq!(done["payment_status"], "no_payment_required");
    assert_eq!(done["subscription"]["status"], "trialing");
    assert_eq!(done["subscription"]["trial_end"], START + 14 * 86_400);
    assert_eq!(
        (&done["invoice"]["status"], &done["invoice"]["amount_paid"]),
        (&"paid".into(), &0.into())
    );
    assert!(
        !client
            .event_types()
            .contains(&"charge.succeeded".to_owned())
    );
}

#[tokio::test]
async fn a_card_is_saved_in_setup_mode() {
    let client = Client::start().await;
    let customer = client
        .post("/v1/customers", &[("email", "a@b.co")])
        .await
        .id();
    let fields = [
        ("mode", "setup"),
        ("currency", "usd"),
        ("customer", &customer),
        ("success_url", "http://s.test/"),
    ];
    let id = client.post("/v1/checkout/sessions", &fields).await.id();
    assert_eq!(client.submit(&id, "4242424242424242").await.status, 303);
    let methods = client
        .get(&format!("/v1/customers/{customer}/payment_methods"))
        .await
        .json;
    assert_eq!(methods["data"][0]["card"]["last4"], "4242");
}

#[tokio::test]
async fn what_cannot_be_a_session_is_refused_in_stripes_words() {
    let client = Client::start().await;
    let monthly = client.monthly_price().await;
    let once = client.one_time_price().await;
    let wrong = client.session("payment", &monthly, &[]).await;
    assert!(
        wrong
            .message()
            .starts_with("You specified `payment` mode but passed a recurring price.")
    );
    let wrong = client.session("subscription", &once, &[]).await;
    assert!(
        wrong
            .message()
            .starts_with("You must provide at least one recurring price")
    );
    let wrong = client.session("payment", "price_none", &[]).await;
    assert_eq!(
        (wrong.status, wrong.message()),
        (400, "No such price: 'price_none'")
    );
    let soon = (START + 60).to_string();
    let wrong = client
        .session("payment", &once, &[("expires_at", &soon)])
        .await;
    assert!(wrong.message().contains("at least 30 minutes"));
    let wrong = client
        .session("payment", &once, &[("customer", "cus_none")])
        .await;
    assert_eq!(wrong.json["error"]["param"], "customer");
    let wrong = client
        .session("payment", &once, &[("ui_mode", "elements")])
        .await;
    assert!(
        wrong
            .message()
            .contains("not supported with 'ui_mode: elements': cancel_url, success_url.")
    );
    let wrong = client
        .session("payment", &once, &[("payment_method_types[0]", "card")])
        .await;
    assert_eq!(wrong.json["error"]["code"], "parameter_unknown");
}

#[tokio::test]
async fn sessions_of_elements_are_spelled_as_their_version_does() {
    let client = Client::start().await;
    let price = client.one_time_price().await;
    for (version, sent, shown) in [
        ("2026-10-28.endive", "elements", "elements"),
        ("2026-02-25.clover", "custom", "custom"),
        ("2023-10-16", "embedded", "embedded"),
    ] {
        let fields = [
            ("mode", "payment"),
            ("ui_mode", sent),
            ("return_url", "http://shop.test/back"),
            ("line_items[0][price]", price.as_str()),
            ("line_items[0][quantity]", "1"),
        ];
        let request = client
            .request("POST", "/v1/checkout/sessions")
            .header("stripe-version", version);
        let made = Client::answer(request.body(form(&fields))).await;
        assert_eq!(
            (made.status, &made.json["ui_mode"]),
            (200, &shown.into()),
            "{}",
            made.text
        );
        assert!(made.json["url"].is_null() && made.json["client_secret"].is_string());
    }
}

#[tokio::test]
async fn the_page_is_labelled_self_contained_and_escapes_what_it_shows() {
    let client = Client::start().await;
    let fields = [
        ("product_data[name]", "<script>x</script>"),
        ("currency", "eur"),
        ("unit_amount", "1234"),
    ];
    let price = client.post("/v1/prices", &fields).await.id();
    let id = client.session("payment", &price, &[]).await.id();
    let page = Client::answer(
        client
            .http
            .get(format!("{}/c/pay/{id}", client.sandbox.url())),
    )
    .await;
    assert_eq!(page.status, 200);
    for name in ["email", "number", "expiry", "cvc", "name"] {
        assert!(
            page.text.contains(&format!("<label for=\"{name}\">")),
            "{name}"
        );
    }
    assert!(page.text.contains("€37.02") && page.text.contains("no real money"));
    assert!(page.text.contains("href=\"http://shop.test/cart\""));
    assert!(!page.text.contains("<script") && !page.text.contains("src="));
    let none = Client::answer(
        client
            .http
            .get(format!("{}/c/pay/cs_none", client.sandbox.url())),
    )
    .await;
    assert_eq!(none.status, 404);
}

#[tokio::test]
async fn a_card_that_may_be_shown_again_is_offered_to_its_customer() {
    let client = Client::start().await;
    let customer = client.subscriber("pm_card_mastercard").await;
    let path = format!("/v1/customers/{customer}/payment_methods");
    let method = client.get(&path).await.json["data"][0]["id"].clone();
    let method = method.as_str().unwrap();
    let price = client.one_time_price().await;
    let of = [("customer", customer.as_str())];
    let page_of = |id: String| {
        let url = format!("{}/c/pay/{id}", client.sandbox.url());
        let http = client.http.clone();
        async move { (Client::answer(http.get(&url)).await.text, url) }
    };
    let id = client.session("payment", &price, &of).await.id();
    // Unless it was said that a card may be shown again, it is not.
    assert!(!page_of(id.clone()).await.0.contains("Mastercard ending in"));
    let again = [("allow_redisplay", "always")];
    let path = format!("/v1/payment_methods/{method}");
    assert_eq!(client.post(&path, &again).await.status, 200);
    let (page, url) = page_of(id.clone()).await;
    assert!(
        page.contains("Mastercard ending in 4444, valid until"),
        "{page}"
    );
    let stranger = client.session("payment", &price, &[]).await.id();
    let (theirs, their_url) = page_of(stranger).await;
    assert!(!theirs.contains("Mastercard ending in"));
    let chosen = [("pay_with", method), ("email", "a@b.co")];
    let refused = Client::answer(client.http.post(&their_url).body(form(&chosen))).await;
    assert_eq!(refused.status, 402, "nobody pays with the card of another");
    let done = Client::answer(client.http.post(&url).body(form(&chosen))).await;
    assert_eq!(done.status, 303, "{}", done.text);
    let path = format!("/v1/checkout/sessions/{id}?expand[]=payment_intent");
    let session = client.get(&path).await.json;
    assert_eq!(session["status"], "complete");
    assert_eq!(session["payment_intent"]["payment_method"], method);
}
