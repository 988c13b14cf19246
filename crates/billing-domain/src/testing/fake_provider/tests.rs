//! What the fake provider and the memory store do when they are told to fail.

use super::*;
use crate::checkout::ports::{CheckoutProvider, CustomerOrder};
use crate::kernel::change_set::CommitError;
use crate::kernel::ports::BillingWriter;
use crate::testing::MemoryStore;
use crate::testing::faults::FaultPoint;
use crate::testing::fixtures::{World, email};

fn order(world: &World) -> CustomerOrder {
    CustomerOrder {
        customer_id: world.id(),
        email: email("ada@example.com"),
        name: None,
        idempotency_key: "customer:1".to_owned(),
    }
}

#[tokio::test]
async fn each_failure_is_told_once_and_only_a_lost_answer_has_its_effect() {
    let world = World::new(1);
    let provider = FakeProvider::new(world.clock.clone());
    let order = order(&world);
    let failures = [
        (Failure::UnreachableBeforeEffect, true, 0),
        (Failure::RateLimited { retry_after: None }, true, 0),
        (Failure::NotConfigured, false, 0),
        (
            Failure::Unauthorized {
                code: "api_key_expired".to_owned(),
            },
            false,
            0,
        ),
        (
            Failure::Rejected {
                code: "no".to_owned(),
            },
            false,
            0,
        ),
        (Failure::AnswerLost, true, 1),
    ];
    for (failure, is_retryable, customer_count) in failures {
        provider.fail_next(failure);
        let error = provider.ensure_customer(&order).await.unwrap_err();
        assert_eq!(error.is_retryable(), is_retryable, "{error}");
        assert_eq!(provider.customer_count(), customer_count);
    }
    assert!(provider.ensure_customer(&order).await.is_ok());
    assert_eq!(provider.customer_count(), 1);
}

#[tokio::test]
async fn store_and_provider_share_one_count_of_calls() {
    let world = World::new(1);
    let faults = Faults::new();
    let store = MemoryStore::with_faults(faults.clone());
    let provider = FakeProvider::with_faults(world.clock.clone(), faults.clone());
    faults.fail_nth(2, FaultPoint::AfterEffect);
    provider.ensure_customer(&order(&world)).await.unwrap();
    let lost = store.commit(world.insertion()).await;
    assert!(matches!(lost, Err(CommitError::Unavailable(_))), "{lost:?}");
    assert_eq!(store.audit().len(), 5, "the commit happened");
    assert_eq!(faults.calls(), ["ensure_customer", "commit"]);

    faults.crash_at(1, FaultPoint::BeforeEffect);
    let (_, event) = world.another_user("bob");
    let set = || {
        world
            .changes()
            .insert_user(world.another_user("bob").0, event.clone())
    };
    assert!(store.commit(set()).await.is_err());
    assert!(
        store
            .commit_many(vec![set(), set()])
            .await
            .iter()
            .all(Result::is_err)
    );
    assert_eq!(store.audit().len(), 5, "nothing happened");
    faults.restart();
    assert!(store.commit(set()).await.is_ok());
}
