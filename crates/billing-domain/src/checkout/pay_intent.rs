//! What a payment changes, wherever it was learnt: the intent is paid and its workflow enqueued,
//! in one commit. Webhook and return page both decide here.

use super::intent::{CheckoutIntent, IntentCommand, IntentRefusal, IntentState, ProviderLinks};
use crate::kernel::change_set::ChangeSet;
use crate::kernel::ports::Core;
use crate::kernel::stored::Stored;
use crate::provisioning::workflow::ProvisioningWorkflow;

/// Adds the payment of an intent to a change set. Nothing is added for one that is paid.
///
/// `reservation_is_free` is false after a commit found the slug of an expired intent taken
/// the money stays, the intent goes to the back office, and an operator is alerted.
///
/// # Errors
/// [`IntentRefusal`]: the payment belongs to another sale than the intent knows.
pub fn pay_intent(
    core: &Core,
    changes: ChangeSet,
    intent: &Stored<CheckoutIntent>,
    links: ProviderLinks,
    reservation_is_free: bool,
) -> Result<ChangeSet, IntentRefusal> {
    let now = changes.at();
    let command = if reservation_is_free {
        IntentCommand::MarkPaid { links }
    } else {
        IntentCommand::MarkPaidWithoutReservation { links }
    };
    let transition = intent.value.apply(command, now)?;
    let becomes_paid = match (
        intent.value.state(),
        transition.outcome(&intent.value).state(),
    ) {
        (IntentState::Created | IntentState::Expired { .. }, IntentState::Paid { .. }) => true,
        (_, IntentState::ErroredBackoffice { .. }) if transition.is_applied() => {
            tracing::error!(
                intent.id = %intent.value.id(),
                "checkout intent {} was paid after its reservation was lost; the back office must decide",
                intent.value.id()
            );
            false
        }
        _ => false,
    };
    let changes = changes.change_intent(intent, transition);
    if !becomes_paid {
        return Ok(changes);
    }
    let (workflow, event) = ProvisioningWorkflow::new(core.id(), intent.value.id(), now);
    Ok(changes.insert_workflow(workflow, event))
}
