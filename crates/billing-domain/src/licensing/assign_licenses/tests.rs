//! Who gets licences: all who were named, or none (A-164…A-168).

use time::Duration;

use super::*;
use crate::kernel::principal::Principal;
use crate::licensing::license::LicenseState;
use crate::testing::Workbench;
use crate::testing::fixtures::email;

type Assigned = Result<Assignments, AssignLicensesError>;

async fn assign(bench: &Workbench, principal: &Principal, words: &[&str]) -> Assigned {
    let addresses = words
        .iter()
        .map(|word| email(&format!("{word}@example.com")));
    let emails: BTreeSet<Email> = addresses.collect();
    let plan = bench.store.plans()[0].value.id;
    let request = Request::new(principal);
    bench.assign_licenses().run(&request, plan, &emails).await
}

async fn sold() -> Workbench {
    let bench = Workbench::new().await;
    bench.sell("acme").await;
    bench
}

fn holders(bench: &Workbench) -> Vec<String> {
    let licenses = bench.store.licenses();
    let mut held: Vec<String> = licenses
        .iter()
        .filter_map(|license| license.value.email().map(ToString::to_string))
        .collect();
    held.sort();
    held
}

#[tokio::test]
async fn a_168_each_address_gets_one_licence_with_a_key_of_its_own() {
    let bench = sold().await;
    let assigned = assign(&bench, &bench.buyer(), &["bob", "cyd"])
        .await
        .unwrap();
    assert_eq!(assigned.assigned.len(), 2);
    assert_eq!(assigned.already_associated_count, 0);
    let [bob, cyd] = &assigned.assigned[..] else {
        panic!("two were named");
    };
    assert_ne!(bob.license_id, cyd.license_id);
    assert_ne!(bob.activation_key, cyd.activation_key);
    assert_eq!(holders(&bench), ["bob@example.com", "cyd@example.com"]);
}

#[tokio::test]
async fn a_166_an_address_that_has_a_licence_gets_no_second_one() {
    let bench = sold().await;
    let buyer = bench.buyer();
    assign(&bench, &buyer, &["bob"]).await.unwrap();
    let assigned = assign(&bench, &buyer, &["BOB", "cyd"]).await.unwrap();
    assert_eq!(assigned.already_associated_count, 1);
    assert_eq!(assigned.assigned.len(), 1);
    assert_eq!(holders(&bench), ["bob@example.com", "cyd@example.com"]);
}

#[tokio::test]
async fn a_168_too_few_free_licences_assign_none() {
    let bench = sold().await;
    let words: Vec<String> = (0..11).map(|n| format!("user{n}")).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let refused = assign(&bench, &bench.buyer(), &words).await;
    assert!(matches!(
        refused,
        Err(AssignLicensesError::NotEnoughLicenses {
            wanted: 11,
            available: 10
        })
    ));
    assert!(holders(&bench).is_empty());
}

#[tokio::test]
async fn a_168_two_requests_at_once_never_share_a_licence() {
    let bench = sold().await;
    let mut free = bench.store.licenses();
    free.sort_by_key(|license| license.value.id);
    let invite = LicenseCommand::Assign(bench.world.assignment("eve"));
    let transition = free[0].value.apply(invite, bench.now()).unwrap();
    let rival = bench.world.changes().change_license(&free[0], transition);
    let raced = bench.with_rivals(vec![rival]);
    let assigned = assign(&raced, &bench.buyer(), &["bob"]).await.unwrap();
    assert_ne!(assigned.assigned[0].license_id, free[0].value.id);
    assert_eq!(holders(&bench), ["bob@example.com", "eve@example.com"]);
}

#[tokio::test]
async fn a_166_two_requests_at_once_never_give_one_address_two_licences() {
    let bench = sold().await;
    let mut free = bench.store.licenses();
    free.sort_by_key(|license| license.value.id);
    let last = free.last().unwrap();
    let invite = LicenseCommand::Assign(bench.world.assignment("bob"));
    let transition = last.value.apply(invite, bench.now()).unwrap();
    let rival = bench.world.changes().change_license(last, transition);
    let raced = bench.with_rivals(vec![rival]);
    let assigned = assign(&raced, &bench.buyer(), &["bob"]).await.unwrap();
    assert_eq!(
        (assigned.assigned.len(), assigned.already_associated_count),
        (0, 1)
    );
    assert_eq!(holders(&bench), ["bob@example.com"]);
}

#[tokio::test]
async fn a_168_only_who_administers_the_customer_may_assign() {
    let bench = sold().await;
    let eve = bench.world.seed_user(&bench.store, "eve").await;
    let refused = assign(&bench, &bench.principal(&eve), &["eve"]).await;
    assert!(matches!(refused, Err(AssignLicensesError::NotFound)));
    assert!(assign(&bench, &bench.operator(), &["bob"]).await.is_ok());
}

#[tokio::test]
async fn a_163_nothing_is_assigned_of_a_plan_that_is_over() {
    let bench = sold().await;
    bench.clock().advance(Duration::days(365));
    let refused = assign(&bench, &bench.buyer(), &["bob"]).await;
    assert!(matches!(refused, Err(AssignLicensesError::PlanNotCurrent)));
}

#[tokio::test]
async fn a_164_an_assigned_licence_knows_whose_it_is_and_since_when() {
    let bench = sold().await;
    let assigned = assign(&bench, &bench.buyer(), &["bob"]).await.unwrap();
    let licenses = bench.store.licenses();
    let id = assigned.assigned[0].license_id;
    let license = licenses.iter().find(|l| l.value.id == id).unwrap();
    let LicenseState::Assigned(assignment) = &license.value.state else {
        panic!("it was assigned: {license:?}");
    };
    assert_eq!(assignment.email, email("bob@example.com"));
    assert_eq!(assignment.assigned_at, bench.now());
}
