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
    mirror: Subscription,
    pub(super) is_first: bool,
}

impl ApplyProviderEvent {
    /// Brings the mirror up to date; what is older than what is known leaves it as it is (F.2
    /// step 9).
    pub(super) async fn observe(
        &self,
        changes: ChangeSet,
        event: &ClaimedEvent,
        intent: &Stored<CheckoutIntent>,
        facts: SubscriptionFacts,
    ) -> Result<Observed, ApplyError> {
        let known = self
            .subscriptions
            .subscription(&facts.provider_id)
            .await
            .map_err(StoreFailure::from)?;
        let Some(known) = known else {
            let (mirror, created) = Subscription::new(
                self.core.id(),
                Some(intent.value.id()),
                facts,
                event.created_at,
                self.core.now(),
            );
            return Ok(Observed {
                changes: changes.insert_subscription(mirror.clone(), created),
                mirror,
                is_first: true,
            });
        };
        let transition = match known.value.freshness(event.created_at) {
            // Only the object itself can tell which of two facts of one second came last.
            Freshness::SameSecond => match self.provider.subscription(&facts.provider_id).await? {
                Some(report) => known
                    .value
                    .observe_both(&facts, report.facts, event.created_at),
                None => known.value.observe(facts, event.created_at),
            },
            Freshness::Stale | Freshness::Newer => known.value.observe(facts, event.created_at),
        };
        let mirror = transition.outcome(&known.value).clone();
        Ok(Observed {
            changes: changes.change_subscription(&known, transition),
            mirror,
            is_first: false,
        })
    }

    /// Links the sale, enlarges and ends the plan; a plan that provisioning has not made yet reads
    /// the mirror when it is made.
    pub(super) async fn follow_up(
        &self,
        observed: Observed,
        intent: &Stored<CheckoutIntent>,
    ) -> Result<ChangeSet, ApplyError> {
        let Observed {
            changes,
            mirror,
            is_first: _,
        } = observed;
        let links = ProviderLinks {
            customer: Some(mirror.facts.customer.clone()),
            session: None,
            subscription: Some(mirror.facts.provider_id.clone()),
        };
        let transition = intent
            .value
            .apply(IntentCommand::LinkProvider { links }, self.core.now())?;
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
            return Ok(inform_workflow(changes, intent, &workflow, &mirror));
        };
        // An increase counts also where the end was heard of before it.
        let (changes, plan) = self.enlarge_plan(changes, &plan, mirror.quantity_max);
        match mirror.facts.ends_at() {
            Some(ends_at) => self.end_plan(changes, &plan, ends_at).await,
            None => Ok(changes),
        }
    }

    /// a paid increase raises the number of licences; it never falls. Gives the plan as it
    /// then is.
    fn enlarge_plan(
        &self,
        changes: ChangeSet,
        plan: &Stored<SubscriptionPlan>,
        quantity: u32,
    ) -> (ChangeSet, Stored<SubscriptionPlan>) {
        let (transition, missing) = if plan.value.is_filled() {
            plan.value.enlarge_and_fill(quantity)
        } else {
            // Its workflow, which read the mirror before, creates these licences as well.
            (plan.value.enlarge(quantity), 0)
        };
        let enlarged = if transition.is_applied() {
            let next = transition.outcome(&plan.value).clone();
            Stored::restore(next, plan.version.next())
        } else {
            plan.clone()
        };
        let mut changes = changes.change_plan(plan, transition);
        for _ in 0..missing {
            let (license, event) = License::new(self.core.id(), plan.value.id, self.core.now());
            changes = changes.insert_license(license, event);
        }
        (changes, enlarged)
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
    mirror: &Subscription,
) -> ChangeSet {
    let is_as_bought = mirror.quantity_max <= intent.value.parts().quantity.count();
    if mirror.facts.ends_at().is_none() && is_as_bought {
        return changes;
    }
    changes.change_workflow(workflow, workflow.value.inform())
}
