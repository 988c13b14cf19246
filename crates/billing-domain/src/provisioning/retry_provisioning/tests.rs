//! An operator asks for another attempt (A-137; the story of a failing provisioning).

use time::Duration;

use super::*;
use crate::kernel::change_set::CommitError;
use crate::kernel::ports::MockBillingWriter;
use crate::provisioning::workflow::STEP_ATTEMPTS_MAX;
use crate::testing::{MemoryStore, Workbench};

/// A sale whose provisioning has failed as often as it is tried.
async fn given_up() -> Workbench {
    let bench = Workbench::new().await;
    bench.buy("acme").await;
    for _ in 0..STEP_ATTEMPTS_MAX {
        let mut run = bench.run_provisioning();
        run.catalog = Arc::new(MemoryStore::new());
        run.run_due().await.unwrap();
        bench.clock().advance(Duration::hours(1));
    }
    assert_eq!(bench.intent().state().name(), "errored_provisioning");
    assert_eq!(bench.run_provisioning().run_due().await.unwrap(), 0);
    bench
}

type Retried = Result<ProvisioningWorkflow, RetryProvisioningError>;

async fn retry(bench: &Workbench) -> Retried {
    let operator = bench.operator();
    let request = Request::new(&operator);
    let intent = bench.store.intents()[0].value.id();
    bench.retry_provisioning().run(&request, intent).await
}

#[tokio::test]
async fn a_137_story_9_an_operator_repairs_and_retries_and_the_sale_is_fulfilled() {
    let bench = given_up().await;
    let tenants = bench.store.tenants();
    let workflow = retry(&bench).await.unwrap();
    assert!(workflow.is_due_at(bench.now()));
    assert_eq!(bench.run_provisioning().run_due().await.unwrap(), 1);
    assert_eq!(bench.intent().state().name(), "fulfilled");
    assert_eq!(bench.store.licenses().len(), 10);
    assert_eq!(
        bench.store.tenants(),
        tenants,
        "what was made is not made again"
    );
}

#[tokio::test]
async fn a_137_nothing_is_retried_that_is_provisioned_or_unpaid() {
    let bench = Workbench::new().await;
    bench.open_page("acme").await;
    assert!(matches!(
        retry(&bench).await,
        Err(RetryProvisioningError::NotFound)
    ));
    let bench = Workbench::new().await;
    bench.sell("acme").await;
    let refused = retry(&bench).await;
    assert!(matches!(
        refused,
        Err(RetryProvisioningError::AlreadyProvisioned)
    ));
}

#[tokio::test]
async fn a_137_only_an_operator_may_ask() {
    let bench = given_up().await;
    let buyer = bench.buyer();
    let request = Request::new(&buyer);
    let intent = bench.intent().id();
    let refused = bench.retry_provisioning().run(&request, intent).await;
    assert!(matches!(
        refused,
        Err(RetryProvisioningError::NotAnOperator)
    ));
}

#[tokio::test]
async fn a_conflict_that_never_ends_is_told_to_the_caller() {
    let bench = given_up().await;
    let mut writer = MockBillingWriter::new();
    let attempts = usize::try_from(ATTEMPTS_MAX).unwrap();
    writer
        .expect_commit()
        .times(attempts)
        .returning(|_| Err(CommitError::Conflict));
    let bench = Workbench {
        writer: Arc::new(writer),
        ..bench
    };
    let refused = retry(&bench).await;
    assert!(matches!(
        refused,
        Err(RetryProvisioningError::Store(StoreFailure::Conflict))
    ));
}
