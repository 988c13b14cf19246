//! Who may use a licence, and what it entitles to.

use time::Duration;

use super::*;
use crate::testing::Workbench;
use crate::testing::fixtures::email;

/// A sale of which the buyer has assigned one licence to themselves.
async fn invited() -> (Workbench, ActivationKey) {
    let bench = Workbench::new().await;
    bench.sell("acme").await;
    let plan = bench.store.plans()[0].value.id;
    let buyer = bench.buyer();
    let request = Request::new(&buyer);
    let emails = [email("ada@example.com")].into();
    let assigned = bench.assign_licenses().run(&request, plan, &emails).await;
    let key = assigned.unwrap().assigned[0].activation_key.clone();
    (bench, key)
}

type Activated = Result<License, ActivateLicenseError>;

async fn activate(bench: &Workbench, principal: &Principal, key: &ActivationKey) -> Activated {
    let request = Request::new(principal);
    bench.activate_license().run(&request, key).await
}

#[tokio::test]
async fn a_169_an_activated_licence_entitles_to_every_feature_of_its_product() {
    let (bench, key) = invited().await;
    let license = activate(&bench, &bench.buyer(), &key).await.unwrap();
    let plan = bench.store.plans()[0].value.clone();
    let rows = bench.store.entitlements();
    let codes: Vec<&FeatureCode> = rows.iter().map(|row| &row.value.feature_code).collect();
    assert_eq!(
        codes,
        bench.world.product.feature_codes.iter().collect::<Vec<_>>()
    );
    for row in rows {
        assert_eq!(row.value.source, EntitlementSource::License(license.id));
        assert_eq!(row.value.user_id, bench.world.user.id);
        assert_eq!(row.value.valid_to, Some(plan.ends_at));
    }
}

#[tokio::test]
async fn a_169_activating_again_changes_nothing() {
    let (bench, key) = invited().await;
    let first = activate(&bench, &bench.buyer(), &key).await.unwrap();
    let messages = bench.store.messages();
    bench.clock().advance(Duration::hours(1));
    let again = activate(&bench, &bench.buyer(), &key).await.unwrap();
    assert_eq!(first, again);
    assert_eq!(bench.store.messages(), messages);
}

#[tokio::test]
async fn a_169_the_key_opens_nothing_for_another_address() {
    let (bench, key) = invited().await;
    let eve = bench.world.seed_user(&bench.store, "eve").await;
    let refused = activate(&bench, &bench.principal(&eve), &key).await;
    assert!(matches!(refused, Err(ActivateLicenseError::NotFound)));
    assert!(bench.store.entitlements().is_empty());
}

#[tokio::test]
async fn a_169_an_unknown_key_opens_nothing() {
    let (bench, _) = invited().await;
    let unknown = ActivationKey::parse("a-key-that-nobody-was-given").unwrap();
    let refused = activate(&bench, &bench.buyer(), &unknown).await;
    assert!(matches!(refused, Err(ActivateLicenseError::NotFound)));
}

#[tokio::test]
async fn a_165_a_revoked_licence_is_not_activated_again() {
    let (bench, key) = invited().await;
    let license = activate(&bench, &bench.buyer(), &key).await.unwrap();
    let operator = bench.operator();
    let request = Request::new(&operator);
    bench
        .revoke_license()
        .run(&request, license.id)
        .await
        .unwrap();
    let refused = activate(&bench, &bench.buyer(), &key).await;
    assert!(matches!(refused, Err(ActivateLicenseError::Revoked)));
}

#[tokio::test]
async fn a_169_a_licence_of_a_plan_that_is_over_is_not_activated() {
    let (bench, key) = invited().await;
    bench.clock().advance(Duration::days(365));
    let refused = activate(&bench, &bench.buyer(), &key).await;
    assert!(matches!(refused, Err(ActivateLicenseError::NotFound)));
}

#[tokio::test]
async fn a_169_only_a_user_with_an_address_can_activate() {
    let (bench, key) = invited().await;
    let nameless = Principal::User {
        user_id: bench.world.user.id,
        project_id: bench.world.project.id,
        email: None,
    };
    for principal in [nameless, bench.operator()] {
        let refused = activate(&bench, &principal, &key).await;
        assert!(matches!(refused, Err(ActivateLicenseError::NotAUser)));
    }
}
