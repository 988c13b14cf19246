//! Payments from the first try to the last refund; what is answered and raised is held against the
//! shapes of all versions when the client is dropped.

use serde_json::{Value, json};

use crate::client::{Answer, Client};

const NEVER: (&str, &str) = ("automatic_payment_methods[allow_redirects]", "never");

async fn pay(client: &Client, method: &str, more: &[(&str, &str)]) -> Answer {
    let mut fields = vec![
        ("amount", "1000"),
        ("currency", "usd"),
        ("confirm", "true"),
        ("payment_method", method),
        ("automatic_payment_methods[enabled]", "true"),
        NEVER,
    ];
    fields.extend_from_slice(more);
    client.post("/v1/payment_intents", &fields).await
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

async fn answer_bank(client: &Client, intent: &str, outcome: &str) -> Answer {
    let url = format!("/sandbox/payment_intents/{intent}/authenticate");
    client.post(&url, &[("outcome", outcome)]).await
}

#[tokio::test]
async fn a_payment_settles_after_it_was_answered() {
    let client = Client::start().await;
    let more = [("description", "Order 7"), ("expand[]", "latest_charge")];
    let intent = pay(&client, "pm_card_visa", &more).await.json;
    assert_eq!(intent["status"], "succeeded");
    let charge = &intent["latest_charge"];
    assert_eq!(
        charge["balance_transaction"],
        Value::Null,
        "not in the answer"
    );
    let path = format!("/v1/charges/{}", text(&charge["id"]));
    let expanded = format!("{path}?expand[]=balance_transaction&expand[]=refunds");
    let charge = client.get(&expanded).await.json;
    // 1000 × 2.9 % = 29, + 30 = 59
    assert_eq!(charge["balance_transaction"]["fee"], 59);
    assert_eq!(charge["balance_transaction"]["net"], 941);
    assert_eq!(
        client.event_types(),
        [
            "payment_intent.created",
            "charge.succeeded",
            "payment_intent.succeeded",
            "charge.updated"
        ]
    );
    let updated = client.sandbox.events().pop().unwrap();
    assert_eq!(updated["request"]["id"], Value::Null);
    let before = &updated["data"]["previous_attributes"];
    assert_eq!(before["balance_transaction"], Value::Null);
    assert!(before["receipt_url"].is_string());
    assert_eq!(before.as_object().unwrap().len(), 2);
}

#[tokio::test]
async fn a_decline_is_told_in_the_shape_of_the_version_that_asked() {
    let client = Client::start().await;
    let path = "/v1/payment_intents";
    let body = "amount=1000&currency=usd&confirm=true&return_url=http://shop.test\
                &payment_method=pm_card_chargeDeclinedExpiredCard";
    for (version, is_new) in [
        ("2023-10-16", false),
        ("2024-06-20", false),
        ("2025-02-24.acacia", true),
        ("2026-03-25.dahlia", true),
    ] {
        let request = client
            .request("POST", path)
            .header("stripe-version", version);
        let refused = Client::answer(request.body(body)).await;
        assert_eq!(refused.status, 402);
        let error = &refused.json["error"];
        assert_eq!(error["code"], "expired_card");
        assert_eq!(error["param"], "exp_month");
        for name in ["advice_code", "decline_code", "network_decline_code"] {
            assert_eq!(error.get(name).is_some(), is_new, "{name} in {version}");
            let last = &error["payment_intent"]["last_payment_error"];
            assert_eq!(last.get(name).is_some(), is_new, "{name} in {version}");
        }
        let has_invoice = error["payment_intent"].get("invoice").is_some();
        assert_eq!(has_invoice, version < "2025-03-31", "{version}");
    }
}

#[tokio::test]
async fn a_payer_answers_the_bank_on_its_page_or_in_one_call() {
    let client = Client::start().await;
    let asked = pay(&client, "pm_card_authenticationRequired", &[])
        .await
        .json;
    assert_eq!(asked["status"], "requires_action");
    assert_eq!(asked["next_action"]["type"], "use_stripe_sdk");
    let id = text(&asked["id"]).to_owned();
    let failed = answer_bank(&client, &id, "fail").await.json;
    assert_eq!(failed["status"], "requires_payment_method");
    assert_eq!(
        failed["last_payment_error"]["code"],
        "payment_intent_authentication_failure"
    );
    assert_eq!(answer_bank(&client, &id, "succeed").await.status, 409);
    assert_eq!(answer_bank(&client, &id, "maybe").await.status, 400);
    let confirm = format!("/v1/payment_intents/{id}/confirm");
    let fields = [
        ("payment_method", "pm_card_threeDSecure2Required"),
        ("return_url", "http://shop.test/done#part"),
    ];
    let again = client.post(&confirm, &fields).await.json;
    let url = text(&again["next_action"]["redirect_to_url"]["url"]).to_owned();
    let page = Client::answer(client.http.get(&url)).await;
    assert_eq!(page.status, 200);
    assert!(page.text.contains("value=\"succeed\"") && page.text.contains("$10.00"));
    let done = Client::answer(client.http.post(&url).body("outcome=succeed")).await;
    assert_eq!(done.status, 303);
    let location = done.header("location");
    assert!(location.starts_with(&format!("http://shop.test/done?payment_intent={id}&")));
    assert!(location.ends_with("#part"));
    let paid = client
        .get(&format!(
            "/v1/payment_intents/{id}?expand[]=latest_charge&expand[]=payment_method"
        ))
        .await
        .json;
    assert_eq!(paid["status"], "succeeded");
    let secure = &paid["latest_charge"]["payment_method_details"]["card"]["three_d_secure"];
    assert_eq!(secure["result"], "authenticated");
}

#[tokio::test]
async fn a_hold_is_captured_in_part_released_or_forgotten() {
    let client = Client::start().await;
    let manual = [("capture_method", "manual")];
    let held = pay(&client, "pm_card_visa", &manual).await.id();
    let capture = format!("/v1/payment_intents/{held}/capture");
    let part = client.post(&capture, &[("amount_to_capture", "700")]).await;
    assert_eq!(part.json["amount_received"], 700);
    let moved = client.get("/v1/balance_transactions").await.json;
    assert_eq!(moved["data"][0]["amount"], 700);
    let other = pay(&client, "pm_card_visa", &manual).await.id();
    let cancel = format!("/v1/payment_intents/{other}/cancel");
    assert_eq!(client.post(&cancel, &[]).await.json["status"], "canceled");
    let third = pay(&client, "pm_card_visa", &manual).await.id();
    client.pass(7 * 86_400);
    let gone = client.get(&format!("/v1/payment_intents/{third}")).await;
    assert_eq!(gone.json["cancellation_reason"], "automatic");
    assert!(client.event_types().contains(&"charge.expired".to_owned()));
}

#[tokio::test]
async fn refunds_go_through_wait_and_come_back() {
    let client = Client::start().await;
    for (method, at_once, later, books) in [
        ("pm_card_visa", "succeeded", "succeeded", 400),
        ("pm_card_pendingRefund", "pending", "succeeded", 400),
        ("pm_card_refundFail", "succeeded", "failed", 0),
    ] {
        let intent = pay(&client, method, &[]).await.json;
        let fields = [("payment_intent", text(&intent["id"])), ("amount", "400")];
        let refund = client.post("/v1/refunds", &fields).await.json;
        assert_eq!(refund["status"], at_once, "{method}");
        client.pass(6);
        let path = format!("/v1/refunds/{}?expand[]=charge", text(&refund["id"]));
        let done = client.get(&path).await.json;
        assert_eq!(done["status"], later, "{method}");
        assert_eq!(done["charge"]["amount_refunded"], books, "{method}");
    }
    let types = client.event_types();
    for kind in ["refund.created", "charge.refunded", "refund.failed"] {
        assert!(types.contains(&kind.to_owned()), "{kind}");
    }
}

#[tokio::test]
async fn disputes_are_opened_contested_and_decided() {
    let client = Client::start().await;
    for (method, evidence, decided, moves) in [
        ("pm_card_createDispute", "winning_evidence", "won", 2),
        (
            "pm_card_createDisputeProductNotReceived",
            "losing_evidence",
            "lost",
            1,
        ),
        (
            "pm_card_createDisputeInquiry",
            "winning_evidence",
            "warning_closed",
            0,
        ),
        (
            "pm_card_createDisputeInquiry",
            "escalate_inquiry_evidence",
            "needs_response",
            1,
        ),
        (
            "pm_card_createCe3EligibleDispute",
            "losing_evidence",
            "lost",
            1,
        ),
    ] {
        let intent = pay(&client, method, &[]).await.json;
        let listed = format!("/v1/disputes?payment_intent={}", text(&intent["id"]));
        let dispute = client.get(&listed).await.json["data"][0].clone();
        let path = format!("/v1/disputes/{}", text(&dispute["id"]));
        let fields = [("evidence[uncategorized_text]", evidence)];
        let sent = client.post(&path, &fields).await.json;
        assert_eq!(sent["evidence_details"]["submission_count"], 1, "{method}");
        client.pass(6);
        let done = client.get(&path).await.json;
        assert_eq!(done["status"], decided, "{method}");
        assert_eq!(
            done["balance_transactions"].as_array().unwrap().len(),
            moves
        );
    }
    let warned = pay(&client, "pm_card_createIssuerFraudRecord", &[])
        .await
        .json;
    let warnings = client.get("/v1/radar/early_fraud_warnings").await.json;
    assert_eq!(warnings["data"][0]["charge"], warned["latest_charge"]);
}

#[tokio::test]
async fn cards_are_saved_by_setup_intents_and_tokens() {
    let client = Client::start().await;
    let customer = client.post("/v1/customers", &[]).await.id();
    let fields = [
        ("customer", customer.as_str()),
        ("confirm", "true"),
        ("payment_method", "pm_card_authenticationRequiredOnSetup"),
        ("return_url", "http://shop.test/saved"),
    ];
    let setup = client.post("/v1/setup_intents", &fields).await.json;
    assert_eq!(setup["status"], "requires_action");
    let id = text(&setup["id"]);
    let url = format!("/sandbox/setup_intents/{id}/authenticate");
    let done = client.post(&url, &[("outcome", "succeed")]).await.json;
    assert_eq!(done["status"], "succeeded");
    let off_session = [("customer", customer.as_str()), ("off_session", "true")];
    let paid = pay(&client, text(&done["payment_method"]), &off_session).await;
    assert_eq!(paid.json["status"], "succeeded");
    let attempts = client
        .get(&format!("/v1/setup_attempts?setup_intent={id}"))
        .await
        .json;
    assert_eq!(attempts["data"][0]["status"], "succeeded");
    let card = [
        ("card[number]", "4242424242424242"),
        ("card[exp_month]", "12"),
        ("card[exp_year]", "2034"),
        ("card[cvc]", "123"),
    ];
    let token = client.post("/v1/tokens", &card).await.id();
    let fields = [("type", "card"), ("card[token]", token.as_str())];
    let method = client.post("/v1/payment_methods", &fields).await.id();
    let again = client.post("/v1/payment_methods", &fields).await;
    assert_eq!(again.json["error"]["code"], "token_already_used");
    let attach = format!("/v1/payment_methods/{method}/attach");
    client.post(&attach, &[("customer", &customer)]).await.id();
    let detach = format!("/v1/payment_methods/{method}/detach");
    assert_eq!(
        client.post(&detach, &[]).await.json["customer"],
        Value::Null
    );
    assert_eq!(client.post(&detach, &[]).await.status, 400);
}

#[tokio::test]
async fn the_balance_moves_from_pending_to_available() {
    let client = Client::start().await;
    let intent = pay(&client, "pm_card_visa", &[("capture_method", "automatic")]).await;
    client
        .post(
            "/v1/refunds",
            &[("payment_intent", &intent.id()), ("amount", "400")],
        )
        .await
        .id();
    let balance = client.get("/v1/balance").await.json;
    // 1000 − 59 − 400
    assert_eq!(balance["pending"][0]["amount"], 541);
    client.pass(7 * 86_400);
    let balance = client.get("/v1/balance").await.json;
    assert_eq!(balance["available"][0]["amount"], 541);
    assert_eq!(balance["pending"][0]["amount"], 0);
}

#[tokio::test]
async fn a_dispute_that_nobody_answers_is_lost_and_a_warning_ends_with_a_refund() {
    let client = Client::start().await;
    pay(&client, "pm_card_createDispute", &[]).await.id();
    let warned = pay(&client, "pm_card_createIssuerFraudRecord", &[])
        .await
        .id();
    client
        .post("/v1/refunds", &[("payment_intent", &warned)])
        .await
        .id();
    let warnings = client.get("/v1/radar/early_fraud_warnings").await.json;
    assert_eq!(warnings["data"][0]["actionable"], false);
    client.pass(10 * 86_400);
    let lost = client.get("/v1/disputes").await.json["data"][0].clone();
    assert_eq!(lost["status"], "lost");
    assert_eq!(lost["evidence_details"]["past_due"], true);
}

#[tokio::test]
async fn a_payer_pays_the_invoice_of_a_subscription_in_person() {
    let client = Client::start().await;
    let price = client.monthly_price().await;
    let customer = client.post("/v1/customers", &[]).await.id();
    let fields = [
        ("customer", customer.as_str()),
        ("items[0][price]", &price),
        ("payment_behavior", "default_incomplete"),
        (
            "payment_settings[save_default_payment_method]",
            "on_subscription",
        ),
        ("expand[]", "latest_invoice.payments"),
    ];
    let subscription = client.post("/v1/subscriptions", &fields).await.json;
    let payment = &subscription["latest_invoice"]["payments"]["data"][0]["payment"];
    let intent = text(&payment["payment_intent"]).to_owned();
    let confirm = format!("/v1/payment_intents/{intent}/confirm");
    let method = [("payment_method", "pm_card_authenticationRequired")];
    let asked = client.post(&confirm, &method).await.json;
    assert_eq!(asked["status"], "requires_action");
    let paid = answer_bank(&client, &intent, "succeed").await.json;
    let path = format!("/v1/subscriptions/{}", text(&subscription["id"]));
    let active = client.get(&path).await.json;
    assert_eq!(active["status"], "active");
    assert_eq!(active["default_payment_method"], paid["payment_method"]);
    let deleted = client.request("DELETE", &format!("/v1/customers/{customer}"));
    assert_eq!(Client::answer(deleted).await.status, 200);
    let gone = pay(&client, text(&paid["payment_method"]), &[]).await;
    assert_eq!(gone.status, 400);
}

#[tokio::test]
async fn a_browser_confirms_what_it_has_the_secret_of() {
    let client = Client::start().await;
    let intent = client
        .post(
            "/v1/payment_intents",
            &[("amount", "900"), ("currency", "usd")],
        )
        .await
        .json;
    let (id, secret) = (text(&intent["id"]), text(&intent["client_secret"]));
    let ask = async |method: &str, path: &str, body: String| {
        let url = format!("{}{path}", client.sandbox.url());
        let request = client
            .http
            .request(method.parse().unwrap(), url)
            .bearer_auth("pk_test_browser")
            .body(body);
        Client::answer(request).await
    };
    let path = format!("/v1/payment_intents/{id}");
    let seen = ask(
        "GET",
        &format!("{path}?client_secret={secret}"),
        String::new(),
    )
    .await;
    assert_eq!(seen.json["id"], intent["id"]);
    let wrong = ask("GET", &format!("{path}?client_secret=guess"), String::new()).await;
    assert_eq!(
        (wrong.status, &wrong.json["error"]["code"]),
        (403, &json!("secret_key_required"))
    );
    assert_eq!(ask("GET", "/v1/customers", String::new()).await.status, 403);
    let body = format!(
        "client_secret={secret}&payment_method=pm_card_visa&return_url=http%3A%2F%2Fshop.test"
    );
    let paid = ask("POST", &format!("{path}/confirm"), body).await;
    assert_eq!(paid.json["status"], "succeeded", "{}", paid.text);
}

#[tokio::test]
async fn a_token_is_charged_without_an_intent() {
    let client = Client::start().await;
    let fields = [
        ("amount", "1000"),
        ("currency", "usd"),
        ("source", "tok_visa"),
        ("capture", "false"),
    ];
    let held = client.post("/v1/charges", &fields).await.json;
    assert_eq!(held["captured"], false);
    assert_eq!(held["source"]["object"], "card");
    let capture = format!("/v1/charges/{}/capture", text(&held["id"]));
    let taken = client.post(&capture, &[("amount", "700")]).await.json;
    assert_eq!(taken["amount_captured"], 700);
    let refused = client
        .post(
            "/v1/charges",
            &[
                ("amount", "1000"),
                ("currency", "usd"),
                ("source", "tok_chargeDeclined"),
            ],
        )
        .await;
    assert_eq!(refused.status, 402);
    assert_eq!(
        client.event_types(),
        ["charge.succeeded", "charge.captured", "charge.failed"]
    );
}

#[tokio::test]
async fn strange_card_data_is_refused_and_never_a_500() {
    let client = Client::start().await;
    for data in [
        "card=x",
        "card[number][a]=1",
        "card[number]=&card[exp_month]=1&card[exp_year]=2",
        "card[number]=4242424242424242&card[exp_month]=-1&card[exp_year]=9223372036854775807",
        "card[number]=%F0%9F%92%B3%F0%9F%92%B3&card[exp_month]=1&card[exp_year]=2034",
        "card[token]=tok_",
        "type=card",
        "type=us_bank_account",
        "billing_details[address]=1&card[token]=tok_visa",
    ] {
        for (path, name) in [
            ("/v1/payment_methods", ""),
            ("/v1/payment_intents", "payment_method_data"),
            ("/v1/tokens", ""),
        ] {
            let body = if name.is_empty() {
                format!("type=card&{data}")
            } else {
                let inner: Vec<String> = data
                    .split('&')
                    .map(|pair| {
                        let end = pair.find(['[', '=']).unwrap_or(pair.len());
                        format!("{name}[{}]{}", &pair[..end], &pair[end..])
                    })
                    .collect();
                format!("amount=100&currency=usd&{}", inner.join("&"))
            };
            let answer = Client::answer(client.request("POST", path).body(body.clone())).await;
            assert!(
                matches!(answer.status, 200 | 400 | 402 | 501),
                "{} of {path} {body}: {}",
                answer.status,
                answer.text
            );
        }
    }
}
