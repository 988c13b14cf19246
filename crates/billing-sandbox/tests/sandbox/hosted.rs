//! The hosted pages beyond the plain sale: everything that a session can ask for, bank debits, 3-D
//! Secure, recovery, and the billing portal; each answer in the shape of every version.

use serde_json::Value;

use crate::client::{Answer, Client, START, form};

const VERSIONS: &[&str] = &[
    "2023-10-16",
    "2024-04-10",
    "2024-06-20",
    "2025-02-24.acacia",
    "2025-08-27.basil",
    "2025-10-29.clover",
    "2026-02-25.clover",
    "2026-03-25.dahlia",
    "2026-08-26.dahlia",
    "2026-10-28.endive",
];

const CARD: &[(&str, &str)] = &[
    ("email", "jenny@example.com"),
    ("number", "4242 4242 4242 4242"),
    ("expiry", "12/34"),
    ("cvc", "123"),
    ("name", "Jenny Rosen"),
];

impl Client {
    /// Sends a form of a page, or asks for the page where there is nothing to send.
    async fn page(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let url = format!("{}{path}", self.sandbox.url());
        if fields.is_empty() {
            return Self::answer(self.http.get(url)).await;
        }
        Self::answer(self.http.post(url).body(form(fields))).await
    }

    async fn retrieve(&self, id: &str) -> Value {
        self.get(&format!("/v1/checkout/sessions/{id}")).await.json
    }
}

#[tokio::test]
#[expect(clippy::too_many_lines, reason = "one session with every parameter")]
async fn a_session_that_asks_for_everything_has_stripes_shape_before_and_after() {
    let client = Client::start().await;
    let price = client.one_time_price().await;
    let rate = [
        ("display_name", "VAT"),
        ("percentage", "20"),
        ("inclusive", "false"),
    ];
    let rate = client.post("/v1/tax_rates", &rate).await.id();
    let coupon = [("percent_off", "10"), ("duration", "once")];
    let coupon = client.post("/v1/coupons", &coupon).await.id();
    let more = [
        ("line_items[0][adjustable_quantity][enabled]", "true"),
        ("line_items[0][tax_rates][0]", rate.as_str()),
        ("discounts[0][coupon]", coupon.as_str()),
        ("phone_number_collection[enabled]", "true"),
        ("billing_address_collection", "required"),
        ("shipping_address_collection[allowed_countries][0]", "US"),
        (
            "shipping_options[0][shipping_rate_data][display_name]",
            "Mail",
        ),
        (
            "shipping_options[0][shipping_rate_data][type]",
            "fixed_amount",
        ),
        (
            "shipping_options[0][shipping_rate_data][fixed_amount][amount]",
            "500",
        ),
        (
            "shipping_options[0][shipping_rate_data][fixed_amount][currency]",
            "usd",
        ),
        ("custom_fields[0][key]", "size"),
        ("custom_fields[0][label][type]", "custom"),
        ("custom_fields[0][label][custom]", "Size"),
        ("custom_fields[0][type]", "dropdown"),
        ("custom_fields[0][dropdown][options][0][label]", "Small"),
        ("custom_fields[0][dropdown][options][0][value]", "s"),
        ("custom_fields[1][key]", "number"),
        ("custom_fields[1][label][type]", "custom"),
        ("custom_fields[1][label][custom]", "Number"),
        ("custom_fields[1][type]", "numeric"),
        ("custom_fields[1][optional]", "true"),
        ("custom_text[submit][message]", "Soon there"),
        ("consent_collection[terms_of_service]", "required"),
        ("consent_collection[promotions]", "auto"),
        ("tax_id_collection[enabled]", "true"),
        ("name_collection[business][enabled]", "true"),
        ("invoice_creation[enabled]", "true"),
        ("invoice_creation[invoice_data][footer]", "Thanks"),
        ("after_expiration[recovery][enabled]", "true"),
        (
            "saved_payment_method_options[payment_method_save]",
            "enabled",
        ),
        ("payment_intent_data[description]", "Shirts"),
        ("locale", "en"),
        ("submit_type", "book"),
    ];
    let made = client.session("payment", &price, &more).await;
    let id = made.id();
    // 3 × 15.00 less 10% is 40.50; 20% of that is 8.10; the mail costs 5.00.
    assert_eq!(made.json["amount_total"], 4_050 + 810 + 500);
    let expand = "expand[]=line_items.data.taxes&expand[]=line_items.data.discounts\
                  &expand[]=total_details.breakdown&expand[]=shipping_cost.shipping_rate";
    let path = format!("/v1/checkout/sessions/{id}?{expand}");
    for version in VERSIONS {
        assert_eq!(client.get_as(version, &path).await.status, 200, "{version}");
    }
    let page = client.page(&format!("/c/pay/{id}"), &[]).await.text;
    assert!(page.contains("Soon there") && page.contains("Book for $53.60"));
    let mut fields = CARD.to_vec();
    fields.extend([
        ("phone", "+15555550100"),
        ("business_name", "Acme"),
        ("tax_id_type", "eu_vat"),
        ("tax_id", "DE123456789"),
        ("field_size", "s"),
        ("terms", "yes"),
    ]);
    for prefix in ["address", "shipping"] {
        for (part, text) in [
            ("line1", "1 Main St"),
            ("city", "Springfield"),
            ("postal_code", "12345"),
            ("country", "US"),
        ] {
            let name: &'static str = Box::leak(format!("{prefix}_{part}").into_boxed_str());
            fields.push((name, text));
        }
    }
    let wrong = client.page(&format!("/c/pay/{id}"), &fields).await;
    assert!(wrong.text.contains("Your shipping name is incomplete."));
    fields.push(("shipping_name", "Jenny Rosen"));
    assert_eq!(
        client.page(&format!("/c/pay/{id}"), &fields).await.status,
        303
    );
    for version in VERSIONS {
        let done = client.get_as(version, &path).await.json;
        assert_eq!(done["status"], "complete", "{version}");
        let shipping = if *version < "2025-03-31" {
            &done["shipping_details"]
        } else {
            &done["collected_information"]["shipping_details"]
        };
        assert_eq!(shipping["address"]["city"], "Springfield", "{version}");
    }
    let done = client.retrieve(&id).await;
    assert_eq!(
        done["customer_details"]["tax_ids"][0]["value"],
        "DE123456789"
    );
    assert_eq!(done["custom_fields"][0]["dropdown"]["value"], "s");
    assert_eq!(done["consent"]["promotions"], "opt_out");
    assert!(done["invoice"].is_string() && done["customer"].is_string());
    let customer = done["customer"].as_str().unwrap();
    let kept = client
        .get(&format!("/v1/customers/{customer}/tax_ids"))
        .await;
    assert_eq!(kept.json["data"][0]["value"], "DE123456789");
}

#[tokio::test]
async fn a_bank_debit_settles_by_the_clock() {
    let client = Client::start().await;
    let price = client.monthly_price().await;
    let more = [("allowed_payment_method_types[0]", "us_bank_account")];
    let id = client.session("subscription", &price, &more).await.id();
    let fields = [
        ("email", "jenny@example.com"),
        ("name", "Jenny Rosen"),
        ("pay_with", "debit"),
    ];
    assert_eq!(
        client.page(&format!("/c/pay/{id}"), &fields).await.status,
        303
    );
    let sent = client.retrieve(&id).await;
    assert_eq!(
        (&sent["status"], &sent["payment_status"]),
        (&"complete".into(), &"unpaid".into())
    );
    client.pass(86_399);
    assert_eq!(client.retrieve(&id).await["payment_status"], "unpaid");
    client.pass(1);
    assert_eq!(client.retrieve(&id).await["payment_status"], "paid");
    let path = format!("/v1/checkout/sessions/{id}?expand[]=invoice&expand[]=payment_intent");
    let paid = client.get(&path).await.json;
    assert_eq!(paid["invoice"]["status"], "paid");
    let types = client.event_types();
    let place = |wanted: &str| types.iter().position(|kind| kind == wanted);
    assert!(place("checkout.session.completed") < place("invoice.paid"));
    assert!(place("invoice.paid") < place("checkout.session.async_payment_succeeded"));
}

#[tokio::test]
async fn a_card_is_saved_after_its_bank_was_asked() {
    let client = Client::start().await;
    let customer = [("email", "jenny@example.com")];
    let customer = client.post("/v1/customers", &customer).await.id();
    let fields = [
        ("mode", "setup"),
        ("currency", "usd"),
        ("customer", customer.as_str()),
        ("success_url", "http://shop.test/done"),
    ];
    let id = client.post("/v1/checkout/sessions", &fields).await.id();
    let asked = client.submit(&id, "4000002760003184").await;
    let bank = asked.header("location").to_owned();
    assert!(bank.contains("/authenticate/seti_"), "{bank}");
    let path = bank.trim_start_matches(client.sandbox.url()).to_owned();
    let refused = client.page(&path, &[("outcome", "fail")]).await;
    let back = refused.header("location").to_owned();
    let shown = client
        .page(back.trim_start_matches(client.sandbox.url()), &[])
        .await;
    assert!(
        shown.text.contains("unable to authenticate"),
        "{}",
        shown.text
    );
    assert_eq!(client.retrieve(&id).await["status"], "open");
    client.submit(&id, "4000002760003184").await;
    client.page(&path, &[("outcome", "succeed")]).await;
    assert_eq!(client.retrieve(&id).await["status"], "complete");
    let saved = client
        .get(&format!("/v1/customers/{customer}/payment_methods"))
        .await
        .json;
    assert_eq!(saved["data"].as_array().unwrap().len(), 1);
    let types = client.event_types();
    let told = types
        .iter()
        .filter(|kind| *kind == "setup_intent.succeeded");
    assert_eq!(told.count(), 1);
}

#[tokio::test]
async fn a_later_anchor_bills_the_part_of_the_period_until_then() {
    let client = Client::start().await;
    let price = client.monthly_price().await;
    // START is 2026-09-21T14:13:20Z; ten days later the period of 30 days from 09-01 ends.
    let anchor = (START + 10 * 86_400).to_string();
    let more = [("subscription_data[billing_cycle_anchor]", anchor.as_str())];
    let made = client.session("subscription", &price, &more).await;
    // 30.00 × 10/30 = 10.00.
    assert_eq!(made.json["amount_total"], 1_000);
    let id = made.id();
    assert_eq!(client.submit(&id, "4242424242424242").await.status, 303);
    let path = format!("/v1/checkout/sessions/{id}?expand[]=invoice&expand[]=subscription");
    let done = client.get(&path).await.json;
    assert_eq!(done["invoice"]["amount_paid"], 1_000);
    assert_eq!(
        done["subscription"]["billing_cycle_anchor"],
        START + 10 * 86_400
    );
}

#[tokio::test]
async fn an_expired_session_is_begun_again_for_a_month() {
    let client = Client::start().await;
    let price = client.one_time_price().await;
    let more = [("after_expiration[recovery][enabled]", "true")];
    let id = client.session("payment", &price, &more).await.id();
    client.pass(86_400);
    let recovery = client.retrieve(&id).await["after_expiration"]["recovery"].clone();
    assert_eq!(recovery["expires_at"], START + 31 * 86_400);
    let path = format!("/c/recover/{id}");
    let again = client.page(&path, &[]).await;
    assert_eq!(again.status, 303);
    let new_id = again
        .header("location")
        .rsplit('/')
        .next()
        .unwrap()
        .to_owned();
    assert_eq!(client.retrieve(&new_id).await["recovered_from"], id);
    assert_eq!(client.submit(&new_id, "4242424242424242").await.status, 303);
    client.pass(30 * 86_400);
    assert_eq!(client.page(&path, &[]).await.status, 200);
}

#[tokio::test]
async fn a_failed_discount_leaves_no_session_behind() {
    let client = Client::start().await;
    let price = client.one_time_price().await;
    let more = [("discounts[0][coupon]", "NONE")];
    let refused = client.session("payment", &price, &more).await;
    assert_eq!(refused.message(), "No such coupon: 'NONE'");
    let listed = client.get("/v1/checkout/sessions").await.json;
    assert_eq!(listed["data"].as_array().unwrap().len(), 0);
}

/// A customer with a card and a subscription, and a portal that lets them change everything.
async fn portal(client: &Client) -> (String, String, String) {
    let price = client.monthly_price().await;
    let product = client.get(&format!("/v1/prices/{price}")).await.json["product"]
        .as_str()
        .unwrap()
        .to_owned();
    let id = client.session("subscription", &price, &[]).await.id();
    assert_eq!(client.submit(&id, "4242424242424242").await.status, 303);
    let done = client.retrieve(&id).await;
    let customer = done["customer"].as_str().unwrap();
    let update = "features[subscription_update]";
    let products = format!("{update}[products][0]");
    let fields = [
        ("features[customer_update][enabled]".to_owned(), "true"),
        (
            "features[customer_update][allowed_updates][0]".to_owned(),
            "email",
        ),
        ("features[invoice_history][enabled]".to_owned(), "true"),
        (
            "features[payment_method_update][enabled]".to_owned(),
            "true",
        ),
        ("features[subscription_cancel][enabled]".to_owned(), "true"),
        (format!("{update}[enabled]"), "true"),
        (format!("{update}[default_allowed_updates][0]"), "quantity"),
        (format!("{products}[product]"), product.as_str()),
        (format!("{products}[prices][0]"), price.as_str()),
        ("login_page[enabled]".to_owned(), "true"),
    ];
    let fields: Vec<(&str, &str)> = fields.iter().map(|(n, v)| (n.as_str(), *v)).collect();
    let made = client
        .post("/v1/billing_portal/configurations", &fields)
        .await;
    let configuration = made.id();
    let path = format!("/v1/billing_portal/configurations/{configuration}");
    for version in VERSIONS {
        let shown = client.get_as(version, &path).await.json;
        let products = &shown["features"]["subscription_update"]["products"];
        assert_eq!(products.is_array(), *version == "2023-10-16", "{version}");
    }
    let fields = [
        ("customer", customer),
        ("configuration", configuration.as_str()),
        ("return_url", "http://shop.test/account"),
    ];
    let session = client.post("/v1/billing_portal/sessions", &fields).await;
    let path = format!("/p/session/{}", session.id());
    assert_eq!(
        session.json["url"],
        format!("{}{path}", client.sandbox.url())
    );
    let subscription = done["subscription"].as_str().unwrap().to_owned();
    (path, customer.to_owned(), subscription)
}

#[tokio::test]
async fn a_customer_helps_themselves_in_the_portal() {
    let client = Client::start().await;
    let (path, customer, subscription) = portal(&client).await;
    let shown = client.page(&path, &[]).await;
    assert!(
        shown.text.contains("3 × Pro: $30.00 per month"),
        "{}",
        shown.text
    );
    assert!(!shown.text.contains("<script") && !shown.text.contains("src="));
    let of = format!("/v1/subscriptions/{subscription}");
    let update = format!("{path}/subscriptions/{subscription}/update");
    assert_eq!(client.page(&update, &[("quantity", "5")]).await.status, 303);
    assert_eq!(
        client.get(&of).await.json["items"]["data"][0]["quantity"],
        5
    );
    let cancel = format!("{path}/subscriptions/{subscription}/cancel");
    assert_eq!(
        client.page(&cancel, &[("comment", "Bye")]).await.status,
        303
    );
    let ending = client.get(&of).await.json;
    assert_eq!(
        ending["cancel_at"],
        ending["items"]["data"][0]["current_period_end"]
    );
    assert_eq!(ending["cancel_at_period_end"], false);
    let renew = format!("{path}/subscriptions/{subscription}/renew");
    assert_eq!(client.page(&renew, &[("x", "")]).await.status, 303);
    assert!(client.get(&of).await.json["cancel_at"].is_null());
    let again = client.page(&renew, &[("x", "")]).await;
    assert_eq!(again.status, 402);
    let mut card = CARD.to_vec();
    card[1].1 = "5555555555554444";
    assert_eq!(
        client.page(&format!("{path}/card"), &card).await.status,
        303
    );
    let default = client.get(&of).await.json["default_payment_method"].clone();
    let known = client.get(&format!("/v1/customers/{customer}")).await.json;
    assert_eq!(known["invoice_settings"]["default_payment_method"], default);
    let details = format!("{path}/details");
    let new = [("email", "new@example.com"), ("phone", "1")];
    assert_eq!(client.page(&details, &new).await.status, 303);
    let known = client.get(&format!("/v1/customers/{customer}")).await.json;
    assert_eq!(known["email"], "new@example.com");
    assert!(known["phone"].is_null(), "not among what may be changed");
}

#[tokio::test]
async fn nobody_reaches_anothers_subscription_through_their_portal() {
    let client = Client::start().await;
    let (_, _, theirs) = portal(&client).await;
    let stranger = client.post("/v1/customers", &[("name", "X")]).await.id();
    let fields = [("customer", stranger.as_str())];
    let session = client
        .post("/v1/billing_portal/sessions", &fields)
        .await
        .id();
    let path = format!("/p/session/{session}/subscriptions/{theirs}/cancel");
    assert_eq!(client.page(&path, &[]).await.status, 404);
    client.page(&path, &[("feedback", "unused")]).await;
    let kept = client
        .get(&format!("/v1/subscriptions/{theirs}"))
        .await
        .json;
    assert!(kept["cancel_at"].is_null() && kept["status"] == "active");
    for path in [
        "/p/session/bps_none",
        "/p/session/cs_none",
        "/c/pay/bps_none",
    ] {
        assert_eq!(client.page(path, &[]).await.status, 404, "{path}");
    }
}
