//! What taking a licence back ends and leaves.

use super::*;
use crate::entitlements::entitlement::EntitlementState;
use crate::licensing::license::LicenseState;
use crate::testing::Workbench;
use crate::testing::fixtures::email;

/// A sale of which the buyer uses one licence.
async fn activated() -> (Workbench, LicenseId) {
    let bench = Workbench::new().await;
    bench.sell("acme").await;
    let plan = bench.store.plans()[0].value.id;
    let buyer = bench.buyer();
    let emails = [email("ada@example.com")].into();
    let request = Request::new(&buyer);
    let assigned = bench.assign_licenses().run(&request, plan, &emails).await;
    let assigned = assigned.unwrap().assigned[0].clone();
    let (activate, request) = (bench.activate_license(), Request::new(&buyer));
    activate
        .run(&request, &assigned.activation_key)
        .await
        .unwrap();
    (bench, assigned.license_id)
}

async fn revoke(bench: &Workbench, id: LicenseId) -> Result<License, RevokeLicenseError> {
    let buyer = bench.buyer();
    bench.revoke_license().run(&Request::new(&buyer), id).await
}

fn count(bench: &Workbench, is_wanted: fn(&LicenseState) -> bool) -> usize {
    let licenses = bench.store.licenses();
    licenses
        .iter()
        .filter(|l| is_wanted(&l.value.state))
        .count()
}

#[tokio::test]
async fn a_170_a_revoked_licence_ends_its_entitlements_and_is_replaced_by_a_free_one() {
    let (bench, id) = activated().await;
    let license = revoke(&bench, id).await.unwrap();
    assert_eq!(license.state.name(), "revoked");
    assert_eq!(
        count(&bench, |state| *state == LicenseState::Unassigned),
        10
    );
    assert_eq!(bench.store.licenses().len(), 11);
    for row in bench.store.entitlements() {
        let revoked_at = bench.now();
        assert_eq!(row.value.state, EntitlementState::Revoked { revoked_at });
    }
}

#[tokio::test]
async fn a_170_revoking_again_adds_no_second_licence() {
    let (bench, id) = activated().await;
    revoke(&bench, id).await.unwrap();
    revoke(&bench, id).await.unwrap();
    assert_eq!(bench.store.licenses().len(), 11);
}

#[tokio::test]
async fn a_170_a_licence_that_nobody_has_cannot_be_revoked() {
    let (bench, _) = activated().await;
    let licenses = bench.store.licenses();
    let free = licenses
        .iter()
        .find(|l| l.value.state == LicenseState::Unassigned);
    let refused = revoke(&bench, free.unwrap().value.id).await;
    assert!(matches!(refused, Err(RevokeLicenseError::NotAssigned)));
}

#[tokio::test]
async fn a_165_a_revoked_user_can_be_given_another_licence() {
    let (bench, id) = activated().await;
    revoke(&bench, id).await.unwrap();
    let plan = bench.store.plans()[0].value.id;
    let buyer = bench.buyer();
    let emails = [email("ada@example.com")].into();
    let request = Request::new(&buyer);
    let assigned = bench.assign_licenses().run(&request, plan, &emails).await;
    let assigned = assigned.unwrap().assigned[0].clone();
    assert_ne!(assigned.license_id, id);
}

#[tokio::test]
async fn a_170_the_licence_of_another_customer_does_not_exist() {
    let (bench, id) = activated().await;
    let eve = bench.world.seed_user(&bench.store, "eve").await;
    let eve = bench.principal(&eve);
    let request = Request::new(&eve);
    let refused = bench.revoke_license().run(&request, id).await;
    assert!(matches!(refused, Err(RevokeLicenseError::NotFound)));
}
