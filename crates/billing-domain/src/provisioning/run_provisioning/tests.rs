//! Seven steps, each done once, whatever fails in between (A-018, A-037, A-120… ).

use time::Duration;

use super::*;
use crate::catalog::product::Product;
use crate::checkout::intent::IntentState;
use crate::kernel::stored::Stored;
use crate::licensing::agreement::{Catalog, CustomerAgreement};
use crate::provisioning::workflow::{STEP_ATTEMPTS_MAX, StepOutcome};
use crate::tenants::tenant::TenantAdmin;
use crate::testing::Workbench;
use crate::testing::fixtures::World;

async fn run_due(bench: &Workbench) -> u32 {
    bench.run_provisioning().run_due().await.unwrap()
}

fn workflow(bench: &Workbench) -> ProvisioningWorkflow {
    let workflows = bench.store.workflows();
    assert_eq!(workflows.len(), 1);
    workflows[0].value.clone()
}

fn outputs(workflow: &ProvisioningWorkflow) -> Vec<(StepName, String)> {
    let done = workflow
        .steps
        .iter()
        .filter_map(|step| match &step.outcome {
            StepOutcome::Succeeded { at: _, output } => Some((step.name, output.clone())),
            StepOutcome::Failed { .. } => None,
        });
    done.collect()
}

fn failure(workflow: &ProvisioningWorkflow) -> Option<(StepName, String)> {
    workflow.steps.iter().find_map(|step| match &step.outcome {
        StepOutcome::Failed { at: _, message } => Some((step.name, message.clone())),
        StepOutcome::Succeeded { .. } => None,
    })
}

/// A sale of which the product is missing: the third step fails.
async fn without_product() -> Workbench {
    let bench = Workbench::of(World::new(1)).await;
    bench.buy("acme").await;
    Workbench {
        store: bench.store.clone(),
        ..bench
    }
}

/// Runs the workflow over a catalogue in which nothing is sold any more.
async fn run_over_an_empty_catalog(bench: &Workbench) {
    let empty = crate::testing::MemoryStore::new();
    let run = RunProvisioning {
        catalog: Arc::new(empty),
        ..bench.run_provisioning()
    };
    run.run_due().await.unwrap();
}

#[tokio::test]
async fn a_120_a_124_everything_that_was_bought_exists_after_seven_steps_in_order() {
    let bench = Workbench::new().await;
    bench.sell("acme").await;
    let steps: Vec<StepName> = outputs(&workflow(&bench))
        .into_iter()
        .map(|s| s.0)
        .collect();
    assert_eq!(steps, StepName::ALL);
    assert_eq!(
        crate::kernel::audit::Entity::state_name(&workflow(&bench)),
        "succeeded"
    );
    assert_eq!(bench.store.tenants().len(), 1);
    assert_eq!(bench.store.tenant_admins().len(), 1);
    assert_eq!(bench.store.rows::<Catalog>().len(), 1);
    assert_eq!(bench.store.rows::<CustomerAgreement>().len(), 1);
    assert_eq!(bench.store.plans().len(), 1);
}

#[tokio::test]
async fn a_018_as_many_licences_as_were_bought_and_a_132_the_sale_is_fulfilled() {
    let bench = Workbench::new().await;
    bench.sell("acme").await;
    let intent = bench.intent();
    assert_eq!(bench.store.licenses().len(), 10);
    assert_eq!(intent.parts().quantity.count(), 10);
    assert!(matches!(intent.state(), IntentState::Fulfilled { .. }));
    assert_eq!(
        intent.parts().tenant_id,
        Some(bench.store.tenants()[0].value.id)
    );
}

#[tokio::test]
async fn a_125_a_126_the_customer_is_what_was_reserved_and_the_buyer_administers_it() {
    let bench = Workbench::new().await;
    bench.sell("acme").await;
    let tenant = bench.store.tenants()[0].value.clone();
    let reservation = bench.intent().parts().reservation.clone().unwrap();
    assert_eq!(
        (tenant.slug, tenant.name),
        (reservation.slug, reservation.name)
    );
    let admin: TenantAdmin = bench.store.tenant_admins()[0].value.clone();
    assert_eq!(admin.user_id, Some(bench.world.user.id));
    assert_eq!(admin.tenant_id, tenant.id);
}

#[tokio::test]
async fn a_127_a_129_catalogue_and_plan_say_what_they_are_for() {
    let bench = Workbench::new().await;
    bench.sell("acme").await;
    let catalog: Vec<Stored<Catalog>> = bench.store.rows();
    let title = catalog[0].value.title.to_string();
    assert_eq!(title, "Company acme Subscription Catalog");
    let plan = bench.store.plans()[0].value.clone();
    assert_eq!(plan.starts_at, bench.now());
    assert_eq!(plan.ends_at.since(plan.starts_at), Duration::days(365));
    assert_eq!(plan.workflow_id, Some(workflow(&bench).id));
}

#[tokio::test]
async fn a_123_a_workflow_that_succeeded_is_left_alone() {
    let bench = Workbench::new().await;
    bench.sell("acme").await;
    let (before, messages) = (bench.store.workflows(), bench.store.messages());
    bench.clock().advance(Duration::days(1));
    assert_eq!(run_due(&bench).await, 0);
    let id = before[0].value.id;
    let state = bench.run_provisioning().run(id).await.unwrap();
    assert!(matches!(state, Some(WorkflowState::Succeeded { .. })));
    assert_eq!(bench.store.workflows(), before);
    assert_eq!(bench.store.messages(), messages);
}

#[tokio::test]
async fn a_137_a_failing_step_is_stored_shown_and_tried_again_later() {
    let bench = without_product().await;
    run_over_an_empty_catalog(&bench).await;
    let failed = workflow(&bench);
    let (step, message) = failure(&failed).unwrap();
    assert_eq!(step, StepName::Catalog);
    assert!(message.contains("does not exist"), "{message}");
    assert_eq!(
        failed.state,
        WorkflowState::Pending {
            due_at: bench.now().plus(Duration::seconds(5)),
            attempts: 1
        }
    );
    let intent = bench.intent();
    assert_eq!(intent.state().name(), "errored_provisioning");
    assert_eq!(intent.parts().last_provisioning_error, Some(message));
    assert_eq!(run_due(&bench).await, 0, "not before its time");
}

#[tokio::test]
async fn a_137_a_later_attempt_goes_on_where_the_failing_step_stopped() {
    let bench = without_product().await;
    run_over_an_empty_catalog(&bench).await;
    let before = outputs(&workflow(&bench));
    assert_eq!(before.len(), 2);
    let tenants = bench.store.tenants();
    bench.clock().advance(Duration::seconds(5));
    assert_eq!(run_due(&bench).await, 1);
    let after = workflow(&bench);
    assert_eq!(failure(&after), None);
    assert_eq!(
        outputs(&after)[..2],
        before,
        "steps that succeeded are not repeated"
    );
    assert_eq!(bench.store.tenants(), tenants);
    assert_eq!(bench.store.tenant_admins().len(), 1);
    let intent = bench.intent();
    assert_eq!(intent.state().name(), "fulfilled");
    assert_eq!(intent.parts().last_provisioning_error, None);
}

#[tokio::test]
async fn a_137_after_the_last_attempt_only_an_operator_can_ask_for_another() {
    let bench = without_product().await;
    for _ in 0..STEP_ATTEMPTS_MAX {
        run_over_an_empty_catalog(&bench).await;
        bench.clock().advance(Duration::hours(1));
    }
    assert!(matches!(
        workflow(&bench).state,
        WorkflowState::Failed { .. }
    ));
    bench.clock().advance(Duration::days(30));
    assert_eq!(run_due(&bench).await, 0);
    assert_eq!(bench.intent().state().name(), "errored_provisioning");
}

#[tokio::test]
async fn a_122_a_step_whose_answer_was_lost_is_found_done() {
    let bench = Workbench::new().await;
    bench.buy("acme").await;
    bench.run_provisioning_until_the_plan_exists().await;
    let (tenants, plans) = (bench.store.tenants(), bench.store.plans());
    assert_eq!(run_due(&bench).await, 1);
    assert_eq!(bench.store.tenants(), tenants);
    assert_eq!(bench.store.plans()[0].value.id, plans[0].value.id);
    assert_eq!(bench.store.licenses().len(), 10);
    assert_eq!(bench.intent().state().name(), "fulfilled");
}

#[tokio::test]
async fn a_128_the_plan_of_another_workflow_is_not_picked_up() {
    let bench = Workbench::new().await;
    bench.sell("acme").await;
    let first = bench.store.plans()[0].value.id;
    bench.clock().advance(Duration::hours(1));
    bench.sell("more").await;
    let plans = bench.store.plans();
    assert_eq!(plans.len(), 2);
    let licenses = bench.store.licenses();
    let of_first = licenses.iter().filter(|l| l.value.plan_id == first).count();
    assert_eq!((of_first, licenses.len()), (10, 20));
}

#[tokio::test]
async fn a_037_what_an_operator_fulfilled_by_hand_is_not_pushed_back_by_a_failing_step() {
    let bench = without_product().await;
    let stored = bench.store.intents()[0].clone();
    let transition = stored
        .value
        .apply(IntentCommand::MarkFulfilled, bench.now());
    let by_hand = bench
        .world
        .changes()
        .change_intent(&stored, transition.unwrap());
    bench.writer.commit(by_hand).await.unwrap();
    run_due(&bench).await;
    run_over_an_empty_catalog(&bench).await;
    assert_eq!(bench.intent().state().name(), "fulfilled");
}

#[tokio::test]
async fn two_workers_on_one_workflow_do_each_step_once() {
    let bench = Workbench::new().await;
    bench.buy("acme").await;
    let stored = bench.store.workflows()[0].clone();
    // The other worker makes the customer while this one has decided to make it.
    let (intent, now) = (bench.store.intents()[0].clone(), bench.now());
    let reservation = intent.value.parts().reservation.clone().unwrap();
    let (tenant, created) = crate::tenants::tenant::Tenant::new(
        bench.world.id(),
        reservation.name,
        reservation.slug,
        None,
        now,
    );
    let linked = IntentCommand::LinkTenant {
        tenant_id: tenant.id,
    };
    let linked = intent.value.apply(linked, now).unwrap();
    let output = tenant.id.to_string();
    let succeeded = stored
        .value
        .succeed(StepName::Customer, output, now)
        .unwrap();
    let rival = bench
        .world
        .changes()
        .insert_tenant(tenant.clone(), created)
        .change_intent(&intent, linked)
        .change_workflow(&stored, succeeded);
    assert_eq!(run_due(&bench.with_rivals(vec![rival])).await, 1);
    assert_eq!(bench.store.tenants().len(), 1);
    assert_eq!(bench.intent().parts().tenant_id, Some(tenant.id));
    assert_eq!(bench.store.licenses().len(), 10);
}

#[tokio::test]
async fn a_167_many_licences_are_made_in_batches_and_none_twice() {
    let mut world = World::new(1);
    world.product = Product {
        quantity: crate::catalog::product::QuantityRange { min: 1, max: 1_000 },
        ..world.product
    };
    let bench = Workbench::of(world).await;
    let wanted = crate::checkout::start_checkout::StartCheckoutRequest {
        quantity: crate::checkout::intent::Quantity::parse(650).unwrap(),
        ..bench.wish("acme")
    };
    let buyer = bench.buyer();
    let request = crate::kernel::request::Request::new(&buyer);
    let started = bench.start_checkout().run(&request, &wanted).await.unwrap();
    let page = started.parts().links.session.clone().unwrap();
    let payment = bench.provider.pay(&page).unwrap();
    let invoice = crate::provider_events::event::Payload::Read(payment.invoice.unwrap());
    let paid = crate::provider_events::event::ProviderEvent::InvoicePaid(invoice);
    bench.receive("evt_1", paid).await;
    bench.drain().await;
    run_due(&bench).await;
    assert_eq!(bench.store.licenses().len(), 650);
    let version = bench.store.plans()[0].version.number();
    assert_eq!(version, 4, "made, and filled by 300, 300 and 50");
}
