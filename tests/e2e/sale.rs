//! The first sale from the request to "yes" (F.6 story 1).

use billing_tests::house::{House, purchase};
use reqwest::{Method, StatusCode};
use serde_json::json;

#[tokio::test]
async fn a_008_a_sale_goes_from_the_request_to_yes() {
    for house in House::every().await {
        let credentials = &house.world.credentials;
        let started = house
            .checkout(&credentials.buyer, "sale", &purchase("acme", 10))
            .await;
        assert_eq!(
            started.status,
            StatusCode::CREATED,
            "{}: {}",
            house.name(),
            started.text
        );
        let (intent_id, session) = (
            started.text_at("/checkout_intent/id"),
            started.text_at("/checkout_session_id"),
        );

        let before = house.intent(&intent_id).await;
        assert_eq!(before.text_at("/state"), "created");
        house.pay(&session);
        for outcome in house.world.sandbox.deliver_due().await {
            assert_eq!(
                outcome.attempt.status,
                Some(200),
                "{}",
                outcome.delivery.event_type
            );
        }
        house.drain().await;
        let after = house.intent(&intent_id).await;
        assert_eq!(after.text_at("/state"), "fulfilled", "{}", after.text);
        let tenant = after.text_at("/tenant_id");

        let request = house.request(
            Method::GET,
            &format!("/api/v1/licensing/tenants/{tenant}/plans"),
        );
        let plans = house.send(request.bearer_auth(&credentials.buyer)).await;
        let plan = plans.text_at("/items/0/id");
        assert_eq!(
            house.database.row_count("licenses").await,
            10,
            "{}",
            house.name()
        );

        let request = house
            .request(
                Method::POST,
                &format!("/api/v1/licensing/plans/{plan}/licenses/assign"),
            )
            .bearer_auth(&credentials.buyer)
            .json(&json!({ "user_emails": ["grace@acme.example", "Grace@Acme.example"] }));
        let assigned = house.send(request).await;
        assert_eq!(
            assigned.body["num_successful_assignments"], 1,
            "{}",
            assigned.text
        );
        let key = assigned.text_at("/license_assignments/0/activation_key");

        let path = format!("/api/v1/licensing/license-activation?activation_key={key}");
        let request = house
            .request(Method::POST, &path)
            .bearer_auth(&credentials.learner);
        assert_eq!(house.send(request).await.status, StatusCode::OK);

        let project = credentials.project_id;
        let path = format!(
            "/api/v1/entitlements/check?user_id=grace&project_id={project}&feature=reports.export"
        );
        let request = house
            .request(Method::GET, &path)
            .header("X-API-Key", &credentials.app_key);
        let verdict = house.send(request).await;
        assert_eq!(verdict.body["entitled"], true, "{}", verdict.text);
        assert!(
            verdict
                .text_at("/reason")
                .starts_with("yes, because of licence lic_"),
            "{}",
            verdict.text
        );
        house.stop().await;
    }
}

/// A later invoice and a late page of the same sale leave it alone, and a revoked licence
/// says why not.
#[tokio::test]
async fn a_170_a_revoked_licence_answers_no_and_says_why() {
    for house in House::every().await {
        let credentials = &house.world.credentials;
        let started = house
            .checkout(&credentials.buyer, "sale", &purchase("acme", 5))
            .await;
        house.pay(&started.text_at("/checkout_session_id"));
        house.world.sandbox.deliver_due().await;
        house.drain().await;
        let intent = house.intent(&started.text_at("/checkout_intent/id")).await;
        let tenant = intent.text_at("/tenant_id");
        let request = house.request(
            Method::GET,
            &format!("/api/v1/licensing/tenants/{tenant}/plans"),
        );
        let plan = house
            .send(request.bearer_auth(&credentials.buyer))
            .await
            .text_at("/items/0/id");
        let request = house
            .request(
                Method::POST,
                &format!("/api/v1/licensing/plans/{plan}/licenses/assign"),
            )
            .bearer_auth(&credentials.buyer)
            .json(&json!({ "user_emails": ["grace@acme.example"] }));
        let key = house
            .send(request)
            .await
            .text_at("/license_assignments/0/activation_key");
        let path = format!("/api/v1/licensing/license-activation?activation_key={key}");
        let license = house
            .send(
                house
                    .request(Method::POST, &path)
                    .bearer_auth(&credentials.learner),
            )
            .await;
        let revoke = format!(
            "/api/v1/licensing/licenses/{}/revoke",
            license.text_at("/id")
        );

        // The learner does not administer the customer: for them there is no such licence.
        let foreign = house
            .send(
                house
                    .request(Method::POST, &revoke)
                    .bearer_auth(&credentials.learner),
            )
            .await;
        assert_eq!(foreign.status, StatusCode::NOT_FOUND);
        let revoked = house
            .send(
                house
                    .request(Method::POST, &revoke)
                    .bearer_auth(&credentials.buyer),
            )
            .await;
        assert_eq!(revoked.status, StatusCode::OK, "{}", revoked.text);

        let project = credentials.project_id;
        let path = format!(
            "/api/v1/entitlements/check?user_id=grace&project_id={project}&feature=reports.export"
        );
        let request = house
            .request(Method::GET, &path)
            .header("X-API-Key", &credentials.app_key);
        let verdict = house.send(request).await;
        assert_eq!(verdict.body["entitled"], false);
        assert!(
            verdict.text_at("/reason").contains("was revoked"),
            "{}",
            verdict.text
        );
        // the plan has its five licences still.
        let counts = house.request(Method::GET, &format!("/api/v1/licensing/plans/{plan}"));
        let counts = house.send(counts.bearer_auth(&credentials.buyer)).await;
        assert_eq!(counts.body["licenses"]["unassigned"], 5, "{}", counts.text);
        house.stop().await;
    }
}
