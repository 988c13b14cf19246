//! Many at once: deliveries, buyers, assignments.

use std::collections::BTreeMap;
use std::sync::Arc;

use billing_app::clock::SystemClock;
use billing_app::demo::credentials::token;
use billing_domain::kernel::ports::Clock;
use billing_tests::house::{House, purchase};
use reqwest::{Method, StatusCode};
use serde_json::json;

#[tokio::test]
async fn fifty_deliveries_of_each_event_at_once_are_applied_once() {
    for house in House::every().await {
        let house = Arc::new(house);
        let started = house
            .checkout(
                &house.world.credentials.buyer,
                "sale",
                &purchase("acme", 10),
            )
            .await;
        house.pay(&started.text_at("/checkout_session_id"));
        let mut deliveries = house.world.sandbox.take_pending_deliveries();
        // The last that happened comes first.
        deliveries.reverse();
        let mut posts = tokio::task::JoinSet::new();
        for delivery in &deliveries {
            let copies = if delivery.event_type == "invoice.paid" {
                50
            } else {
                3
            };
            for _ in 0..copies {
                let (house, delivery) = (house.clone(), delivery.clone());
                posts.spawn(async move {
                    let mut request = house
                        .world
                        .http
                        .post(&delivery.url)
                        .body(delivery.body.clone());
                    for (name, value) in &delivery.headers {
                        request = request.header(name, value);
                    }
                    house.send(request).await
                });
            }
        }
        let workers = house.world.service.application.workers.clone();
        let second = workers.clone();
        // Two workers beside the deliveries, each claiming for itself.
        let (first, second) = tokio::join!(workers.drain(), second.drain());
        first.and(second).expect("workers do not fail");
        let mut statuses: BTreeMap<String, u32> = BTreeMap::new();
        while let Some(answer) = posts.join_next().await {
            let answer = answer.expect("no panic");
            assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
            *statuses.entry(answer.text_at("/status")).or_default() += 1;
        }
        house.drain().await;
        let events = u32::try_from(deliveries.len()).expect("a few");
        assert_eq!(statuses.get("received"), Some(&events), "{}", house.name());
        let intent = house.intent(&started.text_at("/checkout_intent/id")).await;
        assert_eq!(intent.text_at("/state"), "fulfilled", "{}", intent.text);
        for (table, rows) in [
            ("provisioning_workflows", 1),
            ("licenses", 10),
            ("tenants", 1),
            ("plans", 1),
        ] {
            assert_eq!(
                house.database.row_count(table).await,
                rows,
                "{}: {table}",
                house.name()
            );
        }
        Arc::into_inner(house)
            .expect("every post is done")
            .stop()
            .await;
    }
}

#[tokio::test]
async fn a_051_of_ten_buyers_of_one_slug_one_wins_and_no_loser_reaches_stripe() {
    for house in House::every().await {
        let house = Arc::new(house);
        let secret = house.world.bearer_secret.clone();
        let mut buyers = tokio::task::JoinSet::new();
        for number in 0..10 {
            let (house, secret) = (house.clone(), secret.clone());
            buyers.spawn(async move {
                let email = format!("buyer{number}@acme.example");
                let token = token(
                    &secret,
                    &format!("buyer{number}"),
                    &email,
                    &[],
                    SystemClock.now(),
                );
                let mut body = purchase("wanted", 5);
                body["admin_email"] = json!(email);
                // Case does not tell two names apart.
                body["company_name"] = json!(if number % 2 == 0 { "Wanted" } else { "WANTED" });
                house
                    .checkout(&token.expect("a token"), &format!("race-{number}"), &body)
                    .await
            });
        }
        let mut won = 0;
        while let Some(answer) = buyers.join_next().await {
            let answer = answer.expect("no panic");
            match answer.status {
                StatusCode::CREATED => won += 1,
                StatusCode::UNPROCESSABLE_ENTITY => {
                    assert!(answer.text.contains("slug_reserved"), "{}", answer.text);
                }
                other => panic!("{}: {other}: {}", house.name(), answer.text),
            }
        }
        assert_eq!(won, 1, "{}", house.name());
        assert_eq!(house.at_stripe("/v1/customers").await.len(), 1);
        assert_eq!(house.at_stripe("/v1/checkout/sessions").await.len(), 1);
        assert_eq!(house.database.row_count("checkout_intents").await, 1);
        Arc::into_inner(house)
            .expect("every buyer is done")
            .stop()
            .await;
    }
}

#[tokio::test]
async fn twenty_times_the_same_request_is_one_page_and_one_answer() {
    for house in House::every().await {
        let house = Arc::new(house);
        let mut requests = tokio::task::JoinSet::new();
        for _ in 0..20 {
            let house = house.clone();
            requests.spawn(async move {
                house
                    .checkout(
                        &house.world.credentials.buyer,
                        "same",
                        &purchase("acme", 10),
                    )
                    .await
            });
        }
        let mut bodies = BTreeMap::new();
        while let Some(answer) = requests.join_next().await {
            let answer = answer.expect("no panic");
            assert_eq!(
                answer.status,
                StatusCode::CREATED,
                "{}: {}",
                house.name(),
                answer.text
            );
            *bodies.entry(answer.text).or_insert(0) += 1;
        }
        assert_eq!(
            bodies.len(),
            1,
            "{}: every answer is the same: {bodies:#?}",
            house.name()
        );
        assert_eq!(house.at_stripe("/v1/checkout/sessions").await.len(), 1);
        let other = house
            .checkout(
                &house.world.credentials.buyer,
                "same",
                &purchase("acme", 11),
            )
            .await;
        assert_eq!(
            (other.status, other.code()),
            (StatusCode::CONFLICT, "idempotency_key_reused")
        );
        Arc::into_inner(house)
            .expect("every request is done")
            .stop()
            .await;
    }
}

#[tokio::test]
async fn a_168_two_admins_at_once_never_give_one_licence_twice() {
    for house in House::every().await {
        let house = Arc::new(house);
        let credentials = &house.world.credentials;
        let started = house
            .checkout(&credentials.buyer, "sale", &purchase("acme", 6))
            .await;
        house.pay(&started.text_at("/checkout_session_id"));
        house.world.sandbox.deliver_due().await;
        house.drain().await;
        let intent = house.intent(&started.text_at("/checkout_intent/id")).await;
        let path = format!(
            "/api/v1/licensing/tenants/{}/plans",
            intent.text_at("/tenant_id")
        );
        let plans = house
            .send(
                house
                    .request(Method::GET, &path)
                    .bearer_auth(&credentials.buyer),
            )
            .await;
        let path = format!(
            "/api/v1/licensing/plans/{}/licenses/assign",
            plans.text_at("/items/0/id")
        );
        let mut requests = tokio::task::JoinSet::new();
        for number in 0..8 {
            let (house, path) = (house.clone(), path.clone());
            requests.spawn(async move {
                let emails = [
                    format!("a{number}@acme.example"),
                    "shared@acme.example".to_owned(),
                ];
                let request = house
                    .request(Method::POST, &path)
                    .bearer_auth(&house.world.credentials.buyer);
                house
                    .send(request.json(&json!({ "user_emails": emails })))
                    .await
            });
        }
        let mut assigned = 0;
        while let Some(answer) = requests.join_next().await {
            let answer = answer.expect("no panic");
            match answer.status {
                StatusCode::OK => {
                    assigned += answer.body["num_successful_assignments"]
                        .as_u64()
                        .expect("a count");
                }
                // Six licences are fewer than nine addresses: the rest is told so, or to come again.
                StatusCode::BAD_REQUEST => assert_eq!(answer.code(), "not_enough_licenses"),
                StatusCode::CONFLICT => assert_eq!(answer.code(), "conflict"),
                other => panic!("{}: {other}: {}", house.name(), answer.text),
            }
        }
        let counts = path.trim_end_matches("/licenses/assign");
        let counts = house
            .send(
                house
                    .request(Method::GET, counts)
                    .bearer_auth(&credentials.buyer),
            )
            .await;
        assert_eq!(
            counts.body["licenses"]["assigned"],
            assigned,
            "{}: {}",
            house.name(),
            counts.text
        );
        assert_eq!(counts.body["licenses"]["total"], 6, "{}", counts.text);
        Arc::into_inner(house)
            .expect("every request is done")
            .stop()
            .await;
    }
}
