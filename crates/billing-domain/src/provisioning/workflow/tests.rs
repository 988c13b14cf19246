//! A workflow under any sequence of successes, failures and retries.

use proptest::prelude::*;

use super::*;
use crate::kernel::id::{IntentId, WorkflowId};
use crate::testing::fixtures::World;

fn new(world: &World) -> ProvisioningWorkflow {
    let (id, intent_id): (WorkflowId, IntentId) = (world.id(), world.id());
    ProvisioningWorkflow::new(id, intent_id, world.now()).0
}

#[test]
fn a_137_a_failing_step_waits_longer_each_time_and_is_given_up_at_last() {
    let world = World::new(1);
    let mut workflow = new(&world);
    let mut waits = Vec::new();
    while let WorkflowState::Pending { .. } = workflow.state {
        let failed = workflow.fail(StepName::Customer, "no route".to_owned(), world.now());
        workflow = failed.unwrap().outcome(&workflow).clone();
        if let WorkflowState::Pending { due_at, .. } = workflow.state {
            waits.push(due_at.since(world.now()).whole_seconds());
        }
    }
    assert_eq!(waits, [5, 10, 20, 40, 80, 160, 320, 640, 1_280]);
    assert_eq!(workflow.state_name(), "failed");
    let retried = workflow.retry(world.now());
    assert!(retried.outcome(&workflow).is_due_at(world.now()));
}

proptest! {
    #[test]
    fn a_123_a_step_that_succeeded_is_never_repeated(
        steps in prop::collection::vec((0_usize..7, 0_u8..4), 0..80),
    ) {
        let world = World::new(1);
        let mut workflow = new(&world);
        let mut done: Vec<StepName> = Vec::new();
        for (step, kind) in steps {
            let next = workflow.next_step();
            let step = if kind < 2 { next.unwrap_or(StepName::Fulfill) } else { StepName::ALL[step] };
            let transition = match kind {
                0 | 2 => workflow.succeed(step, "made".to_owned(), world.now()),
                1 => workflow.fail(step, "no route".to_owned(), world.now()),
                _ => Ok(workflow.retry(world.now())),
            };
            let was_success = matches!(kind, 0 | 2);
            match transition {
                Ok(Transition::Applied { next: after, .. }) => {
                    if was_success {
                        prop_assert!(!done.contains(&step), "A-123: done twice: {:?}", step);
                        prop_assert_eq!(Some(step), next, "A-124: in order");
                        done.push(step);
                    }
                    workflow = after;
                }
                Ok(Transition::AlreadyApplied) => {
                    prop_assert!(!was_success || done.contains(&step));
                }
                Err(NotTheNextStep(refused)) => prop_assert_eq!(refused, step),
            }
            prop_assert_eq!(&done[..], &StepName::ALL[..done.len()]);
            let is_complete = done.len() == StepName::ALL.len();
            prop_assert_eq!(workflow.next_step().is_none(), is_complete);
            prop_assert_eq!(workflow.state_name() == "succeeded", is_complete);
        }
    }
}
