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
