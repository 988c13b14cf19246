//! The record follows from the log: after a real story a rebuild ends in the same rows, and what
//! somebody changed past the log is found and named.

use billing_app::clock::SystemClock;
use billing_app::rebuild::RebuiltHouse;
use billing_domain::kernel::ports::Clock;
use billing_domain::rebuild::check_rebuild::RebuildReport;
use billing_domain::rebuild::comparison::Difference;
use billing_tests::house::{House, purchase};
use reqwest::{Method, StatusCode};
use serde_json::json;

/// What a check says now.
pub(crate) async fn check(house: &House) -> RebuildReport {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let now = SystemClock.now();
    let rebuilt = RebuiltHouse::beside(house.database.store(), folder.path(), now).await;
    let rebuilt = rebuilt.unwrap_or_else(|failure| panic!("{}", failure.message));
    let report = rebuilt.check(now, &|_| {}).await;
    report.unwrap_or_else(|failure| panic!("{}: {}", house.name(), failure.message))
}

#[track_caller]
pub(crate) fn proved(house: &House, report: &RebuildReport) {
    assert!(report.is_proved(), "{}: {report:#?}", house.name());
}

/// The differences as one word each, with the table.
fn named(report: &RebuildReport) -> Vec<String> {
    let mut found = Vec::new();
    for table in &report.tables {
        for difference in &table.differences {
            found.push(match difference {
                Difference::Missing { id } => format!("{} {id} missing", table.kind.name()),
                Difference::Unexplained { id } => {
                    format!("{} {id} unexplained", table.kind.name())
                }
                Difference::Field {
                    id,
                    field,
                    live,
                    rebuilt,
                } => format!("{} {id} {field} {live} {rebuilt}", table.kind.name()),
            });
        }
    }
    found
}

/// Everybody does something: a sale, a licence that is used, one that is taken back, a cancelled
/// subscription, a page that nobody pays.
pub(crate) async fn story(house: &House) {
    let credentials = &house.world.credentials;
    let started = house
        .checkout(&credentials.buyer, "sale", &purchase("acme", 10))
        .await;
    assert_eq!(started.status, StatusCode::CREATED, "{}", started.text);
    house.pay(&started.text_at("/checkout_session_id"));
    house.world.sandbox.deliver_due().await;
    house.drain().await;
    let intent = house.intent(&started.text_at("/checkout_intent/id")).await;
    assert_eq!(intent.text_at("/state"), "fulfilled", "{}", intent.text);
    let tenant = intent.text_at("/tenant_id");
    let path = format!("/api/v1/licensing/tenants/{tenant}/plans");
    let plans = house.request(Method::GET, &path);
    let plans = house.send(plans.bearer_auth(&credentials.buyer)).await;
    let plan = plans.text_at("/items/0/id");
    let path = format!("/api/v1/licensing/plans/{plan}/licenses/assign");
    let assign = house
        .request(Method::POST, &path)
        .bearer_auth(&credentials.buyer);
    let assigned = house
        .send(assign.json(&json!({ "user_emails": ["grace@acme.example"] })))
        .await;
    let key = assigned.text_at("/license_assignments/0/activation_key");
    let path = format!("/api/v1/licensing/license-activation?activation_key={key}");
    let activate = house.request(Method::POST, &path);
    let activated = house.send(activate.bearer_auth(&credentials.learner)).await;
    assert_eq!(activated.status, StatusCode::OK, "{}", activated.text);

    let subscription = &house.at_stripe("/v1/subscriptions").await[0];
    let id = subscription["id"]
        .as_str()
        .expect("a subscription has an id");
    let sandbox = &house.world.sandbox;
    let cancel = house
        .world
        .http
        .delete(format!("{}/v1/subscriptions/{id}", sandbox.url()))
        .bearer_auth(sandbox.secret_key());
    assert_eq!(house.send(cancel).await.status, StatusCode::OK);
    house.world.sandbox.deliver_due().await;
    house.drain().await;

    let mut wish = purchase("globex", 5);
    wish["admin_email"] = json!("grace@acme.example");
    let again = house.checkout(&credentials.learner, "second", &wish).await;
    assert_eq!(again.status, StatusCode::CREATED, "{}", again.text);
}

#[tokio::test]
async fn a_rebuild_of_a_story_is_the_record() {
    for house in House::every().await {
        story(&house).await;
        let report = check(&house).await;
        proved(&house, &report);
        assert!(report.replayed.events >= 4, "{report:#?}");
        assert!(report.replayed.steps >= 7, "{report:#?}");
        // Most of what Stripe tells about a sale has no effect here, and none again.
        assert!(report.replayed.resting >= 5, "{report:#?}");
        assert!(
            report.replayed.unanswered < report.replayed.resting,
            "{report:#?}"
        );
        for table in &report.tables {
            assert!(table.live_count > 0, "{} is empty", table.kind.name());
            assert_eq!(table.live_checksum, table.rebuilt_checksum);
        }
        house.stop().await;
    }
}

#[tokio::test]
async fn what_was_changed_past_the_log_is_found_and_named() {
    for house in House::every().await {
        story(&house).await;
        // A value, in a table of each kind of origin.
        house
            .database
            .execute("UPDATE subscriptions SET status = 'active'")
            .await;
        house
            .database
            .execute("UPDATE plans SET license_count = 1000")
            .await;
        house
            .database
            .execute("UPDATE checkout_intents SET state = 'paid', fulfilled_at = NULL WHERE state = 'fulfilled'")
            .await;
        // A row too few, a row too many.
        house
            .database
            .execute("DELETE FROM licenses WHERE id = (SELECT id FROM licenses WHERE state = 'unassigned' LIMIT 1)")
            .await;
        house
            .database
            .execute(
                "INSERT INTO tenant_admins (id, version, tenant_id, email, user_id)
                 SELECT user_id, 1, tenant_id, 'eve@acme.example', NULL FROM tenant_admins",
            )
            .await;
        let report = check(&house).await;
        assert!(!report.is_proved());
        let found = named(&report);
        for (word, table) in [
            ("status \"active\" \"canceled\"", "subscription"),
            ("license_count 1000 10", "subscription_plan"),
            ("state \"paid\" \"fulfilled\"", "checkout_intent"),
            ("missing", "license"),
            ("unexplained", "tenant_admin"),
        ] {
            let is_named = |line: &&String| line.starts_with(table) && line.contains(word);
            assert_eq!(
                found.iter().filter(is_named).count(),
                1,
                "{}: {table} {word} in {found:#?}",
                house.name()
            );
        }
        for table in &report.tables {
            let is_same = table.live_checksum == table.rebuilt_checksum;
            assert_eq!(is_same, table.difference_count == 0, "{table:?}");
        }
        house.stop().await;
    }
}

/// Puts what waits aside, as a version would have done that had no use for it.
async fn rest(house: &House, status: &str) {
    house
        .database
        .execute(&format!(
            "UPDATE provider_events SET status = '{status}', settled_at = received_at,
                 last_error = 'nothing here has a use for it', version = version + 1
             WHERE applied_at IS NULL AND event_type = 'customer.subscription.deleted'"
        ))
        .await;
}

#[tokio::test]
async fn f_2_an_event_whose_capability_has_come_since_is_named_until_it_is_replayed() {
    for house in House::every().await {
        let world = &house.world;
        let started = house
            .checkout(&world.credentials.buyer, "sale", &purchase("acme", 10))
            .await;
        house.pay(&started.text_at("/checkout_session_id"));
        world.sandbox.deliver_due().await;
        house.drain().await;
        // In another second than what is known: else Stripe would have to be asked, and cannot be.
        world.sandbox.advance(std::time::Duration::from_secs(10));
        let subscription = &house.at_stripe("/v1/subscriptions").await[0];
        let path = format!(
            "/v1/subscriptions/{}",
            subscription["id"].as_str().expect("it has an id")
        );
        let cancel = world.http.delete(format!("{}{path}", world.sandbox.url()));
        let cancel = cancel.bearer_auth(world.sandbox.secret_key());
        assert_eq!(house.send(cancel).await.status, StatusCode::OK);
        world.sandbox.deliver_due().await;

        let mut late = None;
        for status in ["skipped", "parked"] {
            rest(&house, status).await;
            let report = check(&house).await;
            let found = &report.replayed.late;
            assert_eq!(found.len(), 1, "{}: {report:#?}", house.name());
            assert_eq!(found[0].event_type, "customer.subscription.deleted");
            assert_eq!(found[0].status.name(), status);
            assert!(!report.is_proved(), "{}: {report:#?}", house.name());
            // The record itself is as far as the log took it.
            for table in &report.tables {
                assert_eq!(table.difference_count, 0, "{}: {table:?}", house.name());
            }
            late = Some(found[0].event);
        }
        // What an operator put aside has no effect because they said so.
        rest(&house, "discarded").await;
        proved(&house, &check(&house).await);

        let late = late.expect("it was found");
        let path = format!("/api/v1/admin/webhook-events/{late}/replay");
        let replay = house.request(Method::POST, &path);
        let replay = replay
            .bearer_auth(&world.credentials.operator)
            .header("Idempotency-Key", "late")
            .json(&json!({}));
        let replayed = house.send(replay).await;
        assert!(replayed.status.is_success(), "{}", replayed.text);
        house.drain().await;
        let report = check(&house).await;
        proved(&house, &report);
        assert_eq!(report.replayed.late_count, 0);
        house.stop().await;
    }
}

/// What Stripe said about an event without an effect is not kept, so nobody is blamed for it.
#[tokio::test]
async fn f_2_an_event_that_stripe_would_have_to_be_asked_about_is_counted_and_no_difference() {
    for house in House::every().await {
        let world = &house.world;
        let started = house
            .checkout(&world.credentials.buyer, "sale", &purchase("acme", 10))
            .await;
        assert_eq!(started.status, StatusCode::CREATED, "{}", started.text);
        let customer = &house.at_stripe("/v1/customers").await[0];
        let path = format!(
            "/v1/customers/{}",
            customer["id"].as_str().expect("it has an id")
        );
        let move_away = world.http.post(format!("{}{path}", world.sandbox.url()));
        let move_away = move_away.bearer_auth(world.sandbox.secret_key());
        let moved = house.send(move_away.body("email=ada@globex.example")).await;
        assert_eq!(moved.status, StatusCode::OK, "{}", moved.text);
        world.sandbox.deliver_due().await;
        house.drain().await;
        let before = check(&house).await.replayed;
        house
            .database
            .execute(
                "UPDATE provider_events SET status = 'skipped', applied_at = NULL, readings = NULL
                 WHERE applied_at IS NOT NULL AND event_type = 'customer.updated'",
            )
            .await;
        let report = check(&house).await;
        proved(&house, &report);
        assert!(report.replayed.events < before.events, "{report:#?}");
        assert!(
            report.replayed.unanswered > before.unanswered,
            "{report:#?}"
        );
        house.stop().await;
    }
}
