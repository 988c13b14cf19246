//! What a subscription's change means for its sale: the mirror, the plan's size and its end.

use super::{ApplyError, ApplyProviderEvent};
use crate::checkout::intent::{CheckoutIntent, IntentCommand, ProviderLinks};
use crate::entitlements::entitlement::EntitlementSource;
use crate::kernel::change_set::ChangeSet;
use crate::kernel::failure::StoreFailure;
use crate::kernel::stored::Stored;
use crate::kernel::timestamp::Timestamp;
use crate::licensing::license::License;
use crate::licensing::plan::SubscriptionPlan;
use crate::provider_events::ports::ClaimedEvent;
use crate::provisioning::workflow::ProvisioningWorkflow;
use crate::subscriptions::subscription::{Freshness, Subscription, SubscriptionFacts};

/// The mirror after an observation.
pub(super) struct Observed {
    changes: ChangeSet,
    facts: SubscriptionFacts,
    pub(super) is_first: bool,
}

impl ApplyProviderEvent {
    /// Brings the mirror up to date; `None` for what is older than what is known (F.2 step 9).
    pub(super) async fn observe(
        &self,
        changes: ChangeSet,
        event: &ClaimedEvent,
        intent: &Stored<CheckoutIntent>,
        facts: SubscriptionFacts,
    ) -> Result<Option<Observed>, ApplyError> {
        let known = self
            .subscriptions
            .subscription(&facts.provider_id)
            .await
            .map_err(StoreFailure::from)?;
        let Some(known) = known else {
            let (mirror, created) = Subscription::new(
                self.core.id(),
                Some(intent.value.id()),
                facts.clone(),
                event.created_at,
                changes.at(),
            );
            let changes = changes.insert_subscription(mirror, created);
            return Ok(Some(Observed {
                changes,
                facts,
                is_first: true,
            }));
        };
        let facts = match known.value.freshness(event.created_at) {
            // An end counts whenever it is heard of: nothing follows it.
            Freshness::Stale if !facts.status.is_terminal() => return Ok(None),
            Freshness::Stale => facts,
            // Only the object itself can tell which of two facts of one second came last.
            Freshness::SameSecond => match self.provider.subscription(&facts.provider_id).await? {
                Some(report) => report.facts,
                None => facts,
            },
            Freshness::Newer => facts,
        };
        let transition = known.value.observe(facts, event.created_at);
        let facts = transition.outcome(&known.value).facts.clone();
        let changes = changes.change_subscription(&known, transition);
        Ok(Some(Observed {
            changes,
            facts,
            is_first: false,
        }))
    }

    /// Links the sale, enlarges or ends the plan; a plan that provisioning has not made yet reads
    /// the mirror when it is made.
    pub(super) async fn follow_up(
        &self,
        observed: Observed,
        intent: &Stored<CheckoutIntent>,
    ) -> Result<ChangeSet, ApplyError> {
        let Observed {
            changes,
            facts,
            is_first: _,
        } = observed;
        let links = ProviderLinks {
            customer: Some(facts.customer.clone()),
            session: None,
            subscription: Some(facts.provider_id.clone()),
        };
        let transition = intent
            .value
            .apply(IntentCommand::LinkProvider { links }, changes.at())?;
        let changes = changes.change_intent(intent, transition);
        let workflow = self
            .workflows
            .workflow_of(intent.value.id())
            .await
            .map_err(StoreFailure::from)?;
        let Some(workflow) = workflow else {
            return Ok(changes);
        };
        let plan = self
            .licensing
            .plan_of(workflow.value.id)
            .await
            .map_err(StoreFailure::from)?;
        let Some(plan) = plan else {
            return Ok(inform_workflow(changes, intent, &workflow, &facts));
        };
        if let Some(ends_at) = facts.ends_at() {
            return self.end_plan(changes, &plan, ends_at).await;
        }
        Ok(self.enlarge_plan(changes, &plan, &facts))
    }

    /// a paid increase raises the number of licences; it never falls.
    fn enlarge_plan(
        &self,
        changes: ChangeSet,
        plan: &Stored<SubscriptionPlan>,
        facts: &SubscriptionFacts,
    ) -> ChangeSet {
        if facts.has_pending_update {
            return changes;
        }
        if !plan.value.is_filled() {
            // Its workflow, which read the mirror before, creates these licences as well.
            return changes.change_plan(plan, plan.value.enlarge(facts.quantity));
        }
        let (transition, missing) = plan.value.enlarge_and_fill(facts.quantity);
        let mut changes = changes.change_plan(plan, transition);
        for _ in 0..missing {
            let (license, event) = License::new(self.core.id(), plan.value.id, changes.at());
            changes = changes.insert_license(license, event);
        }
        changes
    }

    /// licences stay good until the paid period ends; so do the entitlements from them.
    async fn end_plan(
        &self,
        changes: ChangeSet,
        plan: &Stored<SubscriptionPlan>,
        ends_at: Timestamp,
    ) -> Result<ChangeSet, ApplyError> {
        let transition = plan.value.end_at(ends_at);
        if !transition.is_applied() {
            return Ok(changes);
        }
        let mut changes = changes.change_plan(plan, transition);
        let activated = self
            .licensing
            .activated_licenses(plan.value.id)
            .await
            .map_err(StoreFailure::from)?;
        for (license, _) in activated {
            let source = EntitlementSource::License(license.value.id);
            let rows = self
                .entitlements
                .entitlements_from(source)
                .await
                .map_err(StoreFailure::from)?;
            for row in rows {
                let transition = row.value.end_at(Some(ends_at));
                changes = changes.change_entitlement(&row, transition);
            }
        }
        Ok(changes)
    }
}

/// The plan is about to be made from the mirror. Both the step that makes it and this commit
/// write the workflow, so that neither can miss the other: the later one decides again.
fn inform_workflow(
    changes: ChangeSet,
    intent: &Stored<CheckoutIntent>,
    workflow: &Stored<ProvisioningWorkflow>,
    facts: &SubscriptionFacts,
) -> ChangeSet {
    let is_as_bought = facts.quantity <= intent.value.parts().quantity.count();
    if facts.ends_at().is_none() && is_as_bought {
        return changes;
    }
    changes.change_workflow(workflow, workflow.value.inform())
}
