//! Fails every port call of the story in turn, before and after its effect, once and with the whole
//! process: whatever happens, the sale ends as it does when nothing happens.

use billing_domain::testing::faults::FaultPoint;
use billing_tests::stage::{EndState, Stage, Teller};

async fn undisturbed() -> (EndState, u64) {
    let stage = Stage::new().await;
    stage.faults.restart();
    Teller::new(&stage).tell().await;
    (stage.end_state(), stage.faults.call_count())
}

async fn disturbed(disturb: impl Fn(&Stage)) -> EndState {
    let stage = Stage::new().await;
    disturb(&stage);
    Teller::new(&stage).tell().await;
    stage.end_state()
}

#[tokio::test]
async fn a_call_that_fails_once_changes_nothing_about_the_end() {
    let (expected, calls) = undisturbed().await;
    assert!(calls > 50, "the story makes {calls} port calls");
    for point in [FaultPoint::BeforeEffect, FaultPoint::AfterEffect] {
        for n in 1..=calls {
            let end = disturbed(|stage| stage.faults.fail_nth(n, point)).await;
            assert_eq!(end, expected, "call {n} failed {point:?}");
        }
    }
}

#[tokio::test]
async fn a_crash_at_any_call_changes_nothing_about_the_end() {
    let (expected, calls) = undisturbed().await;
    for point in [FaultPoint::BeforeEffect, FaultPoint::AfterEffect] {
        for n in 1..=calls {
            let end = disturbed(|stage| stage.faults.crash_at(n, point)).await;
            assert_eq!(end, expected, "the process died at call {n}, {point:?}");
        }
    }
}

/// Every order of the story's five events, each delivered twice, with the return page in between:
/// one payment, one workflow, ten licences.
#[tokio::test]
async fn any_order_and_any_repetition_of_the_events_ends_in_the_same_state() {
    let (expected, _) = undisturbed().await;
    for (number, order) in permutations(5).into_iter().enumerate() {
        let stage = Stage::new().await;
        let mut teller = Teller::new(&stage);
        let session = teller.start_checkout().await;
        let payment = stage.provider.pay(&session).expect("the page is open");
        let events = stage.events_of(&payment);
        for (position, index) in order.iter().enumerate() {
            teller.deliver(&events[*index]).await;
            if number % 6 == position {
                teller.sync(&session).await;
            }
            if number % 2 == 0 {
                // Applied one by one, or all together at the end.
                teller
                    .application()
                    .workers
                    .drain()
                    .await
                    .expect("nothing fails");
            }
            teller.deliver(&events[*index]).await;
        }
        teller.settle().await;
        let key = teller.assign().await;
        teller.activate(&key).await;
        teller.settle().await;
        assert_eq!(stage.end_state(), expected, "events in the order {order:?}");
    }
}

fn permutations(count: usize) -> Vec<Vec<usize>> {
    if count == 0 {
        return vec![Vec::new()];
    }
    let mut all = Vec::new();
    for shorter in permutations(count - 1) {
        for position in 0..=shorter.len() {
            let mut longer = shorter.clone();
            longer.insert(position, count - 1);
            all.push(longer);
        }
    }
    all
}
