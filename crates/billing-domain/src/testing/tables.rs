//! Every state machine as text: each command in each state and what becomes of it.

use time::Duration;

use super::fixtures::{World, links, provider_ref};
use crate::checkout::intent::{CheckoutIntent, IntentCommand, IntentParts, Terms};
use crate::kernel::transition::Transition;
use crate::licensing::license::{LicenseCommand, LicenseState};
use crate::provisioning::workflow::{
    NotTheNextStep, ProvisioningWorkflow, STEP_ATTEMPTS_MAX, StepName,
};
use crate::subscriptions::subscription::{Subscription, SubscriptionFacts, SubscriptionStatus};

mod events;
mod orders;

/// One state machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StateTable {
    /// Of what.
    pub name: &'static str,
    /// A Markdown table: a row for each command, a column for each state. A cell names the next
    /// state; `applied` means that something else changes, `repeated` that nothing does.
    pub text: String,
}

/// Every table, in the order of the documentation.
pub fn tables() -> Vec<StateTable> {
    let table = |name, text| StateTable { name, text };
    vec![
        table("checkout_intent", intent_table()),
        table("checkout_page", page_table()),
        table("license", license_table()),
        table("provisioning_workflow", workflow_table()),
        table("subscription", subscription_table()),
        table("order", orders::order_table()),
        table("refund", orders::refund_table()),
        table("stored_event", events::stored_event_table()),
    ]
}

const LEGAL: &str = "the commands of a table's states are legal in their order";

/// What became of a command, in one word.
fn cell<T, E>(
    before: &'static str,
    outcome: &Result<Transition<T>, E>,
    name: impl Fn(&T) -> &'static str,
) -> &'static str {
    match outcome {
        Err(_) => "refused",
        Ok(Transition::AlreadyApplied) => "repeated",
        Ok(Transition::Applied { next, event: _ }) if name(next) == before => "applied",
        Ok(Transition::Applied { next, event: _ }) => name(next),
    }
}

/// Writes a Markdown table with aligned columns.
fn render(states: &[&str], rows: &[(&str, Vec<&str>)]) -> String {
    let mut lines = vec![vec!["command"]];
    lines[0].extend(states);
    for (command, cells) in rows {
        let mut line = vec![*command];
        line.extend(cells);
        lines.push(line);
    }
    let widths: Vec<usize> = (0..lines[0].len())
        .map(|column| {
            let lengths = lines.iter().map(|line| line[column].len());
            lengths.max().unwrap_or(0)
        })
        .collect();
    let rules: Vec<String> = widths.iter().map(|width| "-".repeat(*width)).collect();
    lines.insert(1, rules.iter().map(String::as_str).collect());
    let row = |line: &Vec<&str>| -> String {
        let cells = line.iter().zip(&widths);
        let cells = cells.map(|(cell, width)| format!("| {cell:width$} "));
        cells.collect::<String>() + "|\n"
    };
    lines.iter().map(row).collect()
}

fn intent_table() -> String {
    let world = World::new(1);
    let mut states = world.intents_in_every_state(world.user.id, "acme");
    // Each had a page open, as a sale has.
    let page = vec![
        IntentCommand::RequestCheckout {
            request: world.checkout_request(),
        },
        IntentCommand::OpenCheckout {
            session: world.opened_session("cs_acme"),
            customer: provider_ref("cus_acme"),
        },
    ];
    let opened = world.after(&states[0], page);
    for state in &mut states {
        let parts = IntentParts {
            checkout: opened.checkout().clone(),
            links: opened.parts().links.clone(),
            ..state.parts().clone()
        };
        *state = CheckoutIntent::restore(parts);
    }
    let names: Vec<&str> = states.iter().map(|intent| intent.state().name()).collect();
    let commands = intent_commands(&world);
    let rows: Vec<(&str, Vec<&str>)> = commands
        .into_iter()
        .map(|(label, command)| {
            let cells = states.iter().map(|intent| {
                let outcome = intent.apply(command.clone(), world.now());
                cell(intent.state().name(), &outcome, |next| next.state().name())
            });
            (label, cells.collect())
        })
        .collect();
    render(&names, &rows)
}

/// One of each command; a second one where another payload leads elsewhere.
fn intent_commands(world: &World) -> Vec<(&'static str, IntentCommand)> {
    let message = || "it did not work again".to_owned();
    let commands = vec![
        IntentCommand::Renew {
            request: super::fixtures::intent_request("acme"),
            expires_at: world.now().plus(Duration::hours(48)),
        },
        IntentCommand::Amend {
            country: None,
            terms: Terms([("newsletter".to_owned(), "true".to_owned())].into()),
        },
        IntentCommand::RequestCheckout {
            request: world.checkout_request(),
        },
        IntentCommand::OpenCheckout {
            session: world.opened_session("cs_acme"),
            customer: provider_ref("cus_acme"),
        },
        IntentCommand::RefuseCheckout {
            reason: "card_declined".to_owned(),
        },
        IntentCommand::CloseCheckout {
            session: provider_ref("cs_acme"),
        },
        IntentCommand::LinkProvider {
            links: links("acme", Some("sub")),
        },
        IntentCommand::MarkPaid {
            links: links("acme", None),
        },
        IntentCommand::MarkPaidWithoutReservation {
            links: links("acme", None),
        },
        IntentCommand::LinkTenant {
            tenant_id: world.id(),
        },
        IntentCommand::MarkFulfilled,
        IntentCommand::MarkBackofficeError { message: message() },
        IntentCommand::MarkStalled { message: message() },
        IntentCommand::MarkProvisioningError { message: message() },
        IntentCommand::Expire,
    ];
    let mut labelled: Vec<(&str, IntentCommand)> = commands
        .into_iter()
        .map(|command| (command.name(), command))
        .collect();
    let other = links("other", None);
    labelled.insert(
        8,
        (
            "mark_paid (of another sale)",
            IntentCommand::MarkPaid { links: other },
        ),
    );
    labelled
}

fn page_table() -> String {
    let world = World::new(1);
    let (intent, _) = world.intent(world.user.id, "acme");
    let request = || IntentCommand::RequestCheckout {
        request: world.checkout_request(),
    };
    let open = |id: &str| IntentCommand::OpenCheckout {
        session: world.opened_session(id),
        customer: provider_ref("cus_acme"),
    };
    let refuse = || IntentCommand::RefuseCheckout {
        reason: "card_declined".to_owned(),
    };
    let close = |id: &str| IntentCommand::CloseCheckout {
        session: provider_ref(id),
    };
    let states = [
        vec![],
        vec![request()],
        vec![request(), open("cs_1")],
        vec![request(), open("cs_1"), close("cs_1")],
    ]
    .map(|commands| world.after(&intent, commands));
    let names = states.each_ref().map(|intent| intent.checkout().name());
    let commands = [
        ("request_checkout", request()),
        ("open_checkout", open("cs_1")),
        ("open_checkout (another)", open("cs_2")),
        ("refuse_checkout", refuse()),
        ("close_checkout", close("cs_1")),
        ("close_checkout (another)", close("cs_2")),
    ];
    let rows: Vec<(&str, Vec<&str>)> = commands
        .into_iter()
        .map(|(label, command)| {
            let cells = states.iter().map(|intent| {
                let outcome = intent.apply(command.clone(), world.now());
                cell(intent.checkout().name(), &outcome, |next| {
                    next.checkout().name()
                })
            });
            (label, cells.collect())
        })
        .collect();
    render(&names, &rows)
}

fn license_table() -> String {
    let world = World::new(1);
    let plan = world.customer_records("acme", None).plan;
    let mut states = world.licenses_in_every_state(&plan);
    for license in &mut states {
        // The same person in each state, so that a row says one thing.
        let bob = world.assignment("bob");
        match &mut license.state {
            LicenseState::Unassigned => {}
            LicenseState::Assigned(assignment)
            | LicenseState::Activated {
                assignment,
                user_id: _,
                activated_at: _,
            } => *assignment = bob,
            LicenseState::Revoked {
                assignment,
                revoked_at: _,
            } => *assignment = Some(bob),
        }
    }
    let names: Vec<&str> = states.iter().map(|license| license.state.name()).collect();
    let activate = |user_id| LicenseCommand::Activate { user_id };
    let commands = [
        ("assign", LicenseCommand::Assign(world.assignment("bob"))),
        (
            "assign (to another)",
            LicenseCommand::Assign(world.assignment("eve")),
        ),
        ("activate", activate(world.user.id)),
        ("activate (by another)", activate(world.id())),
        ("revoke", LicenseCommand::Revoke),
        ("unassign", LicenseCommand::Unassign),
    ];
    let rows: Vec<(&str, Vec<&str>)> = commands
        .into_iter()
        .map(|(label, command)| {
            let cells = states.iter().map(|license| {
                let outcome = license.apply(command.clone(), world.now());
                cell(license.state.name(), &outcome, |next| next.state.name())
            });
            (label, cells.collect())
        })
        .collect();
    render(&names, &rows)
}

type WorkflowOutcome = Result<Transition<ProvisioningWorkflow>, NotTheNextStep>;
type WorkflowCommand = fn(&ProvisioningWorkflow, &World) -> WorkflowOutcome;

fn workflow_table() -> String {
    use crate::kernel::audit::Entity;
    let world = World::new(1);
    let (fresh, _) = ProvisioningWorkflow::new(world.id(), world.id(), world.now());
    let step = |workflow: ProvisioningWorkflow, command: WorkflowCommand| {
        let transition = command(&workflow, &world).expect(LEGAL);
        transition.outcome(&workflow).clone()
    };
    let succeed: WorkflowCommand = |workflow, world| {
        let step = workflow.next_step().unwrap_or(StepName::Fulfill);
        workflow.succeed(step, "made".to_owned(), world.now())
    };
    let fail: WorkflowCommand = |workflow, world| {
        let step = workflow.next_step().unwrap_or(StepName::Fulfill);
        workflow.fail(step, "no route".to_owned(), world.now())
    };
    let repeat: WorkflowCommand =
        |workflow, world| workflow.succeed(StepName::Customer, "made".to_owned(), world.now());
    let skip: WorkflowCommand = |workflow, world| {
        let next = workflow.next_step();
        let mut later = StepName::ALL.into_iter().filter(|step| Some(*step) > next);
        let step = later.next_back().unwrap_or(StepName::Fulfill);
        workflow.succeed(step, "made".to_owned(), world.now())
    };
    let retry: WorkflowCommand = |workflow, world| Ok(workflow.retry(world.now()));
    let started = step(fresh.clone(), succeed);
    let given_up = (0..STEP_ATTEMPTS_MAX).fold(started.clone(), |workflow, _| step(workflow, fail));
    let done = StepName::ALL
        .iter()
        .fold(fresh, |workflow, _| step(workflow, succeed));
    let states = [started, given_up, done];
    let names = states.each_ref().map(Entity::state_name);
    let commands = [
        ("succeed (the next step)", succeed),
        ("succeed (a done step)", repeat),
        ("succeed (a later step)", skip),
        ("fail (the next step)", fail),
        ("retry", retry),
    ];
    let rows: Vec<(&str, Vec<&str>)> = commands
        .into_iter()
        .map(|(label, command)| {
            let cells = states.iter().map(|workflow| {
                let outcome = command(workflow, &world);
                cell(workflow.state_name(), &outcome, Entity::state_name)
            });
            (label, cells.collect())
        })
        .collect();
    render(&names, &rows)
}

fn subscription_table() -> String {
    let world = World::new(1);
    let facts = |status| SubscriptionFacts {
        provider_id: provider_ref("sub_1"),
        customer: provider_ref("cus_1"),
        status,
        quantity: 7,
        price: None,
        period_start: None,
        period_end: None,
        trial_end: None,
        cancel_at: None,
        canceled_at: None,
        ended_at: None,
        has_pending_update: false,
    };
    let states = SubscriptionStatus::ALL.map(|status| {
        let now = world.now();
        let (mirror, _) = Subscription::new(world.id(), None, facts(status), now, now);
        mirror
    });
    let names = SubscriptionStatus::ALL.map(|status| status.name());
    let row = |status: SubscriptionStatus, seconds: i64| -> Vec<&'static str> {
        let at = world.now().plus(Duration::seconds(seconds));
        let cells = states.iter().map(|mirror| {
            let told = mirror.observe(facts(status), at);
            let outcome: Result<_, std::convert::Infallible> = Ok(told);
            let known = mirror.facts.status.name();
            cell(known, &outcome, |next: &Subscription| {
                next.facts.status.name()
            })
        });
        cells.collect()
    };
    let newer = |status: SubscriptionStatus| (status.name(), row(status, 1));
    let mut rows: Vec<(&str, Vec<&str>)> = SubscriptionStatus::ALL.into_iter().map(newer).collect();
    rows.push((
        "active (a second earlier)",
        row(SubscriptionStatus::Active, -1),
    ));
    rows.push((
        "canceled (a second earlier)",
        row(SubscriptionStatus::Canceled, -1),
    ));
    render(&names, &rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The tables as they were reviewed. After a change on purpose, copy the text that the
    /// failing test shows.
    const REVIEWED: &str = include_str!("tables/state_tables.txt");

    #[test]
    fn a_031_a_032_c_031_every_command_in_every_state_does_what_was_reviewed() {
        let written = |table: &StateTable| format!("{}\n\n{}\n", table.name, table.text);
        let text = tables().iter().map(written).collect::<Vec<_>>().concat();
        assert!(text == REVIEWED, "the tables are now:\n{text}");
    }
}
