//! One owner, one customer at the provider, through crashes and races (B-044, B-045).

use super::*;
use crate::customers::customer::CustomerLink;
use crate::testing::Workbench;
use crate::testing::fake_provider::Failure;
use crate::testing::fixtures::email;

type Ensured = Result<ProviderRef, EnsureCustomerError>;

async fn ensure(bench: &Workbench) -> Ensured {
    let owner = CustomerOwner::User(bench.world.user.id);
    let address = email("ada@example.com");
    let cause = Cause::request(&bench.buyer());
    let ensure = bench.ensure_customer();
    ensure.run(owner, &address, None, &cause).await
}

fn customer(bench: &Workbench) -> BillingCustomer {
    let rows = bench.store.rows::<BillingCustomer>();
    assert_eq!(rows.len(), 1);
    rows[0].value.clone()
}

#[tokio::test]
async fn b_044_an_owner_gets_one_customer_however_often_it_is_asked_for() {
    let bench = Workbench::new().await;
    let first = ensure(&bench).await.unwrap();
    assert_eq!(ensure(&bench).await.unwrap(), first);
    assert_eq!(bench.provider.customer_count(), 1);
    assert_eq!(customer(&bench).provider_id(), Some(&first));
}

#[tokio::test]
async fn b_045_a_lost_answer_is_found_again_and_makes_no_second_customer() {
    let bench = Workbench::new().await;
    bench.provider.fail_next(Failure::AnswerLost);
    let unknown = ensure(&bench).await;
    assert!(matches!(unknown, Err(EnsureCustomerError::Provider(_))));
    assert_eq!(customer(&bench).link, CustomerLink::Requested);
    ensure(&bench).await.unwrap();
    assert_eq!(bench.provider.customer_count(), 1);
}

#[tokio::test]
async fn b_045_the_intention_is_durable_before_the_provider_is_asked() {
    let bench = Workbench::new().await;
    bench.provider.fail_next(Failure::UnreachableBeforeEffect);
    assert!(ensure(&bench).await.is_err());
    assert_eq!(bench.provider.customer_count(), 0);
    let requested = customer(&bench).id;
    ensure(&bench).await.unwrap();
    assert_eq!(customer(&bench).id, requested);
}

#[tokio::test]
async fn b_045_two_twins_end_with_one_customer() {
    let bench = Workbench::new().await;
    let owner = CustomerOwner::User(bench.world.user.id);
    let address = email("ada@example.com");
    let id = bench.world.id();
    let (twin, event) = BillingCustomer::new(id, owner, address, None, bench.now());
    let rival = bench.world.changes().insert_customer(twin, event);
    let told = ensure(&bench.with_rivals(vec![rival])).await.unwrap();
    assert_eq!(customer(&bench).id, id);
    assert_eq!(customer(&bench).provider_id(), Some(&told));
    assert_eq!(bench.provider.customer_count(), 1);
}

#[tokio::test]
async fn b_044_a_linked_customer_is_not_asked_for_again() {
    let bench = Workbench::new().await;
    let linked = ensure(&bench).await.unwrap();
    bench.provider.fail_next(Failure::UnreachableBeforeEffect);
    assert_eq!(ensure(&bench).await.unwrap(), linked);
}
